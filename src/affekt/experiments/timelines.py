"""Scores of timelines: when an emotion is found, beside when it is expressed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from affekt.corpora.readers import manifest
from affekt.emotions import canonical_emotion, sort_emotions
from affekt.errors import AffektError, CorpusError
from affekt.inference.timeline import Timeline
from affekt.inference.timeline_reader import TimelineReader
from affekt.metrics import DiarisationErrors, Span, diarisation_errors
from affekt.model.bundle import ModelLike, load
from affekt.notes import NoteKind
from affekt.support.plain_values import parse_json
from affekt.support.progress import track

COVERED = 0.5  # share of a span that must be covered for it to be found
NEUTRAL = "neutral"


@dataclass(frozen=True)
class AnnotatedRecording:
    """A recording, and when which emotion is expressed in it.

    Attributes
    ----------
    path
        Of its file.
    spans
        In the order of time.
    rest
        The emotion of all other time, pauses included; empty where that is without an emotion.
    """

    path: Path
    spans: tuple[Span, ...]
    rest: str = ""


@dataclass(frozen=True)
class TimelineScore:
    """How right timelines are, over recordings.

    Attributes
    ----------
    errors
        Of all recordings together.
    spans, missed
        Number of spans of the reference, and of those that are covered by less than half.
    utterances, invented
        Number of utterances, and of those that lie outside the spans by more than half.
    recordings
        How many there are.
    seen
        How many of these have the name or the sound of one that the model was trained on.
    failed
        (path, reason) of each recording that cannot be read.
    """

    errors: DiarisationErrors = field(default_factory=DiarisationErrors)
    spans: int = 0
    missed: int = 0
    utterances: int = 0
    invented: int = 0
    recordings: int = 0
    seen: int = 0
    failed: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, with the error rate and the share of time that is right."""
        return {**asdict(self), "rate": self.errors.rate, "right": self.errors.right}


def evaluate_timelines(
    annotations: str | Path,
    model: ModelLike = None,
    *,
    adapt: bool = False,
    progress: bool = False,
) -> TimelineScore:
    """Score timelines of annotated recordings.

    Parameters
    ----------
    annotations
        A manifest with the columns ``path,emotion,speaker,start,end`` and a row for each stretch of a
        recording with one emotion; or the file ``ZED.json`` of the Zaion Emotion Dataset.
    model
        As for ``predict``. It may answer the annotated emotions that it knows.
    adapt
        Adapt to the voice of each recording, as ``timeline`` does.
    progress
        Show a progress bar on a terminal.

    Raises
    ------
    CorpusError
        The annotations cannot be read.
    BundleError
        The model file cannot be trusted.
    """
    bundle, recordings = load(model), read_annotations(annotations)
    annotated = {
        emotion for one in recordings for _, _, emotion in (*one.spans, (0, 0, one.rest)) if emotion
    }
    known = [emotion for emotion in sort_emotions(annotated) if emotion in bundle.contract.emotions]
    total = TimelineScore()
    for one in track(recordings, "timelines", len(recordings), shown=progress):
        reader = TimelineReader(
            one.path, bundle, emotions=known if len(known) > 1 else None, audio_channel="mix", adapt=adapt
        )
        try:
            reader.read()
        except AffektError as error:
            total = add_scores(total, TimelineScore(failed=((str(one.path), str(error)),)))
            continue
        (found,) = reader.timelines()
        total = add_scores(total, score_timeline(one, found))
    return total


def score_timeline(truth: AnnotatedRecording, found: Timeline) -> TimelineScore:
    """Score one timeline."""
    answered = [one for one in found.utterances if one.prediction]
    spans = [(one.start_s, one.end_s, one.prediction.emotion) for one in answered if one.prediction]
    seen = any(
        note.kind == NoteKind.TRAINED_ON
        for one in answered
        if one.prediction
        for note in one.prediction.notes
    )
    return score_spans(truth, spans, found.duration_s, seen=seen)


def score_spans(
    truth: AnnotatedRecording, found: Sequence[Span], duration_s: float, *, seen: bool = False
) -> TimelineScore:
    """Score spans that were found in a recording by any method."""
    reference = truth.spans
    missed = sum(_covered_s(one, found) < COVERED * (one[1] - one[0]) for one in reference)
    invented = sum(_covered_s(one, reference) < COVERED * (one[1] - one[0]) for one in found)
    return TimelineScore(
        errors=diarisation_errors(
            [*_filled(reference, truth.rest, duration_s)],
            [*_filled(found, truth.rest, duration_s)],
            duration_s,
        ),
        spans=len(reference),
        missed=missed,
        utterances=len(found),
        invented=invented,
        recordings=1,
        seen=int(seen),
    )


def add_scores(one: TimelineScore, other: TimelineScore) -> TimelineScore:
    """Return the score of the recordings of both."""
    return TimelineScore(*(getattr(one, name) + getattr(other, name) for name in vars(one)))


def _covered_s(span: Span, others: Sequence[Span]) -> float:
    """Return how much of a span others cover, which do not overlap."""
    return sum(max(0.0, min(span[1], end) - max(span[0], start)) for start, end, _ in others)


def _filled(spans: Sequence[Span], rest: str, duration_s: float) -> Iterator[Span]:
    """Yield the spans, and between them those of the remaining time."""
    at_s = 0.0
    for start, end, emotion in sorted(spans):
        if rest and start > at_s:
            yield at_s, start, rest
        yield start, end, emotion
        at_s = max(at_s, end)
    if rest and at_s < duration_s:
        yield at_s, duration_s, rest


def read_annotations(path: str | Path) -> list[AnnotatedRecording]:
    """Read a manifest of segments, or ``ZED.json``.

    Raises
    ------
    CorpusError
        The file cannot be read, or a line or an entry is malformed; the message names it.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".json":
            return list(_read_zed(path))
        segments = list(manifest.read(path))
    except OSError as error:
        raise CorpusError(f"{str(path)!r} cannot be read: {error.strerror}") from error
    spans: dict[Path, list[Span]] = {}
    for one in segments:
        if one.start_s is None or one.end_s is None:
            raise CorpusError(f"{path}: {one.name} has no start and end in seconds, which segments need")
        spans.setdefault(one.path, []).append((one.start_s, one.end_s, one.emotion))
    if not spans:
        raise CorpusError(f"{path} lists no segments")
    return [AnnotatedRecording(file, tuple(sorted(own))) for file, own in spans.items()]


def _read_zed(path: Path) -> Iterator[AnnotatedRecording]:
    """Yield the recordings of the Zaion Emotion Dataset: one emotion each, and neutral speech around it."""
    try:
        entries = parse_json(path.read_bytes())
    except ValueError as error:
        raise CorpusError(f"{path} is not JSON: {error}") from error
    if not isinstance(entries, Mapping) or not entries:
        raise CorpusError(f"{path} is not ZED.json: it has no entries by name")
    for name, entry in entries.items():
        try:
            file = Path(entry["wav"].replace("datafolder", str(path.parent)))
            spans = [
                (float(one["start"]), float(one["end"]), canonical_emotion(one["emo"]))
                for one in entry["emotion"]
            ]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise CorpusError(
                f"{path}: the entry {name!r} has no 'wav' and 'emotion' as ZED has them ({error!r})"
            ) from error
        yield AnnotatedRecording(file, tuple(sorted(spans)), NEUTRAL)
