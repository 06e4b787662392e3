"""The terminal output of the score of timelines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from affekt.reports.score_rows import percentage
from affekt.reports.terminal.layout import Hanging, PlainTable, listing
from affekt.support.terminal import one_line, plural

if TYPE_CHECKING:
    from affekt.experiments.timelines import TimelineScore

LEGEND = (
    "EDER: emotion diarisation error rate, the time that is wrong over the time with an emotion; may "
    "exceed 100 %. Missed: segments of which less than half was found. Invented: utterances that lie "
    "outside the segments by more than half."
)


def timeline_score(name: str, found: TimelineScore) -> Group:
    """Return the score of timelines of annotated recordings; ``name`` is that of the annotations."""
    return Group(*_parts(name, found))


def _parts(name: str, found: TimelineScore) -> Iterator[RenderableType]:
    errors = found.errors
    yield Text.assemble(
        (one_line(name), "bold"),
        f": {plural(found.recordings, 'recording')}, {errors.duration_s / 60:.1f} min, "
        f"{errors.reference_s / 60:.1f} min of them with an emotion\n",
    )
    table = PlainTable("", "percent", "minutes")
    lengths = {
        "EDER": errors.wrong_s, "  false alarm": errors.false_alarm_s, "  missed": errors.missed_s,
        "  confusion": errors.confusion_s,
    }  # fmt: skip
    for title, length_s in lengths.items():
        share = length_s / errors.reference_s if errors.reference_s else float("nan")
        table.add_row(Text(title), percentage(share), f"{length_s / 60:.1f}")
    table.add_row(Text("time right, with pauses"), percentage(errors.right), "")
    yield table
    yield ""
    yield Text(
        f"{plural(found.spans, 'segment')}, {found.missed} missed; "
        f"{plural(found.utterances, 'utterance')}, {found.invented} invented"
    )
    if found.seen:
        yield Text(f"the model was trained on speakers of {plural(found.seen, 'recording')}", "yellow")
    if found.failed:
        reasons = [f"{path}: {reason}" for path, reason in found.failed]
        yield from listing("recordings that cannot be read", reasons, "red")
    yield Hanging(Text(LEGEND, "dim"), 0)
