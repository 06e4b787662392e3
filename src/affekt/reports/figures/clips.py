"""Figures of one recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import load_audio
from affekt.audio.waveform import Waveform
from affekt.features.descriptors import log_mel
from affekt.features.feature_sets import LIBROSA_SAMPLE_RATE
from affekt.features.filters import mel_edges_hz
from affekt.features.spectra import HOP_SAMPLES, Spectra
from affekt.reports.figures.style import QUIET, CaptionedFigure, caption, new_figure

Samples = NDArray[np.float32]
ENVELOPE_POINTS = 1200
MEL_BANDS = 96
MARKED_HZ = (250, 1000, 4000)  # on the axis of a mel spectrogram


def waveform_and_mel(waveform: Waveform, colour: str = QUIET) -> CaptionedFigure:
    """Draw waveform and mel spectrogram, one above the other, with one time axis."""
    figure, ((above,), (below,)) = new_figure(2.8, 2, 1, gridspec_kw={"height_ratios": [1, 1.8]})
    low, high = envelope(waveform)
    times = np.linspace(0, waveform.duration_s, len(low))
    above.fill_between(times, low, high, color=colour, linewidth=0)
    loudest = 1.05 * max(-low.min(), high.max())
    above.set(
        xlim=(0, waveform.duration_s), ylim=(-loudest, loudest), xticks=[], yticks=[0], ylabel="amplitude"
    )
    resampled = load_audio(waveform, LIBROSA_SAMPLE_RATE)
    decibels = log_mel(Spectra(resampled), MEL_BANDS)
    below.imshow(
        (decibels - decibels.max()).T, origin="lower", aspect="auto", cmap="magma", vmin=-70, vmax=0,
        extent=(0, len(decibels) * HOP_SAMPLES / LIBROSA_SAMPLE_RATE, 0, MEL_BANDS),
    )  # fmt: skip
    below.set(xlim=(0, waveform.duration_s), xlabel="time, s", ylabel="frequency, kHz")
    places = 0.5 + mel_places(MEL_BANDS)  # the middle of a row
    below.set_yticks(places, [f"{hz / 1000:g}" for hz in MARKED_HZ])
    return caption(
        figure,
        f"Waveform and mel spectrogram, {waveform.duration_s:.1f} s. Bright areas are loud, low "
        "frequencies are at the bottom.",
    )


def mel_places(bands: int) -> NDArray[np.float64]:
    """Return where ``MARKED_HZ`` lie among so many mel bands; 0 is the centre of the first band."""
    centres_hz = mel_edges_hz(LIBROSA_SAMPLE_RATE / 2, bands + 1)[1:-1]
    return np.asarray(np.interp(MARKED_HZ, centres_hz, np.arange(bands)))


def envelope(waveform: Waveform, points: int = ENVELOPE_POINTS) -> tuple[Samples, Samples]:
    """Return the lowest and highest sample of each of ``points`` stretches of equal length."""
    stretches = np.array_split(waveform.samples, min(points, len(waveform.samples)))
    return np.array([one.min() for one in stretches]), np.array([one.max() for one in stretches])
