"""What commands print and write, and the exit codes."""

from __future__ import annotations

import json
import math
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO, cast

from rich.console import Console, RenderableType
from rich.markup import escape

from affekt.support.terminal import SafeConsole, is_invisible, one_line
from affekt.support.writing import whole_file

STDOUT = "standard output"  # the file name of errors in printing
FAILED_INPUT, WRONG_USAGE, INTERRUPTED = 1, 2, 130
_WIDTH = 160  # of lines in a file or a pipe
_NOT_ASCII = re.compile("[^ -~\n]")


def _open_again(flags: int, mode: str) -> Any:
    """Open what stands for a closed stream, under the stream's number, as that is the lowest free one."""
    number = os.open(os.devnull, flags)
    os.set_inheritable(number, True)
    return open(number, mode, encoding="utf-8")


# A closed stream is None. What is written to stdout must not be lost in silence: that is an error then.
_stdin = sys.stdin or _open_again(os.O_RDONLY, "r")
sys.stdout = sys.stdout or _open_again(os.O_RDONLY, "w")
sys.stderr = sys.stderr or _open_again(os.O_WRONLY, "w")


class _NamedStdout:
    """Standard output whose errors say that it is what cannot be written."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with self._naming():
            return self._stream.write(text)

    def flush(self) -> None:
        with self._naming():
            self._stream.flush()

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OSError(error.errno, error.strerror, STDOUT) from error


@contextmanager
def named_stdout() -> Iterator[None]:
    """Let errors in writing to standard output say so; what cannot be written is dropped at the end."""
    stream = sys.stdout
    sys.stdout = cast(TextIO, _NamedStdout(stream))
    try:
        yield
    finally:
        sys.stdout = stream
        try:
            stream.flush()
        except OSError:  # Python would complain about it when it ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _console(*, error: bool) -> Console:
    stream = sys.stderr if error else sys.stdout
    return SafeConsole(stderr=error, width=None if stream.isatty() else _WIDTH)


stdout, stderr = _console(error=False), _console(error=True)


def say(text: str) -> None:
    """Print a message of one line to stderr; ``text`` may contain markup."""
    stderr.print(one_line(text), highlight=False, soft_wrap=True)


def say_written(*files: Path | None) -> None:
    """Print the names of the files that were written; None is skipped."""
    for file in files:
        if file is not None:
            say(f"wrote {escape(str(file))}")


def json_text(values: Any, *, indent: int | None = None, encoding: str = "utf-8") -> str:
    """Return plain values as JSON that can be encoded so, and in which nothing controls a terminal."""
    text = json.dumps(values, indent=indent, ensure_ascii=False)
    text = _NOT_ASCII.sub(lambda one: json.dumps(one[0])[1:-1] if is_invisible(one[0]) else one[0], text)
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return json.dumps(values, indent=indent)
    return text


def _without_folders(word: str) -> str:
    option, equals, value = word.rpartition("=") if word.startswith("-") else ("", "", word)
    path = Path(value)
    return f"{option}{equals}{path.name if path.is_absolute() or '..' in path.parts else value}"


def with_command(result: Any) -> Any:
    """Return an evaluation whose provenance has the command line of this process.

    Of absolute paths, and of those that begin in a folder above, it has the last part alone: the rest is of
    no use to others, and may name a person.
    """
    words = [_without_folders(word) for word in sys.argv[1:]]
    provenance = result.provenance and replace(result.provenance, command=shlex.join(["affekt", *words]))
    return replace(result, provenance=provenance)


def print_json(values: Any, *, indent: int | None = None) -> None:
    """Print what ``plain`` takes as JSON."""
    print(json_text(plain(values), indent=indent, encoding=sys.stdout.encoding))


def write_json(values: Any, place: Path, *, indent: int | None = None) -> None:
    """Write what ``plain`` takes to a JSON file."""
    write_text(lambda: json_text(plain(values), indent=indent) + "\n", place)


def write_text(make: Callable[[], str], place: Path) -> None:
    """Write a text to a file, which is replaced when the text is made."""
    with whole_file(place) as file:
        file.write(make())


def hand_over(
    values: Any,
    tell: Callable[[], object],
    json_file: Path | None,
    *files: tuple[Path | None, Callable[[Path], object]],
    printed: bool = False,
    indent: int | None = None,
) -> None:
    """Print a result, write the files of it, and name these; what fails keeps nothing else from being done.

    Parameters
    ----------
    values
        The result, as ``plain`` takes it.
    tell
        Prints it for people.
    json_file
        Where to write it as JSON, None for nowhere.
    *files
        Other files, None for one that was not asked for, each with the function that writes it.
    printed
        Print JSON, and do not ``tell``.
    indent
        Of JSON.

    Raises
    ------
    Exception
        The first that was raised, after all is done; the others are its notes.
    """
    written: list[Path] = []
    failed: list[Exception] = []
    steps: list[tuple[Path | None, Callable[[], object]]] = [
        (None, partial(print_json, values, indent=indent) if printed else tell)
    ]
    if json_file:
        steps.append((json_file, partial(write_json, values, json_file, indent=indent)))
    steps += [(place, partial(write, place)) for place, write in files if place]
    for place, step in steps:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - it is raised below
            failed.append(error)
        else:
            written += [place] if place else []
    say_written(*written)
    if failed:
        first, *others = failed
        for other in others:
            first.add_note(str(other))
        raise first


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
