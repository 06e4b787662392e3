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

ROOM_SHARE, NOISE_SHARE, LINE_SHARE = 0.3, 0.6, 0.3  # of draws; where none comes, all are drawn again
ROOMS_S, ROOMS_DIRECT_DB = (0.15, 0.8), (0.0, 15.0)
NOISES_DB = 5.0, 35.0
NOISE_SLOPES = 0.0, 1.5  # amplitude falls by such powers of the frequency,
DARKEST_HZ = 50.0  # above this one
CHANGING_SHARE, CHANGES_HZ, STEADY_PART = 0.5, (2.0, 8.0), 0.1
LINES_HZ = (30.0, 450.0), (2800.0, 8000.0)  # the lower and the upper edge
LEAST_KEPT = 1e-4  # of a clip's power; a line that lets less through is no line for a voice


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
        other = load_audio(others[i], clip.sample_rate).samples
        start = int(rng.integers(len(other)))
        voice = np.resize(np.roll(other, -start), len(babble))
        babble += voice / max(float(np.sqrt(np.mean(voice**2))), 1e-6)
    return _mix(clip, babble, snr_db)


def telephone(clip: Waveform, others: Sequence[Waveform], rng: np.random.Generator) -> Waveform:
    """A narrow-band line: 300 to 3400 Hz at 8 kHz, in 8 bits by the mu-law of G.711."""
    narrow = _keep_band(clip.samples, clip.sample_rate, *TELEPHONE_HZ)
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
    wet = _in_room(clip.samples, clip.sample_rate, rng, REVERBERATION_S, DIRECT_TO_REVERBERANT_DB)
    return Waveform(_fitting(wet), clip.sample_rate)


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


def spoil(clip: Waveform, rng: np.random.Generator) -> Waveform:
    """The clip as it may come from anywhere: from a room, through noise of any colour, over a narrow line.

    Each by chance, and one of them at least; how strong, by chance too.
    """
    samples, rate = clip.samples, clip.sample_rate
    in_room, noisy, narrow = False, False, False
    while not (in_room or noisy or narrow):
        in_room, noisy, narrow = rng.random(3) < (ROOM_SHARE, NOISE_SHARE, LINE_SHARE)
    if in_room:
        samples = _in_room(samples, rate, rng, rng.uniform(*ROOMS_S), rng.uniform(*ROOMS_DIRECT_DB))
    if noisy:
        samples = _add(samples, _noise(len(samples), rate, rng), rng.uniform(*NOISES_DB))
    if narrow:
        low, high = (np.exp(rng.uniform(*np.log(edge))) for edge in LINES_HZ)
        kept = _keep_band(samples, rate, low, high)
        if np.mean(kept**2) > LEAST_KEPT * np.mean(samples**2):
            samples = kept
    return Waveform(_fitting(samples), rate)


def _noise(count: int, rate: int, rng: np.random.Generator) -> Samples:
    """Between white and darker than brown; half of it comes and goes a few times a second."""
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(count, real=True)
    spectrum = rfft(rng.standard_normal(size))
    hz = np.fft.rfftfreq(size, 1 / rate)
    spectrum *= np.maximum(hz, DARKEST_HZ) ** -rng.uniform(*NOISE_SLOPES)
    noise = irfft(spectrum, size)[:count]
    if rng.random() < CHANGING_SHARE:
        times = int(rng.uniform(*CHANGES_HZ) * count / rate) + 2
        loudness = np.abs(rng.standard_normal(times)) + STEADY_PART
        noise *= np.interp(np.linspace(0, times - 1, count), np.arange(times), loudness)
    return np.asarray(noise, np.float32)


def _in_room(
    samples: Samples, rate: int, rng: np.random.Generator, decay_s: float, direct_db: float
) -> NDArray[np.floating]:
    """With echoes that die away by 60 dB in ``decay_s``, so much weaker than the voice itself."""
    from scipy.signal import fftconvolve

    time_s = np.arange(int(decay_s * rate)) / rate
    room = rng.standard_normal(len(time_s)) * 10 ** (-3 * time_s / decay_s)
    room *= 10 ** (-direct_db / 20) / np.sqrt(np.sum(room**2))
    room[0] = 1.0
    return np.asarray(fftconvolve(samples, room)[: len(samples)])


def _keep_band(samples: NDArray[np.floating], rate: int, low_hz: float, high_hz: float) -> Samples:
    from scipy.fft import irfft, next_fast_len, rfft

    size = next_fast_len(len(samples), real=True)
    spectrum = rfft(samples, size)
    hz = np.fft.rfftfreq(size, 1 / rate)
    spectrum[(hz < low_hz) | (hz > high_hz)] = 0
    return np.asarray(irfft(spectrum, size)[: len(samples)], np.float32)


def _mix(clip: Waveform, noise: Samples, snr_db: float) -> Waveform:
    return Waveform(_fitting(_add(clip.samples, noise, snr_db)), clip.sample_rate)


def _add(samples: NDArray[np.floating], noise: Samples, snr_db: float) -> NDArray[np.floating]:
    wanted = np.mean(samples**2) / 10 ** (snr_db / 10)
    return np.asarray(samples + np.sqrt(wanted / max(float(np.mean(noise**2)), 1e-12)) * noise)


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
