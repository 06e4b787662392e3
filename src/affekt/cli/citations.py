"""The command that prints what to cite: cite."""

from __future__ import annotations

import rich_click as click
from rich.markup import escape

from affekt.cli.completion import PROTOCOLS, complete_corpora
from affekt.cli.console import say, stdout


@click.command(epilog="Example: affekt cite ravdess --protocol by-actor-5 > references.bib")
@click.argument("what", nargs=-1, metavar="[WHAT]...", shell_complete=complete_corpora)
@click.option(
    "--protocol",
    metavar="NAME",
    type=click.Choice(PROTOCOLS),
    help="Also cite the paper that published the folds of this protocol, if there is one.",
)
def cite(what: tuple[str, ...], protocol: str | None) -> None:
    """Print BibTeX entries of affekt and of what was used: corpora, models, results.

    WHAT is the name or folder of a corpus, a model file, or a result that --json-out wrote. Without it,
    everything is cited that affekt can read, and the networks that are built in.
    """
    from affekt.reports.citations import cite

    found = cite(what, protocol)
    stdout.print(found.bibtex, markup=False, highlight=False, soft_wrap=True)
    for name in found.unknown:
        say(f"no publication is known for {escape(name)}: add an entry of your own")
