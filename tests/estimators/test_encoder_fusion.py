"""A fine-tuned block is fused with a regression, one for unknown speakers or one for enrolled ones."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.estimators.encoder_rows import CLASSES, COLUMNS, VOICE, block_weights, draw_rows

from affekt.estimators.encoder_fusion import EncoderFusionClassifier
from affekt.estimators.fine_tuned import FineTunedNetwork
from affekt.estimators.linear import SpeakerAdaptiveRegression
from affekt.estimators.onnx_export import export, run
from affekt.estimators.row_statistics import RowStatistics
from affekt.model.bundle import ENROLLED_PROBABILITIES
from affekt.model.graph import check_graph
from affekt.model.speaker_normalisation import average_speaker, normalise, speaker_statistics

X, TARGET, SPEAKERS = draw_rows()


def make(epochs: int = 3, **changes: Any) -> EncoderFusionClassifier:
    network = FineTunedNetwork(
        block_weights, epochs=epochs, batch_size=8, learning_rate=1e-2, block_learning_rate=1e-3,
        crop_rows=20, seed=0,
    )  # fmt: skip
    return EncoderFusionClassifier(network, SpeakerAdaptiveRegression(**changes))


@pytest.fixture(scope="module")
def fitted() -> EncoderFusionClassifier:
    return make().fit(X, TARGET, speakers=SPEAKERS)


def statistics(clips: NDArray[Any]) -> NDArray[np.float32]:
    return RowStatistics.of(clips, VOICE).features()


def geometric_mean(network: NDArray[np.float64], regression: NDArray[np.float64]) -> NDArray[np.float64]:
    product = np.sqrt(network * regression)
    return np.asarray(product / product.sum(axis=1, keepdims=True))


def test_unknown_speakers_get_the_geometric_mean_of_both_branches(fitted: EncoderFusionClassifier) -> None:
    network = fitted.frame_branch_.predict_proba(X)
    regression = fitted.utterance_branch_.predict_proba(statistics(X))
    np.testing.assert_allclose(fitted.predict_proba(X), geometric_mean(network, regression), atol=1e-4)
    assert np.abs(network - regression).max() > 0.05


def test_enrolled_speakers_get_that_of_the_block_and_the_regression_for_them(
    fitted: EncoderFusionClassifier,
) -> None:
    unseen, target, speakers = draw_rows(seed=8)
    average = average_speaker(X, SPEAKERS)
    moved = np.empty_like(unseen)
    for name in np.unique(speakers):
        own = speakers == name
        moved[own] = normalise(unseen[own], speaker_statistics(unseen[own], average), average)
    found = fitted.predict_proba_enrolled(moved)
    regression = fitted.utterance_branch_.enrolled_.predict_proba(statistics(moved))
    network = fitted.frame_branch_.predict_proba(moved)
    np.testing.assert_allclose(found, geometric_mean(network, regression), atol=1e-4)
    assert (found.argmax(axis=1) == target).mean() > 0.9


def test_one_graph_has_both_outputs_and_operators_that_models_may_have(
    fitted: EncoderFusionClassifier,
) -> None:
    graph, parity = export(fitted, X, CLASSES, (None, COLUMNS))
    assert parity < 1e-6
    check_graph(graph)
    enrolled = run(graph, X, ENROLLED_PROBABILITIES)
    np.testing.assert_allclose(enrolled, fitted.predict_proba_enrolled(X), atol=1e-6)
    assert np.abs(enrolled - run(graph, X)).max() > 0.001


def test_a_graph_predicts_several_clips_of_one_length_at_once(fitted: EncoderFusionClassifier) -> None:
    graph, _ = export(fitted, X, CLASSES, (None, COLUMNS))
    clips = np.stack([clip[:6] for clip in X[:5]])
    alone = np.concatenate([run(graph, clip[None]) for clip in clips])
    np.testing.assert_allclose(run(graph, clips), alone, atol=1e-6)


def test_the_regressions_are_those_of_a_regression_on_statistics() -> None:
    alone = SpeakerAdaptiveRegression().fit(statistics(X), TARGET, speakers=SPEAKERS)
    found = make(epochs=1).fit(X, TARGET, speakers=SPEAKERS).utterance_branch_
    np.testing.assert_allclose(
        found.predict_proba(statistics(X)), alone.predict_proba(statistics(X)), atol=1e-6
    )


class Watched(FineTunedNetwork):
    seen: ClassVar[dict[str, Any]] = {}

    def fit(self, *given: Any) -> FineTunedNetwork:
        names = "X", "target", "weights", "offsets", "degraded", "normalisation"
        self.seen.update(zip(names, given, strict=True))
        return super().fit(*given)


def make_watched(**changes: Any) -> EncoderFusionClassifier:
    model = make(**changes)
    model.frame_branch = Watched(**model.frame_branch.get_params() | {"epochs": 1})
    return model


def test_a_corpus_of_little_weight_is_drawn_as_often_as_any_if_it_is_alone() -> None:
    make_watched(corpus_weights={"few": 0.3}).fit(X, TARGET, corpora=np.full(len(X), "few"))
    np.testing.assert_array_equal(Watched.seen["weights"], 1)


def test_both_branches_learn_from_degraded_copies_and_from_corpora_by_weight() -> None:
    degraded = np.empty_like(X)
    for i, clip in enumerate(X):
        degraded[i] = clip + np.float32(1)
    corpora = np.where((np.arange(len(X)) % 2 == 0) & (TARGET != 2), "few", "all")
    model, seen = make_watched(corpus_weights={"few": 0.3}, absent_share=0.05), Watched.seen
    model.fit(X, TARGET, speakers=SPEAKERS, corpora=corpora, degraded=degraded)
    assert seen["X"] is X
    assert seen["degraded"] is degraded
    assert seen["normalisation"].sessions is SPEAKERS
    np.testing.assert_array_equal(seen["weights"], np.where(corpora == "few", 0.3, 1))
    expected = np.where(corpora == "few", np.log(0.05), 0)
    np.testing.assert_allclose(seen["offsets"], np.stack([0 * expected, 0 * expected, expected], axis=1))
    plain = make(epochs=1).fit(X, TARGET, speakers=SPEAKERS, corpora=corpora)
    for one in ("unknown_", "enrolled_"):
        pair = [getattr(fitted.utterance_branch_, one).mean for fitted in (model, plain)]
        assert np.abs(pair[0] - pair[1]).mean() > 0.05


def test_classes_may_have_any_names() -> None:
    names = np.array(["angry", "calm", "sad"])[TARGET]
    found = make(epochs=1).fit(X, names, speakers=SPEAKERS)
    assert list(found.classes_) == ["angry", "calm", "sad"]
    assert (found.predict(X) == names).mean() > 0.8
