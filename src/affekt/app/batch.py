"""The page *Many files*: a row for each of several recordings, or of those in a zip archive."""

from __future__ import annotations

import io
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import soundfile
import streamlit as st

from affekt.app import display, session
from affekt.app.limits import limits
from affekt.audio.archives import ZIP_START, read_audio_files
from affekt.audio.loading import load_audio
from affekt.audio.waveform import Waveform
from affekt.emotions import emotion_style, sort_emotions
from affekt.errors import AffektError
from affekt.inference.adaptation import Voice, ready_voice
from affekt.inference.answer_table import into_csv
from affekt.inference.prediction import Answer, Prediction, predict_waveform
from affekt.model.bundle import Bundle

FAILED = "failed"
SHOWN = 20  # rows at once
GUESSES = "{} {} **{}** {:.0%}, then {} {} {:.0%}"
PLAYED_HZ = 22_050  # sample rate of the sounds in players: MP3, about 8 kB for each second


@dataclass(frozen=True)
class Row:
    """The answer to a recording, and its sound as MP3; without a sound if it cannot be read."""

    answer: Answer
    sound: bytes = b""

    @property
    def group(self) -> str:
        """The predicted emotion, or ``FAILED``."""
        return self.answer.prediction.emotion if self.answer.prediction else FAILED


@dataclass(frozen=True)
class Rows:
    """All rows, what they were computed from, the emotions that could be predicted, and a summary."""

    key: object
    rows: tuple[Row, ...]
    emotions: tuple[str, ...]
    summary: str


def page() -> None:
    """Upload recordings, see and hear them row by row, and download the table."""
    st.title("Many files")
    size = st.get_option("server.maxUploadSize")
    files = st.file_uploader(
        display.fill("Recordings, or zip archives of them; up to {} MB each", size),
        accept_multiple_files=True,
        key="files",
    )
    kept: Rows | None = st.session_state.get("rows")  # from before the visitor left this page
    if files:
        key = [file.file_id for file in files], session.bundle().contract.sha256, session.voice()
        if kept is None or kept.key != key:
            kept = _predict(files, key)
            st.session_state["rows"] = kept
            st.session_state["first row"] = 0
    if kept is None:
        st.markdown(
            "Each recording gets a row with its emotion and a player. Files that cannot be read stand at "
            "the top, each with its reason; the others are not affected."
        )
        return
    _show(kept)
    if not files:
        st.button("Forget these", icon=":material/delete:", on_click=st.session_state.pop, args=("rows",))


def _predict(files: list[Any], key: object) -> Rows:
    """Predict the uploaded files under a progress bar."""
    rows: list[Row] = []
    bar = st.progress(0.0)
    for row, share in islice(_rows(files), limits().files + 1):
        rows.append(row)
        bar.progress(share, display.fill("{}: {}", len(rows), row.answer.source))
    bar.empty()
    more = len(rows) > limits().files
    rows = rows[: limits().files]
    predicted = sum(one.group != FAILED for one in rows)
    summary = f"{predicted} of {len(rows)} recordings predicted by {session.model_description()}."
    if more:
        summary += f" No more than {limits().files} are read at once."
    return Rows(key, tuple(rows), session.bundle().contract.emotions, summary)


def _rows(files: Sequence[Any]) -> Iterator[tuple[Row, float]]:
    """Yield a row for each recording, and the share of the uploads that is done."""
    model = session.bundle()
    voice = ready_voice(session.voice(), model)
    for i, file in enumerate(files):
        for name, content, share in _recordings(file.getvalue(), file.name):
            failed = isinstance(content, AffektError)
            row = Row(Answer(name, error=content)) if failed else hear(content, name, model, voice)
            yield row, (i + share) / len(files)


def _recordings(content: bytes, name: str) -> Iterator[tuple[str, Any, float]]:
    """Yield the name and the content of each recording in an upload, or the reason why there is none."""
    if not content.startswith(ZIP_START):
        yield name, content, 1.0
        return
    try:
        yield from read_audio_files(content, name)
    except AffektError as error:
        yield name, error.with_traceback(None), 1.0


def hear(content: bytes, name: str, model: Bundle, voice: Voice | None) -> Row:
    """Return the answer to a recording and its sound; whatever fails is the reason of this row alone."""
    try:
        waveform = load_audio(display.named_file(content, name), max_duration_s=limits().answer_s)
        found = predict_waveform(waveform, name, model, voice, model.contract.emotions)
        return Row(Answer(name, found), _to_mp3(waveform))
    except AffektError as error:
        error.__cause__ = error.__context__ = None
        return Row(Answer(name, error=error.with_traceback(None)))  # it would keep what was decoded
    except Exception as error:  # a fault of affekt, which must not cost the other files
        logging.getLogger(__name__).exception("a recording cannot be read, by a fault of affekt")
        reason = f"{name} cannot be read, by a fault of affekt ({type(error).__name__})"
        return Row(Answer(name, error=AffektError(reason)))


def _to_mp3(waveform: Waveform) -> bytes:
    samples = load_audio(waveform, PLAYED_HZ).samples
    file = io.BytesIO()
    soundfile.write(file, samples / max(1.0, np.abs(samples).max()), PLAYED_HZ, format="MP3")
    return file.getvalue()


def _show(found: Rows) -> None:
    st.markdown(display.plain(found.summary))
    answers = [one.answer for one in found.rows]
    st.download_button(
        "Download the table (CSV)",
        to_csv(answers, found.emotions),
        "predictions.csv",
        "text/csv",
        icon=":material/download:",
    )
    counts = count(found.rows)
    group = st.pills(
        "Show",
        list(counts),
        key="group",
        format_func=lambda name: f"{_label(name)} {counts[name]}",
        on_change=_go_to,
        args=(0,),
    )
    rows = [one for one in found.rows if group in (None, one.group)]
    rows.sort(key=lambda one: one.group != FAILED)
    first = min(st.session_state.get("first row", 0), len(rows) - 1)
    for one in rows[first : first + SHOWN]:
        _show_row(one)
    if len(rows) > SHOWN:
        _show_pager(first, len(rows))


def count(rows: Iterable[Row]) -> dict[str, int]:
    """Return the number of rows that failed, and of each emotion, in this order."""
    counts = Counter(one.group for one in rows)
    failed = counts.pop(FAILED, 0)
    return {
        **({FAILED: failed} if failed else {}),
        **{name: counts[name] for name in sort_emotions(counts)},
    }


def _label(group: str) -> str:
    return f":material/error: {FAILED}" if group == FAILED else display.emotion_label(group)


def _go_to(first: int) -> None:
    st.session_state["first row"] = first


def _show_pager(first: int, total: int) -> None:
    last = min(first + SHOWN, total)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Earlier", disabled=first == 0, on_click=_go_to, args=(max(0, first - SHOWN),))
        st.button("Later", disabled=last == total, on_click=_go_to, args=(last,))
        st.markdown(display.fill("{} to {} of {}", first + 1, last, total), width="content")


def _show_row(row: Row) -> None:
    name, found = row.answer.source, row.answer.prediction
    if found is None:
        error = row.answer.error or AffektError("")
        st.error(
            display.fill("**{}**: ", name) + display.read_failure(error, name), icon=":material/error:"
        )
        return
    with st.container(border=True):
        words, player = st.columns([3, 2], vertical_alignment="center")
        words.markdown(display.fill(GUESSES, *guesses(found)))
        words.caption(display.fill("{}, {:.1f} s", name, found.duration_s))
        player.audio(row.sound, format="audio/mpeg", alt=f"Recording {name}")


def guesses(found: Prediction) -> tuple[str | float, ...]:
    """Return what fills ``GUESSES``: a warning or nothing, the emotion, and the second guess."""
    (first, share), (second, other) = sorted(found.probabilities.items(), key=lambda item: -item[1])[:2]
    warning = "Unsure:" if found.unsure else ""
    if found.out_of_distribution:
        warning = "Unlike the training data, do not rely on it:"
    return warning, emotion_style(first).emoji, first, share, emotion_style(second).emoji, second, other


def to_csv(answers: Iterable[Answer], emotions: tuple[str, ...]) -> str:
    """Return the answers as CSV, as ``affekt predict --csv`` writes them."""
    file = io.StringIO(newline="")
    for _ in into_csv(answers, file, emotions):
        pass
    return file.getvalue()
