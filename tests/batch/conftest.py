"""What several tests of batch work need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as parquet
import pytest


@pytest.fixture
def clips(tmp_path: Path, write_voice: Callable[..., Path]) -> Path:
    """Ten short clips in two folders."""
    for number in range(10):
        write_voice(tmp_path / "in" / f"speaker {number % 2}" / f"é#{number}.wav", seed=number, seconds=0.2)
    return tmp_path / "in"


@pytest.fixture
def read_sources() -> Callable[[Path], Counter[str]]:
    """Counts how often each source is in the result of a plan."""

    def read(dest: Path) -> Counter[str]:
        return Counter(parquet.read_table(dest / "parts").column("source").to_pylist())

    return read
