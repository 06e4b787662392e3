"""The contract of a model: what its graph needs and returns, what it was trained on, how it was scored."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from affekt.metrics import HEADLINES, Score
from affekt.model.calibration import Calibration
from affekt.model.speaker_normalisation import LARGEST, SpeakerStatistics

CONTRACT_FORMAT = 4
FINGERPRINT_DIGITS = 16
MIN_WINDOW_S = 1.0
_RELIABILITY = {"confidence", "accuracy", "count"}
# Attributes that have another name in files of format 4.
_NAMES_IN_FILE = {
    "calibration": "trust",
    "distance_threshold": "novel_from",
    "average_speaker": "average_voice",
}
_SCORE_NAMES_IN_FILE = {"set_size": "likely_count"}


@dataclass(frozen=True, kw_only=True)
class TrainingCorpus:
    """A corpus that a model was trained on.

    Attributes
    ----------
    name, licence, citation
        As on the corpus's card.
    clips
        Number of clips.
    speakers
        Names of the speakers that are known.
    unknown_speakers
        Whether it has clips whose speaker is unknown.
    """

    name: str
    licence: str
    citation: str
    clips: int
    speakers: tuple[str, ...]
    unknown_speakers: bool


@dataclass(frozen=True, kw_only=True)
class ContractScores:
    """How a model's recipe was scored by cross-validation.

    Attributes
    ----------
    protocol, protocol_label, leaky, n, chance, headlines
        As in ``Evaluation``.
    recall
        Emotion -> recall; None for an emotion that does not occur.
    confusion_matrix
        Clips; the true emotion in the rows, the predicted one in the columns.
    reliability
        The bins of the reliability diagram: ``confidence``, ``accuracy`` and ``count``.
    coverage, set_size
        How often the prediction set held the true emotion, and its mean size; None where they could not be
        measured, as with one fold.
    """

    protocol: str
    protocol_label: str
    leaky: bool
    n: int
    chance: float
    headlines: Mapping[str, Score]
    recall: Mapping[str, float | None]
    confusion_matrix: tuple[tuple[int, ...], ...]
    reliability: Mapping[str, tuple[float, ...]]
    coverage: float | None
    set_size: float | None


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What a model promises.

    Attributes
    ----------
    emotions
        The meaning of each output, in order.
    features, sample_rate
        The feature set ``name@version``, and its sample rate in Hz (None: the clip's own).
    recipe, seed
        How it was trained.
    corpora
        What it was trained on.
    fingerprints
        The first 16 digits of the ``fingerprint`` of each training clip.
    scores
        How its recipe was scored by cross-validation.
    recordings
        How the training clips were recorded: characteristic -> its 5th, 50th and 95th percentile.
    calibration
        Temperature and threshold, fitted on out-of-fold probabilities.
    distance_threshold
        A clip whose ``out_of_distribution.distance`` is larger is out of distribution.
    average_speaker
        Mean and standard deviation of each feature of the average training speaker, to which the features
        of other speakers are normalised.
    parity
        Largest difference between the graph and the estimator that it was exported from, on real clips.
    versions
        Versions of the libraries that trained it.
    sha256
        Checksum of the graph and of everything above.
    format
        Version of the contract's layout in the file.
    """

    emotions: tuple[str, ...]
    features: str
    sample_rate: int | None
    recipe: str
    seed: int
    corpora: tuple[TrainingCorpus, ...]
    fingerprints: tuple[str, ...]
    scores: ContractScores
    recordings: Mapping[str, tuple[float, float, float]]
    calibration: Calibration
    distance_threshold: float
    average_speaker: SpeakerStatistics
    parity: float
    versions: Mapping[str, str]
    sha256: str = ""
    format: int = CONTRACT_FORMAT

    @property
    def window_s(self) -> float:
        """Length in seconds of the windows that a long recording is cut into."""
        if "duration_s" not in self.recordings:
            return math.inf
        return max(self.recordings["duration_s"][2], MIN_WINDOW_S)

    def was_trained_on(self, fingerprint: str) -> bool:
        """Whether the clip with this fingerprint is among the training clips."""
        return fingerprint[:FINGERPRINT_DIGITS] in self.fingerprints

    def knows_speaker(self, corpus: str, speaker: str) -> bool:
        """Whether this speaker is, or may be, among the training speakers."""
        return any(
            trained.name == corpus
            and (speaker in trained.speakers or not speaker or trained.unknown_speakers)
            for trained in self.corpora
        )

    def to_dict(self) -> dict[str, Any]:
        """The contract as plain values, by the names that they have in the file."""
        values = _rename(asdict(self), _NAMES_IN_FILE)
        values["scores"] = _rename(values["scores"], _SCORE_NAMES_IN_FILE)
        for score in values["scores"]["headlines"].values():
            if not score["no_interval"]:  # which files that were written earlier do not have
                del score["no_interval"]
        return values


def parse_contract(values: Mapping[str, Any]) -> Contract:
    """Check the plain values of a contract and build it.

    Raises
    ------
    ValueError, TypeError, KeyError, AttributeError, OverflowError
        The values are not those of a contract.
    """
    if values.get("format") != CONTRACT_FORMAT:
        raise ValueError(
            f"its format is {values.get('format')!r}, and this version of affekt reads format "
            f"{CONTRACT_FORMAT}: train the model again"
        )
    values = _rename(values, {there: here for here, there in _NAMES_IN_FILE.items()})
    known = {one.name for one in fields(Contract)}
    if missing := known - values.keys():
        raise ValueError(f"it lacks {', '.join(sorted(missing))}")
    if not isinstance(values["features"], str):
        raise ValueError(f"its features are {values['features']!r}, not the name of a feature set")
    emotions = _parse_emotions(values["emotions"])
    corpora = [{**corpus, "speakers": tuple(corpus["speakers"])} for corpus in values["corpora"]]
    recordings = values["recordings"]
    return Contract(
        **{
            **{key: values[key] for key in known},
            "emotions": emotions,
            "fingerprints": tuple(values["fingerprints"]),
            "average_speaker": SpeakerStatistics.parse(values["average_speaker"]),
            "calibration": Calibration.parse(values["calibration"]),
            "distance_threshold": _finite(values["distance_threshold"]),
            "recordings": {name: _percentiles(*found) for name, found in recordings.items()},
            "corpora": tuple(TrainingCorpus(**corpus) for corpus in corpora),
            "scores": _parse_scores(values["scores"], len(emotions)),
        }
    )


def _parse_emotions(emotions: object) -> tuple[str, ...]:
    if not (isinstance(emotions, list) and emotions and all(isinstance(e, str) for e in emotions)):
        raise ValueError(f"its emotions are {emotions!r}, not a list of names")
    if len(set(emotions)) != len(emotions):
        raise ValueError(f"an emotion is named twice: {emotions}")
    return tuple(emotions)


def _parse_scores(values: Mapping[str, Any], emotion_count: int) -> ContractScores:
    headlines = {name: Score(**score) for name, score in values["headlines"].items()}
    if missing := HEADLINES.keys() - headlines.keys():
        raise ValueError(f"there is no score for {', '.join(sorted(missing))}")
    bins = {name: tuple(column) for name, column in values["reliability"].items()}
    if bins.keys() != _RELIABILITY or len({len(column) for column in bins.values()}) != 1:
        raise ValueError(
            f"the reliability diagram has {sorted(bins)}, not {sorted(_RELIABILITY)} of one length"
        )
    if not sum(bins["count"]) > 0:
        raise ValueError("the reliability diagram has no answers")
    rows = tuple(tuple(row) for row in values["confusion_matrix"])
    if [len(row) for row in rows] != [emotion_count] * emotion_count:
        raise ValueError("the confusion matrix does not fit the emotions")
    here = _rename(values, {there: here for here, there in _SCORE_NAMES_IN_FILE.items()})
    return ContractScores(**{**here, "headlines": headlines, "confusion_matrix": rows, "reliability": bins})


def _rename(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}


def _finite(value: float) -> float:
    if not (isinstance(value, int | float) and abs(value) < LARGEST):
        raise ValueError(f"{value!r} is not a finite number")
    return float(value)


def _percentiles(low: float, middle: float, high: float) -> tuple[float, float, float]:
    found = _finite(low), _finite(middle), _finite(high)
    if list(found) != sorted(found):
        raise ValueError(f"percentiles do not ascend: {found}")
    return found
