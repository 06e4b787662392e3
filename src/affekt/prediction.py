"""Audio to answer: load, describe, ask the model."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from affekt.adaptation import Voice, VoiceLike, hear_as, ready_voice
from affekt.audio import AudioSource, Waveform, expand_folders, load_audio, source_name
from affekt.bundle import Bundle, load
from affekt.errors import AffektError
from affekt.features import FEATURE_SETS, extract
from affekt.novelty import novelty
from affekt.parallel import map_in_order
from affekt.windows import cut_windows

Model = str | os.PathLike[str] | Bundle | None
"""A model: a file, one already loaded, or None for the one that comes with affekt."""


CERTAIN_WORDS = {0.8: "clearly", 0.6: "probably"}
UNSURE_FROM = 4  # so many likely emotions are no answer
NOVEL = "like no voice that this model learned from: do not trust the answer"
USED_TO = "used to the voice in"


@dataclass(frozen=True, slots=True)
class Prediction:
    """What the model hears in one recording.

    Attributes
    ----------
    emotion : str
        The most probable emotion.
    confidence : float
        Its probability, 0 to 1.
    probabilities : mapping of str to float
        Of every emotion that the model knows, in its order; they sum to 1.
    likely : tuple of str
        Emotions among which the right one is in 90 % of cases like those that the model was scored on, as
        few as possible on average; the most probable first.
    duration_s : float
        Length of the recording in seconds.
    notes : tuple of str
        What was done to the audio on the way, how many clips a voice is from, and why the answer may be
        worth nothing.
    """

    emotion: str
    confidence: float
    probabilities: Mapping[str, float]
    likely: tuple[str, ...]
    duration_s: float
    notes: tuple[str, ...] = ()

    @property
    def unsure(self) -> bool:
        """Whether so many emotions are likely that the most probable one is no answer."""
        return len(self.likely) >= UNSURE_FROM

    @property
    def in_words(self) -> str:
        """The answer as far as it goes: ``clearly happy``, or ``leans happy, could be sad``."""
        if self.unsure:
            return f"unsure: {', '.join(self.likely[:-1])} or {self.likely[-1]}"
        for certain, word in CERTAIN_WORDS.items():
            if self.confidence >= certain:
                return f"{word} {self.emotion}"
        others = " or ".join(self.likely[1:])
        return f"leans {self.emotion}, could be {others}" if others else f"probably {self.emotion}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One input of many: its prediction, or the error that says why there is none."""

    source: str
    prediction: Prediction | None = None
    error: AffektError | None = None


def predict(source: AudioSource, model: Model = None, *, voice: VoiceLike = None) -> Prediction:
    """Which emotion a voice carries.

    Parameters
    ----------
    source
        A path, the bytes of a file, an open binary file, or ``(waveform, sample_rate)``.
    model
        A model file or a loaded ``Bundle``; None for the one that comes with affekt.
    voice
        Whose voice it is, from ``adapt`` or a file; None for nobody's in particular.

    Raises
    ------
    AudioError
        The input cannot be heard; its subclasses and message say why.
    BundleError
        The model file cannot be trusted.
    VoiceError
        The voice was made for another model.

    Examples
    --------
    >>> predict((np.sin(np.arange(22050) * 0.05), 22050)).duration_s
    1.0
    """
    bundle = model if isinstance(model, Bundle) else load(model)
    contract = bundle.contract
    known = ready_voice(voice, bundle)
    waveform = load_audio(source, contract.sample_rate)
    windows = cut_windows(waveform, contract.window_s)
    heard = [extract(window, contract.features) for window in windows]
    rows = [bundle.run(hear_as(features, known, bundle)[None])[0] for features in heard]
    row = contract.trust.temper(np.mean(rows, axis=0))
    probabilities = dict(zip(contract.emotions, row.tolist(), strict=True))
    likely = tuple(contract.emotions[i] for i in contract.trust.likely(row))
    return Prediction(
        emotion=likely[0],
        confidence=probabilities[likely[0]],
        probabilities=probabilities,
        likely=likely,
        duration_s=waveform.duration_s,
        notes=(*waveform.notes, *_notes(waveform, heard, known, bundle)),
    )


def _notes(
    waveform: Waveform, heard: list[NDArray[np.float32]], voice: Voice | None, bundle: Bundle
) -> Iterator[str]:
    contract = bundle.contract
    relative = FEATURE_SETS[contract.features].relative_columns
    if np.median([novelty(one, contract.average_voice, relative) for one in heard]) > contract.novel_from:
        yield NOVEL
    low, _, high = contract.recordings.get("sample_rate", (0, 0, np.inf))
    if contract.sample_rate is None and not low <= waveform.sample_rate <= high:
        yield (
            f"at {waveform.sample_rate} Hz, which this model never heard ({low:.0f} to {high:.0f} Hz): do "
            "not trust the answer"
        )
    if len(heard) > 1:
        yield f"read in {len(heard)} windows of {contract.window_s:.1f} s"
    if voice:
        yield f"{USED_TO} {voice.clips} clips"


def predict_many(
    sources: AudioSource | Iterable[AudioSource],
    model: Model = None,
    *,
    voice: VoiceLike = None,
    jobs: int = 1,
) -> Iterator[Answer]:
    """Predict many inputs; a broken one costs its own answer and no other.

    Parameters
    ----------
    sources
        As for ``predict``, one or many; a folder stands for every audio file below it.
    model
        As for ``predict``; one that cannot be trusted raises at once.
    voice
        As for ``predict``; who speaks in all of them.
    jobs
        Processes. One by default, so that a script needs no ``if __name__ == "__main__"``; the command line
        takes all cores.

    Returns
    -------
    iterator of Answer
        In the order of the sources, each as soon as it is there.
    """
    bundle = model if isinstance(model, Bundle) else load(model)
    answer = partial(_answer, bundle=bundle, voice=ready_voice(voice, bundle))
    return map_in_order(answer, expand_folders(sources), jobs)


def _answer(source: AudioSource, bundle: Bundle, voice: Voice | None) -> Answer:
    name = source_name(source)
    try:
        return Answer(name, prediction=predict(source, bundle, voice=voice))
    except AffektError as error:  # its traceback would keep all that was decoded
        error.__cause__ = error.__context__ = None
        return Answer(name, error=error.with_traceback(None))
