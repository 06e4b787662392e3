"""Subtitles: what is shared by SubRip and WebVTT."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from affekt.inference.timeline import NO_ANSWER, Timeline
from affekt.inference.writers.tiers import clean, make_tiers, ordered_spans


def cues(timelines: Sequence[Timeline], point: str) -> Iterator[tuple[str, str, str]]:
    """Yield the times, the channel and speaker, and the text of each cue.

    Parameters
    ----------
    timelines
        Of one recording.
    point
        The character before the milliseconds.
    """
    for name, span in ordered_spans(make_tiers(timelines)):
        found = span.utterance.prediction
        times = f"{_time(span.start_ms, point)} --> {_time(span.end_ms, point)}"
        yield times, name, clean(found.in_words) if found else NO_ANSWER


def _time(milliseconds: int, point: str) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}{point}{rest:03}"
