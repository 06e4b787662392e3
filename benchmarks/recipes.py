"""Time and memory that the evaluation of each recipe takes: affekt evaluate, one process after another.

    python benchmarks/recipes.py RAVDESS/ SCORES/ [RECIPE...]

By actor, spoken clips and all emotions, extraction included; memory is the peak of the main process. Scores
are written to SCORES/RECIPE.json, for affekt compare.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from affekt.recipes import RECIPES


def measure(corpus: str, recipe: str, file: Path) -> tuple[float, float]:
    """Seconds, and the peak in MB of a process that evaluates a recipe."""
    terms = ["--recipe", recipe, "--vocal-channel", "speech", "--emotions", "all", "--json-out", str(file)]
    command = [sys.executable, "-m", "affekt", "evaluate", corpus, *terms]
    began = time.monotonic()
    quiet = os.open(os.devnull, os.O_WRONLY)
    child = os.posix_spawn(
        sys.executable, command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, quiet, 1)]
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def main() -> None:
    """Print a row for each recipe as soon as it is there."""
    corpus, folder, *chosen = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for recipe in chosen or RECIPES:
        seconds, peak_mb = measure(corpus, recipe, Path(folder) / f"{recipe}.json")
        print(f"{recipe:25}{seconds:8.0f} s{peak_mb:8.0f} MB", flush=True)


if __name__ == "__main__":
    main()
