"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import rich_click as click

from affekt.cli.completion import complete_corpora, complete_emotions, complete_protocols, complete_recipes
from affekt.cli.parameters import (
    OutputFile,
    RenamedOption,
    SeveralValues,
    parse_emotions,
    parse_predicted_emotions,
)

existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_vocal_channels = click.Choice(["speech", "song"])

model_option = click.option(
    "--model", type=existing_file, help="A model file; by default the bundled model."
)
protocol_option = click.option(
    "--protocol", metavar="NAME", shell_complete=complete_protocols,
    help="How the clips are split for training and testing a recipe; by default by-actor-5.",
)  # fmt: skip
jobs_option = click.option(
    "--jobs", type=click.IntRange(1), metavar="N", help="Number of processes; by default one for each core."
)
emotions_option = click.option(
    "--emotions", callback=parse_emotions, metavar="A,B,...", shell_complete=complete_emotions,
    help="Use and predict these emotions alone; 'all' for all. By default those that the recipe or model "
    "is made for.",
)  # fmt: skip
predicted_emotions_option = click.option(
    "--emotions", callback=parse_predicted_emotions, metavar="A,B,...", shell_complete=complete_emotions,
    help="Predict only these emotions.",
)  # fmt: skip
voice_option = click.option(
    "--voice", type=existing_file, help="The speaker: a file that 'affekt adapt' wrote."
)
vocal_channel_option = click.option(
    "--vocal-channel", cls=RenamedOption, formerly="--channel", type=_vocal_channels,
    help="Use only spoken, or only sung clips.",
)  # fmt: skip
test_vocal_channel_option = click.option(
    "--test-vocal-channel", "tested_vocal_channel", cls=RenamedOption, formerly="--test-channel",
    type=_vocal_channels, help="Train on all clips, and score only the spoken, or only the sung ones.",
)  # fmt: skip
checkpoints_option = click.option(
    "--checkpoints", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Folder for finished folds; a run that was stopped continues from these.",
)  # fmt: skip
_json_options = (
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else."),
    click.option(
        "--json-out", "json_file", type=OutputFile(".json"), metavar="FILE.json",
        help="Write the result as JSON to this file.",
    ),
)  # fmt: skip
report_option = click.option(
    "--report", "report_file", type=OutputFile(".html"), metavar="FILE.html",
    help="Write a page with figures to this file.",
)  # fmt: skip
latex_option = click.option(
    "--latex", "latex_file", type=OutputFile(".tex"), metavar="FILE.tex",
    help="Write a table for a paper to this file: protocol, clips, chance, scores with intervals.",
)  # fmt: skip
seeds_option = click.option(
    "--seeds", type=click.IntRange(1), metavar="N", default=1, show_default=True,
    help="Number of trainings, with seeds 0, 1, ...",
)  # fmt: skip

_EVALUATION_OPTIONS = (
    click.argument("corpus", nargs=-1, metavar="[CORPUS]...", shell_complete=complete_corpora),
    click.option(
        "--train-on", cls=SeveralValues, multiple=True, metavar="CORPUS...",
        shell_complete=complete_corpora,
        help="Train a recipe on these corpora, instead of CORPUS, for --test-on.",
    ),
    click.option(
        "--test-on", cls=SeveralValues, multiple=True, metavar="CORPUS...",
        shell_complete=complete_corpora,
        help="Test the recipe on these corpora; without it, by cross-validation.",
    ),
    click.option(
        "--recipe", metavar="NAME", shell_complete=complete_recipes,
        help="Train and test this recipe: see 'affekt recipes'.",
    ),
    click.option(
        "--model", type=existing_file, help="Test this finished model; by default the bundled model."
    ),
    protocol_option,
    emotions_option,
    vocal_channel_option,
    test_vocal_channel_option,
    checkpoints_option,
)  # fmt: skip


_TERMS = (
    "recipe", "model", "protocol", "emotions", "vocal_channel", "tested_vocal_channel", "seeds",
    "checkpoints",
)  # fmt: skip


def evaluation_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that ``evaluate``, ``enrolment`` and ``robustness`` share.

    The command gets them as its first argument, ``terms``: keyword arguments for the functions of these
    names. Those of ``json_options`` and the options that it does not share are keyword arguments.
    """

    @functools.wraps(command)
    def checked(
        corpus: tuple[str, ...], train_on: tuple[str, ...], test_on: tuple[str, ...], **values: Any
    ) -> None:
        terms = {name: values.pop(name) for name in _TERMS if name in values}
        terms |= {"corpus": corpus or train_on, "test_on": test_on or None}
        _check_corpora(corpus, train_on, test_on)
        _check_recipe(terms)
        command(terms, **values)

    return _add((*_EVALUATION_OPTIONS, *_json_options), checked)


def json_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of every command with a result: ``as_json``, to print it, and ``json_file``."""
    return _add(_json_options, command)


def _add(options: Sequence[Callable[[Any], Any]], command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(options):
        command = option(command)
    return command


def _check_corpora(corpus: Sequence[str], train_on: Sequence[str], test_on: Sequence[str]) -> None:
    if corpus and train_on:
        raise click.UsageError("give the training corpora as CORPUS or with --train-on, not both")
    if train_on and not test_on:
        raise click.UsageError(
            "--train-on needs --test-on, the corpora to test on; for cross-validation, give CORPUS alone"
        )
    if test_on and not (corpus or train_on):
        raise click.UsageError("--test-on needs the corpora to train on: CORPUS... or --train-on CORPUS...")
    if not (corpus or train_on):
        raise click.UsageError("give a corpus: CORPUS..., or --train-on CORPUS... --test-on CORPUS...")


def _check_recipe(terms: Mapping[str, Any]) -> None:
    if terms["recipe"] and terms["model"]:
        raise click.UsageError("give --recipe or --model, not both")
    for_recipes = {
        "--test-on": terms["test_on"],
        "--protocol": terms["protocol"],
        "--seeds": terms.get("seeds", 1) > 1,
    }
    given = [option for option, value in for_recipes.items() if value]
    if given and not terms["recipe"]:
        raise click.UsageError(
            f"{' and '.join(given)}: only with --recipe NAME. Without it, a finished model is tested, "
            "which is not trained: the bundled one, or that of --model"
        )
