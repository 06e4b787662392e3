"""Networks are trained on training clips alone, stop early, keep the best weights and leave no traces."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from torch import Tensor, nn

from affekt.errors import CorpusError
from affekt.estimators.layers import FocalLoss, Transpose
from affekt.estimators.networks import NetworkClassifier
from affekt.estimators.onnx_export import export, run

Array = NDArray[Any]
SPEAKERS, EACH, COLUMNS = 6, 10, 4
GROUPS = np.repeat(np.arange(SPEAKERS), EACH)
LABELS = np.tile([0, 1], SPEAKERS * EACH // 2)
RNG = np.random.default_rng(0)
FEATURES = (RNG.standard_normal((len(LABELS), COLUMNS)) + 1.5 * LABELS[:, None]).astype(np.float32)


def dense(emotions: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(COLUMNS, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, emotions)
    )


def over_time(emotions: int) -> nn.Module:
    """A network for clips of any length: (clips, frames, columns) -> scores."""
    return nn.Sequential(
        Transpose(), nn.Conv1d(COLUMNS, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Linear(6, emotions),
    )  # fmt: skip


def make(network: Any = dense, **settings: Any) -> NetworkClassifier:
    given = {"epochs": 6, "batch_size": 8, "learning_rate": 1e-2, "patience": 100, **settings}
    return NetworkClassifier(network, **given)


def varying_clips(seed: int = 1, shortest: int = 3, longest: int = 12) -> Array:
    rng = np.random.default_rng(seed)
    clips = np.empty(len(LABELS), object)
    for i, label in enumerate(LABELS):
        frames = rng.integers(shortest, longest)
        clips[i] = (rng.standard_normal((frames, COLUMNS)) + label).astype(np.float32)
    return clips


# --- training ----------------------------------------------------------------------------------------


def test_it_learns_and_predicts_probabilities() -> None:
    model = make(epochs=30).fit(FEATURES, LABELS, groups=GROUPS)
    probabilities = model.predict_proba(FEATURES)
    assert (model.predict(FEATURES) == LABELS).mean() > 0.8
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(model.predict(FEATURES), probabilities.argmax(axis=1))


def fit_with_early_stopping(model: NetworkClassifier, **more: Any) -> NetworkClassifier:
    """Fit, and fail if early stopping is taken for Ctrl-C, which would end all tests."""
    try:
        return model.fit(FEATURES, LABELS, groups=GROUPS, **more)
    except KeyboardInterrupt:
        pytest.fail("early stopping was taken for Ctrl-C")


def test_training_stops_if_the_validation_loss_no_longer_decreases() -> None:
    model = fit_with_early_stopping(make(epochs=50, patience=3, learning_rate=0.5))
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert len(losses) < 50
    assert len(losses) - 1 - int(np.argmin(losses)) <= 3


def test_a_network_that_improves_in_every_epoch_is_trained_to_the_last_one() -> None:
    model = make(partial(nn.Linear, COLUMNS), epochs=5, patience=1).fit(FEATURES, LABELS, groups=GROUPS)
    assert len(model.history_) == 5


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_weights_of_the_best_epoch_are_kept(gamma: float) -> None:
    rng = np.random.default_rng(9)
    validation = rng.standard_normal((12, COLUMNS)).astype(np.float32), rng.integers(0, 2, 12)
    model = make(epochs=12, learning_rate=0.1, gamma=gamma).fit(
        FEATURES, LABELS, groups=GROUPS, validation=validation
    )
    with torch.inference_mode():
        scores = model.module_(torch.as_tensor(validation[0]))
        loss = FocalLoss(gamma)(scores, torch.as_tensor(validation[1])).item()
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert loss == pytest.approx(min(losses), abs=1e-5)
    assert min(losses) < losses[-1] - 1e-3  # the last epoch was not the best


class RecordingAugment:
    """An augment function that records the clips it is given, and returns unchanged copies."""

    def __init__(self) -> None:
        self.given: list[Array] = []

    def __call__(self, features: Array, copies: int, rng: np.random.Generator) -> Array:
        self.given.append(features.copy())
        return np.concatenate([features] * copies)

    def __deepcopy__(self, memo: Any) -> RecordingAugment:
        return self


def rows_of(features: Array) -> set[bytes]:
    return {row.tobytes() for row in features}


def test_training_clips_are_augmented_and_validation_clips_are_not() -> None:
    augment = RecordingAugment()
    make(augment=augment, epochs=1).fit(FEATURES, LABELS, groups=GROUPS)
    (given,) = augment.given
    speakers = {GROUPS[i] for i in range(len(FEATURES)) if FEATURES[i].tobytes() in rows_of(given)}
    assert len(speakers) == SPEAKERS - 1  # one speaker of six is left for validation
    assert len(given) == len(FEATURES) - EACH


def test_all_training_clips_are_augmented_if_validation_clips_are_given() -> None:
    augment, validation = RecordingAugment(), (FEATURES + 100, LABELS)
    make(augment=augment, epochs=1).fit(FEATURES, LABELS, groups=GROUPS, validation=validation)
    (given,) = augment.given
    np.testing.assert_array_equal(given, FEATURES)
    assert not rows_of(given) & rows_of(validation[0])


def test_each_epoch_trains_on_originals_and_copies_and_validates_on_originals() -> None:
    batches: list[tuple[bool, int]] = []

    class Counting(nn.Linear):
        def forward(self, features: Tensor) -> Tensor:
            batches.append((self.training, len(features)))
            return super().forward(features)

    make(lambda k: Counting(COLUMNS, k), augment=RecordingAugment(), copies=2, epochs=1, batch_size=10).fit(
        FEATURES, LABELS, groups=GROUPS
    )
    assert sum(count for training, count in batches if training) == 3 * (len(FEATURES) - EACH)
    assert sum(count for training, count in batches if not training) == EACH


def test_features_are_standardised_by_training_clips_alone() -> None:
    validation = (FEATURES + 100, LABELS)
    model = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS, validation=validation)
    np.testing.assert_allclose(model.module_[0].mean.numpy(), FEATURES.mean(axis=0), atol=1e-5)
    other = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS)
    means = [FEATURES[speaker != GROUPS].mean(axis=0) for speaker in range(SPEAKERS)]
    assert any(np.allclose(other.module_[0].mean.numpy(), mean, atol=1e-5) for mean in means)


def test_training_stops_by_the_given_validation_clips() -> None:
    wrong = (FEATURES, 1 - LABELS)  # the loss on these increases
    model = fit_with_early_stopping(make(epochs=30, patience=2, learning_rate=0.05), validation=wrong)
    assert len(model.history_) < 30
    assert model.history_[-1]["valid_loss"] > model.history_[0]["valid_loss"]


def test_validation_clips_of_an_emotion_without_training_clips_are_ignored() -> None:
    validation = (FEATURES, np.where(np.arange(len(LABELS)) < 5, 2, LABELS))
    model = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS, validation=validation)
    assert list(model.classes_) == [0, 1]


def test_a_single_speaker_is_refused() -> None:
    with pytest.raises(CorpusError, match="two speakers"):
        make().fit(FEATURES, LABELS, groups=np.zeros(len(LABELS)))


def test_classes_need_not_be_consecutive_numbers() -> None:
    model = make(epochs=20).fit(FEATURES, 3 * LABELS, groups=GROUPS)
    assert set(model.predict(FEATURES)) == {0, 3}


def test_the_same_seed_gives_the_same_probabilities_and_another_seed_others() -> None:
    one, again, other = (
        make(seed=seed, augment=RecordingAugment())
        .fit(FEATURES, LABELS, groups=GROUPS)
        .predict_proba(FEATURES)
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_slow_down_after_changes_the_learning_rate() -> None:
    one, other = (
        make(epochs=12, learning_rate=0.5, slow_down_after=after).fit(FEATURES, LABELS, groups=GROUPS)
        for after in (None, 0)
    )
    assert [e["train_loss"] for e in one.history_] != [e["train_loss"] for e in other.history_]


def test_a_clone_is_not_fitted() -> None:
    fitted = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS)
    copy = clone(fitted)
    assert not hasattr(copy, "module_")
    assert copy.network is dense


# --- side effects ------------------------------------------------------------------------------------


def numpy_state() -> Array:
    state = np.random.get_state(legacy=True)
    assert isinstance(state, tuple)
    return np.array(state[1])


def test_global_random_states_are_not_changed() -> None:
    torch.manual_seed(7)
    np.random.seed(7)
    torch_before, numpy_before = torch.get_rng_state(), numpy_state()
    make(epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(numpy_state(), numpy_before)


def test_temporary_files_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    counts: list[int] = []

    class Counting(nn.Linear):
        def forward(self, features: Tensor) -> Tensor:
            counts.append(len(list(tmp_path.iterdir())))
            return super().forward(features)

    make(partial(Counting, COLUMNS), epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    assert max(counts) == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    fit_with_early_stopping(make(epochs=9, patience=1, learning_rate=0.5, slow_down_after=0))
    assert capfd.readouterr() == ("", "")


def test_ctrl_c_is_raised_again() -> None:
    class Interrupted(nn.Linear):
        left = 20

        def forward(self, features: Tensor) -> Tensor:
            Interrupted.left -= 1
            if Interrupted.left == 0:
                raise KeyboardInterrupt
            return super().forward(features)

    with pytest.raises(KeyboardInterrupt):
        make(partial(Interrupted, COLUMNS), epochs=50).fit(FEATURES, LABELS, groups=GROUPS)


# --- clips of any length, and few clips --------------------------------------------------------------


def test_clips_of_varying_length_are_predicted_as_one_by_one() -> None:
    clips = varying_clips()
    model = make(over_time, crop_frames=5, epochs=15).fit(clips, LABELS, groups=GROUPS)
    together = model.predict_proba(clips)
    assert (together.argmax(axis=1) == LABELS).mean() > 0.9
    alone = np.concatenate([model.predict_proba(clip[None]) for clip in clips])
    np.testing.assert_array_equal(together, alone)


def test_clips_of_equal_length_are_cropped_too() -> None:
    alike = varying_clips(shortest=6, longest=7)
    assert {len(clip) for clip in alike} == {6}
    model = make(over_time, crop_frames=4, epochs=2).fit(alike, LABELS, groups=GROUPS)
    assert model.predict_proba(alike).shape == (len(LABELS), 2)
    assert model.predict_proba(varying_clips(2)).shape == (len(LABELS), 2)


def test_fewer_clips_than_a_batch_are_trained_on() -> None:
    model = make(epochs=2, batch_size=64).fit(FEATURES, LABELS, groups=GROUPS)
    assert len(model.history_) == 2


def test_several_batches_are_predicted_in_order() -> None:
    model = make(epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    many = np.tile(FEATURES, (10, 1))
    expected = np.tile(model.predict_proba(FEATURES), (10, 1))
    np.testing.assert_allclose(model.predict_proba(many), expected, atol=1e-6)


# --- graphs ------------------------------------------------------------------------------------------


def test_the_graph_predicts_the_same() -> None:
    model = make(epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    graph, parity = export(model, FEATURES, 2, (COLUMNS,))
    assert parity <= 1e-5
    np.testing.assert_allclose(run(graph, 3 * FEATURES), model.predict_proba(3 * FEATURES), atol=1e-5)


def test_the_graph_predicts_the_same_for_other_lengths() -> None:
    model = make(over_time, crop_frames=5, epochs=2).fit(varying_clips(), LABELS, groups=GROUPS)
    graph, parity = export(model, varying_clips(), 2, (None, COLUMNS))
    assert parity <= 1e-5
    for longest in (2, 60):
        others = varying_clips(longest, shortest=longest - 1, longest=longest)
        np.testing.assert_allclose(run(graph, others), model.predict_proba(others), atol=1e-5)
