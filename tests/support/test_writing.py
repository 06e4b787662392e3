"""A file is written completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from affekt.support.writing import whole_file


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


def test_after_an_error_the_old_file_and_the_part_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.csv", "half", ZeroDivisionError())
    assert (tmp_path / "a.csv").read_text() == "old"
    assert (tmp_path / "a.csv.part").read_text() == "half"


def test_after_an_error_there_is_no_file_where_none_was(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write(tmp_path / "a.csv", "half", ZeroDivisionError())
    assert names(tmp_path) == ["a.csv.part"]


def test_the_next_attempt_starts_over(tmp_path: Path) -> None:
    (tmp_path / "a.csv.part").write_text("part of an earlier attempt")
    write(tmp_path / "a.csv", "new")
    assert (tmp_path / "a.csv").read_text() == "new"
    assert names(tmp_path) == ["a.csv"]


def test_an_interrupt_leaves_the_old_file_unless_asked_otherwise(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"good")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.onnx", "wb") as file:
        file.write(b"ha")
        raise KeyboardInterrupt
    assert (tmp_path / "a.onnx").read_bytes() == b"good"


def test_rows_can_be_kept_after_an_interrupt(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(KeyboardInterrupt), whole_file(tmp_path / "a.csv", keep_on_interrupt=True) as file:
        file.write("one row\n")
        raise KeyboardInterrupt
    assert (tmp_path / "a.csv").read_text() == "one row\n"
    assert names(tmp_path) == ["a.csv"]


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
