"""Weights of Whisper's encoder, read from the files that they are published in.

A checkpoint of OpenAI is a zip archive with a pickle. It is read without torch, by an unpickler that can
make dictionaries and descriptions of tensors, and calls nothing else.
"""

from __future__ import annotations

import io
import json
import lzma
import math
import os
import pickle
import re
import stat
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from affekt.errors import EncoderError

Weights = dict[str, NDArray[np.float32]]
"""Weights under OpenAI's names without ``encoder.``: ``conv1.weight``, ``blocks.0.attn.key.weight``, ..."""

MEL_BANDS = 80
MAX_FILE_BYTES = 2_000_000_000  # more than the checkpoint of Whisper medium
MAX_HEADER_BYTES = 10_000_000  # of a pickle, or of the header of safetensors
MAX_TENSOR_BYTES = 100_000_000
MAX_WEIGHT_BYTES = 2_000_000_000  # of all tensors, in 32 bits
_FORMATS = "give a checkpoint of OpenAI (.pt), of Hugging Face (.safetensors) or of NumPy (.npz)"

_HUGGING_FACE = {
    "self_attn.q_proj": "attn.query",
    "self_attn.k_proj": "attn.key",
    "self_attn.v_proj": "attn.value",
    "self_attn.out_proj": "attn.out",
    "self_attn_layer_norm": "attn_ln",
    "fc1": "mlp.0",
    "fc2": "mlp.2",
    "final_layer_norm": "mlp_ln",
}
_BLOCK = re.compile(r"(?:blocks|layers)\.(\d{1,2})\.(.+)\.(weight|bias)")
_UNREADABLE = (
    ValueError, LookupError, TypeError, AttributeError, EOFError, OverflowError, MemoryError, RuntimeError,
    struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError, pickle.UnpicklingError,
)  # fmt: skip


def read_weights(path: str | os.PathLike[str]) -> Weights:
    """Read the convolutions and blocks of an encoder; no code in the file is run.

    Parameters
    ----------
    path
        A checkpoint of OpenAI (``.pt``), of Hugging Face (``.safetensors``; 16 or 32 bits) or of NumPy
        (``.npz``, with OpenAI's names). The format is recognised from the content.

    Raises
    ------
    EncoderError
        The file is none of these, too large, damaged, or calls a function; or tensors are missing or have
        the wrong shape: the message names them.
    OSError
        The file cannot be opened.

    Notes
    -----
    Positions and the normalisation after the last block are left out: the positions are computed.
    """
    if not stat.S_ISREG(Path(path).stat().st_mode):
        raise EncoderError(f"{path} is not a file: {_FORMATS}")
    with open(path, "rb") as file:
        if os.fstat(file.fileno()).st_size > MAX_FILE_BYTES:
            raise EncoderError(f"{path} has more than {MAX_FILE_BYTES} bytes: {_FORMATS}")
        try:
            found = _collect(_read_zip(file) if zipfile.is_zipfile(file) else _read_safetensors(file))
        except _UNREADABLE as error:
            reason = str(error) or type(error).__name__
            raise EncoderError(f"{path} cannot be read as a checkpoint ({reason}): {_FORMATS}") from error
    _check_shapes(found, path)
    return found


def count_blocks(weights: Weights) -> int:
    """Return the number of blocks, up to the last of which there is any tensor."""
    return max((1 + int(name.split(".")[1]) for name in weights if name.startswith("blocks.")), default=0)


def expected_shapes(width: int, blocks: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of an encoder, by name."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv1.weight": (width, MEL_BANDS, 3),
        "conv1.bias": (width,),
        "conv2.weight": (width, width, 3),
        "conv2.bias": (width,),
    }
    for i in range(blocks):
        for part in ("query", "key", "value", "out"):
            shapes[f"blocks.{i}.attn.{part}.weight"] = (width, width)
            if part != "key":
                shapes[f"blocks.{i}.attn.{part}.bias"] = (width,)
        for part in ("attn_ln", "mlp_ln"):
            shapes |= {f"blocks.{i}.{part}.{what}": (width,) for what in ("weight", "bias")}
        shapes[f"blocks.{i}.mlp.0.weight"] = (4 * width, width)
        shapes[f"blocks.{i}.mlp.0.bias"] = (4 * width,)
        shapes[f"blocks.{i}.mlp.2.weight"] = (width, 4 * width)
        shapes[f"blocks.{i}.mlp.2.bias"] = (width,)
    return shapes


def _collect(tensors: Iterable[tuple[str, NDArray[np.float32]]]) -> Weights:
    found: Weights = {}
    total = 0
    for name, values in tensors:
        total += values.nbytes
        if total > MAX_WEIGHT_BYTES:
            raise ValueError(f"its encoder has more than {MAX_WEIGHT_BYTES} bytes")
        found[name] = values
    return found


def _check_shapes(weights: Weights, path: str | os.PathLike[str]) -> None:
    width = weights["conv1.bias"].size if "conv1.bias" in weights else 0
    expected = expected_shapes(width, count_blocks(weights))
    if missing := sorted(expected.keys() - weights.keys()):
        raise EncoderError(f"{path} lacks {_named(missing)} of Whisper's encoder: {_FORMATS}")
    wrong = [
        f"{name} {weights[name].shape} instead of {shape}"
        for name, shape in expected.items()
        if weights[name].shape != shape
    ]
    if wrong:
        raise EncoderError(f"{path} has other shapes than Whisper's encoder: {_named(wrong)}")
    if broken := [name for name in expected if not np.isfinite(weights[name]).all()]:
        raise EncoderError(f"{path} has values that are not finite in {_named(broken)}")


def _named(names: list[str], shown: int = 5) -> str:
    more = f" and {len(names) - shown} more tensors" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def _own_name(name: str) -> str | None:
    """Return the name that a tensor has here, whoever named it; None where it is not used."""
    name = name.removeprefix("model.")
    if not name.startswith("encoder."):
        return None
    name = name.removeprefix("encoder.")
    if name.startswith(("conv1.", "conv2.")):
        return name
    if match := _BLOCK.fullmatch(name):
        number, part, what = match.groups()
        return f"blocks.{int(number)}.{_HUGGING_FACE.get(part, part)}.{what}"
    return None


def _read_zip(file: IO[bytes]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    with zipfile.ZipFile(file) as archive:
        pickles = [name for name in archive.namelist() if Path(name).name == "data.pkl"]
        if pickles:
            yield from _read_torch(archive, pickles[0])
            return
        for member in archive.namelist():
            if name := _own_name(member.removesuffix(".npy")):
                content = io.BytesIO(_read_member(archive, member, MAX_TENSOR_BYTES))
                values = np.lib.format.read_array(content, allow_pickle=False)
                if not np.issubdtype(values.dtype, np.floating):
                    raise ValueError(f"{name} has the type {values.dtype}, not floating-point numbers")
                yield name, values.astype(np.float32)


def _read_member(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read a member that declares no more than ``most`` bytes; zipfile reads no more than it declares."""
    if archive.getinfo(name).file_size > most:
        raise ValueError(f"{name} has more than {most} bytes")
    return archive.read(name)


# PyTorch


@dataclass(frozen=True, slots=True)
class _Storage:
    """The values of one tensor or several, in a member of the archive."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


_STORAGES = {"HalfStorage": "F16", "FloatStorage": "F32", "BFloat16Storage": "BF16"}


class _TensorUnpickler(pickle._Unpickler):
    """Unpickles dictionaries of numbers and tensors.

    It is Python's own unpickler in Python, since that in C allocates as much memory as a pickle asks for.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return what a pickle may call or refer to; there is nothing else."""
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return lambda *arguments: _Tensor(*arguments[:4])
        if module == "torch":  # storages, types, sizes: only storages are understood later
            return name
        raise pickle.UnpicklingError(f"its pickle refers to {module}.{name}, which is not run")

    def persistent_load(self, pid: Any) -> _Storage:
        """Return the storage that a pickle refers to."""
        _, kind, key, *_ = pid
        return _Storage(str(kind), str(key))


def _read_torch(archive: zipfile.ZipFile, member: str) -> Iterator[tuple[str, NDArray[np.float32]]]:
    content = _read_member(archive, member, MAX_HEADER_BYTES)
    values = _TensorUnpickler(io.BytesIO(content)).load()
    for name, tensor in values.get("model_state_dict", values).items():
        if own := _own_name(str(name)):
            if not isinstance(tensor, _Tensor):
                raise ValueError(f"{name} is no tensor of 16 or 32 bits")
            yield own, _read_tensor(archive, member.removesuffix(".pkl"), tensor)


def _read_tensor(archive: zipfile.ZipFile, folder: str, tensor: _Tensor) -> NDArray[np.float32]:
    count, expected = 1, []
    for size in reversed(_checked_shape(tensor.shape)):
        expected.append(count)
        count *= size
    if tensor.strides != tuple(reversed(expected)):
        raise ValueError(f"a tensor of shape {tensor.shape} has the strides {tensor.strides}")
    if tensor.storage.kind not in _STORAGES:
        raise ValueError(f"{tensor.storage.kind} is not one of {', '.join(_STORAGES)}")
    content = _read_member(archive, f"{folder}/{tensor.storage.key}", MAX_TENSOR_BYTES)
    dtype = _STORAGES[tensor.storage.kind]
    start = tensor.offset * _ITEM_BYTES[dtype]
    return _as_float(content[start : start + count * _ITEM_BYTES[dtype]], dtype, tensor.shape)


# Safetensors

_ITEM_BYTES = {"F16": 2, "BF16": 2, "F32": 4}


def _read_safetensors(file: IO[bytes]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Read a length, a JSON header and values.

    Source: https://github.com/huggingface/safetensors#format.
    """
    file.seek(0)
    (length,) = struct.unpack("<Q", file.read(8))
    if length > MAX_HEADER_BYTES:
        raise ValueError("it begins with neither a zip archive nor the header of safetensors")
    header = json.loads(file.read(length))
    for name, described in header.items():
        if own := _own_name(name):
            start, stop = described["data_offsets"]
            if not 0 <= start <= stop <= start + MAX_TENSOR_BYTES:
                raise ValueError(f"{name} lies at bytes {start} to {stop}")
            if described["dtype"] not in _ITEM_BYTES:
                raise ValueError(f"{name} has the type {described['dtype']}, not {', '.join(_ITEM_BYTES)}")
            file.seek(8 + length + start)
            shape = _checked_shape(described["shape"])
            yield own, _as_float(file.read(stop - start), described["dtype"], shape)


def _checked_shape(shape: Iterable[Any]) -> tuple[int, ...]:
    """Return a shape of a file; ``ValueError`` unless it is of whole numbers, whose product is computed."""
    sizes = tuple(shape)
    if not all(type(size) is int and 0 <= size <= MAX_TENSOR_BYTES for size in sizes):
        raise ValueError("a tensor has a shape that is not of whole numbers, or too large")
    return sizes


def _as_float(content: bytes, dtype: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if len(content) != math.prod(shape) * _ITEM_BYTES[dtype]:
        raise ValueError(f"a tensor of shape {shape} and type {dtype} has {len(content)} bytes")
    if dtype == "BF16":  # the upper half of 32 bits
        halves = np.frombuffer(content, "<u2").astype(np.uint32) << 16
        return halves.view(np.float32).reshape(shape)
    return np.frombuffer(content, {"F16": "<f2", "F32": "<f4"}[dtype]).astype(np.float32).reshape(shape)
