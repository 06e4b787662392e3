"""Explanations: what a prediction rests on, in time and frequency, and how it changes with the voice."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import AudioSource, Waveform, load_audio, source_name
from affekt.emotions import canonical_emotion
from affekt.errors import AudioContentError, AudioError, UnknownNameError
from affekt.inference.adaptation import Voice, VoiceLike, ready_voice
from affekt.inference.cues import Cue, measure_cues
from affekt.inference.masks import MaskedSound, Masks
from affekt.inference.neighbours import Neighbour, find_neighbours
from affekt.inference.prediction import (
    Prediction,
    Probabilities,
    allowed_emotions,
    predict_altered,
    predict_waveform,
)
from affekt.inference.what_ifs import CHANGES, AlteredRecording, Answer, change_voice
from affekt.model.bundle import Bundle, ModelLike, load
from affekt.support.parallel import core_count
from affekt.support.progress import progress_bar

MASKS = 300
MIN_MASKS = 20
MAX_EXPLAINED_S = 30.0
LOW_FIDELITY = 0.3
STANDS_OUT = 2.0  # effects that are larger than so many standard errors
_LEAST_PROBABILITY = 1e-6  # log-odds are finite
_PENALTIES = np.logspace(-3, 2, 21)  # of the ridge, relative to the mean squared singular value

Effects = NDArray[np.float64]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SegmentEffect:
    """How much a segment of time speaks for the explained emotion.

    Attributes
    ----------
    start_s, end_s : float
        In seconds.
    effect : float
        Change of the log-odds of the emotion where the segment is kept; positive speaks for the emotion.
    standard_error : float
        Of the effect, over masks.
    """

    start_s: float
    end_s: float
    effect: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class BandEffect:
    """How much a frequency band speaks for the explained emotion.

    Attributes
    ----------
    low_hz, high_hz : float
        In Hz.
    effect, standard_error : float
        As those of ``SegmentEffect``.
    """

    low_hz: float
    high_hz: float
    effect: float
    standard_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Which parts of a recording speak for an emotion, how its voice compares with others, and what if.

    Attributes
    ----------
    source, audio_channel : str
        What was read.
    emotion : str
        The emotion that is explained.
    prediction : Prediction
        Of the whole recording.
    segments : tuple of SegmentEffect
        In order of time; together they are the recording.
    bands : tuple of BandEffect
        From low to high.
    cues : tuple of Cue
        Acoustic cues beside clips of each emotion; empty where the package has no table of percentiles.
    masks : int
        How many masked versions were answered.
    fidelity : float
        Share of the variance of their log-odds that the regression explains, each version left out in turn;
        1 is all, and 0 or less means that the effects say nothing.
    masked_out_of_distribution : float
        Share of the masked versions that the model flags as out of distribution. Masked sound is unlike any
        recording, so that where most are flagged, the effects are less reliable.
    convincing, rest : AlteredRecording or None
        The parts alone whose effect is larger than twice its standard error; and the recording without
        them. Together they are the recording. None where one is silent.
    what_ifs : tuple of AlteredRecording
        The recording with another pitch, tempo or timbre: each of ``CHANGES`` that leaves a sound.
    neighbours : tuple of Neighbour
        The training clips that it is most like; empty where the model has no table of them.
    recording : Waveform
        What was explained, at the sample rate of the model.
    """

    source: str
    audio_channel: str
    emotion: str
    prediction: Prediction
    segments: tuple[SegmentEffect, ...]
    bands: tuple[BandEffect, ...]
    cues: tuple[Cue, ...]
    masks: int
    fidelity: float
    masked_out_of_distribution: float
    convincing: AlteredRecording | None
    rest: AlteredRecording | None
    what_ifs: tuple[AlteredRecording, ...]
    neighbours: tuple[Neighbour, ...]
    recording: Waveform = field(repr=False, compare=False)

    @property
    def weak(self) -> bool:
        """Whether the effects explain little of what the masks change."""
        return self.fidelity < LOW_FIDELITY

    @property
    def contradicted(self) -> bool:
        """Whether the emotion is less probable in the convincing parts alone than in the rest."""
        if self.convincing is None or self.rest is None:
            return False
        return self.convincing.probabilities[self.emotion] < self.rest.probabilities[self.emotion]

    @property
    def masked_mostly_out_of_distribution(self) -> bool:
        """Whether more than half of the masked versions are flagged."""
        return self.masked_out_of_distribution > 0.5

    def to_dict(self) -> dict[str, Any]:
        """Return all but the sounds as plain values, ready for JSON."""
        return {
            "source": self.source,
            "audio_channel": self.audio_channel,
            "emotion": self.emotion,
            "prediction": self.prediction.to_dict(),
            "segments": [_plain(one) for one in self.segments],
            "bands": [_plain(one) for one in self.bands],
            "cues": [one.to_dict() for one in self.cues],
            "masks": self.masks,
            "fidelity": self.fidelity,
            "masked_out_of_distribution": self.masked_out_of_distribution,
            "convincing": self.convincing.to_dict() if self.convincing else None,
            "rest": self.rest.to_dict() if self.rest else None,
            "what_ifs": [one.to_dict() for one in self.what_ifs],
            "neighbours": [one.to_dict() for one in self.neighbours],
        }


def _plain(part: SegmentEffect | BandEffect) -> dict[str, float]:
    return {name: getattr(part, name) for name in part.__slots__}


def explain(
    source: AudioSource,
    emotion: str | None = None,
    model: ModelLike = None,
    *,
    voice: VoiceLike = None,
    emotions: Collection[str] | None = None,
    audio_channel: str = "mix",
    masks: int = MASKS,
) -> Explanation:
    """Find which parts of a recording a prediction rests on, and what would change it.

    Random segments of 100 ms and random frequency bands are left out, and the model answers each masked
    version. A ridge regression of the log-odds of the emotion, against all others, on the parts that were
    kept has a coefficient for each part: its effect. The model also answers the recording with another
    pitch, tempo and timbre.

    Parameters
    ----------
    source
        As for ``predict``, at most 30 s long. Recordings of more than 6 s have 60 longer segments.
    emotion
        The emotion to explain; None for the predicted one.
    model, voice, emotions, audio_channel
        As for ``predict``.
    masks
        How many masked versions the model answers, 20 or more.

    Raises
    ------
    AudioError
        The input cannot be used, or is silent where parts of it are left out.
    BundleError, VoiceError
        The model file cannot be trusted; the voice was made for another model.
    UnknownNameError, ValueError
        There is no such emotion, or an argument is out of range.
    """
    _check_masks(masks)
    bundle = load(model)
    allowed = allowed_emotions(bundle.contract, emotions)
    return explain_waveform(
        load_audio(source, max_duration_s=MAX_EXPLAINED_S, audio_channel=audio_channel),
        bundle,
        name=source_name(source),
        audio_channel=audio_channel,
        emotion=check_emotion(emotion, allowed),
        voice=ready_voice(voice, bundle),
        allowed=allowed,
        masks=masks,
    )


def explain_waveform(
    recorded: Waveform,
    bundle: Bundle,
    *,
    name: str,
    allowed: tuple[str, ...],
    audio_channel: str = "mix",
    emotion: str | None = None,
    voice: Voice | None = None,
    masks: int = MASKS,
    seed: int = 0,
    progress: bool = False,
) -> Explanation:
    """Explain a recording that is loaded, as ``explain`` does; masks are drawn from ``seed``."""
    prediction = predict_waveform(recorded, name, bundle, voice, allowed)
    emotion = emotion or prediction.emotion
    waveform = load_audio(recorded, bundle.contract.sample_rate)
    sound = MaskedSound(waveform)
    kept = sound.draw(masks, seed)
    answers = answer_masks(sound, kept, bundle, voice, allowed, progress=progress)
    answered = np.array([answer is not None for answer in answers])
    if answered.sum() < MIN_MASKS:
        raise AudioContentError(
            f"{name}: only {answered.sum()} of {masks} masked versions are not silent, and {MIN_MASKS} are "
            "needed: give a recording with more sound, or more masks"
        )
    found = [answer for answer in answers if answer is not None]
    odds = np.array([log_odds(probabilities, emotion) for probabilities, _ in found])
    ridge = fit_ridge(kept[answered], odds, len(sound.segments))
    numbers = zip(ridge.effects.tolist(), ridge.standard_errors.tolist(), strict=True)
    spans = [*sound.segments.tolist(), *sound.bands.tolist()]
    rows = [(low, high, *one) for (low, high), one in zip(spans, numbers, strict=True)]
    answer = partial(_probabilities, bundle=bundle, voice=voice, allowed=allowed)
    only = sound.keep(convincing_parts(ridge, len(sound.segments)))
    return Explanation(
        source=name,
        audio_channel=audio_channel,
        emotion=emotion,
        prediction=prediction,
        segments=tuple(SegmentEffect(*row) for row in rows[: len(sound.segments)]),
        bands=tuple(BandEffect(*row) for row in rows[len(sound.segments) :]),
        cues=measure_cues(recorded),
        masks=len(found),
        fidelity=ridge.fidelity,
        masked_out_of_distribution=float(np.mean([flagged for _, flagged in found])),
        convincing=_alter("supporting parts only", only, answer),
        rest=_alter("everything else", replace(only, samples=waveform.samples - only.samples), answer),
        what_ifs=_what_ifs(waveform, answer, prediction.emotion, progress=progress),
        neighbours=find_neighbours(waveform, bundle),
        recording=waveform,
    )


def convincing_parts(ridge: Ridge, segments: int) -> NDArray[np.bool_]:
    """Return which parts have an effect larger than twice its error, the first of them segments.

    Of segments and of bands, at least the one with the largest effect is.
    """
    kept = ridge.effects > STANDS_OUT * ridge.standard_errors
    kept[ridge.effects[:segments].argmax()] = True
    kept[segments + ridge.effects[segments:].argmax()] = True
    return kept


def _probabilities(
    altered: Waveform, bundle: Bundle, voice: Voice | None, allowed: tuple[str, ...]
) -> Probabilities:
    return predict_altered(altered, bundle, voice, allowed)[0]


def _alter(name: str, sound: Waveform, answer: Answer) -> AlteredRecording | None:
    try:
        return AlteredRecording(name=name, probabilities=answer(sound), sound=sound)
    except AudioError:  # it is silent
        return None


def _what_ifs(
    waveform: Waveform, answer: Answer, emotion: str, *, progress: bool
) -> tuple[AlteredRecording, ...]:
    def change(name: str) -> AlteredRecording | None:
        try:
            return change_voice(waveform, name, answer, emotion)
        except AudioError:  # too short, or too quiet, once it is changed
            return None

    found = _in_threads(change, list(CHANGES), "changed voices", progress=progress)
    return tuple(one for one in found if one is not None)


def check_emotion(emotion: str | None, allowed: tuple[str, ...]) -> str | None:
    """Return the canonical name; ``UnknownNameError`` if it is none of those that may be predicted."""
    if emotion is None:
        return None
    name = canonical_emotion(emotion)
    if name not in allowed:
        raise UnknownNameError("emotion that may be predicted", emotion, allowed)
    return name


def _check_masks(masks: object) -> None:
    whole = isinstance(masks, int | np.integer) and not isinstance(masks, bool)
    if not whole or masks < MIN_MASKS:  # type: ignore[operator]
        raise ValueError(f"masks is {masks!r}, not a whole number of {MIN_MASKS} or more")


def answer_masks(
    sound: MaskedSound,
    kept: Masks,
    bundle: Bundle,
    voice: Voice | None,
    allowed: tuple[str, ...],
    *,
    progress: bool = False,
) -> list[tuple[Probabilities, bool] | None]:
    """Return the probabilities of each masked version, and whether it is flagged; None if it is silent.

    Threads answer them, as onnxruntime releases Python's lock.
    """

    def answer(mask: NDArray[np.bool_]) -> tuple[Probabilities, bool] | None:
        try:
            return predict_altered(sound.keep(mask), bundle, voice, allowed)
        except AudioError:  # all that was kept is silent
            return None

    return _in_threads(answer, list(kept), "masks", progress=progress)


def _in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], title: str, *, progress: bool
) -> list[Result]:
    """Return what the function returns for each item, computed in as many threads as there are cores."""
    results = []
    executor = ThreadPoolExecutor(core_count())
    try:
        with progress_bar(title, len(items), shown=progress) as advance:
            for result in executor.map(function, items):
                results.append(result)
                advance()
    finally:
        executor.shutdown(cancel_futures=True)
    return results


def log_odds(probabilities: Mapping[str, float], emotion: str) -> float:
    """Return the logarithm of the probability of an emotion over that of all others."""
    for_it = probabilities[emotion]
    against = sum(share for name, share in probabilities.items() if name != emotion)
    return float(np.log((for_it + _LEAST_PROBABILITY) / (against + _LEAST_PROBABILITY)))


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """A ridge regression of log-odds on the parts that were kept.

    Attributes
    ----------
    effects, standard_errors : float64 arrays of shape (parts,)
        The coefficients, of segments smoothed; their errors leave out the bias of the penalty.
    fidelity : float
        Share of the variance that is explained, each row left out in turn.
    """

    effects: Effects
    standard_errors: Effects
    fidelity: float


def fit_ridge(kept: Masks, odds: NDArray[np.float64], segments: int = 0) -> Ridge:
    """Fit a ridge regression, its penalty chosen by generalised cross-validation.

    Parameters
    ----------
    kept
        Which parts each mask kept, shape (masks, parts).
    odds
        The log-odds of each masked version, shape (masks,).
    segments
        How many of the parts, from the first, are segments of time. The effect of each is the weighted mean
        of its coefficient and those of its two neighbours.

    Notes
    -----
    Golub, Heath and Wahba (1979), Technometrics 21, for the penalty. All is in closed form from one
    singular value decomposition: with singular values s and penalty a, the residuals' degrees of freedom
    are n - 1 - sum(s^2 / (s^2 + a)).
    """
    rows = kept - kept.mean(axis=0)
    centred = odds - odds.mean()
    left, values, right = np.linalg.svd(rows, full_matrices=False)
    projected, squares, count = left.T @ centred, values**2, len(odds)
    fits = []
    for penalty in _PENALTIES * max(squares.mean(), np.finfo(float).tiny):
        shrunk = squares / (squares + penalty)
        residuals = centred - left @ (shrunk * projected)
        freedom = count - 1 - shrunk.sum()
        variance = residuals @ residuals / freedom
        fits.append((variance / freedom, penalty, shrunk, residuals, variance))
    _, penalty, shrunk, residuals, variance = min(fits, key=lambda fit: fit[0])
    inverse = values / (squares + penalty)
    solve = _smoothing(kept.shape[1], segments) @ right.T
    leverages = 1 / count + np.square(left) @ shrunk
    left_out = np.square(residuals / (1 - leverages)).sum()
    around_means = np.square(centred * count / (count - 1)).sum()  # of the means without each row
    return Ridge(
        effects=solve @ (inverse * projected),
        standard_errors=np.sqrt(variance * (np.square(solve) @ np.square(inverse))),
        fidelity=float(1 - left_out / around_means) if around_means > 0 else 0.0,
    )


def _smoothing(parts: int, segments: int) -> NDArray[np.float64]:
    """Return the weight of each coefficient in each effect, shape (parts, parts); segments come first."""
    weights = np.eye(parts)
    inside = 2 * np.eye(segments) + np.eye(segments, k=1) + np.eye(segments, k=-1)
    weights[:segments, :segments] = inside / inside.sum(axis=1, keepdims=True)
    return weights
