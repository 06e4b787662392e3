"""The command that serves the web app: app."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import rich_click as click
from click.exceptions import Exit

from affekt.cli.options import model_option

SCRIPT = Path(__file__).parents[1] / "app" / "main.py"


@click.command()
@click.option("--corpus", metavar="PATH", help="Show figures of this corpus too.")
@model_option
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    default=8501,
    show_default=True,
    help="The port to serve on.",
)
def app(corpus: str | None, model: Path | None, port: int) -> None:
    """Open the web app in a browser; only this machine can connect to it."""
    import streamlit  # noqa: F401 - so that a missing extra is reported before anything starts

    from affekt.corpora.registry import load_corpus
    from affekt.model.bundle import load

    load(model)
    given = ["--model", str(model)] if model else []
    if corpus:
        load_corpus(corpus)
        given += ["--corpus", corpus]
    server = ["--server.address", "127.0.0.1", "--server.port", str(port)]
    command = [sys.executable, "-m", "streamlit", "run", str(SCRIPT), *server, "--", *given]
    raise Exit(subprocess.call(command))  # noqa: S603 - a list of words, and no shell
