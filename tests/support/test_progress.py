"""Progress is shown on a terminal only."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from affekt.support.progress import _SHOWN, Advance, inner_bar, progress_bar, reported_to, track


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make rich treat the captured error stream as a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


def run_bar(title: str, *, unit: str = "", shown: bool = True, doing: str = "") -> None:
    with progress_bar(title, 3, unit=unit, shown=shown) as advance:
        advance(doing)
        advance(doing, steps=2)


def test_the_items_are_yielded_unchanged() -> None:
    assert list(track(iter("abc"), "letters", 3)) == ["a", "b", "c"]


def test_items_are_taken_one_by_one() -> None:
    source = iter("abc")
    next(track(source, "letters", 3))
    assert list(source) == ["b", "c"]


@pytest.mark.parametrize("shown", [True, False])
def test_without_a_terminal_nothing_is_written(shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("reading", shown=shown)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("terminal")
def test_nothing_is_written_where_it_is_not_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("reading", shown=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_title_and_count_on_its_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("reading", doing="a.wav")
    out, err = capsys.readouterr()
    assert out == ""
    assert "reading" in err and "3/3" in err and "a.wav" in err


@pytest.mark.usefixtures("terminal")
def test_a_download_is_shown_in_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("downloading", unit="bytes")
    assert "3/3 bytes" in capsys.readouterr().err


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("text", ["clip [2]", "[/dim]", "[/]", "[red]"])
def test_brackets_in_a_name_are_shown_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_bar(text, doing=text)
    assert capsys.readouterr().err.count(text) >= 2


@pytest.mark.usefixtures("terminal")
def test_an_error_inside_a_bar_passes_through(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), progress_bar("reading", 3):
        raise ZeroDivisionError
    assert "reading" in capsys.readouterr().err


def on_the_screen(capsys: pytest.CaptureFixture[str]) -> str:
    """Return the text on the terminal after the bars are redrawn."""
    bars = _SHOWN.get()
    assert bars is not None
    bars.refresh()
    capsys.readouterr()
    bars.refresh()
    return capsys.readouterr().err


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("inner_kind", [progress_bar, inner_bar])
def test_a_bar_inside_another_is_shown_below_it_and_removed(
    inner_kind: Callable[..., AbstractContextManager[Advance]], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar("folds", 2) as advance:
        advance("fold 1")
        with inner_kind("epochs", 3) as inner:
            inner("loss 0.5", steps=2)
            both = on_the_screen(capsys)
            assert both.index("folds") < both.index("epochs")
            for text in ("fold 1", "1/2", "loss 0.5", "2/3"):
                assert text in both, text
        alone = on_the_screen(capsys)
        assert "folds" in alone and "epochs" not in alone


@pytest.mark.usefixtures("terminal")
def test_without_an_outer_bar_an_inner_one_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with inner_bar("epochs", 3) as advance:
        advance()
    with progress_bar("folds", 2, shown=False), inner_bar("epochs", 3) as advance:
        advance()
    with progress_bar("folds", 1):
        pass
    capsys.readouterr()
    with inner_bar("epochs", 3) as advance:
        advance()
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("terminal")
def test_after_an_error_in_an_inner_bar_the_next_bar_is_shown_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ZeroDivisionError), progress_bar("folds", 2), inner_bar("epochs", 3):
        raise ZeroDivisionError
    capsys.readouterr()
    run_bar("reading")
    err = capsys.readouterr().err
    assert "reading" in err and "folds" not in err and "epochs" not in err


def test_bars_in_bars_write_nothing_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("folds", 2) as advance, inner_bar("epochs", 3) as inner:
        inner()
        advance()
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("terminal")
def test_a_function_is_told_the_progress_instead(capsys: pytest.CaptureFixture[str]) -> None:
    told: list[tuple[str, float]] = []
    with reported_to(lambda title, share: told.append((title, share))):
        run_bar("reading")
        run_bar("hidden", shown=False)
    assert told == [("reading", 1 / 3), ("reading", 1.0)]
    assert capsys.readouterr().err == ""
    run_bar("reading again")
    assert "reading again" in capsys.readouterr().err
