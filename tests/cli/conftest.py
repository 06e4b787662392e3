"""What several tests of the command line need."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt import cli
from affekt.cli import console

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in this process: (exit code, stdout, stderr)."""

    def run_command(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["affekt", *map(str, arguments)])
        for one in (console.stdout, console.stderr):
            monkeypatch.setattr(one, "width", 200)
        with pytest.raises(SystemExit) as stop:
            cli.main()
        printed = capsys.readouterr()
        return int(stop.value.code or 0), printed.out, printed.err

    return run_command


@pytest.fixture
def mixed_folder(tmp_path: Path, write_voice: Callable[..., Path]) -> Path:
    """Twenty-one good clips, and the five of ``unusable``."""
    folder = tmp_path / "mixed"
    for i in range(20):
        write_voice(folder / f"good{i:02}.wav", seed=i)
    whole = (folder / "good00.wav").read_bytes()
    samples = soundfile.read(folder / "good00.wav")[0]
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("this is not sound")
    (folder / "truncated.wav").write_bytes(whole[:2000])
    soundfile.write(folder / "aiff.wav", samples, 16000, format="AIFF")
    soundfile.write(folder / "silent.wav", np.zeros(16000), 16000)
    soundfile.write(folder / "short.wav", samples[:800], 16000)
    return folder


@pytest.fixture
def unusable() -> set[str]:
    """The names of the clips in ``mixed_folder`` that cannot be used."""
    return {"empty.wav", "text.wav", "truncated.wav", "silent.wav", "short.wav"}
