"""What a visitor has chosen: one clip, one model and one voice at a time, in memory alone."""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import streamlit as st

from affekt.adaptation import Voice
from affekt.audio import Waveform, load_audio
from affekt.bundle import Bundle, load
from affekt.errors import AffektError
from affekt.prediction import USED_TO, Prediction, predict
from affekt.recording import ClipFacts, describe_recording

MAX_DURATION_S = 1800.0  # one visitor must not fill the memory of all


@dataclass(frozen=True)
class Options:
    """What ``affekt app`` was started with."""

    corpus: str | None
    model: Path | None


@dataclass(frozen=True)
class ChosenClip:
    """A recording: its name, the bytes of its file, and which input it came from."""

    name: str
    content: bytes
    source: str

    @property
    def key(self) -> str:
        """Different for different content."""
        return hashlib.blake2b(self.content, digest_size=8).hexdigest()


@dataclass(frozen=True)
class HeardClip:
    """A recording, listened to: either an error, or all else."""

    waveform: Waveform | None = None
    facts: ClipFacts | None = None
    prediction: Prediction | None = None
    error: AffektError | None = None


def options() -> Options:
    """From the command line, behind ``--``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus")
    parser.add_argument("--model", type=Path)
    known, _ = parser.parse_known_args(sys.argv[1:])
    return Options(known.corpus, known.model)


def bundle() -> Bundle:
    """The visitor's own model, or the one that the app was started with."""
    own = st.session_state.get("own model")
    return cast(Bundle, own) if own is not None else load(options().model)


def model_name() -> str:
    """What to call the model that answers."""
    model, own = bundle(), st.session_state.get("own model") is not None
    used_to = f", {USED_TO} {known.clips} clips" if (known := voice()) else ""
    return (
        f"{'your model' if own else 'the model that comes with affekt'}, {model.contract.recipe}{used_to}"
    )


def use_model(own: Bundle | None) -> None:
    """Answer with this model from now on; None for the one that the app was started with."""
    before = bundle().contract.sha256
    st.session_state["own model"] = own
    if bundle().contract.sha256 != before:
        use_voice(None)


def voice() -> Voice | None:
    """The voice that the model is used to."""
    return st.session_state.get("voice")


def use_voice(known: Voice | None) -> None:
    """Answer for this voice from now on; None for nobody's in particular."""
    st.session_state["voice"] = known
    st.session_state["voice error"] = ""


def clip() -> ChosenClip | None:
    """What was last recorded, uploaded or picked."""
    return st.session_state.get("clip")


def choose(chosen: ChosenClip) -> None:
    """Listen to this clip from now on; the one before is forgotten."""
    st.session_state["clip"] = chosen


def forget(source: str) -> None:
    """Forget the clip if it came from this input."""
    now = clip()
    if now is not None and now.source == source:
        st.session_state["clip"] = st.session_state["heard"] = None


def heard() -> HeardClip | None:
    """The chosen clip, listened to once for each model and voice; None where none is chosen."""
    chosen = clip()
    if chosen is None:
        return None
    model = bundle()
    key = chosen.key, model.contract.sha256, voice()
    kept = st.session_state.get("heard")
    if kept is None or kept[0] != key:
        kept = key, _hear(chosen, model)
        st.session_state["heard"] = kept
    return cast(HeardClip, kept[1])


def _hear(chosen: ChosenClip, model: Bundle) -> HeardClip:
    try:
        waveform = load_audio(chosen.content, max_duration_s=MAX_DURATION_S)
        return HeardClip(waveform, describe_recording(waveform), predict(waveform, model, voice=voice()))
    except AffektError as error:
        return HeardClip(error=error.with_traceback(None))  # it would keep what was decoded
