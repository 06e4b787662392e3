"""An HTML page that explains a prediction: pictures, and sounds to listen to, in one file."""

from __future__ import annotations

import base64
import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path, PurePath
from string import Template

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform, load_audio
from affekt.audio.playback import encode_flac, match_levels
from affekt.emotions import emotion_style
from affekt.features.descriptors import log_mel
from affekt.features.spectra import Spectra
from affekt.inference.cues import Cue
from affekt.inference.explanation import STANDS_OUT, BandEffect, Explanation, SegmentEffect
from affekt.inference.masks import FFT_S, TOP_HZ
from affekt.inference.what_ifs import AlteredRecording
from affekt.inference.writers.tiers import clean

STYLE = Path(__file__).with_name("explanation_page.css")
_TEMPLATE = Path(__file__).with_name("explanation_page.html")
_ROWS, _COLUMN_S = 64, 0.01  # of a spectrogram
_DEPTH_DB = 60.0
_STRONGEST_TINT = 0.5
_NAMED_SPANS = 3
_LEAST_NAMED = 0.5  # of the largest effect
_NOTABLE_CHANGE = 0.1
_PLAIN_WORDS = {
    "pitch height": "how high the voice is",
    "pitch range": "how much its pitch moves",
    "pitch slope": "whether it rises or falls",
    "tempo": "how often the voice sets in, a rough measure",
    "time without pauses": "how little it pauses",
    "brightness": "where its energy lies, the spectral centroid",
    "jitter": "how unsteady its pitch is",
    "shimmer": "how unsteady its amplitude is",
    "harmonics-to-noise ratio": "how much of it is tone, not noise",
}

_COMPARATIVES = {  # where a cue is lower or higher; those that single errors of the pitch hardly change
    "pitch height": ("lower", "higher"),
    "brightness": ("duller", "brighter"),
    "harmonics-to-noise ratio": ("noisier", "clearer"),
}
_UNUSUAL = 30.0  # percentiles away from the median

Part = SegmentEffect | BandEffect


def explanation_page(found: Explanation) -> str:
    """Return a page that opens in any browser, light or dark, on a phone or on paper; it has no script."""
    recording, players = _sounds(found)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        style=STYLE.read_text(encoding="utf-8"),
        emotion=_text(found.emotion),
        colour=emotion_style(found.emotion).colour,
        name=_text(PurePath(found.source).name or found.source),
        answer=_answer(found),
        seconds=f"{found.recording.duration_s:.1f} s",
        sound=recording,
        sections="\n".join(_sections(found, players)),
        version=_text(version("affekt")),
    )


def explanation_sections(found: Explanation) -> str:
    """Return what follows the header of the page, for another page that has ``STYLE``."""
    sections = "\n".join(_sections(found, _sounds(found)[1]))
    return f'<div style="--hue: {emotion_style(found.emotion).colour}">{sections}</div>'


def _sounds(found: Explanation) -> tuple[str, dict[str, str]]:
    """Return the recording, and the altered ones by their names, as addresses of equally loud sounds."""
    altered = [one for one in (found.convincing, found.rest, *found.what_ifs) if one]
    recording, *sounds = [
        _data("audio/flac", encode_flac(one))
        for one in match_levels([found.recording, *(one.sound for one in altered)])
    ]
    return recording, dict(zip([one.name for one in altered], sounds, strict=True))


def _sections(found: Explanation, players: dict[str, str]) -> Iterator[str]:
    yield from _in_short(found)
    yield from _when_and_where(found, players)
    yield from _what_if(found, players)
    yield from _cues(found)
    yield from _neighbours(found)
    yield from _trust(found)


def _answer(found: Explanation) -> str:
    prediction = found.prediction
    words = (
        f"The model’s answer: <b>{_text(prediction.in_words)}</b>, {prediction.confidence:.0%} confident."
    )
    if found.emotion != prediction.emotion:
        share = prediction.probabilities[found.emotion]
        words += f" This page explains its {share:.0%} for {_text(found.emotion)}."
    if prediction.out_of_distribution:
        words += ' <span class="warn">The recording is unlike its training clips: do not rely on it.</span>'
    return words


def _in_short(found: Explanation) -> Iterator[str]:
    """Say in a sentence how the voice differs from neutral clips."""
    known = [cue for cue in found.cues if "neutral" in cue.percentiles and cue.name in _COMPARATIVES]
    if not known:
        return
    away = {cue.name: cue.percentiles["neutral"] - 50 for cue in known}
    unusual = sorted(
        (name for name in away if abs(away[name]) >= _UNUSUAL), key=lambda name: -abs(away[name])
    )
    words = [_COMPARATIVES[name][away[name] > 0] for name in unusual]
    if words:
        *others, last = words
        said = f"{', '.join(others)} and {last}" if others else last
        yield f"<p>In short: this voice is <b>{said}</b> than most neutral clips.</p>"
    else:
        yield "<p>In short: in pitch and timbre, this voice is like most neutral clips.</p>"


def _when_and_where(found: Explanation, players: dict[str, str]) -> Iterator[str]:
    emotion = _text(found.emotion)
    times = _spans([(one, one.start_s, one.end_s) for one in found.segments])
    bands = _spans([(one, one.low_hz, one.high_hz) for one in found.bands])
    places = [f"at {', '.join(f'{low:.1f}–{high:.1f} s' for low, high in times)}"] * bool(times)
    places += [f"in {', '.join(f'{low:.0f}–{high:.0f} Hz' for low, high in bands)}"] * bool(bands)
    yield "<section><h2>What it rests on</h2>"
    if places:
        yield f"<p>It sounds {emotion} to the model most {' and '.join(places)}.</p>"
    yield (
        '<p class="quiet">Time runs from left to right, frequencies from low to high. What is coloured '
        f"clearly speaks for {emotion}. Bars below are for moments, bars at the side for frequencies; grey "
        "ones speak against it.</p>"
    )
    yield _picture(found)
    parts = [one for one in (found.convincing, found.rest) if one]
    yield from _answers(parts, found.emotion, players)
    yield "</section>"


def _picture(found: Explanation) -> str:
    end_s, bands = found.segments[-1].end_s, len(found.bands)
    times = [
        (effect, 100 * one.start_s / end_s, 100 * (one.end_s - one.start_s) / end_s)
        for one, effect in zip(found.segments, _relative(found.segments), strict=True)
    ]
    # Bands are equally wide on the mel scale, from low at the bottom to high at the top.
    heights = [
        (effect, 100 - 100 * (i + 1) / bands, 100 / bands)
        for i, effect in enumerate(_relative(found.bands))
    ]
    tints = "".join(
        [
            *(
                _tint(part, effect, f'x="{at:.2f}" width="{size:.2f}" height="100"')
                for part, (effect, at, size) in zip(found.segments, times, strict=True)
            ),
            *(
                _tint(part, effect, f'y="{at:.2f}" height="{size:.2f}" width="100"')
                for part, (effect, at, size) in zip(found.bands, heights, strict=True)
            ),
        ]
    )
    below = "".join(
        f'<rect class="{_side(effect)}" x="{at + 0.08 * size:.2f}" width="{0.84 * size:.2f}" '
        f'y="{50 - 50 * max(effect, 0):.1f}" height="{50 * abs(effect):.1f}"/>'
        for effect, at, size in times
    )
    beside = "".join(
        f'<rect class="{_side(effect)}" y="{at + 0.12 * size:.2f}" height="{0.76 * size:.2f}" '
        f'x="{50 + 50 * min(effect, 0):.1f}" width="{50 * abs(effect):.1f}"/>'
        for effect, at, size in heights
    )
    hertz = [found.bands[0].low_hz, *(min(one.high_hz, TOP_HZ) for one in found.bands)]
    labels = "".join(
        f'<span style="bottom:{100 * i / bands:.1f}%">{hertz[i]:.0f} Hz</span>'
        for i in range(0, bands + 1, max(1, bands // 4))
    )
    image = _data("image/png", _png(spectrogram(found.recording)))
    alt = f"Spectrogram: the moments and frequencies that speak for {_text(found.emotion)} are coloured"
    box = 'viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true"'
    upright, level = (
        f'<line class="zero" {ends}/>' for ends in ('x1="50" x2="50" y2="100"', 'y1="50" y2="50" x2="100"')
    )
    return (
        f'<div class="picture"><div class="hertz">{labels}</div>'
        f'<div class="spectrogram"><img src="{image}" alt="{alt}"><svg {box}>{tints}</svg></div>'
        f'<div class="bars"><svg {box}>{beside}{upright}</svg></div>'
        f'<div class="label">for<br>against</div>'
        f'<div class="bars"><svg {box}>{below}{level}</svg></div><div></div>'
        f'<div class="ends"><span>0 s</span><span>{end_s:.1f} s</span></div></div>'
    )


def _relative(parts: Sequence[Part]) -> list[float]:
    """Return the effect of each part relative to the largest."""
    largest = max(abs(one.effect) for one in parts) or 1.0
    return [one.effect / largest for one in parts]


def _stands_out(part: Part) -> bool:
    return part.effect > STANDS_OUT * part.standard_error


def _tint(part: Part, effect: float, place: str) -> str:
    if not _stands_out(part):
        return ""
    return f'<rect class="for" fill-opacity="{_STRONGEST_TINT * effect:.2f}" {place}/>'


def _side(effect: float) -> str:
    return "for" if effect > 0 else "against"


def spectrogram(recording: Waveform) -> NDArray[np.uint8]:
    """Return how dark each point of a picture is, the highest frequencies first: (rows, columns).

    Rows are equally wide on the mel scale, from 0 to 8 kHz, or to half the sample rate if that is lower.
    """
    waveform = load_audio(recording, min(recording.sample_rate, round(2 * TOP_HZ)))
    fft, hop = (round(seconds * waveform.sample_rate) for seconds in (FFT_S, _COLUMN_S))
    levels = log_mel(Spectra(waveform, fft, hop), _ROWS).T[::-1]
    darkness = np.clip((levels - levels.max()) / _DEPTH_DB + 1, 0, 1)
    return np.asarray(np.round(255 * darkness), np.uint8)


def _png(darkness: NDArray[np.uint8]) -> bytes:
    """Return a PNG file that is black, and as opaque as ``darkness`` says."""
    height, width = darkness.shape
    points = np.zeros((height, 1 + 2 * width), np.uint8)  # each row begins with the number of its filter
    points[:, 2::2] = darkness
    header = struct.pack(">IIBBBBB", width, height, 8, 4, 0, 0, 0)  # 8 bits of grey and of opacity
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(points.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _spans(parts: Sequence[tuple[Part, float, float]]) -> list[tuple[float, float]]:
    """Join neighbouring parts with a large effect, and return the spans with the most of it, in order."""
    least = _LEAST_NAMED * max(part.effect for part, _, _ in parts)
    joined: list[tuple[float, float, float]] = []  # start, end, effect
    for part, low, high in parts:
        if not _stands_out(part) or part.effect < least:
            continue
        if joined and abs(joined[-1][1] - low) < 1e-6:
            start, _, effect = joined.pop()
            joined.append((start, high, effect + part.effect))
        else:
            joined.append((low, high, part.effect))
    kept = sorted(joined, key=lambda span: -span[2])[:_NAMED_SPANS]
    return [(low, high) for low, high, _ in sorted(kept)]


def _answers(altered: Sequence[AlteredRecording], emotion: str, players: dict[str, str]) -> Iterator[str]:
    yield '<ul class="rows">'
    for one in altered:
        name, share = _text(one.name), one.probabilities[emotion]
        player = f'<audio controls preload="none" src="{players[one.name]}" aria-label="{name}"></audio>'
        label = f'role="img" aria-label="{_text(emotion)} {share:.0%}"'
        bar = f'<span class="bar" {label}><i style="width:{share:.1%}"></i></span>'
        yield f"<li><b>{name}</b>{player}{bar}<span>{_verdict(one, emotion)}</span></li>"
    yield "</ul>"


def _verdict(one: AlteredRecording, emotion: str) -> str:
    words = f"{_text(emotion)} {one.probabilities[emotion]:.0%}"
    if one.emotion != emotion:
        words += f"; now {_swatch(one.emotion)}{_text(one.emotion)} {one.probabilities[one.emotion]:.0%}"
    if not one.reliable:
        words += '<small class="warn">unreliable</small>'
    return words


def _what_if(found: Explanation, players: dict[str, str]) -> Iterator[str]:
    if not found.what_ifs:
        return
    emotion, share = found.emotion, found.prediction.probabilities[found.emotion]
    changes = [(abs(one.probabilities[emotion] - share), one) for one in found.what_ifs if one.reliable]
    yield "<section><h2>What if the voice were different?</h2>"
    if changes:
        size, most = max(changes, key=lambda one: one[0])
        if all(one.emotion == found.prediction.emotion for _, one in changes):
            yield "<p>None of these changes makes another emotion the most probable.</p>"
        if size > _NOTABLE_CHANGE:
            yield f"<p>The largest change: {_text(most.name)}, {_verdict(most, emotion)}.</p>"
    yield (
        '<p class="quiet">The same words by the same speaker, one thing changed. As recorded, '
        f"{_text(emotion)} is {share:.0%}.</p>"
    )
    yield from _answers(found.what_ifs, found.emotion, players)
    if not all(one.reliable for one in found.what_ifs):
        yield (
            '<p class="quiet">Unreliable: the answer does not come back when the change is undone, so that '
            "traces of the alteration may have changed it.</p>"
        )
    yield "</section>"


def _cues(found: Explanation) -> Iterator[str]:
    cues = [cue for cue in found.cues if found.emotion in cue.percentiles]
    if not cues:
        return
    name = _text(found.emotion)
    yield f"<section><h2>How the voice compares with {name} clips</h2>"
    yield (
        f'<p class="quiet">Left is the lowest and right the highest of {name} clips; half of them are '
        "within the coloured part.</p>"
    )
    yield '<ul class="rows cues">'
    yield from (_cue(cue, found.emotion) for cue in cues)
    yield "</ul></section>"


def _cue(cue: Cue, emotion: str) -> str:
    percentile = cue.percentiles[emotion]
    side = "lower" if percentile < 50 else "higher"
    place = f"{side} than nearly all {_text(emotion)} clips"
    if 0.5 <= percentile < 99.5:
        place = f"higher than {percentile:.0f}% of {_text(emotion)} clips"
    scale = f'<span class="scale" aria-hidden="true"><i style="left:{percentile:.1f}%"></i></span>'
    meaning = _PLAIN_WORDS.get(cue.name, "")
    name = f"<span><b>{_text(cue.name)}</b><small>{meaning}: {_text(cue.text)}</small></span>"
    return f"<li>{name}{scale}<span>{place}</span></li>"


def _neighbours(found: Explanation) -> Iterator[str]:
    if not found.neighbours:
        return
    counts = Counter(one.emotion for one in found.neighbours).most_common()
    labels = ", ".join(f"{count} {_text(emotion)}" for emotion, count in counts)
    yield "<section><h2>Which clips it is like</h2>"
    yield f"<p>Of the {len(found.neighbours)} nearest clips that the model was trained on: {labels}.</p>"
    yield '<ol class="clips">'
    for one in found.neighbours:
        speaker = f", speaker {_text(one.speaker)}" if one.speaker else ""
        origin = f'<span class="quiet">{_text(one.corpus)}{speaker}, {_text(one.name)}</span>'
        yield f"<li>{_swatch(one.emotion)}{_text(one.emotion)} {origin}</li>"
    yield "</ol></section>"


def _trust(found: Explanation) -> Iterator[str]:
    emotion, fidelity = _text(found.emotion), max(0.0, found.fidelity)
    yield "<section><h2>How far to trust this</h2><ul>"
    yield (
        f"<li>{found.masks} times, moments and frequencies were left out at random, and the model answered "
        f"again. Coloured parts are those with which {emotion} became more probable. The effects "
        f"of all parts, added up, account for {fidelity:.0%} of the variance of these answers "
        "(of their log-odds).</li>"
    )
    if found.weak:
        yield '<li class="warn">That is little: the parts act together, or nothing stands out.</li>'
    if found.contradicted:
        yield (
            f'<li class="warn">The coloured parts alone make {emotion} less probable than the rest does: '
            "do not rely on the picture.</li>"
        )
    if found.masked_mostly_out_of_distribution:
        yield (
            f"<li>With parts left out, recordings are unlike those that the model was trained on: "
            f"{found.masked_out_of_distribution:.0%} are flagged. The picture is less reliable for it.</li>"
        )
    yield from (f"<li>{_text(str(note))}</li>" for note in found.prediction.notes)
    yield "<li>The answer is about a voice, and no fact about a person’s feelings.</li></ul></section>"


def _swatch(emotion: str) -> str:
    return f'<span class="swatch" style="color:{emotion_style(emotion).colour}"></span>'


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _text(text: str) -> str:
    return escape(clean(text))
