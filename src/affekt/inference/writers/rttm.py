"""RTTM, the format of diarisation: a line of ten fields for each utterance.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TextIO

from affekt.inference.timeline import Timeline
from affekt.inference.writers.tiers import clean, distinct, spans

_NUMBERS = {"mix": "1", "mono": "1", "left": "1", "right": "2"}
_NONE = "<NA>"


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write a ``SPEAKER`` line for each utterance, in whose place of a speaker is the emotion.

    Scorers of diarisation then compare emotions. Where speakers are told apart, the place has both:
    ``A:happy``; an utterance without a prediction has ``<NA>`` for the emotion. The file is named by its
    name without suffix, or by its whole path where two of the files would have the same name. Blanks
    become ``_``.
    """
    names = _file_names(dict.fromkeys(timeline.source for timeline in timelines))
    for timeline in timelines:
        channel = _NUMBERS.get(timeline.audio_channel, timeline.audio_channel)
        for speaker in dict.fromkeys(one.speaker for one in timeline.utterances):
            for span in spans(timeline, speaker):
                found = span.utterance.prediction
                label = found.emotion if found else _NONE
                fields = (
                    *("SPEAKER", names[timeline.source], channel),
                    f"{span.start_ms / 1000:.3f}",
                    f"{(span.end_ms - span.start_ms) / 1000:.3f}",
                    *(_NONE, _NONE, f"{speaker}:{label}" if speaker else label),
                    *(span.confidence or _NONE, _NONE),
                )
                stream.write(" ".join(map(_field, fields)) + "\n")


def _file_names(sources: Iterable[str]) -> dict[str, str]:
    sources = list(sources)
    names = [_field(PurePath(source).stem) for source in sources]
    if len(set(names)) < len(names):
        names = distinct([_field(source) for source in sources], "_{}")
    return dict(zip(sources, names, strict=True))


def _field(text: str) -> str:
    """Return a text without blanks, that is not empty."""
    return re.sub(r"\s+", "_", clean(text)) or _NONE
