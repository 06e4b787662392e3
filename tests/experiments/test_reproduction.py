"""A reproduction writes each result as soon as it is computed, and computes none twice."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.experiments.recipes import BAYES, Counting

from affekt.corpora.base import Corpus
from affekt.errors import CorpusError, UnknownNameError
from affekt.estimators.recipe import Recipe
from affekt.evaluation.dataset import Dataset, Extraction, extract_dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.results import Scores
from affekt.experiments.published_systems import SPEECH, PublishedSystem, Trial, published_systems
from affekt.experiments.published_systems_page import render
from affekt.experiments.reproduction import QUICK_SETTINGS, _Datasets, reproduce
from affekt.experiments.reproduction_result import Reproduction, read_reproduction
from affekt.experiments.scoring import evaluate

FAST, OTHER = (replace(BAYES, name=name, build=lambda seed: Counting()) for name in ("fast", "other"))
THREE, TWO = ("neutral", "happy", "angry"), ("happy", "angry")


def make_trials(recipe: Recipe) -> tuple[Trial, ...]:
    return (
        Trial(
            recipe=recipe, protocol="random-80-20", emotions=TWO, seeds=3, claims={"accuracy": 0.99},
            reading="as claimed",
        ),
        Trial(recipe=recipe, protocol="by-actor-5", emotions=TWO, reading="its material"),
        Trial(recipe=recipe, protocol="by-actor-5", emotions=THREE, material=SPEECH, reading="common"),
    )  # fmt: skip


SYSTEMS = tuple(
    PublishedSystem(
        number=number, name=recipe.name, claim="99 %", audit="A split.", trials=make_trials(recipe)
    )
    for number, recipe in (("000", FAST), ("001", OTHER))
)
FITS = {"quick": 1 + 5 + 5, "whole": 3 + 5 + 5}  # of one system


@pytest.fixture(autouse=True)
def _small_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affekt.experiments.reproduction.published_systems", lambda: SYSTEMS)


@pytest.fixture(scope="module")
def dataset(corpus: Corpus) -> Dataset:
    return extract_dataset(corpus, Extraction(features="mfcc-mean@1"), Execution())


@pytest.fixture(autouse=True)
def extracted(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> list[Extraction]:
    """Extract features once for all tests; what was asked for."""
    asked: list[Extraction] = []

    def extract_again(corpus: Corpus, extraction: Extraction, execution: Execution) -> Dataset:
        asked.append(extraction)
        return dataset

    monkeypatch.setattr("affekt.experiments.reproduction.extract_dataset", extract_again)
    return asked


def names(results: Reproduction) -> list[tuple[str, str]]:
    return [(trial.system, trial.reading) for trial in results.trials]


def as_text(results: Reproduction) -> str:
    return json.dumps(results.to_dict(), allow_nan=False)


ALL = [(s.number, t.reading) for s in SYSTEMS for t in s.trials]


def test_every_trial_is_run_and_written_beside_its_claim(corpus: Corpus, tmp_path: Path) -> None:
    results = reproduce(corpus, out=tmp_path / "new")
    assert as_text(results) == as_text(read_reproduction(tmp_path / "new" / "results.json"))
    assert (tmp_path / "new" / "results.md").read_text(encoding="utf-8") == render(results)
    assert names(results) == ALL
    assert len(Counting.fits) == 2 * FITS["whole"]
    assert (results.corpus, results.clips, results.quick) == ("ravdess", 120, False)
    assert results.systems == {one.number: one.claims for one in SYSTEMS}
    first = results.trials[0]
    assert first.claims == {"accuracy": 0.99}
    expected = evaluate(corpus, FAST, protocol="random-80-20", emotions=TWO, seeds=3)
    assert repr(Scores.to_json(first.evaluation)) == repr(Scores.to_json(expected))
    assert first.evaluation.leaky
    assert len(first.evaluation.by_seed) == 3
    assert results.trials[2].evaluation.emotions == THREE


def test_each_trial_is_evaluated_on_its_material_and_emotions(corpus: Corpus, tmp_path: Path) -> None:
    results = reproduce(corpus, system="000", out=tmp_path)
    for trial, result in zip(SYSTEMS[0].trials, results.trials, strict=True):
        expected = evaluate(
            corpus,
            trial.recipe,
            protocol=trial.protocol,
            emotions=trial.emotions,
            vocal_channel=trial.vocal_channel,
            seeds=trial.seeds,
        )
        assert repr(Scores.to_json(result.evaluation)) == repr(Scores.to_json(expected))


def test_a_quick_run_is_short_and_has_files_of_its_own(corpus: Corpus, tmp_path: Path) -> None:
    results = reproduce(corpus, quick=True, out=tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"results-quick.json", "results-quick.md"}
    assert results.quick is True
    assert len(Counting.fits) == 2 * FITS["quick"]
    assert all(fitted.items() >= QUICK_SETTINGS.items() for fitted in Counting.fits)
    assert "A quick run" in (tmp_path / "results-quick.md").read_text(encoding="utf-8")


def test_a_quick_run_does_not_change_the_files_of_the_whole_one(corpus: Corpus, tmp_path: Path) -> None:
    reproduce(corpus, system="000", out=tmp_path)
    before = (tmp_path / "results.json").read_bytes()
    reproduce(corpus, system="000", quick=True, out=tmp_path)
    assert (tmp_path / "results.json").read_bytes() == before


def test_in_a_whole_run_nothing_is_shortened(corpus: Corpus, tmp_path: Path) -> None:
    reproduce(corpus, system="000", out=tmp_path)
    assert {(fitted["epochs"], fitted["draws"]) for fitted in Counting.fits} == {(70, 7)}


def test_a_result_that_is_there_is_not_computed_again(
    corpus: Corpus, tmp_path: Path, extracted: list[Extraction]
) -> None:
    first = reproduce(corpus, quick=True, out=tmp_path)
    fits, asked = len(Counting.fits), len(extracted)
    assert as_text(reproduce(corpus, quick=True, out=tmp_path)) == as_text(first)
    assert (len(Counting.fits), len(extracted)) == (fits, asked)


def test_features_that_follow_each_other_are_extracted_once(
    corpus: Corpus, tmp_path: Path, extracted: list[Extraction]
) -> None:
    reproduce(corpus, quick=True, out=tmp_path)
    assert extracted == [Extraction(features="mfcc-mean@1")]


def test_for_a_recipe_that_is_trained_on_degraded_copies_features_are_extracted_anew(
    corpus: Corpus, extracted: list[Extraction]
) -> None:
    datasets = _Datasets(corpus, Execution())
    own = SYSTEMS[0].trials[0]
    for recipe in (own.recipe, replace(own.recipe, degraded_copies="noise-room-band@1"), own.recipe):
        datasets.of(replace(own, recipe=recipe))
    assert [one.degraded_copies for one in extracted] == [None, "noise-room-band@1", None]


def test_results_of_one_system_leave_those_of_others_where_they_are(corpus: Corpus, tmp_path: Path) -> None:
    later = reproduce(corpus, system="other", quick=True, out=tmp_path)
    assert names(later) == ALL[3:]
    both = reproduce(corpus, system="000", quick=True, out=tmp_path)
    assert names(both) == ALL
    assert as_text(replace(both, trials=both.trials[3:])) == as_text(later)
    assert len(Counting.fits) == 2 * FITS["quick"]


def test_an_unknown_system_is_refused_and_those_there_are_are_named(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match=r"published system is called '007'.*000, 001, fast, other"):
        reproduce(corpus, system="007", out=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_corpus_that_lacks_emotions_is_refused_before_anything_is_written(
    corpus: Corpus, tmp_path: Path, extracted: list[Extraction]
) -> None:
    with pytest.raises(CorpusError, match=r"ravdess has no clips of neutral: the published systems use"):
        reproduce(corpus.select(emotions=TWO), out=tmp_path / "new")
    assert (list(tmp_path.iterdir()), extracted) == ([], [])


@pytest.mark.parametrize("name", ["results.json", "results.md"])
def test_a_folder_that_results_cannot_be_written_to_is_found_before_the_work(
    corpus: Corpus, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match=name):
        reproduce(corpus, out=tmp_path)


def test_what_was_finished_before_an_interruption_is_kept(corpus: Corpus, tmp_path: Path) -> None:
    Counting.stop_in = 1 + 5 + 3
    with pytest.raises(KeyboardInterrupt):
        reproduce(corpus, quick=True, out=tmp_path)
    kept = read_reproduction(tmp_path / "results-quick.json")
    assert names(kept) == ALL[:2]
    assert (tmp_path / "results-quick.md").read_text(encoding="utf-8") == render(kept)
    Counting.fits.clear()
    Counting.stop_in = 0
    assert names(reproduce(corpus, quick=True, out=tmp_path)) == ALL
    assert len(Counting.fits) == 5 + FITS["quick"]


def test_with_checkpoints_an_interrupted_trial_continues_with_its_next_fold(
    corpus: Corpus, tmp_path: Path
) -> None:
    Counting.stop_in = 1 + 5 + 3
    places: dict[str, Any] = {"out": tmp_path / "docs", "checkpoints": tmp_path / "folds"}
    with pytest.raises(KeyboardInterrupt):
        reproduce(corpus, quick=True, **places)
    Counting.fits.clear()
    Counting.stop_in = 0
    assert names(reproduce(corpus, quick=True, **places)) == ALL
    assert len(Counting.fits) == 3 + FITS["quick"]


def test_a_result_whose_trial_is_no_longer_run_stops_no_other(corpus: Corpus, tmp_path: Path) -> None:
    results = reproduce(corpus, system="000", quick=True, out=tmp_path)
    former = replace(results.trials[0], recipe="as it was called before")
    replace(results, trials=(former, *results.trials[1:])).write(tmp_path / "results-quick.json")
    again = reproduce(corpus, quick=True, out=tmp_path)
    assert set(names(again)) >= set(ALL)
    assert "as it was called before" in {trial.recipe for trial in again.trials}


def test_results_of_another_corpus_are_not_overwritten(corpus: Corpus, tmp_path: Path) -> None:
    reproduce(corpus, system="000", quick=True, out=tmp_path)
    before = (tmp_path / "results-quick.json").read_bytes()
    part = replace(corpus, clips=corpus.clips[12:])
    with pytest.raises(CorpusError, match="results of 120 clips of ravdess, not of 108 of ravdess"):
        reproduce(part, system="000", quick=True, out=tmp_path)
    assert (tmp_path / "results-quick.json").read_bytes() == before


def test_a_file_that_holds_no_results_is_not_overwritten(corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("dear diary")
    with pytest.raises(CorpusError, match="holds no results"):
        reproduce(corpus, out=tmp_path)
    assert (tmp_path / "results.json").read_text() == "dear diary"


def test_words_about_a_system_are_those_of_now(corpus: Corpus, tmp_path: Path) -> None:
    results = reproduce(corpus, system="000", quick=True, out=tmp_path)
    older = {
        number: replace(one, audit="As it was said before.") for number, one in results.systems.items()
    }
    replace(results, systems=older).write(tmp_path / "results-quick.json")
    again = reproduce(corpus, system="000", quick=True, out=tmp_path)
    assert as_text(again) == as_text(results)


def test_it_says_at_once_what_it_will_do_and_then_what_is_done(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = tuple(replace(one, minutes=90) for one in SYSTEMS)
    monkeypatch.setattr("affekt.experiments.reproduction.published_systems", lambda: timed)
    reproduce(corpus, out=tmp_path, progress=True)
    place = tmp_path / "results.json"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[:5] == [
        "6 trials on ravdess, 120 clips; 0 are done already",
        "  000 fast: 3 trials, about 90 min",
        "  001 other: 3 trials, about 90 min",
        "All of it takes about 3.0 hours on two cores.",
        f"Each result is written to {place} and results.md as soon as it is there. Ctrl-C stops; the same "
        "command continues after the last finished trial.",
    ]
    assert [line.rsplit(",", 1)[0] for line in err.splitlines()[5:]] == [
        f"{i} of 6: {system.name}, {trial.protocol}"
        for i, (system, trial) in enumerate(((s, t) for s in SYSTEMS for t in s.trials), 1)
    ]
    reproduce(corpus, out=tmp_path, progress=True)
    assert capsys.readouterr().err == "0 trials on ravdess, 120 clips; 6 are done already\n"


def test_a_run_that_was_stopped_says_what_is_left_and_continues_there(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Counting.stop_in = FITS["whole"] + 1
    with pytest.raises(KeyboardInterrupt):
        reproduce(corpus, out=tmp_path)
    assert capsys.readouterr().err == ""
    Counting.stop_in = 0
    reproduce(corpus, out=tmp_path, progress=True)
    assert capsys.readouterr().err.startswith("3 trials on ravdess, 120 clips; 3 are done already")


def test_every_published_system_has_its_time() -> None:
    assert all(one.minutes > 0 for one in published_systems())
