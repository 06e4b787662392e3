"""The page *Your voice*: adapt predictions to a speaker with a few clips."""

from __future__ import annotations

import json

import streamlit as st

from affekt.app import display, session
from affekt.app.limits import limits
from affekt.errors import AffektError
from affekt.inference.adaptation import Voice, adapt, parse_voice, ready_voice

SUFFIX = ".voice"


def page() -> None:
    """Upload clips of one person; later predictions are adapted to this speaker."""
    st.title("Adapt to a speaker")
    st.markdown(
        "Every voice is different. Give affekt a dozen recordings of **one person**, with different "
        "emotions: predictions for this person are then right more often. You need not say which emotion "
        "is in which."
    )
    voice = session.voice()
    if voice is not None:
        _show(voice)
    st.file_uploader(
        "Recordings of one person, or a file made by *affekt adapt*"
        if voice is None
        else "Recordings of another person, who takes the place of this one",
        accept_multiple_files=True,
        key=_uploader_key(),
        on_change=_take,
    )
    if reason := st.session_state.get("voice error"):
        st.error("**No speaker was enrolled.** " + display.sentence(reason), icon=":material/error:")
    if voice is None:
        st.caption("No speaker is enrolled: predictions are not adapted to anyone.")


def _show(voice: Voice) -> None:
    st.success(
        display.fill(
            "Adapted to a speaker: {} clips, {:.0f} s. All predictions in this tab are now for this "
            "person alone.",
            voice.clips,
            voice.duration_s,
        ),
        icon=":material/record_voice_over:",
    )
    for source, reason in voice.skipped:
        why = reason if source in reason else f"{source}: {reason}"
        st.warning(display.fill("Skipped: {}", why), icon=":material/warning:")
    content = json.dumps(voice.to_dict())
    with st.container(horizontal=True):
        st.download_button(
            "Download this voice",
            content,
            f"me{SUFFIX}",
            icon=":material/download:",
            help="For this page on another day, and for the command affekt predict --voice",
        )
        st.button("Forget this voice", icon=":material/delete:", on_click=_forget)


def _uploader_key() -> str:
    """Return a key that changes when a voice is forgotten: a new uploader holds no clips."""
    return f"voice clips {st.session_state.get('forgotten voices', 0)}"


def _take() -> None:
    files = st.session_state[_uploader_key()]
    try:
        session.use_voice(_enrol([(file.name, file.getvalue()) for file in files]) if files else None)
    except AffektError as error:
        session.use_voice(None)
        st.session_state["voice error"] = str(error)


def _enrol(files: list[tuple[str, bytes]]) -> Voice | None:
    model = session.bundle()
    name, content = files[0]
    if len(files) == 1 and name.endswith(SUFFIX):
        return ready_voice(parse_voice(content, name), model)
    if len(files) > limits().files:
        raise AffektError(f"{len(files)} files are too many here: give {limits().files} or fewer")
    return adapt([display.named_file(content, name) for name, content in files], model)


def _forget() -> None:
    session.use_voice(None)
    st.session_state["forgotten voices"] = st.session_state.get("forgotten voices", 0) + 1
