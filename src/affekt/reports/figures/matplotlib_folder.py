"""Imports matplotlib for the first time, without a trace in the user's home.

matplotlib writes a list of the fonts to its folder. Where the user has such a folder, it is used as ever.
Where there is none, matplotlib is given a temporary one, which is gone once matplotlib is imported: making
the list takes a fifth of a second.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

VARIABLE = "MPLCONFIGDIR"


def folders() -> list[Path]:
    """Return where matplotlib keeps its files, on any system."""
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 - which does not fail where there is no home
    given = {name: os.environ.get(name) for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA")}
    parents = [home / ".cache", home / ".config", *(Path(path) for path in given.values() if path)]
    return [home / ".matplotlib", *(parent / "matplotlib" for parent in parents)]


@contextmanager
def temporary_folder() -> Iterator[None]:
    """Give matplotlib a temporary folder, unless it is imported or has a folder."""
    if "matplotlib" in sys.modules or VARIABLE in os.environ or any(one.is_dir() for one in folders()):
        yield
        return
    with TemporaryDirectory(prefix="affekt-") as folder:
        os.environ[VARIABLE] = folder
        try:
            yield
        finally:
            del os.environ[VARIABLE]


with temporary_folder():
    import matplotlib.font_manager  # noqa: F401
