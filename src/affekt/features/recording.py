"""Recording quality of a clip: level, clipping, silence, pitch and brightness."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from affekt.audio.loading import Waveform, load_audio
from affekt.features.descriptors import spectral_centroid
from affekt.features.pitch import track_pitch
from affekt.features.spectra import Spectra

CLIPPED_PEAK = 0.999  # of full scale
SILENCE_DB = -40.0  # below the clip's own loudest frame
FRAME_S = 0.02
QUIET_PEAK_DB = -45.0
VOICE_SAMPLE_RATE = 16_000
MUCH_CLIPPED = 1e-3
SHORT_S = 1.0
MUCH_SILENCE = 0.8
_TINY_POWER = 1e-12


@dataclass(frozen=True, kw_only=True)
class ClipFacts:
    """Measurements of the quality of a recording.

    Attributes
    ----------
    duration_s, sample_rate
        In seconds and Hz.
    level_db, peak_db
        RMS and peak, relative to full scale.
    clipped
        Share of samples at full scale.
    silence
        Share of frames of 20 ms that are at least 40 dB below the loudest one.
    pitch_hz
        Median over the voiced frames; NaN if there are none.
    brightness_hz
        Mean spectral centroid, below 8 kHz.
    """

    duration_s: float
    sample_rate: int
    level_db: float
    peak_db: float
    clipped: float
    silence: float
    pitch_hz: float
    brightness_hz: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """Properties of the recording that make a prediction less reliable, as text."""
        found = {
            f"very quiet: the peak is {-self.peak_db:.0f} dB below full scale": self.peak_db
            < QUIET_PEAK_DB,
            f"clipped: {self.clipped:.1%} of the samples are at full scale": self.clipped > MUCH_CLIPPED,
            f"short: the recording lasts {self.duration_s:.1f} s": self.duration_s < SHORT_S,
            f"little speech: {self.silence:.0%} of the recording is silence": self.silence > MUCH_SILENCE,
            "no voice found: no part of the recording has a pitch": math.isnan(self.pitch_hz),
        }
        return tuple(text for text, holds in found.items() if holds)


def describe_recording(waveform: Waveform) -> ClipFacts:
    """Measure a recording at its own sample rate."""
    samples = waveform.samples.astype(np.float64)
    frame = max(1, min(len(samples), round(FRAME_S * waveform.sample_rate)))
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    levels = 10 * np.log10(np.maximum(np.mean(frames**2, axis=1), _TINY_POWER))
    # All clips at one rate: brightness must not depend on the sample rate of the recording.
    at_one_rate = load_audio(waveform, VOICE_SAMPLE_RATE)
    pitch = track_pitch(at_one_rate)
    return ClipFacts(
        duration_s=waveform.duration_s,
        sample_rate=waveform.sample_rate,
        level_db=float(10 * np.log10(np.mean(samples**2))),
        peak_db=float(20 * np.log10(np.abs(samples).max())),
        clipped=float(np.mean(np.abs(samples) >= CLIPPED_PEAK)),
        silence=float(np.mean(levels < levels.max() + SILENCE_DB)),
        pitch_hz=float(np.median(pitch.hz[pitch.voiced])) if pitch.voiced.any() else float("nan"),
        brightness_hz=float(spectral_centroid(Spectra(at_one_rate)).mean()),
    )
