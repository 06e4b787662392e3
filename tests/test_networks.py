"""What networks learn from, when they stop, what they keep, and what they leave behind."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone
from torch import Tensor, nn

from affekt.audio import MIN_DURATION_S
from affekt.errors import CorpusError
from affekt.networks import Crops, FocalLoss, NetworkClassifier, SqueezeExcitation, Standardize, Transpose
from affekt.onnx_export import export, run
from affekt.recipes import mel_cnn

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
    """For clips of any length: (clips, frames, columns) -> scores."""
    return nn.Sequential(
        Transpose(), nn.Conv1d(COLUMNS, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Linear(6, emotions),
    )  # fmt: skip


def make(network: Any = dense, **settings: Any) -> NetworkClassifier:
    given = {"epochs": 6, "batch_size": 8, "learning_rate": 1e-2, "patience": 100, **settings}
    return NetworkClassifier(network, **given)


def of_any_length(seed: int = 1, shortest: int = 3, longest: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    clips = np.empty(len(LABELS), object)
    for i, label in enumerate(LABELS):
        frames = rng.integers(shortest, longest)
        clips[i] = (rng.standard_normal((frames, COLUMNS)) + label).astype(np.float32)
    return clips


# --- the parts ---------------------------------------------------------------------------------------


def test_focal_loss_with_gamma_0_is_cross_entropy() -> None:
    torch.manual_seed(0)
    scores, target = torch.randn(7, 3), torch.tensor([0, 1, 2, 0, 1, 2, 0])
    torch.testing.assert_close(FocalLoss(0.0)(scores, target), nn.functional.cross_entropy(scores, target))


def test_focal_loss_with_gamma_2_weighs_by_the_square_of_what_is_missing() -> None:
    scores, target = np.array([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3]]), np.array([0, 2])
    likely = (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True))[[0, 1], target]
    expected = np.mean(-((1 - likely) ** 2) * np.log(likely))
    got = FocalLoss(2.0)(torch.tensor(scores), torch.tensor(target))
    assert got.item() == pytest.approx(expected)


def test_squeeze_excitation_scales_whole_channels_down() -> None:
    torch.manual_seed(0)
    features = torch.randn(2, 16, 9)
    layer = SqueezeExcitation(16, reduction=4)
    weighed = layer(features)
    ratio = (weighed / features).detach()
    assert weighed.shape == features.shape
    torch.testing.assert_close(ratio, ratio[:, :, :1].expand_as(ratio))
    assert ((ratio > 0) & (ratio < 1)).all()
    hidden = torch.relu(layer.weigh[0](features.mean(dim=2)))
    torch.testing.assert_close(ratio[:, :, 0], torch.sigmoid(layer.weigh[2](hidden)).detach())


def test_standardised_features_have_mean_0_and_deviation_1() -> None:
    standard = Standardize(FEATURES)(torch.as_tensor(FEATURES)).numpy()
    np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(standard.std(axis=0), 1, atol=1e-5)


def test_a_column_that_never_changes_is_standardised_to_0() -> None:
    features = FEATURES.copy()
    features[:, 1] = 3
    standard = Standardize(features)(torch.as_tensor(features)).numpy()
    assert np.isfinite(standard).all()
    np.testing.assert_allclose(standard[:, 1], 0, atol=1e-3)


def test_clips_of_any_length_are_standardised_over_all_frames() -> None:
    clips = of_any_length()
    layer, frames = Standardize(clips), np.concatenate(list(clips))
    np.testing.assert_allclose(layer.mean.numpy(), frames.mean(axis=0), atol=1e-5)
    np.testing.assert_allclose(layer.deviation.numpy(), frames.std(axis=0), rtol=1e-5)
    assert layer(torch.as_tensor(clips[0])[None]).shape == (1, *clips[0].shape)


def test_transpose_puts_frames_last() -> None:
    assert Transpose()(torch.zeros(2, 5, 3)).shape == (2, 3, 5)


def test_a_crop_is_the_middle_or_a_piece_at_random() -> None:
    clip = np.arange(20, dtype=np.float32).reshape(10, 2)
    middle, label = Crops(clip[None], np.array([3]), 4, at_random=False)[0]
    assert label == 3
    np.testing.assert_array_equal(middle, clip[3:7])
    torch.manual_seed(0)
    pieces = Crops(clip[None], np.array([3]), 4, at_random=True)
    starts = {int(pieces[0][0][0, 0]) // 2 for _ in range(100)}
    assert starts == set(range(7))
    assert len(pieces) == 1


@pytest.mark.parametrize("at_random", [False, True])
def test_a_short_clip_is_filled_up_with_its_minimum(at_random: bool) -> None:
    clip = np.array([[5, 6], [-2, 7]], np.float32)
    piece, _ = Crops([clip], np.array([0]), 5, at_random=at_random)[0]
    np.testing.assert_array_equal(piece, [*clip, [-2, -2], [-2, -2], [-2, -2]])


def test_a_clip_of_just_the_right_length_is_taken_whole() -> None:
    clip = np.ones((5, 2), np.float32)
    np.testing.assert_array_equal(Crops([clip], np.array([0]), 5, at_random=True)[0][0], clip)


# --- learning ----------------------------------------------------------------------------------------


def test_it_learns_and_answers_with_probabilities() -> None:
    model = make(epochs=30).fit(FEATURES, LABELS, groups=GROUPS)
    likely = model.predict_proba(FEATURES)
    assert (model.predict(FEATURES) == LABELS).mean() > 0.8
    np.testing.assert_allclose(likely.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_array_equal(model.predict(FEATURES), likely.argmax(axis=1))


def learn_until_it_stops(model: NetworkClassifier, **more: Any) -> NetworkClassifier:
    """Fit. skorch stops early by raising what Ctrl-C raises, which, let through, would end all tests."""
    try:
        return model.fit(FEATURES, LABELS, groups=GROUPS, **more)
    except KeyboardInterrupt:
        pytest.fail("stopping early was taken for Ctrl-C")


def test_it_stops_when_it_gets_no_better() -> None:
    model = learn_until_it_stops(make(epochs=50, patience=3, learning_rate=0.5))
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert len(losses) < 50
    assert len(losses) - 1 - int(np.argmin(losses)) <= 3


def test_a_network_that_gets_better_all_the_time_is_trained_to_the_end() -> None:
    model = make(partial(nn.Linear, COLUMNS), epochs=5, patience=1).fit(FEATURES, LABELS, groups=GROUPS)
    assert len(model.history_) == 5


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_the_weights_of_the_best_epoch_are_kept(gamma: float) -> None:
    rng = np.random.default_rng(9)
    unheard = rng.standard_normal((12, COLUMNS)).astype(np.float32), rng.integers(0, 2, 12)
    model = make(epochs=12, learning_rate=0.1, gamma=gamma).fit(
        FEATURES, LABELS, groups=GROUPS, validation=unheard
    )
    with torch.inference_mode():
        scores = model.module_(torch.as_tensor(unheard[0]))
        loss = FocalLoss(gamma)(scores, torch.as_tensor(unheard[1])).item()
    losses = [epoch["valid_loss"] for epoch in model.history_]
    assert loss == pytest.approx(min(losses), abs=1e-5)
    assert min(losses) < losses[-1] - 1e-3  # a last epoch that was not the best, or this shows nothing


class Spying:
    """An augment function that notes the clips it is given, and keeps them as they are."""

    def __init__(self) -> None:
        self.given: list[np.ndarray] = []

    def __call__(self, features: np.ndarray, copies: int, rng: np.random.Generator) -> np.ndarray:
        self.given.append(features.copy())
        return np.concatenate([features] * copies)

    def __deepcopy__(self, memo: Any) -> Spying:
        return self


def rows_of(features: np.ndarray) -> set[bytes]:
    return {row.tobytes() for row in features}


def test_only_clips_that_it_learns_from_are_augmented_never_those_it_stops_on() -> None:
    augment = Spying()
    make(augment=augment, epochs=1).fit(FEATURES, LABELS, groups=GROUPS)
    (given,) = augment.given
    speakers = {GROUPS[i] for i in range(len(FEATURES)) if FEATURES[i].tobytes() in rows_of(given)}
    assert len(speakers) == SPEAKERS - 1  # one whole speaker of six was set aside
    assert len(given) == len(FEATURES) - EACH


def test_given_clips_to_stop_on_it_augments_all_others_and_none_of_these() -> None:
    augment, unheard = Spying(), (FEATURES + 100, LABELS)
    make(augment=augment, epochs=1).fit(FEATURES, LABELS, groups=GROUPS, validation=unheard)
    (given,) = augment.given
    np.testing.assert_array_equal(given, FEATURES)
    assert not rows_of(given) & rows_of(unheard[0])


def test_each_epoch_learns_from_the_originals_and_all_copies_and_stops_on_no_copy() -> None:
    seen: list[tuple[bool, int]] = []

    class Counting(nn.Linear):
        def forward(self, features: Tensor) -> Tensor:
            seen.append((self.training, len(features)))
            return super().forward(features)

    make(lambda k: Counting(COLUMNS, k), augment=Spying(), copies=2, epochs=1, batch_size=10).fit(
        FEATURES, LABELS, groups=GROUPS
    )
    assert sum(count for training, count in seen if training) == 3 * (len(FEATURES) - EACH)
    assert sum(count for training, count in seen if not training) == EACH


def test_features_are_standardised_by_the_clips_it_learns_from_alone() -> None:
    unheard = (FEATURES + 100, LABELS)
    model = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS, validation=unheard)
    np.testing.assert_allclose(model.module_[0].mean.numpy(), FEATURES.mean(axis=0), atol=1e-5)
    other = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS)
    means = [FEATURES[speaker != GROUPS].mean(axis=0) for speaker in range(SPEAKERS)]
    assert any(np.allclose(other.module_[0].mean.numpy(), mean, atol=1e-5) for mean in means)


def test_given_clips_are_what_it_stops_on() -> None:
    wrong = (FEATURES, 1 - LABELS)  # the better it learns, the worse it does on these
    model = learn_until_it_stops(make(epochs=30, patience=2, learning_rate=0.05), validation=wrong)
    assert len(model.history_) < 30
    assert model.history_[-1]["valid_loss"] > model.history_[0]["valid_loss"]


def test_clips_to_stop_on_of_an_emotion_that_it_never_learns_are_passed_over() -> None:
    unheard = (FEATURES, np.where(np.arange(len(LABELS)) < 5, 2, LABELS))
    model = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS, validation=unheard)
    assert list(model.classes_) == [0, 1]


def test_one_speaker_alone_is_refused() -> None:
    with pytest.raises(CorpusError, match="two speakers"):
        make().fit(FEATURES, LABELS, groups=np.zeros(len(LABELS)))


def test_emotions_keep_their_numbers_where_one_is_missing() -> None:
    model = make(epochs=20).fit(FEATURES, 3 * LABELS, groups=GROUPS)
    assert set(model.predict(FEATURES)) == {0, 3}


def test_the_same_seed_gives_the_same_answers_and_another_gives_others() -> None:
    one, again, other = (
        make(seed=seed, augment=Spying()).fit(FEATURES, LABELS, groups=GROUPS).predict_proba(FEATURES)
        for seed in (4, 4, 5)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_the_learning_rate_is_lowered_where_that_is_asked_for() -> None:
    settings = {"epochs": 12, "learning_rate": 0.5}
    one, other = (
        make(slow_down_after=after, **settings).fit(FEATURES, LABELS, groups=GROUPS) for after in (None, 0)
    )
    assert [e["train_loss"] for e in one.history_] != [e["train_loss"] for e in other.history_]


def test_a_clone_has_learnt_nothing() -> None:
    fitted = make(epochs=1).fit(FEATURES, LABELS, groups=GROUPS)
    copy = clone(fitted)
    assert not hasattr(copy, "module_")
    assert copy.network is dense


# --- what it leaves behind ---------------------------------------------------------------------------


def test_randomness_outside_is_left_as_it_was() -> None:
    torch.manual_seed(7)
    np.random.seed(7)
    torch_before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    make(epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    assert torch.equal(torch.get_rng_state(), torch_before)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_before)


def test_nothing_remains_in_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[int] = []

    class Looking(nn.Linear):
        def forward(self, features: Tensor) -> Tensor:
            made.append(len(list(tmp_path.iterdir())))
            return super().forward(features)

    make(partial(Looking, COLUMNS), epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    assert max(made) == 1
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    learn_until_it_stops(make(epochs=9, patience=1, learning_rate=0.5, slow_down_after=0))
    assert capfd.readouterr() == ("", "")


def test_ctrl_c_stops_everything_and_not_only_this_training() -> None:
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


def test_clips_of_any_length_are_answered_as_one_by_one() -> None:
    clips = of_any_length()
    model = make(over_time, crop_frames=5, epochs=15).fit(clips, LABELS, groups=GROUPS)
    together = model.predict_proba(clips)
    assert (together.argmax(axis=1) == LABELS).mean() > 0.9
    alone = np.concatenate([model.predict_proba(clip[None]) for clip in clips])
    np.testing.assert_array_equal(together, alone)


def test_clips_that_happen_to_be_of_one_length_are_cropped_too() -> None:
    alike = of_any_length(shortest=6, longest=7)
    assert {len(clip) for clip in alike} == {6}
    model = make(over_time, crop_frames=4, epochs=2).fit(alike, LABELS, groups=GROUPS)
    assert model.predict_proba(alike).shape == (len(LABELS), 2)
    assert model.predict_proba(of_any_length(2)).shape == (len(LABELS), 2)


def test_fewer_clips_than_a_batch_are_learnt_from() -> None:
    model = make(epochs=2, batch_size=64).fit(FEATURES, LABELS, groups=GROUPS)
    assert len(model.history_) == 2


def test_the_shortest_clip_that_can_be_loaded_is_long_enough_for_the_cnn_on_mel_images() -> None:
    frames = round(100 * MIN_DURATION_S) + 1  # one every 10 ms
    with torch.inference_mode():
        assert mel_cnn.network(4).eval()(torch.zeros(1, frames, 64)).shape == (1, 4)


def test_more_clips_than_a_batch_of_answers_are_answered_in_order() -> None:
    model = make(epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    many = np.tile(FEATURES, (10, 1))
    expected = np.tile(model.predict_proba(FEATURES), (10, 1))
    np.testing.assert_allclose(model.predict_proba(many), expected, atol=1e-6)


# --- graphs ------------------------------------------------------------------------------------------


def test_its_graph_answers_the_same() -> None:
    model = make(epochs=2).fit(FEATURES, LABELS, groups=GROUPS)
    graph, parity = export(model, FEATURES, 2, (COLUMNS,))
    assert parity <= 1e-5
    np.testing.assert_allclose(run(graph, 3 * FEATURES), model.predict_proba(3 * FEATURES), atol=1e-5)


def test_its_graph_answers_the_same_for_lengths_that_it_never_met() -> None:
    model = make(over_time, crop_frames=5, epochs=2).fit(of_any_length(), LABELS, groups=GROUPS)
    graph, parity = export(model, of_any_length(), 2, (None, COLUMNS))
    assert parity <= 1e-5
    for longest in (2, 60):
        others = of_any_length(longest, shortest=longest - 1, longest=longest)
        np.testing.assert_allclose(run(graph, others), model.predict_proba(others), atol=1e-5)
