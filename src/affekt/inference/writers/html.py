"""An HTML page: waveform, probabilities over time, and the list of utterances, in one file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path, PurePath
from string import Template
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from affekt.emotions import emotion_style
from affekt.inference.timeline import (
    ENVELOPE_PER_STEP,
    NO_ANSWER,
    UNSURE,
    Timeline,
    Utterance,
    emotion_shares,
    voiced_seconds,
)
from affekt.inference.writers.tiers import clean
from affekt.support.terminal import clock, plural

MOST_SOUND_BYTES = 5_000_000  # a page with a longer recording opens slowly, and is too large for a mail
_TEMPLATE = Path(__file__).with_name("page.html")
STYLE = Path(__file__).with_name("page.css")
SCRIPT = Path(__file__).with_name("page.js")
_CONNECT_ALL = """
for (const recording of document.querySelectorAll("section")) {
  const player = recording.querySelector("audio");
  if (player) connect(recording, player);
}
"""
_LINE_LENGTHS_S = (60, 120, 300, 600, 1200, 1800)
_MOST_LINES = 12
_COLUMNS = 600  # of a line; more are not visible
_WIDTH, _WAVE, _TOP, _BOTTOM = 1000, 60, 66, 100  # of a drawing: the waveform is above the probabilities
_NONE = "var(--none)"  # the colour of sound without an answer
_QUIET = 0.05  # a recording whose loudest sample is below this is drawn lower
# The first bytes of audio files, and their media types.
_KINDS = {b"RIFF": "wav", b"fLaC": "flac", b"OggS": "ogg", b"\x1aE\xdf\xa3": "webm"}

Floats = NDArray[np.floating[Any]]


def write(timelines: Sequence[Timeline], stream: TextIO, sounds: Mapping[str, bytes] | None = None) -> None:
    """Write a page that opens in any browser, light or dark, on a phone or on paper.

    It loads nothing from the network. Without a sound it has no script.

    Parameters
    ----------
    timelines
        Those of one recording are shown together.
    stream
        For text.
    sounds
        The bytes of audio files by ``Timeline.source``. They are put into the page with a player, which the
        utterances and the waveform lead to. One of more than 5 MB is left out, and the page says so.
    """
    by_source: dict[str, list[Timeline]] = {}
    for timeline in timelines:
        by_source.setdefault(timeline.source, []).append(timeline)
    sounds = sounds or {}
    several = len(by_source) > 1
    sections = [
        _recording(channels, sounds.get(source), headed=several) for source, channels in by_source.items()
    ]
    title = _text(_name(*by_source)) if not several and by_source else plural(len(by_source), "recording")
    with_player = any("<audio" in one for one in sections)
    script = SCRIPT.read_text(encoding="utf-8") + _CONNECT_ALL if with_player else ""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=f"Timeline of {title}",
        style=STYLE.read_text(encoding="utf-8"),
        recordings="\n".join(sections),
        version=_text(version("affekt")),
        script=f"<script>{script}</script>" if script else "",
        script_source=f"'sha256-{digest}'" if script else "'none'",
    )
    stream.write(page)


def _recording(channels: Sequence[Timeline], sound: bytes | None, *, headed: bool) -> str:
    """Return the section of a recording: its player, and each channel."""
    name = _text(_name(channels[0].source))
    lines = [f'<section aria-label="{name}">', f"<h2>{name}</h2>" * headed]
    if sound and len(sound) <= MOST_SOUND_BYTES:
        content = f"data:audio/{_kind(sound)};base64,{base64.b64encode(sound).decode()}"
        player = f'<audio controls preload="metadata" src="{content}" aria-label="{name}"></audio>'
        lines.append(f'<div class="player">{player}</div>')
    elif sound:
        size = f"more than {MOST_SOUND_BYTES / 1e6:.0f} MB"
        lines.append(f'<p class="quiet">The sound is not in this page, as it has {size}.</p>')
    with_player = "<audio" in lines[-1]
    for timeline in channels:
        if len(channels) > 1:
            level = "h3" if headed else "h2"
            lines.append(f"<{level}>Channel: {_text(timeline.audio_channel)}</{level}>")
        lines += [*overview(timeline), *utterance_list(timeline.utterances, with_player=with_player)]
    return "\n".join([*lines, "</section>"])


def overview(timeline: Timeline) -> Iterator[str]:
    """Yield what was found in a channel in numbers, and the drawings of it."""
    if not timeline.complete:
        read = clock(timeline.duration_s)
        yield f'<p class="warn">Reading was stopped after {read}: what follows is missing.</p>'
    for note in timeline.notes:
        yield f'<p class="quiet">{_text(str(note))}</p>'
    shares = emotion_shares(timeline)
    tiles = [
        (clock(timeline.duration_s), "length"),
        (str(len(timeline.utterances)), f"utterance{'s' * (len(timeline.utterances) != 1)}"),
        (f"{100 * min(voiced_seconds(timeline) / (timeline.duration_s or 1), 1):.0f} %", "with a voice"),
    ]
    most = next(iter(shares), UNSURE)
    if most not in (UNSURE, NO_ANSWER):
        tiles.append((most, "predicted for the longest time"))
    cells = "".join(f"<li><b>{_text(value)}</b><span>{label}</span></li>" for value, label in tiles)
    yield f'<ul class="tiles">{cells}</ul>'
    if shares:
        yield '<p class="quiet">Emotions by their share of the time with a voice; faint where unsure:</p>'
        colours = {label: emotion_style(label).colour for label in shares}
        colours |= {UNSURE: "color-mix(in srgb,var(--quiet) 40%,var(--panel))", NO_ANSWER: _NONE}
        cells = "".join(
            f"<li>{_swatch(colours[label])}{_text(label)} {100 * share:.0f} %</li>"
            for label, share in shares.items()
        )
        yield f'<ul class="legend">{cells}</ul>'
    yield '<p class="quiet">Above, the waveform in the colours of the utterances; below, probabilities.</p>'
    yield from _drawings(timeline)
    if not timeline.utterances:
        yield "<p>No voice was found in this recording.</p>"


def utterance_list(utterances: Sequence[Utterance], *, with_player: bool) -> Iterator[str]:
    """Yield a list of utterances, their times as buttons if there is a player; nothing for none."""
    if utterances:
        yield '<ol class="utterances">'
        yield from (_item(one, with_player) for one in utterances)
        yield "</ol>"


def _item(utterance: Utterance, with_player: bool) -> str:
    found = utterance.prediction
    times = f"{clock(utterance.start_s)} – {clock(utterance.end_s)}"
    shown = (
        f'<button type="button" class="time">{times}</button>'
        if with_player
        else f'<span class="time">{times}</span>'
    )
    speaker = f"<b>{_text(utterance.speaker)}:</b> " if utterance.speaker else ""
    if found is None:
        words, mix, share = f"{_swatch(_NONE)}{NO_ANSWER}", "", ""
    else:
        ranked = sorted(found.probabilities.items(), key=lambda one: -one[1])
        spoken = ", ".join(f"{name} {100 * part:.0f} %" for name, part in ranked if part >= 0.005)
        words = _swatch(_colour_of(utterance)) + _text(found.in_words)
        if found.out_of_distribution:
            words += '<small class="warn">unlike the training data: do not rely on it</small>'
        label = f'aria-label="{_text(spoken)}" title="{_text(spoken)}"'
        mix = f'<span class="mix" role="img" {label} style="background:{_gradient(ranked)}"></span>'
        share = f'<span class="share">{100 * found.confidence:.0f} %</span>'
    data = f'data-start="{utterance.start_s:.3f}" data-end="{utterance.end_s:.3f}"'
    return f"<li {data}>{shown}<span>{speaker}{words}</span>{mix}{share}</li>"


def _drawings(timeline: Timeline) -> Iterator[str]:
    """Yield the waveform and the probabilities, broken into lines of equal length."""
    length_s = timeline.duration_s
    if length_s > _LINE_LENGTHS_S[0]:
        fitting = (one for one in _LINE_LENGTHS_S if length_s <= one * _MOST_LINES)
        length_s = next(fitting, 3600)
    loudest = float(np.max(timeline.envelope, initial=_QUIET))
    start_s = 0.0
    while start_s < timeline.duration_s:
        end_s = min(start_s + length_s, timeline.duration_s)
        width = f'style="width:{100 * (end_s - start_s) / length_s:.2f}%"'
        first, last = clock(start_s), clock(end_s)
        label = f'role="img" aria-label="Waveform and probabilities, {first} to {last}"'
        data = f'data-start="{start_s:.3f}" data-length="{end_s - start_s:.3f}"'
        wave = f'<g class="wave">{_wave(timeline, start_s, end_s, loudest)}</g>'
        box = f'viewBox="0 0 {_WIDTH} {_BOTTOM}" preserveAspectRatio="none" aria-hidden="true"'
        yield f'<div class="line" {label} {width} {data}><svg {box}>{wave}'
        yield f"{_probabilities(timeline, start_s, end_s)}</svg></div>"
        yield f'<div class="ends" {width}><span>{first}</span><span>{last}</span></div>'
        start_s += length_s


def _wave(timeline: Timeline, start_s: float, end_s: float, loudest: float) -> str:
    """Return the waveform as shapes in the colours of the utterances."""
    a_second = ENVELOPE_PER_STEP / timeline.track.step_s
    part = timeline.envelope[round(start_s * a_second) : round(end_s * a_second)]
    if not len(part):
        return ""
    heights = _reduce(part, np.max) / loudest * (_WAVE / 2 - 1)
    # The edges of columns, and the colour of each: that of the utterance at its middle.
    edges = np.linspace(0, _WIDTH, len(heights) + 1)
    middles = start_s + (edges[:-1] + edges[1:]) / 2 / _WIDTH * (end_s - start_s)
    colours = np.full(len(heights), _NONE, dtype=object)
    for one in timeline.utterances:
        if one.end_s >= start_s and one.start_s <= end_s:
            colours[(middles >= one.start_s) & (middles < one.end_s)] = _colour_of(one)
    runs = np.flatnonzero(colours[1:] != colours[:-1]) + 1
    return "".join(
        _shape(
            edges[run[0] : run[-1] + 2], _WAVE / 2 - heights[run], _WAVE / 2 + heights[run], colours[run[0]]
        )
        for run in np.split(np.arange(len(heights)), runs)
    )


def _probabilities(timeline: Timeline, start_s: float, end_s: float) -> str:
    """Return the probabilities of each step, one above the other; nothing where there is no voice."""
    step_s = timeline.track.step_s
    part = timeline.track.probabilities[round(start_s / step_s) : round(end_s / step_s + 0.499)]
    if not len(part):
        return ""
    columns = _reduce(np.asarray(part, dtype=float), _mean_of_voiced)
    edges = np.minimum(
        np.linspace(0, len(part) * step_s / (end_s - start_s) * _WIDTH, len(columns) + 1), _WIDTH
    )
    heights = np.cumsum(columns, axis=1) * (_BOTTOM - _TOP)
    voiced = np.flatnonzero(~np.isnan(heights[:, -1]))
    shapes = []
    for run in np.split(voiced, np.flatnonzero(np.diff(voiced) > 1) + 1):
        if len(run):
            around, bottom = edges[run[0] : run[-1] + 2], np.full(len(run), _BOTTOM)
            for place in reversed(range(len(timeline.emotions))):  # each covers a part of the one before
                colour = emotion_style(timeline.emotions[place]).colour
                shapes.append(_shape(around, _BOTTOM - heights[run, place], bottom, colour))
    return "".join(shapes)


def _shape(edges: Floats, upper: Floats, lower: Floats, colour: str) -> str:
    """Return the area between two curves that change at the edges of columns."""
    there, back = _steps(upper, edges[1:]), _steps(lower[::-1], edges[-2::-1])
    return f'<path style="color:{colour}" d="M{edges[0]:.1f} {lower[0]:.1f}{there}{back}z"/>'


def _steps(heights: Floats, ends: Floats) -> str:
    """Return lines up or down to each height, and on to the end of its column; equal columns are one."""
    rounded = np.round(heights, 1)
    kept = np.append(rounded[1:] != rounded[:-1], True)
    return "".join(f"V{y:g}H{x:.1f}" for y, x in zip(rounded[kept], ends[kept], strict=True))


def _reduce(values: Floats, reduce: Callable[..., Floats]) -> Floats:
    """Return at most as many columns as can be seen, each computed from as many values."""
    size = -(-len(values) // _COLUMNS)
    return np.array([reduce(values[start : start + size], axis=0) for start in range(0, len(values), size)])


def _mean_of_voiced(rows: Floats, axis: int) -> Floats:
    voiced = rows[~np.isnan(rows).any(axis=1)]
    return np.asarray(voiced.mean(axis=axis)) if len(voiced) else rows[0]


def _gradient(ranked: Sequence[tuple[str, float]]) -> str:
    stops, at = [], 0.0
    for name, share in ranked:
        stops.append(f"{emotion_style(name).colour} {100 * at:.1f}% {100 * (at + share):.1f}%")
        at += share
    return f"linear-gradient(90deg,{','.join(stops)})"


def _swatch(colour: str) -> str:
    return f'<span class="swatch" style="color:{colour}"></span>'


def _colour_of(utterance: Utterance) -> str:
    """Return the colour of the predicted emotion; a faint one if the prediction is unsure."""
    found = utterance.prediction
    if found is None:
        return _NONE
    colour = emotion_style(found.emotion).colour
    return f"color-mix(in srgb,{colour} 40%,var(--panel))" if found.unsure else colour


def _kind(sound: bytes) -> str:
    if sound[4:8] == b"ftyp":
        return "mp4"
    return _KINDS.get(sound[:4], "mpeg")


def _name(source: str) -> str:
    return PurePath(source).name or source


def _text(text: str) -> str:
    return escape(clean(text))
