"""Degradations of recordings: noise, babble, telephone, MP3, Opus, reverberation and level."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform, load_audio
from affekt.errors import CorpusError, UnknownNameError

Samples = NDArray[np.float32]
Degradation = Callable[[Waveform, Sequence[Waveform], np.random.Generator], Waveform]
"""A function of a clip, clips of other speakers (for babble) and a random generator."""
Signal = NDArray[np.floating]
TrainingDegradation = Callable[[Signal, int, np.random.Generator], Signal]
"""A function of samples, their rate and a random generator, which also draws how strong it is."""

BABBLE_SPEAKERS = 8
TELEPHONE_BAND_HZ = 300.0, 3400.0
TELEPHONE_RATE = 8000
REVERBERATION_S = 0.6
DIRECT_TO_REVERBERANT_DB = 0.0
MP3_BITS_PER_S, OPUS_BITS_PER_S = 32_000, 12_000
CODEC_RATE = 16_000
GAIN_DB = 20.0

# What is drawn for training copies, each uniformly unless it says otherwise.
DECAY_RANGE_S, DIRECT_RANGE_DB = (0.15, 0.8), (0.0, 15.0)
SNR_RANGE_DB, BABBLE_SNR_RANGE_DB = (5.0, 35.0), (5.0, 30.0)
NOISE_SLOPE_RANGE = 0.0, 1.5  # exponent of the frequency by which the amplitude falls,
FLAT_BELOW_HZ = 50.0  # above this frequency
MODULATED_SHARE, MODULATION_RANGE_HZ, MIN_MODULATION = 0.5, (2.0, 8.0), 0.1
VOICES_RANGE = 3, 8
VOICE_SPEED_RANGE = 0.7, 1.4  # on a logarithmic scale; shifts pitch and formants
VOICE_TILT_RANGE = -0.9, 0.9  # of each sample added to the next: a darker or a brighter voice
LOWER_EDGE_RANGE_HZ, UPPER_EDGE_RANGE_HZ = (30.0, 450.0), (2800.0, 8000.0)  # on a logarithmic scale
OVERLOAD_RANGE_DB = 3.0, 20.0  # by which the peak exceeds full scale
MP3_RANGE_BITS_PER_S, OPUS_RANGE_BITS_PER_S = (16e3, 64e3), (6e3, 24e3)  # on a logarithmic scale
OPUS_RATES = 8_000, 16_000  # narrowband and wideband
LINE_LOWER_RANGE_HZ, LINE_UPPER_RANGE_HZ = (50.0, 400.0), (3000.0, 3900.0)
MIN_POWER_SHARE = 1e-4  # a degradation that leaves less of a clip's power is not applied


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


def transcode(
    clip: Waveform,
    others: Sequence[Waveform],
    rng: np.random.Generator,
    *,
    encoder: Literal["libmp3lame", "libopus"],
    file_format: str,
    bits_per_s: int,
) -> Waveform:
    """Encode at 16 kHz by an encoder of FFmpeg, and decode."""
    import av

    clip = load_audio(clip, CODEC_RATE)
    coded = io.BytesIO()
    with av.open(coded, "w", format=file_format) as container:
        stream = container.add_stream(encoder, rate=clip.sample_rate, layout="mono")
        stream.bit_rate = bits_per_s
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
    "MP3, 32 kbit/s": partial(
        transcode, encoder="libmp3lame", file_format="mp3", bits_per_s=MP3_BITS_PER_S
    ),
    "Opus, 12 kbit/s": partial(transcode, encoder="libopus", file_format="ogg", bits_per_s=OPUS_BITS_PER_S),
    "reverberation, 0.6 s": reverberate,
    "20 dB louder, cut off": partial(amplify, gain_db=GAIN_DB),
    "20 dB quieter": partial(amplify, gain_db=-GAIN_DB),
}
"""The conditions of ``robustness``, by name."""


def degrade(
    clip: Waveform, rng: np.random.Generator, shares: Mapping[TrainingDegradation, float]
) -> Waveform:
    """Degrade a clip at random, for training.

    Parameters
    ----------
    clip
        Of any rate; the copy has the same rate and length.
    rng
        Draws what applies, and how strongly.
    shares
        Degradation -> how often it applies, in the order in which they are applied: an entry of
        ``TRAINING_DEGRADATIONS``. They are drawn again until at least one applies.
    """
    samples, rate = clip.samples, clip.sample_rate
    applied = np.zeros(len(shares), bool)
    while not applied.any():
        applied = rng.random(len(shares)) < list(shares.values())
    for change, applies in zip(shares, applied, strict=True):
        if applies:
            changed = change(samples, rate, rng)
            if np.mean(changed**2) > MIN_POWER_SHARE * np.mean(samples**2):
                samples = changed
    return Waveform(_fitting(samples), rate)


def find_training_degradation(name: str) -> Mapping[TrainingDegradation, float]:
    """Return the entry of ``TRAINING_DEGRADATIONS`` of this name; ``UnknownNameError`` if there is none."""
    if name not in TRAINING_DEGRADATIONS:
        raise UnknownNameError("training degradation", name, TRAINING_DEGRADATIONS)
    return TRAINING_DEGRADATIONS[name]


def add_room(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Add reverberation."""
    return _reverberate(samples, rate, rng, rng.uniform(*DECAY_RANGE_S), rng.uniform(*DIRECT_RANGE_DB))


def add_noise(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Add noise between white and darker than brown; half of the time with a changing level."""
    return _add(samples, _coloured_noise(len(samples), rate, rng), rng.uniform(*SNR_RANGE_DB))


def add_own_babble(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Add three to eight voices made of the clip itself, so that no other clip is in a training copy.

    A voice is the clip from a random position on, repeated; faster or slower, with higher or lower pitch;
    darker or brighter, so that it says less about the emotion; half of the time backwards.
    """
    count = len(samples)
    babble = np.zeros(count, np.float32)
    for _ in range(rng.integers(*VOICES_RANGE, endpoint=True)):
        clip = np.roll(samples, rng.integers(count))[:: rng.choice((-1, 1))]
        at = np.arange(count) * _log_uniform(rng, VOICE_SPEED_RANGE)
        before = at.astype(np.intp)
        looped = np.resize(clip, before[-1] + 2).astype(np.float32)
        voice = looped[before] + (at - before).astype(np.float32) * np.diff(looped)[before]
        voice[1:] += np.float32(rng.uniform(*VOICE_TILT_RANGE)) * voice[:-1]
        babble += voice / max(float(np.sqrt(np.mean(voice**2))), 1e-6)
    return _add(samples, babble, rng.uniform(*BABBLE_SNR_RANGE_DB))


def overload(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Amplify beyond full scale, and clip what exceeds it."""
    gain = 10 ** (rng.uniform(*OVERLOAD_RANGE_DB) / 20)
    return _clipped(samples * (gain / np.abs(samples).max()))


def limit_band(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Remove what is below and above two random frequencies."""
    low, high = _log_uniform(rng, LOWER_EDGE_RANGE_HZ), _log_uniform(rng, UPPER_EDGE_RANGE_HZ)
    return _band_limit(samples, rate, low, high)


def code_g711(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Transmit over a telephone line: band-limited, at 8 kHz, in 8 bits by mu-law or A-law (G.711)."""
    low, high = rng.uniform(*LINE_LOWER_RANGE_HZ), rng.uniform(*LINE_UPPER_RANGE_HZ)
    limited = _band_limit(samples, rate, low, high)
    return _coded(limited, rate, TELEPHONE_RATE, "WAV", str(rng.choice(("ULAW", "ALAW"))))


def code_mp3(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Encode as MP3 at 16 to 64 kbit/s and 16 kHz, and decode.

    The bit rate is held on average: at low constant ones the file lacks the delay that the decoder removes.
    """
    bits_per_s = _log_uniform(rng, MP3_RANGE_BITS_PER_S)
    level = (160e3 - bits_per_s) / 152e3  # libsndfile maps 0 to 160 kbit/s at this rate, 1 to 8
    return _coded(
        samples, rate, CODEC_RATE, "MP3", "MPEG_LAYER_III", compression_level=level, bitrate_mode="AVERAGE"
    )


def code_opus(samples: Signal, rate: int, rng: np.random.Generator) -> Signal:
    """Encode as Opus at 6 to 24 kbit/s, narrowband or wideband, and decode."""
    bits_per_s = _log_uniform(rng, OPUS_RANGE_BITS_PER_S)
    level = (256e3 - bits_per_s) / 250e3  # libsndfile maps 0 to 256 kbit/s, 1 to 6
    return _coded(samples, rate, int(rng.choice(OPUS_RATES)), "OGG", "OPUS", compression_level=level)


TRAINING_DEGRADATIONS: dict[str, Mapping[TrainingDegradation, float]] = {
    "noise-room-band@1": {add_room: 0.3, add_noise: 0.6, limit_band: 0.3},
    "everyday@2": {
        add_room: 0.25,
        add_noise: 0.35,
        add_own_babble: 0.35,
        overload: 0.05,
        limit_band: 0.15,
        code_mp3: 0.15,
        code_opus: 0.06,  # by far the slowest
        code_g711: 0.12,
    },
}
"""How training copies are degraded, by name: for each degradation how often it applies (``degrade``)."""


def _coloured_noise(count: int, rate: int, rng: np.random.Generator) -> Samples:
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
) -> Signal:
    """Add reverberation that decays by 60 dB in ``decay_s``, ``direct_db`` below the direct sound."""
    from scipy.signal import fftconvolve

    time_s = np.arange(int(decay_s * rate)) / rate
    response = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / decay_s)
    response *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(response**2))
    response[0] = 1.0
    return np.asarray(fftconvolve(samples, response)[: len(samples)])


def _band_limit(samples: Signal, rate: int, low_hz: float, high_hz: float) -> Samples:
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(samples), real=True)
    spectrum = rfft(samples, size)
    hz = np.fft.rfftfreq(size, 1 / rate)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return np.asarray(irfft(spectrum, size)[: len(samples)], np.float32)


def _mix(clip: Waveform, noise: Samples, snr_db: float) -> Waveform:
    return Waveform(_fitting(_add(clip.samples, noise, snr_db)), clip.sample_rate)


def _add(samples: Signal, noise: Samples, snr_db: float) -> Signal:
    power = np.mean(samples**2) / 10 ** (snr_db / 10)
    return np.asarray(samples + np.sqrt(power / max(float(np.mean(noise**2)), 1e-12)) * noise)


def _fitting(samples: Signal) -> Samples:
    """Scale down to full scale if it is exceeded."""
    return (samples / max(1.0, float(np.abs(samples).max()))).astype(np.float32)


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _clipped(samples: Signal) -> Samples:
    return np.asarray(np.clip(samples, -1, 1), np.float32)


def _coded(samples: Signal, rate: int, codec_rate: int, *codec: str, **options: Any) -> Samples:
    """Resample, encode, decode and resample back."""
    import soxr

    resampled = soxr.resample(_fitting(samples), rate, codec_rate)
    decoded = _through_file(Waveform(_clipped(resampled), codec_rate), *codec, **options)
    restored = soxr.resample(decoded, codec_rate, rate)[: len(samples)]
    return np.pad(restored, (0, len(samples) - len(restored)))


def _through_file(waveform: Waveform, file_format: str, subtype: str, **options: Any) -> Samples:
    import soundfile

    file = io.BytesIO()
    rate = waveform.sample_rate
    soundfile.write(file, waveform.samples, rate, subtype, format=file_format, **options)
    file.seek(0)
    return np.asarray(soundfile.read(file, dtype="float32")[0], np.float32)
