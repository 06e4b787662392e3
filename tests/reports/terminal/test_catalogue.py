"""The terminal lists of feature sets, corpora and recipes."""

from __future__ import annotations

from tests.reports.terminal.printing import printed

from affekt.corpora.registry import READERS
from affekt.features.feature_sets import FEATURE_SETS
from affekt.recipes import RECIPES
from affekt.reports import terminal


def test_every_feature_set_is_listed_with_its_shape() -> None:
    text = printed(terminal.feature_sets(FEATURE_SETS.values()), width=200)
    for one in FEATURE_SETS.values():
        assert f"{one.name}  " in text
    assert "mfcc-stats@1  80 columns, from 22050 Hz" in text
    assert "mfcc-mean@1  40 columns, from the clip's own rate" in text


def test_every_corpus_is_listed_with_counts_licence_and_how_to_get_it() -> None:
    text = printed(terminal.corpora(reader.card for reader in READERS.values()), width=200)
    for reader in READERS.values():
        assert f"{reader.card.name}  {reader.card.title}" in text
        assert reader.card.licence in text
    assert "1440 clips of speech, 1012 clips of song, 24 speakers" in text
    assert "affekt corpora download ravdess --to DIR" in text
    assert "download folders" not in text


def test_every_recipe_is_listed_with_its_claims_and_their_protocol() -> None:
    text = printed(terminal.recipes(RECIPES.values()), width=300)
    for recipe in RECIPES.values():
        assert f"{recipe.name}  {recipe.summary}" in text
    (claims,) = [line for line in text.splitlines() if "92.2%" in line]
    assert "claims: accuracy 92.2%, weighted F1 92.0%" in claims
    assert "LEAKY" in claims
