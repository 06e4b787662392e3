"""The commands about data: corpora, corpora check, corpora download, explore."""

from __future__ import annotations

from pathlib import Path

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape

from affekt.cli.console import FAILED_INPUT, say_written, stdout
from affekt.cli.parameters import OutputFile
from affekt.support.parallel import core_count
from affekt.support.writing import check_place


@click.group(invoke_without_command=True)
@click.pass_context
def corpora(context: click.Context) -> None:
    """List the corpora that can be read; check or download one."""
    if context.invoked_subcommand is None:
        from affekt.corpora.registry import READERS
        from affekt.reports import terminal

        stdout.print(terminal.corpora(reader.card for reader in READERS.values()))


@corpora.command()
@click.argument("path")
@click.option("--all", "show_all", is_flag=True, help="List every file, however many there are.")
def check(path: str, *, show_all: bool) -> None:
    """Read every file of a corpus, compare the counts with its card, and list every problem."""
    from affekt.corpora.check import check_corpus
    from affekt.reports import terminal

    result = check_corpus(path, jobs=core_count(), progress=True)
    stdout.print(terminal.corpus_check(result, show_all=show_all), soft_wrap=True)
    if not result.passed:
        raise Exit(FAILED_INPUT)


@corpora.command()
@click.argument("name")
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
    stdout.print(f"[bold]{card.title}[/]\nlicence: {card.licence}\ncite: {card.citation}\n{card.address}")
    download_corpus(card, folder, progress=True)
    place = escape(str(folder))
    stdout.print(f"{card.name} is in {place}. Try: affekt corpora check {place}", highlight=False)


@click.command()
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
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
    help="The feature set: see 'affekt features'.",
)
def explore(corpus: tuple[str, ...], report_file: Path, features: str) -> None:
    """Write a page about a corpus: its clips, how they were recorded, and their features."""
    from affekt.experiments.exploration import explore
    from affekt.reports import terminal
    from affekt.reports.html import write_report

    check_place(report_file)
    found = explore(corpus, features=features, jobs=core_count(), progress=True)
    write_report(found, report_file, progress=True)
    stdout.print(terminal.corpus_check(found.check), soft_wrap=True)
    say_written(report_file)
