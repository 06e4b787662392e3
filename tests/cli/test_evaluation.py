"""Evaluate, enrolment, robustness and compare: what they print, write and return."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from affekt.audio.degradations import DEGRADATIONS
from affekt.model.bundle import load

Run = Callable[..., tuple[int, str, str]]
EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"


@pytest.fixture(scope="module")
def foreign_corpus(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Path:
    """A corpus in the names of EMO-DB: two speakers, six clips each, happy high and angry loud."""
    root = tmp_path_factory.mktemp("foreign")
    for number in range(12):
        happy, speaker, text = number % 2, ("03", "08")[number // 6], (1, 2, 4)[number % 6 // 2]
        write_voice(
            root / f"{speaker}a0{text}{'WF'[happy]}a.wav",
            pitch_hz=120 + 60 * happy,
            loudness=0.12 - 0.04 * happy,
            seed=number,
        )
    return root


# --- evaluate ----------------------------------------------------------------------------------------


def test_evaluate_prints_the_terms_and_writes_json(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    files = ("--json-out", tmp_path / "e.json", "--latex", tmp_path / "e.tex")
    code, out, err = run("evaluate", small_ravdess, "--recipe", "svm", *files)
    written = json.loads((tmp_path / "e.json").read_text())
    assert code == 0
    assert f"wrote {tmp_path / 'e.json'}" in err
    assert f"{100 * written['uar']:.1f} (" in (tmp_path / "e.tex").read_text(encoding="utf-8")
    for words in ("by-actor-5", "120 clips of 10 speakers", "chance 33.3%", "worst speaker", "95 %"):
        assert words in out
    assert f"{written['uar']:.1%}" in out
    assert np.sum(written["confusion_matrix"]) == written["n"] == 120


def test_evaluate_marks_a_leaky_score(run: Run, small_ravdess: Path) -> None:
    _, out, _ = run("evaluate", small_ravdess, "--recipe", "svm", "--protocol", "random-80-20")
    assert "LEAKY" in out


@pytest.mark.parametrize("command", ["evaluate", "enrolment"])
def test_only_json_is_printed_where_it_is_asked_for(run: Run, small_ravdess: Path, command: str) -> None:
    code, out, _ = run(command, small_ravdess, "--recipe", "svm", "--json")
    scores = json.loads(out)
    assert code == 0
    assert (scores if command == "evaluate" else scores["0"])["recipe"] == "svm"


def test_the_bundled_model_is_not_scored_on_its_own_speakers(run: Run, small_ravdess: Path) -> None:
    code, _, err = run("evaluate", small_ravdess)
    assert code == 1
    assert f"--recipe {load().contract.recipe}" in err


def test_a_corpus_that_is_not_there_is_an_error_of_one_line(run: Run, tmp_path: Path) -> None:
    code, _, err = run("evaluate", tmp_path / "none", "--recipe", "svm")
    assert code == 1
    assert "error: there is no corpus" in err


def test_one_vocal_channel_alone_is_scored_where_it_is_asked_for(run: Run, small_ravdess: Path) -> None:
    code, out, _ = run("evaluate", small_ravdess, "--recipe", "svm", "--test-vocal-channel", "speech")
    assert code == 0
    assert "speech alone scored" in out
    code, _, err = run("evaluate", small_ravdess, "--recipe", "svm", "--test-channel", "song")
    assert code == 1
    assert "no clips of the vocal channel 'song'" in err


def test_a_recipe_is_trained_on_one_corpus_and_tested_on_another(
    run: Run, small_ravdess: Path, foreign_corpus: Path, tmp_path: Path
) -> None:
    for name, words in (("1", [small_ravdess]), ("2", ["--train-on", small_ravdess])):
        file = tmp_path / f"{name}.json"
        code, out, err = run(
            "evaluate", *words, "--test-on", foreign_corpus, "--recipe", "voice-svm", "--json-out", file
        )
        assert code == 0, err
        assert "trained on ravdess" in out
    one, other = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("1", "2"))
    assert f"--test-on {foreign_corpus.name}" in one["provenance"].pop("command")
    assert "--train-on" in other["provenance"].pop("command")
    assert one == other
    assert (one["n"], one["corpus"]) == (12, "emodb")


def test_a_finished_model_is_scored_on_another_corpus(run: Run, foreign_corpus: Path) -> None:
    code, out, err = run("evaluate", foreign_corpus, "--json", "--emotions", "happy,angry")
    scores = json.loads(out)
    assert code == 0, err
    assert (scores["recipe"], scores["n"]) == (load().contract.recipe, 12)
    assert scores["emotions"] == ["happy", "angry"]


def test_finished_folds_are_kept_where_it_is_asked_for(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    def evaluate() -> str:
        words = ("--recipe", "svm", "--checkpoints", tmp_path / "kept", "--json")
        code, out, err = run("evaluate", small_ravdess, *words)
        assert code == 0, err
        return out

    first = evaluate()
    kept = {file.name: file.stat().st_mtime_ns for file in (tmp_path / "kept").iterdir()}
    assert len(kept) == 5
    assert evaluate() == first
    assert {file.name: file.stat().st_mtime_ns for file in (tmp_path / "kept").iterdir()} == kept


@pytest.mark.usefixtures("few_figures")
def test_the_report_of_a_recipe_has_both_kinds_of_score(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    page, file = tmp_path / "x.html", tmp_path / "e.json"
    code, out, err = run("evaluate", small_ravdess, "--recipe", "svm", "--report", page, "--json-out", file)
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


@pytest.mark.usefixtures("few_figures")
def test_the_report_of_a_finished_model_has_one_score(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    for seed, emotion in enumerate(("angry", "happy", "sad")):
        write_voice(tmp_path / "mine" / emotion / "a.wav", seed=seed)
    code, _, err = run("evaluate", tmp_path / "mine", "--report", tmp_path / "x.html")
    assert code == 0, err
    html = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert "unseen-corpus (it is unknown whether it was trained on these speakers)" in html
    assert "LEAKY" not in html


@pytest.mark.parametrize("more", [["--recipe", "svm"], []])
@pytest.mark.parametrize(("name", "expected"), [("x.htm", 2), ("x", 2), ("none/x.html", 1)])
def test_a_report_that_cannot_be_written_is_refused_before_anything_is_computed(
    run: Run,
    small_ravdess: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: list[str],
    name: str,
    expected: int,
) -> None:
    monkeypatch.setattr("affekt.experiments.scoring.evaluate", lambda *_, **__: pytest.fail("it ran"))
    code, _, err = run("evaluate", small_ravdess, *more, "--report", tmp_path / name)
    assert code == expected
    assert ("no folder" if expected == 1 else "does not end in .html") in err
    assert list(tmp_path.iterdir()) == []


def test_the_score_is_shown_and_written_where_reports_cannot_be(
    run: Run, foreign_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise OSError("no space")

    monkeypatch.setattr("affekt.reports.html.write_report", fail)
    monkeypatch.setattr("affekt.reports.latex.evaluation_table", fail)
    names = {"--report": "e.html", "--latex": "e.tex", "--json-out": "e.json"}
    files = [word for option, name in names.items() for word in (option, tmp_path / name)]
    code, out, err = run("evaluate", foreign_corpus, *files)
    assert (code, err.count("no space")) == (1, 2)
    assert "12 clips of 2 speakers" in out
    assert json.loads((tmp_path / "e.json").read_text(encoding="utf-8"))["n"] == 12
    assert [one.name for one in tmp_path.iterdir()] == ["e.json"]


# --- enrolment and robustness ------------------------------------------------------------------------


def test_enrolment_prints_a_row_for_each_number_of_clips(
    run: Run, small_ravdess: Path, tmp_path: Path
) -> None:
    code, out, err = run(
        "enrolment", small_ravdess, "--recipe", "svm", "--json-out", tmp_path / "curve.json"
    )
    assert code == 0, err
    curve = json.loads((tmp_path / "curve.json").read_text())
    assert list(curve) == ["0", "1", "2", "4", "8"]
    for count, score in curve.items():
        assert re.search(rf"^{count} +{100 * score['accuracy']:.1f} ", out, re.MULTILINE)


def test_enrolment_of_one_emotion_scores_the_others(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    file = tmp_path / "curve.json"
    code, _, err = run(
        "enrolment", small_ravdess, "--recipe", "svm", "--enrol", "neutral", "--json-out", file
    )
    assert code == 0, err
    curve = json.loads(file.read_text())
    assert {score["n"] for score in curve.values()} == {80}


@pytest.fixture
def one_degradation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "affekt.experiments.robustness.DEGRADATIONS", {"20 dB quieter": DEGRADATIONS["20 dB quieter"]}
    )


@pytest.mark.usefixtures("one_degradation")
def test_robustness_prints_a_row_for_each_condition(run: Run, small_ravdess: Path, tmp_path: Path) -> None:
    code, out, err = run("robustness", small_ravdess, "--recipe", "svm", "--json-out", tmp_path / "r.json")
    assert code == 0, err
    scores = json.loads((tmp_path / "r.json").read_text())
    assert list(scores) == ["as recorded", "20 dB quieter"]
    for name, score in scores.items():
        assert re.search(rf"^{name} +{100 * score['accuracy']:.1f} ", out, re.MULTILINE)


@pytest.mark.usefixtures("one_degradation")
def test_robustness_is_computed_for_the_bundled_model_too(run: Run, foreign_corpus: Path) -> None:
    code, out, err = run("robustness", foreign_corpus, "--json")
    assert code == 0, err
    scores = json.loads(out)
    assert {score["recipe"] for score in scores.values()} == {load().contract.recipe}
    assert list(scores) == ["as recorded", "20 dB quieter"]


# --- compare -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scores(small_ravdess: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What ``affekt evaluate --json-out`` wrote, by name."""
    from sklearn.naive_bayes import GaussianNB
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    from affekt.estimators.recipe import Recipe
    from affekt.experiments.scoring import evaluate

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


def test_compare_prints_scores_and_the_intervals_of_differences(run: Run, scores: dict[str, Path]) -> None:
    from affekt.evaluation.comparison import compare

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
        assert (one.better, one.worse, one.significant) == ("bayes", "dull", True)
        bounds = f"{100 * one.low:+.1f} to {100 * one.high:+.1f}"
        row = re.escape(f"{100 * one.value:+.1f}") + r"\s+" + re.escape(bounds) + r"\s+does not include 0"
        assert re.search(row, out)
    assert "LEAKY" not in out


def test_a_comparison_is_json_too(run: Run, scores: dict[str, Path]) -> None:
    code, out, _ = run("compare", scores["dull-by-actor-5"], scores["bayes-by-actor-5"], "--json")
    found = json.loads(out)
    assert (code, list(found["scores"]), found["n"]) == (0, ["bayes", "dull"], 120)
    assert {one["metric"] for one in found["differences"]} == {"accuracy", "uar"}


def test_compare_marks_leaky_scores(run: Run, scores: dict[str, Path]) -> None:
    _, out, _ = run("compare", scores["bayes-random-80-20"], scores["dull-random-80-20"])
    assert "LEAKY" in out


def test_compare_marks_differences_that_may_be_chance(
    run: Run, scores: dict[str, Path], tmp_path: Path
) -> None:
    code, out, _ = run("compare", scores["bayes-by-actor-5"], scores["bayes-by-actor-5"])
    assert code == 0
    assert "bayes-by-actor-5 (1) - bayes-by-actor-5 (2)" in out
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
        ([scores["bayes-random-80-20"]], "differ, and one is leaky"),
        ([tmp_path / "words.json"], "holds no evaluation"),
        ([EXAMPLES / "low-plain.flac"], "holds no evaluation"),
    ):
        code, _, err = run("compare", first, *others)
        assert code == 1
        assert reason in err
        assert "Traceback" not in err


def test_a_comparison_without_a_report_does_not_need_matplotlib(
    run: Run, scores: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "affekt.reports.html", None)
    assert run("compare", scores["bayes-by-actor-5"], scores["dull-by-actor-5"])[0] == 0


@pytest.mark.usefixtures("few_figures")
def test_compare_writes_a_report(run: Run, scores: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "both.html"
    code, _, err = run("compare", scores["bayes-by-actor-5"], scores["dull-by-actor-5"], "--report", page)
    assert (code, f"wrote {page}" in err) == (0, True), err
    assert "bayes" in page.read_text(encoding="utf-8")


def test_a_library_that_a_report_needs_is_missed_before_the_work(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    monkeypatch.delitem(sys.modules, "affekt.reports.html", raising=False)
    code, _, err = run("evaluate", tmp_path / "nowhere", "--recipe", "svm", "--report", tmp_path / "r.html")
    assert code != 0
    assert "affekt[train]" in err
    assert "no corpus" not in err


# --- evaluate --timeline -----------------------------------------------------------------------------


def test_timelines_of_annotated_recordings_are_scored(run: Run, tmp_path: Path) -> None:
    example = Path(__file__).parents[1] / "synthetic_voices" / "low-plain.flac"
    manifest = tmp_path / "segments.csv"
    manifest.write_text(
        f"path,emotion,speaker,start,end\n{example},sad,anna,0,1\n{example},happy,anna,1,1.5\n"
    )
    code, out, err = run("evaluate", "--timeline", manifest, "--json-out", tmp_path / "s.json")
    assert code == 0, err
    values = json.loads((tmp_path / "s.json").read_text(encoding="utf-8"))
    assert ["EDER", f"{100 * values['rate']:.1f}"] == out[out.index("EDER") :].split()[:2]
    assert "2 segments" in out
    manifest.write_text("path,emotion,speaker,start,end\nnone.wav,sad,anna,0,1\n")
    code, out, _ = run("evaluate", "--timeline", manifest)
    assert (code, "recordings that cannot be read: 1" in out) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.csv", "b.csv"], "takes one file"),
        (["a.csv", "--recipe", "svm"], "not with --recipe"),
        (["a.csv", "--report", "x.html"], "not with --report"),
    ],
)
def test_timelines_are_scored_without_other_options(run: Run, arguments: list[str], words: str) -> None:
    code, _, err = run("evaluate", "--timeline", *arguments)
    assert (code, words in " ".join(err.split())) == (2, True)
