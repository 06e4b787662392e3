"""EmoBox: 32 corpora by their files of JSON lines, one object for each clip.

A line has ``wav``, a path below the folder of EmoBox; ``emo``, the label; and ``dataset``, the corpus.
``label_map.json`` or ``label_dict.json`` beside the file, or above it, says what the labels mean; else they
are words for emotions, or codes of a corpus whose file names affekt reads. Speakers are known where a line
has ``spk`` or ``speaker``, or from these file names. ``start_time`` and ``end_time`` bound the clip.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from affekt.corpora.base import Clip, CorpusCard, check_part
from affekt.corpora.readers import cremad, emodb, emovo, ravdess, savee, tess
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError
from affekt.support.plain_values import build, parse_json

_NAMED: Mapping[str, ModuleType] = {
    module.CARD.name: module for module in (cremad, emodb, emovo, ravdess, savee, tess)
}
_TIMES = ("start_time", "end_time", "length")
_MAPS = ("label_map.json", "label_dict.json")
_TRIED_CLIPS = 20
_LONGEST_LINE = 100_000  # characters
_WHOLE_TOLERANCE_S = 0.01


def read(path: Path) -> Iterator[Clip]:
    """Yield the clip of every line; ``CorpusError`` names the line that is malformed."""
    records = list(_read_records(path))
    root = _find_root(path, [record["wav"] for _, record in records[:_TRIED_CLIPS]])
    meanings = _read_meanings(path)
    seen: set[str] = set()
    for place, record in records:
        clip = _clip(record, root, meanings, path.stem, place)
        if clip.name in seen:
            raise CorpusError(f"{path} lists {clip.name} twice")
        seen.add(clip.name)
        yield clip


def is_listing(path: Path) -> bool:
    """Return whether the first line of a file is a clip."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            record = parse_json(file.readline(_LONGEST_LINE))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and {"wav", "emo"} <= record.keys()


def _read_records(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the object of each line, after the name of the file and the number of the line."""
    try:
        # Not splitlines: JSON strings may hold other line separators, as U+2028.
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 text: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            record = parse_json(line)
        except ValueError as error:
            raise CorpusError(f"{place}: not JSON: {error}") from error
        texts = [record.get(key) for key in ("wav", "emo")] if isinstance(record, dict) else [None]
        if not all(isinstance(text, str) and text.strip() for text in texts):
            raise CorpusError(f"{place}: not an object with the texts 'wav' and 'emo'")
        yield place, record


def _find_root(path: Path, wavs: list[str]) -> Path:
    """The folder that paths are relative to: the nearest above the file where a clip is found."""
    above = path.resolve().parents
    found = (folder for folder in above if any((folder / wav).is_file() for wav in wavs))
    return next(found, path.parent)


def _read_meanings(path: Path) -> Mapping[str, str]:
    """What the labels of this corpus mean, where EmoBox says it: for folds, in the folder above."""
    for file in (folder / name for folder in (path.parent, path.resolve().parent.parent) for name in _MAPS):
        try:
            meanings = parse_json(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(meanings, dict):
            return {str(label): str(meaning) for label, meaning in meanings.items()}
    return {}


def _clip(
    record: Mapping[str, Any], root: Path, meanings: Mapping[str, str], stem: str, place: str
) -> Clip:
    corpus = str(record.get("dataset") or "") or stem
    file = root / record["wav"]
    start_s, end_s = _part(record, place)
    reader = _NAMED.get(corpus)
    named: Clip | None = reader.label(file) if reader else None
    word = record["emo"]
    codes = reader.CODES if reader else {}
    return Clip(
        path=file,
        emotion=canonical_emotion(meanings.get(word) or codes.get(word, word)),
        speaker=str(record.get("spk") or record.get("speaker") or (named.speaker if named else "")),
        corpus=corpus,
        sex=named.sex if named else "",
        intensity=named.intensity if named else "",
        statement=named.statement if named else "",
        repetition=named.repetition if named else "",
        columns={"key": str(record["key"])} if record.get("key") else {},
        start_s=start_s,
        end_s=end_s,
    )


def _part(record: Mapping[str, Any], place: str) -> tuple[float | None, float | None]:
    """The part of the file that a line names; None, None if it is the whole file or not given."""
    given = {key: time for key in _TIMES if (time := record.get(key)) is not None}
    try:
        times = {key: float(build(float, time, name=key)) for key, time in given.items()}
    except ValueError as error:
        raise CorpusError(f"{place}: {error}") from error
    start_s, end_s, length_s = (times.get(key) for key in _TIMES)
    check_part(start_s, end_s, place)
    to_end = end_s is None or (length_s is not None and end_s >= length_s - _WHOLE_TOLERANCE_S)
    return (None, None) if not start_s and to_end else (start_s, end_s)


CARD = CorpusCard(
    name="emobox",
    title="EmoBox: a file of JSON lines for each of 32 corpora",
    licence="MIT for these files; the recordings have their own",
    citation=(
        "Ma Z, Chen M, Zhang H, Zheng Z, Chen W, Li X, Ye J, Chen X, Hain T (2024). EmoBox: Multilingual "
        "Multi-corpus Speech Emotion Recognition Toolkit and Benchmark. Interspeech 2024."
    ),
    address="https://github.com/emo-box/EmoBox",
)
