"""The second page: what there is to hear in the clip."""

from __future__ import annotations

import math

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from affekt.app import display, session
from affekt.audio import Waveform, load_audio
from affekt.bundle import Contract
from affekt.features import LIBROSA_SAMPLE_RATE
from affekt.features.descriptors import log_mel, mfcc, rms
from affekt.features.pitch import HOP_S, track_pitch
from affekt.features.spectra import HOP_SAMPLES, Spectra
from affekt.figures.clips import envelope
from affekt.recording import ClipFacts

MOST_FRAMES = 1500  # more than a screen is wide
MEL_BANDS, MFCCS = 80, 20
ROWS = ("waveform", "mel spectrogram, dB", "MFCCs 1 to 19", "pitch, Hz", "energy, dB")
UNITS = {
    "duration_s": ("duration", "s"),
    "level_db": ("level", "dB"),
    "peak_db": ("peak", "dB"),
    "silence": ("silence", "%"),
    "pitch_hz": ("pitch", "Hz"),
    "brightness_hz": ("brightness", "Hz"),
}


def page() -> None:
    """Pictures over one time axis, and the clip's characteristics."""
    st.title("What there is to hear")
    chosen, heard = session.clip(), session.heard()
    if chosen is None or heard is None or heard.waveform is None or heard.facts is None:
        st.info("Choose a clip on the page *Listen* first.", icon="👂")
        return
    display.play(heard.waveform)
    st.caption(display.plain(chosen.name))
    st.caption("Drag over the pictures to zoom in, double-click to see all of it again.")
    st.plotly_chart(draw(heard.waveform), key="what it hears", config={"displaylogo": False})
    st.subheader("The clip, beside what the model was trained on")
    contract = session.bundle().contract
    st.dataframe(
        characteristics(heard.facts, contract), hide_index=True, key="characteristics", width="stretch"
    )
    st.caption(
        f"Sample rate {heard.facts.sample_rate} Hz. Typical is what the middle nine of ten training clips "
        "have. A voice, room or microphone that is far from it is harder to judge."
    )


def draw(waveform: Waveform) -> go.Figure:
    """Waveform, mel spectrogram, MFCCs, pitch and energy, one below the other."""
    heard = load_audio(waveform, LIBROSA_SAMPLE_RATE)
    spectra = Spectra(heard)
    figure = make_subplots(
        rows=5, cols=1, shared_xaxes=True, vertical_spacing=0.045, row_heights=[1, 2, 1.4, 1.2, 1],
        subplot_titles=ROWS,
    )  # fmt: skip
    extremes = np.column_stack(envelope(heard, MOST_FRAMES)).ravel()
    times = np.linspace(0, heard.duration_s, len(extremes))
    line = {"color": "#0072B2", "width": 1}
    figure.add_scatter(x=times, y=extremes, line=line, hoverinfo="skip", row=1, col=1)
    decibels = log_mel(spectra, MEL_BANDS)
    for row, frames, colours in (
        (2, decibels - decibels.max(), "Viridis"),
        (3, mfcc(spectra, MFCCS)[:, 1:], "RdBu"),
    ):
        shown = _thinned(frames)
        step = heard.duration_s / len(shown)
        figure.add_heatmap(
            z=shown.T.round(1), x0=0, dx=step, colorscale=colours, showscale=False, row=row, col=1,
            zmid=0 if row == 3 else None, hovertemplate="%{x:.2f} s, row %{y}: %{z}<extra></extra>",
        )  # fmt: skip
    pitch, dots = track_pitch(heard), {"color": "#D55E00", "size": 4}
    figure.add_scatter(
        x=np.arange(len(pitch.hz)) * HOP_S, y=pitch.hz, mode="markers", marker=dots,
        hovertemplate="%{x:.2f} s: %{y:.0f} Hz<extra></extra>", row=4, col=1,
    )  # fmt: skip
    green = {**line, "color": "#009E73"}
    energy = 20 * np.log10(np.maximum(rms(spectra)[:, 0], 1e-4))
    figure.add_scatter(
        x=np.arange(len(energy)) * HOP_SAMPLES / LIBROSA_SAMPLE_RATE, y=energy, line=green,
        hovertemplate="%{x:.2f} s: %{y:.0f} dB<extra></extra>", row=5, col=1,
    )  # fmt: skip
    figure.update_yaxes(showticklabels=False, row=1, col=1)
    figure.update_yaxes(showticklabels=False, row=2, col=1)
    figure.update_yaxes(showticklabels=False, row=3, col=1)
    figure.update_xaxes(title_text="seconds", row=5, col=1)
    figure.update_xaxes(range=[0, heard.duration_s])
    return figure.update_layout(
        height=820, showlegend=False, margin={"l": 40, "r": 10, "t": 30, "b": 40}, hovermode="closest"
    )


def _thinned(frames: np.ndarray) -> np.ndarray:
    """As many frames as a screen shows, each the mean of those that it stands for."""
    if len(frames) <= MOST_FRAMES:
        return frames
    return np.stack([part.mean(axis=0) for part in np.array_split(frames, MOST_FRAMES)])


def characteristics(facts: ClipFacts, contract: Contract) -> list[dict[str, str]]:
    """Each characteristic, what is typical of the training clips, and whether this clip is."""
    rows = []
    for name, (title, unit) in UNITS.items():
        if name not in contract.recordings:
            continue
        value = getattr(facts, name)
        low, _, high = contract.recordings[name]
        if math.isnan(value):
            verdict = "none found"
        else:
            verdict = "below" if value < low else "above" if value > high else "as in training"
        rows.append(
            {
                "characteristic": title,
                "this clip": f"{_number(value, unit)} {unit}",
                "typical": f"{_number(low, unit)} to {_number(high, unit)} {unit}",
                "verdict": verdict,
            }
        )
    return rows


def _number(value: float, unit: str) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.1f}" if unit == "s" else f"{100 * value:.0f}" if unit == "%" else f"{value:.0f}"
