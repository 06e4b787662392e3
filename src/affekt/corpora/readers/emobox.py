"""EmoBox: 32 corpora by their files of JSON lines, one object for each clip.

A line has ``wav``, a path below the folder of EmoBox; ``emo``, the label; and ``dataset``, the corpus.
``label_map.json`` or ``label_dict.json`` beside the file, or above it, says what the labels mean. Speakers
are known where a line has ``spk`` or ``speaker``, or where affekt reads the file names of the corpus.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from affekt.corpora.base import Clip, CorpusCard
from affekt.corpora.readers import cremad, emodb, emovo, ravdess, savee, tess
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError

_LABEL: Mapping[str, Callable[[Path], Clip | None]] = {
    module.CARD.name: module.label for module in (cremad, emodb, emovo, ravdess, savee, tess)
}
_MAPS = ("label_map.json", "label_dict.json")
_TRIED_CLIPS = 20
_LONGEST_LINE = 100_000  # characters
_WHOLE_TOLERANCE_S = 0.01


def read(path: Path) -> Iterator[Clip]:
    """Yield the clip of every line; ``CorpusError`` names the line that is malformed."""
    records = list(_read_records(path))
    root = _find_root(path, [record["wav"] for record in records[:_TRIED_CLIPS]])
    meanings = _read_meanings(path)
    seen: set[str] = set()
    for record in records:
        clip = _clip(record, root, meanings, path)
        if clip.name in seen:
            raise CorpusError(f"{path} lists {clip.name} twice")
        seen.add(clip.name)
        yield clip


def is_listing(path: Path) -> bool:
    """Return whether the first line of a file is a clip."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            record = json.loads(file.readline(_LONGEST_LINE))
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(record, dict) and {"wav", "emo"} <= record.keys()


def _read_records(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not UTF-8 text: {error}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise CorpusError(f"{path}, line {number}: not JSON: {error}") from error
        texts = [record.get(key) for key in ("wav", "emo")] if isinstance(record, dict) else [None]
        if not all(isinstance(text, str) and text.strip() for text in texts):
            raise CorpusError(f"{path}, line {number}: not an object with the texts 'wav' and 'emo'")
        yield record


def _find_root(path: Path, wavs: list[str]) -> Path:
    """The folder that paths are relative to: the nearest above the file where a clip is found."""
    above = path.resolve().parents
    found = (folder for folder in above if any((folder / wav).is_file() for wav in wavs))
    return next(found, path.parent)


def _read_meanings(path: Path) -> Mapping[str, str]:
    """What the labels of this corpus mean, where EmoBox says it: for folds, in the folder above."""
    for file in (folder / name for folder in (path.parent, path.resolve().parent.parent) for name in _MAPS):
        try:
            meanings = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(meanings, dict):
            return {str(label): str(meaning) for label, meaning in meanings.items()}
    return {}


def _clip(record: Mapping[str, Any], root: Path, meanings: Mapping[str, str], path: Path) -> Clip:
    corpus = str(record.get("dataset") or "") or path.stem
    file = root / record["wav"]
    start_s, end_s = _part(record)
    named = _LABEL.get(corpus, _no_label)(file)
    word = record["emo"]
    return Clip(
        path=file,
        emotion=named.emotion if named else canonical_emotion(meanings.get(word, word)),
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


def _no_label(path: Path) -> None:
    return None


def _part(record: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """The part of the file that a line names; None, None if it is the whole file or not given."""
    times = [record.get(key) for key in ("start_time", "end_time", "length")]
    start_s, end_s, length_s = (
        float(time) if isinstance(time, int | float) and not isinstance(time, bool) else None
        for time in times
    )
    if start_s is None or end_s is None or not 0 <= start_s < end_s:
        return None, None
    whole = start_s == 0 and length_s is not None and end_s >= length_s - _WHOLE_TOLERANCE_S
    return (None, None) if whole else (start_s, end_s)


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
