"""How often the cue that was altered is the one that changes most.

    python benchmarks/cues.py CORPUS [--clips 100]

Neutral clips are given another pitch, tempo or timbre, as the what-ifs of ``explain`` are. How far a cue
changes is measured in percentiles of neutral clips. ``direction`` is how often the altered cue moves the
way it should, ``top`` how often no other cue moves more; by chance that is one in nine.
"""

from __future__ import annotations

import argparse
from collections import defaultdict

import numpy as np
from rich.console import Console
from rich.table import Table

from affekt.audio.loading import Waveform, load_audio
from affekt.corpora.registry import load_corpus
from affekt.inference.cues import measure_cues
from affekt.inference.resynthesis import resynthesise
from affekt.inference.what_ifs import CHANGES
from affekt.support.progress import track

EMOTION = "neutral"
ALTERED = {  # change: the cue, and whether it rises
    "flatter pitch": ("pitch range", -1), "livelier pitch": ("pitch range", 1),
    "lower pitch": ("pitch height", -1), "higher pitch": ("pitch height", 1),
    "slower": ("tempo", -1), "faster": ("tempo", 1),
    "softer timbre": ("brightness", -1), "brighter timbre": ("brightness", 1),
}  # fmt: skip


def measure(recorded: Waveform) -> tuple[dict[str, float], dict[str, float]]:
    """Each cue's value, and its percentile among neutral clips."""
    cues = measure_cues(recorded)
    return {one.name: one.value for one in cues}, {one.name: one.percentiles[EMOTION] for one in cues}


def main() -> None:
    """Alter the clips, and print a row for each change."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--clips", type=int, default=100)
    asked = parser.parse_args()
    clips = [
        one
        for one in load_corpus(asked.corpus).clips
        if one.emotion == EMOTION and one.vocal_channel == "speech"
    ]
    drawn = np.random.default_rng(0).permutation(len(clips))[: asked.clips]
    right, top, moved, changed = (defaultdict[str, list[float]](list) for _ in range(4))
    for index in track(drawn, "clips", len(drawn)):
        recorded = load_audio(clips[index].path, 16_000)
        values, before = measure(recorded)
        for change, (cue, sign) in ALTERED.items():
            new_values, after = measure(resynthesise(recorded, CHANGES[change]))
            if cue not in before or cue not in after:
                continue
            by = {name: after[name] - before[name] for name in before.keys() & after.keys()}
            right[change].append(float(by[cue] * sign > 0))
            top[change].append(float(abs(by[cue]) >= max(map(abs, by.values()))))
            moved[change].append(by[cue])
            changed[change].append(new_values[cue] - values[cue])
    table = Table("change", "cue", "direction", "top", "percentiles, median", "value, median")
    for change, (cue, _) in ALTERED.items():
        table.add_row(
            change, cue, f"{np.mean(right[change]):.0%}", f"{np.mean(top[change]):.0%}",
            f"{np.median(moved[change]):+.0f}", f"{np.median(changed[change]):+.2f}",
        )  # fmt: skip
    every = [value for values in top.values() for value in values]
    Console().print(table)
    Console().print(f"{len(drawn)} neutral clips of {asked.corpus}; top in {np.mean(every):.0%} of all")


if __name__ == "__main__":
    main()
