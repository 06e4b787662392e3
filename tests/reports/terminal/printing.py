"""Prints what rich prints on a terminal of 80 columns."""

from __future__ import annotations

from rich.console import Console, RenderableType


def printed(*parts: RenderableType, width: int = 80) -> str:
    """The text on a terminal; no line of it may be longer than the terminal is wide."""
    console = Console(width=width, color_system=None)
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def cells(text: str, name: str) -> list[str]:
    """The cells of the first row with this name."""
    (row, *_) = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    return row.removeprefix(name).split()


HOSTILE = ["[/x]", "[red]a[/red]", "[/]", "[link=x]b", "a\nb", "\x1b[31mred", "\\[/x]", ":smile:"]
"""Names that would be markup, an emoji, a new line or a colour if they were printed as they are."""
