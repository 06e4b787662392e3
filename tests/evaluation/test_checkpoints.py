"""What is finished is not done again, and what depends on anything else is."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from tests.evaluation.synthetic import (
    COUNTED,
    QUICK,
    SHORT,
    SHY,
    SMALL,
    WEIGHING,
    Array,
    Counting,
    Pin,
    assert_same,
    between,
    cross_validate,
    make_dataset,
    make_recipe,
    relabelled,
    shortened,
    terms_of,
)

from affekt.estimators.recipe import Recipe
from affekt.evaluation.checkpoints import PREDICTED, Checkpoints, _seal
from affekt.evaluation.dataset import Dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import FinishedModel
from affekt.evaluation.parts import split_parts
from affekt.experiments.scoring import evaluate, evaluate_dataset
from affekt.experiments.training import train
from affekt.model.bundle import Bundle


def count_fits(
    folder: Path, *, recipe: Recipe = COUNTED, dataset: Dataset = SMALL, seeds: Sequence[int] = (0,)
) -> int:
    before = Counting.fits
    cross_validate(dataset, recipe, seeds=seeds, checkpoints=folder)
    return Counting.fits - before


# --- what is finished is kept ------------------------------------------------------------------------


def test_finished_folds_are_not_fitted_again(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "if need be"
    first = cross_validate(SMALL, COUNTED, seeds=(0, 1), checkpoints=folder)
    assert Counting.fits == 10
    again = cross_validate(SMALL, COUNTED, seeds=(0, 1), checkpoints=folder)
    assert Counting.fits == 10
    assert len(list(folder.iterdir())) == 10
    assert_same(first, again)
    assert_same(first, cross_validate(SMALL, COUNTED, seeds=(0, 1)))


def test_an_interrupted_run_continues_and_ends_as_one_that_was_not(tmp_path: Path) -> None:
    Counting.stop_in = 3
    with pytest.raises(KeyboardInterrupt):
        count_fits(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    resumed = cross_validate(SMALL, COUNTED, checkpoints=tmp_path)
    assert Counting.fits == 3 + 3
    assert_same(resumed, cross_validate(SMALL, COUNTED))


def test_with_several_seeds_the_folds_that_are_finished_are_kept_of_each(tmp_path: Path) -> None:
    Counting.stop_in = 4
    with pytest.raises(KeyboardInterrupt):
        count_fits(tmp_path, seeds=(0, 1))
    assert sorted(file.name.split(".")[2] for file in tmp_path.iterdir()) == ["seed0", "seed0", "seed1"]
    assert count_fits(tmp_path, seeds=(0, 1)) == 10 - 3


def test_more_seeds_add_to_what_is_finished(tmp_path: Path) -> None:
    assert count_fits(tmp_path, seeds=(0,)) == 5
    assert count_fits(tmp_path, seeds=(1, 0)) == 5
    assert count_fits(tmp_path, seeds=(0, 1)) == 0


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cross_validate(SMALL, COUNTED)
    assert not list(tmp_path.iterdir())


def test_files_are_named_by_recipe_protocol_and_seed(tmp_path: Path) -> None:
    count_fits(tmp_path, recipe=replace(COUNTED, name="my recipe / 2"), seeds=(7,))
    for file in tmp_path.iterdir():
        recipe, protocol, seed, digest, suffix = file.name.split(".")
        assert (recipe, protocol, seed, suffix) == ("my-recipe-2", "by-actor-5", "seed7", "npz")
        assert len(digest) == 16


def test_a_test_on_another_corpus_continues_too(tmp_path: Path) -> None:
    trained, tested = (make_dataset(speakers=5, takes=1, shape=(6,), corpus=name) for name in "ab")
    terms, dataset = between(trained, tested)
    Counting.stop_in = 4
    with pytest.raises(KeyboardInterrupt):
        evaluate_dataset(terms, dataset, Execution(checkpoints=tmp_path))
    resumed = evaluate_dataset(terms, dataset, Execution(checkpoints=tmp_path))
    assert Counting.fits == 4 + 3
    assert_same(resumed, evaluate_dataset(terms, dataset, Execution()))


def test_a_file_without_predictions_for_enrolled_speakers_is_computed_again_where_they_are_needed(
    tmp_path: Path,
) -> None:
    expected = cross_validate(SMALL, SHY, checkpoints=tmp_path)
    files = sorted(tmp_path.iterdir())
    for file in files[:2]:  # as they were written earlier
        with np.load(file) as content:
            kept = {name: content[name] for name in content if not name.startswith("enrolled_")}
        assert kept.keys() == {*PREDICTED, "checksum"}
        kept["checksum"] = np.array(_seal(file, {name: kept[name] for name in PREDICTED}))
        np.savez(file, **kept)
    assert count_fits(tmp_path, recipe=SHY) == 2
    assert count_fits(tmp_path, recipe=SHY) == 0
    assert_same(cross_validate(SMALL, SHY, checkpoints=tmp_path), expected)


@pytest.mark.parametrize("name", [*PREDICTED])
def test_predictions_for_enrolled_speakers_are_checked_as_the_others(tmp_path: Path, name: str) -> None:
    cross_validate(SMALL, SHY, checkpoints=tmp_path)
    file = min(tmp_path.iterdir())
    with np.load(file) as content:
        arrays = {one: content[one] for one in content if one != "checksum"}
    arrays[f"enrolled_{name}"] = arrays[f"enrolled_{name}"][1:]
    np.savez(file, **arrays, checksum=np.array(_seal(file, arrays)))
    with pytest.warns(UserWarning, match="is not a checkpoint of this fold"):
        assert count_fits(tmp_path, recipe=SHY) == 1


# --- finished models ---------------------------------------------------------------------------------


@pytest.fixture
def predictions_of_models(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips a finished model predicted in each call."""
    calls: list[int] = []
    predict_proba = FinishedModel.predict_proba

    def counting(self: FinishedModel, features: Array, speaker: Any = None) -> Array:
        calls.append(len(features))
        return predict_proba(self, features, speaker)

    monkeypatch.setattr(FinishedModel, "predict_proba", counting)
    return calls


def test_a_finished_model_does_not_predict_again(
    bundle: Bundle, elsewhere: Path, tmp_path: Path, predictions_of_models: list[int]
) -> None:
    first, again = (evaluate(elsewhere, model=bundle, checkpoints=tmp_path) for _ in range(2))
    assert predictions_of_models == [15]
    assert [file.name.split(".")[:3] for file in tmp_path.iterdir()] == [
        ["quick", "unseen-corpus", "seed0"]
    ]
    assert_same(first, again)
    assert_same(first, evaluate(elsewhere, model=bundle))


def test_another_model_or_other_clips_are_predicted_anew(
    bundle: Bundle,
    elsewhere: Path,
    small_ravdess: Path,
    tmp_path: Path,
    predictions_of_models: list[int],
) -> None:
    other, _ = train(small_ravdess, QUICK, seeds=[1])
    assert other.contract.recipe == bundle.contract.recipe
    for _ in range(2):
        evaluate(elsewhere, model=bundle, checkpoints=tmp_path)
        evaluate(elsewhere, model=other, checkpoints=tmp_path)
        evaluate(elsewhere, model=bundle, emotions=["happy", "angry"], checkpoints=tmp_path)
    assert predictions_of_models == [15, 15, 10]


# --- broken files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0, 1, 40, -30, "words"])
def test_a_broken_checkpoint_is_computed_again(tmp_path: Path, keep: int | str) -> None:
    expected = cross_validate(SMALL, COUNTED, checkpoints=tmp_path)
    broken = sorted(tmp_path.iterdir())[1]
    whole = broken.read_bytes()
    broken.write_bytes(keep.encode() if isinstance(keep, str) else whole[:keep])
    with pytest.warns(UserWarning, match=f"{broken.name} is not a checkpoint of this fold"):
        assert count_fits(tmp_path) == 1
    assert broken.read_bytes() == whole
    assert_same(expected, cross_validate(SMALL, COUNTED, checkpoints=tmp_path))


@pytest.mark.parametrize("lacking", ["clips", "repeats", "probabilities", "distances"])
def test_a_checkpoint_without_one_of_its_arrays_is_computed_again(tmp_path: Path, lacking: str) -> None:
    count_fits(tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    with np.load(file) as content:
        arrays = {name: array for name, array in content.items() if name != lacking}
    with file.open("wb") as open_file:
        np.savez(open_file, **arrays)
    with pytest.warns(UserWarning, match="is not a checkpoint of this fold"):
        assert count_fits(tmp_path) == 1


def test_a_checkpoint_of_earlier_versions_is_computed_again(tmp_path: Path) -> None:
    count_fits(tmp_path)
    with sorted(tmp_path.iterdir())[0].open("wb") as file:
        np.savez(file, probabilities=np.ones((1, 4)))
    with pytest.warns(UserWarning, match="is not a checkpoint of this fold"):
        assert count_fits(tmp_path) == 1


def test_checkpoints_that_were_swapped_are_computed_again(tmp_path: Path) -> None:
    expected = cross_validate(SMALL, COUNTED, checkpoints=tmp_path)
    one, other, *_ = sorted(tmp_path.iterdir())
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    with pytest.warns(UserWarning, match="not those that were written under this name"):
        assert count_fits(tmp_path) == 2
    assert_same(expected, cross_validate(SMALL, COUNTED, checkpoints=tmp_path))


def resealed(file: Path, **changes: Any) -> None:
    """Change arrays of a checkpoint, as somebody would who knows how it is sealed."""
    with np.load(file) as content:
        arrays = {name: array for name, array in content.items() if name != "checksum"} | changes
    with file.open("wb") as open_file:
        np.savez(open_file, **arrays, checksum=np.array(_seal(file, arrays)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda arrays: {"probabilities": arrays["probabilities"] * np.nan}, "not probabilities"),
        (lambda arrays: {"probabilities": arrays["probabilities"] * 2}, "not probabilities"),
        (lambda arrays: {"probabilities": -arrays["probabilities"]}, "not probabilities"),
        (lambda arrays: {"probabilities": arrays["probabilities"][:, :2]}, "have the shapes"),
        (lambda arrays: {"probabilities": arrays["probabilities"][:-1]}, "have the shapes"),
        (lambda arrays: {"probabilities": arrays["probabilities"].astype(str)}, "of other types"),
        (lambda arrays: {"distances": arrays["distances"] * np.inf}, "not probabilities"),
        (lambda arrays: {"clips": arrays["clips"] + 10_000}, "does not test"),
        (lambda arrays: {"clips": arrays["clips"].astype(float)}, "of other types"),
        (lambda arrays: {"clips": np.array(3)}, "len"),
    ],
)
def test_arrays_that_are_wrong_inside_are_computed_again(
    change: Callable[[dict[str, Array]], dict[str, Array]], reason: str, tmp_path: Path
) -> None:
    count_fits(tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    with np.load(file) as content:
        arrays = dict(content)
    resealed(file)
    assert count_fits(tmp_path) == 0
    resealed(file, **change(arrays))
    with pytest.warns(UserWarning, match=reason):
        assert count_fits(tmp_path) == 1


def write_pickle(file: Path) -> None:
    np.savez(file, clips=np.array([{"an": "object"}], object))


def write_array(file: Path) -> None:
    with file.open("wb") as open_file:
        np.save(open_file, np.zeros((3, 4)))


def write_bomb(file: Path) -> None:
    np.savez_compressed(file, clips=np.zeros(10**7))


def write_giant_header(file: Path) -> None:
    """An array that claims 2^58 numbers."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 58,)}
    )
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("clips.npy", header.getvalue())


@pytest.mark.parametrize("write", [write_pickle, write_array, write_bomb, write_giant_header])
def test_a_file_that_is_no_checkpoint_is_computed_again(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    count_fits(tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    file.unlink()
    write(file)
    with pytest.warns(UserWarning, match="is not a checkpoint of this fold"):
        assert count_fits(tmp_path) == 1
    assert count_fits(tmp_path) == 0


def test_a_folder_in_the_place_of_a_checkpoint_is_left_alone(tmp_path: Path) -> None:
    expected = cross_validate(SMALL, COUNTED, checkpoints=tmp_path)
    file = sorted(tmp_path.iterdir())[0]
    file.unlink()
    file.mkdir()
    with pytest.warns(UserWarning) as caught:
        assert_same(expected, cross_validate(SMALL, COUNTED, checkpoints=tmp_path))
    texts = [str(one.message) for one in caught]
    assert any("is not a checkpoint of this fold" in text for text in texts)
    assert any("cannot be written" in text for text in texts)
    assert file.is_dir()


# --- what predictions depend on ----------------------------------------------------------------------


def test_other_seeds_features_labels_names_and_versions_have_other_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert count_fits(tmp_path) == 5
    assert count_fits(tmp_path, seeds=(0, 1)) == 5
    louder = SMALL.features.copy()
    louder[0, 0] += 1e-3
    assert count_fits(tmp_path, dataset=replace(SMALL, features=louder)) == 5
    assert count_fits(tmp_path, dataset=relabelled(SMALL, SMALL.labels[::-1].copy())) == 5
    assert count_fits(tmp_path, dataset=replace(SMALL, relative=(0,))) == 5
    assert count_fits(tmp_path, recipe=replace(COUNTED, name="another")) == 5
    for copies in (SMALL.features, louder):
        assert count_fits(tmp_path, dataset=replace(SMALL, degraded=copies)) == 5
    monkeypatch.setattr("affekt.support.versions.version", lambda name: "999")
    assert count_fits(tmp_path) == 5
    assert count_fits(tmp_path) == 0


@pytest.mark.parametrize("library", ["scipy", "av"])
def test_another_version_of_a_library_has_other_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    assert count_fits(tmp_path) == 5
    monkeypatch.setattr(
        "affekt.support.versions.version", lambda name: "999" if name == library else version(name)
    )
    assert count_fits(tmp_path) == 5


def test_other_code_has_other_checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_fits(tmp_path) == 5
    monkeypatch.setattr("affekt.evaluation.checkpoints._hash_package", lambda: "changed")
    assert count_fits(tmp_path) == 5


@pytest.mark.parametrize("length", [0, 600])  # scikit-learn prints no more than 700 characters
def test_other_settings_have_other_checkpoints(tmp_path: Path, length: int) -> None:
    def recipe_with(note: str) -> Recipe:
        return make_recipe(lambda seed: Counting(note=note))

    for number in (1, 2):
        note = "-" * length + str(number) + "-" * length
        assert count_fits(tmp_path, recipe=recipe_with(note)) == 5


def test_a_function_among_the_settings_is_the_same_wherever_it_lies_in_memory(tmp_path: Path) -> None:
    """As in another process, in which a run that was stopped continues."""
    alive: list[Any] = []

    def build(seed: int) -> Any:
        def same(features: Array) -> Array:
            return features

        alive.append(same)
        return make_pipeline(FunctionTransformer(same), Counting())

    assert count_fits(tmp_path, recipe=make_recipe(build)) == 5
    assert count_fits(tmp_path, recipe=make_recipe(build)) == 0


def test_other_speakers_in_training_have_other_checkpoints(tmp_path: Path, pin: Pin) -> None:
    """Inner folds keep speakers apart: what is fitted depends on the speakers too."""
    fold = pin(SMALL, "by-actor-5")
    one, other = sorted({SMALL.corpus.clips[i].speaker for i in fold.train})[:2]
    clips = tuple(replace(c, speaker=one) if c.speaker == other else c for c in SMALL.corpus.clips)
    cross_validate(SMALL, COUNTED, "pinned", checkpoints=tmp_path)
    merged = replace(SMALL, corpus=replace(SMALL.corpus, clips=clips))
    cross_validate(merged, COUNTED, "pinned", checkpoints=tmp_path)
    assert Counting.fits == 2


def test_other_speakers_or_vocal_channels_have_other_checkpoints_whatever_is_kept_apart(
    tmp_path: Path,
) -> None:
    """Distances and enrolled clips depend on them, also where folds do not."""
    files: set[Path] = set()
    first, *rest = SMALL.corpus.clips
    for altered in (first, replace(first, speaker="other"), replace(first, vocal_channel="song")):
        clips = (altered, *rest)
        dataset = replace(SMALL, corpus=replace(SMALL.corpus, clips=clips))
        terms = terms_of(dataset, COUNTED, protocol="random-80-20")
        (part,) = split_parts(terms, dataset)
        files |= set(Checkpoints(tmp_path).places(terms, part, ["as recorded"], "").values())
    assert len(files) == 3


def test_the_same_part_has_the_same_file_and_other_parts_and_conditions_have_others(tmp_path: Path) -> None:
    terms = terms_of(SMALL, COUNTED, seeds=(0, 1))
    conditions = ["as recorded", "white noise"]
    files = [
        file
        for part in split_parts(terms, SMALL)
        for file in Checkpoints(tmp_path).places(terms, part, conditions, "").values()
    ]
    again = [
        file
        for part in split_parts(terms, make_dataset(speakers=6, takes=3, shape=(6,)))
        for file in Checkpoints(tmp_path).places(terms, part, conditions, "").values()
    ]
    assert files == again
    assert len(set(files)) == 2 * 2 * 5


# --- what else is kept -------------------------------------------------------------------------------


def test_checkpoints_keep_importances(tmp_path: Path) -> None:
    first, again = (
        cross_validate(SMALL, WEIGHING, checkpoints=tmp_path, importances=True) for _ in range(2)
    )
    assert Counting.fits == 5
    assert first.importances == again.importances
    assert not np.isnan([one.permuted for one in first.importances.values()]).any()
    assert_same(first, again)
    assert cross_validate(SMALL, WEIGHING, importances=True).importances == first.importances


def test_checkpoints_keep_the_losses_of_a_network(tmp_path: Path) -> None:
    dataset = make_dataset(speakers=6, takes=1, shape=(120,))
    recipe = shortened("dense-network")
    first, again = (cross_validate(dataset, recipe, checkpoints=tmp_path) for _ in range(2))
    assert len(first.histories) == len(list(tmp_path.iterdir())) == 5
    for one, other in zip(first.histories, again.histories, strict=True):
        assert set(one) == {"train_loss", "valid_loss", "valid_acc"}
        assert {len(values) for values in one.values()} == {SHORT["epochs"]}
        for name, values in one.items():
            np.testing.assert_array_equal(values, other[name])
    assert_same(first, again)
    assert cross_validate(SMALL, COUNTED).histories == ()


def test_a_checkpoint_without_permutations_is_computed_again_where_they_are_asked_for(
    tmp_path: Path,
) -> None:
    plain = cross_validate(SMALL, COUNTED, checkpoints=tmp_path)
    assert plain.importances == {}
    asked = cross_validate(SMALL, COUNTED, checkpoints=tmp_path, importances=True)
    assert Counting.fits == 5 + 5
    assert len(asked.importances) == len(SMALL.columns)
    assert asked.tested == plain.tested
    cross_validate(SMALL, COUNTED, checkpoints=tmp_path, importances=True)
    cross_validate(SMALL, COUNTED, checkpoints=tmp_path)
    assert Counting.fits == 5 + 5


@pytest.mark.parametrize("recipe", [COUNTED, WEIGHING])
def test_where_only_some_checkpoints_have_permutations_a_plain_run_does_without(
    tmp_path: Path, recipe: Recipe
) -> None:
    """As after a report that was stopped."""
    Counting.stop_in = 3
    with pytest.raises(KeyboardInterrupt):
        cross_validate(SMALL, recipe, checkpoints=tmp_path, importances=True)
    resumed = cross_validate(SMALL, recipe, checkpoints=tmp_path)
    assert Counting.fits == 3 + 3
    assert_same(resumed, cross_validate(SMALL, recipe))
