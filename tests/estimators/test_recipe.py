"""A recipe is described in one line."""

from __future__ import annotations

from typing import Any

from affekt.estimators.recipe import Recipe


def test_the_representation_is_one_line_without_addresses_of_functions() -> None:
    def build(seed: int) -> Any:
        raise AssertionError("built for its representation")

    recipe = Recipe(
        name="own", summary="a network on spectra", source="-", features="log-mel@1", build=build
    )
    assert repr(recipe) == "<Recipe own on log-mel@1: a network on spectra>"
