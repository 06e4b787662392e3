"""Every page of the documentation: its blocks run, its figures were measured, the site is built of it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from tests.browser import chromium
from tests.documents import (
    FIGURE,
    ROOT,
    WITH_INTERVAL,
    Block,
    blocks_of,
    figures_in,
    file_of_figures,
    sections_with_figures,
    unknown_options,
    without_code,
)

import affekt
from affekt import cli
from affekt.evaluation.results import read_evaluation, read_evaluations
from affekt.features.voice import COLUMNS
from affekt.inference.writers import SUFFIXES
from affekt.metrics import Score
from affekt.model.out_of_distribution import FLAGGED_SHARE

DOCS = ROOT / "docs"
SCORES = DOCS / "scores"
PAGES = {path.name: path.read_text(encoding="utf-8") for path in sorted(DOCS.glob("*.md"))}
# server.md is run by tests/server/test_guide.py, against a server
RUN = [name for name, text in PAGES.items() if blocks_of(text) and name != "server.md"]
NEEDS_MORE = (  # a network, a microphone, a browser, a cluster or minutes
    r"affekt (serve|app|keys|corpora download|encoders download|batch (?!run calls/)|live(?!.*--from)"
    r"|reproduce)"
)
OTHER_PROGRAMS = ("# Spark", "# Ray", "# Daft")
FAILING = {"affekt corpora check RAVDESS"}  # it is a small RAVDESS: clips are missing
MEASURED_ELSEWHERE = {"experiments.md", "model-card.md", "results.md"}
DEFINED = {f"{100 * (1 - FLAGGED_SHARE):.1f}"}
ALL_FIGURES = DEFINED.union(*map(figures_in, [DOCS / "results.json", *SCORES.glob("*.json")]))
WITHOUT_FILE = {  # of earlier evaluations; docs/experiments.md says how they were computed
    *("46.0 (40.0 - 52.3)", "37.7 (32.4 - 42.7)", "23.0 (19.0 - 27.5)"),
    "84.9 (82.7 - 86.9)",
}
WIDTHS = (1400, 390)


def test_every_column_of_voice_is_defined_once() -> None:
    lines = PAGES["features.md"].split("## The columns of `voice@1`")[1].splitlines()
    cells = [line.split("|")[1] for line in lines if line.startswith("| `")]
    patterns = [name for cell in cells for name in re.findall("`(.+?)`", cell)]
    for column in COLUMNS:
        assert sum(fnmatchcase(column, pattern) for pattern in patterns) == 1, column


@pytest.mark.usefixtures("few_figures")
@pytest.mark.parametrize("page", RUN)
def test_everything_that_a_page_says_runs(
    page: str, reader_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(reader_folder)
    monkeypatch.setenv("COLUMNS", "200")
    for block in blocks_of(PAGES[page]):
        if block.language == "console":
            for line in block.text.splitlines():
                if line.startswith("$ "):
                    run(line.removeprefix("$ "), monkeypatch, capsys)
        elif block.language == "python":
            run_program(block.text)
        else:
            check_other(block)


def run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a command of affekt in this process, or check what cannot be run here."""
    words = shlex.split(line, comments=True)
    if words[0] == "pip":
        check_extras(words)
    elif words[0] == "sbatch":
        assert unknown_options(words[-1]) == ""
    elif re.match(NEEDS_MORE, line):
        assert unknown_options(line) == "", line
    elif "<" in words:
        done = subprocess.run(f"{sys.executable} -m {line}", shell=True, capture_output=True, text=True)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    else:
        assert words[0] == "affekt", line
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        printed = capsys.readouterr()
        assert bool(stop.value.code) == (" ".join(words) in FAILING), f"{line}\n{printed.err}"
        assert printed.out or "wrote" in printed.err, line


def run_program(text: str) -> None:
    """Run a program; one for another system is compiled, and what it takes from affekt must exist."""
    program = compile(text, "a program of a page", "exec")
    for name in re.findall(r"\baffekt\.(\w+)", text):
        assert name in (*affekt.__all__, "errors")
    if text.startswith(OTHER_PROGRAMS):
        return
    for name in re.findall(r"^import (\w+)", text, re.MULTILINE):
        if name != "affekt":
            pytest.importorskip(name)
    exec(program, {"__name__": "__main__"})


def check_other(block: Block) -> None:
    """Check a block of another language."""
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "sh":
        subprocess.run(["bash", "-n"], input=block.text, text=True, check=True)
        for shell in re.findall(r"_AFFEKT_COMPLETE=(\w+)_source affekt", block.text):
            environment = {**os.environ, "_AFFEKT_COMPLETE": f"{shell}_source"}
            command = [
                sys.executable,
                "-c",
                "from affekt.cli.command_line import affekt; affekt(prog_name='affekt')",
            ]
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert "_AFFEKT_COMPLETE" in done.stdout
    elif block.language == "sql":
        parquet = pytest.importorskip("pyarrow.parquet")
        named = re.findall(r"(?:avg|any_value)\((\w+)\)|(?:BY|WHERE) (\w+)", block.text)
        assert named
        assert {name for pair in named for name in pair if name} <= set(
            parquet.read_table("results/parts").column_names
        )
    else:
        assert block.language in ("", "text")


def check_extras(words: list[str]) -> None:
    """Check that what pip is asked for is offered."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert words[:2] == ["pip", "install"]
    assert re.match(r"(\.|affekt)(\[|$)", words[-1])
    assert set(re.findall(r"\w+", words[-1].partition("[")[2])) <= set(extras)


@pytest.mark.parametrize("page", [*PAGES, "../README.md", "../CONTRIBUTING.md"])
def test_commands_within_sentences_have_options_that_exist(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", (DOCS / page).read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    for command in re.findall(r"`(affekt [a-z][^`]*)`", text):
        assert unknown_options(command) == "", command


def test_every_format_of_timelines_is_named() -> None:
    table = PAGES["timeline.md"][PAGES["timeline.md"].index("| suffix |") :]
    assert set(re.findall(r"`(\.\w+)`", table.split("\n\n")[0])) | {".htm"} == {
        suffix for one in SUFFIXES.values() for suffix in one.suffixes
    }


def test_the_python_reference_has_every_public_name_once() -> None:
    assert sorted(re.findall(r"^::: affekt\.(\w+)$", PAGES["api.md"], re.MULTILINE)) == sorted(
        affekt.__all__
    )


@pytest.mark.parametrize("page", sorted(set(PAGES) - MEASURED_ELSEWHERE))
def test_every_figure_of_a_page_is_in_the_files_that_it_names(page: str) -> None:
    for names, text in sections_with_figures(PAGES[page]):
        known = {f"{100 * (1 - FLAGGED_SHARE):.1f}"}.union(
            *(figures_in(file_of_figures(name)) for name in names)
        )
        stated = FIGURE if names else re.compile(rf"{FIGURE.pattern}(?= ?(?:%|points\b| \())")
        assert [figure for figure in stated.findall(text) if figure not in known] == []
        assert [figure for figure in WITH_INTERVAL.findall(text) if figure not in known] == []


@pytest.mark.parametrize("page", ["experiments.md", "model-card.md", "../README.md"])
def test_every_figure_with_an_interval_was_measured(page: str) -> None:
    found = WITH_INTERVAL.findall((DOCS / page).read_text("utf-8"))
    assert found
    assert [figure for figure in found if figure not in ALL_FIGURES | WITHOUT_FILE] == []


def test_every_figure_of_the_readme_is_in_a_file_of_results() -> None:
    text = without_code((ROOT / "README.md").read_text("utf-8")).replace("CC BY-NC-SA 4.0", "")
    stated = re.compile(rf"{FIGURE.pattern}(?=\*{{0,2}} ?(?:%|points\b|\||\())")
    emodb = read_evaluations(SCORES / "bundled.emodb-answers.json")["all eight emotions allowed"]
    recalls = {f"{100 * one.recall:.1f}" for one in emodb.per_emotion.values() if one.recall}
    assert [figure for figure in stated.findall(text) if figure not in ALL_FIGURES | recalls] == []


def row(page: str, title: str) -> str:
    (found,) = (line for line in PAGES[page].splitlines() if line.startswith(f"| {title} |"))
    return found.removeprefix(f"| {title} | ").removesuffix(" |")


def percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


@pytest.mark.parametrize(
    ("page", "title", "name", "corpus", "enrolled"),
    [
        ("adapt.md", "`affekt-net-2`", "affekt-net-2.enrolment.speech", "", "0 1 2 4 8 16 32"),
        (
            *(
                "adapt.md",
                "`affekt-net-2`, neutral clips alone",
                "affekt-net-2.enrolment-neutral.speech",
                "",
            ),
            "0 1 2 4 8 16 32",
        ),
        ("adapt.md", "`whisper-linear`", "whisper-linear.enrolment.speech", "", "0 1 2 4 8 16 32"),
        ("adapt.md", "`voice-svm`", "voice-svm.enrolment.speech", "", "0 1 2 4 8 16 32"),
        (
            *("normalisation.md", "RAVDESS; RAVDESS, unseen speakers", "affekt-net-2.enrolment.speech", ""),
            "0 4 16",
        ),
        (
            *("normalisation.md", "RAVDESS; nEMO"),
            *("affekt-net-2.leave-one-corpus-out.enrolment.speech", "nemo", "0 4 16"),
        ),
        (
            *("normalisation.md", "nEMO; RAVDESS, the six emotions of nEMO"),
            *("affekt-net-2.leave-one-corpus-out.enrolment.speech", "ravdess", "0 4 16"),
        ),
        (
            *("normalisation.md", "RAVDESS and nEMO; EMO-DB, four emotions allowed"),
            *("bundled.enrolment.own.emodb", "", "0 4 16"),
        ),
        (
            *("normalisation.md", "RAVDESS and nEMO; EmotionTTS, four emotions allowed"),
            *("bundled.enrolment.own.emotiontts_ko", "", "0 4 16"),
        ),
    ],
)
def test_a_row_of_enrolment_was_measured(
    page: str, title: str, name: str, corpus: str, enrolled: str
) -> None:
    found = read_evaluations(SCORES / f"{name}.json")
    shares = [
        found[number].by_corpus[corpus].accuracy.value
        if corpus
        else found[number].headlines["accuracy"].value
        for number in enrolled.split()
        if number in found
    ]
    cells = [*map(percent, shares), *["-"] * (len(enrolled.split()) - len(shares))]
    assert row(page, title) == " | ".join(cells)


BOTH, LEFT_OUT = "affekt-net-2.ravdess+nemo.by-actor-5.speech", "affekt-net-2.leave-one-corpus-out.speech"
ALL_ALLOWED, OWN_ALLOWED = "all eight emotions allowed", "the corpus's emotions allowed"
EMODB, EMOTIONTTS = "bundled.emodb-answers", "bundled.emotiontts_ko-answers"


@pytest.mark.parametrize(
    ("title", "name", "which"),
    [
        ("RAVDESS and nEMO | RAVDESS, unseen speakers", BOTH, "ravdess"),
        ("RAVDESS and nEMO | nEMO, unseen speakers", BOTH, "nemo"),
        ("RAVDESS and nEMO | EMO-DB, eight emotions allowed", EMODB, ALL_ALLOWED),
        ("RAVDESS and nEMO | EMO-DB, four emotions allowed", EMODB, OWN_ALLOWED),
        ("RAVDESS and nEMO | EmotionTTS, eight emotions allowed", EMOTIONTTS, ALL_ALLOWED),
        ("RAVDESS and nEMO | EmotionTTS, four emotions allowed", EMOTIONTTS, OWN_ALLOWED),
        ("RAVDESS | nEMO", LEFT_OUT, "nemo"),
        ("nEMO | RAVDESS, the six emotions of nEMO", LEFT_OUT, "ravdess"),
    ],
)
def test_a_row_of_unseen_corpora_was_measured(title: str, name: str, which: str) -> None:
    assert row("protocols.md", title) == score_of(name, which).with_interval


def score_of(name: str, which: str) -> Score:
    if name in (BOTH, LEFT_OUT):
        return read_evaluation(SCORES / f"{name}.json").by_corpus[which].accuracy
    return read_evaluations(SCORES / f"{name}.json")[which].headlines["accuracy"]


@pytest.mark.parametrize(
    ("title", "name", "which"),
    [
        ("RAVDESS, unseen speakers | 8", BOTH, "ravdess"),
        ("nEMO, unseen speakers | 8", BOTH, "nemo"),
        ("EMO-DB | 8", EMODB, ALL_ALLOWED),
        ("EMO-DB | 4", EMODB, OWN_ALLOWED),
        ("EmotionTTS | 8", EMOTIONTTS, ALL_ALLOWED),
        ("EmotionTTS | 4", EMOTIONTTS, OWN_ALLOWED),
    ],
)
def test_a_row_of_calibration_was_measured(title: str, name: str, which: str) -> None:
    accuracy = percent(score_of(name, which).value)
    if name == BOTH:
        part = read_evaluation(SCORES / f"{name}.json").by_corpus[which]
        ece, coverage, size = part.ece, part.coverage, part.set_size
    else:
        whole = read_evaluations(SCORES / f"{name}.json")[which]
        assert whole.prediction_sets
        ece, coverage, size = whole.ece, whole.prediction_sets.coverage, whole.prediction_sets.size
    cells = [accuracy, percent(ece), percent(coverage), f"{size:.1f}"]
    assert row("calibration.md", title) == " | ".join(cells)


@pytest.mark.parametrize(
    ("title", "condition"),
    [
        ("as recorded", "as recorded"),
        ("white noise, 20 dB below the speech", "white noise, 20 dB"),
        ("white noise, 10 dB", "white noise, 10 dB"),
        ("white noise, 0 dB", "white noise, 0 dB"),
        ("eight talkers babbling, 20 dB", "babble, 20 dB"),
        ("eight talkers babbling, 10 dB", "babble, 10 dB"),
        ("telephone", "telephone"),
        ("MP3, 32 kbit/s", "MP3, 32 kbit/s"),
        ("reverberation, 0.6 s", "reverberation, 0.6 s"),
        ("20 dB quieter", "20 dB quieter"),
    ],
)
def test_a_row_of_flags_was_measured(title: str, condition: str) -> None:
    found = read_evaluations(SCORES / "affekt-net-2.robustness.speech.json")[condition]
    cells = [percent(found.headlines["accuracy"].value), percent(found.out_of_distribution)]
    assert row("out-of-distribution.md", title) == " | ".join(cells)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, which is built of docs/ and runs the notebooks."""
    pytest.importorskip("mkdocs")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_site_has_every_page_in_its_navigation(site: Path) -> None:
    index = (site / "index.html").read_text("utf-8")
    for page in [*PAGES, "notebooks/paper-table.md", "notebooks/timeline.md", "contributing.md"]:
        assert f'href="{page.replace(".md", ".html")}"' in index, page


def test_the_notebooks_show_what_they_computed(site: Path) -> None:
    table = (site / "notebooks" / "paper-table.html").read_text("utf-8")
    assert "random-forest-baseline</th>" in table
    assert "\\toprule" in table
    timeline = (site / "notebooks" / "timeline.html").read_text("utf-8")
    assert re.search(r"angry +\d\d%", timeline)
    assert "data:image/png;base64," in timeline
    assert "IntervalTier" in timeline


def test_the_references_are_generated(site: Path) -> None:
    commands = (site / "command-line.html").read_text("utf-8")
    assert "--audio-channel" in commands
    assert "affekt batch status" in commands
    assert 'id="affekt.predict"' in (site / "api.html").read_text("utf-8")
    assert "Livingstone" in (site / "corpora.html").read_text("utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A Chromium."""
    with chromium() as started:
        yield started


def test_pages_open_from_a_disk_ask_for_nothing_and_fit_a_telephone(site: Path, browser: Any) -> None:
    asked, failed = [], []
    page = browser.new_page()
    page.on("request", lambda one: asked.append(one.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.on("requestfailed", lambda one: failed.append(f"{one.url}: {one.failure}"))
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for name in ("index", "api", "command-line", "corpora", "results", "notebooks/timeline"):
            page.goto((site / f"{name}.html").as_uri())
            wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            assert page.evaluate(wide) <= 0, (name, width)
    assert [url for url in asked if not url.startswith(("file:", "data:", "about:"))] == []
    # A request for the icon is given up where the next page is opened.
    assert [one for one in failed if "net::ERR_ABORTED" not in one] == []
    page.close()


def test_the_search_works_from_a_disk(site: Path, browser: Any) -> None:
    page = browser.new_page()
    page.goto((site / "index.html").as_uri())
    page.locator("[data-md-component=search-query]").click()
    page.keyboard.type("prediction set")
    page.locator(".md-search-result__item h1").first.wait_for()
    assert "Calibration and prediction sets" in page.locator(".md-search-result").inner_text()
    page.close()
