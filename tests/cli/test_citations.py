"""The command that prints what to cite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Run = Callable[..., tuple[int, str, str]]


def test_it_prints_bibtex_alone_and_a_remark_on_what_is_not_known(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("path,emotion,speaker\na.wav,happy,a\n", encoding="utf-8")
    code, out, err = run("cite", "ravdess", tmp_path / "mine.csv", "--protocol", "by-actor-5")
    assert code == 0
    assert out.startswith("@misc{affekt,")
    assert out.count("\n@") == 2
    assert "no publication is known for" in err


def test_an_unknown_name_is_wrong_usage(run: Run) -> None:
    code, out, err = run("cite", "ravdes")
    assert (code, out) == (2, "")
    assert "Did you mean 'ravdess'?" in err
