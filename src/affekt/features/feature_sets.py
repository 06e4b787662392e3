"""The feature sets: named and versioned functions from a waveform to a float32 array.

``FEATURE_SETS`` lists all of them. The values of a ``name@version`` never change, because models are
trained on them: a change of values is a new version.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import AudioSource, Waveform, load_audio
from affekt.errors import UnknownNameError
from affekt.features.descriptors import (
    chroma,
    log_mel,
    mel_spectrogram,
    mfcc,
    rms,
    spectral_centroid,
    spectral_contrast,
    spectral_rolloff,
    tonnetz,
    zero_crossing_rate,
)
from affekt.features.encoder import SAMPLE_RATE as ENCODER_SAMPLE_RATE
from affekt.features.encoder_registry import ENCODERS, Encoder, check_encoder, graph_file
from affekt.features.encoder_statistics import (
    describe_encoded,
    describe_encoded_and_voice,
    describe_rows_and_voice,
    rows_and_voice_columns,
    statistics_and_voice_columns,
    statistics_columns,
)
from affekt.features.frame_and_utterance import COLUMNS as FRAME_AND_UTTERANCE_COLUMNS
from affekt.features.frame_and_utterance import LEVEL, describe_frames_and_utterance
from affekt.features.spectra import HOP_SAMPLES, Spectra
from affekt.features.summaries import summarise
from affekt.features.voice import COLUMNS as VOICE_COLUMNS
from affekt.features.voice import SAMPLE_RATE as VOICE_SAMPLE_RATE
from affekt.features.voice import describe_voice

LIBROSA_SAMPLE_RATE = 22_050  # the default of librosa.load
SEQUENCE_S = 3
SEQUENCE_FRAMES = 1 + SEQUENCE_S * LIBROSA_SAMPLE_RATE // HOP_SAMPLES  # 130
LOG_MEL_SAMPLE_RATE, LOG_MEL_FFT_SAMPLES, LOG_MEL_HOP_SAMPLES, LOG_MEL_BANDS = 16_000, 512, 160, 64


@dataclass(frozen=True, kw_only=True, repr=False)
class FeatureSet:
    """A named and versioned set of acoustic features.

    Attributes
    ----------
    name : str
        ``name@version``.
    columns : tuple of str
        The name of each value along the last axis, in order.
    frames : int or None
        0 for one vector of shape ``(columns,)``; else the number of rows, None if it depends on the length
        of the clip.
    sample_rate : int or None
        Sample rate in Hz that a clip is resampled to first; None for the clip's own.
    source : str
        What the set is made of, in words.
    compute : callable
        Waveform at ``sample_rate`` -> float32 array.
    relative : tuple of str
        Columns that are meaningful only in comparison with other clips of the same speaker. They are not
        used to predict for an unknown speaker.
    encoder : str
        The pretrained encoder that it needs; empty for none.
    """

    name: str
    columns: tuple[str, ...]
    frames: int | None = 0
    sample_rate: int | None
    source: str
    compute: Callable[[Waveform], NDArray[np.float32]]
    relative: tuple[str, ...] = ()
    encoder: str = ""

    def check(self) -> None:
        """Raise ``EncoderError`` if an encoder that is needed is not on this machine."""
        if self.encoder:
            check_encoder(self.encoder)

    @property
    def available(self) -> bool:
        """Whether it can be computed on this machine."""
        return not self.encoder or graph_file(ENCODERS[self.encoder]) is not None

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of the array; None for any length."""
        return (len(self.columns),) if self.frames == 0 else (self.frames, len(self.columns))

    @property
    def relative_columns(self) -> list[int]:
        """Positions of the ``relative`` columns."""
        return [self.columns.index(name) for name in self.relative]

    def __repr__(self) -> str:
        rate = f"{self.sample_rate} Hz" if self.sample_rate else "any sample rate"
        frames = {0: "", None: ", a row for each frame"}.get(self.frames, f", {self.frames} frames")
        return f"<FeatureSet {self.name}: {len(self.columns)} columns{frames}, {rate}>"


def _numbered(name: str, count: int) -> tuple[str, ...]:
    return tuple(f"{name}{i}" for i in range(count))


def _mfcc_stats(waveform: Waveform) -> NDArray[np.float32]:
    return summarise(mfcc(Spectra(waveform), 40), "mean std")


def _mfcc_mean(waveform: Waveform) -> NDArray[np.float32]:
    return summarise(mfcc(Spectra(waveform), 40), "mean")


def _spectral_120(waveform: Waveform) -> NDArray[np.float32]:
    spectra = Spectra(waveform)
    pitches = chroma(spectra)
    described = [mfcc(spectra, 13), pitches, mel_spectrogram(spectra, 20), spectral_contrast(spectra)]
    moments = [summarise(frames, "mean std") for frames in [*described, tonnetz(pitches)]]
    scalars = [spectral_centroid, spectral_rolloff, zero_crossing_rate, rms]
    return np.concatenate([*moments, *(summarise(scalar(spectra), "mean") for scalar in scalars)])


def _spectral_full(waveform: Waveform) -> NDArray[np.float32]:
    spectra = Spectra(waveform)
    pitches = chroma(spectra)
    described = [mfcc(spectra, 40), pitches, mel_spectrogram(spectra), spectral_contrast(spectra)]
    described += [tonnetz(pitches), zero_crossing_rate(spectra), spectral_centroid(spectra)]
    return np.concatenate([summarise(frames, "mean") for frames in described])


def _mfcc_sequence(waveform: Waveform) -> NDArray[np.float32]:
    wanted = SEQUENCE_S * LIBROSA_SAMPLE_RATE
    samples = waveform.samples[:wanted]
    padded = np.pad(samples, (0, wanted - len(samples)))
    return mfcc(Spectra(Waveform(padded, waveform.sample_rate)), 60)


def _log_mel(waveform: Waveform) -> NDArray[np.float32]:
    return log_mel(Spectra(waveform, LOG_MEL_FFT_SAMPLES, LOG_MEL_HOP_SAMPLES), LOG_MEL_BANDS)


def _encoder_sets(encoder: Encoder) -> tuple[FeatureSet, FeatureSet, FeatureSet]:
    source = f"{encoder.title}: mean and standard deviation of the outputs over the voice"
    return (
        FeatureSet(
            name=f"{encoder.name}@1",
            columns=statistics_columns(encoder),
            sample_rate=ENCODER_SAMPLE_RATE,
            source=source,
            compute=partial(describe_encoded, encoder=encoder.name),
            encoder=encoder.name,
        ),
        FeatureSet(
            name=f"{encoder.name}-voice@1",
            columns=statistics_and_voice_columns(encoder),
            sample_rate=ENCODER_SAMPLE_RATE,
            source=f"{source}, and voice@1 of the same part",
            compute=partial(describe_encoded_and_voice, encoder=encoder.name),
            encoder=encoder.name,
        ),
        FeatureSet(
            name=f"{encoder.name}-frames-voice@1",
            columns=rows_and_voice_columns(encoder),
            frames=None,
            sample_rate=ENCODER_SAMPLE_RATE,
            source=f"{encoder.title}: outputs every 20 ms of voice, with voice@1 in every row",
            compute=partial(describe_rows_and_voice, encoder=encoder.name),
            encoder=encoder.name,
        ),
    )


_SPECTRAL_120 = (("mfcc", 13), ("chroma", 12), ("mel", 20), ("contrast", 7), ("tonnetz", 6))
_SPECTRAL_FULL = (("mfcc", 40), ("chroma", 12), ("mel", 128), ("contrast", 7), ("tonnetz", 6))

FEATURE_SETS: dict[str, FeatureSet] = {
    feature_set.name: feature_set
    for feature_set in (
        FeatureSet(
            name="mfcc-stats@1",
            columns=tuple(f"mfcc{i}_{what}" for what in ("mean", "std") for i in range(40)),
            sample_rate=LIBROSA_SAMPLE_RATE,
            source="40 MFCCs as librosa 0.11 computes them, mean and standard deviation over time",
            compute=_mfcc_stats,
        ),
        FeatureSet(
            name="mfcc-mean@1",
            columns=tuple(f"{name}_mean" for name in _numbered("mfcc", 40)),
            sample_rate=None,
            source="40 MFCCs as librosa 0.11 computes them at the clip's own rate, mean over time",
            compute=_mfcc_mean,
        ),
        FeatureSet(
            name="spectral-120@1",
            columns=(
                *(
                    f"{name}_{what}"
                    for group, count in _SPECTRAL_120
                    for what in ("mean", "std")
                    for name in _numbered(group, count)
                ),
                *(f"{name}_mean" for name in ("centroid", "rolloff", "zcr", "rms")),
            ),
            sample_rate=LIBROSA_SAMPLE_RATE,
            source=(
                "13 MFCCs, chroma, 20 mel bands, contrast and tonnetz, mean and standard deviation each; "
                "means of centroid, rolloff, zero crossing rate and RMS"
            ),
            compute=_spectral_120,
        ),
        FeatureSet(
            name="spectral-full@1",
            columns=tuple(
                f"{name}_mean"
                for name in (
                    *(name for group, count in _SPECTRAL_FULL for name in _numbered(group, count)),
                    *("zcr", "centroid"),
                )
            ),
            sample_rate=LIBROSA_SAMPLE_RATE,
            source="means of 40 MFCCs, chroma, 128 mel bands, contrast, tonnetz, zero crossings, centroid",
            compute=_spectral_full,
        ),
        FeatureSet(
            name="mfcc-sequence@1",
            columns=_numbered("mfcc", 60),
            frames=SEQUENCE_FRAMES,
            sample_rate=LIBROSA_SAMPLE_RATE,
            source="60 MFCCs of the first 3 s, a shorter clip padded with silence",
            compute=_mfcc_sequence,
        ),
        FeatureSet(
            name="log-mel@1",
            columns=_numbered("mel", LOG_MEL_BANDS),
            frames=None,
            sample_rate=LOG_MEL_SAMPLE_RATE,
            source="64 mel bands in dB every 10 ms, 80 dB deep, as librosa 0.11 computes them",
            compute=_log_mel,
        ),
        FeatureSet(
            name="voice@1",
            columns=VOICE_COLUMNS,
            sample_rate=VOICE_SAMPLE_RATE,
            source="prosody, voice quality, and the spectrum of the frames with speech",
            compute=describe_voice,
        ),
        FeatureSet(
            name="frames-and-utterance@1",
            columns=FRAME_AND_UTTERANCE_COLUMNS,
            frames=None,
            sample_rate=VOICE_SAMPLE_RATE,
            source="64 mel bands in dB every 20 ms, with voice@1 and the level of the clip in every row",
            compute=describe_frames_and_utterance,
            relative=(LEVEL,),
        ),
        *(feature_set for encoder in ENCODERS.values() for feature_set in _encoder_sets(encoder)),
    )
}


_ALIASES = {"two-views@1": "frames-and-utterance@1"}  # former names, which model files may have


def find_feature_set(name: str) -> FeatureSet:
    """Return the feature set of that name; ``UnknownNameError`` where there is none."""
    name = _ALIASES.get(name, name)
    if name not in FEATURE_SETS:
        raise UnknownNameError("feature set", name, FEATURE_SETS)
    return FEATURE_SETS[name]


def stack_features(rows: list[NDArray[np.float32]], feature_set: FeatureSet) -> NDArray[Any]:
    """Stack the features of several clips; into an array of objects where the number of rows varies."""
    if None not in feature_set.shape:
        return np.stack(rows)
    stacked = np.empty(len(rows), object)
    for i, row in enumerate(rows):
        stacked[i] = row
    return stacked


def extract(source: AudioSource, features: str) -> NDArray[np.float32]:
    """Compute a feature set of one recording.

    Parameters
    ----------
    source
        Anything that ``load_audio`` reads; it is resampled to the feature set's sample rate.
    features
        The name of a feature set, such as ``voice@1``; ``affekt features`` lists them.

    Returns
    -------
    float32 array
        Of shape ``(columns,)`` or ``(frames, columns)``.

    Raises
    ------
    AudioError
        The input cannot be used.
    UnknownNameError
        There is no such feature set.
    EncoderError
        It needs an encoder that is not on this machine, or is damaged.

    Examples
    --------
    >>> tone = np.sin(np.arange(22050) * 0.1)
    >>> extract((tone, 22050), "mfcc-stats@1").shape
    (80,)
    """
    feature_set = find_feature_set(features)
    return feature_set.compute(load_audio(source, feature_set.sample_rate))
