"""The limits of a visitor."""

from __future__ import annotations

import sys

import pytest

from affekt.app.limits import DEMO, OWN, VARIABLE, limits


@pytest.mark.parametrize(
    ("words", "value", "expected"),
    [((), None, OWN), (("--demo",), None, DEMO), ((), "1", DEMO), ((), "0", OWN), ((), "", OWN)],
)
def test_a_demo_is_asked_for_by_an_option_or_a_variable(
    monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], value: str | None, expected: object
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", *words])
    monkeypatch.delenv(VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(VARIABLE, value)
    assert limits() == expected
