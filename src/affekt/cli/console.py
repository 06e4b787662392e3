"""What commands print and write, and the exit codes."""

from __future__ import annotations

import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import IO, Any

from rich.console import Console, RenderableType
from rich.markup import escape

from affekt.support.writing import whole_file

FAILED_INPUT, WRONG_USAGE, INTERRUPTED = 1, 2, 130
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
    """Print the names of the files that were written; None is skipped."""
    for file in files:
        if file is not None:
            say(f"wrote {escape(str(file))}")


@contextmanager
def json_output(
    place: Path | None, *, printed: bool = False, indent: int | None = None
) -> Iterator[Callable[[Any], None]]:
    """Open a JSON file, if there is one, and yield the function that writes values to it.

    The file is opened first, so that one that cannot be written is an error before the values are computed.
    The function also prints the values where they are to be ``printed``. It takes what ``plain`` takes.
    """

    def dump(values: Any) -> str:
        return json.dumps(plain(values), indent=indent, ensure_ascii=False)

    def write(values: Any, *files: IO[str]) -> None:
        for file in (*files, sys.stdout) if printed else files:
            print(dump(values), file=file)

    if place is None:
        yield write
    else:
        with whole_file(place) as file:
            yield lambda values: write(values, file)


def plain(value: Any) -> Any:
    """Return a result as plain values for JSON: by its ``to_dict``, or else its fields that are values.

    Functions and patterns are left out; NaN becomes None, as JSON has no NaN.
    """
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if is_dataclass(value):
        return plain({one.name: getattr(value, one.name) for one in fields(value)})
    if isinstance(value, Mapping):
        return {str(name): plain(one) for name, one in value.items() if not _has_no_value(one)}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else str(value)


def _has_no_value(value: Any) -> bool:
    return callable(value) or isinstance(value, re.Pattern)


def show(result: RenderableType) -> None:
    """Print a result that fits the terminal; in a file or a pipe no line is wrapped."""
    stdout.print(result, soft_wrap=not stdout.is_terminal)
