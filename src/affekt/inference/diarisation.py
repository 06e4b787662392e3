"""Diarisations made elsewhere: who speaks when, read from RTTM files.

Source: NIST (2009), The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan, appendix A.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from affekt.errors import DiarisationError

FIELDS = 10  # type, file, channel, start, duration, orthography, subtype, name, confidence, look-ahead
_TURN, _COMMENT = "SPEAKER", ";;"
_MAX_BYTES = 64 << 20  # of a day with a turn each second, a tenth
_LONGEST_S = 1e7


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch of one speaker.

    Attributes
    ----------
    file
        The name of the recording as the diarisation has it, without folder and suffix.
    channel
        Of the recording, counted from 1.
    start_s, end_s
        In seconds.
    speaker
        The name of the speaker.
    """

    file: str
    channel: int
    start_s: float
    end_s: float
    speaker: str


def read_rttm(path: str | os.PathLike[str]) -> tuple[Turn, ...]:
    """Read the speakers' turns of an RTTM file; lines of other types are skipped.

    Raises
    ------
    DiarisationError
        The file cannot be read, has a line that is none of RTTM, which is named, or no turn.
    """
    name = os.fspath(path)
    try:
        with open(path, "rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            raise DiarisationError(f"{name} is larger than any RTTM file ({_MAX_BYTES} bytes are allowed)")
        lines = content.decode("utf-8-sig").splitlines()
    except OSError as error:
        raise DiarisationError(f"{name!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DiarisationError(f"{name} is not an RTTM file: it is not UTF-8 text") from error
    turns = tuple(_turns(lines, name))
    if not turns:
        raise DiarisationError(f"{name} has no turn of a speaker: no line that begins with {_TURN}")
    return turns


def _turns(lines: Sequence[str], name: str) -> Iterator[Turn]:
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith(_COMMENT):
            continue
        fields = line.split()
        if len(fields) != FIELDS:
            raise DiarisationError(
                f"{name}, line {number}: it has {len(fields)} fields, and a line of RTTM has {FIELDS}: "
                "type, file, channel, start, duration, orthography, subtype, name, confidence, look-ahead"
            )
        if fields[0] != _TURN:
            continue
        try:
            channel, start_s, length_s = int(fields[2]), float(fields[3]), float(fields[4])
        except ValueError:
            channel, start_s, length_s = 0, 0.0, 0.0
        if not (channel >= 1 and 0 <= start_s < _LONGEST_S and 0 <= length_s < _LONGEST_S):
            raise DiarisationError(
                f"{name}, line {number}: channel, start and duration are {' '.join(fields[2:5])}; a "
                "channel from 1 on and two numbers of seconds from 0 on are allowed"
            )
        if length_s:
            yield Turn(fields[1], channel, start_s, start_s + length_s, fields[7])


def turns_of(turns: Sequence[Turn], source: str) -> list[Turn]:
    """Return the turns of one recording: all of them, unless they are of several recordings.

    Raises
    ------
    DiarisationError
        They are of several recordings, and this is none of them.
    """
    files = sorted({turn.file for turn in turns})
    if len(files) < 2:
        return list(turns)
    name = Path(source)
    found = [turn for turn in turns if turn.file in (name.stem, name.name)]
    if not found:
        shown = ", ".join(files[:5]) + (", ..." if len(files) > 5 else "")
        raise DiarisationError(f"there are turns of {shown}, but none of {name.stem}")
    return found


def join_turns(turns: Sequence[Turn], longest_s: float) -> dict[str, list[tuple[float, float]]]:
    """Return (start, end) of the turns of each speaker, in order and without overlap, long ones divided."""
    joined: dict[str, list[tuple[float, float]]] = {}
    for turn in sorted(turns, key=lambda one: one.start_s):
        own = joined.setdefault(turn.speaker, [])
        if own and turn.start_s < own[-1][1]:
            own[-1] = own[-1][0], max(own[-1][1], turn.end_s)
        else:
            own.append((turn.start_s, turn.end_s))
    return {
        speaker: [part for start, end in own for part in _divided(start, end, longest_s)]
        for speaker, own in joined.items()
    }


def _divided(start_s: float, end_s: float, longest_s: float) -> Iterator[tuple[float, float]]:
    parts = math.ceil((end_s - start_s) / longest_s)
    length_s = (end_s - start_s) / parts
    for i in range(parts):
        yield start_s + i * length_s, end_s if i == parts - 1 else start_s + (i + 1) * length_s
