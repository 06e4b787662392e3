"""The terminal output of experiments with several conditions."""

from __future__ import annotations

from dataclasses import replace

from tests.reports.synthetic import make_evaluation
from tests.reports.terminal.printing import cells, printed

from affekt.audio.degradations import DEGRADATIONS
from affekt.evaluation.results import AS_RECORDED, Evaluation
from affekt.metrics import INTERVAL_RULE
from affekt.notes import Note, NoteKind
from affekt.reports import terminal


def make_conditions(**settings: object) -> dict[str, Evaluation]:
    names = (AS_RECORDED, *DEGRADATIONS)
    return {
        name: make_evaluation(skill=2 - 0.1 * i, calibrated=True, **settings)  # type: ignore[arg-type]
        for i, name in enumerate(names)
    }


def test_the_terms_come_first() -> None:
    lines = printed(terminal.scores("clips", {0: make_evaluation(seeds=3)}, "seed")).splitlines()
    assert lines[0] == "own on own, by-actor-5"
    assert lines[1] == "120 clips of 6 speakers, mean of 3 seeds, chance 25.0%"
    assert "mean of 1 draw," in printed(terminal.scores("clips", {0: make_evaluation()}, "draw"))


def test_each_condition_has_its_row() -> None:
    found = make_conditions()
    text = printed(terminal.scores("clips", found, "seed"))
    for name, one in found.items():
        accuracy, uar, sets = one.headlines["accuracy"], one.headlines["uar"], one.prediction_sets
        assert sets is not None
        assert one.out_of_distribution is not None
        expected = [f"{100 * accuracy.value:.1f}", *accuracy.interval.split()]
        expected += [f"{100 * uar.value:.1f}", *uar.interval.split(), f"{100 * one.ece:.1f}"]
        expected += [
            f"{100 * sets.coverage:.1f}",
            f"{sets.size:.1f}",
            f"{100 * one.out_of_distribution:.1f}",
        ]
        assert cells(text, name) == expected


def test_several_corpora_have_a_table_each_and_one_for_all() -> None:
    found = make_conditions(corpora=("a", "b"))
    text = printed(terminal.scores("clips", found, "seed"))
    blocks = text.split("\n\n")[1:4]
    assert [block.splitlines()[0] for block in blocks] == [
        "a: 120 clips of 6 speakers",
        "b: 120 clips of 6 speakers",
        "pooled",
    ]
    for block, corpus in zip(blocks, ("a", "b"), strict=False):
        for name, one in found.items():
            assert cells(block, name)[0] == f"{100 * one.by_corpus[corpus].accuracy.value:.1f}"
    for name, one in found.items():
        assert cells(blocks[2], name)[0] == f"{100 * one.headlines['accuracy'].value:.1f}"


def test_no_row_is_cut_off_or_wrapped_in_80_columns() -> None:
    found = {
        name: replace(one, ece=0.1234, out_of_distribution=1.0) for name, one in make_conditions().items()
    }
    narrow, wide = (printed(terminal.scores("clips", found, "seed"), width=width) for width in (80, 200))
    rows = [line for line in wide.splitlines() if "95 %: interval" not in line]
    assert set(rows) <= set(narrow.splitlines())
    assert "…" not in narrow


def test_what_could_not_be_computed_is_a_dash() -> None:
    text = printed(terminal.scores("clips", {"x": make_evaluation(speakers=("01",))}, "seed"))
    assert cells(text, "x")[1] == "-"  # no interval over one speaker
    assert cells(text, "x")[-3:] == ["-", "-", "-"]


def test_the_reason_for_a_missing_interval_and_the_notes_stand_once() -> None:
    note = Note(NoteKind.SPEAKERS_LEFT_OUT, "1 of 3 speakers is left out")
    found = {
        name: replace(make_evaluation(speakers=("1", "2"), skill=skill), notes=(note,))
        for name, skill in ((0, 1.0), (1, 2.0))
    }
    text = printed(terminal.scores("clips", found, "draw"))
    assert " ".join(text.split()).count(f"no interval for own: 2 speakers. {INTERVAL_RULE}") == 1
    assert text.splitlines()[2] == str(note)
    assert text.count(str(note)) == 1
    assert next(row for row in text.splitlines() if row.startswith("0 ")).split()[2] == "-"
