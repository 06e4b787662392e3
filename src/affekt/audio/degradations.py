"""Degradations of recordings: noise, babble, telephone, MP3, reverberation and level."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform, load_audio
from affekt.errors import CorpusError

Samples = NDArray[np.float32]
Degradation = Callable[[Waveform, Sequence[Waveform], np.random.Generator], Waveform]
"""A function of a clip, clips of other speakers (for babble) and a random generator."""

BABBLE_SPEAKERS = 8
TELEPHONE_BAND_HZ = 300.0, 3400.0
TELEPHONE_RATE = 8000
REVERBERATION_S = 0.6
DIRECT_TO_REVERBERANT_DB = 0.0
MP3_BITS_PER_S, MP3_RATE = 32_000, 16_000
GAIN_DB = 20.0

# The distribution of ``degrade``. The three degradations are drawn again until at least one applies.
REVERBERATION_SHARE, NOISE_SHARE, BAND_LIMIT_SHARE = 0.3, 0.6, 0.3
DECAY_RANGE_S, DIRECT_RANGE_DB = (0.15, 0.8), (0.0, 15.0)
SNR_RANGE_DB = 5.0, 35.0
NOISE_SLOPE_RANGE = 0.0, 1.5  # exponent of the frequency by which the amplitude falls,
FLAT_BELOW_HZ = 50.0  # above this frequency
MODULATED_SHARE, MODULATION_RANGE_HZ, MIN_MODULATION = 0.5, (2.0, 8.0), 0.1
LOWER_EDGE_RANGE_HZ, UPPER_EDGE_RANGE_HZ = (30.0, 450.0), (2800.0, 8000.0)
MIN_POWER_SHARE = 1e-4  # a clip with less of its power in the band is not band-limited


def add_white_noise(
    clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator, *, snr_db: float
) -> Waveform:
    """Add white noise at a signal-to-noise ratio, relative to the clip's mean power."""
    return _mix(clip, rng.standard_normal(len(clip.samples)).astype(np.float32), snr_db)


def add_babble(
    clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator, *, snr_db: float
) -> Waveform:
    """Add eight other speakers talking at once, at a signal-to-noise ratio.

    Of fewer than eight, some are used twice; ``CorpusError`` if there are none.
    """
    if not others:
        raise CorpusError("babble needs clips of at least one other speaker")
    babble = np.zeros(len(clip.samples), np.float32)
    for i in rng.choice(len(others), BABBLE_SPEAKERS, replace=len(others) < BABBLE_SPEAKERS):
        other = load_audio(others[i], clip.sample_rate).samples
        start = int(rng.integers(len(other)))
        speech = np.resize(np.roll(other, -start), len(babble))
        babble += speech / max(float(np.sqrt(np.mean(speech**2))), 1e-6)
    return _mix(clip, babble, snr_db)


def telephone(clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    """Transmit over a narrow-band telephone: 300 to 3400 Hz at 8 kHz, 8-bit mu-law (G.711)."""
    limited = _band_limit(clip.samples, clip.sample_rate, *TELEPHONE_BAND_HZ)
    resampled = load_audio((_clipped(limited), clip.sample_rate), TELEPHONE_RATE)
    return Waveform(_through_file(resampled, "WAV", "ULAW"), TELEPHONE_RATE)


def mp3(clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    """Encode as MP3 at a constant 32 kbit/s and 16 kHz, and decode."""
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
    """Add reverberation that decays by 60 dB in 0.6 s, with the energy of the direct sound.

    The impulse response is noise that decays exponentially (Polack 1988).
    """
    wet = _reverberate(clip.samples, clip.sample_rate, rng, REVERBERATION_S, DIRECT_TO_REVERBERANT_DB)
    return Waveform(_fitting(wet), clip.sample_rate)


def amplify(
    clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator, *, gain_db: float
) -> Waveform:
    """Change the level, and clip what exceeds full scale."""
    return Waveform(_clipped(clip.samples * np.float32(10 ** (gain_db / 20))), clip.sample_rate)


DEGRADATIONS: dict[str, Degradation] = {
    **{f"white noise, {snr} dB": partial(add_white_noise, snr_db=snr) for snr in (20, 10, 5, 0)},
    **{f"babble, {snr} dB": partial(add_babble, snr_db=snr) for snr in (20, 10, 5, 0)},
    "telephone": telephone,
    "MP3, 32 kbit/s": mp3,
    "reverberation, 0.6 s": reverberate,
    "20 dB louder, cut off": partial(amplify, gain_db=GAIN_DB),
    "20 dB quieter": partial(amplify, gain_db=-GAIN_DB),
}
"""The conditions of ``robustness``, by name."""


def degrade(clip: Waveform, rng: np.random.Generator) -> Waveform:
    """Degrade a clip at random, for training: reverberation, coloured noise, a band-limited channel.

    Each applies with a probability, and at least one applies. Their strengths are random too.
    """
    samples, rate = clip.samples, clip.sample_rate
    reverberant, noisy, limited = False, False, False
    while not (reverberant or noisy or limited):
        shares = (REVERBERATION_SHARE, NOISE_SHARE, BAND_LIMIT_SHARE)
        reverberant, noisy, limited = rng.random(3) < shares
    if reverberant:
        decay_s, direct_db = rng.uniform(*DECAY_RANGE_S), rng.uniform(*DIRECT_RANGE_DB)
        samples = _reverberate(samples, rate, rng, decay_s, direct_db)
    if noisy:
        samples = _add(samples, _coloured_noise(len(samples), rate, rng), rng.uniform(*SNR_RANGE_DB))
    if limited:
        edges = (LOWER_EDGE_RANGE_HZ, UPPER_EDGE_RANGE_HZ)
        low, high = (np.exp(rng.uniform(*np.log(edge))) for edge in edges)
        kept = _band_limit(samples, rate, low, high)
        if np.mean(kept**2) > MIN_POWER_SHARE * np.mean(samples**2):
            samples = kept
    return Waveform(_fitting(samples), rate)


def _coloured_noise(count: int, rate: int, rng: np.random.Generator) -> Samples:
    """Return noise between white and darker than brown; half of the time with a changing level."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(count, real=True)
    spectrum = rfft(rng.standard_normal(size))
    hz = np.fft.rfftfreq(size, 1 / rate)
    spectrum *= np.maximum(hz, FLAT_BELOW_HZ) ** -rng.uniform(*NOISE_SLOPE_RANGE)
    noise = irfft(spectrum, size)[:count]
    if rng.random() < MODULATED_SHARE:
        points = int(rng.uniform(*MODULATION_RANGE_HZ) * count / rate) + 2
        level = np.abs(rng.standard_normal(points)) + MIN_MODULATION
        noise *= np.interp(np.linspace(0, points - 1, count), np.arange(points), level)
    return np.asarray(noise, np.float32)


def _reverberate(
    samples: Samples, rate: int, rng: np.random.Generator, decay_s: float, direct_db: float
) -> NDArray[np.floating]:
    """Add reverberation that decays by 60 dB in ``decay_s``, ``direct_db`` below the direct sound."""
    from scipy.signal import fftconvolve

    time_s = np.arange(int(decay_s * rate)) / rate
    response = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / decay_s)
    response *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(response**2))
    response[0] = 1.0
    return np.asarray(fftconvolve(samples, response)[: len(samples)])


def _band_limit(samples: NDArray[np.floating], rate: int, low_hz: float, high_hz: float) -> Samples:
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(samples), real=True)
    spectrum = rfft(samples, size)
    hz = np.fft.rfftfreq(size, 1 / rate)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return np.asarray(irfft(spectrum, size)[: len(samples)], np.float32)


def _mix(clip: Waveform, noise: Samples, snr_db: float) -> Waveform:
    return Waveform(_fitting(_add(clip.samples, noise, snr_db)), clip.sample_rate)


def _add(samples: NDArray[np.floating], noise: Samples, snr_db: float) -> NDArray[np.floating]:
    power = np.mean(samples**2) / 10 ** (snr_db / 10)
    return np.asarray(samples + np.sqrt(power / max(float(np.mean(noise**2)), 1e-12)) * noise)


def _fitting(samples: NDArray[np.floating]) -> Samples:
    """Scale down to full scale if it is exceeded."""
    return (samples / max(1.0, float(np.abs(samples).max()))).astype(np.float32)


def _clipped(samples: NDArray[np.floating]) -> Samples:
    return np.asarray(np.clip(samples, -1, 1), np.float32)


def _through_file(waveform: Waveform, file_format: str, subtype: str) -> Samples:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, waveform.samples, waveform.sample_rate, subtype, format=file_format)
    file.seek(0)
    return np.asarray(soundfile.read(file, dtype="float32")[0], np.float32)
