"""What happens to a voice on its way to a microphone and from there: each is a function of a waveform."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from affekt.audio import Waveform, load_audio
from affekt.errors import CorpusError

Samples = NDArray[np.float32]
Degradation = Callable[[Waveform, Sequence[Waveform], np.random.Generator], Waveform]
"""Clip, other voices to babble with, randomness -> what is left of the clip."""

BABBLE_VOICES = 8
TELEPHONE_HZ = 300.0, 3400.0
TELEPHONE_RATE = 8000
REVERBERATION_S = 0.6
DIRECT_TO_REVERBERANT_DB = 0.0
MP3_BITS_PER_S, MP3_RATE = 32_000, 16_000
LOUDNESS_DB = 20.0


def add_white_noise(
    clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator, *, snr_db: float
) -> Waveform:
    """White noise, so many dB below the clip's mean power."""
    return _mix(clip, rng.standard_normal(len(clip.samples)).astype(np.float32), snr_db)


def add_babble(
    clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator, *, snr_db: float
) -> Waveform:
    """Eight other voices at once, some twice where there are fewer; so many dB below the mean power."""
    if not others:
        raise CorpusError("there is no other voice to babble with")
    babble = np.zeros(len(clip.samples), np.float32)
    for i in rng.choice(len(others), BABBLE_VOICES, replace=len(others) < BABBLE_VOICES):
        other = others[i].samples
        start = int(rng.integers(len(other)))
        voice = np.resize(np.roll(other, -start), len(babble))
        babble += voice / max(float(np.sqrt(np.mean(voice**2))), 1e-6)
    return _mix(clip, babble, snr_db)


def telephone(clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    """A narrow-band line: 300 to 3400 Hz at 8 kHz, in 8 bits by the mu-law of G.711."""
    spectrum = np.fft.rfft(clip.samples)
    hz = np.fft.rfftfreq(len(clip.samples), 1 / clip.sample_rate)
    spectrum[(hz < TELEPHONE_HZ[0]) | (hz > TELEPHONE_HZ[1])] = 0
    narrow = np.fft.irfft(spectrum, len(clip.samples)).astype(np.float32)
    line = load_audio((_clipped(narrow), clip.sample_rate), TELEPHONE_RATE)
    return Waveform(_through_file(line, "WAV", "ULAW"), TELEPHONE_RATE)


def mp3(clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    """MP3 at a constant 32 kbit/s, of 16 kHz."""
    import av

    clip = load_audio(clip, MP3_RATE)
    coded = io.BytesIO()
    with av.open(coded, "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=clip.sample_rate, layout="mono")
        stream.bit_rate = MP3_BITS_PER_S
        frame = av.AudioFrame.from_ndarray(clip.samples[None], format="fltp", layout="mono")
        frame.sample_rate = clip.sample_rate
        container.mux([packet for part in (frame, None) for packet in stream.encode(part)])
    return load_audio(coded.getvalue())


def reverberate(clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    """A room in which sound dies away by 60 dB in 0.6 s, its echoes as strong as the voice itself.

    Noise that decays exponentially stands for the room (Polack 1988).
    """
    time_s = np.arange(int(REVERBERATION_S * clip.sample_rate)) / clip.sample_rate
    room = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / REVERBERATION_S)
    room *= 10 ** (-DIRECT_TO_REVERBERANT_DB / 20) / np.sqrt(np.sum(room**2))
    room[0] = 1.0
    size = len(clip.samples) + len(room)
    wet = np.fft.irfft(np.fft.rfft(clip.samples, size) * np.fft.rfft(room, size), size)
    return Waveform(_fitting(wet[: len(clip.samples)]), clip.sample_rate)


def amplify(
    clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator, *, gain_db: float
) -> Waveform:
    """Louder or quieter; what exceeds full scale is cut off."""
    return Waveform(_clipped(clip.samples * np.float32(10 ** (gain_db / 20))), clip.sample_rate)


DEGRADATIONS: dict[str, Degradation] = {
    **{f"white noise, {snr} dB": partial(add_white_noise, snr_db=snr) for snr in (20, 10, 5, 0)},
    **{f"babble, {snr} dB": partial(add_babble, snr_db=snr) for snr in (20, 10, 5, 0)},
    "telephone": telephone,
    "MP3, 32 kbit/s": mp3,
    "reverberation, 0.6 s": reverberate,
    "20 dB louder, cut off": partial(amplify, gain_db=LOUDNESS_DB),
    "20 dB quieter": partial(amplify, gain_db=-LOUDNESS_DB),
}


def _mix(clip: Waveform, noise: Samples, snr_db: float) -> Waveform:
    wanted = np.mean(clip.samples**2) / 10 ** (snr_db / 10)
    scale = np.sqrt(wanted / max(float(np.mean(noise**2)), 1e-12))
    mixed = clip.samples + scale * noise
    return Waveform(_fitting(mixed), clip.sample_rate)


def _fitting(samples: NDArray[np.floating]) -> Samples:
    """Quieter where they would exceed full scale."""
    return (samples / max(1.0, float(np.abs(samples).max()))).astype(np.float32)


def _clipped(samples: NDArray[np.floating]) -> Samples:
    return np.asarray(np.clip(samples, -1, 1), np.float32)


def _through_file(waveform: Waveform, kind: str, subtype: str) -> Samples:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, waveform.samples, waveform.sample_rate, subtype, format=kind)
    file.seek(0)
    return np.asarray(soundfile.read(file, dtype="float32")[0], np.float32)
