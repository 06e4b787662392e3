"""Acoustic features: a checked waveform in, one float32 vector out.

``FEATURE_SETS`` is the whole table. The numbers behind a ``name@version`` never change: other
numbers are another version, because a model is only worth what its features mean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affekt.audio import Waveform
from affekt.errors import UnknownNameError
from affekt.features.descriptors import mfcc
from affekt.features.spectra import Spectra
from affekt.features.summaries import mean_and_std

LIBROSA_SAMPLE_RATE = 22_050  # what librosa.load resamples to unless told otherwise


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """A named, versioned description of a clip.

    Attributes
    ----------
    name : str
        ``name@version``.
    columns : tuple of str
        What each element of the vector is, in order.
    sample_rate : int
        The rate, in Hz, that a clip is brought to first.
    source : str
        Where the set comes from.
    compute : callable
        Waveform at ``sample_rate`` -> float32 array of shape ``(len(columns),)``.
    """

    name: str
    columns: tuple[str, ...]
    sample_rate: int
    source: str
    compute: Callable[[Waveform], NDArray[np.float32]]


def _mfcc_stats(waveform: Waveform) -> NDArray[np.float32]:
    return mean_and_std(mfcc(Spectra(waveform), 40))


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
    )
}


def find_feature_set(name: str) -> FeatureSet:
    """The feature set of that name; ``UnknownNameError`` where there is none."""
    if name not in FEATURE_SETS:
        raise UnknownNameError("feature set", name, FEATURE_SETS)
    return FEATURE_SETS[name]


def extract(waveform: Waveform, name: str) -> NDArray[np.float32]:
    """Describe a waveform, which must be at the feature set's own sample rate.

    Examples
    --------
    >>> from affekt.audio import load_audio
    >>> tone = np.sin(np.arange(22050) * 0.1)
    >>> extract(load_audio((tone, 22050)), "mfcc-stats@1").shape
    (80,)
    """
    feature_set = find_feature_set(name)
    if waveform.sample_rate != feature_set.sample_rate:
        raise ValueError(
            f"{name} needs {feature_set.sample_rate} Hz, but this waveform has {waveform.sample_rate}: "
            f"load it with load_audio(source, {feature_set.sample_rate})"
        )
    return feature_set.compute(waveform)
