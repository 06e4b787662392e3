"""Progress bars on the standard error stream, shown only if it is a terminal, or told to a function."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress

Item = TypeVar("Item")


class Advance(Protocol):
    """Advances a bar by some steps, one by default, with a text for the current step."""

    def __call__(self, doing: str = "", steps: int = 1) -> None:
        """Advance."""


Report = Callable[[str, float], None]
"""Is called with the title of a bar and the share that is done, 0 to 1."""

_SHOWN: ContextVar[Progress | None] = ContextVar("the bars on the screen", default=None)
_REPORT: ContextVar[Report | None] = ContextVar("what is called instead", default=None)


@contextmanager
def reported_to(report: Report) -> Iterator[None]:
    """Call a function instead of showing bars, within the block."""
    token = _REPORT.set(report)
    try:
        yield
    finally:
        _REPORT.reset(token)


def _reporting(report: Report, title: str, total: int) -> Advance:
    done = 0

    def advance(doing: str = "", steps: int = 1) -> None:
        nonlocal done
        done += steps
        report(title, min(done / total, 1.0) if total else 1.0)

    return advance


@contextmanager
def progress_bar(title: str, total: int, *, unit: str = "", shown: bool = True) -> Iterator[Advance]:
    """Show a bar with count and remaining time, and yield the function that advances it.

    The count is shown as that of a download if ``unit`` is ``bytes``. A bar within the block of another one
    is shown below it.
    """
    outer, report = _SHOWN.get(), _REPORT.get()
    if not shown:
        yield lambda doing="", steps=1: None
    elif report is not None:
        yield _reporting(report, title, total)
    elif outer is not None:
        task = outer.add_task(title, total=total, doing="")
        try:
            yield lambda doing="", steps=1: outer.update(task, advance=steps, doing=doing)
        finally:
            outer.remove_task(task)
    else:
        with _new_bars(unit) as bars:
            task = bars.add_task(title, total=total, doing="")
            token = _SHOWN.set(bars)
            try:
                yield lambda doing="", steps=1: bars.update(task, advance=steps, doing=doing)
            finally:
                _SHOWN.reset(token)


def _new_bars(unit: str) -> Progress:
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from affekt.support.terminal import SafeConsole

    console = SafeConsole(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn() if unit == "bytes" else MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[doing]}", style="dim", markup=False),
        console=console,
        transient=True,
        redirect_stdout=False,  # output of commands goes to its own stream, not above the bar
        redirect_stderr=False,
        disable=not console.is_terminal,
    )


@contextmanager
def inner_bar(title: str, total: int) -> Iterator[Advance]:
    """Show a bar below the current one; if none is shown, show nothing."""
    with progress_bar(title, total, shown=_SHOWN.get() is not None) as advance:
        yield advance


def track(items: Iterable[Item], title: str, total: int, *, shown: bool = True) -> Iterator[Item]:
    """Yield the items, and show a bar that advances with each."""
    with progress_bar(title, total, shown=shown) as advance:
        for item in items:
            yield item
            advance()
