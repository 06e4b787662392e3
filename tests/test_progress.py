"""Progress is shown on a terminal, and nowhere else."""

from __future__ import annotations

import pytest

from affekt.progress import progress_bar, track


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rich take the captured error stream for a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")


def run_bar(title: str, *, unit: str = "", shown: bool = True, doing: str = "") -> None:
    with progress_bar(title, 3, unit=unit, shown=shown) as advance:
        advance(doing)
        advance(doing, steps=2)


def test_the_items_are_the_same() -> None:
    assert list(track(iter("abc"), "letters", 3)) == ["a", "b", "c"]


def test_items_are_taken_one_by_one() -> None:
    source = iter("abc")
    next(track(source, "letters", 3))
    assert list(source) == ["b", "c"]


@pytest.mark.parametrize("shown", [True, False])
def test_without_a_terminal_nothing_is_written(shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("listening", shown=shown)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("terminal")
def test_nothing_is_written_where_it_is_not_wanted(capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("listening", shown=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_title_and_count_on_its_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("listening", doing="a.wav")
    out, err = capsys.readouterr()
    assert out == ""
    assert "listening" in err and "3/3" in err and "a.wav" in err


@pytest.mark.usefixtures("terminal")
def test_a_download_is_shown_in_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    run_bar("fetching", unit="bytes")
    assert "3/3 bytes" in capsys.readouterr().err


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("text", ["take [2]", "[/dim]", "[/]", "[red]"])
def test_brackets_in_a_name_are_shown_as_they_are(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    run_bar(text, doing=text)
    assert capsys.readouterr().err.count(text) >= 2


@pytest.mark.usefixtures("terminal")
def test_an_error_inside_a_bar_passes_through(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError), progress_bar("listening", 3):
        raise ZeroDivisionError
    assert "listening" in capsys.readouterr().err
