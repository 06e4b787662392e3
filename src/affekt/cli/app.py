"""The command that serves the web app: app."""

from __future__ import annotations

import errno
import ipaddress
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
PORT = 8501
PORTS = 100  # how many are tried
DEMO_UPLOAD_MB = 20
_CHOOSE = "choose another with --port N"
LIBRARIES = ("streamlit", "plotly", "matplotlib", "sklearn")  # those of the extra that pages import


@click.command()
@click.option("--corpus", metavar="PATH", help="Show figures of this corpus too.")
@model_option
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="The address to serve on; 0.0.0.0 lets every machine in the network use the app.",
)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    help=f"The port to serve on.  [default: {PORT}, or the next one that is free]",
)
@click.option("--open/--no-open", "opens", default=None, help="Whether to open a browser.")
@click.option(
    "--demo",
    is_flag=True,
    envvar="AFFEKT_DEMO",
    help="For a public address: short recordings, few files, no models of visitors.",
)
def app(
    corpus: str | None, model: Path | None, host: str, port: int | None, opens: bool | None, demo: bool
) -> None:
    """Serve the web app and open it in a browser; by default, only this machine can connect to it."""
    if any(find_spec(library) is None for library in LIBRARIES):
        raise MissingExtraError("affekt app", "app")
    from affekt.corpora.registry import load_corpus
    from affekt.model.bundle import load

    if demo and corpus:
        raise click.UsageError("a demo shows no corpus: leave out --corpus or --demo")
    load(model)
    given = [f"--model={model}"] if model else []
    if demo:
        given.append("--demo")
    if corpus:
        load_corpus(corpus)
        given.append(f"--corpus={corpus}")
    settings = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
    server = settings["server"]
    server["address"] = host
    server["port"] = _find_port(host, port)
    if demo:
        server["maxUploadSize"] = DEMO_UPLOAD_MB
    public = not _is_loopback(host)
    if opens is not None or public or demo:
        server["headless"] = not opens
    if public:
        say(f"every machine that can reach {host} can use the app: it asks for no password")
    raise Exit(_serve([*_flags(settings), "--", *given]))


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


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _find_port(host: str, wanted: int | None) -> int:
    """Return the wanted port; without a wish, the first port from ``PORT`` on that nothing listens on."""
    if wanted is not None:
        if not _is_free(host, wanted):
            raise AffektError(f"port {wanted} is in use: {_CHOOSE}, or leave out --port to use a free one")
        return wanted
    for port in range(PORT, PORT + PORTS):
        if _is_free(host, port):
            if port != PORT:
                say(f"port {PORT} is in use: the app is served on port {port}")
            return port
    raise AffektError(f"ports {PORT} to {PORT + PORTS - 1} are all in use: {_CHOOSE}")


def _is_free(host: str, port: int) -> bool:
    try:
        socket.getaddrinfo(host or None, port)
        if not host:
            raise socket.gaierror("it is empty")
    except (socket.gaierror, UnicodeError) as error:
        raise AffektError(f"{host!r} is not an address of this machine: try --host 127.0.0.1") from error
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return False
        if error.errno == errno.EADDRNOTAVAIL:
            raise AffektError(f"{host} is not an address of this machine: try --host 127.0.0.1") from error
        raise AffektError(f"port {port} of {host} cannot be used ({error}): {_CHOOSE}") from error
    return True
