"""Whether a model was trained on the recording that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from affekt.audio.loading import fingerprint
from affekt.audio.waveform import Waveform
from affekt.corpora.registry import READERS
from affekt.model.contract import Contract
from affekt.notes import Note, NoteKind

MANY_WINDOWS = 60  # no clip of a corpus is so long, and a fingerprint of hours takes gigabytes
_SO = "the prediction does not show how well other recordings are predicted"


def trained_on(name: str, recorded: Waveform, contract: Contract) -> Iterator[Note]:
    """Yield a note where a recording is one of the model's training clips, or has the name of one.

    Parameters
    ----------
    name
        The name of its source: training corpora name the speaker in it, so that a copy at another sample
        rate or in another format is found too.
    recorded
        The recording at its own sample rate.
    contract
        That of the model.
    """
    short = recorded.duration_s < MANY_WINDOWS * contract.window_s
    if short and contract.was_trained_on(fingerprint(recorded, contract.sample_rate)):
        yield Note(NoteKind.TRAINED_ON, f"the model was trained on this very recording: {_SO}")
    elif speaker := _named_speaker(Path(name), contract):
        yield Note(
            NoteKind.TRAINED_ON,
            f"by its name this is a recording of {speaker}, whom the model was trained on: {_SO}",
        )


def _named_speaker(path: Path, contract: Contract) -> str:
    """The training speaker that the name of a file stands for, such as ``speaker 03 of ravdess``."""
    for corpus in contract.corpora:
        reader = READERS.get(corpus.name)
        clip = reader.label(path) if reader and reader.label else None
        if clip and clip.speaker in corpus.speakers:
            return f"speaker {clip.speaker} of {corpus.name}"
    return ""
