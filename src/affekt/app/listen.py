"""The first page: a voice in, an answer out."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from affekt.app import display, session
from affekt.app.session import ChosenClip, HeardClip
from affekt.archives import ZIP_START
from affekt.emotions import emotion_style
from affekt.prediction import NOVEL, USED_TO, Prediction

EXAMPLES = Path(__file__).parents[1] / "examples"
LONG_S = 30.0
_SHADE = "rgba(127,127,127,.16)"  # on light and dark alike


def page() -> None:
    """Record, drop or pick; then the answer."""
    st.title("What does this voice carry?")
    st.caption(
        "Speak a sentence or two as you feel it, or drop a recording. The answer comes with how sure it is."
    )
    record, file, example = st.tabs(["🎙️ Record", "📄 A file", "✨ An example"])
    with record:
        st.audio_input(
            "Record your voice", sample_rate=48_000, key="recorded", on_change=_take, args=("recorded",)
        )
    with file:
        st.file_uploader(
            "A recording of up to 200 MB: WAV, FLAC, MP3, OGG, Opus, AIFF, m4a, ...",
            key="uploaded",
            on_change=_take,
            args=("uploaded",),
        )
    with example:
        names = [path.stem for path in sorted(EXAMPLES.glob("*.flac"))]
        st.pills("Synthetic voices, by espeak-ng", names, key="example", on_change=_take_example)
    with st.spinner("Listening"):
        chosen, heard = session.clip(), session.heard()
    if chosen is None or heard is None:
        st.info("Nothing to listen to yet.", icon="👂")
    else:
        _show(chosen, heard)
    st.caption(
        "🔒 Nothing is kept on disk or sent anywhere: a recording stays in the memory of the computer that "
        "runs this page, until you close the tab. Only the tone is judged, not the words."
    )


def _take(source: str) -> None:
    value = st.session_state[source]
    if value is None:
        session.forget(source)
    else:
        session.choose(ChosenClip(value.name, value.getvalue(), source))


def _take_example() -> None:
    name = st.session_state["example"]
    if name is None:
        session.forget("example")
    else:
        path = EXAMPLES / f"{name}.flac"
        session.choose(ChosenClip(path.name, path.read_bytes(), "example"))


def _show(chosen: ChosenClip, heard: HeardClip) -> None:
    if heard.prediction is None or heard.facts is None or heard.waveform is None:
        if chosen.content.startswith(ZIP_START):
            st.info("This is a zip: drop it on the page *Many files*.", icon="📂")
            return
        st.error(f"**This cannot be heard.** {_friendly(str(heard.error))}", icon="🙉")
        return
    display.play(heard.waveform)
    st.html(answer_card(heard.prediction))
    for warning in heard.facts.warnings:
        st.warning(display.plain(f"{warning[0].upper()}{warning[1:]}."), icon="⚠️")
    if NOVEL in heard.prediction.notes:
        st.warning(f"{NOVEL[0].upper()}{NOVEL[1:]}.", icon="👽")
    notes = [
        f"{heard.prediction.duration_s:.1f} s at {heard.facts.sample_rate} Hz",
        *(note for note in heard.prediction.notes if not note.startswith((USED_TO, NOVEL))),
    ]
    if heard.prediction.duration_s > LONG_S:
        st.warning("A long recording gets one answer for all of it: cut it to hear more.", icon="⏳")
    st.caption(display.plain(f"{chosen.name}: {', '.join(notes)}. Answered by {session.model_name()}."))


def _friendly(reason: str) -> str:
    """An error of ``load_audio`` without the word that stands for a file without a name."""
    reason = reason.removeprefix("bytes").lstrip(" :")
    return display.plain(f"{reason[:1].upper()}{reason[1:]}")


def answer_card(heard: Prediction) -> str:
    """The answer in words, with its colour, and a bar for every emotion, as HTML."""
    style = emotion_style(heard.emotion)
    rows = "".join(_bar(name, share) for name, share in heard.probabilities.items())
    return f"""
    <div style="border-left:.5rem solid {style.colour};padding:.6rem 1rem;margin:.4rem 0 1rem;
      border-radius:.4rem;background:{_SHADE}">
      <div style="font-size:2.6rem;line-height:1.15">{style.emoji} <strong>{escape(heard.emotion)}</strong>
        <span style="font-size:1.3rem">{heard.confidence:.0%}</span></div>
      <div style="font-size:1.05rem">{escape(heard.in_words)}</div>
    </div>
    <div role="table" aria-label="how likely each emotion is">{rows}</div>"""


def _bar(name: str, share: float) -> str:
    style = emotion_style(name)
    return f"""
    <div role="row" style="display:flex;align-items:center;gap:.6rem;margin:.28rem 0">
      <span role="rowheader" style="flex:0 0 7.5rem">{style.emoji} {escape(name)}</span>
      <span aria-hidden="true" style="flex:1;height:.85rem;border-radius:.45rem;background:{_SHADE}">
        <span style="display:block;height:100%;width:{100 * share:.1f}%;min-width:2px;
          border-radius:.45rem;background:{style.colour}"></span></span>
      <span role="cell" style="flex:0 0 3rem;text-align:right">{share:.0%}</span>
    </div>"""
