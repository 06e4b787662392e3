"""The commands of the server: serve, keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import rich_click as click
from rich.markup import escape

from affekt.cli.console import hand_over, say, show, stdout
from affekt.cli.options import existing_file, json_options, model_option
from affekt.errors import explain_import

NOTICE = (
    "You are exposed to an emotion recognition system: a program has estimated which emotion this voice "
    "expresses. (Article 50(3), Regulation (EU) 2024/1689)"
)
SCOPES = ("predict", "stream", "metrics")  # of affekt.server.keys, which other commands do not load

_keys_option = click.option(
    "--keys-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The file of the keys; by default keys.json in ~/.config/affekt.",
)


@click.command(epilog="Example: affekt serve --workers 2")
@click.option("--host", metavar="ADDRESS", help="The address to listen on; by default 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), metavar="N", help="The port; by default 8400.")
@model_option
@click.option(
    "--workers",
    type=click.IntRange(1),
    metavar="N",
    help="Number of processes that compute; by default one for each core.",
)
@click.option(
    "--auth/--no-auth",
    default=None,
    help="Whether requests need a key; by default on every address but those of this machine.",
)
@_keys_option
@click.option(
    "--notice",
    is_flag=False,
    flag_value=NOTICE,
    metavar="[TEXT]",
    help="Let each answer carry this notice; without a text, one that the EU AI Act asks for.",
)
@click.option(
    "--config", type=existing_file, metavar="FILE.toml", help="More settings: see docs/server.md."
)
def serve(
    host: str | None,
    port: int | None,
    model: Path | None,
    workers: int | None,
    auth: bool | None,
    keys_file: Path | None,
    notice: str | None,
    config: Path | None,
) -> None:
    """Serve predictions, timelines and streams over HTTP; stop with Ctrl-C.

    Only this machine can connect, unless --host says otherwise. Other machines need a key: see
    'affekt keys'. SIGTERM finishes what was begun, SIGHUP loads the model anew.
    """
    try:
        from affekt.server.running import serve as run
        from affekt.server.settings import read_settings
    except ModuleNotFoundError as error:
        raise explain_import(error, "affekt serve") from error
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "model": None if model is None else str(model),
        "workers": workers,
        "auth": auth,
        "keys_file": None if keys_file is None else str(keys_file),
        "notice": notice,
    }
    settings = read_settings(config, given)
    run(settings, lambda url: say(f"affekt answers at {url}: see {url}/docs, or stop with Ctrl-C"))


@click.group(invoke_without_command=True, epilog="Example: affekt keys create website")
@_keys_option
@json_options
@click.pass_context
def keys(context: click.Context, keys_file: Path | None, as_json: bool, json_file: Path | None) -> None:
    """List the keys of the server: whose, what for, and until when; make or revoke one."""
    if context.invoked_subcommand is None:
        _list(keys_file, as_json, json_file)
    elif as_json or json_file or keys_file:
        name = context.invoked_subcommand
        raise click.UsageError(f"give options after the command: affekt keys {name} ...")


@keys.command(epilog="Example: affekt keys create website --scopes predict --days 90")
@click.argument("name")
@click.option(
    "--scopes",
    metavar="A,B,...",
    default=",".join(SCOPES),
    show_default=True,
    help="What the key is for.",
)
@click.option("--days", type=click.FloatRange(0, min_open=True), metavar="N", help="How long it is valid.")
@_keys_option
def create(name: str, scopes: str, days: float | None, keys_file: Path | None) -> None:
    """Make a key for NAME, and print it once: only its digest is stored."""
    from affekt.server.keys import create_key, keys_path

    path = keys_path(keys_file)
    key = create_key(path, name, [scope.strip() for scope in scopes.split(",")], days)
    say(f"stored the digest of the key of {escape(name)} in {escape(str(path))}; the key is shown once:")
    stdout.print(key, highlight=False, soft_wrap=True)


@keys.command("list", epilog="Example: affekt keys list --json")
@_keys_option
@json_options
def list_all(keys_file: Path | None, as_json: bool, json_file: Path | None) -> None:
    """List the keys, as the command without a subcommand does."""
    _list(keys_file, as_json, json_file)


def _list(keys_file: Path | None, as_json: bool, json_file: Path | None) -> None:
    from affekt.server.keys import keys_path, read_keys

    found = read_keys(keys_path(keys_file))

    def tell() -> None:
        from rich.table import Table

        table = Table("name", "scopes", "made", "valid until", box=None)
        for key in found:
            table.add_row(escape(key.name), ", ".join(key.scopes), key.created, key.expires or "no end")
        show(table)

    hand_over(found, tell, json_file, printed=as_json, indent=2)


@keys.command(epilog="Example: affekt keys revoke website")
@click.argument("name")
@_keys_option
def revoke(name: str, keys_file: Path | None) -> None:
    """Remove the key of NAME; servers that run refuse it at once."""
    from affekt.server.keys import keys_path, revoke_key

    revoke_key(keys_path(keys_file), name)
    say(f"revoked the key of {escape(name)}")
