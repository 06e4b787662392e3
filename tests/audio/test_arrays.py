"""Arrays of every type and orientation are converted; what is not audio is refused."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
from numpy.typing import ArrayLike

from affekt.audio.loading import AudioSource, load_audio
from affekt.errors import AudioContentError, AudioFormatError

Array = np.ndarray

RATE = 16_000
TONE = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE)


def test_an_array_of_floats_is_not_changed() -> None:
    waveform = load_audio((TONE, RATE))
    np.testing.assert_allclose(waveform.samples, TONE, atol=1e-7)
    assert waveform.samples.dtype == np.float32
    assert (waveform.sample_rate, waveform.notes) == (RATE, ())


def test_a_list_and_a_numpy_rate_are_an_array_too() -> None:
    assert load_audio((TONE.tolist(), cast(int, np.int32(RATE)))).duration_s == 1


@pytest.mark.parametrize(
    "frames",
    [TONE[:, None], np.stack([TONE, TONE], axis=1), np.stack([TONE, TONE]), TONE[None]],
    ids=["(n,1)", "(n,2)", "(2,n)", "(1,n)"],
)
def test_channels_may_be_rows_or_columns(frames: Array) -> None:
    np.testing.assert_allclose(load_audio((frames, RATE)).samples, TONE, atol=1e-7)


@pytest.mark.parametrize(
    ("dtype", "full_scale", "middle"),
    [("int8", 2**7, 0), ("int16", 2**15, 0), ("int32", 2**31, 0), ("uint8", 2**7, 2**7)],
)
def test_integers_are_scaled_by_the_range_of_their_type(dtype: str, full_scale: int, middle: int) -> None:
    integers = np.round(TONE * full_scale + middle).astype(dtype)
    np.testing.assert_allclose(load_audio((integers, RATE)).samples, TONE, atol=1 / full_scale)


@pytest.mark.parametrize("dtype", ["int16", "int32", "uint8"])
def test_the_lowest_integer_is_minus_one(dtype: str) -> None:
    info = np.iinfo(dtype)
    square = np.tile(np.array([info.min, info.max], dtype), RATE // 2)
    waveform = load_audio((square, RATE))
    assert waveform.samples.min() + waveform.offset == -1


def test_the_array_of_the_caller_is_not_changed() -> None:
    mine = TONE.astype(np.float32)
    load_audio((mine, RATE)).samples[:] = 0
    np.testing.assert_array_equal(mine, TONE.astype(np.float32))


def test_channels_are_averaged() -> None:
    waveform = load_audio((np.stack([TONE, 0 * TONE]), RATE))
    np.testing.assert_allclose(waveform.samples, TONE / 2, atol=1e-7)


@pytest.mark.parametrize("shape", [(0,), (0, 2), (2, 0)])
def test_an_empty_array_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(AudioContentError, match="has no samples"):
        load_audio((np.zeros(shape), RATE))


def test_floats_of_integer_size_are_refused_with_advice() -> None:
    with pytest.raises(AudioFormatError, match="Divide them by 32768"):
        load_audio((np.round(TONE * 32_768), RATE))


def test_rate_and_waveform_swapped_are_refused_with_advice() -> None:
    with pytest.raises(AudioFormatError, match="swap the two"):
        load_audio(cast(AudioSource, (RATE, TONE)))


@pytest.mark.parametrize("rate", [0, -RATE, 999, 768_001, 16_000.0, "16000", None, True])
def test_a_bad_rate_is_refused(rate: int) -> None:
    with pytest.raises(
        AudioFormatError, match=r"sample rate .* is not a whole number of Hz from 1000 to 768000"
    ):
        load_audio((TONE, rate))


@pytest.mark.parametrize(
    "array",
    [0.5, TONE.reshape(2, 2, -1), TONE > 0, TONE + 0j, np.array(["a"] * RATE), [[0.1, 0.2], [0.3]]],
    ids=["scalar", "3-D", "booleans", "complex", "text", "ragged"],
)
def test_an_array_of_a_wrong_shape_or_type_is_refused(array: ArrayLike) -> None:
    with pytest.raises(AudioFormatError, match="is not audio"):
        load_audio((array, RATE))


def test_too_many_channels_are_refused() -> None:
    with pytest.raises(AudioFormatError, match=r"\(100, 160\) has too many channels"):
        load_audio((TONE.reshape(100, 160), RATE))


@pytest.mark.parametrize("source", [(TONE,), (TONE, RATE, "mono")], ids=["one", "three"])
def test_a_tuple_that_is_not_a_pair_is_refused(source: AudioSource) -> None:
    with pytest.raises(AudioFormatError, match=r"is not \(waveform, sample_rate\)"):
        load_audio(source)


class Tensor:
    """What a deep-learning library does with a tensor that needs gradients."""

    def __array__(self, dtype: object = None, copy: object = None) -> Array:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy().")


def test_a_tensor_that_needs_gradients_is_refused_with_its_advice() -> None:
    with pytest.raises(
        AudioFormatError, match=r"Tensor is not audio: .* requires grad. Use tensor\.detach"
    ):
        load_audio((cast(ArrayLike, Tensor()), RATE))


def test_a_tensor_of_torch_is_read_and_one_with_gradients_refused() -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.tensor(TONE)
    np.testing.assert_allclose(load_audio((tensor, RATE)).samples, TONE, atol=1e-7)
    with pytest.raises(AudioFormatError, match="requires grad"):
        load_audio((tensor.requires_grad_(), RATE))
