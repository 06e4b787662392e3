"""Audio to answer, for one and for many, whatever is among them."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import affekt
from affekt.adaptation import adapt, hear_as
from affekt.audio import load_audio
from affekt.bundle import load
from affekt.errors import AudioError, AudioNotFoundError, BundleError
from affekt.features import extract
from affekt.prediction import NOVEL, Prediction, expand_folders, predict, predict_many


@pytest.fixture
def voice(tmp_path: Path, write_voice: Callable[..., Path]) -> Path:
    return write_voice(tmp_path / "voice.wav")


def test_probabilities_sum_to_one_and_the_answer_is_the_largest(voice: Path) -> None:
    heard = predict(voice)
    assert sum(heard.probabilities.values()) == pytest.approx(1)
    assert heard.confidence == max(heard.probabilities.values()) == heard.probabilities[heard.emotion]
    assert tuple(heard.probabilities) == load().contract.emotions
    assert heard.duration_s == pytest.approx(0.6, abs=0.001)


def test_the_answer_is_the_models_on_the_features_of_training(voice: Path) -> None:
    bundle = load()
    contract = bundle.contract
    features = extract(load_audio(voice, contract.sample_rate), contract.features)
    heard = hear_as(features, None, bundle)
    expected = contract.trust.temper(bundle.run(heard[None])[0])
    np.testing.assert_allclose(list(predict(voice, bundle).probabilities.values()), expected, rtol=1e-5)


def test_a_rate_that_a_model_of_raw_rates_never_heard_is_a_note(voice: Path) -> None:
    _, rate = soundfile.read(voice)
    for heard_rates, expected in (((8000, 8000, 8000), 1), ((8000, rate, rate), 0)):
        contract = replace(load().contract, sample_rate=None, recordings={"sample_rate": heard_rates})
        notes = predict(voice, replace(load(), contract=contract)).notes
        assert sum(f"at {rate} Hz, which this model never heard" in note for note in notes) == expected
    assert not any("never heard" in note for note in predict(voice).notes)


def test_path_bytes_file_and_array_are_answered_alike(voice: Path) -> None:
    samples, rate = soundfile.read(voice)
    expected = predict(voice).probabilities
    for source in (str(voice), voice.read_bytes(), io.BytesIO(voice.read_bytes()), (samples, rate)):
        assert predict(source).probabilities == pytest.approx(expected, abs=1e-5)


def test_what_was_changed_is_noted(tmp_path: Path) -> None:
    stereo = np.random.default_rng(0).standard_normal((8000, 2)) * 0.1
    soundfile.write(tmp_path / "s.wav", stereo, 24000)
    notes = " ".join(predict(tmp_path / "s.wav").notes)
    assert "mixed 2 channels" in notes
    assert "24000 to 16000" in notes


def test_a_broken_input_raises_when_asked_alone(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        predict(tmp_path / "none.wav")


def test_a_broken_model_raises_before_anything_is_heard(tmp_path: Path, voice: Path) -> None:
    with pytest.raises(BundleError):
        list(predict_many([voice], tmp_path / "none.onnx"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_are_answered_in_order_and_a_broken_one_costs_only_itself(
    tmp_path: Path, write_voice: Callable[..., Path], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.parallel.MANY", 2)
    good = [write_voice(tmp_path / f"{i}.wav", seed=i, pitch_hz=90 + 30 * i) for i in range(6)]
    (tmp_path / "bad.wav").write_text("no sound")
    sources = [*good[:3], tmp_path / "bad.wav", *good[3:]]
    answers = list(predict_many(sources, jobs=jobs))
    assert [answer.source for answer in answers] == [str(source) for source in sources]
    assert [bool(answer.error) for answer in answers] == [False, False, False, True, False, False, False]
    assert isinstance(answers[3].error, AudioError)
    for source, answer in zip(sources, answers, strict=True):
        if answer.prediction:
            assert answer.prediction == predict(source)


def test_a_folder_stands_for_its_audio_files(tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    inside = [write_voice(tmp_path / "a" / "1.wav"), write_voice(tmp_path / "b" / "2.wav")]
    (tmp_path / "notes.txt").write_text("not audio by its name")
    assert expand_folders([tmp_path]) == inside


def test_a_folder_without_audio_is_an_error_of_its_own(tmp_path: Path) -> None:
    (answer,) = predict_many([tmp_path])
    assert "is a folder" in str(answer.error)


def test_the_public_names_are_there() -> None:
    assert affekt.predict is predict
    assert set(affekt.__all__) <= set(dir(affekt))
    for name in affekt.__all__:
        assert getattr(affekt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'predicts'"):
        _ = affekt.predicts


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_training_without_its_libraries_names_the_extra(name: str) -> None:
    program = f"import sys; sys.modules['sklearn'] = None; import affekt; affekt.{name}"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert f"MissingExtraError: affekt.{name} needs an extra: pip install 'affekt[train]'" in answer.stderr


@pytest.mark.parametrize(
    ("confidence", "likely", "words"),
    [
        (0.85, "happy", "clearly happy"),
        (0.65, "happy sad", "probably happy"),
        (0.55, "happy", "probably happy"),
        (0.45, "happy angry", "leans happy, could be angry"),
        (0.45, "happy angry sad", "leans happy, could be angry or sad"),
        (0.38, "happy angry sad calm", "unsure: happy, angry, sad or calm"),
    ],
)
def test_an_answer_is_put_in_words_as_far_as_it_goes(confidence: float, likely: str, words: str) -> None:
    heard = Prediction(
        emotion="happy",
        confidence=confidence,
        probabilities={"happy": confidence},
        likely=tuple(likely.split()),
        duration_s=1.0,
    )
    assert heard.in_words == words
    assert heard.unsure == words.startswith("unsure")


def test_likely_emotions_are_those_that_the_contract_says(voice: Path) -> None:
    bundle = load()
    for threshold in (0.0, 0.1, 0.3, 1.0):
        trust = replace(bundle.contract.trust, threshold=threshold)
        heard = predict(voice, replace(bundle, contract=replace(bundle.contract, trust=trust)))
        expected = {name for name, share in heard.probabilities.items() if share >= threshold}
        assert set(heard.likely) == expected | {heard.emotion}
        assert heard.likely[0] == heard.emotion
        shares = [heard.probabilities[name] for name in heard.likely]
        assert shares == sorted(shares, reverse=True)


def test_a_long_recording_is_read_in_windows_and_pooled(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    bundle = load()
    length = int(bundle.contract.window_s * 16000)
    parts = [
        write_voice(tmp_path / f"{i}.wav", pitch_hz=hz, seconds=6) for i, hz in enumerate((110, 250, 180))
    ]
    samples = np.concatenate([soundfile.read(part)[0] for part in parts])
    heard = predict((samples, 16000), bundle)
    assert any(note.startswith("read in ") for note in heard.notes)
    starts = np.linspace(0, len(samples) - length, 6).astype(int)
    single = [
        bundle.run(
            hear_as(
                extract(load_audio((samples[at : at + length], 16000)), bundle.contract.features),
                None,
                bundle,
            )[None]
        )[0]
        for at in starts
    ]
    expected = bundle.contract.trust.temper(np.mean(single, axis=0))
    np.testing.assert_allclose(list(heard.probabilities.values()), expected, atol=2e-3)
    assert not any("windows" in note for note in predict(parts[0], bundle).notes)


def test_what_is_no_voice_is_said_to_be_none(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    chord = sum(np.sin(2 * np.pi * hz * np.arange(48000) / 16000) for hz in (220, 277, 330, 440))
    for sound in (rng.standard_normal(48000), np.cumsum(rng.standard_normal(48000)), chord):
        assert NOVEL in predict((0.1 * sound / np.abs(sound).max(), 16000)).notes


def test_a_voice_that_was_learnt_from_noise_does_not_make_noise_a_voice() -> None:
    rng = np.random.default_rng(0)
    noises = [(0.1 * rng.standard_normal(32000), 16000) for _ in range(3)]
    assert NOVEL in predict(noises[0], voice=adapt(noises[1:])).notes


def test_real_voices_are_said_to_be_voices(ravdess: Path) -> None:
    clips = sorted(ravdess.rglob("*.flac"))[::200]
    assert sum(NOVEL in predict(clip).notes for clip in clips) <= 1


def test_silence_around_a_voice_changes_little(ravdess: Path) -> None:
    for clip in sorted(ravdess.rglob("*.flac"))[::350]:
        samples, rate = soundfile.read(clip)
        silence = np.zeros(rate)
        plain, padded = (
            predict((samples, rate)),
            predict((np.concatenate([silence, samples, silence]), rate)),
        )
        moved = max(
            abs(plain.probabilities[name] - padded.probabilities[name]) for name in plain.probabilities
        )
        assert moved < max(1 - plain.confidence, 0.05)
