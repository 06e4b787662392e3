"""Voice activity detection: which parts of a recording hold a voice.

The network is Silero VAD 6.2 (Silero Team, MIT licence, https://github.com/snakers4/silero-vad), which
``tools/make_activity.py`` rewrites for whole recordings.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soxr
from numpy.typing import NDArray

from affekt.audio.loading import load_audio
from affekt.audio.waveform import Waveform
from affekt.support.sessions import open_session

if TYPE_CHECKING:
    import onnxruntime

SAMPLE_RATE = 16_000
UNIT = 64  # samples: the network looks at a unit of context, then at a frame of eight units
FRAME_UNITS, FFT_UNITS, HOP_UNITS = 8, 4, 2
FRAME_SAMPLES = FRAME_UNITS * UNIT  # 32 ms
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE
SLOW_UNIT = 36  # samples that are taken for a unit: the recording is played slower by 64 / 36
LITTLE_VOICE = 0.2  # share of frames; with less voice, the recording is also played slower
BLOCK_FRAMES = 256  # that are computed at once
BINS = 129
LEVEL = 0.1  # RMS of loud frames; at 20 dB more or less, 97 % of the frames are decided in the same way
VOICE_PROBABILITY = 0.5
MARGIN_S = 0.1  # kept before and after a voice
SHORTEST_VOICE_S = 0.25  # a syllable; music and noise are taken for a voice for shorter times
STREAM_FRAMES = 4  # of a stream that are computed at once: 128 ms, as calls of the network take time
LEVEL_S = 10.0  # time constant of the level of a stream
OFFSET_S = 1.0  # time constant of the mean of a stream
LEAST_LEVEL = 1e-3  # RMS: a quieter stream is amplified no further
_MODEL = Path(__file__).with_name("silero-vad.onnx")


def voice_activity(waveform: Waveform) -> NDArray[np.float32]:
    """Return the probability of a voice in each frame of 32 ms.

    Parameters
    ----------
    waveform
        Of any sample rate and level. Its ``activity`` is returned where that is known.

    Returns
    -------
    float32 array of shape (frames,)
        The last frame is filled up with zeros.

    Notes
    -----
    The network takes few of the frames of high shouts for a voice, but most of them once their pitch is
    lower. So a recording with little voice is played slower too, and the higher probability counts.
    """
    if waveform.activity is not None:
        return waveform.activity
    samples = load_audio(waveform, SAMPLE_RATE).samples
    gain = np.float32(LEVEL / _level(samples))
    found = _probabilities(samples, gain, UNIT)
    if np.mean(found > VOICE_PROBABILITY) >= LITTLE_VOICE:
        return found
    slower = _probabilities(samples, gain, SLOW_UNIT)
    centres = ((np.arange(len(found)) + 0.5) * UNIT / SLOW_UNIT).astype(int)
    slower = slower[np.minimum(centres, len(slower) - 1)]
    return np.asarray(np.maximum(found, slower))


class ActivityStream:
    """The probability of a voice in each frame of 32 ms of sound that arrives piece by piece.

    ``voice_activity`` scales a recording by the level of its loud frames, and plays it slower too where it
    has little voice. What is to come is not known here. So each frame is scaled by the level of those up to
    it, in which the past counts less and less, or by its own where that is higher, after the mean of the
    last second is taken off; and all sound is played slower too. Frames are computed in blocks of
    ``STREAM_FRAMES``, so that the probabilities do not depend on how the sound was divided.

    Parameters
    ----------
    sample_rate
        Of the samples, in Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self._resampler = (
            None
            if sample_rate == SAMPLE_RATE
            else soxr.ResampleStream(sample_rate, SAMPLE_RATE, 1, "float32", "HQ")
        )
        self._waiting = np.zeros(0, np.float32)  # for a whole block
        self._usual, self._slower = _NetworkStream(UNIT), _NetworkStream(SLOW_UNIT)
        self._frames = 0
        self._slow_frames = np.zeros(0, np.float32)  # probabilities of the last few
        self._offset: float | None = None
        self._power = self._squared_power = 0.0

    def push(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of the frames that these samples complete, perhaps none."""
        return self._add(samples, last=False)

    def close(self) -> NDArray[np.float32]:
        """Return the probabilities of all frames that are left; the last is filled up with the mean."""
        found = self._add(np.zeros(0, np.float32), last=True)
        missing = -len(self._waiting) % FRAME_SAMPLES
        mean = np.full(missing, self._offset or 0.0, np.float32)
        return np.concatenate([found, self._compute(np.concatenate([self._waiting, mean]))])

    def _add(self, samples: NDArray[np.float32], *, last: bool) -> NDArray[np.float32]:
        if self._resampler:
            samples = self._resampler.resample_chunk(samples, last=last)
        samples = np.concatenate([self._waiting, samples])
        size = STREAM_FRAMES * FRAME_SAMPLES
        whole = len(samples) // size * size
        self._waiting = samples[whole:].copy()  # a view would keep all that was pushed
        found = [self._compute(samples[at : at + size]) for at in range(0, whole, size)]
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def _compute(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of whole frames; the higher one counts, as in ``voice_activity``."""
        scaled = self._scale(samples.reshape(-1, FRAME_SAMPLES))
        found = self._usual.push(scaled)
        self._slow_frames = np.concatenate([self._slow_frames, self._slower.push(scaled)])
        first, self._frames = self._frames, self._frames + len(found)
        if len(self._slow_frames):
            centres = (np.arange(first, self._frames) + 0.5) * UNIT / SLOW_UNIT
            start = self._slower.frames - len(self._slow_frames)
            places = np.clip(centres.astype(int) - start, 0, len(self._slow_frames) - 1)
            found = np.maximum(found, self._slow_frames[places])
            self._slow_frames = self._slow_frames[-2 * FRAME_UNITS :]
        return found

    def _scale(self, frames: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the samples without their mean, at the level that the network is given."""
        scaled, kept = np.empty(frames.shape, np.float32), np.exp(-FRAME_S / LEVEL_S)
        for i, frame in enumerate(frames.astype(np.float64)):
            mean = frame.mean()
            before = mean if self._offset is None else self._offset
            self._offset = before + (mean - before) * FRAME_S / OFFSET_S
            centred = frame - self._offset
            power = np.square(centred).mean()
            self._power = kept * self._power + power
            self._squared_power = kept * self._squared_power + power * power
            level = np.sqrt(max(power, self._squared_power / self._power)) if self._power else 0.0
            scaled[i] = np.clip(centred * (LEVEL / max(level, LEAST_LEVEL)), -1, 1)
        return scaled.ravel()


class _NetworkStream:
    """The network and its state, for sound that is played as it is, or slower."""

    def __init__(self, unit: int) -> None:
        self.unit, self.frames = unit, 0
        self._waiting = np.zeros(unit, np.float32)  # the end of the last frame, then part of the next
        self._state = self._cell = np.zeros((1, 1, 128), np.float32)

    def push(self, scaled: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of the frames that these samples complete."""
        samples, size = np.concatenate([self._waiting, scaled]), FRAME_UNITS * self.unit
        frames = (len(samples) - self.unit) // size
        self.frames += frames
        self._waiting = samples[frames * size :].copy()
        if not frames:
            return np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.unit + size)[::size]
        inputs = {
            "spectra": _spectra(windows[:frames], self.unit),
            "state": self._state,
            "cell": self._cell,
        }
        found, self._state, self._cell = _session().run(None, inputs)
        return np.asarray(found, np.float32)


def trim_to_voice(waveform: Waveform, activity: NDArray[np.float32]) -> Waveform:
    """Cut off what comes before the first and after the last frame with a voice, but for 0.1 s.

    Parameters
    ----------
    waveform
        A recording.
    activity
        What ``voice_activity`` returns for it.

    Returns
    -------
    Waveform
        The recording itself where its frames with a voice last less than 0.25 s together: then most of the
        voice was not found, or there is none.
    """
    voiced = np.flatnonzero(activity > VOICE_PROBABILITY)
    if len(voiced) * FRAME_S < SHORTEST_VOICE_S:
        return waveform
    start_s, stop_s = voiced[0] * FRAME_S - MARGIN_S, (voiced[-1] + 1) * FRAME_S + MARGIN_S
    rate = waveform.sample_rate
    return Waveform(waveform.samples[max(0, round(start_s * rate)) : round(stop_s * rate)], rate)


def _level(samples: NDArray[np.float32]) -> float:
    """Return the RMS of frames, weighted by their power; a click changes it less than the peak."""
    whole = len(samples) // FRAME_SAMPLES * FRAME_SAMPLES
    frames = samples[:whole].reshape(-1, FRAME_SAMPLES)
    rest = samples[whole:]
    energies = np.append(np.einsum("ij,ij->i", frames, frames), rest @ rest).astype(np.float64)
    return float(np.sqrt((energies @ energies) / energies.sum() / FRAME_SAMPLES))


def _probabilities(samples: NDArray[np.float32], gain: np.float32, unit: int) -> NDArray[np.float32]:
    """Run the network over a recording, block by block."""
    frames = -(-len(samples) // (FRAME_UNITS * unit))
    state = cell = np.zeros((1, 1, 128), np.float32)
    found = []
    for first in range(0, frames, BLOCK_FRAMES):
        windows = _windows(samples, first, min(BLOCK_FRAMES, frames - first), unit)
        inputs = {"spectra": _spectra(np.clip(gain * windows, -1, 1), unit), "state": state, "cell": cell}
        probabilities, state, cell = _session().run(None, inputs)
        found.append(probabilities)
    return np.concatenate(found)


def _windows(samples: NDArray[np.float32], first: int, frames: int, unit: int) -> NDArray[np.float32]:
    """Return frames, each behind the end of the one before it; the recording is surrounded by zeros."""
    start, frame = (first * FRAME_UNITS - 1) * unit, FRAME_UNITS * unit
    block = samples[max(0, start) : start + unit + frames * frame]
    before = max(0, -start)
    block = np.pad(block, (before, unit + frames * frame - before - len(block)))
    return np.lib.stride_tricks.sliding_window_view(block, unit + frame)[::frame]


def _spectra(windows: NDArray[np.float32], unit: int) -> NDArray[np.float32]:
    """Return four magnitude spectra of each window, shape (1, 129, windows, 4); its end is mirrored.

    Played slower, a recording has nothing in the upper bins.
    """
    mirrored = np.concatenate([windows, windows[:, -2 : -unit - 2 : -1]], axis=1)
    parts = np.lib.stride_tricks.sliding_window_view(mirrored, FFT_UNITS * unit, axis=1)
    spectra = np.fft.rfft(parts[:, :: HOP_UNITS * unit] * _hann_window(unit), axis=2)
    magnitudes = np.zeros((1, BINS, len(windows), FRAME_UNITS // HOP_UNITS), np.float32)
    power = np.square(spectra.real) + np.square(spectra.imag)
    magnitudes[0, : spectra.shape[2]] = np.sqrt(power).transpose(2, 0, 1)
    return magnitudes


@lru_cache(maxsize=2)
def _hann_window(unit: int) -> NDArray[np.float32]:
    """Return a periodic Hann window of four units, with the sum that it has at the usual unit."""
    length = FFT_UNITS * unit
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return (window * UNIT / unit).astype(np.float32)


@lru_cache(maxsize=1)
def _session() -> onnxruntime.InferenceSession:
    return open_session(_MODEL)
