"""The fourth page: a few clips of one speaker, so that the model gets used to the voice."""

from __future__ import annotations

import streamlit as st

from affekt.adaptation import adapt
from affekt.app import display, session
from affekt.errors import AffektError


def page() -> None:
    """Drop clips of one person; answers are for this voice from then on."""
    st.title("Get used to a voice")
    st.markdown(
        "Models are often wrong on a voice that they do not know. Drop a dozen recordings of **one "
        "person**, in whatever moods: nobody has to say which. From then on every answer here is for this "
        "voice."
    )
    st.file_uploader(
        "Recordings of one person", accept_multiple_files=True, key="voice clips", on_change=_take
    )
    if reason := st.session_state.get("voice error"):
        st.error(f"**No voice could be learned.** {display.plain(reason)}", icon="🙉")
    voice = session.voice()
    if voice is None:
        st.info("The model answers for nobody's voice in particular.", icon="👥")
        return
    st.success(f"Used to a voice: {voice.clips} clips, {voice.duration_s:.0f} s.", icon="🫶")
    for source, reason in voice.skipped:
        st.warning(display.plain(f"{source} was skipped: {reason}"), icon="⚠️")
    st.download_button(
        "Take the voice home (affekt predict --voice)", voice.to_json(), "me.voice", icon="⬇️"
    )
    st.button("Forget this voice", on_click=session.use_voice, args=(None,))


def _take() -> None:
    """Learn the voice of what was dropped."""
    files = st.session_state["voice clips"]
    st.session_state["voice error"] = ""
    if not files:
        session.use_voice(None)
        return
    try:
        session.use_voice(
            adapt([display.named(file.getvalue(), file.name) for file in files], session.bundle())
        )
    except AffektError as error:
        st.session_state["voice error"] = str(error)
        session.use_voice(None)
