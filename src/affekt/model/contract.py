"""The contract of a model: what its graph needs and returns, what it was trained on, how it was scored."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.metrics import HEADLINES, Score
from affekt.model.calibration import FITTED_ON, SEEN_SPEAKERS, Calibration
from affekt.model.out_of_distribution import MAX_UNCERTAINTY_WEIGHT, weighted_distance
from affekt.model.speaker_normalisation import LARGEST, SpeakerStatistics
from affekt.support.plain_values import build, build_fields

CONTRACT_FORMAT = 4
FINGERPRINT_DIGITS = 16
MIN_WINDOW_S = 1.0
MAX_EMOTIONS, MAX_NAME = 1000, 100
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
        Temperature and threshold, fitted on out-of-fold probabilities; and whom these were for.
    distance_threshold
        A clip whose ``out_of_distribution.weighted_distance`` is larger is out of distribution.
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
    uncertainty_weight
        How much an uncertain answer increases the weighted distance; 0 in files that were written earlier.
    enrolled_calibration
        That of predictions for enrolled speakers, where the graph has a classifier of its own for these.
        None: ``calibration`` is theirs too, as in files that were written earlier.
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
    uncertainty_weight: float = 0.0
    enrolled_calibration: Calibration | None = None

    @property
    def window_s(self) -> float:
        """Length in seconds of the windows that a long recording is cut into."""
        if "duration_s" not in self.recordings:
            return math.inf
        return max(self.recordings["duration_s"][2], MIN_WINDOW_S)

    @property
    def calibrated_on(self) -> tuple[str, ...]:
        """What the calibration was fitted on, of ``FITTED_ON``; on other clips it may be far off."""
        return self._fitted_on(self.calibration)

    def calibration_for(self, *, enrolled: bool) -> Calibration:
        """Return the calibration of predictions for enrolled speakers, or for others."""
        return (self.enrolled_calibration if enrolled else None) or self.calibration

    @property
    def averaged_over(self) -> str:
        """The clips that confidence and prediction sets are right for on average, in words."""
        return " and ".join(FITTED_ON[kind] for kind in self.calibrated_on)

    @property
    def averaged_over_enrolled(self) -> str:
        """The same of predictions with a voice of 1 to 16 clips; empty where they have no calibration."""
        fitted_on = self._fitted_on(self.enrolled_calibration) if self.enrolled_calibration else ()
        return " and ".join(FITTED_ON[kind] for kind in fitted_on)

    def _fitted_on(self, calibration: Calibration) -> tuple[str, ...]:
        # files that were written earlier do not say it
        return (SEEN_SPEAKERS,) if self.scores.leaky else calibration.fitted_on

    def is_out_of_distribution(self, row: NDArray[np.floating], distance: float) -> bool:
        """Whether a clip is flagged, by its probabilities before calibration and its distance."""
        return bool(weighted_distance(distance, row, self.uncertainty_weight) > self.distance_threshold)

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
        values[_NAMES_IN_FILE["calibration"]] = self.calibration.to_dict()
        if not self.uncertainty_weight:  # which files that were written earlier do not have
            del values["uncertainty_weight"]
        del values["enrolled_calibration"]  # nor do files of models without one have this
        if self.enrolled_calibration:
            values["enrolled_calibration"] = self.enrolled_calibration.to_dict()
        values["scores"] = _rename(values["scores"], _SCORE_NAMES_IN_FILE)
        for score in values["scores"]["headlines"].values():
            if not score["no_interval"]:  # which files that were written earlier do not have
                del score["no_interval"]
        return values


def parse_contract(values: object) -> Contract:
    """Check the plain values of a contract and build it.

    Raises
    ------
    ValueError
        The values are not those of a contract.
    """
    if not isinstance(values, Mapping):
        raise ValueError("it is not an object")
    if values.get("format") != CONTRACT_FORMAT:
        raise ValueError(
            f"its format is {reprlib.repr(values.get('format'))}, and this version of affekt reads format "
            f"{CONTRACT_FORMAT}: train the model again"
        )
    here = _rename(values, {there: here for here, there in _NAMES_IN_FILE.items()})
    if "scores" in here:
        here["scores"] = _parse_scores(here["scores"])
    found: Contract = build_fields(Contract, here | {"sha256": here.get("sha256")})
    _check_emotions(found)
    for name, percentiles in found.recordings.items():
        if list(percentiles) != sorted(percentiles) or max(map(abs, percentiles)) > LARGEST:
            raise ValueError(f"percentiles of {reprlib.repr(name)} do not ascend: {percentiles}")
        if name in ("duration_s", "sample_rate") and percentiles[0] < 0:
            raise ValueError(f"percentiles of {name} are negative: {percentiles}")
    if not found.corpora or any(one.clips < 1 for one in found.corpora):
        raise ValueError("it was trained on no clips")
    if abs(found.distance_threshold) > LARGEST:
        raise ValueError(f"the distance threshold is out of range: {found.distance_threshold:g}")
    if not 0 <= found.uncertainty_weight <= MAX_UNCERTAINTY_WEIGHT:
        raise ValueError(
            f"the uncertainty weight is {found.uncertainty_weight:g}, not from 0 to "
            f"{MAX_UNCERTAINTY_WEIGHT:g}"
        )
    return found


def _parse_scores(values: object) -> ContractScores:
    if not isinstance(values, Mapping):
        raise ValueError("its scores are not an object")
    here = _rename(values, {there: here for here, there in _SCORE_NAMES_IN_FILE.items()})
    # intervals over one speaker are NaN
    here["headlines"] = build(
        Mapping[str, Score], here.get("headlines"), finite=False, name="scores.headlines"
    )
    found: ContractScores = build_fields(ContractScores, here, name="scores")
    if missing := HEADLINES.keys() - found.headlines.keys():
        raise ValueError(f"there is no score for {', '.join(sorted(missing))}")
    if unknown := found.headlines.keys() - HEADLINES.keys():
        raise ValueError(f"there is a score of unknown metrics: {reprlib.repr(sorted(unknown))}")
    if not all(math.isfinite(score.value) for score in found.headlines.values()):
        raise ValueError("a score is not a finite number")
    bins = found.reliability
    if bins.keys() != _RELIABILITY or len({len(column) for column in bins.values()}) != 1:
        raise ValueError(
            f"the reliability diagram has {reprlib.repr(sorted(bins))}, not {sorted(_RELIABILITY)} of one "
            "length"
        )
    if not sum(bins["count"]) > 0 or min(bins["count"]) < 0:
        raise ValueError("the reliability diagram has no answers")
    shares = {"chance": found.chance, **{f"recall of {name}": one for name, one in found.recall.items()}}
    shares |= {"coverage": found.coverage, "set size": found.set_size and found.set_size / MAX_EMOTIONS}
    for name, share in shares.items():
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"the {name} is out of range")
    if found.n < 1:
        raise ValueError(f"it was scored on {found.n} clips")
    return found


def _check_emotions(contract: Contract) -> None:
    emotions, scores = contract.emotions, contract.scores
    if not 0 < len(emotions) <= MAX_EMOTIONS:
        raise ValueError(f"it names {len(emotions)} emotions; 1 to {MAX_EMOTIONS} are allowed")
    for emotion in emotions:
        if not 0 < len(emotion) <= MAX_NAME or not emotion.isprintable():
            raise ValueError(
                f"{reprlib.repr(emotion)} is no name of an emotion: 1 to {MAX_NAME} printable characters"
            )
    if len(set(emotions)) != len(emotions):
        raise ValueError(f"an emotion is named twice: {emotions}")
    if [len(row) for row in scores.confusion_matrix] != [len(emotions)] * len(emotions):
        raise ValueError("the confusion matrix does not fit the emotions")
    if min(map(min, scores.confusion_matrix)) < 0:
        raise ValueError("the confusion matrix has negative counts")


def _rename(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(key, key): value for key, value in values.items()}
