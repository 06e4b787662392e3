"""What-ifs: each change is answered, and one that cannot be undone is unreliable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from affekt.audio.loading import Waveform, load_audio
from affekt.features.pitch import track_pitch
from affekt.inference.prediction import Probabilities
from affekt.inference.what_ifs import CHANGES, change_voice

EXAMPLE = Path(__file__).parents[1] / "synthetic_voices" / "high-fast-loud.flac"


def happy_if_high(waveform: Waveform) -> Probabilities:
    """A model that hears the height of the pitch alone: 0.9 above 22 semitones over 100 Hz."""
    pitch = track_pitch(waveform)
    height = 12 * np.log2(np.median(pitch.hz[pitch.voiced]) / 100)
    return Probabilities(happy=0.9, sad=0.1) if height > 20 else Probabilities(happy=0.2, sad=0.8)


def test_a_change_has_the_answer_of_its_sound() -> None:
    recorded = load_audio(EXAMPLE, 16_000)
    higher = change_voice(recorded, "higher pitch", happy_if_high, "sad")
    assert (higher.name, higher.emotion) == ("higher pitch", "happy")
    assert higher.probabilities == happy_if_high(higher.sound)
    assert higher.reliable
    assert change_voice(recorded, "lower pitch", happy_if_high, "sad").emotion == "sad"


def test_a_change_after_which_the_answer_does_not_come_back_is_unreliable() -> None:
    recorded = load_audio(EXAMPLE, 16_000)
    assert not change_voice(recorded, "faster", happy_if_high, "happy").reliable


@pytest.mark.parametrize(
    ("name", "semitones"), [("higher pitch", 4), ("lower pitch", -4), ("slower", 0), ("softer timbre", 0)]
)
def test_the_pitch_of_a_voice_is_what_the_name_says(name: str, semitones: float) -> None:
    def height(waveform: Waveform) -> float:
        pitch = track_pitch(waveform)
        return float(12 * np.log2(np.median(pitch.hz[pitch.voiced])))

    recorded = load_audio(EXAMPLE, 16_000)
    changed = change_voice(recorded, name, happy_if_high, "sad").sound
    assert height(changed) - height(recorded) == pytest.approx(semitones, abs=0.4)


def test_pairs_of_changes_are_opposite() -> None:
    names = list(CHANGES)
    for first, second in zip(names[::2], names[1::2], strict=True):
        one, other = CHANGES[first], CHANGES[second]
        assert (one.pitch_shift, one.tilt_db) == (-other.pitch_shift, -other.tilt_db)
        assert one.length * other.length == pytest.approx(1)
        assert (one.pitch_range < 1) == (other.pitch_range > 1)
