"""The registry of formats: by suffix for files, by media type for servers."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.inference.writers.synthetic import ALL, SILENT, SIMPLE

from affekt.errors import UnknownNameError
from affekt.inference.writers import FORMATS, find_format, write_timelines

SEVERAL = {"JSON", "CSV", "Parquet", "RTTM", "EmotionML", "HTML"}


def test_every_format_is_found_by_its_suffix() -> None:
    for one in FORMATS.values():
        for suffix in one.suffixes:
            assert find_format(f"a.b{suffix}") is one
            assert find_format(Path(f"a{suffix.upper()}")) is one


def test_suffixes_and_media_types_belong_to_one_format() -> None:
    suffixes = [suffix.lower() for one in FORMATS.values() for suffix in one.suffixes]
    assert len(set(suffixes)) == len(suffixes)
    assert len({one.media_type for one in FORMATS.values()}) == len(FORMATS) == 11


@pytest.mark.parametrize("name", ["a.docx", "a", ".srt"])
def test_another_suffix_is_an_error_that_lists_them(name: str) -> None:
    with pytest.raises(
        UnknownNameError, match=r"format of timelines .* \.json, \.csv, .*\.TextGrid, .*\.html"
    ):
        find_format(name)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("name", ALL)
def test_a_file_of_every_format_can_be_written(kind: str, name: str, tmp_path: Path) -> None:
    place = tmp_path / f"out{FORMATS[kind].suffixes[0]}"
    write_timelines(ALL[name], place)
    assert [file.name for file in tmp_path.iterdir()] == [place.name]
    if FORMATS[kind].name in ("TextGrid", "EAF", "SRT", "WebVTT", "Audacity labels", "EmotionML", "JSON"):
        place.read_text("utf-8")  # no bytes that are no Unicode, whatever the name of the recording is


@pytest.mark.parametrize("kind", FORMATS)
def test_several_recordings_are_in_one_file_or_an_error_that_leaves_the_old_one(
    kind: str, tmp_path: Path
) -> None:
    place = tmp_path / f"out{FORMATS[kind].suffixes[0]}"
    place.write_text("the old one")
    assert FORMATS[kind].several == (kind in SEVERAL)
    if FORMATS[kind].several:
        write_timelines([SIMPLE, SILENT], place)
        assert place.read_bytes() != b"the old one"
    else:
        with pytest.raises(ValueError, match="one recording, not 2"):
            write_timelines([SIMPLE, SILENT], place)
        assert place.read_text() == "the old one"
    assert [file.name for file in tmp_path.iterdir()] == [place.name]
