"""Texts of others on a terminal, such as file names: they are shown, and do not control it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

# Control characters, those that separate lines, and those that change the direction of what follows.
_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_UNSAFE = re.compile(f"[{_CONTROLS}]")
_NOT_OF_A_LINE = re.compile(f"[\t\n{_CONTROLS}]")


def printable(text: str) -> str:
    r"""Return a text of one line, with characters that control a terminal shown as ``\x1b``, ``\n``, ..."""
    return _NOT_OF_A_LINE.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


class SafeConsole(Console):
    """A console that shows control characters of texts; new lines and tabs stay."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what the console yields, which may send control codes of its own."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else _UNSAFE.sub(_shown, text), style, control)
