"""The command that serves the web app: app."""

from __future__ import annotations

import errno
import json
import socket
import tomllib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import rich_click as click
from click.exceptions import Exit

from affekt.cli.console import say
from affekt.cli.options import model_option
from affekt.errors import AffektError, MissingExtraError

SCRIPT = Path(__file__).parents[1] / "app" / "main.py"
SETTINGS = SCRIPT.parent / ".streamlit" / "config.toml"
PORTS = 100  # how many are tried
_CHOOSE = "choose another with --port N"
LIBRARIES = ("streamlit", "plotly", "matplotlib", "sklearn")  # those of the extra that pages import


@click.command()
@click.option("--corpus", metavar="PATH", help="Show figures of this corpus too.")
@model_option
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    default=8501,
    show_default=True,
    help="The port to serve on; if it is in use, the next free one.",
)
def app(corpus: str | None, model: Path | None, port: int) -> None:
    """Open the web app in a browser; only this machine can connect to it."""
    if any(find_spec(library) is None for library in LIBRARIES):
        raise MissingExtraError("affekt app", "app")
    from affekt.corpora.registry import load_corpus
    from affekt.model.bundle import load

    load(model)
    given = ["--model", str(model)] if model else []
    if corpus:
        load_corpus(corpus)
        given += ["--corpus", corpus]
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    free = _free_port(settings["server"]["address"], port)
    if free != port:
        say(f"port {port} is in use: the app is served on port {free}")
    raise Exit(_serve([*_flags(settings), "--server.port", str(free), "--", *given]))


def _serve(words: list[str]) -> int:
    """Run Streamlit in this process, so that whatever ends the command ends the server."""
    from streamlit.web import cli

    return int(cli.main(["run", str(SCRIPT), *words], prog_name="streamlit", standalone_mode=False) or 0)


def _flags(settings: Mapping[str, Any], section: str = "") -> Iterator[str]:
    """Yield the settings as options of ``streamlit run``, which no other file or variable can change."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flags(value, f"{section}{name}.")
            continue
        for one in value if isinstance(value, list) else [value]:
            yield from (f"--{section}{name}", one if isinstance(one, str) else json.dumps(one))


def _free_port(address: str, port: int) -> int:
    """Return the first port, from this one on, that nothing listens on."""
    last = min(port + PORTS, 65536) - 1
    for candidate in range(port, last + 1):
        try:
            socket.create_server((address, candidate)).close()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise AffektError(f"port {candidate} cannot be used ({error}): {_CHOOSE}") from error
        else:
            return candidate
    raise AffektError(f"ports {port} to {last} are all in use: {_CHOOSE}")
