"""What holds for every figure."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest


@pytest.fixture(autouse=True)
def _untouched_pyplot() -> Iterator[None]:
    """No figure changes how others are drawn, or is kept by pyplot until the memory is full."""
    before = {**mpl.rcParams, "backend": ""}  # which is chosen when it is first asked for
    yield
    assert plt.get_fignums() == []
    assert {**mpl.rcParams, "backend": ""} == before
