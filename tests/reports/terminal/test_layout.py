"""Terminal tables at any width, and with names that are markup."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.cells import cell_len
from rich.console import RenderableType
from tests.reports.synthetic import make_clips, make_evaluation
from tests.reports.terminal.printing import HOSTILE, printed

from affekt.corpora.base import Corpus, CorpusCard
from affekt.corpora.check import CorpusCheck
from affekt.estimators.recipe import Recipe
from affekt.evaluation.comparison import compare
from affekt.experiments.reproduction_result import read_reproduction
from affekt.features.feature_sets import FEATURE_SETS
from affekt.model.bundle import load
from affekt.recipes import RECIPES
from affekt.reports import terminal
from affekt.reports.terminal.layout import PlainTable, shorten
from affekt.support.terminal import one_line

RESULTS = read_reproduction(Path(__file__).parents[3] / "docs" / "results.json")


def evaluation(name: str) -> RenderableType:
    named = make_evaluation((name, "happy"), corpora=(name, "b"), recipe=name)
    return terminal.evaluation(
        replace(named, excluded=((f"{name}.wav", "is silent"),), protocol_label=name)
    )


def conditions(name: str) -> RenderableType:
    one = make_evaluation((name, "happy"), corpora=(name, "b"), recipe=name, calibrated=True)
    return terminal.scores(name, {name: one, "other": one}, "seed")


def comparison(name: str) -> RenderableType:
    return terminal.comparison(
        compare([make_evaluation(recipe=name, skill=2), make_evaluation(recipe="b", skill=1)])
    )


def corpus_check(name: str) -> RenderableType:
    card = CorpusCard(
        name=name, title=name, licence=name, citation=name, address=name, counts={name: 1},
        emotions={name: 1}, speakers=1,
    )  # fmt: skip
    clips = tuple(make_clips((name,), ("01",)))
    return terminal.corpus_check(
        CorpusCheck(
            corpus=Corpus(name=name, clips=clips, cards=(card,)), missing=(name,), surplus=(name,),
            absent_vocal_channels=(name,), misnamed=(Path(name),), unusable=((Path("clip.wav"), name),),
            identical=((Path(name), Path("b")),),
        )
    )  # fmt: skip


def model(name: str) -> RenderableType:
    bundle = load()
    corpus = bundle.contract.corpora[0]
    corpora = (replace(corpus, name=name, licence=name, citation=name, speakers=(name,)),)
    contract = replace(
        bundle.contract, emotions=(name,), recipe=name, corpora=corpora, versions={name: name}, sha256=name,
        scores=replace(bundle.contract.scores, protocol_label=name),
    )  # fmt: skip
    shown = SimpleNamespace(name=name, contract=contract, feature_set=bundle.feature_set)
    return terminal.model(cast(Any, shown))


def catalogue(name: str) -> list[RenderableType]:
    card = CorpusCard(name=name, title=name, licence=name, citation=name, address=name)
    recipe = Recipe(name=name, summary=name, source=name, features=name, build=lambda seed: cast(Any, None))
    one = replace(FEATURE_SETS["voice@1"], name=name, source=name)
    return [terminal.corpora([card]), terminal.recipes([recipe]), terminal.feature_sets([one])]


def reproduction(name: str) -> RenderableType:
    trial = replace(RESULTS.trials[0], recipe=name, reading=name, protocol=name, material=name)
    return terminal.reproduction(replace(RESULTS, trials=(trial,)))


TABLES: dict[str, Callable[[str], Any]] = {
    "evaluation": evaluation,
    "conditions": conditions,
    "comparison": comparison,
    "corpus check": corpus_check,
    "model": model,
    "catalogue": catalogue,
    "reproduction": reproduction,
}


def text_of(table: str, name: str, width: int = 200) -> str:
    made = TABLES[table](name)
    return printed(*made, width=width) if isinstance(made, list) else printed(made, width=width)


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_printed_as_it_is_in_every_table(table: str, name: str) -> None:
    text, harmless = text_of(table, name), text_of(table, "x" * len(one_line(name)))
    shown = one_line(name)
    assert "\x1b" not in text
    assert text.count(shown) >= harmless.count("x" * len(shown))


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("width", [60, 80, 120, 160])
@pytest.mark.parametrize(
    "name", ["short", "a name of several words " * 4, "감정" * 25], ids=["short", "long", "wide"]
)
def test_every_table_fits_the_terminal(table: str, width: int, name: str) -> None:
    lines = text_of(table, name.strip(), width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert not any(len(line.strip()) == 1 and line.strip().isalpha() for line in lines)  # c/o/l/u/m/n


@pytest.mark.parametrize("width", [60, 80])
def test_the_lists_fit_the_terminal(width: int) -> None:
    text = printed(terminal.recipes(RECIPES.values()), width=width)
    assert max(map(len, text.splitlines())) <= width
    text = printed(terminal.reproduction(RESULTS), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_a_name_without_room_stands_above_its_figures() -> None:
    table = PlainTable("recipe", "accuracy", "95 %")
    table.add_row("a recipe of a long name", "92.5%", "87.5 - 97.5")
    table.add_row("svm", "43.3%", "35.8 - 50.8")
    assert printed(table, width=40).splitlines() == [
        "recipe  accuracy         95 %",
        "a recipe of a long name",
        "           92.5%  87.5 - 97.5",
        "svm        43.3%  35.8 - 50.8",
    ]
    assert printed(table, width=60).splitlines()[1] == "a recipe of a long name     92.5%  87.5 - 97.5"
    assert (table.row_count, table.width()) == (2, 46)


@pytest.mark.parametrize("width", [60, 80])
def test_a_confusion_matrix_without_room_for_names_has_numbers(width: int) -> None:
    names = [f"emotion {i:02} of a long name, 30" for i in range(8)]
    text = printed(terminal.evaluation(make_evaluation(names)), width=width)
    assert "true ╲ predicted, % 1 2 3 4 5 6 7 8" in " ".join(text.split())
    many = [f"emotion {i:02} of a long name, 30" for i in range(25)]
    text = printed(terminal.evaluation(make_evaluation(many)), width=width)
    assert "the confusion matrix needs a wider terminal" in text


@pytest.mark.parametrize("text", ["folder/" * 20 + "a.wav", "한국어" * 20, "😀" * 30, "e\u0301" * 60])
@pytest.mark.parametrize("width", [8, 13, 40])
def test_a_long_text_is_shortened_in_its_middle(text: str, width: int) -> None:
    short = shorten(text, width)
    assert width - 2 <= cell_len(short) <= width
    head, tail = short.split("…")
    assert text.startswith(head)
    assert text.endswith(tail)


def test_a_short_text_is_left_as_it_is() -> None:
    assert shorten("a.wav", 5) == "a.wav"
    assert one_line("👩\u200d👧 한국.wav") == "👩\u200d👧 한국.wav"
    assert one_line("a\u202eb\udcff") == "a\\u202eb\\udcff"
