"""Recording quality of a clip: level, clipping, silence, voice activity, pitch and brightness."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affekt.audio.activity import FRAME_S as ACTIVITY_FRAME_S
from affekt.audio.activity import LITTLE_VOICE, SHORTEST_VOICE_S, VOICE_PROBABILITY, voice_activity
from affekt.audio.loading import Waveform, load_audio
from affekt.features.descriptors import spectral_centroid
from affekt.features.pitch import track_pitch
from affekt.features.spectra import Spectra
from affekt.notes import Note, NoteKind

CLIPPED_PEAK = 0.999  # of full scale
SILENCE_DB = -40.0  # below the clip's own loudest frame
FRAME_S = 0.02
QUIET_PEAK_DB = -45.0
VOICE_SAMPLE_RATE = 16_000
MUCH_CLIPPED = 1e-3
SHORT_S = 1.0
_TINY_POWER = 1e-12


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What takes little time to measure of the quality of a recording.

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
    """

    duration_s: float
    sample_rate: int
    level_db: float
    peak_db: float
    clipped: float
    silence: float

    @property
    def notes(self) -> tuple[Note, ...]:
        """Properties of the recording that make a prediction less reliable."""
        return tuple(self._notes())

    def _notes(self) -> Iterator[Note]:
        if self.peak_db < QUIET_PEAK_DB:
            yield Note(NoteKind.QUIET, f"very quiet: the peak is {-self.peak_db:.0f} dB below full scale")
        if self.clipped > MUCH_CLIPPED:
            yield Note(NoteKind.CLIPPED, f"clipped: {self.clipped:.1%} of the samples are at full scale")
        if self.duration_s < SHORT_S:
            yield Note(NoteKind.SHORT, f"short: the recording lasts {self.duration_s:.1f} s")
        if self.sample_rate < VOICE_SAMPLE_RATE:
            yield Note(
                NoteKind.NARROW_BAND,
                f"narrow band: a sample rate of {self.sample_rate} Hz keeps nothing above "
                f"{self.sample_rate // 2} Hz",
            )


@dataclass(frozen=True, kw_only=True)
class ClipFacts(Quality):
    """Measurements of the quality of a recording, with those that take as long as its features.

    Attributes
    ----------
    voice_share, longest_voice_s
        As ``measure_voice`` returns them.
    pitch_hz
        Median over the voiced frames; NaN if there are none.
    brightness_hz
        Mean spectral centroid, below 8 kHz.
    """

    voice_share: float
    longest_voice_s: float
    pitch_hz: float
    brightness_hz: float

    def _notes(self) -> Iterator[Note]:
        yield from super()._notes()
        yield from voice_notes(self.duration_s, self.voice_share, self.longest_voice_s)


def measure_voice(activity: NDArray[np.float32]) -> tuple[float, float]:
    """Measure how much of a recording holds a voice.

    Parameters
    ----------
    activity
        What ``voice_activity`` returned for it.

    Returns
    -------
    float, float
        The share of frames with a voice, and the length in seconds of the longest stretch of them.
    """
    voiced = activity > VOICE_PROBABILITY
    edges = np.flatnonzero(np.diff(np.concatenate([[False], voiced, [False]])))
    longest = (edges[1::2] - edges[::2]).max(initial=0)
    return float(voiced.mean()), float(longest) * ACTIVITY_FRAME_S


def voice_notes(duration_s: float, voice_share: float, longest_voice_s: float) -> Iterator[Note]:
    """Note that a recording holds no voice, or little of it.

    Nothing is said of less than a second: the network needs that long to tell a held vowel from a tone.
    """
    if duration_s < SHORT_S:
        return
    if longest_voice_s < SHORTEST_VOICE_S:
        yield Note(NoteKind.NO_VOICE, "no voice found: this may be music, noise or silence")
    elif voice_share < LITTLE_VOICE:
        yield Note(
            NoteKind.LITTLE_SPEECH, f"little speech: {voice_share:.0%} of the recording holds a voice"
        )


def measure_quality(waveform: Waveform) -> Quality:
    """Measure level, clipping and silence of a recording at its own sample rate."""
    samples = waveform.samples
    offset = waveform.offset if abs(waveform.offset) < 1 else 0.0  # beyond full scale, nothing is clipped
    frame = max(1, min(len(samples), round(FRAME_S * waveform.sample_rate)))
    whole = len(samples) // frame * frame
    frames = samples[:whole].reshape(-1, frame)
    powers = np.einsum("ij,ij->i", frames, frames).astype(np.float64)
    total = powers.sum() + np.sum(samples[whole:] ** 2, dtype=np.float64)
    levels = 10 * np.log10(np.maximum(powers / frame, _TINY_POWER))
    low, high = float(samples.min()), float(samples.max())
    clipped = 0.0
    if max(high + offset, -low - offset) >= CLIPPED_PEAK:  # as it was recorded, its mean included
        clipped = float(np.mean(np.abs(samples + np.float32(offset)) >= CLIPPED_PEAK))
    return Quality(
        duration_s=waveform.duration_s,
        sample_rate=waveform.sample_rate,
        level_db=float(10 * np.log10(max(total / len(samples), _TINY_POWER))),
        peak_db=float(20 * np.log10(max(high, -low))),
        clipped=clipped,
        silence=float(np.mean(levels < levels.max() + SILENCE_DB)),
    )


def describe_recording(waveform: Waveform) -> ClipFacts:
    """Measure a recording at its own sample rate, voice activity, pitch and brightness included."""
    # All clips at one rate: brightness must not depend on the sample rate of the recording.
    at_one_rate = load_audio(waveform, VOICE_SAMPLE_RATE)
    pitch = track_pitch(at_one_rate)
    voice_share, longest_voice_s = measure_voice(voice_activity(at_one_rate))
    return ClipFacts(
        **vars(measure_quality(waveform)),
        voice_share=voice_share,
        longest_voice_s=longest_voice_s,
        pitch_hz=float(np.median(pitch.hz[pitch.voiced])) if pitch.voiced.any() else float("nan"),
        brightness_hz=float(spectral_centroid(Spectra(at_one_rate)).mean()),
    )
