"""The parts of the network: what it looks at, what it is shown, and what remains of its weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from affekt import voice_network
from affekt.alignment import VoiceStatistics, describe_speaker
from affekt.features.two_views import BANDS, COLUMNS
from affekt.voice_network import (
    ALIGNED_SHARE,
    DEGRADED_SHARE,
    FEWEST_ENROLLED,
    MOST_ENROLLED,
    AttentiveStatistics,
    LevelledSpectra,
    Perturb,
    ResidualBlock,
    Takes,
    _follow,
)

RNG = np.random.default_rng(0)
AVERAGE = VoiceStatistics((0.0,) * 3, (1.0,) * 3)


def make_clips(*lengths: int) -> np.ndarray:
    clips = np.empty(len(lengths), object)
    clips[:] = [RNG.standard_normal((length, 3)).astype(np.float32) for length in lengths]
    return clips


def make_takes(frames: int = 20, speakers: tuple[str, ...] = ("a", "b")) -> Takes:
    clips = make_clips(5, 60)
    return Takes(clips, clips, clips, np.array([0, 1]), np.array(speakers), AVERAGE, [], frames, seed=0)


def test_spectra_are_as_loud_as_the_level_says() -> None:
    rows = torch.randn(2, 7, len(COLUMNS))
    spectra = LevelledSpectra()(rows)
    assert spectra.shape == (2, 7, BANDS)
    torch.testing.assert_close(spectra[1, 2, 3], rows[1, 2, 3] + rows[1, 2, -1])


def test_pieces_have_the_wanted_length_whatever_the_clip_is() -> None:
    torch.manual_seed(0)
    takes = make_takes()
    for i in (0, 1):
        pieces = torch.stack([takes[i][0] for _ in range(30)])
        assert pieces.shape == (30, 20, 3)
        assert takes[i][1] == i
    quietest = torch.as_tensor(takes.plain[0]).amin(dim=0)
    filled = takes[0][0]
    assert (filled == quietest).all(dim=1).sum() > 8  # five frames of twenty are of the clip
    assert (filled >= quietest - 1e-6).all()


def test_some_of_the_takes_are_spoilt_copies() -> None:
    spoilt, clips = make_clips(40), make_clips(40)
    spoilt[0][:] = 7
    takes = Takes(clips, spoilt, clips, np.zeros(1, int), np.array(["a"]), AVERAGE, [], 20, seed=0)
    shown = [bool((takes[0][0] == 7).all()) for _ in range(400)]
    assert np.mean(shown) == pytest.approx(DEGRADED_SHARE, abs=0.08)


def test_half_of_the_other_takes_are_moved_by_other_clips_of_the_speaker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clips = make_clips(*[40] * 6)
    takes = Takes(clips, clips, clips, np.zeros(6, int), np.array([*"aaabbb"]), AVERAGE, [], 20, seed=0)
    heard: list[np.ndarray] = []

    def watched(features: np.ndarray, average: VoiceStatistics, relative: object) -> VoiceStatistics:
        heard.append(features)
        return describe_speaker(features, average)

    monkeypatch.setattr(voice_network, "describe_speaker", watched)
    for _ in range(400):
        takes[0]
    assert len(heard) / 400 == pytest.approx((1 - DEGRADED_SHARE) * ALIGNED_SHARE, abs=0.08)
    own = {id(clips[1]), id(clips[2])}
    assert {id(clip) for features in heard for clip in features} == own
    assert {len(features) for features in heard} == {2}


def test_how_much_is_known_of_a_voice_is_drawn_from_2_to_64_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = make_clips(*[3] * 90)
    takes = Takes(clips, clips, clips, np.zeros(90, int), np.full(90, "a"), AVERAGE, [], 20, seed=0)
    counts: list[int] = []
    monkeypatch.setattr(
        voice_network, "describe_speaker", lambda features, *_: counts.append(len(features)) or AVERAGE
    )
    for i in range(1800):
        takes[i % 90]
    assert min(counts) == FEWEST_ENROLLED
    assert MOST_ENROLLED - 6 <= max(counts) <= MOST_ENROLLED
    assert np.median(counts) == pytest.approx(np.sqrt(FEWEST_ENROLLED * MOST_ENROLLED), rel=0.25)


def test_the_only_clip_of_a_speaker_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(voice_network, "describe_speaker", lambda *_: pytest.fail("of no clips"))
    takes = make_takes()
    for _ in range(30):
        takes[1]


def test_nothing_is_perturbed_but_in_training() -> None:
    spectra = torch.randn(4, 30, BANDS)
    layer = Perturb()
    assert not torch.equal(layer.train()(spectra), spectra)
    assert torch.equal(layer.eval()(spectra), spectra)


def test_perturbed_spectra_keep_their_shape_and_are_finite() -> None:
    torch.manual_seed(0)
    for frames in (12, 128):
        perturbed = Perturb()(torch.randn(8, frames, BANDS))
        assert perturbed.shape == (8, frames, BANDS)
        assert torch.isfinite(perturbed).all()


def test_every_clip_is_perturbed_in_its_own_way() -> None:
    torch.manual_seed(0)
    same = torch.randn(1, 40, BANDS).expand(6, -1, -1)
    perturbed = Perturb()(same)
    assert all(not torch.equal(perturbed[0], one) for one in perturbed[1:])


@pytest.mark.parametrize("frames", [1, 2, 3, 50])
def test_a_block_takes_any_number_of_frames(frames: int) -> None:
    block = ResidualBlock(2, 4, stride=(2, 2)).eval()
    assert block(torch.randn(1, 2, frames, 8)).shape == (1, 4, (frames + 1) // 2, 4)


def test_attention_that_weighs_all_frames_alike_gives_mean_and_deviation() -> None:
    layer = AttentiveStatistics(6, 5, 4).eval()
    torch.nn.init.zeros_(layer.attend[2].weight)
    images = torch.randn(3, 2, 11, 3)
    values = layer.project(images.transpose(2, 3).flatten(1, 2))
    mean, deviation = layer(images).split(5, dim=1)
    torch.testing.assert_close(mean, values.mean(dim=2))
    torch.testing.assert_close(deviation, values.std(dim=2, correction=0), atol=5e-3, rtol=1e-2)


def test_the_average_follows_quickly_at_first_and_slowly_later() -> None:
    average, now = torch.zeros(1), torch.ones(1)
    assert _follow(average, now, torch.tensor(0)).item() == pytest.approx(0.9)
    assert _follow(average, now, torch.tensor(10_000)).item() == pytest.approx(0.005)
    counts = _follow(torch.tensor(3), torch.tensor(4), torch.tensor(9))
    assert counts.item() == 4
