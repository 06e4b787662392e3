"""The command line as people use it: what it prints, writes and returns."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt import cli
from affekt.bundle import load
from affekt.degradations import DEGRADATIONS
from affekt.prediction import predict

Run = Callable[..., tuple[int, str, str]]
EXAMPLES = Path(cli.__file__).parent / "examples"
EMOTIONS = load().contract.emotions


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in this process: (exit code, stdout, stderr)."""

    def run_command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["affekt", *map(str, arguments)])
        monkeypatch.setattr(cli, "stdout", cli.Console(width=200))
        monkeypatch.setattr(cli, "stderr", cli.Console(stderr=True, width=200))
        with pytest.raises(SystemExit) as stop:
            cli.main()
        printed = capsys.readouterr()
        return int(stop.value.code or 0), printed.out, printed.err

    return run_command


@pytest.fixture
def mixed_folder(tmp_path: Path, write_voice: Callable[..., Path]) -> Path:
    """Twenty good clips and six bad ones."""
    folder = tmp_path / "mixed"
    for i in range(20):
        write_voice(folder / f"good{i:02}.wav", seed=i)
    whole = (folder / "good00.wav").read_bytes()
    samples = soundfile.read(folder / "good00.wav")[0]
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is not sound")
    (folder / "truncated.wav").write_bytes(whole[:2000])
    soundfile.write(folder / "aiff.wav", samples, 16000, format="AIFF")
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(folder / "short.wav", samples[:800], 16000)
    return folder


BAD = {"empty.wav", "text.wav", "truncated.wav", "silent.wav", "short.wav"}


def read_csv(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as rows:
        return list(csv.DictReader(rows))


def test_a_file_is_answered_in_a_table(run: Run) -> None:
    code, out, _ = run("predict", EXAMPLES / "low-plain.flac")
    heard = predict(EXAMPLES / "low-plain.flac")
    assert code == 0
    assert heard.emotion in out
    assert f"{heard.confidence:.0%}" in out


def test_a_folder_with_broken_files_answers_all_others(
    run: Run, mixed_folder: Path, tmp_path: Path
) -> None:
    code, out, _ = run("predict", mixed_folder, "--csv", tmp_path / "p.csv")
    assert code == 1
    assert out.count("✗ error") == len(BAD)
    rows = read_csv(tmp_path / "p.csv")
    assert len(rows) == 26
    assert {Path(row["file"]).name for row in rows if row["error"]} == BAD
    for row in rows:
        assert bool(row["emotion"]) != bool(row["error"])


def test_the_csv_has_its_columns_and_the_models_numbers(run: Run, tmp_path: Path) -> None:
    run("predict", EXAMPLES, "--csv", tmp_path / "p.csv")
    rows = read_csv(tmp_path / "p.csv")
    assert list(rows[0]) == [
        "file", "emotion", "confidence", "likely", *EMOTIONS, "duration_s", "notes", "error"
    ]  # fmt: skip
    for row in rows:
        heard = predict(row["file"])
        assert row["emotion"] == heard.emotion
        assert row["likely"] == "|".join(heard.likely)
        assert row["notes"] == "|".join(heard.notes)
        assert [float(row[name]) for name in EMOTIONS] == pytest.approx(
            list(heard.probabilities.values()), abs=1e-6
        )


def test_json_is_a_list_with_an_element_for_each_input(run: Run, mixed_folder: Path) -> None:
    code, out, _ = run("predict", "--json", mixed_folder)
    answers = json.loads(out)
    assert code == 1
    assert len(answers) == 26
    good = [answer for answer in answers if "error" not in answer]
    assert list(good[0]) == [
        "source", "emotion", "confidence", "probabilities", "likely", "duration_s", "notes"
    ]  # fmt: skip
    assert {Path(a["source"]).name for a in answers if set(a) == {"source", "error"}} == BAD


def test_json_of_one_missing_file_is_still_json(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("predict", "--json", tmp_path / "none.wav")
    assert code == 1
    assert "no file" in json.loads(out)[0]["error"]


def test_many_rows_with_a_csv_are_summed_up(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "SHOWN_ROWS", 3)
    for i in range(5):
        write_voice(tmp_path / "v" / f"{i}.wav", seed=i)
    (tmp_path / "v" / "bad.wav").touch()
    _, out, _ = run("predict", tmp_path / "v", "--csv", tmp_path / "p.csv")
    assert "0.wav" not in out
    assert "bad.wav" in out


def interrupt_when(condition: Callable[[], bool], process: subprocess.Popen[str]) -> tuple[str, str]:
    for _ in range(600):
        if condition():
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=30)


def test_ctrl_c_leaves_a_csv_of_whole_rows(tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    clip = write_voice(tmp_path / "v.wav")
    table, part = tmp_path / "p.csv", tmp_path / "p.csv.part"
    command = [sys.executable, "-m", "affekt", "predict", *[str(clip)] * 20000, "--csv", str(table)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, err = interrupt_when(lambda: part.exists() and part.stat().st_size > 5000, process)
    assert process.returncode == 130
    assert "stopped" in err
    assert "Traceback" not in err
    rows = read_csv(table)
    assert 0 < len(rows) < 20000
    assert all(row["emotion"] and row["error"] == "" for row in rows)
    assert not part.exists()


def test_ctrl_c_leaves_json_that_can_be_read(tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    clip = write_voice(tmp_path / "v.wav")
    command = [sys.executable, "-m", "affekt", "predict", "--json", *[str(clip)] * 20000]
    with open(tmp_path / "out.json", "w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.PIPE, text=True)
        interrupt_when(lambda: (tmp_path / "out.json").stat().st_size > 5000, process)
    assert process.returncode == 130
    assert 0 < len(json.loads((tmp_path / "out.json").read_text())) < 20000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "p.csv.part").symlink_to("/dev/full")
    command = [sys.executable, "-m", "affekt", "predict", str(EXAMPLES), "--csv", str(tmp_path / "p.csv")]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 1
    assert "No space left" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict"],
        ["predict", "a.wav", "--model", "none.onnx"],
        ["predict", "a.wav", "--jobs", "0"],
        ["nonsense"],
        ["evaluate", "x", "--recipe", "svm", "--model", __file__],
        ["corpora", "download", "nonsense", "--to", "x"],
        ["evaluate", "CORPUS", "--recipe", "nonsense"],
        ["train", "CORPUS", "--protocol", "nonsense"],
        ["compare"],
        ["compare", "none.json", "neither.json"],
        ["explore", "CORPUS"],
        ["explore", "CORPUS", "--report", "x.html", "--set", "voice@9"],
        ["explore", "CORPUS", "--report", "x.html", "--set", "log-mel@1"],
    ],
)
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str], small_ravdess: Path) -> None:
    code, _, err = run(*[small_ravdess if word == "CORPUS" else word for word in arguments])
    assert code == 2
    assert err


def test_a_corpus_that_is_not_there_exits_with_1_and_a_line(run: Run, tmp_path: Path) -> None:
    code, _, err = run("evaluate", tmp_path / "none", "--recipe", "svm")
    assert code == 1
    assert "error: there is no corpus" in err


def test_a_foreign_model_is_refused_with_the_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"hello")
    code, _, err = run("predict", EXAMPLES, "--model", tmp_path / "m.onnx")
    assert code == 1
    assert "not an ONNX file" in err


def test_train_writes_a_model_that_predict_uses(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    code, out, _ = run("train", small_ravdess, "--emotions", "anger,happy", "--out", file)
    assert code == 0
    assert "by-actor-5" in out
    assert f"affekt predict --model {file}" in out
    assert run("predict", "--json", "--model", file, EXAMPLES)[0] == 0
    code, out, _ = run("model", file)
    assert "happy" in out
    assert "svm, seed 0" in out


def test_evaluate_prints_the_terms_and_writes_json(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    code, out, _ = run("evaluate", small_ravdess, "--recipe", "svm", "--json", tmp_path / "e.json")
    written = json.loads((tmp_path / "e.json").read_text())
    assert code == 0
    for words in ("by-actor-5", "120 clips of 10 speakers", "chance 33.3%", "worst speaker", "95 %"):
        assert words in out
    assert f"{written['uar']:.1%}" in out
    assert np.sum(written["confusion_matrix"]) == written["n"] == 120


def test_evaluate_marks_a_leaky_score(run: Run, small_ravdess: Path) -> None:
    _, out, _ = run("evaluate", small_ravdess, "--recipe", "svm", "--protocol", "random-80-20")
    assert "LEAKY" in out
    assert "no score on unseen voices" in out


def test_evaluate_prints_only_json_for_a_dash(run: Run, small_ravdess: Path) -> None:
    _, out, _ = run("evaluate", small_ravdess, "--recipe", "svm", "--json", "-")
    assert json.loads(out)["recipe"] == "svm"


def test_the_bundled_model_is_not_scored_on_its_own_voices(run: Run, small_ravdess: Path) -> None:
    code, _, err = run("evaluate", small_ravdess)
    assert code == 1
    assert "--recipe affekt-net" in err


def test_corpora_are_listed_and_checked(run: Run, small_ravdess: Path) -> None:
    assert "CC BY-NC-SA 4.0" in run("corpora")[1]
    code, out, _ = run("corpora", "check", small_ravdess)
    assert code == 1
    assert "missing: 1320" in out
    assert "03-01-08-01-01-01-01" in out
    assert "no clip of song" in out


def test_recipes_and_the_model_are_shown(run: Run) -> None:
    out = run("recipes")[1]
    assert "random-forest" in out
    assert "76.6%" in out
    out = run("model")[1]
    assert "CC BY-NC-SA 4.0" in out
    assert "by-actor-5" in out


@pytest.mark.parametrize(
    "command",
    [[], ["predict"], ["train"], ["evaluate"], ["compare"], ["explore"], ["corpora"], ["model"]],
)
def test_every_command_has_help(run: Run, command: list[str]) -> None:
    code, out, _ = run(*command, "--help")
    assert code == 0
    assert "Usage" in out


def test_the_version_is_the_packages(run: Run) -> None:
    import affekt

    assert affekt.__version__ in run("--version")[1]


def test_json_goes_to_stdout_even_where_a_bar_is_shown(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    """A progress bar on a terminal must not swallow what is printed to a file."""
    pty = pytest.importorskip("pty")
    clip = write_voice(tmp_path / "v.wav")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "affekt", "predict", "--json", str(clip), str(clip)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    os.close(ours)
    assert len(json.loads(done.stdout)) == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "CLIP", "--csv", "CLIP"],
        ["train", "CLIP", "--out", "CLIP"],
        ["evaluate", "CLIP", "--recipe", "svm", "--json", "CLIP"],
        ["evaluate", "CLIP", "--recipe", "svm", "--report", "CLIP"],
        ["explore", "CLIP", "--report", "CLIP"],
        ["features", "CLIP", "--set", "voice@1", "--out", "CLIP"],
    ],
)
def test_a_recording_is_never_overwritten_by_a_slip(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path], arguments: list[str]
) -> None:
    clip = write_voice(tmp_path / "v.wav")
    before = clip.read_bytes()
    code, _, err = run(*[clip if word == "CLIP" else word for word in arguments])
    assert code == 2
    assert "does not end in" in err
    assert clip.read_bytes() == before


def test_a_leaky_model_is_marked_wherever_it_is_shown(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    file = tmp_path / "m.onnx"
    _, out, _ = run("train", small_ravdess, "--protocol", "random-80-20", "--recipe", "svm", "--out", file)
    assert "LEAKY" in out
    assert "LEAKY" in run("model", file)[1]
    assert "LEAKY" in run("recipes")[1]


def test_names_are_never_taken_for_markup(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    write_voice(tmp_path / "[red]x" / "[" / "a]b.wav")
    code, out, _ = run(
        "predict", tmp_path / "[red]x", tmp_path / "[/].wav", "--csv", tmp_path / "[bold].csv"
    )
    assert code == 1
    assert "a]b.wav" in out
    assert "[/].wav" in out
    assert (tmp_path / "[bold].csv").exists()


def test_an_odd_name_costs_no_other_file(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("predict", "--json", "x" * 300, EXAMPLES / "low-plain.flac", "nul\0.wav")
    answers = json.loads(out)
    assert code == 1
    assert ["error" in answer for answer in answers] == [True, False, True]


def test_what_cannot_be_written_fails_before_anything_is_trained(
    run: Run, small_ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.dataset.listen", lambda *_, **__: pytest.fail("it listened"))
    code, _, err = run("evaluate", small_ravdess, "--recipe", "svm", "--json", tmp_path / "none" / "e.json")
    assert code == 1
    assert "no folder" in err


@pytest.mark.parametrize("more", [["--protocol", "random-80-20"], ["--seeds", "3"]])
def test_a_protocol_without_a_recipe_is_wrong_usage(run: Run, small_ravdess: Path, more: list[str]) -> None:
    assert run("evaluate", small_ravdess, *more)[0] == 2


def test_features_are_listed_and_written(run: Run, mixed_folder: Path, tmp_path: Path) -> None:
    assert "spectral-120@1" in run("features")[1]
    table = tmp_path / "f.csv"
    code, out, _ = run("features", mixed_folder, "--set", "mfcc-stats@1", "--out", table)
    rows = read_csv(table)
    assert code == 1
    assert len(rows) == 26
    assert {Path(row["file"]).name for row in rows if row["error"]} == BAD
    assert f"26 of 26 files are in {table}, {len(BAD)} of them failed" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.wav", "--set", "voice@1"],
        ["a.wav", "--set", "voice@9", "--out", "f.csv"],
        ["a.wav", "--set", "log-mel@1", "--out", "f.csv"],
        ["--set", "voice@1", "--out", "f.csv"],
    ],
)
def test_features_asked_for_wrongly_exit_with_2(run: Run, arguments: list[str]) -> None:
    assert run("features", *arguments)[0] == 2


# --- pages and comparisons ---------------------------------------------------------------------------


@pytest.fixture
def _hardly_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only some pictures of each page, as drawing them takes most of the time."""
    from affekt import figures

    for name in set(figures.__all__) - {"feature_batches", "headlines", "counts", "separation"}:
        monkeypatch.setattr(figures, name, lambda *_, **__: None)


@pytest.mark.usefixtures("_hardly_drawn")
def test_explore_writes_a_page_and_prints_what_is_wrong_with_the_corpus(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    for seed, place in enumerate(("angry/a", "angry/b", "happy/c")):
        write_voice(tmp_path / "mine" / f"{place}.wav", seed=seed)
    (tmp_path / "mine" / "happy" / "broken.wav").write_text("this is not sound")
    page = tmp_path / "x.html"
    code, out, err = run("explore", tmp_path / "mine", "--report", page, "--set", "mfcc-mean@1")
    assert code == 0
    assert "unusable: 1" in out
    assert "broken.wav" in out
    assert f"wrote {page}" in err
    html = page.read_text(encoding="utf-8")
    assert "<b>3</b><span>clips that can be used" in html
    assert "mfcc-mean@1" in html
    assert "cannot be used:" in html


@pytest.mark.usefixtures("_hardly_drawn")
def test_evaluate_writes_a_page_with_both_kinds_of_score(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    page, file = tmp_path / "x.html", tmp_path / "e.json"
    code, out, err = run("evaluate", small_ravdess, "--recipe", "svm", "--report", page, "--json", file)
    written = json.loads(file.read_text())
    html = page.read_text(encoding="utf-8")
    assert code == 0
    assert f"wrote {file}\nwrote {page}" in err
    assert f"{100 * written['accuracy']:.1f}\N{NO-BREAK SPACE}%" in html
    assert "by-actor-5, 120 clips" in html
    assert "random-80-20 LEAKY, 24 clips" in html
    assert f"{written['accuracy']:.1%}" in out
    assert len(written["importances"]) == 80
    assert all(one["permuted"] is not None for one in written["importances"].values())


@pytest.mark.usefixtures("_hardly_drawn")
def test_the_page_of_a_finished_model_has_one_score(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    for seed, emotion in enumerate(("angry", "happy", "sad")):
        write_voice(tmp_path / "mine" / emotion / "a.wav", seed=seed)
    code, _, _ = run("evaluate", tmp_path / "mine", "--report", tmp_path / "x.html")
    html = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert code == 0
    assert "unseen-corpus (nobody knows whether it was trained on these speakers)" in html
    assert "LEAKY" not in html


@pytest.mark.parametrize(
    "arguments",
    [
        ["evaluate", "CORPUS", "--recipe", "svm", "--report"],
        ["evaluate", "CORPUS", "--report"],
        ["explore", "CORPUS", "--report"],
    ],
)
@pytest.mark.parametrize(("name", "expected"), [("x.htm", 2), ("x", 2), ("none/x.html", 1)])
def test_a_page_that_cannot_be_written_is_refused_before_anything_is_computed(
    run: Run,
    small_ravdess: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    name: str,
    expected: int,
) -> None:
    for place in ("dataset.listen", "scoring.read_corpus", "exploration.read_corpus"):
        monkeypatch.setattr(f"affekt.{place}", lambda *_, **__: pytest.fail("it read the corpus"))
    words = [small_ravdess if word == "CORPUS" else word for word in arguments]
    code, _, err = run(*words, tmp_path / name)
    assert code == expected
    assert ("no folder" if expected == 1 else "does not end in .html") in err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def scores(small_ravdess: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What ``affekt evaluate --json`` wrote, by name."""
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from affekt.recipe import Recipe
    from affekt.scoring import evaluate

    builds = {
        "bayes": lambda seed: GaussianNB(),
        "dull": lambda seed: make_pipeline(FunctionTransformer(lambda X: X[:, 7:8]), GaussianNB()),
    }
    folder = tmp_path_factory.mktemp("scores")
    for name, build in builds.items():
        for protocol in ("by-actor-5", "random-80-20"):
            recipe = Recipe(name=name, summary="-", source="-", features="mfcc-mean@1", build=build)
            scored = evaluate(small_ravdess, recipe=recipe, protocol=protocol)
            (folder / f"{name}-{protocol}.json").write_text(json.dumps(scored.to_json()))
    return {file.stem: file for file in folder.iterdir()}


def test_compare_says_which_is_better_and_whether_it_really_is(run: Run, scores: dict[str, Path]) -> None:
    from affekt.comparison import compare

    files = scores["dull-by-actor-5"], scores["bayes-by-actor-5"]
    code, out, _ = run("compare", *files)
    expected = compare(files)
    assert code == 0
    assert "by-actor-5" in out
    assert "120 clips of 10 speakers, chance 33.3%" in out
    assert out.index("bayes") < out.index("dull")
    for headlines in expected.scores.values():
        assert f"{headlines['accuracy'].value:.1%}" in out
    for one in expected.differences:
        assert (one.better, one.worse, one.real) == ("bayes", "dull", True)
        assert one.low < one.value < one.high
        bounds = f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"
        assert re.search(
            re.escape(f"{100 * one.value:+.1f}") + r"\s+" + re.escape(bounds) + r"\s+leaves out 0", out
        )
    assert "LEAKY" not in out


def test_compare_marks_leaky_scores(run: Run, scores: dict[str, Path]) -> None:
    _, out, _ = run("compare", scores["bayes-random-80-20"], scores["dull-random-80-20"])
    assert "LEAKY" in out


def test_compare_calls_nothing_real_that_may_be_chance(
    run: Run, scores: dict[str, Path], tmp_path: Path
) -> None:
    code, out, _ = run("compare", scores["bayes-by-actor-5"], scores["bayes-by-actor-5"])
    assert code == 0
    assert "bayes-by-actor-5 (1) > bayes-by-actor-5 (2)" in out
    assert out.count("may be chance") == 2
    of_one = []
    for name in ("bayes", "dull"):
        figures = json.loads(scores[f"{name}-by-actor-5"].read_text())
        figures["by_speaker"] = dict([*figures["by_speaker"].items()][:1])
        of_one.append(tmp_path / f"{name}.json")
        of_one[-1].write_text(json.dumps(figures))
    code, out, _ = run("compare", *of_one)
    assert code == 0
    assert "nan" not in out
    assert out.count("may be chance") == 2


def test_what_cannot_be_compared_is_refused_with_the_reason(
    run: Run, scores: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "words.json").write_text("dear diary")
    first = scores["bayes-by-actor-5"]
    for others, reason in (
        ([], "two evaluations or more"),
        ([scores["bayes-random-80-20"]], "their protocol differ"),
        ([tmp_path / "words.json"], "holds no evaluation"),
        ([EXAMPLES / "low-plain.flac"], "holds no evaluation"),
    ):
        code, _, err = run("compare", first, *others)
        assert code == 1
        assert reason in err
        assert "Traceback" not in err


def test_a_voice_is_learned_from_clips_and_used(run: Run, tmp_path: Path) -> None:
    code, out, err = run("adapt", EXAMPLES, "--out", tmp_path / "me.voice")
    assert (code, "from 4 clips" in out, "8 clips or more say much more" in err) == (0, True, True)
    clip = EXAMPLES / "high-slow.flac"
    code, out, _ = run("predict", clip, "--voice", tmp_path / "me.voice", "--json")
    (answer,) = json.loads(out)
    assert code == 0
    assert answer["probabilities"] == pytest.approx(
        predict(clip, voice=tmp_path / "me.voice").probabilities
    )
    assert answer["probabilities"] != pytest.approx(predict(clip).probabilities)


def test_a_clip_that_cannot_be_heard_is_named_and_the_voice_is_made_of_the_others(
    run: Run, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    code, out, err = run("adapt", EXAMPLES, broken, "--out", tmp_path / "me.voice")
    assert (code, "from 4 clips" in out, "broken.wav" in err) == (1, True, True)
    assert (tmp_path / "me.voice").exists()
    code, _, err = run("adapt", broken, "--out", tmp_path / "none.voice")
    assert (code, "not audio" in err, (tmp_path / "none.voice").exists()) == (1, True, False)


def test_a_damaged_voice_is_refused_before_anything_is_heard(run: Run, tmp_path: Path) -> None:
    (tmp_path / "odd.voice").write_text("{}")
    code, out, err = run("predict", EXAMPLES, "--voice", tmp_path / "odd.voice")
    assert (code, out) == (1, "")
    assert "is no voice of affekt" in err


def test_enrolment_prints_a_row_for_each_number_of_clips(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    code, out, _ = run("enrolment", small_ravdess, "--recipe", "svm", "--json", tmp_path / "curve.json")
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert (code, list(curve)) == (0, ["0", "1", "2", "4", "8"])
    for count, score in curve.items():
        assert re.search(rf"^ *{count} +{100 * score['accuracy']:.1f}%", out, re.MULTILINE)


def test_robustness_prints_a_row_for_each_thing_that_is_done_to_clips(
    run: Run, small_ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.robustness.DEGRADATIONS", {"20 dB quieter": DEGRADATIONS["20 dB quieter"]})
    code, out, err = run("robustness", small_ravdess, "--recipe", "svm", "--json", tmp_path / "r.json")
    scores = json.loads((tmp_path / "r.json").read_text())
    assert (code, list(scores)) == (0, ["as recorded", "20 dB quieter"]), err
    for name, score in scores.items():
        assert re.search(rf"^ *{name} +{100 * score['accuracy']:.1f}%", out, re.MULTILINE)


def test_one_channel_alone_is_scored_where_it_is_asked_for(run: Run, small_ravdess: Path) -> None:
    code, out, _ = run("evaluate", small_ravdess, "--recipe", "svm", "--test-channel", "speech")
    assert code == 0
    assert "by-actor-5, speech alone scored" in out
    code, _, err = run("evaluate", small_ravdess, "--recipe", "svm", "--test-channel", "song")
    assert code == 1
    assert "no clips of the channel 'song'" in err


def test_a_score_says_how_far_confidence_can_be_trusted(run: Run, small_ravdess: Path) -> None:
    _, out, _ = run("evaluate", small_ravdess, "--recipe", "svm")
    assert re.search(r"expected calibration error \d", out)
    assert re.search(r"likely emotions: 1\.\d on average, with the truth among them in \d", out)


def test_a_model_card_is_written_where_it_is_asked_for(run: Run, tmp_path: Path) -> None:
    code, _, err = run("model", "--card", tmp_path / "card.md")
    assert code == 0
    assert "wrote" in err
    assert (tmp_path / "card.md").read_text(encoding="utf-8").startswith("# Model card: default.onnx")
    code, _, err = run("model", "--card", tmp_path / "card.txt")
    assert code == 2
