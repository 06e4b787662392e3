"""The page *Analysis*: descriptors of the recording over time, and its characteristics."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from affekt.app import display, pictures, session
from affekt.app.listen import show_error
from affekt.app.session import Result
from affekt.audio.loading import load_audio
from affekt.audio.waveform import Waveform
from affekt.features.descriptors import log_mel, mfcc, rms
from affekt.features.feature_sets import LIBROSA_SAMPLE_RATE
from affekt.features.pitch import HOP_S, track_pitch
from affekt.features.recording import ClipFacts
from affekt.features.spectra import HOP_SAMPLES, Spectra
from affekt.model.contract import Contract
from affekt.reports.figures.clips import MARKED_HZ, envelope, mel_places

MAX_FRAMES = 1500  # wider than a screen
MEL_BANDS, MFCCS = 80, 20
FRAME_STEP_S = HOP_SAMPLES / LIBROSA_SAMPLE_RATE
SILENCE_RMS = 1e-4  # -80 dB; lower values are drawn at this level
PANELS = (
    "waveform",
    "mel spectrogram, brighter is louder",
    "MFCCs 1 to 19, without a unit",
    "pitch",
    "level",
)
AXES = ("amplitude", "frequency, kHz", "coefficient", "pitch, Hz", "level, dB")
HEIGHTS = (1, 2, 1.4, 1.2, 1)
BLUE, ORANGE, GREEN = "#2B8CC4", "#D55E00", "#009E73"  # visible on a light and on a dark page
LOW, HIGH, LIGHT, DARK = "#D55E00", "#0072B2", "#FFFFFF", "#12171D"
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
    st.markdown("What affekt measures in a recording, and how that compares with what it was trained on.")
    chosen, result = session.recording(), session.result()
    if chosen is None or result is None:
        st.info("Choose a recording on the page *Listen* first.", icon=":material/mic:")
        return
    if not isinstance(result, Result):
        show_error(chosen, result)
        return
    sound = session.find("sound", lambda one: display.playable(one.content, one.name))
    if isinstance(sound, tuple):
        st.audio(sound[0], format=sound[1], alt="The recording")
    st.caption(display.plain(chosen.name))
    st.subheader("Is it like the training clips?")
    pictures.show_table(characteristics(result.facts, session.bundle().contract))
    st.caption(
        display.fill(
            "The sample rate is {} Hz. Typical is the range of the middle 90 % of the training clips. "
            "One training clip in ten is outside this range.",
            result.facts.sample_rate,
        )
    )
    st.subheader("What was measured, over time")
    st.caption("Drag over the plots to zoom in; double-click to reset.")
    with st.spinner("Measuring"):
        figure = _drawn(chosen.key, result.waveform, dark=pictures.is_dark())
    st.plotly_chart(
        figure,
        key="descriptors",
        config={"displaylogo": False},
        alt="Waveform, mel spectrogram, MFCCs, pitch and level of the recording over time",
    )


def _drawn(key: str, waveform: Waveform, *, dark: bool) -> go.Figure:
    """Draw the recording once for each theme, and keep the last drawing."""
    kept = st.session_state.get("descriptors drawn")
    if kept is None or kept[0] != (key, dark):
        kept = (key, dark), draw(waveform, dark=dark)
        st.session_state["descriptors drawn"] = kept
    drawn: go.Figure = kept[1]
    return drawn


def draw(waveform: Waveform, *, dark: bool = False) -> go.Figure:
    """Draw waveform, mel spectrogram, MFCCs, pitch and level, one below the other."""
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
    colours = [LOW, DARK if dark else LIGHT, HIGH]
    _add_frames(figure, 3, mfcc(spectra, MFCCS)[:, 1:], colorscale=colours, zmid=0, y0=1)
    _add_pitch(figure, resampled)
    _add_level(figure, spectra)
    for panel, name in enumerate(AXES, 1):
        figure.update_yaxes(title_text=name, title_standoff=2, row=panel, col=1)
    marks = [f"{hz / 1000:g}" for hz in MARKED_HZ]
    figure.update_yaxes(tickvals=mel_places(MEL_BANDS), ticktext=marks, row=2, col=1)
    figure.update_yaxes(tickvals=[1, 10, 19], row=3, col=1)
    figure.update_xaxes(range=[0, resampled.duration_s])
    figure.update_xaxes(title_text="time, s", row=len(PANELS), col=1)
    return figure.update_layout(
        height=900, showlegend=False, margin={"l": 55, "r": 5, "t": 30, "b": 40}, hovermode="closest"
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
    shown = thin(frames)
    step_s = FRAME_STEP_S * (len(frames) / len(shown))
    figure.add_heatmap(
        z=shown.T.round(1),
        x0=(step_s - FRAME_STEP_S) / 2,  # the centre of the first column
        dx=step_s,
        showscale=False,
        hovertemplate="%{x:.2f} s: %{z}<extra></extra>",
        row=panel,
        col=1,
        **style,
    )


def _add_pitch(figure: go.Figure, waveform: Waveform) -> None:
    hz = track_pitch(waveform).hz
    shown = thin(hz)
    figure.add_scatter(
        x=_times(len(hz), len(shown), HOP_S),
        y=shown,
        mode="markers",
        marker={"color": ORANGE, "size": 4},
        hovertemplate="%{x:.2f} s: %{y:.0f} Hz<extra></extra>",
        row=4,
        col=1,
    )


def _add_level(figure: go.Figure, spectra: Spectra) -> None:
    decibels = 20 * np.log10(np.maximum(rms(spectra)[:, 0], SILENCE_RMS))
    shown = thin(decibels)
    figure.add_scatter(
        x=_times(len(decibels), len(shown), FRAME_STEP_S),
        y=shown,
        line={"color": GREEN, "width": 1},
        hovertemplate="%{x:.2f} s: %{y:.0f} dB<extra></extra>",
        row=5,
        col=1,
    )


def thin(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average consecutive rows so that at most ``MAX_FRAMES`` are left; NaN values are left out."""
    if len(values) <= MAX_FRAMES:
        return values
    parts = (part[~np.isnan(part).any(axis=tuple(range(1, part.ndim)))] for part in _split(values))
    empty = np.full(values.shape[1:], np.nan, np.float32)
    return np.stack([part.mean(axis=0) if len(part) else empty for part in parts])


def _split(values: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    return np.array_split(values, MAX_FRAMES)


def _times(count: int, shown: int, step_s: float) -> NDArray[np.float64]:
    """Return the middle of each stretch where so many values of these were left by ``thin``."""
    wide_s = step_s * count / shown
    return np.arange(shown, dtype=np.float64) * wide_s + (wide_s - step_s) / 2


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
    return f"{value:.1f}" if unit == "s" else f"{100 * value:.0f}" if unit == "%" else f"{round(value)}"
