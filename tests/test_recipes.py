"""Every recipe trains, answers, and exports to a graph that answers the same."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from affekt.corpora import load
from affekt.cross_validation import fit
from affekt.dataset import Dataset, listen
from affekt.emotions import EMOTIONS
from affekt.errors import UnknownNameError
from affekt.features import FEATURE_SETS, find_feature_set
from affekt.metrics import HEADLINES
from affekt.onnx_export import PARITY_LIMIT, export
from affekt.recipe import Estimator
from affekt.recipes import RECIPES, find_recipe

# What a test changes where a recipe has it: 120 clips need other steps than 2000.
SHORT = {"epochs": 20, "draws": 1, "learning_rate": 3e-3, "batch_size": 8, "search_folds": 2}


@pytest.fixture(scope="module")
def datasets(small_ravdess: Path) -> Callable[[str], Dataset]:
    """The small corpus by feature set, each listened to once."""
    return functools.cache(lambda features: listen(load(small_ravdess), find_feature_set(features)))


def build(name: str, seed: int = 0, **changes: float) -> Estimator:
    """A recipe's estimator, with training cut short."""
    estimator = RECIPES[name].build(seed)
    wanted = SHORT | changes
    known = [(key, key.removeprefix("near__")) for key in estimator.get_params()]
    return estimator.set_params(**{key: wanted[last] for key, last in known if last in wanted})


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_tells_what_it_is(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.features in FEATURE_SETS
    assert recipe.summary
    assert recipe.source
    assert set(recipe.claims) <= set(HEADLINES)
    assert set(recipe.emotions) <= set(EMOTIONS)


def test_to_list_the_recipes_imports_no_library_that_trains() -> None:
    heavy = "{'sklearn', 'torch', 'lightgbm', 'imblearn'}"
    program = f"import sys, affekt.recipes; print(sorted({heavy} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_learns_and_its_graph_answers_the_same(
    name: str, datasets: Callable[[str], Dataset]
) -> None:
    dataset = datasets(RECIPES[name].features)
    estimator = fit(build(name), dataset)
    shape = find_feature_set(RECIPES[name].features).shape
    graph, parity = export(estimator, dataset.features, len(dataset.emotions), shape)
    answers = estimator.predict_proba(dataset.features)
    assert (answers.argmax(axis=1) == dataset.labels).mean() > 0.6  # chance is a third
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert parity <= PARITY_LIMIT
    assert len(graph) > 1000


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_gives_the_same_model(name: str, datasets: Callable[[str], Dataset]) -> None:
    dataset = datasets(RECIPES[name].features)
    one, other = (fit(build(name, 3, epochs=2), dataset).predict_proba(dataset.features) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", RECIPES)
def test_a_clone_has_the_same_settings_and_has_learnt_nothing(name: str) -> None:
    estimator = build(name)
    assert repr(clone(estimator)) == repr(estimator)
    assert not hasattr(clone(estimator), "classes_")


def test_an_unknown_recipe_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'random-forest'"):
        find_recipe("randomforest")
