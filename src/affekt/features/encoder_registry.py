"""The pretrained encoders that affekt knows, and where their graphs are.

The graph of a bundled encoder is part of the package. Others are in the user's cache folder, in files whose
names hold their checksums.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from affekt.errors import EncoderError, UnknownNameError
from affekt.support.download import RemoteFile

CACHE_VARIABLE = "AFFEKT_CACHE"
_CHECKSUM = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """A pretrained speech encoder, of which the first blocks are run.

    Attributes
    ----------
    name, title, licence, source
        ``source`` is the address of its authors.
    width
        Number of values in each row of a block's output.
    taps
        The blocks whose outputs are returned, counted from 1; those after the last are not run.
    bundled
        Whether its graph is part of the package.
    probe
        The first values of the bias at the end of the last block that is run. They tell its checkpoint from
        others of the same shape.
    checkpoint
        What ``affekt encoders download`` downloads.
    """

    name: str
    title: str
    licence: str
    source: str
    width: int
    taps: tuple[int, ...]
    probe: tuple[float, ...]
    bundled: bool = False
    checkpoint: RemoteFile | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The name of each output value: ``block2_0``, ..."""
        return tuple(f"block{tap}_{i}" for tap in self.taps for i in range(self.width))


def _openai(name: str, digest: str, size_bytes: int) -> RemoteFile:
    """Return a checkpoint of OpenAI, as ``whisper/__init__.py`` lists them."""
    url = f"https://openaipublic.azureedge.net/main/whisper/models/{digest}/{name}.pt"
    return RemoteFile(url=url, size_bytes=size_bytes, digest=digest, algorithm="sha256")


_LICENCE, _SOURCE = "MIT (OpenAI)", "https://github.com/openai/whisper"
ENCODERS: dict[str, Encoder] = {
    encoder.name: encoder
    for encoder in (
        Encoder(
            name="whisper-tiny",
            title="Whisper tiny.en, blocks 1 to 3",
            licence=_LICENCE,
            source=_SOURCE,
            width=384,
            taps=(2, 3),
            probe=(0.032166, -0.048676, -0.816406, -0.184814),
            bundled=True,
        ),
        Encoder(
            name="whisper-base",
            title="Whisper base (multilingual), blocks 1 to 4",
            licence=_LICENCE,
            source=_SOURCE,
            width=512,
            taps=(2, 3, 4),
            probe=(-0.206543, 0.188965, 0.014587, 0.023636),
            checkpoint=_openai(
                "base", "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e", 145_262_807
            ),
        ),
    )
}


def find_encoder(name: str) -> Encoder:
    """Return the encoder of that name; ``UnknownNameError`` where there is none."""
    if name not in ENCODERS:
        raise UnknownNameError("encoder", name, ENCODERS)
    return ENCODERS[name]


def cache_folder() -> Path:
    """Return the folder for encoders: below ``$AFFEKT_CACHE``, or the user's folder for caches."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given) / "encoders"
    home = Path.home()
    if sys.platform == "win32":
        usual = Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    elif sys.platform == "darwin":
        usual = home / "Library" / "Caches"
    else:
        usual = Path(os.environ.get("XDG_CACHE_HOME", ""))
        usual = usual if usual.is_absolute() else home / ".cache"
    return usual / "affekt" / "encoders"


def cached_name(encoder: Encoder, graph: bytes) -> str:
    """Return the name of the file that a graph is cached in; it holds the graph's checksum."""
    return f"{encoder.name}.{hashlib.sha256(graph).hexdigest()}.onnx"


def cached_files(encoder: Encoder) -> Iterator[Path]:
    """Yield the cached graphs of an encoder; there are several only while one replaces another."""
    for path in sorted(cache_folder().glob(f"{encoder.name}.*.onnx")):
        if _CHECKSUM.fullmatch(path.name.split(".")[-2]):
            yield path


def graph_file(encoder: Encoder) -> Path | None:
    """Return the file of an encoder's graph; None where it is not on this machine."""
    if encoder.bundled:
        return Path(__file__).with_name(f"{encoder.name}.onnx")
    return next(cached_files(encoder), None)


def check_encoder(name: str) -> Path:
    """Return the file of an encoder's graph.

    Raises
    ------
    EncoderError
        It is not on this machine; the message says how to get it.
    UnknownNameError
        There is no such encoder.
    """
    encoder = find_encoder(name)
    path = graph_file(encoder)
    if path is None:
        raise EncoderError(f"the encoder {name} is not on this machine: {_how_to_get(encoder)}")
    return path


def read_graph(name: str) -> bytes:
    """Read an encoder's graph; what ``check_encoder`` raises, and ``EncoderError`` if it is damaged."""
    encoder, path = find_encoder(name), check_encoder(name)
    try:
        graph = path.read_bytes()
    except OSError as error:
        raise EncoderError(f"{path} cannot be read: {error}") from error
    if not encoder.bundled and path.name != cached_name(encoder, graph):
        raise EncoderError(f"{path} is damaged, its checksum is wrong: {_how_to_get(encoder)}")
    return graph


def _how_to_get(encoder: Encoder) -> str:
    return f"run 'affekt encoders download {encoder.name}', or 'affekt encoders add FILE' with a checkpoint"
