"""Texts on a terminal: numbers in words, and file names, which are shown and do not control it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # categories of characters that move, hide or break a line
_JOINERS = "\u200c\u200d"  # parts of words and of emojis


def plural(count: int, noun: str) -> str:
    """Return ``1 seed`` or ``2 seeds``."""
    return f"{count} {noun}{'s' * (count != 1)}"


def clock(seconds: float) -> str:
    """Return a time as ``2:03.4``, or ``1:02:03.4`` where there are hours.

    >>> clock(123.44), clock(3723.4), clock(59.96)
    ('2:03.4', '1:02:03.4', '1:00.0')
    """
    minutes, tenths = divmod(round(seconds * 10), 600)
    hours, minutes = divmod(minutes, 60)
    start = f"{hours}:{minutes:02}" if hours else str(minutes)
    return f"{start}:{tenths // 10:02}.{tenths % 10}"


def one_line(text: str) -> str:
    r"""Return a text on one line, with characters that cannot be seen written as their code.

    >>> one_line("a\nb.wav")
    'a\\nb.wav'
    """
    return _show_invisible(text)


def is_invisible(character: str) -> bool:
    """Whether a character moves, hides or breaks a line; those that join letters and emojis do not."""
    return unicodedata.category(character) in _INVISIBLE and character not in _JOINERS


def _show_invisible(text: str, kept: str = "") -> str:
    if text.isprintable():
        return text
    return "".join(
        one.encode("unicode_escape").decode() if is_invisible(one) and one not in kept else one
        for one in text
    )


class SafeConsole(Console):
    """A console that shows control characters of texts; new lines and tabs stay."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what the console yields, which may send control codes of its own."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else _show_invisible(text, "\n\t"), style, control)
