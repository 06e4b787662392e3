"""Explanations: planted parts are found, errors are those of repeated noise, and arguments are checked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import affekt
from affekt.audio.loading import Waveform, load_audio
from affekt.errors import AudioContentError, UnknownNameError
from affekt.inference import explanation
from affekt.inference.explanation import (
    Ridge,
    convincing_parts,
    explain,
    explain_waveform,
    fit_ridge,
    log_odds,
)
from affekt.inference.prediction import Probabilities, predict, predict_altered
from affekt.inference.what_ifs import CHANGES
from affekt.model.bundle import load

EXAMPLE = Path(__file__).parents[1] / "synthetic_voices" / "high-fast-loud.flac"
RATE = 16_000
FEW = 20


def masks_of(count: int, parts: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, parts)) < 0.7


def test_the_ridge_finds_the_effects_of_a_linear_answer() -> None:
    kept = masks_of(300, 20)
    truth = np.linspace(-1, 1, 20)
    found = fit_ridge(kept, kept @ truth + 3)
    np.testing.assert_allclose(found.effects, truth, atol=0.01)
    assert found.fidelity > 0.999


def test_effects_of_segments_are_smooth_and_a_noisy_bump_is_found_better() -> None:
    truth, rng = np.zeros(30), np.random.default_rng(3)
    truth[10:14] = 1  # 20 segments, then 10 bands
    errors = []
    for seed in range(20):
        kept = masks_of(100, 30, seed)
        odds = kept @ truth + 2 * rng.standard_normal(100)
        errors.append([np.square(fit_ridge(kept, odds, n).effects - truth).sum() for n in (0, 20)])
    rough, smooth = np.mean(errors, axis=0)
    assert smooth < 0.97 * rough


def test_bands_are_not_smoothed() -> None:
    kept, truth = masks_of(300, 20), np.zeros(20)
    truth[15] = 1
    np.testing.assert_allclose(fit_ridge(kept, kept @ truth, 10).effects[10:], truth[10:], atol=0.01)


def test_the_standard_errors_are_the_deviation_over_repeated_noise() -> None:
    kept, truth, rng = masks_of(200, 10), np.linspace(-1, 1, 10), np.random.default_rng(1)
    fits = [fit_ridge(kept, kept @ truth + rng.standard_normal(200), 5) for _ in range(200)]
    measured = np.std([one.effects for one in fits], axis=0)
    stated = np.mean([one.standard_errors for one in fits], axis=0)
    np.testing.assert_allclose(stated, measured, rtol=0.25)


def test_the_fidelity_is_that_of_rows_left_out() -> None:
    noise = np.random.default_rng(2).standard_normal(100)
    assert fit_ridge(masks_of(100, 50), noise).fidelity < 0.1  # 50 effects fit half of any noise
    assert fit_ridge(masks_of(100, 50), np.full(100, 2.0)).fidelity == 0


def test_log_odds_are_of_one_emotion_against_all_others() -> None:
    shares = Probabilities(happy=0.5, sad=0.3, angry=0.2)
    assert log_odds(shares, "sad") == pytest.approx(np.log(0.3 / 0.7), abs=1e-4)
    assert np.isfinite(log_odds(Probabilities(happy=1.0, sad=0.0), "sad"))


def test_a_planted_segment_and_band_have_the_largest_effects(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    waveform = Waveform((0.1 * rng.standard_normal(RATE)).astype(np.float32), RATE)

    def answer(altered: Waveform, *_: object) -> tuple[Probabilities, bool]:
        heard = np.abs(altered.samples[int(0.31 * RATE) : int(0.39 * RATE)]).max() > 1e-4
        hz = np.fft.rfftfreq(len(altered.samples), 1 / RATE)
        low = (np.abs(np.fft.rfft(altered.samples)[(hz > 300) & (hz < 450)]) ** 2).mean() > 10
        share = 0.2 + 0.4 * heard + 0.3 * low
        return Probabilities(angry=share, sad=1 - share), True

    monkeypatch.setattr(explanation, "predict_altered", answer)
    found = explain_waveform(
        waveform, load(None), name="x", emotion="angry", allowed=("sad", "angry"), masks=200
    )
    segment = max(found.segments, key=lambda one: one.effect)
    band = max(found.bands, key=lambda one: one.effect)
    assert (segment.start_s, segment.end_s) == pytest.approx((0.3, 0.4))
    assert band.low_hz < 300 < 450 < band.high_hz
    assert segment.effect > 10 * segment.standard_error
    assert found.masked_out_of_distribution == 1
    assert found.convincing
    assert found.convincing.probabilities["angry"] == pytest.approx(0.9)
    against = explain_waveform(
        waveform, load(None), name="x", emotion="sad", allowed=("sad", "angry"), masks=200
    )
    assert [one.effect for one in against.segments] == pytest.approx(
        [-one.effect for one in found.segments], abs=1e-3
    )


def test_an_unaltered_recording_is_answered_as_predict_does() -> None:
    bundle = load(None)
    found, flagged = predict_altered(load_audio(EXAMPLE), bundle, None, bundle.contract.emotions)
    expected = predict(EXAMPLE)
    assert found == expected.probabilities
    assert flagged == expected.out_of_distribution


def test_the_predicted_emotion_is_explained_and_all_is_plain_values() -> None:
    found = explain(EXAMPLE, masks=FEW)
    assert found.prediction == predict(EXAMPLE)
    assert found.emotion == found.prediction.emotion
    assert found.masks == FEW
    assert found.segments[-1].end_s == pytest.approx(found.prediction.duration_s, abs=1e-3)
    plain = json.loads(json.dumps(found.to_dict()))
    assert len(plain["segments"]) == len(found.segments)
    assert plain["bands"][0]["effect"] == found.bands[0].effect
    assert affekt.explain(EXAMPLE, masks=FEW) == found


def test_what_convinced_and_the_rest_are_the_recording_together() -> None:
    found = explain(EXAMPLE, masks=FEW)
    assert found.convincing and found.rest
    together = found.convincing.sound.samples + found.rest.sound.samples
    np.testing.assert_allclose(together, found.recording.samples, atol=1e-6)
    assert [one.name for one in found.what_ifs] == list(CHANGES)


def test_convincing_parts_stand_out_from_their_errors_and_are_never_none() -> None:
    effects, errors = np.array([0.5, 0.3, -1, -0.2, -0.1]), np.full(5, 0.2)
    found = convincing_parts(Ridge(effects, errors, 0.5), 3)
    assert found.tolist() == [True, False, False, False, True]


def test_other_masks_come_from_another_seed() -> None:
    recorded, bundle = load_audio(EXAMPLE), load(None)
    first, second = (
        explain_waveform(recorded, bundle, name="x", allowed=bundle.contract.emotions, masks=FEW, seed=seed)
        for seed in (0, 1)
    )
    assert first.segments != second.segments


def test_a_recording_that_masks_make_silent_is_an_error() -> None:
    samples = np.zeros(RATE // 2, np.float32)
    samples[4000:4400] = 0.1 * np.sin(np.arange(400))  # in one segment and in few bands
    with pytest.raises(AudioContentError, match="of 20 masked versions are not silent"):
        explain((samples, RATE), masks=20)


@pytest.mark.parametrize("masks", [19, 20.0, True])
def test_too_few_masks_are_refused(masks: int) -> None:
    with pytest.raises(ValueError, match="not a whole number of 20 or more"):
        explain(EXAMPLE, masks=masks)


def test_an_emotion_must_be_one_that_may_be_predicted() -> None:
    with pytest.raises(UnknownNameError, match="emotion that may be predicted"):
        explain(EXAMPLE, "angry", emotions=["happy", "sad"])


def test_a_recording_of_more_than_thirty_seconds_is_refused() -> None:
    with pytest.raises(AudioContentError, match="30"):
        explain((np.sin(np.arange(31 * RATE) * 0.1), RATE))
