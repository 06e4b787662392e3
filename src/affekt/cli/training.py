"""The commands that train recipes and keep the result: train, recipes, reproduce."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from rich.markup import escape

from affekt.cli.completion import complete_corpora, complete_recipes, complete_systems
from affekt.cli.console import hand_over, say, show, stdout, with_command
from affekt.cli.options import (
    checkpoints_option,
    emotions_option,
    json_options,
    protocol_option,
    vocal_channel_option,
)
from affekt.cli.parameters import OutputFile, RenamedOption
from affekt.support.parallel import core_count
from affekt.support.writing import check_place


@click.command(epilog="Example: affekt train RAVDESS/ --recipe voice-svm --out m.onnx")
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...", shell_complete=complete_corpora)
@click.option(
    "--recipe",
    metavar="NAME",
    default="voice-svm",
    show_default=True,
    shell_complete=complete_recipes,
    help="How to train: see 'affekt recipes'.",
)
@protocol_option
@emotions_option
@vocal_channel_option
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    metavar="N",
    default=0,
    show_default=True,
    help="Seed of all random numbers.",
)
@click.option(
    "--out", type=OutputFile(".onnx"), metavar="FILE.onnx", help="The model file; by default RECIPE.onnx."
)
@checkpoints_option
@json_options
def train(
    corpus: tuple[str, ...],
    recipe: str,
    protocol: str | None,
    emotions: tuple[str, ...] | str | None,
    vocal_channel: str | None,
    seed: int,
    out: Path | None,
    checkpoints: Path | None,
    as_json: bool,
    json_file: Path | None,
) -> None:
    """Score a recipe on a corpus, then train it on the whole corpus and write a model file."""
    from affekt.experiments.training import train
    from affekt.reports import terminal

    out = out or Path(f"{recipe}.onnx")
    check_place(out)
    bundle, evaluation = train(
        corpus, recipe, protocol=protocol, emotions=emotions, vocal_channel=vocal_channel,
        seeds=[seed], checkpoints=checkpoints, jobs=core_count(), progress=True,
    )  # fmt: skip
    hand_over(
        with_command(evaluation).to_json(),
        lambda: show(terminal.evaluation(evaluation)),
        json_file,
        (out, bundle.save),
        printed=as_json,
        indent=2,
    )
    if not as_json:
        place = escape(str(out))
        stdout.print(
            f"\n{place} has {out.stat().st_size / 1e3:.0f} kB. Its probabilities differ from those of the "
            f"trained recipe by at most {bundle.contract.parity:.0e}.\n"
            f"Try: affekt predict --model {place} FILE",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


@click.command(epilog="Example: affekt recipes --json")
@json_options
def recipes(as_json: bool, json_file: Path | None) -> None:
    """List the recipes: the ways to train a model."""
    from affekt.recipes import RECIPES
    from affekt.reports import terminal

    found = list(RECIPES.values())
    hand_over(found, lambda: show(terminal.recipes(found)), json_file, printed=as_json, indent=2)


@click.command(epilog="Example: affekt reproduce RAVDESS/ --system mlp --quick --out tried/")
@click.argument("corpus", default="ravdess", shell_complete=complete_corpora)
@click.option(
    "--system",
    cls=RenamedOption,
    formerly="--seed-system",
    metavar="NAME",
    shell_complete=complete_systems,
    help="Only this published system: its number or its recipe.",
)
@click.option(
    "--quick", is_flag=True, help="Train only for a moment: to test that everything runs, not for scores."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="docs",
    show_default=True,
    metavar="DIR",
    help="Folder for results.json and results.md; results that it holds are kept.",
)
@checkpoints_option
@json_options
def reproduce(
    corpus: str,
    system: str | None,
    quick: bool,
    out: Path,
    checkpoints: Path | None,
    as_json: bool,
    json_file: Path | None,
) -> None:
    """Compare the scores that five published systems claim with scores on seen and on unseen speakers."""
    from affekt.experiments.reproduction import reproduce
    from affekt.reports import terminal

    found = reproduce(
        corpus, system=system, quick=quick, out=out, checkpoints=checkpoints, jobs=core_count(),
        progress=True,
    )  # fmt: skip
    hand_over(found, lambda: show(terminal.reproduction(found)), json_file, printed=as_json, indent=1)
    if quick:
        say("[yellow]a quick run: it shows that everything runs; the scores mean nothing")
    say(f"wrote {escape(str(out))}/results{'-quick' * quick}.md and .json")
