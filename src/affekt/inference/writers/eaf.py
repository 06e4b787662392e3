"""EAF 3.0, the annotation format of ELAN.

Source: https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf
"""

from __future__ import annotations

import io
import mimetypes
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TextIO
from xml.etree import ElementTree as Xml

from affekt.inference.timeline import Timeline
from affekt.inference.writers.tiers import Tier, clean, make_tiers
from affekt.inference.writers.xml_document import write_document

_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation"
_EMOTION, _CONFIDENCE, _CONSTRAINT = "emotion", "confidence", "Symbolic_Association"


def write(timelines: Sequence[Timeline], stream: TextIO) -> None:
    """Write for each tier one with the emotions, and one below it with their confidence.

    The tiers are called ``emotion`` and ``confidence``, after the channel and the speaker where there are
    several. The recording is linked if it is a file, and ``stream`` writes one: content in memory, as an
    answer of the server, names no path of this machine.

    Raises
    ------
    ValueError
        There is no timeline, or they are of several recordings.
    """
    tiers = make_tiers(timelines)
    spans = [span for tier in tiers for span in tier.spans]
    root = Xml.Element(
        "ANNOTATION_DOCUMENT",
        AUTHOR="affekt",
        DATE=datetime.now(UTC).isoformat(timespec="seconds"),
        FORMAT="3.0",
        VERSION="3.0",
    )
    root.set(_SCHEMA, "http://www.mpi.nl/tools/elan/EAFv3.0.xsd")
    header = Xml.SubElement(root, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    if not isinstance(stream, io.StringIO):
        _link(header, tiers[0].timeline.source)
    answered = sum(bool(span.confidence) for span in spans)
    Xml.SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId").text = str(len(spans) + answered)
    order = Xml.SubElement(root, "TIME_ORDER")
    # A time that two tiers have is two slots: moving one in ELAN leaves the other.
    times = {
        (time, tier.name) for tier in tiers for one in tier.spans for time in (one.start_ms, one.end_ms)
    }
    slots = {time: f"ts{number}" for number, time in enumerate(sorted(times), start=1)}
    for (time, _), slot in slots.items():
        Xml.SubElement(order, "TIME_SLOT", TIME_SLOT_ID=slot, TIME_VALUE=str(time))
    numbers = count(1)
    for tier in tiers:
        _add_tiers(root, tier, slots, numbers)
    plain = {"GRAPHIC_REFERENCES": "false"}
    Xml.SubElement(root, "LINGUISTIC_TYPE", plain, LINGUISTIC_TYPE_ID=_EMOTION, TIME_ALIGNABLE="true")
    Xml.SubElement(
        root,
        "LINGUISTIC_TYPE",
        plain,
        LINGUISTIC_TYPE_ID=_CONFIDENCE,
        TIME_ALIGNABLE="false",
        CONSTRAINTS=_CONSTRAINT,
    )
    Xml.SubElement(
        root, "CONSTRAINT", STEREOTYPE=_CONSTRAINT, DESCRIPTION="1-1 association with a parent annotation"
    )
    write_document(root, stream)


def _link(header: Xml.Element, source: str) -> None:
    try:
        path = Path(source).resolve(strict=True)
    except (OSError, ValueError):
        return  # bytes, standard input, a member of an archive, ...
    kind = mimetypes.guess_type(path.name)[0] or "audio/x-wav"
    Xml.SubElement(
        header,
        "MEDIA_DESCRIPTOR",
        MEDIA_URL=path.as_uri(),
        MIME_TYPE=kind,
        RELATIVE_MEDIA_URL=f"./{path.as_uri().rpartition('/')[2]}",
    )


def _add_tiers(
    root: Xml.Element, tier: Tier, slots: Mapping[tuple[int, str], str], numbers: Iterator[int]
) -> None:
    """Add the tier of the emotions, and the one of their confidence."""
    above = f"{tier.name} {_EMOTION}".strip()
    emotions = Xml.SubElement(root, "TIER", TIER_ID=above, LINGUISTIC_TYPE_REF=_EMOTION)
    below = Xml.SubElement(
        root,
        "TIER",
        TIER_ID=f"{tier.name} {_CONFIDENCE}".strip(),
        LINGUISTIC_TYPE_REF=_CONFIDENCE,
        PARENT_REF=above,
    )
    if tier.spans and (speaker := clean(tier.spans[0].utterance.speaker)):
        emotions.set("PARTICIPANT", speaker)
        below.set("PARTICIPANT", speaker)
    for span in tier.spans:
        name = f"a{next(numbers)}"
        annotation = Xml.SubElement(
            Xml.SubElement(emotions, "ANNOTATION"),
            "ALIGNABLE_ANNOTATION",
            ANNOTATION_ID=name,
            TIME_SLOT_REF1=slots[span.start_ms, tier.name],
            TIME_SLOT_REF2=slots[span.end_ms, tier.name],
        )
        Xml.SubElement(annotation, "ANNOTATION_VALUE").text = span.emotion
        if span.confidence:
            annotation = Xml.SubElement(
                Xml.SubElement(below, "ANNOTATION"),
                "REF_ANNOTATION",
                ANNOTATION_ID=f"a{next(numbers)}",
                ANNOTATION_REF=name,
            )
            Xml.SubElement(annotation, "ANNOTATION_VALUE").text = span.confidence
