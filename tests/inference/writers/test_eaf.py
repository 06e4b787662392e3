"""EAF, read back by pympi."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
from tests.inference.writers.synthetic import ALL, SILENT, SIMPLE, TWO_CHANNELS, TWO_SPEAKERS, make_timeline

from affekt.inference.timeline import Timeline
from affekt.inference.writers.eaf import write

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pympi's file has escapes that Python warns of
    pympi = pytest.importorskip("pympi")


def read(folder: Path, *timelines: Timeline) -> Any:
    place = folder / "a.eaf"
    with open(place, "w", encoding="utf-8", newline="") as file:
        write(timelines, file)
    return pympi.Elan.Eaf(place)


def test_pympi_reads_what_was_written(tmp_path: Path) -> None:
    eaf = read(tmp_path, SIMPLE)
    assert set(eaf.get_tier_names()) == {"emotion", "confidence"}
    assert eaf.get_annotation_data_for_tier("emotion") == [
        (500, 2250, "happy"),
        (2250, 4000, "calm"),
        (6123, 6500, "no answer"),
        (8000, 12000, "sad"),
    ]
    below = sorted(one[:3] for one in eaf.get_ref_annotation_data_for_tier("confidence"))
    assert below == [(500, 2250, "0.83"), (2250, 4000, "0.50"), (8000, 12000, "0.30")]


def test_speakers_and_channels_are_tiers(tmp_path: Path) -> None:
    eaf = read(tmp_path, TWO_SPEAKERS)
    speaker = 'B "the boss" <&>'
    assert eaf.get_annotation_data_for_tier(f"{speaker} emotion") == [(3000, 5500, "calm")]
    assert eaf.get_parameters_for_tier(f"{speaker} emotion")["PARTICIPANT"] == speaker
    channels = read(tmp_path, *TWO_CHANNELS)
    assert channels.get_annotation_data_for_tier("left emotion") == [(1000, 2000, "happy")]
    assert channels.get_parameters_for_tier("right confidence")["PARENT_REF"] == "right emotion"


@pytest.mark.parametrize("name", ALL)
def test_the_document_has_the_structure_of_eaf_3(name: str, tmp_path: Path) -> None:
    read(tmp_path, *ALL[name])
    root = Xml.parse(tmp_path / "a.eaf").getroot()
    order = ["HEADER", "TIME_ORDER", "TIER", "LINGUISTIC_TYPE", "CONSTRAINT"]
    assert [order.index(child.tag) for child in root] == sorted(order.index(child.tag) for child in root)
    assert (root.get("FORMAT"), root.get("VERSION")) == ("3.0", "3.0")
    slots = {one.get("TIME_SLOT_ID"): int(one.get("TIME_VALUE") or -1) for one in root.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {one.get("LINGUISTIC_TYPE_ID") for one in root.iter("LINGUISTIC_TYPE")}
    tiers = {one.get("TIER_ID"): one for one in root.iter("TIER")}
    assert len(tiers) == len(list(root.iter("TIER")))
    for tier in tiers.values():
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        assert tier.get("PARENT_REF") in {None, *tiers}
    names = [one.get("ANNOTATION_ID") for one in root.iter() if one.get("ANNOTATION_ID")]
    assert len(names) == len(set(names))
    assert root.findtext("HEADER/PROPERTY") == str(len(names))
    for one in root.iter("ALIGNABLE_ANNOTATION"):
        assert slots[one.get("TIME_SLOT_REF1")] < slots[one.get("TIME_SLOT_REF2")]
    for one in root.iter("REF_ANNOTATION"):
        assert one.get("ANNOTATION_REF") in names


def test_a_recording_without_a_voice_has_empty_tiers(tmp_path: Path) -> None:
    assert read(tmp_path, SILENT).get_annotation_data_for_tier("emotion") == []


def test_a_recording_that_is_a_file_is_linked(tmp_path: Path) -> None:
    sound = tmp_path / "a b&é.wav"
    sound.touch()
    (link,) = read(tmp_path, make_timeline(source=str(sound))).get_linked_files()
    assert link["MEDIA_URL"] == sound.resolve().as_uri()
    assert link["RELATIVE_MEDIA_URL"] == "./a%20b%26%C3%A9.wav"
    assert link["MIME_TYPE"].startswith("audio/")
    assert read(tmp_path, SIMPLE).get_linked_files() == []


def test_content_in_memory_names_no_path_of_this_machine(tmp_path: Path) -> None:
    sound = tmp_path / "a.wav"
    sound.touch()
    for source in (str(sound), "..", "."):
        stream = io.StringIO()
        write([make_timeline(source=source)], stream)
        assert "MEDIA_DESCRIPTOR" not in stream.getvalue()
        assert tmp_path.as_uri() not in stream.getvalue()
