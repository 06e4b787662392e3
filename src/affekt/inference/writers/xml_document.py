"""XML documents in UTF-8."""

from __future__ import annotations

from typing import TextIO
from xml.etree import ElementTree as Xml


def write_document(root: Xml.Element, stream: TextIO) -> None:
    """Write a document with an element a line; its texts must have no characters that XML excludes."""
    Xml.indent(root)
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n')
    stream.write(Xml.tostring(root, encoding="unicode") + "\n")
