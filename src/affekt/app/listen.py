"""The page *Listen*: record, drop or pick a recording, and see the emotion that its voice expresses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from html import escape
from pathlib import Path

import streamlit as st

from affekt.app import display, session
from affekt.app.limits import limits
from affekt.app.session import Recording, Result
from affekt.audio.activity import voice_activity
from affekt.audio.archives import ZIP_START
from affekt.audio.utterances import UtteranceDetector
from affekt.audio.waveform import Waveform
from affekt.emotions import emotion_style
from affekt.errors import AffektError
from affekt.inference.prediction import Prediction
from affekt.notes import QUALITY, NoteKind

EXAMPLES = Path(__file__).parents[1] / "examples"
LONG_S = 30.0
SHORT_S = 5.0  # has hardly more than one utterance
# Notes that limit how far a prediction can be relied on are said before the answer.
WARNINGS = {NoteKind.UNSEEN_SAMPLE_RATE, NoteKind.CUT_OFF, *QUALITY}
WARNINGS |= {NoteKind.PARTLY_READ, NoteKind.ONE_TRACK}
_SHADE = "rgba(127,127,127,.16)"  # visible on a light and on a dark background
_UNUSED = "rgba(127,127,127,.5)"  # beside an answer that does not stand out
STYLE = f"""<style>
.st-key-inputs [data-testid=stFileUploaderDropzone] {{ flex-direction: row; align-items: center; }}
.st-key-inputs .stButton button {{ padding: .25rem .6rem; }}
.st-key-inputs [data-testid=stColumn] {{ min-height: 6rem; }} /* as if loaded, so that nothing moves */
.st-key-examples {{ gap: .5rem; min-height: 2.1rem; }}
.answer {{ padding: .9rem 1.1rem; border-left: .5rem solid var(--hue); border-radius: .5rem;
  background: {_SHADE}; }}
.answer p {{ margin: 0 0 .5rem; font-size: 1.1rem; line-height: 1.45; }}
.answer p:last-child {{ margin: 0; }}
.answer .caveat {{ font-weight: 600; }}
.answer .word {{ display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .35em;
  margin: 0 0 .4rem; padding: 0;
  font-weight: 700; line-height: 1.15; }}
.answer .word span:last-child {{ font-size: max(.45em, 1.1rem); font-weight: 400; }}
.answer .sure {{ font-size: 3.2rem; }}
.answer .unsure {{ font-size: 2rem; }}
.answer .unlike {{ font-size: 1.3rem; }}
.shares {{ margin-top: 1.1rem; font-size: 1.1rem; }}
.shares [role=row] {{ display: flex; align-items: center; gap: .7rem; margin: .35rem 0; }}
.shares [role=rowheader] {{ flex: 0 0 8.2rem; }}
.shares .bar {{ flex: 1; height: .95rem; border-radius: .5rem; background: {_SHADE}; }}
.shares .bar i {{ display: block; height: 100%; min-width: 2px; border-radius: .5rem;
  background: var(--hue); }}
.shares [role=cell] {{ flex: 0 0 3rem; text-align: right; font-variant-numeric: tabular-nums; }}
</style>"""


def page() -> None:
    """Show the inputs, then the answer."""
    st.html(STYLE)
    st.title("Which emotion does this voice express?")
    st.markdown(
        "**affekt** predicts it from the sound, without a transcript. The sound stays in the memory of the "
        "computer that runs this page, until you close the tab."
    )
    _listen()
    *others, last = session.bundle().contract.emotions
    st.caption(display.fill("It chooses among {} and {}.", ", ".join(others), last))
    if session.own_model() is None and session.options().model is None:  # the bundled one
        st.caption(
            "It was trained on actors who speak English and Polish, and errs more with other voices."
        )


@st.fragment  # a click runs this part of the page alone, which is faster
def _listen() -> None:
    with st.container(border=True, key="inputs"):
        _inputs()
    with st.container(key="answer"):
        _answer()


def _inputs() -> None:
    record, drop = st.columns(2)
    with record:
        st.audio_input(
            "**Record** a sentence or two",
            sample_rate=48_000,
            key="recorded",
            on_change=session.take,
            args=("recorded",),
        )
    with drop:
        st.file_uploader(
            display.fill("or **drop** a file: {}", display.FORMATS),
            key="uploaded",
            on_change=session.take,
            args=("uploaded",),
        )
    st.markdown(
        "or **try** a sentence that is acted in German (corpus EMO-DB, CC0), chosen among those that are "
        "predicted correctly"
    )
    with st.container(horizontal=True, gap="small", key="examples"):
        for path in sorted(EXAMPLES.glob("*.flac")):
            st.button(
                display.emotion_label(path.stem),
                key=f"example {path.stem}",
                on_click=_take_example,
                args=(path,),
            )


def _take_example(path: Path) -> None:
    session.choose(Recording(path.name, path.read_bytes(), "example"))


def _answer() -> None:
    chosen = session.recording()
    if chosen is None:
        return
    most_s = limits().answer_s
    if chosen.stated_s > most_s:
        minutes = math.ceil(chosen.stated_s / 6) / 10, most_s / 60  # rounded up: it is above the limit
        st.markdown(
            display.fill(
                "**This recording has {:g} minutes.** One answer is given for {:g} minutes at most; "
                "the timeline shows what each utterance expresses.",
                *minutes,
            )
        )
        display.link("timeline", "Open the timeline", ":material/timeline:")
        return
    with st.spinner("Predicting"):
        result = session.result()
    if isinstance(result, Result):
        _show(chosen, result)
    elif result is not None:
        show_error(chosen, result)


def show_error(chosen: Recording, error: AffektError) -> None:
    """Say why the recording cannot be used."""
    if chosen.content.startswith(ZIP_START):
        st.error("This is a zip archive: drop it on the page *Many files*.", icon=":material/folder_open:")
        display.link("batch", "Open *Many files*", ":material/folder_open:")
    else:
        st.error(display.read_failure(error, chosen.name), icon=":material/error:")


def _show(chosen: Recording, result: Result) -> None:
    prediction = result.prediction
    st.html(answer_card(prediction, caveats(prediction)))
    sound = session.find("sound", lambda one: display.playable(one.content, one.name))
    if isinstance(sound, tuple):
        st.audio(sound[0], format=sound[1])
    with st.container(horizontal=True, gap="small"):
        display.link("why", "Why this answer?", ":material/help:")
        if prediction.duration_s > LONG_S or (
            prediction.duration_s > SHORT_S
            and session.find("several utterances", lambda _: count_utterances(result.waveform) > 1)
        ):
            display.link("timeline", "What is expressed when?", ":material/timeline:")
    remarks = [
        f"{prediction.duration_s:.1f} s at {result.waveform.sample_rate} Hz",
        *(note.text for note in prediction.notes if note.kind not in _SHOWN_ELSEWHERE),
    ]
    described = chosen.name, ", ".join(remarks), session.model_description()
    st.caption(display.fill("{}: {}. Predicted by {}.", *described))


_SHOWN_ELSEWHERE = {*WARNINGS, NoteKind.ADAPTED, NoteKind.OUT_OF_DISTRIBUTION}


def caveats(prediction: Prediction) -> list[str]:
    """Return what limits the answer, other than that it is unsure or out of distribution."""
    found = [note.text for note in prediction.notes if note.kind in WARNINGS]
    if prediction.duration_s > LONG_S:
        found.append(
            f"this recording of {prediction.duration_s:.0f} s gets one answer for its whole length: the "
            "timeline has one for each utterance"
        )
    return [f"{text[:1].upper()}{text[1:].rstrip('.')}." for text in found]


def count_utterances(waveform: Waveform) -> int:
    """Return how many utterances a recording has."""
    detector = UtteranceDetector()
    edges = [*map(detector.add, voice_activity(waveform).tolist()), detector.close()]
    return sum((one.end is not None) + (one.cut is not None) for one in edges)


def answer_card(prediction: Prediction, remarks: list[str]) -> str:
    """Return a prediction as HTML: what limits it, the word, its prediction set, and all probabilities.

    The less the answer can be relied on, the smaller is the word.
    """
    style = emotion_style(prediction.emotion)
    first, size, hue = "", "sure", style.colour
    if prediction.out_of_distribution:
        first, size, hue = "This recording is unlike those that the model learned from. ", "unlike", _UNUSED
        first += "Do not rely on the answer."
    elif prediction.unsure:
        first, size, hue = "The model is unsure.", "unsure", _UNUSED
    before = [one for one in [first, *remarks] if one]
    ranked = sorted(prediction.probabilities.items(), key=lambda one: -one[1])
    return f"""
    <section class="answer" style="--hue:{hue}" aria-label="answer">
      {"".join(f'<p class="caveat">⚠️ {escape(one)}</p>' for one in before)}
      <h2 class="word {size}"><span aria-hidden="true">{style.emoji}</span>
        <span>{escape(prediction.emotion)}</span> <span>{prediction.confidence:.0%}</span></h2>
      {"".join(_in_words(prediction))}
    </section>
    <div class="shares" role="table" aria-label="probability of each emotion">{
        "".join(_bar(name, share) for name, share in ranked)
    }</div>"""


def _in_words(prediction: Prediction) -> Iterator[str]:
    """Yield the phrase of the prediction, where it says more than its set, and the set."""
    if not prediction.unsure:
        yield f"<p>{escape(prediction.in_words[0].upper() + prediction.in_words[1:])}</p>"
    if len(prediction.prediction_set) > 1:
        start = (
            "One of: "
            if prediction.out_of_distribution
            else "In 9 of 10 recordings like the training data, one of: "
        )
        yield f"<p>{start}<strong>{', '.join(map(escape, prediction.prediction_set))}</strong></p>"


def _bar(name: str, share: float) -> str:
    style = emotion_style(name)
    width = f"--hue:{style.colour};width:{100 * share:.1f}%"
    emoji = f'<span aria-hidden="true">{style.emoji}</span>'
    return f"""
    <div role="row"><span role="rowheader">{emoji} {escape(name)}</span>
      <span class="bar" aria-hidden="true"><i style="{width}"></i></span>
      <span role="cell">{share:.0%}</span></div>"""
