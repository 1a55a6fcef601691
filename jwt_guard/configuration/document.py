"""From the document of a file to a guard and the options of a middleware."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial, reduce
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, TypeVar

from .._core.policy.expressions import (
    acr,
    all_scopes,
    amr,
    any_scope,
    claim,
    issued_by,
    requirement,
    role,
)
from .._core.policy.requirement import Requirement
from .._core.request.openings import Openings
from .._core.request.table import Rule
from .._core.token.keys import Key, KeySet
from .._core.token.loading import is_key_text
from .._issuer import ANY_AUDIENCE, Issuer
from .._metadata import Resource
from ..errors import ConfigurationError
from ..keys import Discovery, Jwks
from .checks import at, check, require
from .names import PRESET_NAMES, PRESETS, TABLES, Names

_T = TypeVar("_T")
_Table = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file or the environment says, checked, for a guard and its middleware.

    Attributes:
        place: The file, or "environment"; for errors.
        issuers: The trusted issuers.
        guard_options: Options of a `Guard`, as far as they are said.
        options: Options of a GuardMiddleware, as far as they are said: `public`,
            `anonymous`, `preflight`, `rules`, `unmatched`, `cookie`, `websockets`.
    """

    place: str
    issuers: tuple[Issuer, ...]
    guard_options: dict[str, Any]
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """Where keys and secrets that the document names are found."""

    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    inline: bool


def build(
    document: _Table, place: str, *, directory: Path, environ: Mapping[str, str]
) -> Configuration:
    """Make what *document* says.

    Args:
        document: The parsed file.
        place: The file's path, or "environment".
        directory: The folder that key files are relative to.
        environ: The variables that may hold secrets.

    Raises:
        ConfigurationError: With the place in the document.
    """
    check(document, TABLES["file"])
    inline = document.get("allow_inline_secrets", False)
    around = _Surroundings(directory, environ, inline)
    issuers = _each("issuer", document["issuer"], partial(_issuer, around=around))
    with at("guard"):
        guard_options = _guard(document.get("guard", {}))
    with at("middleware"):
        options = _middleware(document.get("middleware", {}))
    rules = _each("rule", document.get("rule", ()), _rule)
    if rules:
        options["rules"] = rules
    return Configuration(place, issuers, guard_options, options)


def _guard(table: _Table) -> dict[str, Any]:
    check(table, TABLES["guard"])
    options = dict(table)
    if isinstance(table.get("resource"), dict):
        with at("resource"):
            check(table["resource"], TABLES["resource"])
            options["resource"] = Resource(**table["resource"])
    return options


def _middleware(table: _Table) -> dict[str, Any]:
    check(table, TABLES["middleware"])
    Openings.compile(table.get("public", ()), table.get("optional", ()))
    return dict(table)


def _named(value: str | _Table, names: Names) -> _Table:
    """Return the arguments that a table says; a text alone is the name."""
    if isinstance(value, str):
        return {"name": value}
    check(value, names)
    return value


def _each(place: str, values: Iterable[Any], make: Callable[[Any], _T]) -> tuple[_T, ...]:
    """Make something of each value, and count them from 1 in errors."""
    made: list[_T] = []
    for number, value in enumerate(values, 1):
        with at(f"{place} {number}"):
            made.append(make(value))
    return tuple(made)


# What is no option of Issuer or of a preset.
_KEY_SOURCES = ("key_file", "secret_env", "secret")
_KEY_DETAILS = ("alg", "kid", "allow_symmetric")
_FETCHING = ("jwks_url", "algorithms", "max_stale", "wait")
_OURS = {*_KEY_SOURCES, *_KEY_DETAILS, "preset", "any_audience"}

# Written by those who want `any_audience`.
_MISTAKEN_AUDIENCES = ("ANY", "ANY_AUDIENCE")


def _issuer(table: _Table, around: _Surroundings) -> Issuer:
    preset = table.get("preset")
    arguments: Names = PRESET_NAMES.get(preset, {}) if isinstance(preset, str) else {}
    names = {**arguments, **TABLES["issuer"]}
    check(table, names)
    options = {name: value for name, value in table.items() if name not in _OURS}
    if table.get("any_audience"):
        if "audience" in options:
            raise ConfigurationError("any_audience excludes audience; drop one of them")
        options["audience"] = ANY_AUDIENCE
    elif options.get("audience") in _MISTAKEN_AUDIENCES:
        raise ConfigurationError("to accept any audience, say any_audience = true")
    fetching = {name: options.pop(name) for name in _FETCHING if name in options}
    keys = _keys(table, around)
    if keys is not None and fetching:
        raise ConfigurationError(f"{', '.join(fetching)} are for fetched keys; drop them")
    if keys is not None:
        options["keys"] = keys
    elif "jwks_url" in fetching:
        options["keys"] = Jwks(fetching.pop("jwks_url"), **fetching)
    elif fetching:
        options["keys"] = Discovery(**fetching)
    make = PRESETS[preset] if preset else Issuer
    require(_needed(make), options, names)
    try:
        return make(**options)
    except TypeError:
        # All kinds are right, so a preset was told what it passes on itself.
        extra = ", ".join(sorted(options.keys() - arguments.keys()))
        raise ConfigurationError(f"the preset {preset!r} sets itself one of {extra}") from None


def _needed(make: Callable[..., object]) -> list[str]:
    """Return the arguments that have no default."""
    return [
        one.name
        for one in signature(make).parameters.values()
        if one.default is Parameter.empty and one.kind is not Parameter.VAR_KEYWORD
    ]


def _keys(table: _Table, around: _Surroundings) -> Key | KeySet | None:
    sources = [name for name in _KEY_SOURCES if name in table]
    details = {name: table[name] for name in _KEY_DETAILS if name in table}
    if len(sources) > 1:
        raise ConfigurationError(f"{' and '.join(sources)} exclude each other; drop one of them")
    if sources:
        return _LOADED[sources[0]](table[sources[0]], details, around)
    if details:
        raise ConfigurationError(
            f"{', '.join(details)} beside no key: say key_file or secret_env; of keys that are "
            f"fetched, algorithms chooses"
        )
    return None


def _key_file(path: str, details: dict[str, Any], around: _Surroundings) -> KeySet:
    if is_key_text(path):
        raise ConfigurationError("key_file is the path of a file, not the text of a key")
    return KeySet.load(around.directory / path, **details)


def _secret_env(name: str, details: dict[str, Any], around: _Surroundings) -> Key:
    # The name is not shown: a secret in its place is a likely mistake.
    if name not in around.environ:
        raise ConfigurationError("secret_env names a variable of the environment that is not set")
    return _secret(around.environ[name], details)


def _inline_secret(secret: str, details: dict[str, Any], around: _Surroundings) -> Key:
    if not around.inline:
        raise ConfigurationError(
            "a secret does not belong in a file; put it into an environment variable and name "
            'that, secret_env = "APP_SECRET" (or say allow_inline_secrets = true above all tables)'
        )
    return _secret(secret, details)


def _secret(secret: str, details: dict[str, Any]) -> Key:
    if "alg" not in details or "allow_symmetric" in details:
        raise ConfigurationError('a secret needs alg = "HS256" or the like, and no allow_symmetric')
    return Key.secret(secret, **details)


_LOADED: Mapping[str, Callable[[str, dict[str, Any], _Surroundings], Key | KeySet]] = {
    "key_file": _key_file,
    "secret_env": _secret_env,
    "secret": _inline_secret,
}


def _rule(table: _Table) -> Rule:
    check(table, TABLES["rule"])
    options = dict(table)
    if "requires" in table:
        with at("requires"):
            options["requires"] = _requirement(table["requires"])
    return Rule(**options)


def _requirement(value: str | list[str] | dict[str, Any]) -> Requirement:
    if not isinstance(value, dict):
        return all_scopes(*([value] if isinstance(value, str) else value))
    check(value, TABLES["requires"])
    parts: list[Requirement] = []
    for name, asked in value.items():
        with at(name):
            parts.append(_CONDITIONS[name](asked))
    return requirement(*parts)


def _claim(table: _Table) -> Requirement:
    check(table, TABLES["claim"])
    if ("value" in table) == ("values" in table):
        raise ConfigurationError("say either value or values")
    return claim(table["path"], table["value"] if "value" in table else table["values"])


_CONDITIONS: Mapping[str, Callable[[Any], Requirement]] = {
    "all_scopes": lambda names: all_scopes(*names),
    "any_scope": lambda names: any_scope(*names),
    "role": role,
    "claim": _claim,
    "issued_by": issued_by,
    "acr": acr,
    "max_age": lambda seconds: acr(max_age=seconds),
    "amr": lambda methods: amr(*methods),
    "all": lambda parts: requirement(*_each("member", parts, _requirement)),
    "any": lambda parts: reduce(Requirement.__or__, _each("member", parts, _requirement)),
}
