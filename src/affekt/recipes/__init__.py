"""The recipes. This folder is the registry: one file, one recipe, as ``RECIPE``."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from affekt.errors import UnknownNameError
from affekt.recipe import Recipe


def _recipes() -> dict[str, Recipe]:
    modules = [import_module(f"{__name__}.{found.name}") for found in pkgutil.iter_modules(__path__)]
    return {module.RECIPE.name: module.RECIPE for module in modules}


RECIPES: dict[str, Recipe] = _recipes()


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; ``UnknownNameError`` where there is none."""
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]
