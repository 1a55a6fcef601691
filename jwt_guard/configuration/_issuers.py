"""From tables [[issuer]] to issuers and where their keys come from."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

from .._core.token.keys import Key, KeySet
from .._core.token.loading import is_key_text
from .._issuer import ANY_AUDIENCE, Issuer, IssuerOptions, Origin, origins
from ..errors import ConfigurationError
from ..keys import Discovery, HttpFetcher, Jwks
from ._checks import Table, check, each, require
from ._names import PRESET_NAMES, PRESETS, TABLES, Names

# What is an option of Issuer, of what fetches keys, and of what gets documents.
_OPTIONS = {"name", "audience", *IssuerOptions.__annotations__}
_FETCHING = ("algorithms", "max_stale", "wait")
_HTTP = ("ca_file", "token_file", "allow_http")
_FILES = ("ca_file", "token_file")

# What says a key.
_KEYS = ("key_file", "secret_env", "secret")
_DETAILS = ("alg", "kid", "allow_symmetric")
_KEY_NAMES = (*_KEYS, *_DETAILS)

# Written by those who want `any_audience`.
_MISTAKEN_AUDIENCES = ("ANY", "ANY_AUDIENCE")

# What is shown of a name that may be a secret in the wrong place: variables are written
# like this, and no secret that is any good is shorter than 32 octets (RFC 7518 §3.2).
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{,30}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where keys and secrets that the document names are found.

    Attributes:
        directory: The folder that files are relative to.
        environ: The variables.
        inline: Whether secrets may stand in the document.
    """

    directory: Path
    environ: Mapping[str, str] = field(repr=False)
    inline: bool


def issuer(table: Table, around: Surroundings) -> Issuer:
    """Make what one table says.

    Raises:
        ConfigurationError: With what is wrong in it.
    """
    preset = table.get("preset")
    arguments: Names = PRESET_NAMES.get(preset, {}) if isinstance(preset, str) else {}
    names = {**TABLES["issuer"], **arguments}
    check(table, names)
    if preset is not None:
        _check_preset(preset, table, arguments)
    options = {name: table[name] for name in table if name in _OPTIONS or name in arguments}
    options |= _audience(table)
    make = Issuer if preset is None else PRESETS[preset]
    require(_needed(make), options, names)
    keys = _Keys(table, around).all(
        lambda: (Discovery(),) if preset is None else _locations(make(**options))
    )
    return make(**options, keys=keys) if keys else make(**options)


def _locations(one: Issuer) -> tuple[Discovery | Jwks, ...]:
    return tuple(origin for origin in origins(one) if isinstance(origin, Discovery | Jwks))


def _check_preset(preset: str, table: Table, arguments: Names) -> None:
    said = {"audience" if name == "any_audience" else name for name in table}
    for name in ("name", "audience"):
        if name in said and name not in arguments:
            raise ConfigurationError(f"the preset {preset!r} says the {name} itself; drop it")


def _audience(table: Table) -> dict[str, Any]:
    if table.get("any_audience"):
        if "audience" in table:
            raise ConfigurationError("any_audience excludes audience; drop one of them")
        return {"audience": ANY_AUDIENCE}
    if table.get("audience") in _MISTAKEN_AUDIENCES:
        raise ConfigurationError("to accept any audience, say any_audience = true")
    return {}


def _needed(make: Callable[..., object]) -> list[str]:
    """Return the arguments that have no default."""
    return [
        one.name
        for one in signature(make).parameters.values()
        if one.default is Parameter.empty and one.kind is not Parameter.VAR_KEYWORD
    ]


class _Keys:
    """Where the keys of one table come from."""

    def __init__(self, table: Table, around: Surroundings) -> None:
        self._table = table
        self._around = around
        self._fetching = {name: table[name] for name in _FETCHING if name in table}
        self._http = {name: table[name] for name in _HTTP if name in table}
        for name in _FILES:
            if name in table:
                self._http[name] = str(around.directory / table[name])

    def all(self, own: Callable[[], tuple[Discovery | Jwks, ...]]) -> tuple[Origin, ...]:
        """Return all that the table says; none where it says nothing.

        Args:
            own: Returns where they come from if nothing is said.
        """
        given, table = self._given(), self._table
        options = [*self._fetching, *self._http]
        if "jwks_url" in table and "discovery_url" in table:
            raise ConfigurationError("jwks_url and discovery_url exclude each other")
        if "jwks_url" in table:
            return (*given, self._with_options(Jwks(table["jwks_url"], fetcher=self._fetcher())))
        if "discovery_url" in table:
            url = table["discovery_url"]
            return (*given, self._with_options(Discovery(url, fetcher=self._fetcher())))
        if table.get("discovery") or (options and not given):
            return (*given, *map(self._with_options, own()))
        if options:
            raise ConfigurationError(
                f"{', '.join(options)}: for fetched keys, and a key is given; say discovery = true "
                f"to have both"
            )
        return given

    def _fetcher(self) -> HttpFetcher | None:
        """Return what the table says of fetching; an address may be http by it alone."""
        return HttpFetcher(**self._http) if self._http else None

    def _with_options(self, origin: Discovery | Jwks) -> Discovery | Jwks:
        fetcher = origin.fetcher
        if self._http:
            before = fetcher if isinstance(fetcher, HttpFetcher) else HttpFetcher()
            fetcher = replace(before, **self._http)
        return replace(origin, fetcher=fetcher, **self._fetching)

    def _given(self) -> tuple[Key | KeySet, ...]:
        table, around = self._table, self._around
        listed = each("key", table.get("key", ()), lambda one: _listed(one, around))
        said = {name: table[name] for name in _KEY_NAMES if name in table}
        return (_key(said, around), *listed) if said else listed


def _listed(table: Table, around: Surroundings) -> Key | KeySet:
    check(table, TABLES["key"])
    return _key(table, around)


def _key(table: Table, around: Surroundings) -> Key | KeySet:
    sources = [name for name in _KEYS if name in table]
    details = {name: table[name] for name in _DETAILS if name in table}
    if len(sources) > 1:
        raise ConfigurationError(
            f"{' and '.join(sources)} exclude each other; write a table [[issuer.key]] for each"
        )
    if not sources:
        raise ConfigurationError(
            f"{', '.join(details) or 'a table'} beside no key: say key_file or secret_env; of keys "
            f"that are fetched, algorithms chooses"
        )
    return _LOADED[sources[0]](table[sources[0]], details, around)


def _key_file(path: str, details: dict[str, Any], around: Surroundings) -> KeySet:
    if is_key_text(path):
        raise ConfigurationError("key_file is the path of a file, not the text of a key")
    return KeySet.load(around.directory / path, **details)


def _secret_env(name: str, details: dict[str, Any], around: Surroundings) -> Key:
    if name not in around.environ:
        shown = f", {name}," if _VARIABLE.fullmatch(name) else ""
        raise ConfigurationError(
            f"secret_env names a variable of the environment{shown} that is not set"
        )
    return _secret(around.environ[name], details)


def _inline_secret(secret: str, details: dict[str, Any], around: Surroundings) -> Key:
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


_LOADED: Mapping[str, Callable[[str, dict[str, Any], Surroundings], Key | KeySet]] = {
    "key_file": _key_file,
    "secret_env": _secret_env,
    "secret": _inline_secret,
}
