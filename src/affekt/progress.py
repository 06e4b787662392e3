"""Progress bars on the terminal's error stream; nothing at all where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


class Advance(Protocol):
    """Moves a bar by some steps, one by default, with a word for what is being done."""

    def __call__(self, doing: str = "", steps: int = 1) -> None:
        """Move."""


_SHOWN: ContextVar[Progress | None] = ContextVar("the bars on the screen", default=None)


@contextmanager
def progress_bar(title: str, total: int, *, unit: str = "", shown: bool = True) -> Iterator[Advance]:
    """A bar with count and remaining time, for a block that calls what it is given.

    Steps are counted, or shown as a download where ``unit`` is ``bytes``. A bar inside the block of
    another is shown below it.
    """
    outer = _SHOWN.get()
    if outer is not None and shown:
        task = outer.add_task(title, total=total, doing="")
        try:
            yield lambda doing="", steps=1: outer.update(task, advance=steps, doing=doing)
        finally:
            outer.remove_task(task)
        return
    if not shown:
        yield lambda doing="", steps=1: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if unit == "bytes" else MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[doing]}", style="dim", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,  # what a command prints goes where it belongs, not above the bar
        redirect_stderr=False,
        disable=not console.is_terminal,
    )
    with bars:
        task = bars.add_task(title, total=total, doing="")
        token = _SHOWN.set(bars)
        try:
            yield lambda doing="", steps=1: bars.update(task, advance=steps, doing=doing)
        finally:
            _SHOWN.reset(token)


@contextmanager
def inner_bar(title: str, total: int) -> Iterator[Advance]:
    """A bar below the one that is shown, for work that does not know who asked; else nothing."""
    with progress_bar(title, total, shown=_SHOWN.get() is not None) as advance:
        yield advance


def track(items: Iterable[Item], title: str, total: int, *, shown: bool = True) -> Iterator[Item]:
    """The same items, with a bar that moves as they are taken."""
    with progress_bar(title, total, shown=shown) as advance:
        for item in items:
            yield item
            advance()
