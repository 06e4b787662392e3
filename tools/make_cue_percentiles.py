"""Make ``src/affekt/inference/cue_percentiles.json`` from the spoken clips of corpora.

    python tools/make_cue_percentiles.py ravdess nemo

A corpus is a path, or a name in the folder that ``AFFEKT_DATA`` names. The table has the values at every
fifth percentile of the clips of each emotion, for each cue. Each clip counts once.
"""

from __future__ import annotations

import json
import sys

from affekt.corpora.base import join
from affekt.corpora.registry import load_corpus
from affekt.emotions import sort_emotions
from affekt.evaluation.dataset import Extraction, extract_dataset
from affekt.evaluation.execution import Execution
from affekt.inference.cues import FEATURES, PERCENTS, TABLE, percentile_table
from affekt.support.parallel import core_count


def main() -> None:
    """Read the clips, and write the table."""
    names = sys.argv[1:]
    if not names:
        sys.exit("give the corpora: python tools/make_cue_percentiles.py ravdess nemo")
    corpus = join([load_corpus(name).select(vocal_channel="speech") for name in names])
    execution = Execution(jobs=core_count(), progress=True)
    dataset = extract_dataset(corpus, Extraction(features=FEATURES), execution)
    if dataset.excluded:
        sys.exit(f"{len(dataset.excluded)} clips cannot be read, such as {dataset.excluded[0]}")
    emotions = [dataset.emotions[label] for label in dataset.labels]
    table = percentile_table(dataset.features, emotions)
    written = {
        "features": FEATURES,
        "corpora": [card.name for card in dataset.corpus.cards],
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
