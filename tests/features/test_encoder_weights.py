"""Weights are read from the three formats, and a file that is not a checkpoint is refused."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.features.small_encoder import WIDTH, small_weights, state, torch_encoder

from affekt.errors import EncoderError
from affekt.features import encoder_weights
from affekt.features.encoder_weights import Weights, read_weights

State = OrderedDict[str, torch.Tensor]
HUGGING_FACE = (
    (".blocks.", ".layers."), (".attn.query.", ".self_attn.q_proj."), (".attn.key.", ".self_attn.k_proj."),
    (".attn.value.", ".self_attn.v_proj."), (".attn.out.", ".self_attn.out_proj."),
    (".attn_ln.", ".self_attn_layer_norm."), (".mlp.0.", ".fc1."), (".mlp.2.", ".fc2."),
    (".mlp_ln.", ".final_layer_norm."), (".ln_post.", ".layer_norm."),
)  # fmt: skip
DTYPES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32"}


def tensors(dtype: torch.dtype = torch.float16) -> State:
    return OrderedDict((name, tensor.to(dtype)) for name, tensor in state(torch_encoder()).items())


def write_torch(path: Path, values: State) -> None:
    torch.save({"dims": {"n_audio_state": WIDTH}, "model_state_dict": values}, path)


def write_plain_torch(path: Path, values: State) -> None:
    torch.save(values, path)


def write_module_state(path: Path, values: State) -> None:
    """The dictionary that a module returns has an attribute of its own, which is pickled too."""
    found = torch_encoder().half().state_dict(prefix="encoder.")
    assert hasattr(found, "_metadata")
    torch.save({"model_state_dict": found}, path)


def write_safetensors(path: Path, values: State, prefix: str = "model.") -> None:
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    content = b""
    for name, tensor in values.items():
        for own, other in HUGGING_FACE:
            name = name.replace(own, other)  # noqa: PLW2901
        raw = tensor.contiguous().view(torch.uint8 if tensor.dim() == 0 else torch.int16)
        raw_bytes = raw.numpy().tobytes()
        header[prefix + name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(content), len(content) + len(raw_bytes)],
        }
        content += raw_bytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)


def write_numpy(path: Path, values: State) -> None:
    with open(path, "wb") as file:
        arrays: dict[str, Any] = {name: one.numpy() for name, one in values.items()}
        np.savez(file, n_audio_state=WIDTH, **arrays)


WRITERS: dict[str, Callable[[Path, State], None]] = {
    "OpenAI": write_torch,
    "a plain state": write_plain_torch,
    "a module's state": write_module_state,
    "Hugging Face": write_safetensors,
    "Hugging Face's encoder": lambda path, values: write_safetensors(path, values, prefix=""),
    "NumPy": write_numpy,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A name that says nothing about the format."""
    return tmp_path / "checkpoint"


def assert_equal(found: Weights, expected: Weights) -> None:
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_array_equal(found[name], values)


@pytest.mark.parametrize("format", WRITERS)
def test_every_format_is_read_under_openais_names(format: str, path: Path) -> None:
    WRITERS[format](path, tensors())
    assert_equal(read_weights(path), small_weights())


@pytest.mark.parametrize("write", [write_torch, write_safetensors])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_precisions_are_read(
    write: Callable[[Path, State], None], dtype: torch.dtype, path: Path
) -> None:
    write(path, tensors(dtype))
    expected = {name: torch.from_numpy(one).to(dtype).float() for name, one in small_weights().items()}
    assert_equal(read_weights(path), {name: one.numpy() for name, one in expected.items()})


def test_tensors_that_share_a_storage_are_read_at_their_places(path: Path) -> None:
    values = tensors()
    names = ["encoder.conv1.bias", "encoder.conv2.bias"]
    both = torch.cat([values[name] for name in names])
    values["encoder.conv1.bias"], values["encoder.conv2.bias"] = both[:WIDTH], both[WIDTH:]
    write_torch(path, values)
    assert_equal(read_weights(path), small_weights())


# Checkpoints of another kind


@pytest.mark.parametrize("format", ["OpenAI", "Hugging Face", "NumPy"])
def test_missing_tensors_are_named(format: str, path: Path) -> None:
    values = tensors()
    del values["encoder.blocks.1.attn.key.weight"], values["encoder.conv2.bias"]
    WRITERS[format](path, values)
    with pytest.raises(EncoderError, match=r"lacks blocks\.1\.attn\.key\.weight, conv2\.bias of Whisper"):
        read_weights(path)


@pytest.mark.parametrize("format", ["OpenAI", "Hugging Face", "NumPy"])
def test_misshapen_tensors_are_named(format: str, path: Path) -> None:
    values = tensors()
    values["encoder.conv1.weight"] = torch.zeros(WIDTH, 128, 3, dtype=torch.float16)
    WRITERS[format](path, values)
    with pytest.raises(EncoderError, match=r"conv1\.weight \(128, 128, 3\) instead of \(128, 80, 3\)"):
        read_weights(path)


def test_a_checkpoint_of_another_network_is_refused(path: Path) -> None:
    torch.save({"layer.weight": torch.ones(3)}, path)
    with pytest.raises(EncoderError, match=r"lacks conv1\.bias, .*give a checkpoint of OpenAI"):
        read_weights(path)


@pytest.mark.parametrize("format", ["OpenAI", "NumPy"])
def test_a_single_number_in_place_of_a_bias_is_misshapen(format: str, path: Path) -> None:
    values = tensors()
    values["encoder.conv1.bias"] = torch.tensor(0.5, dtype=torch.float16)
    WRITERS[format](path, values)
    with pytest.raises(EncoderError, match="has other shapes than Whisper's encoder"):
        read_weights(path)


def test_values_that_are_not_finite_are_refused(path: Path) -> None:
    values = tensors()
    values["encoder.conv1.bias"][3] = torch.nan
    write_torch(path, values)
    with pytest.raises(EncoderError, match=r"not finite in conv1\.bias"):
        read_weights(path)


def test_other_types_are_refused(path: Path) -> None:
    values = tensors()
    values["encoder.conv1.bias"] = values["encoder.conv1.bias"].double()
    write_torch(path, values)
    with pytest.raises(EncoderError, match="DoubleStorage is not one of HalfStorage"):
        read_weights(path)


def test_complex_numbers_are_refused(path: Path) -> None:
    with (
        zipfile.ZipFile(path.with_suffix(".npz"), "w") as archive,
        archive.open("encoder.conv1.bias.npy", "w") as member,
    ):
        np.save(member, np.ones(4, complex))
    with pytest.raises(EncoderError, match="complex128, not floating-point"):
        read_weights(path.with_suffix(".npz"))


@pytest.mark.posix
def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("/dev/zero", tmp_path / "pipe", tmp_path):
        with pytest.raises(EncoderError, match="is not a file"):
            read_weights(place)


def test_a_transposed_tensor_is_refused(path: Path) -> None:
    values = tensors()
    name = "encoder.blocks.0.attn.key.weight"
    values[name] = values[name].T
    write_torch(path, values)
    with pytest.raises(EncoderError, match="has the strides"):
        read_weights(path)


# Files that harm


class Calls:
    """Pickled as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def torch_zip(content: bytes, method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("archive/data.pkl", content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("function", "named"),
    [(os.system, "system"), (eval, "eval"), (getattr, "getattr")],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_calls_a_function_is_refused(
    function: Any, named: str, protocol: int, path: Path
) -> None:
    touched = path.with_name("touched")
    called = Calls(function, f"touch {touched}")
    path.write_bytes(torch_zip(pickle.dumps({"model_state_dict": called}, protocol)))
    with pytest.raises(EncoderError, match=rf"refers to \w+\.{named}, which is not run"):
        read_weights(path)
    assert not touched.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        b"ctorch\nload\n(S'/etc/passwd'\ntR.",
        b"ccollections\nOrderedDict\nS'clear'\nb.",
        b"\x80\x02Nr\xff\xff\xff\x7f.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
        b"(" * 100_000 + b"t" * 100_000 + b".",
        b"\x82\x01.",
        pickle.dumps([1, 2]),
        pickle.dumps({"encoder.conv1.bias": 3}),
        pickle.dumps({"model_state_dict": {"encoder.conv1.bias": OrderedDict()}}),
    ],
    ids=["empty", "garbage", "a function of torch", "a state", "a huge memo", "a huge string", "nested",
         "an extension", "a list", "a number", "a dictionary"],
)  # fmt: skip
def test_a_broken_pickle_is_refused(content: bytes, path: Path) -> None:
    path.write_bytes(torch_zip(content))
    with pytest.raises(EncoderError, match="cannot be read as a checkpoint"):
        read_weights(path)


def test_a_pickle_that_unpacks_to_too_much_is_not_unpacked(path: Path) -> None:
    path.write_bytes(torch_zip(bytes(encoder_weights.MAX_HEADER_BYTES + 1), zipfile.ZIP_DEFLATED))
    with pytest.raises(EncoderError, match="has more than 10000000 bytes"):
        read_weights(path)


@pytest.mark.parametrize("format", WRITERS)
def test_tensors_are_limited_in_size(format: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WRITERS[format](path, tensors())
    monkeypatch.setattr(encoder_weights, "MAX_WEIGHT_BYTES", 100_000)
    with pytest.raises(EncoderError, match="its encoder has more than 100000 bytes"):
        read_weights(path)
    monkeypatch.setattr(encoder_weights, "MAX_TENSOR_BYTES", 1000)
    with pytest.raises(EncoderError, match=r"more than 1000 bytes|lies at bytes"):
        read_weights(path)


def test_a_file_is_limited_in_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_torch(path, tensors())
    monkeypatch.setattr(encoder_weights, "MAX_FILE_BYTES", 1000)
    with pytest.raises(EncoderError, match="has more than 1000 bytes"):
        read_weights(path)


def header(**fields: Any) -> bytes:
    described = {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]} | fields
    text = json.dumps({"model.encoder.conv1.bias": described}).encode()
    return struct.pack("<Q", len(text)) + text + b"1234"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"<html>Please log in</html>",
        struct.pack("<Q", 2**63) + b"{}",
        struct.pack("<Q", 100_000) + b"[" * 100_000,
        struct.pack("<Q", 2) + b"[]",
        header(data_offsets=[-4, 0]),
        header(data_offsets=[0, 2**62]),
        header(data_offsets=[2, 6]),
        header(data_offsets="ab"),
        header(shape=[-2]),
        header(shape=[3]),
        header(shape=["a"]),
        header(dtype="I8"),
        header(dtype=[]),
    ],
)
def test_broken_safetensors_are_refused(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(EncoderError, match="cannot be read as a checkpoint"):
        read_weights(path)


def test_a_text_in_a_shape_is_not_repeated(path: Path) -> None:
    """The product of a text and a large number would take gigabytes."""
    path.write_bytes(header(shape=["a", 10**9]))
    with pytest.raises(EncoderError, match="not of whole numbers"):
        read_weights(path)


def test_a_text_in_the_shape_of_a_pickled_tensor_is_not_repeated(path: Path) -> None:
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n"
        b"((S'storage'\nctorch\nHalfStorage\nS'0'\nS'cpu'\nI2\ntQI0\n(I1000000000\nS'a'\nt(I1\ntI00\nNtR"
    )
    path.write_bytes(torch_zip(b"(dS'encoder.conv1.bias'\n" + tensor + b"s."))
    with pytest.raises(EncoderError, match="not of whole numbers"):
        read_weights(path)


def test_a_damaged_lzma_member_is_refused(path: Path) -> None:
    content = bytearray(torch_zip(pickle.dumps({"encoder.conv1.bias": 3}) * 100, zipfile.ZIP_LZMA))
    start = content.index(b"data.pkl") + len(b"data.pkl") + 10
    content[start : start + 20] = bytes(range(200, 220))
    path.write_bytes(content)
    with pytest.raises(EncoderError, match="cannot be read as a checkpoint"):
        read_weights(path)


@pytest.mark.parametrize("format", ["OpenAI", "NumPy", "Hugging Face"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_a_file_that_was_cut_off_is_refused(format: str, share: float, path: Path) -> None:
    WRITERS[format](path, tensors())
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(EncoderError):
        read_weights(path)


def test_an_array_of_objects_is_not_unpickled(path: Path) -> None:
    values = {"encoder.conv1.bias": np.array([Calls(os.system, "true")], object)}
    with open(path, "wb") as file:
        np.savez(file, **values)  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match="allow_pickle"):
        read_weights(path)


def test_a_missing_file_is_an_error_of_the_system(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_weights(path)
