"""What commands print and write, and the exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from affekt.support.writing import whole_file

FAILED_INPUT, WRONG_USAGE, INTERRUPTED = 1, 2, 130
TERMINAL = "-"  # as the name of an output file
_WIDTH = 160  # of lines in a file or a pipe


# A closed stream is None, as without a terminal: what is written to it is dropped.
sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the process
sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open as long as the process


def _console(*, error: bool) -> Console:
    stream = sys.stderr if error else sys.stdout
    return Console(stderr=error, width=None if stream.isatty() else _WIDTH)


stdout, stderr = _console(error=False), _console(error=True)


def say(text: str) -> None:
    """Print a message to stderr; ``text`` may contain markup."""
    stderr.print(text, highlight=False, soft_wrap=True)


def say_written(*files: Path | None) -> None:
    """Print the names of the files that were written; None and the terminal are skipped."""
    for file in files:
        if file is not None and str(file) != TERMINAL:
            say(f"wrote {escape(str(file))}")


@contextmanager
def json_output(place: Path | None, *, indent: int | None = None) -> Iterator[Callable[[Any], None]]:
    """Open a JSON file, and yield the function that writes plain values to it.

    The file is opened first, so that one that cannot be written is an error before the values are computed.
    The terminal is written to where ``place`` is ``-``, nothing where it is None.
    """

    def dump(values: Any) -> str:
        return json.dumps(values, indent=indent, ensure_ascii=False)

    if place is None:
        yield lambda values: None
    elif str(place) == TERMINAL:
        yield lambda values: print(dump(values))
    else:
        with whole_file(place) as file:
            yield lambda values: print(dump(values), file=file)
