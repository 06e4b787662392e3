"""The kinds of options and values that click does not have."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import rich_click as click

from affekt.emotions import canonical_emotion, sort_emotions
from affekt.support.writing import check_place, find_target


class OutputFile(click.Path):
    """A file to be written, with one of the given suffixes.

    The suffix is checked so that an input that was mistyped as an output is not overwritten. A file that
    cannot be written is an ``OSError``, before the command does anything.
    """

    def __init__(self, *suffixes: str) -> None:
        super().__init__(dir_okay=False, path_type=Path)
        self.suffixes = suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check suffix and place."""
        path = Path(str(super().convert(value, param, ctx)))
        if path.suffix.lower() not in self.suffixes:
            self.fail(f"{str(path)!r} does not end in {' or '.join(self.suffixes)}", param, ctx)
        if (target := find_target(path)).suffix.lower() not in self.suffixes:
            self.fail(f"{str(path)!r} is a link to {str(target)!r}, which would be replaced", param, ctx)
        check_place(path)
        return path


class SeveralValues(click.Option):
    """An option of a ``Command`` that takes all values up to the next option; it must be ``multiple``."""


class RenamedOption(click.Option):
    """An option that is also accepted under its former name, which the help does not show."""

    def __init__(self, *arguments: Any, formerly: str, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.formerly = formerly

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Add the option, and its former name."""
        super().add_to_parser(parser, ctx)
        parser.add_option(obj=self, opts=[self.formerly], dest=self.name, action="store")


class Command(click.RichCommand):
    """A command that can have ``SeveralValues``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Repeat the name of such an option before each of its values, which click can parse.

        After ``--name=value`` there are no further values. A line that is being completed is not complete.
        """
        _check_json(ctx, args)
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        names = {name for one in self.params if isinstance(one, SeveralValues) for name in one.opts}
        return super().parse_args(ctx, list(_repeat_names(args, names)))


def _check_json(ctx: click.Context, args: list[str]) -> None:
    """Refuse a file after ``--json``, which earlier versions wrote the scores to."""
    for option, file in pairwise(args):
        if option == "--json" and (file == "-" or file.lower().endswith(".json")):
            written = "" if file == "-" else f"; to write them to a file, give --json-out {file}"
            raise click.UsageError(f"--json takes no file: it prints the scores{written}", ctx)
    if old := [word for word in args if word.startswith("--json=")]:
        raise click.UsageError(f"--json takes no file: to write one, give --json-out{old[0][6:]}", ctx)


def _repeat_names(args: list[str], names: set[str]) -> Iterator[str]:
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word == "--":
            yield from [word, *rest]
            return
        if word not in names:
            yield word
            continue
        values = list(takewhile(_is_value, rest))
        if not values:
            raise click.BadOptionUsage(word, f"Option {word!r} requires an argument.")
        del rest[: len(values)]
        for value in values:
            yield from (word, value)


def _is_value(word: str) -> bool:
    return word == "-" or not word.startswith("-")


def parse_emotions(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | str | None:
    """Return canonical names, ``all``, or None where nothing was given."""
    if value is None or value == "all":
        return value
    emotions = sort_emotions(canonical_emotion(word) for word in value.split(",") if word.strip())
    if len(emotions) < 2:
        raise click.BadParameter(f"give two emotions or more, separated by commas, not {value!r}")
    return emotions


def parse_predicted_emotions(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    """Return canonical names; None for all that the model knows."""
    emotions = parse_emotions(context, parameter, value)
    return None if isinstance(emotions, str) else emotions
