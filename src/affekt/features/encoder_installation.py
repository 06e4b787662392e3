"""Encoders of the user: built from a checkpoint into the cache folder."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from affekt.audio.waveform import Waveform
from affekt.errors import DownloadError, EncoderError, UnknownNameError, require
from affekt.features.encoder import SAMPLE_RATE, encode_with
from affekt.features.encoder_registry import (
    ENCODERS,
    Encoder,
    cache_folder,
    cached_files,
    cached_name,
    find_encoder,
    graph_file,
)
from affekt.features.encoder_weights import Weights, count_blocks, read_weights
from affekt.support.download import download_file
from affekt.support.sessions import open_session
from affekt.support.writing import whole_file

_PROBE_TOLERANCE = 1e-3
_LARGEST_OUTPUT = 1e4  # outputs of Whisper's blocks are below 100


@dataclass(frozen=True, kw_only=True)
class EncoderState:
    """An encoder, and the file of its graph; None where it is not on this machine."""

    encoder: Encoder
    file: Path | None

    @property
    def size_bytes(self) -> int:
        """Size of the file; 0 without one."""
        return self.file.stat().st_size if self.file else 0

    def to_dict(self) -> dict[str, Any]:
        """Return what there is to know as plain values, ready for JSON."""
        encoder = self.encoder
        return {
            "name": encoder.name,
            "title": encoder.title,
            "licence": encoder.licence,
            "source": encoder.source,
            "width": encoder.width,
            "taps": list(encoder.taps),
            "bundled": encoder.bundled,
            "file": None if self.file is None else str(self.file),
            "size_bytes": self.size_bytes,
        }


def list_encoders() -> list[EncoderState]:
    """Return all encoders, those that are not on this machine too."""
    return [EncoderState(encoder=one, file=graph_file(one)) for one in ENCODERS.values()]


def optional_encoders() -> list[Encoder]:
    """Return the encoders that are not part of the package."""
    return [encoder for encoder in ENCODERS.values() if not encoder.bundled]


def add_encoder(file: str | os.PathLike[str], name: str | None = None) -> EncoderState:
    """Build an encoder from a checkpoint into the cache folder, in place of an older one.

    Parameters
    ----------
    file
        What ``read_weights`` reads.
    name
        The encoder that it must be; by default it is recognised.

    Raises
    ------
    EncoderError
        The checkpoint cannot be read, or is that of another network.
    UnknownNameError
        There is no such encoder, or it is part of the package.
    MissingExtraError
        Building needs ``affekt[train]``.
    OSError
        The checkpoint cannot be opened, or the graph cannot be written.
    """
    wanted = [_find_optional(name)] if name is not None else optional_encoders()
    require("building an encoder", "onnx")
    weights = read_weights(file)
    encoder = next((one for one in wanted if _fits(one, weights)), None)
    if encoder is None:
        titles = " or ".join(f"{one.title} ({one.name})" for one in wanted)
        raise EncoderError(f"{file} is the checkpoint of another network than {titles}")
    graph = _build(encoder, weights, file)
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    place = folder / cached_name(encoder, graph)
    with whole_file(place, "wb") as written:
        written.write(graph)
    for old in list(cached_files(encoder)):
        if old != place:
            old.unlink(missing_ok=True)
    return EncoderState(encoder=encoder, file=place)


def download_encoder(name: str, *, pause_s: float = 2.0, progress: bool = False) -> EncoderState:
    """Download the checkpoint of an encoder, build the encoder, and remove the checkpoint.

    A download that was interrupted is continued.

    Raises
    ------
    DownloadError
        The download fails, or the checksum is wrong.
    EncoderError, UnknownNameError, MissingExtraError, OSError
        As ``add_encoder`` raises them.
    """
    encoder = _find_optional(name)
    if encoder.checkpoint is None:
        raise DownloadError(f"{name} cannot be downloaded by affekt; see {encoder.source}")
    require("building an encoder", "onnx")
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DownloadError(f"{folder} cannot be created: {error}") from error
    file = download_file(encoder.checkpoint, folder, pause_s=pause_s, progress=progress)
    state = add_encoder(file, name)
    file.unlink()
    return state


def build_encoder(encoder: Encoder, file: str | os.PathLike[str]) -> bytes:
    """Return the graph of an encoder, built from its checkpoint; raise what ``add_encoder`` raises."""
    require("building an encoder", "onnx")
    weights = read_weights(file)
    if not _fits(encoder, weights):
        raise EncoderError(f"{file} is the checkpoint of another network than {encoder.title}")
    return _build(encoder, weights, file)


def _build(encoder: Encoder, weights: Weights, file: str | os.PathLike[str]) -> bytes:
    from affekt.features.encoder_graph import build_graph

    with open(file, "rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    metadata = {
        "name": encoder.name,
        "title": encoder.title,
        "source": encoder.source,
        "licence": encoder.licence,
        "checkpoint_sha256": digest,
    }
    with np.errstate(all="ignore"):  # weights may be as large as they like
        graph = build_graph(weights, max(encoder.taps), encoder.taps, metadata=metadata)
    _check_outputs(graph, encoder, file)
    return graph


def _check_outputs(graph: bytes, encoder: Encoder, file: str | os.PathLike[str]) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, SAMPLE_RATE).astype(np.float32)
    found = encode_with(open_session(graph), Waveform(noise, SAMPLE_RATE), encoder.width)
    if not np.abs(found).max() < _LARGEST_OUTPUT:  # nor is NaN
        raise EncoderError(f"{file} cannot be used: its network returns values that are too large")


def _fits(encoder: Encoder, weights: Weights) -> bool:
    last = max(encoder.taps)
    if len(weights["conv1.bias"]) != encoder.width or count_blocks(weights) < last:
        return False
    found = weights[f"blocks.{last - 1}.mlp.2.bias"][: len(encoder.probe)]
    return bool(np.allclose(found, encoder.probe, atol=_PROBE_TOLERANCE))


def _find_optional(name: str) -> Encoder:
    encoder = find_encoder(name)
    if encoder.bundled:
        raise UnknownNameError("optional encoder", name, [one.name for one in optional_encoders()])
    return encoder
