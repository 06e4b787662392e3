"""The page *Your voice*: adapt predictions to a speaker with a few clips."""

from __future__ import annotations

import json
from collections.abc import Iterator

import streamlit as st

from affekt.app import display, session
from affekt.app.limits import limits
from affekt.audio.archives import ZIP_START, read_audio_files
from affekt.audio.loading import Waveform, load_audio
from affekt.audio.sources import UnreadableSource
from affekt.errors import AffektError, AudioError, AudioReadError
from affekt.inference.adaptation import Voice, adapt, parse_voice, ready_voice
from affekt.model.bundle import Bundle

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
        session.use_voice(
            enrol([(file.name, file.getvalue()) for file in files], session.bundle()) if files else None
        )
    except AffektError as error:
        session.use_voice(None)
        st.session_state["voice error"] = str(error)


def enrol(files: list[tuple[str, bytes]], model: Bundle) -> Voice | None:
    """Return the voice of recordings, or the one in a voice file."""
    name, content = files[0]
    if len(files) == 1 and name.endswith(SUFFIX):
        return ready_voice(parse_voice(content, name), model)
    return adapt(_recordings(files, model.contract.sample_rate), model)


def _recordings(
    files: list[tuple[str, bytes]], sample_rate: int | None
) -> Iterator[Waveform | UnreadableSource]:
    """Yield each recording, or why it cannot be used, archives unpacked one file at a time."""
    allowed = limits()
    for number, (name, content) in enumerate(_unpacked(files), 1):
        if number > allowed.files:
            raise AffektError(f"more than {allowed.files} recordings are too many here")
        try:
            if isinstance(content, AudioReadError):
                raise content
            file = display.named_file(content, name)
            yield load_audio(file, sample_rate, max_duration_s=allowed.answer_s)
        except AudioError as error:
            yield UnreadableSource(name, error)


def _unpacked(files: list[tuple[str, bytes]]) -> Iterator[tuple[str, bytes | AudioReadError]]:
    for name, content in files:
        if content.startswith(ZIP_START):
            yield from ((path, found) for path, found, _ in read_audio_files(content, name))
        else:
            yield name, content


def _forget() -> None:
    session.use_voice(None)
    st.session_state["forgotten voices"] = st.session_state.get("forgotten voices", 0) + 1
