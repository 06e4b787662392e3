"""Every recipe trains, answers, and exports to a graph that answers the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone

from affekt.corpora import load
from affekt.dataset import Dataset, listen
from affekt.errors import UnknownNameError
from affekt.evaluation import fit
from affekt.features import FEATURE_SETS, find_feature_set
from affekt.metrics import HEADLINES
from affekt.onnx_export import PARITY_LIMIT, export
from affekt.recipes import RECIPES, find_recipe


@pytest.fixture(scope="module")
def dataset(small_ravdess: Path) -> Dataset:
    return listen(load(small_ravdess), find_feature_set("mfcc-stats@1"))


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_tells_what_it_is(name: str) -> None:
    recipe = RECIPES[name]
    assert recipe.features in FEATURE_SETS
    assert recipe.summary
    assert recipe.source
    assert set(recipe.claims) <= set(HEADLINES)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_learns_and_its_graph_answers_the_same(name: str, dataset: Dataset) -> None:
    estimator = fit(RECIPES[name].build(0), dataset)
    graph, parity = export(estimator, dataset.features, len(dataset.emotions))
    answers = estimator.predict_proba(dataset.features)
    assert (answers.argmax(axis=1) == dataset.labels).mean() > 0.9
    np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    assert parity <= PARITY_LIMIT
    assert len(graph) > 1000


@pytest.mark.parametrize("name", RECIPES)
def test_the_same_seed_gives_the_same_model(name: str, dataset: Dataset) -> None:
    one, other = (fit(RECIPES[name].build(3), dataset).predict_proba(dataset.features) for _ in range(2))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", RECIPES)
def test_a_clone_has_learnt_nothing(name: str, dataset: Dataset) -> None:
    fitted = fit(RECIPES[name].build(0), dataset)
    assert not hasattr(clone(fitted), "classes_")


def test_an_unknown_recipe_is_refused_with_a_guess() -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'random-forest'"):
        find_recipe("randomforest")
