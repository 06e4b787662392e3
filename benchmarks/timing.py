"""Contestants that are timed side by side, so that a machine that slows down slows all of them down."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from affekt.support.progress import track

Contestant = Callable[[Path], object]


def time_in_turn(contestants: dict[str, Contestant], files: list[Path]) -> dict[str, float]:
    """Median milliseconds of each; every file is taken by each in turn, the first once more beforehand."""
    for contestant in contestants.values():
        contestant(files[0])
    times_ms: dict[str, list[float]] = {name: [] for name in contestants}
    for file in track(files, "timing", len(files)):
        for name, contestant in contestants.items():
            start = time.perf_counter()
            contestant(file)
            times_ms[name].append(1000 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in times_ms.items()}
