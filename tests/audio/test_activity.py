"""Voice activity: voices are found at any level, rate and length; noise, tones and music are not."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from affekt.audio import activity as activity_module
from affekt.audio.activity import (
    FRAME_S,
    FRAME_SAMPLES,
    SAMPLE_RATE,
    ActivityStream,
    trim_to_voice,
    voice_activity,
)
from affekt.audio.loading import Waveform, load_audio

EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))
SILERO = (  # its own network, frame by frame, for the first example at our level
    0.085, 0.323, 0.724, 0.57, 0.838, 0.96, 0.962, 0.998, 0.999, 1.0, 0.999, 1.0, 0.999, 0.999,
    0.999, 0.999, 1.0, 0.999, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.999, 1.0, 1.0, 1.0, 1.0,
    1.0, 0.864, 0.993, 0.845, 0.937, 0.732, 0.699, 0.415, 0.252,
)  # fmt: skip
TIME_S = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
Samples = NDArray[Any]


def waveform(samples: Samples, rate: int = SAMPLE_RATE) -> Waveform:
    return load_audio((samples.astype(np.float32), rate))


def share_of_voice(recording: Waveform) -> float:
    return float(np.mean(voice_activity(recording) > 0.5))


@pytest.fixture(scope="module")
def spoken() -> Waveform:
    return load_audio(EXAMPLES[0], SAMPLE_RATE)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_spoken_example_holds_a_voice(path: Path) -> None:
    assert share_of_voice(load_audio(path)) > 0.6


def test_probabilities_are_those_of_the_published_network(spoken: Waveform) -> None:
    np.testing.assert_allclose(voice_activity(spoken), SILERO, atol=0.005)


def white_noise(rng: np.random.Generator) -> Samples:
    return rng.standard_normal(len(TIME_S))


def brown_noise(rng: np.random.Generator) -> Samples:
    return np.asarray(np.cumsum(rng.standard_normal(len(TIME_S))))


def modulated_noise(rng: np.random.Generator) -> Samples:
    return np.asarray(rng.standard_normal(len(TIME_S)) * (1 + np.sin(2 * np.pi * 4 * TIME_S)))


def tone(rng: np.random.Generator) -> Samples:
    return np.asarray(np.sin(2 * np.pi * rng.uniform(100, 1000) * TIME_S))


def chord(rng: np.random.Generator) -> Samples:
    root = 2 * np.pi * rng.uniform(100, 300) * TIME_S
    partials = [np.sin(k * ratio * root) / k for ratio in (1, 1.26, 1.5) for k in range(1, 8)]
    return np.asarray(np.sum(partials, axis=0))


def sweep(rng: np.random.Generator) -> Samples:
    return np.asarray(np.sin(2 * np.pi * (rng.uniform(80, 400) + 800 * TIME_S) * TIME_S))


def clicks(rng: np.random.Generator) -> Samples:
    samples = 1e-4 * rng.standard_normal(len(TIME_S))
    samples[rng.integers(0, len(TIME_S), 20)] = 1
    return samples


def melody(rng: np.random.Generator) -> Samples:
    notes = []
    for start, stop in pairwise(range(0, len(TIME_S) + 1, SAMPLE_RATE // 4)):
        phase = 2 * np.pi * 220 * 2 ** (rng.integers(0, 13) / 12) * TIME_S[: stop - start]
        notes.append(sum(np.sin(k * phase) / k for k in range(1, 9)) * np.exp(-4 * TIME_S[: stop - start]))
    return np.concatenate(notes)


def hum(rng: np.random.Generator) -> Samples:
    return 2e-3 * np.sin(2 * np.pi * 50 * TIME_S) + 2e-4 * rng.standard_normal(len(TIME_S))


@pytest.mark.parametrize(
    "sound", [white_noise, brown_noise, modulated_noise, tone, chord, sweep, clicks, melody, hum]
)
def test_noise_tones_and_music_hold_no_voice(sound: Callable[[np.random.Generator], Samples]) -> None:
    for seed in range(3):
        samples = sound(np.random.default_rng(seed))
        assert share_of_voice(waveform(samples / max(1, np.abs(samples).max()))) < 0.1


@pytest.mark.parametrize("gain", [0.01, 0.1, 8.0])
def test_the_level_of_a_recording_does_not_matter(spoken: Waveform, gain: float) -> None:
    louder = replace(spoken, samples=gain * spoken.samples)
    np.testing.assert_allclose(voice_activity(louder), voice_activity(spoken), atol=1e-3)


def test_a_click_far_above_the_voice_hides_nothing(spoken: Waveform) -> None:
    samples = spoken.samples * np.float32(0.01 / np.abs(spoken.samples).max())
    samples[len(samples) // 3] = 1
    assert share_of_voice(replace(spoken, samples=samples)) > share_of_voice(spoken) - 0.1


def test_a_voice_is_found_in_noise(spoken: Waveform) -> None:
    noise = np.random.default_rng(0).standard_normal(len(spoken.samples))
    power = np.mean(spoken.samples**2) * 10 ** (-5 / 10)
    assert share_of_voice(waveform(spoken.samples + np.sqrt(power) * noise)) > 0.4


@pytest.mark.parametrize("rate", [8_000, 22_050, 48_000])
def test_the_sample_rate_does_not_matter(spoken: Waveform, rate: int) -> None:
    found = voice_activity(load_audio(spoken, rate))
    expected = voice_activity(spoken)
    assert abs(len(found) - len(expected)) <= 1
    agreed = (found > 0.5)[: len(expected)] == (expected > 0.5)[: len(found)]
    assert np.mean(agreed) > (0.75 if rate < SAMPLE_RATE else 0.9)  # the upper band is missing


def test_blocks_are_computed_as_one_pass(spoken: Waveform, monkeypatch: pytest.MonkeyPatch) -> None:
    in_blocks = []
    for frames in (7, 10_000):
        monkeypatch.setattr(activity_module, "BLOCK_FRAMES", frames)
        in_blocks.append(voice_activity(spoken))
    np.testing.assert_allclose(in_blocks[0], in_blocks[1], atol=1e-5)


def test_spectra_are_those_of_a_discrete_fourier_transform_with_a_hann_window() -> None:
    windows = np.random.default_rng(0).standard_normal((2, 576)).astype(np.float32)
    found = activity_module._spectra(windows, 64)
    mirrored = np.pad(windows, [(0, 0), (0, 64)], mode="reflect")
    time, hann = np.arange(256), np.hanning(257)[:-1]
    for row in range(2):
        for column in range(4):
            part = mirrored[row, 128 * column : 128 * column + 256] * hann
            expected = [abs(np.sum(part * np.exp(-2j * np.pi * k * time / 256))) for k in range(129)]
            np.testing.assert_allclose(found[0, :, row, column], expected, atol=1e-4)


@pytest.mark.parametrize("count", [1600, 1601, 512 * 5, 512 * 5 + 1])
def test_each_begun_frame_has_a_probability(count: int) -> None:
    found = voice_activity(waveform(np.random.default_rng(0).standard_normal(count) / 8))
    assert found.shape == (-(-count // FRAME_SAMPLES),)
    assert ((found >= 0) & (found <= 1)).all()


def test_memory_does_not_grow_with_the_recording() -> None:
    peaks = []
    for seconds in (10, 100):
        noise = np.random.default_rng(0).standard_normal(seconds * SAMPLE_RATE).astype(np.float32)
        tracemalloc.start()
        voice_activity(Waveform(noise, SAMPLE_RATE))
        peaks.append(tracemalloc.get_traced_memory()[1] - noise.nbytes)
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_activity_that_is_known_is_not_computed_again(spoken: Waveform) -> None:
    known = np.zeros(3, np.float32)
    assert voice_activity(replace(spoken, activity=known)) is known


def test_trimming_leaves_a_tenth_of_a_second_around_the_voice(spoken: Waveform) -> None:
    trimmed = trim_to_voice(spoken, np.array([0] * 10 + [1] * 10 + [0] * 10 + [1] + [0] * 9))
    margin = SAMPLE_RATE // 10
    expected = spoken.samples[10 * FRAME_SAMPLES - margin : 31 * FRAME_SAMPLES + margin]
    np.testing.assert_array_equal(trimmed.samples, expected)
    assert trimmed.activity is None


def test_trimming_keeps_the_voice_and_drops_what_surrounds_it(spoken: Waveform) -> None:
    noise = 1e-3 * np.random.default_rng(0).standard_normal((2, 2 * SAMPLE_RATE))
    longer = waveform(np.concatenate([noise[0], spoken.samples, noise[1]]))
    trimmed = trim_to_voice(longer, voice_activity(longer))
    assert trimmed.duration_s == pytest.approx(spoken.duration_s, abs=0.4)
    energy = [float(np.sum(one.samples.astype(float) ** 2)) for one in (spoken, trimmed)]
    assert energy[1] == pytest.approx(energy[0], rel=0.01)


@pytest.mark.parametrize("voiced", [0, 3, 7], ids=["none", "some", "nearly enough"])
def test_a_recording_with_less_than_a_quarter_of_a_second_of_voice_is_kept_whole(
    spoken: Waveform, voiced: int
) -> None:
    activity = np.zeros(40, np.float32)
    activity[5 : 5 + voiced] = 1
    assert trim_to_voice(spoken, activity) is spoken


@pytest.mark.parametrize("seconds", [0.1, 0.15, 0.2])
def test_the_shortest_recordings_are_kept_whole(spoken: Waveform, seconds: float) -> None:
    recording = replace(spoken, samples=spoken.samples[8000 : 8000 + int(seconds * SAMPLE_RATE)])
    assert trim_to_voice(recording, voice_activity(recording)) is recording


@pytest.mark.parametrize("edge", [slice(0, 8), slice(32, 40)], ids=["beginning", "end"])
def test_a_voice_at_the_edge_is_kept_up_to_the_edge(edge: slice) -> None:
    samples = np.arange(40 * FRAME_SAMPLES, dtype=np.float32)
    activity = np.zeros(40, np.float32)
    activity[edge] = 1
    length = 8 * FRAME_SAMPLES + SAMPLE_RATE // 10
    expected = samples[:length] if edge.start == 0 else samples[-length:]
    np.testing.assert_array_equal(trim_to_voice(Waveform(samples, SAMPLE_RATE), activity).samples, expected)


def test_a_voice_played_much_faster_is_found_by_playing_it_slower(
    spoken: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = Waveform(load_audio(spoken, 9000).samples, SAMPLE_RATE)  # ten semitones higher
    with_slower = share_of_voice(fast)
    monkeypatch.setattr(activity_module, "LITTLE_VOICE", 0)
    assert with_slower > 0.7
    assert share_of_voice(fast) < 0.2


def test_trimming_counts_time_at_the_rate_of_the_recording() -> None:
    recording = Waveform(np.ones(44_100, np.float32), 44_100)
    trimmed = trim_to_voice(recording, np.array([0] * 10 + [1] * 8 + [0] * 14, np.float32))
    assert trimmed.duration_s == pytest.approx(8 * FRAME_S + 0.2, abs=1e-4)


def share_with_a_voice(paths: list[Path]) -> float:
    chosen = np.random.default_rng(0).choice(len(paths), 40, replace=False)
    return float(np.mean([share_of_voice(load_audio(paths[i])) > 0.3 for i in chosen]))


@pytest.mark.parametrize("vocal_channel", ["03-01", "03-02"], ids=["speech", "song"])
def test_a_voice_is_found_in_ravdess(ravdess: Path, vocal_channel: str) -> None:
    assert share_with_a_voice(sorted(ravdess.rglob(f"{vocal_channel}-*.flac"))) >= 0.98


def test_a_voice_is_found_in_emodb(emodb: Path) -> None:
    assert share_with_a_voice(sorted(emodb.rglob("*.flac"))) >= 0.98


# --- streams -----------------------------------------------------------------------------------------


def streamed(samples: Samples, rate: int = SAMPLE_RATE, size: int = 5000) -> Samples:
    stream = ActivityStream(rate)
    found = [stream.push(samples[at : at + size]) for at in range(0, len(samples), size)]
    return np.concatenate([*found, stream.close()])


@pytest.fixture(scope="module")
def talk() -> Samples:
    """All examples with pauses between and a little noise."""
    parts = [np.pad(load_audio(path, SAMPLE_RATE).samples, 8000) for path in EXAMPLES]
    samples = np.concatenate(parts)
    noise = np.random.default_rng(0).standard_normal(len(samples))
    return (samples + 3e-4 * noise).astype(np.float32)


def test_a_stream_finds_the_frames_that_the_whole_recording_has(talk: Samples) -> None:
    found, expected = streamed(talk), voice_activity(waveform(talk))
    assert len(found) == len(expected)
    assert np.mean((found > 0.5) == (expected > 0.5)) > 0.98


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
def test_the_probabilities_of_a_stream_do_not_depend_on_its_pieces(talk: Samples, rate: int) -> None:
    samples = talk[: 4 * rate]
    whole = streamed(samples, rate, len(samples))
    assert len(whole) == int(np.ceil(len(samples) / rate * SAMPLE_RATE / FRAME_SAMPLES))
    for size in (100, 12_345):
        np.testing.assert_array_equal(streamed(samples, rate, size), whole)


@pytest.mark.parametrize("gain", [0.02, 0.2])
def test_the_level_of_a_stream_hardly_counts(talk: Samples, gain: float) -> None:
    quiet = streamed(talk * np.float32(gain))
    assert np.mean((quiet > 0.5) == (streamed(talk) > 0.5)) > 0.97


def test_a_quiet_voice_is_found_after_a_loud_one(talk: Samples) -> None:
    both = np.concatenate([talk, talk * np.float32(0.1)])
    first, second = np.array_split(streamed(both), 2)
    assert np.mean(second > 0.5) > 0.9 * np.mean(first > 0.5)


def test_the_mean_of_a_stream_does_not_count(talk: Samples) -> None:
    assert np.mean((streamed(talk + np.float32(0.5)) > 0.5) == (streamed(talk) > 0.5)) > 0.98


def test_silence_in_a_stream_holds_no_voice() -> None:
    assert streamed(np.zeros(SAMPLE_RATE, np.float32)).max() < 0.5
    assert len(streamed(np.zeros(0, np.float32))) == 0
