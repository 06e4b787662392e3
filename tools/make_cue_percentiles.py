"""Make ``src/affekt/inference/cue_percentiles.json`` from the spoken clips of corpora.

    python tools/make_cue_percentiles.py ravdess nemo

A corpus is a path, or a name in the folder that ``AFFEKT_DATA`` names. The table has the values at every
fifth percentile of the clips of each emotion, for each cue. Each clip counts once.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from numpy.typing import NDArray

from affekt.corpora.base import Clip, join
from affekt.corpora.clips import each_clip, load_whole
from affekt.corpora.registry import load_corpus
from affekt.emotions import sort_emotions
from affekt.errors import AffektError
from affekt.inference.cues import FEATURES, PERCENTS, TABLE, describe_cues, percentile_table
from affekt.support.parallel import core_count


def describe(clip: Clip) -> NDArray[np.float32]:
    """Compute the cues of a clip."""
    return describe_cues(load_whole(clip))


def main() -> None:
    """Read the clips, and write the table."""
    names = sys.argv[1:]
    if not names:
        sys.exit("give the corpora: python tools/make_cue_percentiles.py ravdess nemo")
    corpus = join([load_corpus(name).select(vocal_channel="speech") for name in names])
    rows, emotions = [], []
    for clip, found in each_clip(corpus, describe, jobs=core_count(), progress=True):
        if isinstance(found, AffektError):
            sys.exit(f"{clip.name} cannot be read: {found}")
        rows.append(found)
        emotions.append(clip.emotion)
    table = percentile_table(np.stack(rows), emotions)
    written = {
        "features": FEATURES,
        "corpora": sorted({clip.corpus for clip in corpus.clips}),
        "clips": {emotion: emotions.count(emotion) for emotion in sort_emotions(emotions)},
        "percents": PERCENTS,
        "cues": {
            name: {emotion: values[emotion] for emotion in sort_emotions(values)}
            for name, values in table.items()
        },
    }
    TABLE.write_text(json.dumps(written) + "\n", encoding="utf-8")
    print(f"wrote {TABLE}: {len(emotions)} clips, {TABLE.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
