"""A prediction says where the model was trained on the recording or on its speaker."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from tests.evaluation.synthetic import QUICK

from affekt.audio.loading import fingerprint, load_audio
from affekt.experiments.training import train
from affekt.inference.prediction import Prediction, predict, predict_many
from affekt.model.bundle import Bundle, load
from affekt.notes import NoteKind


def said(prediction: Prediction) -> list[str]:
    return [note.text for note in prediction.notes if note.kind == NoteKind.TRAINED_ON]


@pytest.fixture(scope="module")
def trained(small_ravdess: Path) -> Bundle:
    return train(small_ravdess, QUICK)[0]


def test_a_training_clip_is_recognised_under_any_name(
    trained: Bundle, small_ravdess: Path, tmp_path: Path
) -> None:
    clip = next(small_ravdess.rglob("*.wav"))
    copy = Path(shutil.copy(clip, tmp_path / "mine.wav"))
    for source in (clip, copy, copy.read_bytes(), soundfile.read(copy)):
        (text,) = said(predict(source, trained))
        assert text.startswith("the model was trained on this very recording")


def test_another_recording_has_no_such_note(
    trained: Bundle, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    assert said(predict(write_voice(tmp_path / "mine.wav", seed=4711), trained)) == []


@pytest.mark.parametrize(
    ("name", "speaker"),
    [
        ("03-01-06-01-02-01-03", "speaker 03 of ravdess"),
        ("03-01-06-01-02-01-24", ""),  # by an actor that the small corpus does not have
        ("03a01Fa", ""),  # of EMO-DB, which it was not trained on
        ("clip", ""),
    ],
)
def test_a_file_named_like_a_recording_of_a_training_speaker_has_a_note(
    name: str, speaker: str, trained: Bundle, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    """As of a copy of the corpus at another sample rate."""
    found = said(predict(write_voice(tmp_path / f"{name}.wav", seed=4712), trained))
    expected = f"by its name this is a recording of {speaker}, whom the model was trained on"
    assert [text.split(": ")[0] for text in found] == ([expected] if speaker else [])


@pytest.mark.parametrize("rate", [16_000, 24_000, 48_000])
def test_fingerprints_at_the_rate_of_a_model_are_of_samples_as_they_are_in_the_file(
    rate: int, tmp_path: Path
) -> None:
    """The fingerprints in models that were trained earlier are these, whatever ``load_audio`` changes."""
    steps = np.random.default_rng(0).normal(0.01, 0.1, rate) * 2**15
    samples = steps.astype(np.int16) / 2**15
    soundfile.write(tmp_path / "clip.wav", samples, rate, subtype="PCM_16")
    read = samples.astype(np.float32)
    resampled = read if rate == 16_000 else soxr.resample(read, rate, 16_000, quality="HQ")
    digest = hashlib.blake2b(np.asarray(resampled, np.float32).tobytes(), digest_size=16)
    digest.update(b"16000")
    assert fingerprint(load_audio(tmp_path / "clip.wav"), 16_000) == digest.hexdigest()


def test_the_bundled_model_knows_the_clips_of_ravdess(ravdess: Path) -> None:
    clips = sorted(path for path in ravdess.rglob("*") if path.is_file())[::500]
    assert clips
    for clip in clips:
        (text,) = said(predict(clip))
        assert "trained on" in text


def test_the_bundled_model_knows_the_names_of_ravdess(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    (text,) = said(predict(write_voice(tmp_path / "03-02-03-02-01-01-08.wav"), load()))
    assert "speaker 08 of ravdess" in text


def test_the_name_of_a_training_clip_is_noted_among_many_too(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    """The name of the source comes through archives and audio channels."""
    clip = write_voice(tmp_path / "03-01-05-01-01-01-07.wav")
    (tmp_path / "zipped").mkdir()
    clip.replace(tmp_path / "zipped" / clip.name)
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path / "zipped")
    for answer in predict_many([tmp_path / "zipped", archive], audio_channel="each"):
        assert answer.prediction is not None
        (note,) = [one for one in answer.prediction.notes if one.kind == NoteKind.TRAINED_ON]
        assert "speaker 07 of ravdess" in note.text
