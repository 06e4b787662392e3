"""An encoder is built from a checkpoint into the cache folder, which only ever holds a whole one."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tests.download_server import Server
from tests.features.small_encoder import registered, small_weights, state, torch_encoder

from affekt.audio.loading import Waveform
from affekt.errors import DownloadError, EncoderError, MissingExtraError, UnknownNameError
from affekt.features.encoder import _session, encode
from affekt.features.encoder_installation import (
    add_encoder,
    build_encoder,
    download_encoder,
    list_encoders,
    optional_encoders,
)
from affekt.features.encoder_registry import ENCODERS, cache_folder, read_graph
from affekt.support.download import RemoteFile

SOUND = Waveform(np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32), 16_000)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, and a small encoder that can be added to it."""
    monkeypatch.setenv("AFFEKT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ENCODERS, "small", registered())
    _session.cache_clear()
    return tmp_path / "cache" / "encoders"


def write(path: Path, seed: int = 0) -> Path:
    torch.save({"model_state_dict": state(torch_encoder(seed))}, path)
    return path


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """The checkpoint of the small encoder."""
    return write(tmp_path / "small.pt")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_encoder_is_added_and_used(checkpoint: Path, cache: Path) -> None:
    added = add_encoder(checkpoint)
    assert added.file is not None
    assert (added.encoder.name, added.file.parent) == ("small", cache)
    assert added.size_bytes == added.file.stat().st_size > 100_000
    assert encode(SOUND, "small").shape == (25, 256)


def test_its_graph_says_what_it_was_made_from(checkpoint: Path) -> None:
    add_encoder(checkpoint, "small")
    metadata = {one.key: one.value for one in onnx.load_from_string(read_graph("small")).metadata_props}
    assert metadata["checkpoint_sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert metadata["licence"] == "none"


def test_adding_it_again_replaces_it(checkpoint: Path, tmp_path: Path, cache: Path) -> None:
    old = add_encoder(checkpoint).file
    assert old is not None
    old.write_bytes(b"damaged")
    with pytest.raises(EncoderError, match="is damaged"):
        encode(SOUND, "small")
    assert add_encoder(checkpoint).file == old
    assert len(read_graph("small")) > 100_000
    other = tmp_path / "other.pt"
    torch.save(state(torch_encoder()), other)
    new = add_encoder(other).file
    assert new is not None
    assert new != old
    assert names(cache) == [new.name]


def test_an_encoder_that_was_added_again_is_used_at_once(
    checkpoint: Path, tmp_path: Path, cache: Path
) -> None:
    add_encoder(checkpoint)
    old = encode(SOUND, "small")
    values = state(torch_encoder())
    values["encoder.conv1.bias"] = values["encoder.conv1.bias"] + 1
    torch.save(values, tmp_path / "other.pt")
    add_encoder(tmp_path / "other.pt")
    assert not np.array_equal(encode(SOUND, "small"), old)


def test_a_network_that_returns_values_that_are_too_large_is_refused(tmp_path: Path, cache: Path) -> None:
    values = state(torch_encoder())
    values["encoder.conv2.weight"] = torch.full_like(values["encoder.conv2.weight"], 3e38)
    torch.save(values, tmp_path / "huge.pt")
    with pytest.raises(EncoderError, match="values that are too large"):
        add_encoder(tmp_path / "huge.pt")
    assert not cache.exists()


def test_a_graph_that_cannot_be_written_leaves_the_old_one(
    checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = add_encoder(checkpoint).file
    assert old is not None

    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("affekt.support.writing.os.fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        add_encoder(checkpoint)
    assert names(cache) == [old.name]
    assert encode(SOUND, "small").shape == (25, 256)


@pytest.mark.parametrize("name", [None, "small"])
def test_another_network_of_the_same_shape_is_refused(
    name: str | None, tmp_path: Path, cache: Path
) -> None:
    with pytest.raises(EncoderError, match=r"another network than .*\(small\)"):
        add_encoder(write(tmp_path / "other.pt", seed=1), name)
    assert not cache.exists()


def test_another_encoder_than_the_one_that_was_named_is_refused(checkpoint: Path) -> None:
    with pytest.raises(EncoderError, match=r"another network than Whisper base"):
        add_encoder(checkpoint, "whisper-base")


@pytest.mark.parametrize("name", ["whisper-tiny", "nonsense"])
def test_only_optional_encoders_are_added_and_downloaded(name: str, checkpoint: Path) -> None:
    with pytest.raises(UnknownNameError, match=f"called '{name}'"):
        add_encoder(checkpoint, name)
    with pytest.raises(UnknownNameError, match=f"called '{name}'"):
        download_encoder(name)


def test_building_without_its_extra_says_what_to_install(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"building an encoder needs .*affekt\[train\]"):
        add_encoder(checkpoint)
    with pytest.raises(MissingExtraError):
        download_encoder("whisper-base")


def test_a_build_is_the_same_each_time_and_checked(checkpoint: Path) -> None:
    encoder = ENCODERS["small"]
    assert build_encoder(encoder, checkpoint) == build_encoder(encoder, checkpoint)
    with pytest.raises(EncoderError, match="another network than Small"):
        build_encoder(replace(encoder, probe=(1.0,)), checkpoint)


def test_all_encoders_are_listed_with_their_files(checkpoint: Path) -> None:
    add_encoder(checkpoint)
    states = {one.encoder.name: one for one in list_encoders()}
    assert list(states) == ["whisper-tiny", "whisper-base", "small"]
    assert states["whisper-base"].file is None
    assert states["whisper-base"].size_bytes == 0
    assert states["small"].to_dict()["size_bytes"] == states["small"].size_bytes > 0
    assert [one.name for one in optional_encoders()] == ["whisper-base", "small"]


# Downloads


@pytest.fixture
def offered(server: Server, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A checkpoint on the server, where the small encoder is downloaded from."""
    content = checkpoint.read_bytes()
    server.files["small.pt"] = content
    remote = RemoteFile(
        url=f"{server.address}/small.pt",
        size_bytes=len(content),
        digest=hashlib.sha256(content).hexdigest(),
        algorithm="sha256",
    )
    monkeypatch.setitem(ENCODERS, "small", replace(registered(), checkpoint=remote))
    return content


@pytest.mark.usefixtures("offered")
def test_a_download_is_built_and_its_checkpoint_removed(cache: Path) -> None:
    built = download_encoder("small", pause_s=0)
    assert built.file is not None
    assert names(cache) == [built.file.name]
    assert encode(SOUND, "small").shape == (25, 256)


def test_an_interrupted_download_is_continued_by_the_next_call(
    server: Server, offered: bytes, cache: Path
) -> None:
    server.drops = [100_000, *[0] * 10]
    with pytest.raises(DownloadError, match="stopped after 100000 of"):
        download_encoder("small", pause_s=0)
    assert names(cache) == ["small.pt.part"]
    server.drops, server.asked, server.sent = [], [], []
    download_encoder("small", pause_s=0)
    assert server.asked == ["bytes=100000-"]
    assert server.sent == [len(offered) - 100_000]


def test_a_download_with_a_wrong_checksum_is_removed(server: Server, offered: bytes, cache: Path) -> None:
    server.files["small.pt"] = offered[::-1]
    with pytest.raises(DownloadError, match="has the checksum"):
        download_encoder("small", pause_s=0)
    assert names(cache) == []


def test_a_download_of_another_size_is_cut_off(server: Server, offered: bytes, cache: Path) -> None:
    server.files["small.pt"] = offered + b"more"
    with pytest.raises(DownloadError, match=f"sends more than {len(offered)} bytes"):
        download_encoder("small", pause_s=0)
    assert (cache / "small.pt.part").stat().st_size <= len(offered)


def test_an_encoder_without_an_address_is_not_downloaded() -> None:
    with pytest.raises(DownloadError, match=r"cannot be downloaded by affekt; see https://example\.org"):
        download_encoder("small")


def test_a_cache_folder_that_cannot_be_made_is_a_download_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AFFEKT_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="cannot be created"):
        download_encoder("whisper-base")
    assert cache_folder() == tmp_path / "file" / "encoders"


def test_the_small_encoder_is_of_the_shape_that_it_states() -> None:
    assert small_weights()["conv1.bias"].shape == (registered().width,)
