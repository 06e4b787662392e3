"""The command line: the group of all commands, and its entry point.

A command calls one public function of the package and prints what it returns. Exit code 0: success; 1: an
input failed, the others were processed; 2: wrong usage; 130: interrupted with Ctrl-C, finished results are
kept.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape

from affekt.cli.app import app
from affekt.cli.console import FAILED_INPUT, INTERRUPTED, WRONG_USAGE, say
from affekt.cli.corpora import corpora, explore
from affekt.cli.evaluation import compare, enrolment, evaluate, robustness
from affekt.cli.inference import adapt, features, model, predict
from affekt.cli.training import recipes, reproduce, train
from affekt.errors import AffektError, UnknownNameError, explain_import

COMMANDS = {
    "Predict": (predict, adapt, features, app),
    "Train and score": (recipes, train, evaluate, compare, enrolment, robustness, reproduce),
    "Corpora and models": (corpora, explore, model),
}

click.rich_click.STYLE_OPTION = "bold cyan"
click.rich_click.STYLE_COMMAND = "bold cyan"
click.rich_click.TEXT_PARAGRAPH_LINEBREAKS = "\n\n"
click.rich_click.COMMAND_GROUPS = {
    "affekt": [
        {"name": title, "commands": [str(command.name) for command in commands]}
        for title, commands in COMMANDS.items()
    ]
}


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit code: 0 success; 1 an input failed, the others were processed; 2 wrong usage; "
    "130 interrupted with Ctrl-C. Example: affekt predict clip.wav",
)
@click.version_option(package_name="affekt")
def affekt() -> None:
    """Predict the emotion that a voice expresses, in speech and song, with calibrated probabilities."""


for _commands in COMMANDS.values():
    for _command in _commands:
        affekt.add_command(_command)


def main() -> None:
    """Run the command line; an expected error becomes a message of one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):  # the name of a file may have characters that cannot be encoded
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = affekt.main(standalone_mode=False)
    except Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        say(f"[yellow]stopped[/]{_how_to_continue(sys.argv)}")
        code = INTERRUPTED
    except BrokenPipeError:  # as with | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED_INPUT
    except UnknownNameError as error:
        code = _fail(error, WRONG_USAGE)
    except ModuleNotFoundError as error:
        code = _fail(explain_import(error, "this command"), FAILED_INPUT)
    except (AffektError, OSError) as error:
        code = _fail(error, FAILED_INPUT)
    sys.exit(code or 0)


def _how_to_continue(arguments: Sequence[str]) -> str:
    if any(one.startswith("--checkpoints") for one in arguments):
        return ". Finished folds are kept: run the same command again to continue"
    return ""


def _fail(error: BaseException, code: int) -> int:
    say(f"[bold red]error:[/] {escape(str(error))}")
    return code
