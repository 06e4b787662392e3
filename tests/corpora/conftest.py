"""Fixtures of the tests of corpora."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def touch() -> Callable[..., Path]:
    """A function ``touch(folder, *names)`` that creates empty files and returns the folder."""

    def create(folder: Path, *names: str) -> Path:
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
        return folder

    return create
