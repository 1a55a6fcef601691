"""RFC 8259, narrowed by RFC 7515 §4 and RFC 7519 §4: JSON that is not repaired.

UTF-8 without BOM; no duplicate names, no NaN or Infinity, no number that
overflows to one, no lone surrogates. What comes out is deeply immutable.
"""

import json
import re
from collections.abc import Callable
from typing import Any, Never, Self, cast

# A lone surrogate can only come from an escape; this finds every candidate, and
# some innocent text ("\\ud800" is a backslash and a word), which is then tested.
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


_empty = dict.__new__
_fill = cast("Callable[[object, object], None]", cast("Any", dict).update)


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed, and that JSON encoders still know.

    `types.MappingProxyType` would do as well but for `json.dumps`: an app that
    answers with a claim would have to thaw it first.
    """

    __slots__ = ()

    def __new__(cls, members: object = ()) -> Self:
        """Make it of a mapping, or of pairs."""
        made = super().__new__(cls)
        _fill(made, members)
        return made

    def __init__(self, members: object = ()) -> None:
        """Do nothing: a dict's own would change what was made once."""

    def _refuse(self, *_args: object, **_kwargs: object) -> Never:
        raise TypeError("claims are read-only; make a copy with dict(claims)")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = _refuse
    setdefault = update = _refuse  # pyright: ignore[reportAssignmentType]  overloads, all refused

    def __reduce__(self) -> tuple[type["FrozenDict"], tuple[dict[str, Any]]]:
        """Pickle and copy by construction, since items cannot be set."""
        return FrozenDict, (dict(self),)


def _frozen(value: object) -> object:
    """Return *value* with its lists as tuples; its objects are frozen already."""
    return tuple(map(_frozen, cast("list[object]", value))) if type(value) is list else value


def _flat_object(pairs: list[tuple[str, Any]]) -> FrozenDict:
    # What FrozenDict() does, without its two calls in Python: a token has several objects.
    members = _empty(FrozenDict)
    _fill(members, pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name occurs twice")
    return members


def _object(pairs: list[tuple[str, Any]]) -> FrozenDict:
    members = _flat_object(pairs)
    for name, value in pairs:
        if type(value) is list:
            super(FrozenDict, members).__setitem__(name, _frozen(cast("object", value)))
    return members


def _float(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError("a number overflows")
    return number


def _constant(_name: str) -> Never:
    raise ValueError("NaN and Infinity are not JSON")


# A claims set is a few levels deep. Deeper ones would leave the app, which has a
# fuller stack than we have here, with a value that it cannot serialise.
_MAX_DEPTH = 64


def _too_deep(value: object, level: int = 0) -> bool:
    if isinstance(value, FrozenDict):
        value = tuple(value.values())
    if not isinstance(value, tuple):
        return False
    members = cast("tuple[object, ...]", value)
    return level == _MAX_DEPTH or any(_too_deep(member, level + 1) for member in members)


# Reads one JSON value, as (text, start) -> value and its end; StopIteration if none begins.
_Scan = Callable[[str, int], tuple[object, int]]


def _scanner(hook: Callable[[list[tuple[str, Any]]], FrozenDict]) -> _Scan:
    decoder = json.JSONDecoder(object_pairs_hook=hook, parse_float=_float, parse_constant=_constant)
    # What raw_decode calls, which typeshed leaves out.
    return cast("_Scan", cast("Any", decoder).scan_once)


_scan, _scan_flat = _scanner(_object), _scanner(_flat_object)


def loads_object(data: bytes) -> FrozenDict:
    """Return the JSON object that *data* is, or raise ValueError.

    Args:
        data: UTF-8, at most as long as a token; the caller has bounded it.
    """
    text = data.decode("utf-8").strip(" \t\n\r")
    # Most claims sets have no lists, no objects within and no escapes, and what looks
    # for one character is much faster than what follows from it.
    listed = "[" in text
    try:
        value, end = (_scan if listed else _scan_flat)(text, 0)
        if "\\" in text and _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except StopIteration:
        raise ValueError("not JSON") from None
    except RecursionError:
        raise ValueError("nested too deeply") from None
    nested = listed or text.find("{", 1) != -1
    if nested and text.count("[") + text.count("{") > _MAX_DEPTH and _too_deep(value):
        raise ValueError("nested too deeply")
    if end != len(text) or not isinstance(value, FrozenDict):
        raise ValueError("not a JSON object")
    return value
