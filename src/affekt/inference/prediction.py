"""Prediction: a recording in, probabilities of emotions out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.activity import voice_activity
from affekt.audio.archives import expand_sources
from affekt.audio.loading import AudioSource, Waveform, load_audio, load_channels, source_name
from affekt.audio.samples import check_audio_channel
from affekt.audio.windows import cut_windows
from affekt.emotions import canonical_emotion
from affekt.errors import AffektError, AudioError, UnknownNameError
from affekt.features.feature_sets import extract
from affekt.features.recording import measure_quality, measure_voice, voice_notes
from affekt.inference.adaptation import Voice, VoiceLike, ready_voice
from affekt.inference.trained_on import trained_on
from affekt.model.bundle import Bundle, ModelLike, load
from affekt.model.contract import Contract
from affekt.notes import Note, NoteKind
from affekt.support.markup import html_table
from affekt.support.parallel import map_in_order
from affekt.support.terminal import plural

CONFIDENT_WORDS = {0.8: "clearly", 0.6: "probably"}
UNSURE_FROM = 4  # a prediction set of so many emotions is no answer


class Probabilities(dict[str, float]):
    """Emotion -> probability; printed with three digits."""

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{name!r}: {share:.3f}' for name, share in self.items())}}}"


@dataclass(frozen=True, slots=True, repr=False)
class Prediction:
    """What a model predicts for one recording.

    Attributes
    ----------
    emotion : str
        The most probable emotion.
    confidence : float
        Its calibrated probability, 0 to 1.
    probabilities : mapping of str to float
        Of every emotion that could be predicted, in the model's order; they sum to 1.
    prediction_set : tuple of str
        Emotions that hold the true one in 90 % of cases, as few as possible on average; the most probable
        first. The 90 % are those of clips like the ones that the model's calibration was fitted on: of
        unseen speakers of corpora like the training ones; where its ``fitted_on`` has them, also of
        left-out corpora.
    duration_s : float
        Length of the recording in seconds.
    notes : tuple of Note
        What was done to the audio, and what limits the prediction.
    """

    emotion: str
    confidence: float
    probabilities: Mapping[str, float]
    prediction_set: tuple[str, ...]
    duration_s: float
    notes: tuple[Note, ...] = ()

    @property
    def unsure(self) -> bool:
        """Whether the prediction set is so large that the most probable emotion is no answer."""
        return len(self.prediction_set) >= UNSURE_FROM

    @property
    def out_of_distribution(self) -> bool:
        """Whether the recording is unlike those that the model was trained on."""
        return any(note.kind == NoteKind.OUT_OF_DISTRIBUTION for note in self.notes)

    @property
    def in_words(self) -> str:
        """A short phrase: ``clearly happy``, or ``leans happy, could be sad``."""
        if self.unsure:
            return f"unsure: {', '.join(self.prediction_set[:-1])} or {self.prediction_set[-1]}"
        for confidence, word in CONFIDENT_WORDS.items():
            if self.confidence >= confidence:
                return f"{word} {self.emotion}"
        others = " or ".join(self.prediction_set[1:])
        return f"leans {self.emotion}, could be {others}" if others else f"probably {self.emotion}"

    def __repr__(self) -> str:
        flag = ", out of distribution" if self.out_of_distribution else ""
        return (
            f"<Prediction {self.emotion} {self.confidence:.3f}, 90 % set: "
            f"{', '.join(self.prediction_set)}; {self.duration_s:.1f} s{flag}>"
        )

    def _repr_html_(self) -> str:
        rows = [
            (name, f"{share:.3f}", "■" * round(20 * share), "✓" if name in self.prediction_set else "")
            for name, share in self.probabilities.items()
        ]
        title = "; ".join([self.in_words, *(str(note) for note in self.notes)])
        return html_table(title, rows, ("emotion", "probability", "", "90 % set"))

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, ready for JSON."""
        return {
            "emotion": self.emotion,
            "confidence": self.confidence,
            "probabilities": dict(self.probabilities),
            "prediction_set": list(self.prediction_set),
            "unsure": self.unsure,
            "out_of_distribution": self.out_of_distribution,
            "duration_s": self.duration_s,
            "notes": [note.to_dict() for note in self.notes],
        }


@dataclass(frozen=True, slots=True)
class Answer:
    """One input of many: its prediction, or the error that says why there is none.

    ``audio_channel`` is the channel of the recording that was read: ``mix`` (the mean of all), ``left``,
    ``right``, ``3``, ...; or ``mono`` where each was asked for, and there is one.
    """

    source: str
    prediction: Prediction | None = None
    error: AffektError | None = None
    audio_channel: str = "mix"

    def to_dict(self) -> dict[str, Any]:
        """Return source, channel and prediction, or source, channel and error, as plain values."""
        asked = {"source": self.source, "audio_channel": self.audio_channel}
        if self.prediction is None:
            return {**asked, "error": str(self.error)}
        return {**asked, **self.prediction.to_dict()}


def predict(
    source: AudioSource,
    model: ModelLike = None,
    *,
    voice: VoiceLike = None,
    emotions: Collection[str] | None = None,
    audio_channel: str = "mix",
) -> Prediction:
    """Predict the emotion that a voice expresses.

    Parameters
    ----------
    source
        A path, the bytes of a file, an open binary file, or ``(waveform, sample_rate)``.
    model
        A model file or a loaded ``Bundle``; None for the bundled model.
    voice
        The speaker, as ``adapt`` returns it, or its file; None for an unknown speaker.
    emotions
        Predict one of these alone, two or more that the model knows; None for all that it knows.
    audio_channel
        ``mix``, or ``left`` or ``right`` for one channel of a recording with a speaker on each.

    Raises
    ------
    AudioError
        The input cannot be used; its subclasses and its message say why.
    BundleError
        The model file cannot be trusted.
    VoiceError
        The voice was made for another model.
    UnknownNameError, ValueError, TypeError
        The model does not know one of ``emotions``, or they are fewer than two, or one string.

    Notes
    -----
    Threads may call it at the same time, with one model. They gain little: one prediction uses one core.

    Examples
    --------
    >>> predict((np.sin(np.arange(22050) * 0.05), 22050)).duration_s
    1.0
    """
    bundle = load(model)
    allowed = allowed_emotions(bundle.contract, emotions)
    known = ready_voice(voice, bundle)
    recorded = load_audio(source, audio_channel=audio_channel)
    return predict_waveform(recorded, source_name(source), bundle, known, allowed)


def predict_waveform(
    recorded: Waveform, name: str, bundle: Bundle, voice: Voice | None, allowed: tuple[str, ...]
) -> Prediction:
    """Predict a recording that is loaded, as ``predict`` does; ``name`` is that of its source."""
    contract = bundle.contract
    waveform = load_audio(recorded, contract.sample_rate)
    activity = voice_activity(waveform)
    waveform = replace(waveform, activity=activity)  # for the features
    row, distance, windows = _answer_windows(waveform, bundle, voice)
    probabilities, prediction_set = restrict(row, distance, contract, allowed, enrolled=voice is not None)
    return Prediction(
        emotion=prediction_set[0],
        confidence=probabilities[prediction_set[0]],
        probabilities=probabilities,
        prediction_set=prediction_set,
        duration_s=waveform.duration_s,
        notes=(
            *waveform.notes,
            *measure_quality(recorded).notes,
            *voice_notes(waveform.duration_s, *measure_voice(activity)),
            *trained_on(name, recorded, contract),
            *_notes(waveform, windows, contract.is_out_of_distribution(row, distance), voice, bundle),
        ),
    )


def predict_altered(
    altered: Waveform, bundle: Bundle, voice: Voice | None, allowed: tuple[str, ...]
) -> tuple[Probabilities, bool]:
    """Return the probabilities of ``predict_waveform``, and whether the recording is out of distribution.

    Nothing else is measured: this is for the many altered versions of one recording.
    """
    contract = bundle.contract
    row, distance, _ = _answer_windows(load_audio(altered, contract.sample_rate), bundle, voice)
    probabilities, _ = restrict(row, distance, contract, allowed, enrolled=voice is not None)
    return probabilities, contract.is_out_of_distribution(row, distance)


def _answer_windows(
    waveform: Waveform, bundle: Bundle, voice: Voice | None
) -> tuple[NDArray[np.floating], float, int]:
    """Return what the graph returns, and the distance, pooled over windows; and how many these are."""
    rows, distances = [], []
    for window in cut_windows(waveform, bundle.contract.window_s):  # of hours, features take gigabytes
        features = [extract(window, bundle.contract.features)]
        rows.append(bundle.predict_proba(features, voice.statistics if voice else None))
        distances.append(bundle.distance(features))
    return np.asarray(np.mean(rows, axis=0)), float(np.median(distances)), len(rows)


def predict_window(
    recorded: Waveform, bundle: Bundle, voice: Voice | None, allowed: tuple[str, ...]
) -> Probabilities:
    """Return the calibrated probabilities of ``predict_waveform`` for a recording of one window."""
    contract = bundle.contract
    features = [extract(load_audio(recorded, contract.sample_rate), contract.features)]
    row = bundle.predict_proba(features, voice.statistics if voice else None)
    return restrict(row, bundle.distance(features), contract, allowed, enrolled=voice is not None)[0]


def allowed_emotions(contract: Contract, emotions: Collection[str] | None) -> tuple[str, ...]:
    """Return the emotions that may be predicted, in the model's order.

    Raises
    ------
    UnknownNameError, ValueError
        The model does not know one of them, or they are fewer than two.
    """
    if emotions is None:
        return contract.emotions
    if isinstance(emotions, str):
        raise TypeError(f"emotions are a list of names, such as ['happy', 'sad'], not {emotions!r}")
    wanted = {canonical_emotion(word) for word in emotions}
    for emotion in sorted(wanted - set(contract.emotions)):
        raise UnknownNameError("emotion of this model", emotion, contract.emotions)
    if len(wanted) < 2:
        raise ValueError(f"give two emotions or more to choose from, not {sorted(wanted) or 'none'}")
    return tuple(emotion for emotion in contract.emotions if emotion in wanted)


def restrict(
    row: NDArray[np.floating],
    distance: float,
    contract: Contract,
    allowed: tuple[str, ...],
    *,
    enrolled: bool,
) -> tuple[Probabilities, tuple[str, ...]]:
    """Return calibrated probabilities of the allowed emotions, and the prediction set.

    Parameters
    ----------
    row
        What the graph returned for one recording, shape (emotions,).
    distance
        Its out-of-distribution distance.
    contract, allowed
        The contract of the model, and the emotions that may be predicted.
    enrolled
        Whether the speaker is enrolled.

    Notes
    -----
    If the true emotion is allowed, the prediction set loses nothing by leaving out the others. Where no
    allowed emotion is probable enough, the set is formed of their probabilities relative to each other.
    """
    calibration = contract.calibration_for(enrolled=enrolled)
    calibrated = calibration.calibrate(row, distance)
    places = [contract.emotions.index(emotion) for emotion in allowed]
    shares = calibrated[places] / calibrated[places].sum()
    probabilities = Probabilities(zip(allowed, shares.tolist(), strict=True))
    likely = [contract.emotions[i] for i in calibration.prediction_set(calibrated)]
    kept = [emotion for emotion in likely if emotion in probabilities]
    return probabilities, tuple(kept or [allowed[i] for i in calibration.prediction_set(shares)])


def _notes(
    waveform: Waveform, windows: int, flagged: bool, voice: Voice | None, bundle: Bundle
) -> Iterator[Note]:
    contract = bundle.contract
    if flagged:
        yield Note(
            NoteKind.OUT_OF_DISTRIBUTION,
            "out of distribution: this recording differs from the training data, do not rely on the "
            "prediction",
        )
    low, _, high = contract.recordings.get("sample_rate", (0, 0, np.inf))
    if contract.sample_rate is None and not low <= waveform.sample_rate <= high:
        yield Note(
            NoteKind.UNSEEN_SAMPLE_RATE,
            f"the sample rate is {waveform.sample_rate} Hz, and the model was trained on {low:.0f} to "
            f"{high:.0f} Hz: do not rely on the prediction",
        )
    if windows > 1:
        yield Note(NoteKind.WINDOWS, f"pooled over {windows} windows of {contract.window_s:.1f} s")
    if voice:
        yield Note(NoteKind.ADAPTED, f"adapted to the speaker with {plural(voice.clips, 'clip')}")


def predict_many(
    sources: AudioSource | Iterable[AudioSource],
    model: ModelLike = None,
    *,
    voice: VoiceLike = None,
    emotions: Collection[str] | None = None,
    audio_channel: str = "mix",
    jobs: int = 1,
) -> Iterator[Answer]:
    """Predict many inputs; one that cannot be used becomes an answer with an error.

    Parameters
    ----------
    sources
        As for ``predict``, one or many; a folder or zip archive stands for every audio file in it.
    model, voice, emotions
        As for ``predict``; one that cannot be used raises at once.
    audio_channel
        As for ``predict``, or ``each`` for an answer for each channel of a recording.
    jobs
        Number of processes. With more than one, a script needs ``if __name__ == "__main__"``.

    Returns
    -------
    iterator of Answer
        In the order of the sources, each as soon as it is computed.
    """
    bundle = load(model)
    allowed = allowed_emotions(bundle.contract, emotions)
    check_audio_channel(audio_channel)
    bundle.feature_set.check()
    predict_one = partial(
        predict_waveform, bundle=bundle, voice=ready_voice(voice, bundle), allowed=allowed
    )
    answer = partial(_answers, predict_one=predict_one, audio_channel=audio_channel)
    return _flatten(map_in_order(answer, expand_sources(sources), jobs))


def _flatten(lists: Iterable[list[Answer]]) -> Iterator[Answer]:
    for answers in lists:
        yield from answers


def _answers(
    source: AudioSource, predict_one: Callable[[Waveform, str], Prediction], audio_channel: str
) -> list[Answer]:
    """Return an answer for the recording, or for each of its channels."""
    name = source_name(source)
    try:
        channels = load_channels(source, audio_channel=audio_channel)
    except AffektError as error:
        return [_failed(name, audio_channel, error)]
    return [_answer(name, channel, waveform, predict_one) for channel, waveform in channels.items()]


def _answer(
    name: str,
    channel: str,
    waveform: Waveform | AudioError,
    predict_one: Callable[[Waveform, str], Prediction],
) -> Answer:
    if isinstance(waveform, AudioError):
        return _failed(name, channel, waveform)
    try:
        return Answer(name, prediction=predict_one(waveform, name), audio_channel=channel)
    except AffektError as error:
        return _failed(name, channel, error)


def _failed(name: str, channel: str, error: AffektError) -> Answer:
    """Return an error as an answer, without its traceback, which would keep all that was decoded."""
    error.__cause__ = error.__context__ = None
    return Answer(name, error=error.with_traceback(None), audio_channel=channel)
