"""RFC 8259, narrowed by RFC 7515 §4 and RFC 7519 §4: JSON that is not repaired.

UTF-8 without BOM; no duplicate names, no NaN or Infinity, no number that
overflows to one, no lone surrogates. What comes out is deeply immutable.
"""

import json
import re
from typing import Any, Never, cast

# A lone surrogate can only come from an escape; this finds every candidate, and
# some innocent text ("\\ud800" is a backslash and a word), which is then tested.
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


class FrozenDict(dict[str, Any]):
    """A dict that cannot be changed, and that JSON encoders still know.

    `types.MappingProxyType` would do as well but for `json.dumps`: an app that
    answers with a claim would have to thaw it first.
    """

    __slots__ = ()

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


def _object(pairs: list[tuple[str, Any]]) -> FrozenDict:
    members = FrozenDict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member name occurs twice")
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


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float, parse_constant=_constant)


def loads_object(data: bytes) -> FrozenDict:
    """Return the JSON object that *data* is, or raise ValueError.

    Args:
        data: UTF-8, at most as long as a token; the caller has bounded it.
    """
    text = data.decode("utf-8").strip(" \t\n\r")
    try:
        value, end = _DECODER.raw_decode(text)
        if "\\u" in text and _SURROGATE_ESCAPE.search(text):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if text.count("[") + text.count("{") > _MAX_DEPTH and _too_deep(value):
        raise ValueError("nested too deeply")
    if end != len(text) or not isinstance(value, FrozenDict):
        raise ValueError("not a JSON object")
    return value
