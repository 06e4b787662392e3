"""Every command and program in the guide to timelines runs."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.documents import commands_of, programs_of

from affekt.audio.loading import load_audio
from affekt.inference.writers import SUFFIXES

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "timeline.md").read_text(encoding="utf-8")
COMMANDS = commands_of(GUIDE)
RATE = 16_000


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the guide speaks of."""
    folder = tmp_path_factory.mktemp("guide")
    examples = sorted((Path(__file__).parent / "synthetic_voices").glob("*.flac"))
    first, second = (load_audio(path, RATE).samples for path in examples[:2])
    pause = np.zeros(RATE // 2, np.float32)
    spoken = np.concatenate([pause, first, pause, second, pause])
    soundfile.write(folder / "interview.wav", spoken, RATE)
    soundfile.write(folder / "call.wav", np.stack([spoken, np.roll(spoken, RATE)], axis=1), RATE)
    (folder / "folder").mkdir()
    for number, clip in enumerate((first, second)):
        soundfile.write(folder / "folder" / f"{number}.wav", clip, RATE)
    (folder / "interview.rttm").write_text(
        "SPEAKER interview 1 0.5 2 <NA> <NA> anna <NA> <NA>\n"
        "SPEAKER interview 1 3.0 2 <NA> <NA> bob <NA> <NA>\n"
    )
    (folder / "segments.csv").write_text(
        "path,emotion,speaker,start,end\ninterview.wav,angry,anna,0.5,2.5\ninterview.wav,sad,bob,3,5\n"
    )
    subprocess.run(
        [sys.executable, "-m", "affekt", "adapt", "folder", "--out", "me.voice"], cwd=folder, check=True
    )
    return folder


def test_every_command_is_of_a_kind_that_is_tested() -> None:
    assert {command.split()[0] for command in COMMANDS} == {"affekt", "pip"}


@pytest.mark.parametrize("command", [one for one in COMMANDS if one.startswith("affekt ")])
def test_an_affekt_command_runs(command: str, workplace: Path) -> None:
    line = f"{sys.executable} -m {command}"
    done = subprocess.run(line, cwd=workplace, capture_output=True, text=True, shell=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "wrote" in done.stderr


@pytest.mark.parametrize("program", programs_of(GUIDE))
def test_a_program_runs(program: str, workplace: Path) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=workplace, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_pip_is_asked_for_is_offered() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"pip install '\.\[(\w+)\]'", GUIDE)) <= set(extras)


def test_every_format_is_named() -> None:
    table = GUIDE[GUIDE.index("| suffix |") :]
    assert set(re.findall(r"`(\.\w+)`", table.split("\n\n")[0])) | {".htm"} == {
        suffix for one in SUFFIXES.values() for suffix in one.suffixes
    }
