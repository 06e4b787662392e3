"""The commands about data: corpora, corpora check, corpora download, explore."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape

from affekt.cli.completion import complete_corpora, complete_downloads, complete_feature_sets
from affekt.cli.console import FAILED_INPUT, hand_over, show, stdout
from affekt.cli.options import json_options
from affekt.cli.parameters import OutputFile
from affekt.support.parallel import core_count


@click.group(invoke_without_command=True, epilog="Example: affekt corpora check RAVDESS/")
@json_options
@click.pass_context
def corpora(context: click.Context, as_json: bool, json_file: Path | None) -> None:
    """List the corpora that can be read; check or download one."""
    if context.invoked_subcommand is None:
        from affekt.corpora.registry import READERS
        from affekt.reports import terminal

        cards = [reader.card for reader in READERS.values()]
        hand_over(cards, lambda: show(terminal.corpora(cards)), json_file, printed=as_json, indent=2)
    elif as_json or json_file:
        name = context.invoked_subcommand
        raise click.UsageError(f"give --json and --json-out after the command: affekt corpora {name} ...")


@corpora.command(epilog="Example: affekt corpora check RAVDESS/")
@click.argument("corpus", shell_complete=complete_corpora)
@click.option("--all", "show_all", is_flag=True, help="List every file, however many there are.")
@json_options
def check(corpus: str, show_all: bool, as_json: bool, json_file: Path | None) -> None:
    """Read every file of a corpus, compare the counts with its card, and list every problem."""
    from affekt.corpora.check import check_corpus
    from affekt.reports import terminal

    result = check_corpus(corpus, jobs=core_count(), progress=True)
    hand_over(
        result,
        lambda: show(terminal.corpus_check(result, show_all=show_all)),
        json_file,
        printed=as_json,
        indent=2,
    )
    if not result.passed:
        raise Exit(FAILED_INPUT)


@corpora.command(epilog="Example: affekt corpora download ravdess --to RAVDESS/")
@click.argument("name", shell_complete=complete_downloads)
@click.option(
    "--to",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to download to.",
)
def download(name: str, folder: Path) -> None:
    """Download, verify and unpack a corpus; a download that was interrupted is continued."""
    from affekt.corpora.download import download_corpus
    from affekt.corpora.registry import find_card

    card = find_card(name)
    facts = f"{card.title}\nlicence: {card.licence}\ncite: {card.citation}\n{card.address}"
    stdout.print(facts, markup=False, highlight=False, soft_wrap=True)
    download_corpus(card, folder, progress=True)
    place = escape(str(folder))
    stdout.print(f"{card.name} is in {place}. Try: affekt corpora check {place}", highlight=False)


@click.command(epilog="Example: affekt explore RAVDESS/ --report corpus.html")
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...", shell_complete=complete_corpora)
@click.option(
    "--report",
    "report_file",
    type=OutputFile(".html"),
    required=True,
    metavar="FILE.html",
    help="Write the page to this file.",
)
@click.option(
    "--set",
    "features",
    default="spectral-120@1",
    show_default=True,
    metavar="NAME",
    shell_complete=complete_feature_sets,
    help="The feature set: see 'affekt features'.",
)
@click.option(
    "--model",
    metavar="FILE",
    help="Also explain the answers of this model to some clips of each emotion: which times and cues carry "
    "it. 'bundled' for the bundled model.",
)
@json_options
def explore(
    corpus: tuple[str, ...],
    report_file: Path,
    features: str,
    model: str | None,
    as_json: bool,
    json_file: Path | None,
) -> None:
    """Write a page about a corpus: its clips, how they were recorded, and their features."""
    from affekt.experiments.exploration import explore
    from affekt.model.bundle import load
    from affekt.reports import terminal
    from affekt.reports.html import write_report

    explained = load(None if model == "bundled" else model) if model else None
    found = explore(corpus, features=features, model=explained, jobs=core_count(), progress=True)

    def tell() -> None:
        show(terminal.corpus_check(found.check))
        if found.carriers:
            show(terminal.carriers(found.carriers))

    report = report_file, lambda place: write_report(found, place, progress=True)
    hand_over(found, tell, json_file, report, printed=as_json, indent=2)
