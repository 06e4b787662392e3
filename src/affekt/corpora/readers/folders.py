"""A corpus of the user's own, one folder for each emotion: ``angry/one.wav``, ``happy/two.wav``, ..."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from affekt.audio.loading import find_audio
from affekt.corpora.base import Clip, CorpusCard
from affekt.emotions import canonical_emotion


def read(root: Path) -> Iterator[Clip]:
    """Yield every audio file in a folder below ``root``, labelled with the name of the topmost folder."""
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
    title="One folder for each emotion (without speakers: random protocols only)",
    licence="your own",
    citation="",
    address="",
)
