"""Make the table of training clips beside a model file, which ``affekt explain`` finds neighbours in.

    python tools/make_neighbours.py src/affekt/model/default.onnx ravdess nemo

A corpus is a path, or a name in the folder that ``AFFEKT_DATA`` names; give those that the model was
trained on. Clips that it was not trained on are left out. The vectors are the discriminant functions of
the emotions (linear discriminant analysis), which are as many as emotions less one.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from affekt.audio.loading import fingerprint
from affekt.corpora.base import Clip, join
from affekt.corpora.clips import each_clip, load_whole
from affekt.corpora.registry import load_corpus
from affekt.errors import AffektError
from affekt.inference.neighbours import NeighbourTable, summarise, table_file, write_table
from affekt.model.bundle import load
from affekt.support.parallel import core_count

SHRINKAGE = 0.5
PAIRS = 10_000  # that the median distance is measured on


def describe(clip: Clip, model: Path) -> NDArray[np.float32] | None:
    """Summarise the features of a clip; None where the model was not trained on it."""
    bundle = load(model)
    recorded = load_whole(clip)
    if not bundle.contract.was_trained_on(fingerprint(recorded, bundle.contract.sample_rate)):
        return None
    return summarise(recorded, bundle)


def reduce(summaries: NDArray[np.float32], clips: list[Clip], rng: np.random.Generator) -> NeighbourTable:
    """Fit the discriminant functions, and compute the vector of each clip."""
    deviation = summaries.std(axis=0)
    scale = np.where(deviation > 1e-6, 1 / np.maximum(deviation, 1e-6), 0)  # 0 for a constant column
    functions = LinearDiscriminantAnalysis(solver="eigen", shrinkage=SHRINKAGE)
    emotions = [clip.emotion for clip in clips]
    functions.fit(summaries * scale, emotions)
    count = min(len(set(emotions)) - 1, functions.scalings_.shape[1])
    projection = (scale[:, None] * functions.scalings_[:, :count]).astype(np.float32)
    vectors = summaries @ projection
    first, second = rng.integers(len(vectors), size=(2, PAIRS))
    distances = np.linalg.norm(vectors[first] - vectors[second], axis=1)[first != second]
    rows = tuple((clip.path.stem, clip.corpus, clip.speaker, clip.emotion) for clip in clips)
    return NeighbourTable(projection, vectors, rows, float(np.median(distances)))


def main() -> None:
    """Read the clips, and write the table."""
    if len(sys.argv) < 3:
        sys.exit("give a model and its corpora: python tools/make_neighbours.py MODEL.onnx ravdess nemo")
    model = Path(sys.argv[1])
    corpus = join([load_corpus(name) for name in sys.argv[2:]])
    clips, summaries = [], []
    for clip, found in each_clip(corpus, partial(describe, model=model), jobs=core_count(), progress=True):
        if isinstance(found, AffektError):
            sys.exit(f"{clip.name} cannot be read: {found}")
        if found is not None:
            clips.append(clip)
            summaries.append(found)
    place = table_file(str(model))
    table = reduce(np.stack(summaries), clips, np.random.default_rng(0))
    write_table(place, load(model).contract.sha256, table)
    print(f"wrote {place}: {len(clips)} clips, {place.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
