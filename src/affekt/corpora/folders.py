"""A corpus of one's own as a folder for each emotion: ``angry/one.wav``, ``happy/two.wav``, ..."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from affekt.audio import find_audio
from affekt.corpus import Clip, CorpusCard
from affekt.emotions import canonical_emotion


def read(root: Path) -> Iterator[Clip]:
    """Every audio file that lies in a folder below ``root``; the topmost folder is its emotion."""
    for path in find_audio(root):
        folders = path.relative_to(root).parts[:-1]
        if folders:
            yield Clip(
                path=path,
                emotion=canonical_emotion(folders[0]),
                speaker="",
                corpus=root.resolve().name,
            )


CARD = CorpusCard(
    name="folders",
    title="A folder for each emotion (nobody knows who speaks: random protocols only)",
    licence="your own",
    citation="",
    address="",
)
