"""The page *Analysis*: descriptors of the recording over time, and its characteristics."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from affekt.app import display, session
from affekt.app.session import Result
from affekt.audio.loading import load_audio
from affekt.audio.waveform import Waveform
from affekt.features.descriptors import log_mel, mfcc, rms
from affekt.features.feature_sets import LIBROSA_SAMPLE_RATE
from affekt.features.pitch import HOP_S, track_pitch
from affekt.features.recording import ClipFacts
from affekt.features.spectra import HOP_SAMPLES, Spectra
from affekt.model.contract import Contract
from affekt.reports.figures.clips import envelope

MAX_FRAMES = 1500  # wider than a screen
MEL_BANDS, MFCCS = 80, 20
FRAME_STEP_S = HOP_SAMPLES / LIBROSA_SAMPLE_RATE
SILENCE_RMS = 1e-4  # -80 dB; lower values are drawn at this level
PANELS = ("waveform", "mel spectrogram, dB", "MFCCs 1 to 19", "pitch, Hz", "energy, dB")
HEIGHTS = (1, 2, 1.4, 1.2, 1)
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
UNITS = {
    "duration_s": ("duration", "s"),
    "level_db": ("level", "dB"),
    "peak_db": ("peak", "dB"),
    "silence": ("silence", "%"),
    "pitch_hz": ("pitch", "Hz"),
    "brightness_hz": ("brightness", "Hz"),
}


def page() -> None:
    """Show the recording's descriptors over one time axis, and its characteristics."""
    st.title("Analysis of the recording")
    chosen, result = session.recording(), session.result()
    if chosen is None or not isinstance(result, Result):
        st.info("Choose a recording on the page *Listen* first.", icon=":material/mic:")
        return
    display.play(result.waveform)
    st.caption(display.plain(chosen.name))
    st.caption("Drag over the plots to zoom in; double-click to reset.")
    st.plotly_chart(draw(result.waveform), key="descriptors", config={"displaylogo": False})
    st.subheader("Comparison with the training clips")
    st.dataframe(
        characteristics(result.facts, session.bundle().contract),
        hide_index=True,
        key="characteristics",
        width="stretch",
    )
    st.caption(
        display.fill(
            "The sample rate is {} Hz. Typical is the range of the middle 90 % of the training clips. "
            "Predictions are less reliable for recordings outside this range.",
            result.facts.sample_rate,
        )
    )


def draw(waveform: Waveform) -> go.Figure:
    """Draw waveform, mel spectrogram, MFCCs, pitch and energy, one below the other."""
    resampled = load_audio(waveform, LIBROSA_SAMPLE_RATE)
    spectra = Spectra(resampled)
    figure = make_subplots(
        rows=len(PANELS),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.045,
        row_heights=list(HEIGHTS),
        subplot_titles=PANELS,
    )
    _add_waveform(figure, resampled)
    _add_frames(figure, 2, log_mel_below_peak(spectra), colorscale="Viridis")
    _add_frames(figure, 3, mfcc(spectra, MFCCS)[:, 1:], colorscale="RdBu", zmid=0)
    _add_pitch(figure, resampled)
    _add_energy(figure, spectra)
    for panel in (1, 2, 3):
        figure.update_yaxes(showticklabels=False, row=panel, col=1)
    figure.update_xaxes(range=[0, resampled.duration_s])
    figure.update_xaxes(title_text="seconds", row=len(PANELS), col=1)
    return figure.update_layout(
        height=820, showlegend=False, margin={"l": 40, "r": 10, "t": 30, "b": 40}, hovermode="closest"
    )


def log_mel_below_peak(spectra: Spectra) -> NDArray[np.float32]:
    """Return the mel spectrogram in dB relative to its maximum, shape (frames, bands)."""
    decibels = log_mel(spectra, MEL_BANDS)
    return np.asarray(decibels - decibels.max())


def _add_waveform(figure: go.Figure, waveform: Waveform) -> None:
    extremes = np.column_stack(envelope(waveform, MAX_FRAMES)).ravel()
    times = np.linspace(0, waveform.duration_s, len(extremes))
    figure.add_scatter(
        x=times, y=extremes, line={"color": BLUE, "width": 1}, hoverinfo="skip", row=1, col=1
    )


def _add_frames(figure: go.Figure, panel: int, frames: NDArray[np.float32], **style: object) -> None:
    shown = average_frames(frames)
    step_s = FRAME_STEP_S * (len(frames) / len(shown))
    figure.add_heatmap(
        z=shown.T.round(1),
        x0=(step_s - FRAME_STEP_S) / 2,  # the centre of the first column
        dx=step_s,
        showscale=False,
        hovertemplate="%{x:.2f} s, row %{y}: %{z}<extra></extra>",
        row=panel,
        col=1,
        **style,
    )


def _add_pitch(figure: go.Figure, waveform: Waveform) -> None:
    pitch = track_pitch(waveform)
    figure.add_scatter(
        x=np.arange(len(pitch.hz)) * HOP_S,
        y=pitch.hz,
        mode="markers",
        marker={"color": ORANGE, "size": 4},
        hovertemplate="%{x:.2f} s: %{y:.0f} Hz<extra></extra>",
        row=4,
        col=1,
    )


def _add_energy(figure: go.Figure, spectra: Spectra) -> None:
    decibels = 20 * np.log10(np.maximum(rms(spectra)[:, 0], SILENCE_RMS))
    figure.add_scatter(
        x=np.arange(len(decibels)) * FRAME_STEP_S,
        y=decibels,
        line={"color": GREEN, "width": 1},
        hovertemplate="%{x:.2f} s: %{y:.0f} dB<extra></extra>",
        row=5,
        col=1,
    )


def average_frames(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average consecutive frames so that at most ``MAX_FRAMES`` are left."""
    if len(frames) <= MAX_FRAMES:
        return frames
    return np.stack([part.mean(axis=0) for part in np.array_split(frames, MAX_FRAMES)])


def characteristics(facts: ClipFacts, contract: Contract) -> list[dict[str, str]]:
    """Return each characteristic of the recording, beside the typical range of the training clips."""
    return [
        _compare(name, getattr(facts, name), contract.recordings[name])
        for name in UNITS
        if name in contract.recordings
    ]


def _compare(name: str, value: float, percentiles: tuple[float, float, float]) -> dict[str, str]:
    title, unit = UNITS[name]
    low, _, high = percentiles
    if math.isnan(value):
        verdict = "none found"
    else:
        verdict = "below" if value < low else "above" if value > high else "inside"
    return {
        "characteristic": title,
        "recording": f"{_format(value, unit)} {unit}",
        "typical": f"{_format(low, unit)} to {_format(high, unit)} {unit}",
        "verdict": verdict,
    }


def _format(value: float, unit: str) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if unit == "s" else f"{100 * value:.0f}" if unit == "%" else f"{value:.0f}"
