"""The recipes. Each file in this folder defines one as ``RECIPE``, and is found by itself."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from affekt.errors import UnknownNameError
from affekt.estimators.recipe import Recipe


def _find_recipes() -> dict[str, Recipe]:
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.RECIPE.name: module.RECIPE for module in modules}


RECIPES: dict[str, Recipe] = _find_recipes()
"""All recipes by name."""


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name; ``UnknownNameError`` if there is none."""
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]
