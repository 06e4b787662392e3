"""The state of a visitor's session, in memory only: one recording, one model and one voice at a time."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar, cast

import streamlit as st

from affekt.app import display
from affekt.app.limits import limits
from affekt.audio.loading import load_audio, open_audio
from affekt.audio.waveform import Waveform
from affekt.errors import AffektError, AudioContentError
from affekt.features.recording import ClipFacts, describe_recording
from affekt.inference.adaptation import Voice, ready_voice
from affekt.inference.prediction import Prediction, predict_waveform
from affekt.model.bundle import Bundle, load

Found = TypeVar("Found")


@dataclass(frozen=True)
class Options:
    """The options of ``affekt app``."""

    corpus: str | None
    model: Path | None


@dataclass(frozen=True)
class Recording:
    """A recording as it was received.

    Attributes
    ----------
    name
        The name of its file.
    content
        The bytes of its file.
    source
        The key of the widget that it came from.
    """

    name: str
    content: bytes
    source: str

    @cached_property
    def key(self) -> str:
        """A digest of the content."""
        return hashlib.blake2b(self.content, digest_size=8).hexdigest()

    @cached_property
    def stated_s(self) -> float:
        """Length in seconds by the header; 0 if it says none, or the file cannot be read."""
        try:
            with open_audio(display.named_file(self.content, self.name)) as audio:
                return audio.stated_s
        except AffektError:
            return 0.0


@dataclass(frozen=True)
class Result:
    """A decoded recording, and what the model predicts for it."""

    waveform: Waveform
    prediction: Prediction

    @cached_property
    def facts(self) -> ClipFacts:
        """How it was recorded."""
        return describe_recording(self.waveform)


def options() -> Options:
    """Return the options after ``--`` on Streamlit's command line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus")
    parser.add_argument("--model", type=Path)
    known, _ = parser.parse_known_args(sys.argv[1:])
    return Options(known.corpus, known.model)


def own_model() -> Bundle | None:
    """Return the model that the visitor uploaded, or None."""
    return st.session_state.get("own model")


def default_model_name() -> str:
    """Return how to refer to the model that the app was started with."""
    given = options().model
    return f"the model {given.name}" if given else "the bundled model"


def bundle() -> Bundle:
    """Return the visitor's own model, or the one that the app was started with."""
    return own_model() or load(options().model)


def model_description() -> str:
    """Return the model's name and recipe, and the speaker that it is adapted to."""
    name = "your model" if own_model() else default_model_name()
    enrolled = voice()
    adapted = f", adapted to the speaker with {enrolled.clips} clips" if enrolled else ""
    return f"{name} ({bundle().contract.recipe}){adapted}"


def use_model(own: Bundle | None) -> None:
    """Predict with this model; None stands for the one that the app was started with.

    A voice belongs to one model, so it is dropped when the model changes.
    """
    before = bundle().contract.sha256
    st.session_state["own model"] = own
    if bundle().contract.sha256 != before:
        use_voice(None)


def voice() -> Voice | None:
    """Return the enrolled speaker, or None."""
    return st.session_state.get("voice")


def use_voice(enrolled: Voice | None) -> None:
    """Adapt predictions to this speaker; None for no speaker."""
    st.session_state["voice"] = enrolled
    st.session_state["voice error"] = ""


def recording() -> Recording | None:
    """Return the last recording that was made, uploaded or selected."""
    return st.session_state.get("recording")


def choose(chosen: Recording | None) -> None:
    """Replace the recording, and drop what was found in the last one; None for no recording."""
    st.session_state["recording"] = chosen
    st.session_state["found"] = {}


def forget(source: str) -> None:
    """Drop the recording if it came from this widget."""
    current = recording()
    if current is not None and current.source == source:
        choose(None)


def take(source: str) -> None:
    """Take the recording of a widget, which has this key; its callback."""
    value = st.session_state[source]
    if value is None:
        forget(source)
    else:
        choose(Recording(value.name, value.getvalue(), source))


def found(what: str) -> object:
    """Return what was computed under this name for the recording, the model and the voice, or None."""
    key, value = st.session_state.get("found", {}).get(what, (None, None))
    return value if key == _key() else None


def find(what: str, compute: Callable[[Recording], Found], *doing: str) -> Found | AffektError | None:
    """Return what a function computes for the recording, or its error; None without a recording.

    It is computed once for each recording, model and voice, and kept under the name ``what``. A bar shows
    the progress if ``doing`` says what is done, as for ``display.progress``.
    """
    current = recording()
    if current is None:
        return None
    value = found(what)
    if value is None:
        try:
            with display.progress(*doing) if doing else nullcontext():
                check_length(current)
                value = compute(current)
        except AffektError as error:
            value = error.with_traceback(None)  # the traceback would keep the decoded audio in memory
        st.session_state["found"][what] = _key(), value
    return cast(Found | AffektError, value)


def check_length(chosen: Recording) -> None:
    """Refuse a recording that is too long for this app's visitors, before it is decoded."""
    most_s = limits().timeline_s
    if chosen.stated_s > most_s:
        raise AudioContentError(f"{chosen.name} is longer than {most_s / 60:.0f} minutes, the limit here")


def result() -> Result | AffektError | None:
    """Return the result for the recording, or the error that prevents one; None without a recording."""
    return find("answer", _predict)


def _key() -> tuple[object, ...]:
    current = recording()
    return current.key if current else None, bundle().contract.sha256, voice()


def _predict(chosen: Recording) -> Result:
    file = display.named_file(chosen.content, chosen.name)
    waveform = load_audio(file, max_duration_s=limits().answer_s)
    model = bundle()
    speaker, emotions = ready_voice(voice(), model), model.contract.emotions
    prediction = predict_waveform(waveform, chosen.name, model, speaker, emotions)
    return Result(waveform, prediction)
