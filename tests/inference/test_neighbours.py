"""Neighbours: the nearest training clips are found by a table that belongs to the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from affekt.audio.loading import load_audio
from affekt.errors import BundleError
from affekt.inference.neighbours import (
    NeighbourTable,
    find_neighbours,
    read_table,
    summarise,
    table_file,
    write_table,
)
from affekt.model.bundle import load

EXAMPLE = Path(__file__).parents[1] / "synthetic_voices" / "high-fast-loud.flac"
CLIPS = (("a1", "ravdess", "01", "sad"), ("b2", "nemo", "AB", "angry"), ("c3", "nemo", "CD", "happy"))


def table() -> NeighbourTable:
    vectors = np.array([[0, 0], [3, 4], [6, 8]], np.float32)
    return NeighbourTable(np.eye(2, dtype=np.float32), vectors, CLIPS, 5.0)


def test_the_nearest_clip_is_first_and_distances_are_relative() -> None:
    found = table().nearest(np.array([3, 3.5], np.float32), 2)
    assert [(one.name, one.speaker, one.emotion) for one in found] == [
        ("b2", "AB", "angry"),
        ("a1", "01", "sad"),
    ]
    assert found[0].distance == pytest.approx(0.1)
    assert found[0].to_dict()["corpus"] == "nemo"


def test_a_table_is_read_as_it_was_written_and_for_its_model_alone(tmp_path: Path) -> None:
    place = table_file(str(tmp_path / "mine.onnx"))
    assert place == tmp_path / "mine.neighbours.npz"
    assert read_table(place, "ab") is None
    read_table.cache_clear()
    write_table(place, "ab", table())
    found = read_table(place, "ab")
    assert found is not None
    assert found.clips == CLIPS
    assert found.median_distance == 5
    np.testing.assert_array_equal(found.vectors, table().vectors)
    assert read_table(place, "another model") is None


@pytest.mark.parametrize("damage", ["text", "cut", "other"])
def test_a_damaged_table_is_an_error(tmp_path: Path, damage: str) -> None:
    place = tmp_path / "mine.neighbours.npz"
    write_table(place, "ab", replace(table(), clips=CLIPS[:2] if damage == "other" else CLIPS))
    if damage != "other":
        place.write_bytes(b"dear diary" if damage == "text" else place.read_bytes()[:200])
    with pytest.raises(BundleError, match="is no table of neighbours"):
        read_table(place, "ab")


def test_the_bundled_model_has_a_table_of_its_training_clips() -> None:
    bundle = load(None)
    found = read_table(table_file(bundle.name), bundle.contract.sha256)
    assert found is not None, "the model is new: run tools/make_neighbours.py"
    assert len(found.clips) == sum(corpus.clips for corpus in bundle.contract.corpora)
    assert {clip[3] for clip in found.clips} == set(bundle.contract.emotions)
    assert table_file(bundle.name).stat().st_size < 300_000
    near = find_neighbours(load_audio(EXAMPLE), bundle, 3)
    assert len(near) == 3
    assert near[0].distance <= near[1].distance <= near[2].distance


def test_a_model_without_a_table_has_no_neighbours(tmp_path: Path) -> None:
    bundle = replace(load(None), name=str(tmp_path / "other.onnx"))
    assert find_neighbours(load_audio(EXAMPLE), bundle) == ()


def test_a_recording_is_summarised_by_moments_of_its_features() -> None:
    bundle = load(None)
    summary = summarise(load_audio(EXAMPLE), bundle)
    assert summary.shape == (2 * len(bundle.feature_set.columns),)
    assert np.isfinite(summary).all()
