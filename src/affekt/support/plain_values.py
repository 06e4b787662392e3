"""Plain values, as JSON has them: checked against the types of dataclasses, and built into these."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import reprlib
import typing
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

MAX_INTEGER = 1 << 53  # what a float holds exactly
MAX_FLOAT = 1e300
MAX_TEXT = 10_000  # characters


def parse_json(content: bytes | str) -> Any:
    """Parse JSON of an untrusted source; ``ValueError`` for whatever is wrong with it."""
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def build(kind: Any, value: Any, *, finite: bool = True, name: str = "") -> Any:
    """Check a plain value against a type, and return it as that type.

    Parameters
    ----------
    kind
        ``str``, ``bool``, ``int``, ``float``, ``X | None``, ``tuple[X, ...]``, ``tuple[X, Y]``,
        ``Mapping[X, Y]``, ``NDArray[np.int64]``, ``NDArray[np.float64]``, or a dataclass of these. A
        dataclass with a class method ``parse`` is built by it. A number that may be absent (``float |
        None``) is None where it is NaN.
    value
        The plain value; an instance of a dataclass is returned as it is.
    finite
        Whether numbers must be finite; otherwise None stands for NaN, as JSON has none.
    name
        What the value is called in messages.

    Raises
    ------
    ValueError
        The value is not of the type: which one, what it is, and what it should be.
    """
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    check = functools.partial(build, finite=finite)
    if origin in (typing.Union, UnionType):
        (one,) = (each for each in inner if each is not NoneType)
        absent = value is None or (isinstance(value, float) and math.isnan(value))
        found: Any = None if absent else check(one, value, name=name)
    elif origin is tuple:
        found = _build_tuple(check, inner, value, name)
    elif origin is Mapping:
        found = _build_mapping(check, inner, value, name)
    elif origin is np.ndarray:
        found = _build_array(typing.get_args(inner[1])[0], value, finite, name)
    elif not dataclasses.is_dataclass(kind):
        found = _build_scalar(kind, value, finite, name)
    elif hasattr(kind, "parse") and not isinstance(value, typing.cast(type, kind)):
        found = kind.parse(value)
    else:
        found = build_fields(kind, value, finite=finite, name=name)
    return found


def build_fields(kind: Any, value: Any, *, finite: bool = True, name: str = "") -> Any:
    """Build a dataclass from a mapping of its fields; as ``build``, without ``parse``."""
    if isinstance(value, kind):
        return value
    if not isinstance(value, Mapping):
        _refuse(name, value, "an object")
    types = _field_types(kind)
    needed = [
        one.name
        for one in dataclasses.fields(kind)
        if one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
    ]
    if missing := [one for one in needed if one not in value]:
        raise ValueError(f"{name or 'it'} lacks {', '.join(missing)}")
    if unknown := [one for one in value if one not in types]:
        raise ValueError(f"{name or 'it'} has {_show(unknown[0])}, which is unknown")
    return kind(
        **{key: build(types[key], one, finite=finite, name=_join(name, key)) for key, one in value.items()}
    )


def _build_tuple(check: Any, inner: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        _refuse(name, value, "a list")
    if inner[-1] is Ellipsis:
        return tuple(check(inner[0], one, name=f"{name}[{i}]") for i, one in enumerate(value))
    if len(value) != len(inner):
        _refuse(name, value, f"a list of {len(inner)}")
    return tuple(
        check(kind, one, name=f"{name}[{i}]")
        for i, (kind, one) in enumerate(zip(inner, value, strict=True))
    )


def _build_mapping(check: Any, inner: tuple[Any, ...], value: Any, name: str) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        _refuse(name, value, "an object")
    key_kind, kind = inner
    return {
        check(key_kind, key, name=f"a name in {name or 'it'}"): check(kind, one, name=_join(name, key))
        for key, one in value.items()
    }


def _build_array(kind: type[np.generic], value: Any, finite: bool, name: str) -> NDArray[Any]:
    """An array of counts, which are whole and not negative, or of floats, from nested lists."""
    counts = issubclass(kind, np.integer)
    wanted = "lists of counts" if counts else "lists of numbers"
    try:
        found = np.array(value)
        if found.dtype == object and not (counts or finite):
            found = np.array([math.nan if one is None else one for one in value])
    except (ValueError, TypeError, OverflowError):
        _refuse(name, value, wanted)
    if isinstance(value, list | tuple) and not found.size:
        return found.astype(kind)
    if not isinstance(value, list | tuple) or found.dtype.kind not in ("iu" if counts else "iuf"):
        _refuse(name, value, wanted)
    if (counts and not 0 <= found.min() <= found.max() <= MAX_INTEGER) or (
        finite and not np.isfinite(found).all()
    ):
        _refuse(name, value, wanted)
    return found.astype(kind)


def _build_scalar(kind: type, value: Any, finite: bool, name: str) -> Any:
    if kind is str:
        if not isinstance(value, str) or len(value) > MAX_TEXT:
            _refuse(
                name,
                value,
                "a text" if not isinstance(value, str) else f"a text of at most {MAX_TEXT} characters",
            )
    elif kind is bool:
        if not isinstance(value, bool):
            _refuse(name, value, "true or false")
    elif kind is int:
        if not _is_number(value, int | np.integer) or abs(value) > MAX_INTEGER:
            _refuse(name, value, "a whole number")
    elif kind is float:
        return _build_float(value, finite, name)
    else:
        raise TypeError(f"no plain value is of the type {kind}")
    return value


def _build_float(value: Any, finite: bool, name: str) -> float:
    if value is None and not finite:
        return math.nan
    if not _is_number(value, int | float | np.number):
        _refuse(name, value, "a number")
    # compared, not converted: an integer may be larger than any float; NaN is in no range
    unknown = not finite and isinstance(value, float) and math.isnan(value)
    if not unknown and not -MAX_FLOAT < value < MAX_FLOAT:
        _refuse(name, value, "a finite number")
    return value if isinstance(value, float) or abs(value) <= MAX_INTEGER else float(value)


def _is_number(value: Any, kind: Any) -> bool:
    return isinstance(value, kind) and not isinstance(value, bool)


@functools.cache
def _field_types(kind: Any) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _join(name: str, key: Any) -> str:
    shown = key if isinstance(key, str) and key.isidentifier() and len(key) < 50 else _show(key)
    return f"{name}.{shown}" if name else shown


def _show(value: Any) -> str:
    """A value in a message: short, and without control characters."""
    return reprlib.repr(value)


def _refuse(name: str, value: Any, wanted: str) -> NoReturn:
    raise ValueError(f"{name or 'it'} is {_show(value)}, not {wanted}")
