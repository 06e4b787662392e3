"""The commands that score recipes and models: evaluate, enrolment, robustness, compare."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit

from affekt.cli.completion import complete_emotion
from affekt.cli.console import FAILED_INPUT, hand_over, show, with_command, write_text
from affekt.cli.options import (
    evaluation_options,
    existing_file,
    json_options,
    latex_option,
    report_option,
    seeds_option,
)
from affekt.cli.parameters import Command
from affekt.support.parallel import core_count


@click.command(cls=Command)
@evaluation_options
@seeds_option
@report_option
@latex_option
@click.option(
    "--timeline",
    is_flag=True,
    help="CORPUS is a CSV file of path,emotion,speaker,start,end with a row for each stretch of an "
    "emotion, or ZED.json: score when which emotion is found in these recordings.",
)
def evaluate(
    terms: dict[str, Any],
    as_json: bool,
    json_file: Path | None,
    report_file: Path | None,
    latex_file: Path | None,
    timeline: bool,
) -> None:
    """Score a recipe by cross-validation or on other corpora, or score a finished model.

    With neither --recipe nor --model, the bundled model is scored.

    \b
    Examples:
    affekt evaluate RAVDESS --recipe voice-svm
    affekt evaluate --train-on RAVDESS --test-on EMODB --recipe voice-svm
    affekt evaluate EMODB --model voice-svm.onnx
    affekt evaluate --timeline segments.csv
    """  # noqa: D301
    if timeline:
        pages = {"--report": report_file, "--latex": latex_file}
        _evaluate_timelines(
            terms, json_file, as_json=as_json, pages=[name for name in pages if pages[name]]
        )
        return
    from affekt.experiments.scoring import evaluate
    from affekt.reports import terminal
    from affekt.reports.latex import evaluation_table

    if report_file:
        from affekt.reports.html import write_report

    for_report = report_file is not None and terms["recipe"] is not None
    result = with_command(evaluate(**terms, for_report=for_report, jobs=core_count(), progress=True))
    hand_over(
        result.to_json(),
        lambda: show(terminal.evaluation(result)),
        json_file,
        (latex_file, partial(write_text, lambda: evaluation_table(result))),
        (report_file, lambda place: write_report(result, place, progress=True)),
        printed=as_json,
        indent=2,
    )


def _evaluate_timelines(
    terms: dict[str, Any], json_file: Path | None, *, as_json: bool, pages: Sequence[str]
) -> None:
    if len(terms["corpus"]) != 1:
        raise click.UsageError("--timeline takes one file of annotations")
    unset = {"corpus", "model", "seeds"}
    others = [f"--{name.replace('_', '-')}" for name, value in terms.items() if value and name not in unset]
    others += [*pages, *["--seeds"] * (terms["seeds"] != 1)]
    if others:
        raise click.UsageError(f"--timeline goes with --model alone, not with {', '.join(others)}")
    from affekt.experiments.timelines import evaluate_timelines
    from affekt.reports import terminal

    (annotations,) = terms["corpus"]
    found = evaluate_timelines(annotations, terms["model"], progress=True)
    hand_over(
        found,
        lambda: show(terminal.timeline_score(annotations, found)),
        json_file,
        printed=as_json,
        indent=2,
    )
    if found.failed:
        raise Exit(FAILED_INPUT)


@click.command(cls=Command, epilog="Example: affekt enrolment RAVDESS/ --recipe voice-svm")
@evaluation_options
@click.option(
    "--enrol",
    "enrolled_emotion",
    metavar="EMOTION",
    shell_complete=complete_emotion,
    help="Adapt to clips of this emotion alone, such as neutral, and score all others.",
)
def enrolment(
    terms: dict[str, Any], as_json: bool, json_file: Path | None, enrolled_emotion: str | None
) -> None:
    """Score a recipe or a model after adaptation to 0, 1, 2, 4, ... unlabelled clips of each speaker.

    With neither --recipe nor --model, the bundled model is scored.
    """
    from affekt.experiments.enrolment import enrolment
    from affekt.reports import terminal

    curve = enrolment(**terms, enrolled_emotion=enrolled_emotion, jobs=core_count(), progress=True)
    values = {str(count): with_command(one).to_json() for count, one in curve.items()}
    hand_over(
        values,
        lambda: show(terminal.scores("enrolled clips", curve, "draw")),
        json_file,
        printed=as_json,
    )


@click.command(cls=Command, epilog="Example: affekt robustness RAVDESS/ --recipe svm")
@evaluation_options
@seeds_option
def robustness(terms: dict[str, Any], as_json: bool, json_file: Path | None) -> None:
    """Score a recipe or a model on degraded clips: noise, telephone, MP3, reverberation.

    With neither --recipe nor --model, the bundled model is scored. Some recipes, such as affekt-net, are
    trained on noise, reverberation and band-limited channels of this kind.
    """
    from affekt.experiments.robustness import robustness
    from affekt.reports import terminal

    found = robustness(**terms, jobs=core_count(), progress=True)
    values = {condition: with_command(one).to_json() for condition, one in found.items()}
    hand_over(values, lambda: show(terminal.scores("clips", found, "seed")), json_file, printed=as_json)


@click.command(epilog="Example: affekt compare svm.json forest.json --report both.html")
@click.argument("results", nargs=-1, required=True, metavar="A.json B.json...", type=existing_file)
@report_option
@latex_option
@json_options
def compare(
    results: tuple[Path, ...],
    report_file: Path | None,
    latex_file: Path | None,
    as_json: bool,
    json_file: Path | None,
) -> None:
    """Compare the scores of recipes, with intervals on their differences.

    The files are those that 'affekt evaluate --json-out' wrote.
    """
    from affekt.evaluation.comparison import compare
    from affekt.reports import terminal
    from affekt.reports.latex import comparison_table

    if report_file:
        from affekt.reports.html import write_report

    found = compare(results)
    hand_over(
        found,
        lambda: show(terminal.comparison(found)),
        json_file,
        (latex_file, partial(write_text, lambda: comparison_table(found))),
        (report_file, lambda place: write_report(found, place, progress=True)),
        printed=as_json,
        indent=2,
    )
