"""Corpora and explore: what they print, write and return."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., tuple[int, str, str]]


def test_corpora_are_listed(run: Run) -> None:
    code, out, _ = run("corpora")
    assert code == 0
    assert "CC BY-NC-SA 4.0" in out
    assert "affekt corpora download ravdess" in out


def test_a_corpus_with_missing_clips_fails_its_check(run: Run, small_ravdess: Path) -> None:
    code, out, _ = run("corpora", "check", small_ravdess)
    assert code == 1
    assert "120 of 2,452 clips are here" in out
    assert "missing: 1320" in out
    assert "03-01-08-01-01-01-01" not in out
    _, out, _ = run("corpora", "check", small_ravdess, "--all")
    assert "03-01-08-01-01-01-01" in out


def test_a_check_is_json_too(run: Run, small_ravdess: Path) -> None:
    code, out, _ = run("corpora", "check", small_ravdess, "--json")
    found = json.loads(out)
    assert (code, found["passed"], len(found["missing"])) == (1, False, 1320)
    assert (found["clips"], len(found["speakers"])) == (120, 10)


def test_options_of_a_subcommand_are_not_lost_before_it(run: Run, small_ravdess: Path) -> None:
    code, out, err = run("corpora", "--json", "check", small_ravdess)
    assert (code, out, "after the command" in " ".join(err.split())) == (2, "", True)


def test_a_corpus_without_a_card_passes_its_check(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    for seed, emotion in enumerate(("angry", "happy")):
        write_voice(tmp_path / emotion / "a.wav", seed=seed)
    code, out, _ = run("corpora", "check", tmp_path)
    assert (code, "✓" in out) == (0, True)


def test_a_download_shows_the_licence_and_how_to_check_it(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(
        "affekt.corpora.download.download_corpus",
        lambda card, folder, *, progress: calls.append((card.name, folder, progress)),
    )
    code, out, _ = run("corpora", "download", "ravdess", "--to", tmp_path / "[r]")
    assert code == 0
    assert calls == [("ravdess", tmp_path / "[r]", True)]
    assert "CC BY-NC-SA 4.0" in out
    assert f"affekt corpora check {tmp_path / '[r]'}" in out


@pytest.mark.usefixtures("few_figures")
def test_explore_writes_a_page_and_prints_what_is_wrong_with_the_corpus(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    for seed, place in enumerate(("angry/a", "angry/b", "happy/c")):
        write_voice(tmp_path / "mine" / f"{place}.wav", seed=seed)
    (tmp_path / "mine" / "happy" / "broken.wav").write_text("this is not sound")
    page = tmp_path / "x.html"
    words = (
        "--report",
        page,
        "--set",
        "mfcc-mean@1",
        "--json-out",
        tmp_path / "x.json",
        "--model",
        "bundled",
    )
    code, out, err = run("explore", tmp_path / "mine", *words)
    assert code == 0, err
    assert "unusable: 1" in out
    assert "broken.wav" in out
    assert f"wrote {page}" in err
    assert "What carries each emotion" in out
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert [Path(clip["path"]).name for clip in found["clips"]] == ["a.wav", "b.wav", "c.wav"]
    assert found["clips"][0]["duration_s"] == pytest.approx(0.6)
    assert [(one["emotion"], one["clips"]) for one in found["carriers"]] == [("happy", 1), ("angry", 2)]
    assert Path(found["check"]["unusable"][0][0]).name == "broken.wav"
    html = page.read_text(encoding="utf-8")
    assert "<b>3</b><span>usable clips" in html
    assert "mfcc-mean@1" in html
    assert "broken.wav" in html


def test_the_result_is_shown_and_written_where_the_page_cannot_be(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no space")

    for seed, place in enumerate(("angry/a", "happy/b")):
        write_voice(tmp_path / "mine" / f"{place}.wav", seed=seed)
    monkeypatch.setattr("affekt.reports.html.write_report", fail)
    files = ("--report", tmp_path / "x.html", "--json-out", tmp_path / "x.json")
    code, out, err = run("explore", tmp_path / "mine", "--set", "mfcc-mean@1", *files)
    assert (code, "error: no space" in err) == (1, True)
    assert "usable" in out
    assert len(json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))["clips"]) == 2
    assert not (tmp_path / "x.html").exists()


@pytest.mark.parametrize(("name", "expected"), [("x.htm", 2), ("x", 2), ("none/x.html", 1)])
def test_a_page_that_cannot_be_written_is_refused_before_the_corpus_is_read(
    run: Run,
    small_ravdess: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    expected: int,
) -> None:
    monkeypatch.setattr("affekt.experiments.exploration.explore", lambda *_, **__: pytest.fail("it ran"))
    code, _, err = run("explore", small_ravdess, "--report", tmp_path / name)
    assert code == expected
    assert ("no folder" if expected == 1 else "does not end in .html") in err
    assert list(tmp_path.iterdir()) == []
