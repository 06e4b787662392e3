"""The fourth page: a few clips of one speaker, so that the model gets used to the voice."""

from __future__ import annotations

import json

import streamlit as st

from affekt.adaptation import Voice, adapt, parse_voice, ready_voice
from affekt.app import display, session
from affekt.errors import AffektError

SUFFIX = ".voice"


def page() -> None:
    """Drop clips of one person; answers are for this voice from then on."""
    st.title("Get used to a voice")
    st.markdown(
        "Models are often wrong on a voice that they do not know. Drop a dozen recordings of **one "
        "person**, in several moods: nobody has to say which. From then on every answer here is for this "
        "voice. A new drop takes the place of the voice before."
    )
    st.file_uploader(
        "Recordings of one person, or a file made by *affekt adapt*",
        accept_multiple_files=True, key=_uploader(), on_change=_take,
    )  # fmt: skip
    if reason := st.session_state.get("voice error"):
        st.error(f"**No voice could be learned.** {display.plain(reason)}", icon="🙉")
    voice = session.voice()
    if voice is None:
        st.info("The model answers for nobody's voice in particular.", icon="👥")
        return
    st.success(f"Used to a voice: {voice.clips} clips, {voice.duration_s:.0f} s.", icon="🫶")
    for source, reason in voice.skipped:
        why = reason if source in reason else f"{source}: {reason}"
        st.warning(display.plain(f"Skipped: {why}"), icon="⚠️")
    content = json.dumps(voice.to_json())
    st.download_button("Take it home, for affekt predict --voice", content, f"me{SUFFIX}", icon="⬇️")
    st.button("Forget this voice", on_click=_forget)


def _uploader() -> str:
    """Another name after a voice was forgotten, so that its clips are not in it any more."""
    return f"voice clips {st.session_state.get('forgotten voices', 0)}"


def _take() -> None:
    """Learn the voice of what was dropped."""
    files = st.session_state[_uploader()]
    try:
        session.use_voice(_learn([(file.name, file.getvalue()) for file in files]) if files else None)
    except AffektError as error:
        session.use_voice(None)
        st.session_state["voice error"] = str(error)


def _learn(files: list[tuple[str, bytes]]) -> Voice | None:
    model = session.bundle()
    name, content = files[0]
    if len(files) == 1 and name.endswith(SUFFIX):
        return ready_voice(parse_voice(content, name), model)
    return adapt([display.named(content, name) for name, content in files], model)


def _forget() -> None:
    session.use_voice(None)
    st.session_state["forgotten voices"] = st.session_state.get("forgotten voices", 0) + 1
