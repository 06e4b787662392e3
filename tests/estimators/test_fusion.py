"""Both branches are trained on clips of unknown and enrolled speakers, and fused by distance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import softmax

from affekt.corpora.registry import load_corpus
from affekt.estimators import fusion
from affekt.estimators.calibrated import SpeakerCalibratedClassifier
from affekt.estimators.crops import TrainingCrops
from affekt.estimators.frame_network import FrameNetwork
from affekt.estimators.fusion import RELATIVE, FusionClassifier
from affekt.estimators.onnx_export import convert, run
from affekt.evaluation.dataset import Dataset, Extraction, extract_dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import fit_recipe
from affekt.features.feature_sets import find_feature_set
from affekt.features.frame_and_utterance import BANDS, COLUMNS
from affekt.model import speaker_normalisation
from affekt.recipes import find_recipe

Array = NDArray[Any]
FEATURES = "frames-and-utterance@1"
NONE = np.zeros(0, np.intp)


@pytest.fixture(scope="module")
def dataset(small_ravdess: Path) -> Dataset:
    return extract_dataset(
        load_corpus(small_ravdess),
        Extraction(features=FEATURES, degraded_copies="noise-room-band@1"),
        Execution(),
    )


def make(epochs: int = 4) -> FusionClassifier:
    estimator = find_recipe("affekt-net").build(0)
    estimator.set_params(frame_branch__epochs=epochs, frame_branch__batch_size=8)
    assert isinstance(estimator, FusionClassifier)
    return estimator


def fit(
    estimator: Any, dataset: Dataset, train: Array | None = None, groups: Array | None = None
) -> FusionClassifier:
    """Fit as in a fold; by default on all clips, with speakers as groups."""
    train = np.arange(len(dataset.labels)) if train is None else train
    groups = dataset.speakers if groups is None else groups
    fitted = fit_recipe(estimator, dataset, train, NONE, groups).estimator
    assert isinstance(fitted, FusionClassifier)
    return fitted


@pytest.fixture(scope="module")
def fitted(dataset: Dataset) -> FusionClassifier:
    return fit(make(), dataset)


def utterance_features(clips: Array) -> Array:
    return np.stack([clip[0, BANDS:] for clip in clips])


def spread(clips: Array, factor: float) -> Array:
    """Multiply the distance of utterance features from their mean by a factor."""
    moved = np.empty_like(clips)
    mean = np.mean([clip[0] for clip in clips], axis=0)[BANDS:-1]
    for i, clip in enumerate(clips):
        moved[i] = clip.copy()
        moved[i][:, BANDS:-1] = mean + factor * (clip[:, BANDS:-1] - mean)
    return moved


# --- fusion ------------------------------------------------------------------------------------------


def test_near_the_average_speaker_both_branches_have_the_same_weight(
    fitted: FusionClassifier, dataset: Dataset
) -> None:
    clips = spread(dataset.features, 0.1)
    frame = fitted.frame_branch_.predict_proba(clips)
    utterance = fitted.utterance_branch_.predict_proba(utterance_features(clips))
    product = np.sqrt(frame * utterance)
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(clips), expected, atol=1e-4)


def test_far_from_the_average_speaker_the_frame_branch_alone_predicts(
    fitted: FusionClassifier, dataset: Dataset
) -> None:
    clips = spread(dataset.features, 10)
    expected = fitted.frame_branch_.predict_proba(clips)
    np.testing.assert_allclose(fitted.predict_proba(clips), expected, atol=1e-4)


def test_three_quarters_of_the_training_clips_have_full_weight(
    fitted: FusionClassifier, dataset: Dataset
) -> None:
    fused = fitted.predict_proba(dataset.features)
    frame = fitted.frame_branch_.predict_proba(dataset.features)
    utterance = fitted.utterance_branch_.predict_proba(utterance_features(dataset.features))
    full = softmax((np.log(frame) + np.log(utterance)) / 2, axis=1)
    assert np.isclose(fused, full, atol=1e-4).all(axis=1).mean() == pytest.approx(0.75, abs=0.05)
    assert np.isclose(fused, frame, atol=1e-4).all(axis=1).mean() < 0.1


def test_both_branches_are_better_than_chance(fitted: FusionClassifier, dataset: Dataset) -> None:
    frame = fitted.frame_branch_.predict_proba(dataset.features)
    utterance = fitted.utterance_branch_.predict_proba(utterance_features(dataset.features))
    for probabilities in (frame, utterance):
        assert (probabilities.argmax(axis=1) == dataset.labels).mean() > 0.5  # chance is a third


@pytest.mark.parametrize("factor", [0.1, 1, 1.5, 10])
def test_the_graph_has_the_same_weights_as_the_estimator(
    fitted: FusionClassifier, dataset: Dataset, factor: float
) -> None:
    clips = spread(dataset.features, factor)
    graph = convert(fitted, find_feature_set(FEATURES).shape).SerializeToString()
    np.testing.assert_allclose(run(graph, clips), fitted.predict_proba(clips), atol=1e-4)


def test_the_graph_predicts_clips_of_a_single_frame_as_the_estimator_does(
    fitted: FusionClassifier, dataset: Dataset
) -> None:
    short = np.empty(3, object)
    short[:] = [dataset.features[0][:frames] for frames in (1, 2, 9)]
    graph = convert(fitted, find_feature_set(FEATURES).shape).SerializeToString()
    np.testing.assert_allclose(run(graph, short), fitted.predict_proba(short), atol=1e-5)


# --- training ----------------------------------------------------------------------------------------


def test_the_utterance_branch_is_trained_on_each_clip_twice_with_speakers_enrolled_by_session(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled: list[tuple[int, int]] = []
    statistics = speaker_normalisation.speaker_statistics

    def watched(features: Any, average: Any, relative: Any) -> Any:
        clips = [next(i for i, clip in enumerate(dataset.features) if clip is one) for one in features]
        enrolled.append((len(clips), len({dataset.labels[i] % 2 for i in clips})))
        return statistics(features, average, relative)

    monkeypatch.setattr(fusion, "speaker_statistics", watched)
    rows: list[int] = []
    calibrate = SpeakerCalibratedClassifier.fit

    def counted(self: Any, X: Any, y: Any, groups: Any) -> Any:
        rows.append(len(X))
        return calibrate(self, X, y, groups)

    monkeypatch.setattr(SpeakerCalibratedClassifier, "fit", counted)
    sessions = np.array(
        [f"{name} {label % 2}" for name, label in zip(dataset.speakers, dataset.labels, strict=True)]
    )
    make(epochs=1).fit(
        dataset.features,
        dataset.labels,
        groups=dataset.speakers,
        speakers=dataset.speakers,
        sessions=sessions,
        degraded=dataset.degraded,
    )
    assert rows == [2 * len(dataset.labels)]
    assert len(enrolled) == len(dataset.labels)
    assert {sessions_mixed for _, sessions_mixed in enrolled} == {1}
    # a speaker has four clips in one session and eight in the other, without the clip itself
    assert {count for count, _ in enrolled} == {3, 7}


def test_speakers_are_kept_apart_where_groups_are_recordings(dataset: Dataset) -> None:
    """Under a random protocol each recording is a group, but statistics are still those of speakers."""
    given: dict[str, Any] = {}

    class Recorder(FrameNetwork):
        def fit(self, crops: TrainingCrops) -> FrameNetwork:
            given["others"] = crops.others
            raise KeyboardInterrupt

    estimator = make(epochs=1)
    estimator.set_params(frame_branch=Recorder(**estimator.frame_branch.get_params()))
    with pytest.raises(KeyboardInterrupt):
        fit(estimator, dataset, groups=np.arange(len(dataset.labels)))
    for i, others in enumerate(given["others"]):
        assert set(others) == set(np.flatnonzero(dataset.speakers == dataset.speakers[i])) - {i}


def test_the_frame_branch_is_trained_on_degraded_copies_too_if_there_are_any(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_recipe("affekt-net").degraded_copies == "noise-room-band@1"
    assert dataset.degraded is not None
    given: list[TrainingCrops] = []

    def record(self: FrameNetwork, crops: TrainingCrops) -> FrameNetwork:
        given.append(crops)
        return self

    monkeypatch.setattr(FrameNetwork, "fit", record)
    train = np.arange(0, len(dataset.labels), 2)
    fit(make(), dataset, train)
    fit(make(), replace(dataset, degraded=None), train)
    with_copies, without = given
    assert with_copies.degraded is not None
    for place, i in enumerate(train):
        # the last column is the level, which is not known of an unknown speaker
        np.testing.assert_array_equal(with_copies.degraded[place][:, :-1], dataset.degraded[i][:, :BANDS])
    assert without.degraded is None


def test_a_speaker_with_a_single_clip_can_be_trained_on(dataset: Dataset) -> None:
    groups = np.array(["somebody", *dataset.speakers[1:]])
    model = make(epochs=1).fit(dataset.features, dataset.labels, groups=groups)
    assert model.predict_proba(dataset.features).shape == (len(dataset.labels), 3)


def test_only_the_level_is_relative() -> None:
    assert [COLUMNS[i] for i in RELATIVE] == ["level_db"]
    assert find_feature_set(FEATURES).relative_columns == RELATIVE
