"""Resynthesis: a recording with another pitch, tempo or timbre, the words and the speaker kept.

Pitch-synchronous overlap-add in the time domain (TD-PSOLA). The recording is cut into grains of two periods
around each mark, one mark a period. Grains that are laid closer together raise the pitch; grains that are
repeated or left out change the tempo. Source: Moulines and Charpentier (1990), Speech Communication 9.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform
from affekt.features.pitch import HIGHEST_HZ, HOP_S, LOWEST_HZ, track_pitch

UNVOICED_PERIOD_S = 0.01  # distance of marks where there is no pitch
SEARCHED = 0.2  # of a period, to each side of where the next mark is expected
TILT_AROUND_HZ, TILT_FROM_HZ = 1000.0, 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is changed of a voice.

    Attributes
    ----------
    pitch_range : float
        Factor of the distance from the median pitch, in semitones; 0 is monotonous.
    pitch_shift : float
        Semitones that the whole pitch is raised by.
    length : float
        Factor of the duration.
    tilt_db : float
        Change of the spectrum in dB for each octave above 1 kHz, with the opposite sign below it.
    """

    pitch_range: float = 1.0
    pitch_shift: float = 0.0
    length: float = 1.0
    tilt_db: float = 0.0

    @property
    def inverse(self) -> Change:
        """The change that undoes this one; ``pitch_range`` must not be 0."""
        return Change(
            pitch_range=1 / self.pitch_range,
            pitch_shift=-self.pitch_shift,
            length=1 / self.length,
            tilt_db=-self.tilt_db,
        )


def resynthesise(waveform: Waveform, change: Change) -> Waveform:
    """Return a recording with a changed voice.

    Pitch is changed where it is found. A change of pitch or length fades the first and the last period.
    """
    samples, rate = waveform.samples, waveform.sample_rate
    if (change.pitch_range, change.pitch_shift, change.length) != (1, 0, 1):
        samples = _overlap_add(samples, rate, change)
    if change.tilt_db:
        samples = _tilted(samples, rate, change.tilt_db)
    return Waveform(samples, rate)


def _overlap_add(samples: NDArray[np.float32], rate: int, change: Change) -> NDArray[np.float32]:
    pitch = track_pitch(Waveform(samples, rate))
    hz = pitch.hz.astype(np.float64)
    marks = find_marks(samples, rate, hz)
    gaps = np.diff(marks)
    frames = np.minimum((marks / rate / HOP_S).round().astype(int), len(hz) - 1)
    # The pitch of each mark over its new pitch; 1 where there is none.
    ratios = np.ones(len(marks))
    if pitch.voiced.any():
        semitones = 12 * np.log2(hz[frames])
        centre = 12 * np.log2(np.median(hz[pitch.voiced]))
        wanted = centre + (semitones - centre) * change.pitch_range + change.pitch_shift
        wanted = np.clip(wanted, *12 * np.log2([LOWEST_HZ, HIGHEST_HZ]))
        ratios = np.nan_to_num(2 ** ((semitones - wanted) / 12), nan=1.0)
    out = np.zeros(round(len(samples) * change.length) + 2 * int(gaps.max() * ratios.max()) + 2)
    weights = np.zeros_like(out)
    at = marks[1] * change.length
    while (source := at / change.length) < marks[-1]:
        i = int(np.clip(np.abs(marks - source).argmin(), 1, len(marks) - 2))
        first, middle, last = marks[i - 1 : i + 2]
        grain = np.concatenate([_rise(middle - first), _rise(last - middle)[::-1]])
        start = max(0, round(at) - (middle - first))
        room = min(len(grain), len(out) - start)
        out[start : start + room] += (samples[first:last] * grain)[:room]
        weights[start : start + room] += grain[:room]
        at += gaps[i] * ratios[i]
    whole = out / np.maximum(weights, 1.0)  # where grains are closer than they were, more of them add up
    return np.asarray(whole[: round(len(samples) * change.length)], np.float32)


def find_marks(samples: NDArray[np.float32], rate: int, hz: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return positions one period apart, at the same phase of each: from 0 to the end of the recording.

    Parameters
    ----------
    samples, rate
        The recording.
    hz
        Its pitch every 16 ms, NaN where there is none: marks are 10 ms apart there.
    """
    marks, voiced = [0], False
    while marks[-1] < len(samples):
        at = marks[-1]
        now = hz[min(round(at / rate / HOP_S), len(hz) - 1)]
        if np.isnan(now):
            voiced = False
            marks.append(at + round(UNVOICED_PERIOD_S * rate))
            continue
        period = round(rate / now)
        reach, half = max(1, round(SEARCHED * period)), min(period // 2, at)
        if voiced:  # where the recording is most like what is around the last mark
            around = samples[at - half : at + half]
            ahead = samples[at + period - reach - half : at + period + reach + half]
            best = int(np.correlate(ahead, around).argmax()) if len(ahead) >= len(around) else reach
            marks.append(at + period - reach + best)
        else:  # the first mark of a voice is at its peak
            ahead = np.abs(samples[at + period // 2 :][:period])
            marks.append(at + period // 2 + (int(ahead.argmax()) if len(ahead) else period))
        voiced = True
    return np.append(marks[:-1], len(samples))


def _rise(length: int) -> NDArray[np.float64]:
    """Return the rising half of a Hann window; with the falling half it adds up to 1."""
    return 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)


def _tilted(samples: NDArray[np.float32], rate: int, tilt_db: float) -> NDArray[np.float32]:
    octaves = np.log2(np.maximum(np.fft.rfftfreq(len(samples), 1 / rate), TILT_FROM_HZ) / TILT_AROUND_HZ)
    tilted = np.fft.irfft(np.fft.rfft(samples) * 10 ** (tilt_db * octaves / 20), len(samples))
    return np.asarray(tilted, np.float32)
