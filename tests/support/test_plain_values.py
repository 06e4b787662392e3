"""Plain values are checked against types: what fits is returned, what does not is named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from affekt.support.plain_values import build, parse_json


@dataclass(frozen=True)
class Inner:
    """A part of a whole."""

    share: float
    name: str = "none"


@dataclass(frozen=True)
class Checked:
    """A part that checks itself."""

    count: int

    @classmethod
    def parse(cls, values: Any) -> Checked:
        """Refuse odd counts."""
        if values["count"] % 2:
            raise ValueError("the count is odd")
        return cls(values["count"])


@dataclass(frozen=True)
class Whole:
    """A whole with parts of every kind."""

    inner: Inner
    checked: Checked
    several: tuple[Inner, ...] = ()
    by_name: Mapping[str, float | None] = field(default_factory=dict)
    counts: NDArray[np.int64] | None = None


VALUES: dict[str, Any] = {
    "inner": {"share": 1, "name": "one"},
    "checked": {"count": 2},
    "several": [{"share": 0.5}],
    "by_name": {"a": None, "b": 0.25, "c": math.nan},
    "counts": [[1, 2], [3, 4]],
}


def test_a_dataclass_is_built_from_plain_values_however_deep() -> None:
    found = build(Whole, VALUES)
    assert found.inner == Inner(1, "one")
    assert found.checked == Checked(2)
    assert found.several == (Inner(0.5),)
    assert found.by_name == {"a": None, "b": 0.25, "c": None}
    np.testing.assert_array_equal(found.counts, [[1, 2], [3, 4]])
    assert found.counts.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inner": None}, "inner is None, not an object"),
        ({"inner": {}}, "inner lacks share"),
        ({"inner": {"share": 1, "more": 1}}, "inner has 'more', which is unknown"),
        ({"inner": {"share": "1"}}, "inner.share is '1', not a number"),
        ({"inner": {"share": True}}, "inner.share is True, not a number"),
        ({"inner": {"share": math.nan}}, "inner.share is nan, not a finite number"),
        ({"inner": {"share": math.inf}}, "inner.share is inf, not a finite number"),
        ({"inner": {"share": 10**400}}, r"inner.share is 1000.*, not a finite number"),
        ({"inner": {"share": 1, "name": 3}}, "inner.name is 3, not a text"),
        ({"inner": {"share": 1, "name": "x" * 10_001}}, "not a text of at most 10000 characters"),
        ({"checked": {"count": 3}}, "the count is odd"),
        ({"several": "text"}, "several is 'text', not a list"),
        ({"several": [{"share": 1}, {"share": None}]}, r"several\[1\].share is None, not a number"),
        ({"by_name": []}, r"by_name is \[\], not an object"),
        ({"by_name": {"odd name": "x"}}, "by_name.'odd name' is 'x', not a number"),
        ({"by_name": {"\x1b[2J": "x"}}, r"by_name.'\\x1b\[2J' is 'x', not a number"),
        ({"counts": [[1.5]]}, "counts is .*, not lists of counts"),
        ({"counts": [[-1]]}, "counts is .*, not lists of counts"),
        ({"counts": [[1], [1, 2]]}, "counts is .*, not lists of counts"),
        ({"counts": [["1"]]}, "counts is .*, not lists of counts"),
        ({"counts": [[True]]}, "counts is .*, not lists of counts"),
        ({"counts": {"a": 1}}, "counts is .*, not lists of counts"),
        ({"counts": [[2**60]]}, "counts is .*, not lists of counts"),
        ({"more": 1}, "it has 'more', which is unknown"),
    ],
)
def test_a_value_of_another_type_is_refused_with_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build(Whole, VALUES | change)


def test_what_is_no_object_is_refused() -> None:
    for values in (None, 3, "words", [], [VALUES]):
        with pytest.raises(ValueError, match="not an object"):
            build(Whole, values)


@pytest.mark.parametrize("kind", [int, bool, str, float, tuple[int, ...], tuple[int, int]])
def test_every_type_has_values_that_fit_and_others(kind: Any) -> None:
    fitting = {int: 3, bool: True, str: "a", float: 0.5, tuple[int, ...]: [1], tuple[int, int]: [1, 2]}
    for other, value in fitting.items():
        fits = other == kind or (kind is float and other is int) or (
            kind == tuple[int, ...] and other == tuple[int, int]
        )  # fmt: skip
        if fits:
            assert build(kind, value) in (value, tuple(value) if isinstance(value, list) else value)
        else:
            with pytest.raises(ValueError):
                build(kind, value)


def test_numbers_that_may_be_unknown_are_nan_where_they_are_none() -> None:
    assert math.isnan(build(float, None, finite=False))
    assert math.isnan(build(float, math.nan, finite=False))
    assert math.isnan(build(Inner, {"share": None}, finite=False).share)
    np.testing.assert_array_equal(build(NDArray[np.float64], [1, None], finite=False), [1, np.nan])
    for odd in ("1", math.inf, True):
        with pytest.raises(ValueError, match="number"):
            build(float, odd, finite=False)
    with pytest.raises(ValueError, match="numbers"):
        build(NDArray[np.float64], [1, None])


def test_a_large_whole_number_where_a_float_belongs_is_a_float() -> None:
    assert isinstance(build(float, 10**20), float)
    assert isinstance(build(float, 10**3), int)


def test_a_type_that_json_does_not_have_is_an_error_of_the_program() -> None:
    with pytest.raises(TypeError, match="no plain value is of the type"):
        build(bytes, b"")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 10**6, b"1" * 10_000])
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError):
        parse_json(content)
