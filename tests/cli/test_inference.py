"""Predict, adapt, features and model: what they print, write and return."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import AUDIO_CHANNELS
from affekt.cli import inference
from affekt.features.feature_sets import FEATURE_SETS
from affekt.inference.prediction import Answer, predict, predict_many
from affekt.model.bundle import load

Run = Callable[..., tuple[int, str, str]]
EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"
EMOTIONS = load().contract.emotions


def read_csv(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


# --- predict -----------------------------------------------------------------------------------------


def test_a_prediction_is_a_row_of_a_table(run: Run) -> None:
    code, out, _ = run("predict", EXAMPLES / "low-plain.flac")
    prediction = predict(EXAMPLES / "low-plain.flac")
    assert code == 0
    assert prediction.emotion in out
    assert f"{prediction.confidence:.0%}" in out


def test_broken_files_of_a_folder_are_errors_and_all_others_are_predicted(
    run: Run, mixed_folder: Path, unusable: set[str], tmp_path: Path
) -> None:
    code, out, err = run("predict", mixed_folder, "--csv", tmp_path / "p.csv")
    assert code == 1
    assert out.count("✗ error") == len(unusable)
    assert f"wrote 26 rows to {tmp_path / 'p.csv'}" in err
    rows = read_csv(tmp_path / "p.csv")
    assert len(rows) == 26
    assert {Path(row["file"]).name for row in rows if row["error"]} == unusable
    for row in rows:
        assert bool(row["emotion"]) != bool(row["error"])


def test_the_csv_has_its_columns_and_the_numbers_of_the_model(run: Run, tmp_path: Path) -> None:
    run("predict", EXAMPLES, "--csv", tmp_path / "p.csv")
    rows = read_csv(tmp_path / "p.csv")
    assert list(rows[0]) == [
        "file", "emotion", "confidence", "prediction_set", *EMOTIONS, "duration_s", "audio_channel",
        "unsure", "out_of_distribution", "notes", "error"
    ]  # fmt: skip
    for row in rows:
        prediction = predict(row["file"])
        assert row["emotion"] == prediction.emotion
        assert row["prediction_set"] == "|".join(prediction.prediction_set)
        assert row["notes"] == "|".join(map(str, prediction.notes))
        assert [float(row[name]) for name in EMOTIONS] == pytest.approx(
            list(prediction.probabilities.values()), abs=1e-6
        )


def test_limited_emotions_are_all_that_is_predicted_and_written(run: Run, tmp_path: Path) -> None:
    wanted = ["happy", "sad"]
    code, out, _ = run("predict", EXAMPLES, "--emotions", "sadness,happy", "--csv", tmp_path / "p.csv")
    rows = read_csv(tmp_path / "p.csv")
    assert code == 0
    assert list(rows[0]) == [
        "file", "emotion", "confidence", "prediction_set", *wanted, "duration_s", "audio_channel",
        "unsure", "out_of_distribution", "notes", "error"
    ]  # fmt: skip
    for row in rows:
        assert row["emotion"] in wanted
        expected = predict(row["file"], emotions=wanted).probabilities
        assert [float(row[name]) for name in wanted] == pytest.approx(list(expected.values()), abs=1e-6)
    assert not any(emotion in out for emotion in set(EMOTIONS) - set(wanted))


def test_json_has_limited_emotions_too(run: Run) -> None:
    _, out, _ = run("predict", EXAMPLES, "--json", "--emotions", "calm,fear")
    assert [list(one["probabilities"]) for one in json.loads(out)] == [["calm", "fearful"]] * 4


def test_all_emotions_are_those_of_the_model(run: Run) -> None:
    clip = EXAMPLES / "low-plain.flac"
    limited, default = (run("predict", clip, "--json", *more)[1] for more in (["--emotions", "all"], []))
    assert json.loads(limited) == json.loads(default)


def test_an_emotion_that_the_model_does_not_know_is_named(run: Run) -> None:
    code, out, err = run("predict", EXAMPLES, "--emotions", "happy,bliss")
    assert (code, out) == (2, "")
    assert "'bliss'" in err


def test_json_is_a_list_with_an_element_for_each_input(
    run: Run, mixed_folder: Path, unusable: set[str]
) -> None:
    code, out, _ = run("predict", "--json", mixed_folder)
    answers = json.loads(out)
    assert code == 1
    assert len(answers) == 26
    good = [answer for answer in answers if "error" not in answer]
    assert list(good[0]) == [
        "source", "audio_channel", "emotion", "confidence", "probabilities", "prediction_set", "unsure",
        "out_of_distribution", "duration_s", "notes"
    ]  # fmt: skip
    assert {
        Path(a["source"]).name for a in answers if set(a) == {"source", "audio_channel", "error"}
    } == unusable


def test_each_channel_has_a_row(run: Run, tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    voices = [write_voice(tmp_path / f"{i}.wav", pitch_hz=100 + 100 * i, seed=i, seconds=2) for i in (0, 1)]
    both = tmp_path / "both.wav"
    soundfile.write(both, np.stack([soundfile.read(one)[0] for one in voices], axis=1), 16_000)
    code, out, _ = run("predict", both, "--audio-channel", "each", "--csv", tmp_path / "p.csv")
    assert code == 0
    assert "both.wav (left)" in out
    rows = read_csv(tmp_path / "p.csv")
    assert [row["audio_channel"] for row in rows] == ["left", "right"]
    assert [row["emotion"] for row in rows] == [predict(one).emotion for one in voices]
    _, out, _ = run("predict", both, "--audio-channel", "right", "--json")
    (one,) = json.loads(out)
    assert (one["audio_channel"], one["emotion"]) == ("right", rows[1]["emotion"])


def test_the_channels_of_the_command_are_those_of_python() -> None:
    (option,) = (one for one in inference.predict.params if one.name == "audio_channel")
    assert list(option.to_info_dict()["type"]["choices"]) == list(AUDIO_CHANNELS)


class Stdin:
    """Standard input with content."""

    def __init__(self, content: bytes) -> None:
        self.buffer = io.BytesIO(content)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_dash_is_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    clip = EXAMPLES / "low-plain.flac"
    monkeypatch.setattr("sys.stdin", Stdin(clip.read_bytes()))
    code, out, _ = run("predict", "-", clip, "--json", "--jobs", jobs)
    first, second = json.loads(out)
    assert (code, first.pop("source"), second.pop("source")) == (0, "standard input", str(clip))
    assert first == second


@pytest.mark.parametrize(
    ("stdin", "message"),
    [(Stdin(b""), "standard input is empty"), (Stdin(b"dear diary"), "is not audio")],
    ids=["empty", "text"],
)
def test_standard_input_that_is_no_audio_costs_one_row(
    run: Run, monkeypatch: pytest.MonkeyPatch, stdin: Stdin, message: str
) -> None:
    monkeypatch.setattr("sys.stdin", stdin)
    code, out, _ = run("predict", "-", EXAMPLES / "low-plain.flac", "--json")
    first, second = json.loads(out)
    assert code == 1
    assert message in first["error"]
    assert "emotion" in second


def test_a_program_pipes_into_predict() -> None:
    content = (EXAMPLES / "low-plain.flac").read_bytes()
    command = [sys.executable, "-m", "affekt", "predict", "-", "--json"]
    done = subprocess.run(command, input=content, capture_output=True)
    (answer,) = json.loads(done.stdout)
    assert (done.returncode, answer["emotion"]) == (0, predict(EXAMPLES / "low-plain.flac").emotion)


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash here")
def test_the_output_of_a_command_is_a_path_in_bash() -> None:
    clip = EXAMPLES / "low-plain.flac"
    line = f"{sys.executable} -m affekt predict <(cat {clip}) {clip} --json --jobs 2"
    done = subprocess.run(["bash", "-c", line], capture_output=True)
    first, second = json.loads(done.stdout)
    assert (done.returncode, first["emotion"]) == (0, second["emotion"])


def test_a_voice_is_enrolled_from_standard_input(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Stdin((EXAMPLES / "low-plain.flac").read_bytes()))
    code, out, _ = run("adapt", "-", "--out", tmp_path / "a.voice")
    assert code == 0
    assert "from 1 clip" in out


def test_json_of_one_missing_file_is_still_json(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("predict", "--json", tmp_path / "none.wav")
    assert code == 1
    assert "no file" in json.loads(out)[0]["error"]


def test_many_rows_with_a_csv_are_summed_up(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference, "SHOWN_ROWS", 3)
    for i in range(5):
        write_voice(tmp_path / "v" / f"{i}.wav", seed=i)
    (tmp_path / "v" / "bad.wav").touch()
    _, out, _ = run("predict", tmp_path / "v", "--csv", tmp_path / "p.csv")
    counts = out.splitlines()[0].split(", ")
    assert sum(int(count.split()[1]) for count in counts) == 5
    assert "0.wav" not in out
    assert "bad.wav" in out


def test_a_foreign_model_is_refused_with_the_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"hello")
    code, _, err = run("predict", EXAMPLES, "--model", tmp_path / "m.onnx")
    assert code == 1
    assert "is not a model of affekt" in err


def test_names_are_never_taken_for_markup(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    write_voice(tmp_path / "[red]x" / "[" / "a]b.wav")
    code, out, err = run(
        "predict", tmp_path / "[red]x", tmp_path / "[/].wav", "--csv", tmp_path / "[bold].csv"
    )
    assert code == 1
    assert "a]b.wav" in out
    assert "[/].wav" in out
    assert "[bold].csv" in err
    assert (tmp_path / "[bold].csv").exists()


def test_an_odd_name_costs_no_other_file(run: Run) -> None:
    code, out, _ = run("predict", "--json", "x" * 300, EXAMPLES / "low-plain.flac", "nul\0.wav")
    answers = json.loads(out)
    assert code == 1
    assert ["error" in answer for answer in answers] == [True, False, True]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A zip archive of the examples, a text that is named like audio, and a file of another kind."""
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for clip in sorted(EXAMPLES.glob("*.flac")):
            packed.write(clip, f"in/{clip.name}")
        packed.writestr("in/broken.wav", "no sound")
        packed.writestr("readme.txt", "these are examples")
    return path


def test_a_zip_archive_is_predicted_file_by_file(run: Run, archive: Path, tmp_path: Path) -> None:
    table, file = tmp_path / "p.csv", tmp_path / "p.json"
    code, out, err = run("predict", archive, "--csv", table, "--json-out", file)
    assert (code, out.count("✗ error")) == (1, 1), err
    answers, rows = json.loads(file.read_text()), read_csv(table)
    assert [answer["source"] for answer in answers] == [row["file"] for row in rows]
    assert len(answers) == 5
    for answer in answers:
        name = answer["source"].removeprefix(f"{archive}/in/")
        if name == "broken.wav":
            assert "not audio" in answer["error"]
        else:
            assert answer["probabilities"] == pytest.approx(predict(EXAMPLES / name).probabilities)


def test_features_and_voices_are_made_of_zip_archives_too(run: Run, archive: Path, tmp_path: Path) -> None:
    code, out, _ = run("features", archive, "--set", "mfcc-mean@1", "--out", tmp_path / "f.csv")
    assert (code, "wrote 5 rows" in out, "1 file failed" in out) == (1, True, True)
    code, out, err = run("adapt", archive, "--out", tmp_path / "me.voice")
    assert (code, "from 4 clips" in out, "broken.wav" in err) == (1, True, True)


def test_an_archive_of_many_files_is_predicted_in_several_processes(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    clip = write_voice(tmp_path / "v.wav", seconds=0.3).read_bytes()
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as packed:
        for number in range(70):
            packed.writestr(f"{number:02}.wav", clip)
    code, out, err = run("predict", tmp_path / "many.zip", "--jobs", 2, "--json")
    assert code == 0, err
    sources = [answer["source"] for answer in json.loads(out)]
    assert sources == [f"{tmp_path / 'many.zip'}/{number:02}.wav" for number in range(70)]


def test_a_folder_without_audio_says_what_counts_as_audio(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    code, out, _ = run("predict", tmp_path)
    assert code == 1
    assert "is a folder without audio files" in out
    assert ".wav" in out
    assert ".flac" in out


@pytest.mark.parametrize(
    ("name", "advice"),
    [("m.onnx", "--model m.onnx"), ("me.voice", "--voice me.voice"), ("c.csv", "affekt evaluate c.csv")],
)
def test_another_file_in_the_place_of_a_recording_is_told_its_place(
    run: Run, name: str, advice: str
) -> None:
    code, out, err = run("predict", EXAMPLES, name)
    assert (code, out) == (2, "")
    assert advice in " ".join(err.split())


def test_json_is_printed_and_written_at_once(run: Run, tmp_path: Path) -> None:
    code, out, err = run("predict", EXAMPLES, "--json", "--json-out", tmp_path / "p.json")
    assert code == 0
    assert (tmp_path / "p.json").read_text(encoding="utf-8") == out
    assert f"wrote 4 rows to {tmp_path / 'p.json'}" in err


def test_rows_are_printed_as_they_are_predicted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import affekt.inference.prediction as module

    def stop_after_two(*given: Any, **named: Any) -> Iterator[Answer]:
        answers = predict_many(*given, **named)
        yield next(answers)
        yield next(answers)
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "predict_many", stop_after_two)
    code, out, err = run("predict", EXAMPLES)
    assert code == 130
    assert "stopped after 2 answers, of 4 inputs" in err
    assert sum(".flac" in line for line in out.splitlines()) == 2


def test_a_hostile_emotion_is_no_markup_in_a_summary(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    import affekt.inference.prediction as module

    odd = replace(predict(EXAMPLES / "low-plain.flac"), emotion="[/x]")
    monkeypatch.setattr(module, "predict_many", lambda *_, **__: iter([Answer("[/y]", odd)] * 4))
    monkeypatch.setattr(inference, "SHOWN_ROWS", 1)
    with tempfile.TemporaryDirectory() as folder:
        code, out, _ = run("predict", EXAMPLES, "--csv", Path(folder) / "p.csv")
    assert (code, out) == (0, "[/x] 4\n")


# --- adapt -------------------------------------------------------------------------------------------


def test_a_speaker_is_enrolled_from_clips_and_predictions_are_adapted(run: Run, tmp_path: Path) -> None:
    code, out, err = run("adapt", EXAMPLES, "--out", tmp_path / "me.voice")
    assert (code, "from 4 clips" in out, "8 clips or more" in err) == (0, True, True)
    clip = EXAMPLES / "high-slow.flac"
    code, out, err = run("predict", clip, "--voice", tmp_path / "me.voice", "--json")
    assert f"adapted to the speaker of {tmp_path / 'me.voice'}" in err
    (answer,) = json.loads(out)
    assert code == 0
    assert answer["probabilities"] == pytest.approx(
        predict(clip, voice=tmp_path / "me.voice").probabilities
    )
    assert answer["probabilities"] != pytest.approx(predict(clip).probabilities)


def test_a_clip_that_cannot_be_read_is_named_and_the_voice_is_made_of_the_others(
    run: Run, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    code, out, err = run("adapt", EXAMPLES, broken, "--out", tmp_path / "me.voice")
    assert (code, "from 4 clips" in out, "broken.wav" in err) == (1, True, True)
    assert (tmp_path / "me.voice").exists()
    code, _, err = run("adapt", broken, "--out", tmp_path / "none.voice")
    assert (code, "not audio" in err, (tmp_path / "none.voice").exists()) == (1, True, False)


def test_a_damaged_voice_is_refused_before_anything_is_predicted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.voice").write_text("{}")
    code, out, err = run("predict", EXAMPLES, "--voice", tmp_path / "odd.voice")
    assert (code, out) == (1, "")
    assert "odd.voice" in err


# --- features ----------------------------------------------------------------------------------------


def test_features_are_listed_and_written(
    run: Run, mixed_folder: Path, unusable: set[str], tmp_path: Path
) -> None:
    assert "spectral-120@1" in run("features")[1]
    table = tmp_path / "f.csv"
    code, out, err = run("features", mixed_folder, "--set", "mfcc-stats@1", "--out", table)
    rows = read_csv(table)
    assert code == 1
    assert len(rows) == 26
    assert {Path(row["file"]).name for row in rows if row["error"]} == unusable
    assert f"wrote 26 rows to {table}, {len(unusable)} files failed" in out
    assert all(name in err for name in unusable)


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.wav", "--set", "voice@1"],
        ["a.wav", "--set", "voice@9", "--out", "f.csv"],
        ["a.wav", "--set", "log-mel@1", "--out", "f.csv"],
        ["--set", "voice@1", "--out", "f.csv"],
        ["a.wav"],
        ["a.wav", "--json"],
        ["a.wav", "--set", "voice@1", "--out", "f.csv", "--json"],
    ],
)
def test_features_asked_for_wrongly_exit_with_2(run: Run, arguments: list[str]) -> None:
    assert run("features", *arguments)[0] == 2


def test_a_clip_without_a_feature_set_is_an_error_that_names_the_sets(run: Run) -> None:
    code, out, err = run("features", EXAMPLES / "low-plain.flac")
    assert (code, out) == (2, "")
    assert "give --set NAME" in err
    for name in FEATURE_SETS:
        assert name in err


# --- model -------------------------------------------------------------------------------------------


def test_the_bundled_model_is_shown(run: Run) -> None:
    code, out, _ = run("model")
    assert code == 0
    assert "CC BY-NC-SA 4.0" in out
    assert "by-actor-5" in out


def test_a_model_card_is_written_where_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    code, _, err = run("model", "--card", tmp_path / "card.md")
    assert code == 0
    assert f"wrote {tmp_path / 'card.md'}" in err
    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlibrary_name:")
    assert "\n# Model card: default.onnx\n" in card
