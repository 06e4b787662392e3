"""The values of ``voice@1`` never change: models are trained on them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from affekt.audio.loading import Waveform, load_audio
from affekt.features.voice import COLUMNS, SAMPLE_RATE, describe_voice

EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"
VALUES = Path(__file__).with_name("voice_1.csv")  # by the first code of voice@1


def hoarse() -> Waveform:
    """Two seconds of a gliding pitch that sinks into noise, and fades: frames of every strength."""
    time_s = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    phase = 2 * np.pi * np.cumsum(140 + 60 * np.sin(3 * time_s)) / SAMPLE_RATE
    tone = np.sum([np.sin(k * phase) / k for k in range(1, 9)], axis=0)
    noise = np.random.default_rng(0).standard_normal(len(time_s))
    samples = (tone + time_s * noise) * np.exp(-2 * time_s)
    return Waveform(samples.astype(np.float32), SAMPLE_RATE)


def known_values() -> dict[str, dict[str, float]]:
    """Sound -> column -> value."""
    with VALUES.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {name: {row["column"]: float(row[name]) for row in rows} for name in rows[0] if name != "column"}


@pytest.mark.parametrize(("name", "expected"), known_values().items())
def test_a_sound_has_the_values_that_it_always_had(name: str, expected: dict[str, float]) -> None:
    sound = hoarse() if name == "hoarse" else load_audio(EXAMPLES / f"{name}.flac", SAMPLE_RATE)
    assert tuple(expected) == COLUMNS
    np.testing.assert_allclose(describe_voice(sound), list(expected.values()), rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("samples", [1, 2, 160, 1600])
def test_a_sound_of_any_length_is_described(samples: int) -> None:
    noise = np.random.default_rng(0).standard_normal(samples).astype(np.float32)
    assert np.isfinite(describe_voice(Waveform(noise, SAMPLE_RATE))).all()
