"""The provenance of a result is equal for the same clips and folds, and for nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from tests.evaluation.synthetic import QUICK

from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import Provenance
from affekt.experiments.scoring import evaluate


@pytest.fixture(scope="module")
def scored(small_ravdess: Path) -> Evaluation:
    return evaluate(small_ravdess, QUICK)


def of(result: Evaluation) -> Provenance:
    assert result.provenance
    return result.provenance


def test_it_names_features_seeds_corpora_and_versions(scored: Evaluation) -> None:
    found = of(scored)
    assert (found.features, found.seeds, found.model_sha256) == (QUICK.features, (0,), "")
    assert list(found.corpora) == ["ravdess"]
    assert found.versions.keys() >= {"python", "affekt", "numpy", "scikit-learn"}
    assert len(found.split) == len(found.corpora["ravdess"]) == 64


def test_it_is_kept_in_json(scored: Evaluation) -> None:
    assert Evaluation.from_json(scored.to_json()).provenance == scored.provenance
    older = {name: value for name, value in scored.to_json().items() if name != "provenance"}
    assert Evaluation.from_json(older).provenance is None


def test_the_place_of_the_files_does_not_matter(
    scored: Evaluation, small_ravdess: Path, tmp_path: Path
) -> None:
    shutil.copytree(small_ravdess, tmp_path / "copy")
    assert of(evaluate(tmp_path / "copy", QUICK)) == of(scored)


def test_other_folds_have_another_split_and_other_clips_another_checksum(
    scored: Evaluation, small_ravdess: Path
) -> None:
    alone = of(evaluate(small_ravdess, QUICK, protocol="leave-one-speaker-out"))
    assert alone.split != of(scored).split
    assert alone.corpora == of(scored).corpora
    fewer = of(evaluate(small_ravdess, QUICK, emotions=["happy", "angry"]))
    assert fewer.corpora != of(scored).corpora
    assert replace(fewer, corpora={}, split="") == replace(of(scored), corpora={}, split="")
