"""The terminal picture of an explanation: bars over time and for frequency bands, cues and what-ifs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Group, RenderableType
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.reports.terminal.layout import Hanging
from affekt.support.terminal import one_line

if TYPE_CHECKING:
    from affekt.inference.explanation import BandEffect, Explanation

BLOCKS = " ▁▂▃▄▅▆▇█"
TIME_CELLS = 60  # at least one for each segment
BAND_CELLS = 20  # on each side
LABEL = 9
AGAINST = "dim"
NAMED = 3  # neighbours


def explanation(found: Explanation) -> RenderableType:
    """Return an explanation as a picture for a terminal of 80 columns or more."""
    style = f"bold {emotion_style(found.emotion).colour}"
    effects = [*(one.effect for one in found.segments), *(one.effect for one in found.bands)]
    largest = max(map(abs, effects)) or 1.0
    return Group(
        Hanging(_head(found, style), 2),
        "",
        *_over_time(found, largest, style),
        "",
        *(_band_row(one, largest, style) for one in reversed(found.bands)),
        *_cues(found),
        *_altered(found),
        *_neighbours(found),
        "",
        *(Hanging(line, 2) for line in _remarks(found, largest)),
    )


def _head(found: Explanation, style: str) -> Text:
    prediction = found.prediction
    channel = "" if found.audio_channel == "mix" else f" ({found.audio_channel})"
    text = Text.assemble(
        (one_line(found.source) + channel, "bold cyan"),
        f"  {prediction.in_words}, {prediction.confidence:.0%}",
    )
    if found.emotion != prediction.emotion:
        text.append("; explained: ").append(one_line(found.emotion), style)
        text.append(f" {prediction.probabilities[found.emotion]:.0%}")
    for note in prediction.notes:
        text.append(f"; {one_line(str(note))}", "dim")
    return text


def _over_time(found: Explanation, largest: float, style: str) -> Iterator[Text]:
    """Yield bars for and against the emotion, and the time below them."""
    width = max(1, TIME_CELLS // len(found.segments))
    effects = np.array([one.effect for one in found.segments]) / largest
    for label, heights, colour in (("for", effects, style), ("against", -effects, AGAINST)):
        yield _line(Text(f"{label:<{LABEL}}"), Text(_bars(heights, width), colour))
    end = f"{found.segments[-1].end_s:.1f} s"
    cells = width * len(found.segments)
    yield _line(Text(f"{'time':<{LABEL}}", "dim"), Text(f"0 {end:>{max(len(end), cells - 2)}}", "dim"))


def _bars(heights: NDArray[np.float64], width: int) -> str:
    levels = (np.clip(heights, 0, 1) * (len(BLOCKS) - 1)).round().astype(int)
    return "".join(BLOCKS[level] * width for level in levels)


def _band_row(band: BandEffect, largest: float, style: str) -> Text:
    """Return a bar to the right for the emotion, or to the left against it."""
    cells = round(abs(band.effect) / largest * BAND_CELLS)
    left = "█" * cells if band.effect < 0 else ""
    right = "█" * cells if band.effect >= 0 else ""
    return _line(
        Text(f"{band.low_hz:>5.0f} – {band.high_hz:>5.0f} Hz "),
        Text(f"{left:>{BAND_CELLS}}", AGAINST),
        Text("│", "dim"),
        Text(f"{right:<{BAND_CELLS}}", style),
        Text(f" {band.effect:+.2f} ± {band.standard_error:.2f}"),
    )


def _line(*parts: Text) -> Text:
    line = Text(no_wrap=True, overflow="ignore")
    for part in parts:
        line.append_text(part)
    line.rstrip()
    return line


def _cues(found: Explanation) -> Iterator[RenderableType]:
    if found.cues:
        yield ""
    for cue in found.cues:
        yield Hanging(Text(one_line(cue.in_words(found.emotion))), 2)


def _altered(found: Explanation) -> Iterator[RenderableType]:
    """Yield what the model answers for parts of the recording, and for changed voices."""
    parts = [one for one in (found.convincing, found.rest) if one]
    for title, altered in (("", parts), ("What if the voice were changed:", found.what_ifs)):
        if altered:
            yield title
        for one in altered:
            yield _line(Text(f"{one.name:<26}"), Text(one_line(one.in_words(found.emotion))))


def _neighbours(found: Explanation) -> Iterator[RenderableType]:
    if not found.neighbours:
        return
    yield ""
    counts = Counter(one.emotion for one in found.neighbours).most_common()
    labels = ", ".join(f"{count} {one_line(emotion)}" for emotion, count in counts)
    names = ", ".join(one_line(one.name) for one in found.neighbours[:NAMED])
    yield Hanging(Text(f"nearest training clips: {labels}; first {names}"), 2)


def _remarks(found: Explanation, largest: float) -> Iterator[Text]:
    """Yield what the picture means, and how far to trust it; what speaks against it is not dim."""
    if found.contradicted:
        yield Text(
            f"Alone, the supporting parts make {one_line(found.emotion)} less probable than the rest does: "
            "do not rely on the picture.",
            "yellow",
        )
    yield from (Text(line, "dim") for line in _details(found, largest))


def _details(found: Explanation, largest: float) -> Iterator[str]:
    yield (
        f"Full bars are {largest:.2f} in log-odds: how much a part raises "
        f"{one_line(found.emotion)} against all others, over {found.masks} masks; ± is one standard error."
    )
    if found.weak:
        yield (
            f"The effects, added up, account for only {max(0.0, found.fidelity):.0%} of the variance of "
            "the log-odds over the masks: the parts act together, or nothing stands out."
        )
    if found.masked_mostly_out_of_distribution:
        yield (
            f"{found.masked_out_of_distribution:.0%} of the masked versions are out of distribution: the "
            "effects are less reliable."
        )
    if not all(one.reliable for one in found.what_ifs):
        yield "Unreliable: the answer does not come back when the change of the voice is undone."
