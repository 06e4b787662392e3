"""What importing matplotlib leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("matplotlib")
PROGRAM = """
import os, affekt.reports.figures, matplotlib
from pathlib import Path
print(matplotlib.get_cachedir(), Path(matplotlib.get_cachedir()).is_dir(), "MPLCONFIGDIR" in os.environ)
"""


def cache_folder(home: Path, **variables: str) -> list[str]:
    """matplotlib's folder, whether it is there, and whether the environment names it."""
    others = ("MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA")
    environment = {name: value for name, value in os.environ.items() if name not in others}
    environment |= {"HOME": str(home), "USERPROFILE": str(home), **variables}
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.rsplit(maxsplit=2)


def test_a_home_without_matplotlib_stays_empty_and_the_temporary_folder_is_gone(tmp_path: Path) -> None:
    folder, there, named = cache_folder(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not Path(folder).is_relative_to(tmp_path)
    assert (there, named) == ("False", "False")


@pytest.mark.skipif(sys.platform != "linux", reason="each system has another folder")
@pytest.mark.parametrize("kept", [".cache", ".config"])
def test_the_folder_that_a_user_of_matplotlib_has_is_used(tmp_path: Path, kept: str) -> None:
    (tmp_path / kept / "matplotlib").mkdir(parents=True)
    folder, there, _ = cache_folder(tmp_path)
    assert (Path(folder), there) == (tmp_path / ".cache" / "matplotlib", "True")


def test_the_folder_that_the_user_names_is_used(tmp_path: Path) -> None:
    folder, there, named = cache_folder(tmp_path, MPLCONFIGDIR=str(tmp_path / "mine"))
    assert (Path(folder), there, named) == (tmp_path / "mine", "True", "True")
