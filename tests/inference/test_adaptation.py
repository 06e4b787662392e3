"""A speaker is enrolled with a few clips, and predictions are adapted to the speaker."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import Waveform, load_audio
from affekt.errors import AudioError, AudioFormatError, MissingExtraError, VoiceError
from affekt.features.feature_sets import extract, find_feature_set, stack_features
from affekt.inference import adaptation
from affekt.inference.adaptation import (
    MAX_VOICE_BYTES,
    Voice,
    adapt,
    load_voice,
    parse_voice,
    ready_voice,
)
from affekt.inference.prediction import predict, predict_many
from affekt.model.bundle import load
from affekt.model.calibration import Calibration
from affekt.model.speaker_normalisation import SpeakerStatistics, normalise_speaker, speaker_statistics
from affekt.notes import Note, NoteKind

MODEL = load()


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> list[Path]:
    folder = tmp_path_factory.mktemp("one speaker")
    return [write_voice(folder / f"{i}.wav", pitch_hz=180 + 5 * i, seed=i) for i in range(6)]


@pytest.fixture(scope="module")
def voice(clips: list[Path]) -> Voice:
    return adapt(clips)


def test_a_voice_holds_the_statistics_of_its_clips(clips: list[Path], voice: Voice) -> None:
    rows = [extract(load_audio(clip, 16000), MODEL.contract.features) for clip in clips]
    feature_set = find_feature_set(MODEL.contract.features)
    expected = speaker_statistics(
        stack_features(rows, feature_set), MODEL.contract.average_speaker, feature_set.relative_columns
    )
    assert voice.statistics == expected
    assert (voice.clips, voice.skipped) == (6, ())
    assert voice.duration_s == pytest.approx(6 * 0.6)


def test_a_clip_without_a_voice_is_not_enrolled(clips: list[Path], voice: Voice) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * 16_000)
    found = adapt([*clips, (noise, 16_000)])
    assert found.statistics == voice.statistics
    assert [reason for _, reason in found.skipped] == [
        "no voice found: this may be music, noise or silence"
    ]
    with pytest.raises(AudioError, match="no voice found"):
        adapt((noise, 16_000))


def test_a_folder_stands_for_all_clips_in_it(clips: list[Path], voice: Voice) -> None:
    assert adapt(clips[0].parent) == voice


def test_a_prediction_with_a_voice_is_that_of_normalised_features(clips: list[Path], voice: Voice) -> None:
    adapted = predict(clips[0], voice=voice)
    contract, features = MODEL.contract, extract(load_audio(clips[0], 16000), MODEL.contract.features)
    normalised = normalise_speaker(features, voice.statistics, contract.average_speaker)
    row = MODEL.run(normalised[None], enrolled=True)[0]
    expected = contract.calibration_for(enrolled=True).calibrate(row, MODEL.distance([features]))
    np.testing.assert_allclose(list(adapted.probabilities.values()), expected, atol=1e-6)
    assert adapted.probabilities != predict(clips[0]).probabilities
    assert adapted.notes[-1] == Note(NoteKind.ADAPTED, "adapted to the speaker with 6 clips")
    assert all(note.kind != NoteKind.ADAPTED for note in predict(clips[0]).notes)


def test_a_prediction_with_a_voice_has_the_calibration_for_enrolled_speakers(
    clips: list[Path], voice: Voice
) -> None:
    own = Calibration(temperature=3.0, threshold=0.16, distance_slope=0.5, reference_distance=0.2)
    model = replace(MODEL, contract=replace(MODEL.contract, enrolled_calibration=own))
    assert predict(clips[0], model) == predict(clips[0], MODEL)
    adapted, expected = predict(clips[0], model, voice=voice), predict(clips[0], voice=voice)
    features = [extract(load_audio(clips[0], 16000), MODEL.contract.features)]
    row, far = MODEL.predict_proba(features, voice.statistics), MODEL.distance(features)
    calibrated = own.calibrate(row, far)
    np.testing.assert_allclose(list(adapted.probabilities.values()), calibrated, atol=1e-6)
    assert adapted.prediction_set == tuple(
        MODEL.contract.emotions[i] for i in own.prediction_set(calibrated)
    )
    assert adapted.emotion == expected.emotion
    assert adapted.confidence != pytest.approx(expected.confidence, abs=0.01)
    assert adapted.out_of_distribution == expected.out_of_distribution


def test_many_inputs_are_predicted_with_a_voice_too(clips: list[Path], voice: Voice) -> None:
    answers = list(predict_many(clips[:2], voice=voice))
    assert [one.prediction for one in answers] == [predict(clip, voice=voice) for clip in clips[:2]]


def test_a_saved_voice_is_small_and_is_loaded_as_it_was(voice: Voice, tmp_path: Path) -> None:
    voice.save(tmp_path / "me.voice")
    assert load_voice(tmp_path / "me.voice") == voice
    assert (tmp_path / "me.voice").stat().st_size < 60_000
    assert json.loads((tmp_path / "me.voice").read_text()).keys() == {
        "format", "model", "model_name", "clips", "duration_s", "statistics", "sha256"
    }  # fmt: skip


def test_a_clip_that_cannot_be_read_is_skipped_and_named(clips: list[Path], tmp_path: Path) -> None:
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


def test_without_one_clip_that_can_be_read_there_is_no_voice(tmp_path: Path) -> None:
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
        b'{"format": 2}',
        b'{"format": 2, "sha256": "0"}',
        b'{"format": 2, "sha256": {}}',
        b"[" * 100_000,
    ],
)
def test_a_file_that_is_no_voice_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.voice"
    path.write_bytes(content)
    with pytest.raises(VoiceError, match="is not a voice file of affekt, or is damaged"):
        load_voice(path)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"model": 3}, "model is 3, not a text"),
        ({"model_name": None}, "model_name is None, not a text"),
        ({"clips": "x"}, "clips is 'x', not a whole number"),
        ({"clips": True}, "clips is True, not a whole number"),
        ({"clips": 0}, "it has no clips"),
        ({"duration_s": float("nan")}, "duration_s is nan, not a finite number"),
        ({"duration_s": 10**400}, "duration_s is 1.*, not a finite number"),
        ({"statistics": {"mean": [float("nan")], "deviation": [1]}}, "out of range"),
        ({"statistics": {"mean": "ab"}}, "mean and a deviation"),
        ({"more": 1}, "has 'more', which is unknown"),
        ({"clips": 7}, "it was changed since it was made"),
        ({"statistics": {"mean": [0], "deviation": [1]}}, "it was changed since it was made"),
    ],
)
def test_a_voice_that_is_wrong_inside_is_refused(
    change: dict[str, object], reason: str, voice: Voice
) -> None:
    content = json.dumps(voice.to_dict() | change).encode()
    with pytest.raises(VoiceError, match=rf"odd is not a voice file of affekt, or is damaged: .*{reason}"):
        parse_voice(content, "odd")


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_voice_is_refused(seed: int, voice: Voice) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(json.dumps(voice.to_dict()).encode())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(7))
    with contextlib.suppress(VoiceError):
        assert parse_voice(bytes(content), "odd") == voice  # the letter case of an exponent, a blank


def test_a_voice_of_the_first_format_must_be_made_again(voice: Voice) -> None:
    content = json.dumps(voice.to_dict() | {"format": 1}).encode()
    with pytest.raises(VoiceError, match=r"written by another version .*: make it again with affekt adapt"):
        parse_voice(content, "old")


def test_a_voice_for_another_model_says_for_which(voice: Voice) -> None:
    foreign = replace(voice, model="0" * 64, model_name="mine\x1b[2J.onnx")
    with pytest.raises(VoiceError) as caught:
        ready_voice(foreign, MODEL)
    here = MODEL.contract.sha256[:8]
    assert str(caught.value) == (
        "this voice was made for another model, 'mine\\x1b[2J.onnx' (00000000), and not for "
        f"'default.onnx' ({here}): make it again with affekt adapt"
    )


def test_a_voice_of_another_version_or_size_or_none_at_all_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "odd.voice"
    path.write_text('{"format": 99}')
    with pytest.raises(VoiceError, match="another version"):
        load_voice(path)
    path.write_bytes(b" " * (MAX_VOICE_BYTES + 1))
    with pytest.raises(VoiceError, match="larger than any voice file"):
        load_voice(path)
    with pytest.raises(VoiceError, match="No such file"):
        load_voice(tmp_path / "absent.voice")


def test_a_long_recording_counts_as_one_clip_for_each_window() -> None:
    samples, rate = soundfile.read(Path(__file__).parents[1] / "synthetic_voices" / "high-slow.flac")
    long = np.resize(samples, 18 * rate), rate
    (windows,) = (note.text for note in predict(long).notes if note.kind == NoteKind.WINDOWS)
    found = adapt(long)
    assert found.clips > 2
    assert windows.startswith(f"pooled over {found.clips} windows")
    assert found.duration_s == pytest.approx(18)


def test_a_voice_file_is_as_good_as_the_voice(clips: list[Path], voice: Voice, tmp_path: Path) -> None:
    voice.save(tmp_path / "me.voice")
    expected = predict(clips[0], voice=voice)
    assert predict(clips[0], voice=tmp_path / "me.voice") == expected
    assert predict(clips[0], voice=str(tmp_path / "me.voice")) == expected


def test_a_voice_of_another_number_of_columns_is_refused(clips: list[Path], voice: Voice) -> None:
    odd = replace(voice, statistics=SpeakerStatistics((0.0,), (1.0,)))
    with pytest.raises(VoiceError, match="another model"):
        predict(clips[0], voice=odd)


def test_adaptation_and_chosen_emotions_go_together(clips: list[Path], voice: Voice) -> None:
    full, found = (predict(clips[0], voice=voice, emotions=e) for e in (None, ["fear", "happy"]))
    total = full.probabilities["happy"] + full.probabilities["fearful"]
    assert found.probabilities["happy"] == pytest.approx(full.probabilities["happy"] / total)
    assert found.notes == full.notes


def test_a_voice_is_plain_values_for_json(voice: Voice) -> None:
    values = json.loads(json.dumps(voice.to_dict(), allow_nan=False))
    assert (values["format"], values["clips"], values["model"]) == (2, 6, MODEL.contract.sha256)
    assert SpeakerStatistics.parse(values["statistics"]) == voice.statistics


def test_a_voice_is_shown_in_one_line_and_as_a_table_in_a_notebook(voice: Voice) -> None:
    model = "default.onnx"
    assert repr(voice) == f"<Voice of 6 clips, 3.6 s, for the model {model}>"
    table = voice._repr_html_()
    for text in ("Voice", "3.6 s", model):
        assert text in table
    assert "<script" not in replace(voice, model_name="<script>")._repr_html_()
