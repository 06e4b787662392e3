"""A name cannot control the terminal that shows it."""

from __future__ import annotations

import io

import pytest
from rich.table import Table
from rich.text import Text

from affekt.support.terminal import SafeConsole, one_line, plural

EVIL = {
    "\x1b]0;title\x07": "\\x1b]0;title\\x07",
    "\x1b[2J": "\\x1b[2J",
    "\x9b31m": "\\x9b31m",
    "\u202egnp.wav": "\\u202egnp.wav",
    "\u2066a\u2069": "\\u2066a\\u2069",
    "\x7f\x00": "\\x7f\\x00",
    "a\u2028b": "a\\u2028b",
}


@pytest.mark.parametrize(("text", "shown"), EVIL.items())
def test_control_characters_are_shown(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_name_of_several_lines_is_shown_in_one() -> None:
    assert one_line("a\nb\rc\td") == "a\\nb\\rc\\td"


@pytest.mark.parametrize("text", ["clip 1.wav", "größe.wav", "\N{GRINNING FACE}", "👩\u200d🔬", "שלום"])
def test_any_other_text_is_left_alone(text: str) -> None:
    assert one_line(text) == text


@pytest.mark.parametrize("text", EVIL)
def test_nothing_that_a_console_prints_has_control_characters_of_a_text(text: str) -> None:
    console = SafeConsole(file=io.StringIO(), width=60, force_terminal=False)
    table = Table(text, "other", title=Text(text))
    table.add_row(Text(text), "[bold]x")
    for one in (table, text, Text(text, "red"), f"[red]{text}"):
        console.print(one)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert not any(not character.isprintable() for character in printed.replace("\n", ""))


def test_colours_are_still_those_of_the_console() -> None:
    console = SafeConsole(file=io.StringIO(), width=60, force_terminal=True, color_system="standard")
    console.print(Text("a\x1b[0m", "red"))
    assert console.file.getvalue() == "\x1b[31ma\\x1b[0m\x1b[0m\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("count", "text"), [(0, "0 seeds"), (1, "1 seed"), (3, "3 seeds")])
def test_nouns_follow_their_number(count: int, text: str) -> None:
    assert plural(count, "seed") == text
