"""A few clips of one speaker make a voice, and a voice changes what the model hears."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affekt import adaptation
from affekt.adaptation import MAX_VOICE_BYTES, Voice, adapt, hear_as, load_voice, ready_voice
from affekt.alignment import describe_speaker
from affekt.audio import Waveform, load_audio
from affekt.bundle import load
from affekt.errors import AudioError, AudioFormatError, MissingExtraError, VoiceError
from affekt.features import FEATURE_SETS, extract, stack_features
from affekt.prediction import predict, predict_many

MODEL = load()
CLIPS = b'"clips": 1, "duration_s": 1.0'


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> list[Path]:
    folder = tmp_path_factory.mktemp("one voice")
    return [write_voice(folder / f"{i}.wav", pitch_hz=180 + 5 * i, seed=i) for i in range(6)]


@pytest.fixture(scope="module")
def voice(clips: list[Path]) -> Voice:
    return adapt(clips)


def test_a_voice_is_the_statistics_of_its_clips(clips: list[Path], voice: Voice) -> None:
    rows = [extract(load_audio(clip, 16000), MODEL.contract.features) for clip in clips]
    feature_set = FEATURE_SETS[MODEL.contract.features]
    expected = describe_speaker(
        stack_features(rows, feature_set), MODEL.contract.average_voice, feature_set.relative_columns
    )
    assert voice.statistics == expected
    assert (voice.clips, voice.skipped) == (6, ())
    assert voice.duration_s == pytest.approx(6 * 0.6)


def test_a_folder_is_all_clips_in_it(clips: list[Path], voice: Voice) -> None:
    assert adapt(clips[0].parent) == voice


def test_an_answer_with_a_voice_is_the_answer_to_aligned_features(clips: list[Path], voice: Voice) -> None:
    adapted = predict(clips[0], voice=voice)
    features = extract(load_audio(clips[0], 16000), MODEL.contract.features)
    row = MODEL.run(hear_as(features, voice, MODEL)[None])[0]
    expected = MODEL.contract.trust.temper(row)
    np.testing.assert_allclose(list(adapted.probabilities.values()), expected, atol=1e-6)
    assert adapted.probabilities != predict(clips[0]).probabilities
    assert adapted.notes[-1] == "used to the voice in 6 clips"


def test_many_inputs_take_a_voice_too(clips: list[Path], voice: Voice) -> None:
    answers = list(predict_many(clips[:2], voice=voice))
    assert [one.prediction for one in answers] == [predict(clip, voice=voice) for clip in clips[:2]]


def test_a_saved_voice_is_small_and_comes_back_as_it_was(voice: Voice, tmp_path: Path) -> None:
    voice.save(tmp_path / "me.voice")
    assert load_voice(tmp_path / "me.voice") == voice
    assert (tmp_path / "me.voice").stat().st_size < 30_000
    assert json.loads((tmp_path / "me.voice").read_text()).keys() == {
        "format", "model", "clips", "duration_s", "statistics"
    }  # fmt: skip


def test_a_clip_that_cannot_be_heard_is_skipped_and_named(clips: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    found = adapt([*clips, broken])
    assert found.clips == 6
    ((source, reason),) = found.skipped
    assert source == str(broken)
    assert "not audio" in reason


def test_a_clip_that_needs_a_missing_extra_is_skipped_too(
    clips: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def load_most(source: Path, sample_rate: int) -> Waveform:
        if source == clips[0]:
            raise MissingExtraError("m4a", "formats")
        return load_audio(source, sample_rate)

    monkeypatch.setattr(adaptation, "load_audio", load_most)
    found = adapt(clips)
    assert (found.clips, found.skipped[0][0]) == (5, str(clips[0]))


def test_without_one_clip_that_can_be_heard_there_is_no_voice(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    with pytest.raises(AudioFormatError, match=r"broken\.wav"):
        adapt(tmp_path / "broken.wav")
    with pytest.raises(AudioError, match="no clips"):
        adapt([])


def test_a_voice_for_another_model_is_refused(clips: list[Path], voice: Voice, tmp_path: Path) -> None:
    foreign = replace(voice, model="0" * 64)
    with pytest.raises(VoiceError, match=r"made for another model.*affekt adapt"):
        predict(clips[0], voice=foreign)
    with pytest.raises(VoiceError, match="another model"):
        predict_many(clips, voice=foreign)
    foreign.save(tmp_path / "foreign.voice")
    with pytest.raises(VoiceError, match=r"foreign\.voice was made for another model"):
        ready_voice(tmp_path / "foreign.voice", MODEL)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"format": 1}',
        b'{"format": 1, "model": 3, %s, "statistics": {"mean": [1], "deviation": [1]}}' % CLIPS,
        b'{"format": 1, "model": "m", %s, "statistics": {"mean": [NaN], "deviation": [1]}}' % CLIPS,
        b'{"format": 1, "model": "m", %s, "statistics": {"mean": "ab"}}' % CLIPS,
        b'{"format": 1, "model": "m", "clips": "x", "statistics": {"mean": [1], "deviation": [1]}}',
        b'{"format": 1, "model": "m", "skipped": [], %s, "statistics": {"mean": [1], "deviation": [1]}}'
        % CLIPS,
        b"[" * 100_000,
    ],
)
def test_what_is_no_voice_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.voice"
    path.write_bytes(content)
    with pytest.raises(VoiceError, match="is no voice of affekt, or is damaged"):
        load_voice(path)


def test_a_voice_of_another_version_or_size_or_none_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.voice"
    path.write_text('{"format": 99}')
    with pytest.raises(VoiceError, match="another version"):
        load_voice(path)
    path.write_bytes(b" " * (MAX_VOICE_BYTES + 1))
    with pytest.raises(VoiceError, match="larger than any voice"):
        load_voice(path)
    with pytest.raises(VoiceError, match="No such file"):
        load_voice(tmp_path / "absent.voice")
