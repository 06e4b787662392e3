"""A file is written completely or not at all."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from affekt.support.writing import check_place, harmless_cell, whole_file


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str, error: BaseException | None = None) -> None:
    with whole_file(path) as file:
        file.write(text)
        if error:
            raise error


def test_a_finished_file_has_its_final_name(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "new"
    assert names(tmp_path) == ["a.csv"]


def test_the_old_file_is_replaced_completely(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old and longer")
    write(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "new"


def test_the_old_file_is_there_while_the_new_one_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    with whole_file(tmp_path / "a.csv") as file:
        file.write("new")
        file.flush()
        assert (tmp_path / "a.csv").read_text() == "old"


def test_after_an_error_the_old_file_is_as_it_was_and_nothing_remains(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.csv", "half", ZeroDivisionError())
    assert (tmp_path / "a.csv").read_text() == "old"
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyboardInterrupt()])
def test_after_an_error_there_is_no_file_where_none_was(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write(tmp_path / "a.csv", "half", error)
    assert names(tmp_path) == []


@pytest.mark.posix
def test_two_writers_of_one_file_both_finish_and_the_last_one_wins(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.csv") as one:
        one.write("one")
        with whole_file(tmp_path / "a.csv") as other:
            other.write("other")
        assert (tmp_path / "a.csv").read_text() == "other"
        one.write(" and more")
    assert (tmp_path / "a.csv").read_text() == "one and more"
    assert names(tmp_path) == ["a.csv"]


@pytest.mark.posix
def test_nothing_is_written_through_a_link_that_waits_under_the_temporary_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "a.csv.guessed.part").symlink_to(tmp_path / "precious")
    guesses = iter(["guessed", "other"])
    monkeypatch.setattr("secrets.token_hex", lambda length: next(guesses))
    write(tmp_path / "a.csv", "new")
    assert (tmp_path / "precious").read_text() == "precious"
    assert names(tmp_path) == ["a.csv", "a.csv.guessed.part", "precious"]


@pytest.mark.posix
@pytest.mark.parametrize("old", ["old", None])
def test_a_link_stays_and_what_it_points_to_is_replaced(tmp_path: Path, old: str | None) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "real.csv"
    if old:
        target.write_text(old)
    (tmp_path / "a.csv").symlink_to(target)
    write(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").is_symlink()
    assert target.read_text() == "new"
    assert names(tmp_path / "elsewhere") == ["real.csv"]


@pytest.mark.posix
def test_a_new_file_has_the_permissions_of_the_old_one_or_the_usual_ones(tmp_path: Path) -> None:
    (tmp_path / "old.csv").touch()
    (tmp_path / "old.csv").chmod(0o640)
    (tmp_path / "usual").touch()
    write(tmp_path / "old.csv", "new")
    write(tmp_path / "new.csv", "new")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes["old.csv"] == 0o640
    assert modes["new.csv"] == modes["usual"]


def write_rows(path: Path, error: BaseException, end: str = "") -> None:
    """Finish two rows, begin a third, and fail."""
    with whole_file(path, keep_on_interrupt=True, end=end) as file:
        for row in ("one", "two"):
            file.write(f"{row}\n")
            file.flush()
        file.write("thr")
        raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("broken")])
def test_finished_rows_are_kept_beside_the_old_file(tmp_path: Path, error: BaseException) -> None:
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(type(error)) as found:
        write_rows(tmp_path / "a.csv", error)
    assert (tmp_path / "a.csv").read_text() == "old"
    assert (tmp_path / "a.partial.csv").read_text() == "one\ntwo\n"
    assert names(tmp_path) == ["a.csv", "a.partial.csv"]
    assert found.value.__notes__ == [f"2 finished rows are kept in {tmp_path / 'a.partial.csv'}"]


def test_part_of_a_result_never_has_the_name_of_the_whole_or_of_another_part(tmp_path: Path) -> None:
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            write_rows(tmp_path / "a.csv", KeyboardInterrupt())
    assert names(tmp_path) == ["a.partial-2.csv", "a.partial-3.csv", "a.partial.csv"]


def test_the_end_follows_the_last_row_of_a_whole_file_and_of_a_part(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / "a.json", KeyboardInterrupt(), end="]")
    assert (tmp_path / "a.partial.json").read_text() == "one\ntwo\n]"
    with whole_file(tmp_path / "a.json", keep_on_interrupt=True, end="]") as file:
        file.write("[")
    assert (tmp_path / "a.json").read_text() == "[]"


def test_without_a_finished_row_nothing_is_kept(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.csv", keep_on_interrupt=True) as file:
        file.write("header\n")
        raise KeyboardInterrupt
    assert names(tmp_path) == []


@contextmanager
def small_disk() -> Iterator[None]:
    """Let no file be longer than 10,000 bytes, as on a disk that becomes full.

    The file that the tests themselves print to is not to be longer either, so the block has no more than
    what is tested.
    """
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_disk_is_an_error_with_the_name_of_the_file_and_rows_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    with (
        small_disk(),
        pytest.raises(OSError, match=r"a\.csv") as found,
        whole_file(tmp_path / "a.csv", keep_on_interrupt=True) as file,
    ):
        for _ in range(100):
            file.write("x" * 999 + "\n")
            file.flush()
    assert (tmp_path / "a.csv").read_text() == "old"
    assert (tmp_path / "a.partial.csv").read_text() == ("x" * 999 + "\n") * 10
    assert "10 finished rows" in found.value.__notes__[0]


@pytest.mark.parametrize("mode", ["w", "wb"])
def test_a_full_disk_leaves_the_old_file_and_no_torn_one(tmp_path: Path, mode: str) -> None:
    (tmp_path / "a.npz").write_text("old")
    with (
        small_disk(),
        pytest.raises(OSError, match=r"a\.npz"),
        whole_file(tmp_path / "a.npz", mode) as file,
    ):
        file.write("x" * 20_000 if mode == "w" else b"x" * 20_000)
    assert (tmp_path / "a.npz").read_text() == "old"
    assert names(tmp_path) == ["a.npz"]


def test_a_name_that_is_not_unicode_is_written_as_its_bytes(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a.csv") as file:
        file.write("a\udcff.flac")
    assert (tmp_path / "a.csv").read_bytes() == b"a\xff.flac"


def test_text_is_utf8_with_its_newlines_unchanged(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", "ü\r\n😐\n")
    assert (tmp_path / "a.csv").read_bytes() == "ü\r\n😐\n".encode()


def test_bytes_can_be_written(tmp_path: Path) -> None:
    with whole_file(str(tmp_path / "a.onnx"), "wb") as file:
        file.write(b"\0\xff")
    assert (tmp_path / "a.onnx").read_bytes() == b"\0\xff"


def test_a_folder_that_does_not_exist_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "gone" / "a.csv"):
        pass


@pytest.mark.posix
@pytest.mark.parametrize("name", ["gone/a.csv", "folder", "f" * 300 + ".csv", "loop", "pipe"])
def test_what_cannot_be_written_is_found_before_the_work(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    elif name == "pipe":
        pytest.skip("this system has no pipes with names")
    before = names(tmp_path)
    with pytest.raises(OSError, match=name.split("/", maxsplit=1)[0]):
        check_place(tmp_path / name)
    assert names(tmp_path) == before


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="no folder that nobody may write into")
def test_a_folder_that_may_not_be_written_into_is_found_before_the_work() -> None:
    with pytest.raises(OSError, match=r"/sys/kernel/a\.csv"):
        check_place("/sys/kernel/a.csv")


def test_a_file_that_may_not_be_overwritten_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("old")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as root may write to any file
    with pytest.raises(PermissionError, match=r"may not be overwritten.*a\.csv"):
        check_place(tmp_path / "a.csv")


@pytest.mark.parametrize("name", ["a.csv", "new.csv", "n" * 251 + ".csv", "ü" * 120 + ".csv"])
def test_a_file_that_can_be_written_is_not_touched_by_the_check(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.csv").write_text("old")
    check_place(tmp_path / name)
    assert names(tmp_path) == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "old"
    write(tmp_path / name, "new")
    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / name, KeyboardInterrupt())
    assert (tmp_path / name).read_text() == "new"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_a_spreadsheet_would_compute_is_made_harmless(start: str) -> None:
    assert harmless_cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize("text", ["", "a=1", "clip-1.wav", "'=1", "😀"])
def test_any_other_cell_is_left_alone(text: str) -> None:
    assert harmless_cell(text) == text
