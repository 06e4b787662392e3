"""Rows: an utterance each, with the columns that predictions have in tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from affekt.inference.answer_table import prediction_cells
from affekt.inference.timeline import Timeline


def columns(emotions: Sequence[str]) -> list[str]:
    """Return the names of all columns; those of the emotions hold their probabilities."""
    return [
        *(
            "file",
            "audio_channel",
            "speaker",
            "start_s",
            "end_s",
            "emotion",
            "confidence",
            "prediction_set",
        ),
        *emotions,
        *("unsure", "out_of_distribution", "notes"),
    ]


def all_emotions(timelines: Sequence[Timeline]) -> list[str]:
    """Return the emotions that could be predicted in any of the timelines."""
    return list(dict.fromkeys(name for timeline in timelines for name in timeline.emotions))


def rows(timelines: Sequence[Timeline]) -> Iterator[dict[str, Any]]:
    """Yield the cells of each utterance; without a prediction, its cells are missing."""
    for timeline in timelines:
        for utterance in timeline.utterances:
            found = utterance.prediction
            row = {} if found is None else prediction_cells(found)
            row.pop("duration_s", None)  # of the samples: here the end minus the start
            row |= row.pop("probabilities", {})
            yield {
                "file": timeline.source,
                "audio_channel": timeline.audio_channel,
                "speaker": utterance.speaker,
                "start_s": utterance.start_s,
                "end_s": utterance.end_s,
                **row,
            }
