"""The command line: the group of all commands, and its entry point.

A command calls one public function of the package and prints what it returns. Exit code 0: success; 1: an
input failed, the others were processed; 2: wrong usage; 128 and the number of a signal: interrupted with
Ctrl-C (130), ``kill`` (143) or by a closed terminal (129), finished results are kept.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape

from affekt.cli.app import app
from affekt.cli.batch import batch
from affekt.cli.citations import cite
from affekt.cli.console import FAILED_INPUT, INTERRUPTED, WRONG_USAGE, named_stdout, say
from affekt.cli.corpora import corpora, explore
from affekt.cli.encoders import encoders
from affekt.cli.evaluation import compare, enrolment, evaluate, robustness
from affekt.cli.explanations import explain
from affekt.cli.inference import adapt, features, model, predict
from affekt.cli.serving import keys, serve
from affekt.cli.timelines import live, timeline
from affekt.cli.training import recipes, reproduce, train
from affekt.errors import AffektError, CorpusError, UnknownNameError, explain_import
from affekt.support.parallel import STOP_SIGNALS
from affekt.support.terminal import one_line

COMMANDS = {
    "Predict": (predict, explain, timeline, live, adapt, batch, features, app),
    "Train and score": (recipes, train, evaluate, compare, enrolment, robustness, reproduce, cite),
    "Serve": (serve, keys),
    "Corpora and models": (corpora, explore, model, encoders),
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
    with _stop_signals_raised() as came, named_stdout():
        try:
            code = _run()
        except Exception as error:
            if not came:
                raise
            _stopped(
                error
            )  # a library that was interrupted while it was imported raises an error of its own
    if came:  # what was half imported might not survive an orderly end
        os._exit(128 + came[0])
    sys.exit(code)


def _run() -> int:
    try:
        code = affekt.main(standalone_mode=False)
        sys.stdout.flush()
    except Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.message = one_line(error.message)  # type: ignore[misc]
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        code = _stopped(error.__context__ or error)  # click raises Abort instead
    except BrokenPipeError as error:  # as with | head
        _say_notes(error)
        code = FAILED_INPUT
    except UnknownNameError as error:
        code = _fail(error, WRONG_USAGE)
    except ModuleNotFoundError as error:
        code = _fail(explain_import(error, "this command"), FAILED_INPUT)
    except (AffektError, OSError) as error:
        code = _fail(error, FAILED_INPUT)
    return int(code or 0)


class _Stopped(KeyboardInterrupt):
    """One of the signals that stop a command: Ctrl-C, ``kill``, a closed terminal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


@contextmanager
def _stop_signals_raised() -> Iterator[list[int]]:
    """Let the signals that stop a command raise ``_Stopped``, but those that are ignored, as by nohup.

    The list that is yielded has the signal once it has come.
    """
    came: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        for one in STOP_SIGNALS:  # what is cleaned up now is not interrupted again
            signal.signal(one, signal.SIG_IGN)
        came.append(number)
        raise _Stopped(number)

    usual = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in usual.items():
        if handler in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, stop)
    try:
        yield came
    finally:
        for number, handler in usual.items():
            if signal.getsignal(number) is stop:  # none has come
                signal.signal(number, handler)


def _stopped(error: BaseException) -> int:
    with suppress(OSError):  # the terminal may be gone
        say(f"[yellow]stopped[/]{_how_to_continue(sys.argv)}")
    _say_notes(error)
    return error.exit_code if isinstance(error, _Stopped) else INTERRUPTED


def _how_to_continue(arguments: Sequence[str]) -> str:
    if any(one.startswith("--checkpoints") for one in arguments):
        return ". Finished folds are kept: run the same command again to continue"
    return ""


def _fail(error: BaseException, code: int) -> int:
    with suppress(OSError):
        first, *others = str(error).split("\n") if isinstance(error, CorpusError) else [str(error)]
        say(f"[bold red]error:[/] {escape(first)}")
        for line in others:  # such as those of a manifest
            say(escape(line))
    _say_notes(error)
    return code


def _say_notes(error: BaseException) -> None:
    """Print what was noted about an error: where finished results are kept."""
    with suppress(OSError):
        for note in getattr(error, "__notes__", []):
            say(f"[yellow]{escape(note)}")
