"""Every recipe can be trained, and exported to a graph that predicts the same."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from affekt.corpora.registry import READERS, load_corpus
from affekt.emotions import EMOTIONS
from affekt.errors import UnknownNameError
from affekt.estimators.onnx_export import PARITY_LIMIT, export
from affekt.estimators.recipe import Estimator
from affekt.evaluation.dataset import Dataset, Extraction, extract_dataset
from affekt.evaluation.execution import Execution
from affekt.evaluation.fitting import fit_recipe
from affekt.features.feature_sets import FEATURE_SETS, find_feature_set
from affekt.metrics import HEADLINES
from affekt.recipes import RECIPES, find_recipe
from affekt.recipes.whisper_linear import CORPUS_WEIGHTS

# parameters that are changed where a recipe has them: 120 clips need other ones than 2000
SHORT = {"epochs": 20, "draws": 1, "learning_rate": 3e-3, "batch_size": 8, "search_folds": 2}
SHORTER = {"affekt-net-2": {"epochs": 2, "batch_size": 32}}  # its regression learns in a moment
LONGEST_SUMMARY = 100


@pytest.fixture(scope="module")
def datasets(small_ravdess: Path) -> Callable[[str], Dataset]:
    """The small corpus by feature set; features are extracted once for each."""
    corpus = load_corpus(small_ravdess)
    return functools.cache(
        lambda features: extract_dataset(corpus, Extraction(features=features), Execution())
    )


def build(name: str, seed: int = 0, **changes: float) -> Estimator:
    """The estimator of a recipe, with short training."""
    estimator = RECIPES[name].build(seed)
    wanted = SHORT | SHORTER.get(name, {}) | changes
    known = [(key, key.removeprefix("frame_branch__")) for key in estimator.get_params()]
    return estimator.set_params(**{key: wanted[last] for key, last in known if last in wanted})


def fit(estimator: Estimator, dataset: Dataset) -> Estimator:
    """Fit on all clips."""
    train, none = np.arange(len(dataset.labels)), np.zeros(0, np.intp)
    return fit_recipe(estimator, dataset, train, none, dataset.speakers).estimator


def test_weighed_corpora_are_named_as_their_readers_name_them() -> None:
    assert READERS.keys() >= CORPUS_WEIGHTS.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_complete_and_names_things_that_exist(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.features in FEATURE_SETS
    assert 0 < len(recipe.summary) <= LONGEST_SUMMARY
    assert "\n" not in recipe.summary
    assert recipe.source
    assert set(recipe.claims) <= set(HEADLINES)
    assert set(recipe.emotions) <= set(EMOTIONS)


def test_listing_the_recipes_imports_no_library_for_training() -> None:
    heavy = "{'sklearn', 'torch', 'lightgbm', 'imblearn'}"
    program = f"import sys, affekt.recipes; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_learns_and_its_graph_predicts_the_same(
    name: str, datasets: Callable[[str], Dataset]
) -> None:
    dataset = datasets(RECIPES[name].features)
    estimator = fit(build(name), dataset)
    shape = find_feature_set(RECIPES[name].features).shape
    graph, parity = export(estimator, dataset.features, len(dataset.emotions), shape)
    probabilities = estimator.predict_proba(dataset.features)
    assert (probabilities.argmax(axis=1) == dataset.labels).mean() > 0.6  # chance is a third
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    assert parity <= PARITY_LIMIT
    assert len(graph) > 1000


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_gives_the_same_model(name: str, datasets: Callable[[str], Dataset]) -> None:
    dataset = datasets(RECIPES[name].features)
    one, other = (fit(build(name, 3, epochs=2), dataset).predict_proba(dataset.features) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", RECIPES)
def test_a_clone_has_the_same_parameters_and_is_not_fitted(name: str) -> None:
    estimator = build(name)
    assert repr(clone(estimator)) == repr(estimator)
    assert not hasattr(clone(estimator), "classes_")


def test_an_unknown_recipe_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'random-forest'"):
        find_recipe("randomforest")
