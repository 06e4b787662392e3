"""Tiers: the utterances of one speaker in one channel, with times that every format can hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from affekt.inference.timeline import NO_ANSWER, Timeline, Utterance
from affekt.support.terminal import one_line

_NO_CHARACTERS = str.maketrans({"\ufffe": "\ufffd", "\uffff": "\ufffd"})  # XML and Unicode exclude them


@dataclass(frozen=True, slots=True)
class Span:
    """An utterance with its start and end in whole milliseconds; the end is after the start."""

    start_ms: int
    end_ms: int
    utterance: Utterance

    @property
    def emotion(self) -> str:
        """The predicted emotion on one line; ``no answer`` where there is none."""
        found = self.utterance.prediction
        return clean(found.emotion) if found else NO_ANSWER

    @property
    def confidence(self) -> str:
        """The confidence with two digits; empty where there is no prediction."""
        found = self.utterance.prediction
        return f"{found.confidence:.2f}" if found else ""

    @property
    def trust(self) -> str:
        """``out of distribution`` or ``unsure``, where the prediction is one of these; else empty."""
        found = self.utterance.prediction
        if found is None:
            return ""
        marks = {"out of distribution": found.out_of_distribution, "unsure": found.unsure}
        return next((mark for mark, given in marks.items() if given), "")


@dataclass(frozen=True, slots=True)
class Tier:
    """The utterances of one speaker in one channel of a recording.

    Attributes
    ----------
    name : str
        The channel, where each has a timeline, and the speaker, where speakers are told apart; empty where
        there is only one tier. No two tiers of a file have the same name.
    timeline : Timeline
        The timeline that it is a part of.
    spans : tuple of Span
        In order; they do not overlap, and end with the recording at the latest.
    """

    name: str
    timeline: Timeline
    spans: tuple[Span, ...]


def make_tiers(timelines: Sequence[Timeline]) -> list[Tier]:
    """Return the tiers of timelines of one recording, at least one for each timeline.

    Raises
    ------
    ValueError
        There is no timeline, or they are of several recordings.
    """
    sources = list(dict.fromkeys(timeline.source for timeline in timelines))
    if len(sources) != 1:
        got = ", ".join(map(repr, sources)) or "none"
        raise ValueError(
            f"a file of this format has one recording, not {len(sources)} ({got}): write a file for each, "
            "or .json, .csv, .parquet, .rttm, .emotionml or .html, which hold several"
        )
    parts = []
    for timeline in timelines:
        channel = clean(timeline.audio_channel) if len(timelines) > 1 else ""
        for speaker in dict.fromkeys(one.speaker for one in timeline.utterances) or [""]:
            parts.append((f"{channel} {clean(speaker)}".strip(), timeline, speaker))
    names = distinct([name for name, _, _ in parts])
    return [
        Tier(name, timeline, spans(timeline, speaker))
        for name, (_, timeline, speaker) in zip(names, parts, strict=True)
    ]


def spans(timeline: Timeline, speaker: str) -> tuple[Span, ...]:
    """Return the utterances of a speaker in whole milliseconds.

    Neighbours do not overlap after rounding, and none ends after the recording. An utterance that is
    shorter than a millisecond is left out, as most formats cannot hold it.
    """
    last_ms, found, before = floor(timeline.duration_s * 1000 + 1e-6), [], 0
    for utterance in timeline.utterances:
        if utterance.speaker == speaker:
            start = max(before, round(utterance.start_s * 1000))
            end = min(last_ms, round(utterance.end_s * 1000))
            if start < end:
                found.append(Span(start, end, utterance))
                before = end
    return tuple(found)


def ordered_spans(tiers: Sequence[Tier]) -> list[tuple[str, Span]]:
    """Return the name of the tier and the span of all utterances, in order of their start."""
    found = [(tier.name, span) for tier in tiers for span in tier.spans]
    return sorted(found, key=lambda one: (one[1].start_ms, one[1].end_ms))


def clean(text: str) -> str:
    """Return a text on one line, without characters that XML excludes."""
    return one_line(text).translate(_NO_CHARACTERS)


def distinct(names: Sequence[str], suffix: str = " ({})") -> list[str]:
    """Number the names that are there already.

    >>> distinct(["A", "A", "B"])
    ['A', 'A (2)', 'B']
    """
    found: list[str] = []
    for name in names:
        new, number = name, 1
        while new in found:
            number += 1
            new = f"{name}{suffix.format(number)}".strip()
        found.append(new)
    return found
