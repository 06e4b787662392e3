"""Statistics of an encoder's outputs are those of the rows with a voice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from affekt.audio.activity import FRAME_SAMPLES, trim_to_voice, voice_activity
from affekt.audio.loading import Waveform, find_audio, load_audio
from affekt.features.encoder import MAX_ROWS, encode
from affekt.features.encoder_registry import ENCODERS
from affekt.features.encoder_statistics import (
    describe_encoded,
    describe_encoded_and_voice,
    describe_rows_and_voice,
    encode_voice,
    rows_and_voice_columns,
    statistics_and_voice_columns,
    statistics_columns,
)
from affekt.features.voice import describe_voice

RATE, TINY = 16_000, "whisper-tiny"
EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))
Array = NDArray[np.float32]


def example(number: int = 0) -> Waveform:
    return load_audio(EXAMPLES[number], RATE)


def padded(waveform: Waveform, before_s: float, after_s: float) -> Waveform:
    around = (round(before_s * RATE), round(after_s * RATE))
    return Waveform(np.pad(waveform.samples, around), RATE)


def start_of(trimmed: Waveform, waveform: Waveform) -> int:
    """Find the sample that a trimmed clip begins with."""
    pattern, count = trimmed.samples[:1000], len(waveform.samples) - len(trimmed.samples)
    return next(i for i in range(count + 1) if (waveform.samples[i : i + 1000] == pattern).all())


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_statistics_are_those_of_rows_with_a_voice_in_their_middle(
    number: int,
) -> None:
    noise = np.random.default_rng(0).normal(0, 1e-3, 16 * RATE).astype(np.float32)
    noise[9_000 : 9_000 + len(example(number).samples)] += example(number).samples
    waveform = Waveform(noise[: 9_000 + len(example(number).samples) + 12_345], RATE)
    activity = voice_activity(waveform)
    trimmed = trim_to_voice(waveform, activity)
    start = start_of(trimmed, waveform)
    assert start > 0
    rows = encode(Waveform(trimmed.samples / np.abs(trimmed.samples).max(), RATE), TINY).astype(float)
    voiced = [activity[(start + 320 * k + 160) // FRAME_SAMPLES] > 0.5 for k in range(len(rows))]
    assert 20 < sum(voiced) < len(rows)
    mean, std = rows[voiced].mean(axis=0), rows[voiced].std(axis=0)
    found = describe_encoded(waveform, TINY)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.concatenate([mean, std]), rtol=1e-3, atol=1e-4)


def test_voice_features_are_those_of_the_same_trimmed_clip() -> None:
    waveform = padded(example(), 1, 1)
    found = describe_encoded_and_voice(waveform, TINY)
    count = len(statistics_columns(ENCODERS[TINY]))
    np.testing.assert_array_equal(found[:count], describe_encoded(waveform, TINY))
    trimmed = trim_to_voice(waveform, voice_activity(waveform))
    assert len(trimmed.samples) < len(waveform.samples)
    np.testing.assert_array_equal(found[count:], describe_voice(trimmed))
    assert len(found) == len(statistics_and_voice_columns(ENCODERS[TINY]))


def test_rows_hold_outputs_whose_moments_are_the_statistics_and_repeat_the_voice_features() -> None:
    waveform = padded(example(), 1, 1)
    rows, expected = describe_rows_and_voice(waveform, TINY), describe_encoded_and_voice(waveform, TINY)
    assert rows.dtype == np.float32
    assert rows.shape[1] == len(rows_and_voice_columns(ENCODERS[TINY])) == 768 + 196
    outputs, voice = rows[:, :768], rows[:, 768:]
    np.testing.assert_array_equal(
        np.concatenate([outputs.mean(axis=0), outputs.std(axis=0), voice[0]]), expected
    )
    np.testing.assert_array_equal(voice, np.tile(voice[0], (len(rows), 1)))


def test_a_long_clip_has_a_bounded_number_of_rows_from_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = np.arange(4000, dtype=np.float32)[:, None]
    monkeypatch.setattr("affekt.features.encoder_statistics.encode_voice", lambda *_: (example(), outputs))
    kept = describe_rows_and_voice(example(), TINY)[:, 0]
    assert len(kept) == MAX_ROWS
    assert (kept[0], kept[-1]) == (0, 3999)
    assert set(np.diff(kept)) == {2, 3}


def test_columns_are_named_by_block_and_statistic() -> None:
    columns = statistics_columns(ENCODERS[TINY])
    assert len(columns) == 1536
    assert (columns[0], columns[383], columns[384]) == ("block2_0_mean", "block2_383_mean", "block3_0_mean")
    assert (columns[768], columns[-1]) == ("block2_0_std", "block3_383_std")


def test_silence_around_a_clip_changes_little(ravdess: Path) -> None:
    clips = [load_audio(file, RATE) for file in find_audio(ravdess)[::400]]
    plain = np.array([describe_encoded(clip, TINY) for clip in clips])
    silent = np.array([describe_encoded(padded(clip, 1.5, 1.5), TINY) for clip in clips])
    assert np.median(np.abs(silent - plain).mean(axis=0) / plain.std(axis=0)) < 0.25


def test_the_level_of_a_recording_changes_nothing() -> None:
    quiet = Waveform(example().samples / np.float32(64), RATE)
    np.testing.assert_allclose(
        describe_encoded_and_voice(quiet, TINY), describe_encoded_and_voice(example(), TINY), atol=1e-3
    )


NOISE = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
SHORT = {
    "0.1 s of voice": example().samples[8000:9600],
    "0.1 s of noise": NOISE[:1600],
    "0.15 s of voice": example().samples[8000:10_401],
    "no voice": NOISE,
    "one impulse": np.eye(1, RATE, 3, dtype=np.float32)[0],
}


@pytest.mark.parametrize("case", SHORT)
def test_short_and_voiceless_clips_are_described(case: str) -> None:
    assert np.isfinite(describe_encoded_and_voice(Waveform(SHORT[case], RATE), TINY)).all()


@pytest.mark.parametrize("first", [0, 12, 22])
def test_a_short_voice_at_any_place_is_described(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    activity = np.zeros(32, np.float32)
    activity[first : first + 9] = 0.9
    monkeypatch.setattr("affekt.audio.activity.voice_activity", lambda _: activity)
    waveform = Waveform(NOISE, RATE)
    assert len(trim_to_voice(waveform, activity).samples) < 0.5 * RATE
    assert np.isfinite(describe_encoded_and_voice(waveform, TINY)).all()


def test_few_rows_with_a_voice_are_not_described_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    activity = np.zeros(32, np.float32)
    activity[::8] = 0.9  # four separate frames: six or seven rows
    monkeypatch.setattr("affekt.audio.activity.voice_activity", lambda _: activity)
    kept = encode_voice(Waveform(NOISE, RATE), TINY)[1]
    activity[8:] = 0  # one frame: two rows
    every = encode_voice(Waveform(NOISE, RATE), TINY)[1]
    assert len(kept) < 10
    assert len(every) == 50


def test_a_voice_that_is_heard_in_digital_silence_is_not_trimmed_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activity = np.zeros(32, np.float32)
    activity[20:30] = 0.9
    monkeypatch.setattr("affekt.audio.activity.voice_activity", lambda _: activity)
    waveform = Waveform(np.where(np.arange(RATE) < 8000, NOISE, 0).astype(np.float32), RATE)
    assert not trim_to_voice(waveform, activity).samples.any()
    assert np.isfinite(describe_encoded_and_voice(waveform, TINY)).all()
