"""The front end equals Whisper's, and sound of any length is encoded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import librosa
import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from affekt.audio.loading import Waveform, load_audio
from affekt.errors import EncoderError, UnknownNameError
from affekt.features import encoder
from affekt.features.encoder import encode, sinusoids, whisper_spectra
from affekt.features.encoder_registry import ENCODERS, graph_file

Array = NDArray[np.float32]
RATE = 16_000
EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))


def example(number: int = 0) -> Array:
    return load_audio(EXAMPLES[number], RATE).samples


def by_torch(samples: Array) -> Array:
    """Compute the log-mel spectrum as Whisper does, with librosa's filters."""
    spectrum = torch.stft(
        torch.from_numpy(samples), 400, 160, window=torch.hann_window(400), return_complex=True
    )
    power = spectrum[..., :-1].abs() ** 2
    mel = torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=400, n_mels=80)) @ power
    decades = torch.clamp(mel, min=1e-10).log10()
    decades = torch.maximum(decades, decades.max() - 8.0)
    return np.asarray((decades + 4.0) / 4.0).T


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_spectra_equal_those_of_whisper(number: int) -> None:
    samples = example(number)
    np.testing.assert_allclose(whisper_spectra(samples), by_torch(samples), atol=2e-4)


@pytest.mark.parametrize("count", [320, 1600, 4801, 16_159])
def test_spectra_of_odd_lengths_equal_those_of_whisper(count: int) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, count).astype(np.float32)
    found = whisper_spectra(samples)
    assert found.shape == (count // 160, 80)
    np.testing.assert_allclose(found, by_torch(samples), atol=2e-4)


def test_spectra_of_a_very_short_sound_have_two_frames() -> None:
    assert whisper_spectra(np.ones(10, np.float32)).shape == (2, 80)


def test_digital_silence_around_a_sound_does_not_change_the_spectra_of_the_sound() -> None:
    samples = example()[: 160 * 100]
    edge = 2  # frames that reach beyond the sound, where a waveform alone is continued by reflection
    padded = whisper_spectra(np.pad(samples, 160 * 50))[50 + edge : 150 - edge]
    np.testing.assert_allclose(padded, whisper_spectra(samples)[edge:-edge], atol=1e-6)


def test_positions_equal_those_of_whisper() -> None:
    increment = np.log(10_000) / (192 - 1)
    inverse = torch.exp(-increment * torch.arange(192))
    scaled = torch.arange(1500)[:, None] * inverse[None]
    expected = torch.cat([torch.sin(scaled), torch.cos(scaled)], dim=1)
    np.testing.assert_allclose(sinusoids(1500, 384), expected.numpy(), atol=1e-4)


@pytest.mark.parametrize(
    ("seconds", "rows"), [(0.01, 1), (0.1, 5), (0.15, 7), (0.199, 9), (0.23, 11), (2.0, 100), (6.03, 301)]
)
def test_a_row_describes_20_ms(seconds: float, rows: int) -> None:
    samples = np.resize(example(), round(seconds * RATE))
    found = encode(Waveform(samples, RATE))
    assert found.shape == (rows, 768)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_sound_of_more_than_30_s_is_encoded_in_parts_of_equal_length(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spectra = whisper_spectra(np.resize(example(), 31 * RATE))
    parts = []
    for part in (spectra, spectra[:1550], spectra[1550:]):
        monkeypatch.setattr(encoder, "whisper_spectra", lambda samples, part=part: part)
        parts.append(encode(Waveform(example(), RATE)))
    assert len(parts[0]) == 1550
    np.testing.assert_array_equal(parts[0], np.concatenate(parts[1:]))


def test_sound_of_30_s_is_encoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths: list[int] = []

    class Session:
        def run(self, _: None, inputs: dict[str, Array]) -> list[Array]:
            lengths.append(len(inputs["positions"]))
            return [inputs["positions"]]

    monkeypatch.setattr(encoder, "_session", lambda *_: Session())
    for seconds in (30, 60, 61):
        encode(Waveform(np.ones(seconds * RATE, np.float32), RATE))
    assert lengths == [1500, 1500, 1500, 1017, 1017, 1016]


def test_an_odd_frame_at_the_end_is_left_out() -> None:
    samples = example()[: 160 * 81]
    found = encode(Waveform(samples, RATE))
    assert len(whisper_spectra(samples)) == 81
    assert len(found) == 40


def test_an_unknown_encoder_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'whisper-tiny'"):
        encode(Waveform(example(), RATE), "whisper-tin")


def test_an_encoder_that_is_not_here_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFEKT_CACHE", str(tmp_path))
    with pytest.raises(EncoderError, match="affekt encoders download whisper-base"):
        encode(Waveform(example(), RATE), "whisper-base")


def test_the_bundled_graph_says_where_it_is_from() -> None:
    tiny = ENCODERS["whisper-tiny"]
    file = graph_file(tiny)
    assert file is not None
    assert file.stat().st_size < 6_000_000
    metadata = {one.key: one.value for one in onnx.load(file).metadata_props}
    assert len(metadata.pop("checkpoint_sha256")) == 64
    assert metadata == {
        "name": "whisper-tiny",
        "title": tiny.title,
        "source": "https://github.com/openai/whisper",
        "licence": "MIT (OpenAI)",
    }


def test_the_library_that_runs_graphs_is_imported_when_one_is_run() -> None:
    program = "import sys, affekt.features.feature_sets; print('onnxruntime' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "False"
