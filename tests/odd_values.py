"""Values of a file, replaced by odd ones, place by place."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

ODD_VALUES: list[Any] = [
    *(None, True, "text", -1, 10**400, 1e308, float("nan"), np.inf, [], {}, [[]], [None], {"a": 1}),
    *("x" * 100_000, ["text"], [[["text"]]], "\x1b[2J"),
]
"""Of every type that JSON has, too large, or of a wrong kind; one replaces a value of each file."""


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path to every value; of lists and of long objects, to the first alone."""
    if path:
        yield path
    if isinstance(value, dict):
        for key, inner in list(value.items())[: 2 if len(path) > 1 else None]:
            yield from places(inner, (*path, key))
    if isinstance(value, list) and value:
        yield from places(value[0], (*path, 0))


def replaced(values: dict[str, Any], path: tuple[Any, ...], odd: object) -> dict[str, Any]:
    """A copy of the values with another one at a place."""
    changed: Any = copy.deepcopy(values)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = odd
    return dict(changed)


def name_of(path: tuple[Any, ...]) -> str:
    """The name of a place, for a test."""
    return ".".join(map(str, path))
