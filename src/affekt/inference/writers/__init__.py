"""Formats that timelines are written in, found by the suffix of a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affekt.errors import UnknownNameError
from affekt.inference.timeline import Timeline
from affekt.inference.writers.audacity import write as write_audacity
from affekt.inference.writers.csv import write as write_csv
from affekt.inference.writers.eaf import write as write_eaf
from affekt.inference.writers.emotionml import write as write_emotionml
from affekt.inference.writers.html import write as write_html
from affekt.inference.writers.json import write as write_json
from affekt.inference.writers.parquet import check as check_parquet
from affekt.inference.writers.parquet import write as write_parquet
from affekt.inference.writers.rttm import write as write_rttm
from affekt.inference.writers.srt import write as write_srt
from affekt.inference.writers.textgrid import write as write_textgrid
from affekt.inference.writers.webvtt import write as write_webvtt
from affekt.support.writing import PathLike, whole_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A file format for timelines.

    Attributes
    ----------
    name : str
        What it is called.
    suffixes : tuple of str
        Of its files, the usual one first; capitals do not count.
    media_type : str
        As in the header ``Content-Type``; no two formats have the same.
    several : bool
        Whether a file can hold timelines of several recordings. Every format can hold several channels of
        one.
    binary : bool
        Whether ``write`` takes a stream of bytes. Others take a stream of text, which is stored in UTF-8.
    write : function
        ``write(timelines, stream)``.
    check : function
        Raises ``MissingExtraError`` if a library that it needs is not installed.
    """

    name: str
    suffixes: tuple[str, ...]
    media_type: str
    several: bool
    write: Callable[[Sequence[Timeline], Any], None]
    binary: bool = False
    check: Callable[[], None] = lambda: None


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format(
            name="JSON",
            suffixes=(".json",),
            media_type="application/json",
            several=True,
            write=write_json,
        ),
        Format(name="CSV", suffixes=(".csv",), media_type="text/csv", several=True, write=write_csv),
        Format(
            name="Parquet",
            suffixes=(".parquet",),
            media_type="application/vnd.apache.parquet",
            several=True,
            write=write_parquet,
            binary=True,
            check=check_parquet,
        ),
        Format(
            name="TextGrid",
            suffixes=(".TextGrid",),
            media_type="text/praat-textgrid",
            several=False,
            write=write_textgrid,
        ),
        Format(
            name="EAF",
            suffixes=(".eaf",),
            media_type="text/x-eaf+xml",
            several=False,
            write=write_eaf,
        ),
        Format(
            name="Audacity labels",
            suffixes=(".txt",),
            media_type="text/plain",
            several=False,
            write=write_audacity,
        ),
        Format(name="RTTM", suffixes=(".rttm",), media_type="text/x-rttm", several=True, write=write_rttm),
        Format(
            name="SRT",
            suffixes=(".srt",),
            media_type="application/x-subrip",
            several=False,
            write=write_srt,
        ),
        Format(name="WebVTT", suffixes=(".vtt",), media_type="text/vtt", several=False, write=write_webvtt),
        Format(
            name="EmotionML",
            suffixes=(".emotionml",),
            media_type="application/emotionml+xml",
            several=True,
            write=write_emotionml,
        ),
        Format(
            name="HTML",
            suffixes=(".html", ".htm"),
            media_type="text/html",
            several=True,
            write=write_html,
        ),
    )
}
SUFFIXES = {suffix.lower(): one for one in FORMATS.values() for suffix in one.suffixes}


def find_format(path: PathLike) -> Format:
    """Return the format that a file of this name is written in.

    Raises
    ------
    UnknownNameError
        The name ends in no suffix of a format; the message lists them.
    MissingExtraError
        The format needs a library that is not installed.
    """
    path = Path(path)
    found = SUFFIXES.get(path.suffix.lower())
    if found is None:
        known = [suffix for one in FORMATS.values() for suffix in one.suffixes]
        raise UnknownNameError("format of timelines", path.suffix or path.name, known)
    found.check()
    return found


def write_timelines(timelines: Sequence[Timeline], path: PathLike) -> None:
    """Write timelines in the format of the file's suffix; an older file is replaced by a whole new one.

    Raises
    ------
    UnknownNameError, MissingExtraError
        As for ``find_format``.
    ValueError
        The timelines are of several recordings, which the format cannot hold.
    OSError
        The file cannot be written.
    """
    kind = find_format(path)
    with whole_file(path, "wb" if kind.binary else "w") as file:
        kind.write(timelines, file)


def encode_timelines(timelines: Sequence[Timeline], kind: Format) -> bytes:
    """Return the content of a file of this format.

    Raises
    ------
    ValueError
        As for ``write_timelines``.
    """
    if kind.binary:
        binary = io.BytesIO()
        kind.write(timelines, binary)
        return binary.getvalue()
    text = io.StringIO(newline="")
    kind.write(timelines, text)
    return text.getvalue().encode("utf-8", "replace")
