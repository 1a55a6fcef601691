"""JSON Schema 2020-12 §6: what a value may be, in words, as a schema, as a test."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

# Beyond it a float is no longer exact, and far beyond it there is none at all.
_LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value may be.

    Attributes:
        expected: The words for it in an error.
        schema: The same as a JSON Schema.
        fits: Whether a value out of TOML is one.
        parse: Makes a value of the text of a variable, or something that does not fit.
    """

    expected: str
    schema: Mapping[str, Any]
    fits: Callable[[Any], bool]
    parse: Callable[[str], object] = str


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_small(value: object, types: tuple[type, ...]) -> bool:
    """Whether *value* is a number; True, NaN and the infinities are none."""
    return type(value) in types and -_LARGEST <= cast("float", value) <= _LARGEST


def _bounded(name: str) -> Mapping[str, Any]:
    return {"type": name, "minimum": -_LARGEST, "maximum": _LARGEST}


TEXT = Kind("a string", {"type": "string"}, lambda value: isinstance(value, str))
FLAG = Kind("true or false", {"type": "boolean"}, lambda value: isinstance(value, bool))
NUMBER = Kind(
    "a number", _bounded("number"), lambda value: _is_small(value, (int, float)), parse=_json
)
WHOLE = Kind(
    "a whole number", _bounded("integer"), lambda value: _is_small(value, (int,)), parse=_json
)


def word(*words: str) -> Kind:
    """Return the kind of one of some *words*."""
    shown = ", ".join(map(repr, words))
    return Kind(
        f"one of {shown}",
        {"enum": list(words)},
        lambda value: isinstance(value, str) and value in words,
    )


def array(expected: str, member: Kind, *, least: int = 0) -> Kind:
    """Return the kind of arrays; as a variable, with commas.

    Args:
        expected: The words for it.
        member: What each member is.
        least: How many members there are at least.
    """
    return Kind(
        expected,
        {"type": "array", "items": member.schema, "minItems": least},
        lambda value: (
            isinstance(value, list)
            and len(cast("list[object]", value)) >= least
            and all(map(member.fits, cast("list[object]", value)))
        ),
        parse=lambda text: [member.parse(part.strip()) for part in text.split(",")],
    )


def either(*kinds: Kind) -> Kind:
    """Return the kind of what is of one of *kinds*; as a variable, of the last."""
    return Kind(
        " or ".join(kind.expected for kind in kinds),
        {"anyOf": [kind.schema for kind in kinds]},
        lambda value: any(kind.fits(value) for kind in kinds),
        parse=kinds[-1].parse,
    )


def table(expected: str, name: str) -> Kind:
    """Return the kind of tables whose names are those of the table *name*."""
    return Kind(expected, {"$ref": f"#/$defs/{name}"}, lambda value: isinstance(value, dict))


def mapping(expected: str, member: Kind) -> Kind:
    """Return the kind of tables with any names, whose values are all of one kind."""
    return Kind(
        expected,
        {"type": "object", "additionalProperties": member.schema},
        lambda value: (
            isinstance(value, dict)
            and all(map(member.fits, cast("dict[str, object]", value).values()))
        ),
    )
