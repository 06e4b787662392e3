"""The page *Predict*: record, upload or select a recording, and see the prediction."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from affekt.app import display, session
from affekt.app.session import Recording, Result
from affekt.audio.archives import ZIP_START
from affekt.emotions import emotion_style
from affekt.errors import AffektError
from affekt.inference.prediction import Prediction
from affekt.notes import QUALITY, NoteKind

EXAMPLES = Path(__file__).parents[1] / "examples"
LONG_S = 30.0
# Notes that limit how far a prediction can be relied on are shown as warnings.
WARNINGS = {NoteKind.OUT_OF_DISTRIBUTION, NoteKind.UNSEEN_SAMPLE_RATE, NoteKind.CUT_OFF, *QUALITY}
WARNINGS |= {NoteKind.PARTLY_READ, NoteKind.ONE_TRACK}
_SHADE = "rgba(127,127,127,.16)"  # visible on a light and on a dark background


def page() -> None:
    """Show the inputs, then the prediction."""
    st.title("Which emotion does this voice express?")
    st.caption("Record a sentence or two, or upload a recording.")
    _inputs()
    with st.spinner("Predicting"):
        chosen, result = session.recording(), session.result()
    if chosen is None or result is None:
        st.info("There is no recording yet.", icon=":material/mic:")
    elif isinstance(result, Result):
        _show(chosen, result)
    else:
        _show_error(chosen, result)
    st.caption(
        ":material/lock: Recordings stay in the memory of the computer that runs this app, until you close "
        "the tab. They are not written to disk and not sent to anyone else. The words are not analysed."
    )


def _inputs() -> None:
    record, upload, example = st.tabs(
        [":material/mic: Record", ":material/upload_file: Upload", ":material/play_circle: Example"]
    )
    with record:
        st.audio_input(
            "Record your voice", sample_rate=48_000, key="recorded", on_change=_take, args=("recorded",)
        )
    with upload:
        st.file_uploader(
            "A recording of up to 200 MB: WAV, FLAC, MP3, OGG, Opus, AIFF, m4a, ...",
            key="uploaded",
            on_change=_take,
            args=("uploaded",),
        )
    with example:
        names = [path.stem for path in sorted(EXAMPLES.glob("*.flac"))]
        st.pills("Recordings of EMO-DB, in German", names, key="example", on_change=_take_example)


def _take(source: str) -> None:
    value = st.session_state[source]
    if value is None:
        session.forget(source)
    else:
        session.choose(Recording(value.name, value.getvalue(), source))


def _take_example() -> None:
    name = st.session_state["example"]
    if name is None:
        session.forget("example")
    else:
        path = EXAMPLES / f"{name}.flac"
        session.choose(Recording(path.name, path.read_bytes(), "example"))


def _show_error(chosen: Recording, error: AffektError) -> None:
    if chosen.content.startswith(ZIP_START):
        st.info("This is a zip archive: upload it on the page *Many files*.", icon=":material/folder_open:")
    else:
        st.error(display.read_failure(error, chosen.name), icon=":material/error:")


def _show(chosen: Recording, result: Result) -> None:
    prediction = result.prediction
    display.play(result.waveform)
    st.html(prediction_card(prediction))
    warnings = [note.text for note in prediction.notes if note.kind in WARNINGS]
    if prediction.duration_s > LONG_S:
        warnings.append(
            f"this recording of {prediction.duration_s:.0f} s gets one prediction for its whole length: "
            "split it to get one for each part"
        )
    warnings += [note.text for note in result.facts.notes if note.kind == NoteKind.NO_VOICE]
    for warning in warnings:
        st.warning(display.sentence(warning), icon=":material/warning:")
    shown_elsewhere = {*WARNINGS, NoteKind.ADAPTED}
    remarks = [
        f"{prediction.duration_s:.1f} s at {result.facts.sample_rate} Hz",
        *(note.text for note in prediction.notes if note.kind not in shown_elsewhere),
    ]
    described = chosen.name, ", ".join(remarks), session.model_description()
    st.caption(display.fill("{}: {}. Predicted by {}.", *described))


def prediction_card(prediction: Prediction) -> str:
    """Return a prediction as HTML: in words, with the emotion's colour, and a bar for each emotion."""
    style = emotion_style(prediction.emotion)
    rows = "".join(_bar(name, share) for name, share in prediction.probabilities.items())
    return f"""
    <div style="border-left:.5rem solid {style.colour};padding:.6rem 1rem;margin:.4rem 0 1rem;
      border-radius:.4rem;background:{_SHADE}">
      <div style="font-size:2.6rem;line-height:1.15">
        {style.emoji} <strong>{escape(prediction.emotion)}</strong>
        <span style="font-size:1.3rem">{prediction.confidence:.0%}</span></div>
      <div style="font-size:1.05rem">{escape(prediction.in_words)}</div>
      <div>90 % prediction set: {escape(", ".join(prediction.prediction_set))}</div>
    </div>
    <div role="table" aria-label="probability of each emotion">{rows}</div>"""


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
