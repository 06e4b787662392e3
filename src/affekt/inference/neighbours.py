"""The training clips that a recording is most like, by the features of the model.

Beside a model file ``NAME.onnx`` may stand a table ``NAME.neighbours.npz``, which
``tools/make_neighbours.py`` makes. It has a short vector and the name of each training clip, and no audio.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.audio.loading import Waveform, load_audio
from affekt.audio.windows import cut_windows
from affekt.errors import BundleError
from affekt.features.feature_sets import extract
from affekt.model.bundle import Bundle
from affekt.model.speaker_normalisation import normalise_unknown

NEIGHBOURS = 10
Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training clip that a recording is like.

    Attributes
    ----------
    name, corpus, speaker, emotion : str
        Which clip it is: its file name without suffix, and its label.
    distance : float
        Between their vectors, relative to that of the median pair of training clips.
    """

    name: str
    corpus: str
    speaker: str
    emotion: str
    distance: float

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class NeighbourTable:
    """Vectors of training clips.

    Attributes
    ----------
    projection : float32 array of shape (summary columns, columns)
        Multiplied with ``summarise`` of a recording, it gives its vector.
    vectors : float32 array of shape (clips, columns)
        Those of the training clips.
    clips : tuple of tuple of str
        Name, corpus, speaker and emotion of each.
    median_distance : float
        Of pairs of training clips.
    """

    projection: Vector
    vectors: Vector
    clips: tuple[tuple[str, ...], ...]
    median_distance: float

    def nearest(self, summary: Vector, count: int = NEIGHBOURS) -> tuple[Neighbour, ...]:
        """Return the clips whose vectors are nearest to that of a recording, the nearest first."""
        distances = np.linalg.norm(self.vectors - summary @ self.projection, axis=1) / self.median_distance
        order = np.argsort(distances, kind="stable")[:count]
        return tuple(
            Neighbour(name, corpus, speaker, emotion, float(distances[i]))
            for i in order
            for name, corpus, speaker, emotion in [self.clips[i]]
        )


def summarise(recorded: Waveform, bundle: Bundle) -> Vector:
    """Return the mean and the standard deviation over time of the features that a model takes."""
    contract = bundle.contract
    average, relative = contract.average_speaker, bundle.feature_set.relative_columns
    moments = []
    for window in cut_windows(load_audio(recorded, contract.sample_rate), contract.window_s):
        features = extract(window, contract.features)
        rows = np.atleast_2d(normalise_unknown(features, average, relative))
        moments.append(np.concatenate([rows.mean(axis=0), rows.std(axis=0)]))
    return np.asarray(np.mean(moments, axis=0), np.float32)


def find_neighbours(recorded: Waveform, bundle: Bundle, count: int = NEIGHBOURS) -> tuple[Neighbour, ...]:
    """Return the nearest training clips of a model; none where there is no table beside its file."""
    table = read_table(table_file(bundle.name), bundle.contract.sha256)
    return table.nearest(summarise(recorded, bundle), count) if table else ()


def table_file(model: str) -> Path:
    """Return where the table of a model file is, if it has one."""
    return Path(model).with_suffix(".neighbours.npz")


@lru_cache(maxsize=2)
def read_table(file: Path, model_sha256: str) -> NeighbourTable | None:
    """Read a table; None where there is none, or it was made for another model.

    Raises
    ------
    BundleError
        It is damaged.
    """
    if not file.is_file():
        return None
    try:
        with np.load(io.BytesIO(file.read_bytes()), allow_pickle=False) as stored:
            if str(stored["model"]) != model_sha256:
                return None
            projection, vectors = (stored[name].astype(np.float32) for name in ("projection", "vectors"))
            lines = bytes(stored["clips"]).decode().split("\n")
            median_distance = float(stored["median_distance"])
        clips = tuple(tuple(line.split("\t")) for line in lines)
        if vectors.shape != (len(clips), projection.shape[1]) or {len(clip) for clip in clips} != {4}:
            raise ValueError("its parts differ in length")
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile) as error:
        raise BundleError(
            f"{file} is no table of neighbours ({error}): delete it, or make it again with "
            "tools/make_neighbours.py"
        ) from error
    return NeighbourTable(projection, vectors, clips, median_distance)


def write_table(file: Path, model_sha256: str, table: NeighbourTable) -> None:
    """Write a table, the vectors with half precision."""
    lines = "\n".join("\t".join(clip) for clip in table.clips)
    np.savez_compressed(
        file,
        model=model_sha256,
        projection=table.projection.astype(np.float32),
        vectors=table.vectors.astype(np.float16),
        clips=np.frombuffer(lines.encode(), np.uint8),
        median_distance=table.median_distance,
    )
