"""Two views are learned apart and answer together; both learn from voices that are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from affekt import fusion
from affekt.calibration import SpeakerCalibratedClassifier
from affekt.corpora import load
from affekt.cross_validation import fit
from affekt.dataset import Dataset, listen
from affekt.features import find_feature_set
from affekt.features.two_views import BANDS, COLUMNS
from affekt.fusion import RELATIVE, FusionClassifier
from affekt.onnx_export import convert, run
from affekt.recipes import find_recipe
from affekt.voice_network import VoiceNetwork


@pytest.fixture(scope="module")
def dataset(small_ravdess: Path) -> Dataset:
    return listen(load(small_ravdess), find_feature_set("two-views@1"), degraded_copies=True)


def make(epochs: int = 4) -> FusionClassifier:
    estimator: Any = find_recipe("affekt-net").build(0)
    estimator.set_params(near__epochs=epochs, near__batch_size=8)
    return estimator


@pytest.fixture(scope="module")
def fitted(dataset: Dataset) -> Any:
    return fit(make(), dataset)


def from_afar(clips: Any) -> np.ndarray:
    return np.stack([clip[0, BANDS:] for clip in clips])


def spread(clips: Any, times: float) -> Any:
    """The same clips, as many times as far from the average voice in all that is heard from afar."""
    moved = np.empty_like(clips)
    middle = np.mean([clip[0] for clip in clips], axis=0)[BANDS:-1]
    for i, clip in enumerate(clips):
        moved[i] = clip.copy()
        moved[i][:, BANDS:-1] = middle + times * (clip[:, BANDS:-1] - middle)
    return moved


def test_of_familiar_clips_the_answer_is_the_geometric_mean_of_both(fitted: Any, dataset: Dataset) -> None:
    clips = spread(dataset.features, 0.1)
    product = np.sqrt(fitted.near_.predict_proba(clips) * fitted.afar_.predict_proba(from_afar(clips)))
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(fitted.predict_proba(clips), expected, atol=1e-4)


def test_of_strange_clips_the_answer_is_what_is_heard_from_near(fitted: Any, dataset: Dataset) -> None:
    clips = spread(dataset.features, 10)
    np.testing.assert_allclose(fitted.predict_proba(clips), fitted.near_.predict_proba(clips), atol=1e-4)


def test_a_quarter_of_what_was_learned_from_is_not_quite_familiar(fitted: Any, dataset: Dataset) -> None:
    near, both = fitted.near_.predict_proba(dataset.features), fitted.predict_proba(dataset.features)
    afar = fitted.afar_.predict_proba(from_afar(dataset.features))
    whole = softmax((np.log(near) + np.log(afar)) / 2, axis=1)
    assert np.isclose(both, whole, atol=1e-4).all(axis=1).mean() == pytest.approx(0.75, abs=0.05)
    assert np.isclose(both, near, atol=1e-4).all(axis=1).mean() < 0.1


@pytest.mark.parametrize("times", [0.1, 1, 1.5, 10])
def test_the_graph_trusts_strange_clips_as_the_estimator_does(
    fitted: Any, dataset: Dataset, times: float
) -> None:
    clips = spread(dataset.features, times)
    graph = convert(fitted, find_feature_set("two-views@1").shape).SerializeToString()
    np.testing.assert_allclose(run(graph, clips), fitted.predict_proba(clips), atol=1e-4)


def test_both_halves_say_something(fitted: Any, dataset: Dataset) -> None:
    for half, heard in (
        (fitted.near_, dataset.features),
        (fitted.afar_, from_afar(dataset.features)),
    ):
        answers = half.predict_proba(heard).argmax(axis=1)
        assert (answers == dataset.labels).mean() > 0.5  # chance is a third


def test_one_row_is_answered_by_the_graph_as_by_the_estimator(fitted: Any, dataset: Dataset) -> None:
    shape = find_feature_set("two-views@1").shape
    short = np.empty(3, object)
    short[:] = [dataset.features[0][:rows] for rows in (1, 2, 9)]
    graph = convert(fitted, shape).SerializeToString()
    np.testing.assert_allclose(run(graph, short), fitted.predict_proba(short), atol=1e-5)


def test_the_half_afar_learns_each_clip_twice_and_its_voice_from_the_same_session(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    describe = fusion.describe_speaker

    def watched(features: Any, average: Any, relative: Any) -> Any:
        clips = [next(i for i, clip in enumerate(dataset.features) if clip is one) for one in features]
        seen.append((len(clips), len({dataset.labels[i] % 2 for i in clips})))
        return describe(features, average, relative)

    monkeypatch.setattr(fusion, "describe_speaker", watched)
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
    assert len(seen) == len(dataset.labels)
    assert {kinds for _, kinds in seen} == {1}
    assert {count for count, _ in seen} == {
        3,
        7,
    }  # of four angry clips the others, and of eight that are not


def test_speakers_are_told_apart_where_groups_are_recordings(dataset: Dataset) -> None:
    """Under a random protocol each recording is a group, and voices are still those of speakers."""
    given: dict[str, Any] = {}

    class Noting(VoiceNetwork):
        def fit(self, takes: Any) -> Any:
            given["others"] = takes.others
            raise KeyboardInterrupt

    estimator = make(epochs=1)
    settings = estimator.near.get_params()
    estimator.set_params(near=Noting(**settings))
    with pytest.raises(KeyboardInterrupt):
        fit(estimator, dataset, groups=np.arange(len(dataset.labels)))
    for i, others in enumerate(given["others"]):
        assert set(others) == set(np.flatnonzero(dataset.speakers == dataset.speakers[i])) - {i}


def test_from_near_the_spoilt_copies_that_the_recipe_asks_for_are_heard_too(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_recipe("affekt-net").degraded_copies
    assert dataset.degraded is not None
    given: list[Any] = []
    monkeypatch.setattr(VoiceNetwork, "fit", lambda self, takes: given.append(takes) or self)
    train = np.arange(0, len(dataset.labels), 2)
    fit(make(), dataset, train)
    fit(make(), replace(dataset, degraded=None), train)
    with_copies, without = given
    for place, i in enumerate(train):
        # but for the level, of which nothing is known
        np.testing.assert_array_equal(with_copies.degraded[place][:, :-1], dataset.degraded[i][:, :BANDS])
    assert without.degraded is None


def test_a_speaker_of_one_clip_is_learned_from_all_the_same(dataset: Dataset) -> None:
    alone = np.array(["somebody", *dataset.speakers[1:]])
    make(epochs=1).fit(dataset.features, dataset.labels, groups=alone)


def test_only_the_level_is_relative() -> None:
    assert [COLUMNS[i] for i in RELATIVE] == ["level_db"]
    assert find_feature_set("two-views@1").relative_columns == RELATIVE
