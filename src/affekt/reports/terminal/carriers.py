"""What carries each emotion over the clips of a corpus, in lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.reports.terminal.layout import Hanging
from affekt.support.terminal import one_line, plural

if TYPE_CHECKING:
    from affekt.experiments.explanations import Carriers

NAMED = 3
LEAST_CHANGE, LEAST_CORRELATION = 0.02, 0.2


def carriers(found: Sequence[Carriers]) -> RenderableType:
    """Return what carries each emotion: the largest changes, cues and times first."""
    return Group(
        Text("What carries each emotion for the model", "bold"),
        *(Hanging(line, 2) for one in found for line in _lines(one)),
        Hanging(
            Text(
                "Changes are of the probability if the voice is altered, in percentage points; cues are "
                "rank correlations with the log-odds; time is where a clip has the largest effect.",
                "dim",
            ),
            2,
        ),
    )


def _lines(one: Carriers) -> Iterator[Text]:
    yield Text.assemble(
        (one_line(one.emotion), f"bold {emotion_style(one.emotion).colour}"),
        f" ({plural(one.clips, 'clip')})",
    )
    part = max(range(len(one.times)), key=one.times.__getitem__)
    start, end = 100 * part // len(one.times), 100 * (part + 1) // len(one.times)
    yield Text(f"  time: most from {start} to {end}% of the clip ({one.times[part]:+.2f})")
    for title, values, least, form in (
        (
            "changes",
            {name: 100 * value for name, value in one.changes.items()},
            100 * LEAST_CHANGE,
            "{:+.0f}",
        ),
        ("cues", one.cues, LEAST_CORRELATION, "{:+.2f}"),
    ):
        largest = _largest(values, least)
        shown = ", ".join(f"{name} {form.format(values[name])}" for name in largest)
        yield Text(f"  {title}: {shown or 'none stands out'}")


def _largest(values: Mapping[str, float], least: float) -> list[str]:
    order = sorted(values, key=lambda name: -abs(values[name]))
    return [name for name in order if abs(values[name]) >= least][:NAMED]
