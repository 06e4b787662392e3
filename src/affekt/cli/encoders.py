"""The commands about pretrained encoders: encoders list, encoders add, encoders download."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from rich.markup import escape

from affekt.cli.completion import complete_encoders
from affekt.cli.console import hand_over, show, stdout
from affekt.cli.options import existing_file, json_options

if TYPE_CHECKING:
    from affekt.features.encoder_installation import EncoderState


@click.group(invoke_without_command=True, epilog="Example: affekt encoders download whisper-base")
@json_options
@click.pass_context
def encoders(context: click.Context, as_json: bool, json_file: Path | None) -> None:
    """List the pretrained encoders: where they are, their sizes and licences; add or download one."""
    if context.invoked_subcommand is None:
        _list(as_json, json_file)
    elif as_json or json_file:
        name = context.invoked_subcommand
        raise click.UsageError(f"give --json and --json-out after the command: affekt encoders {name} ...")


@encoders.command("list", epilog="Example: affekt encoders list --json")
@json_options
def list_all(as_json: bool, json_file: Path | None) -> None:
    """List the encoders, as the command without a subcommand does."""
    _list(as_json, json_file)


def _list(as_json: bool, json_file: Path | None) -> None:
    from affekt.features.encoder_installation import list_encoders
    from affekt.reports import terminal

    states = list_encoders()
    hand_over(states, lambda: show(terminal.encoders(states)), json_file, printed=as_json, indent=2)


@encoders.command(epilog="Example: affekt encoders add base.pt")
@click.argument("file", type=existing_file)
@click.option(
    "--name", metavar="NAME", shell_complete=complete_encoders,
    help="The encoder that the checkpoint must be of; by default it is recognised.",
)  # fmt: skip
def add(file: Path, name: str | None) -> None:
    """Build an encoder from a checkpoint: OpenAI's .pt, Hugging Face's .safetensors, or .npz."""
    from affekt.features.encoder_installation import add_encoder

    _say_built(add_encoder(file, name))


@encoders.command(epilog="Example: affekt encoders download whisper-base")
@click.argument("name", shell_complete=complete_encoders)
def download(name: str) -> None:
    """Download the checkpoint of an encoder, and build it; an interrupted download is continued."""
    from affekt.features.encoder_installation import download_encoder

    _say_built(download_encoder(name, progress=True))


def _say_built(state: EncoderState) -> None:
    stdout.print(
        f"{state.encoder.name} is in {escape(str(state.file))}, {state.size_bytes / 1e6:.1f} MB. Try: "
        f"affekt features --set {state.encoder.name}@1 FILE --out features.csv",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
