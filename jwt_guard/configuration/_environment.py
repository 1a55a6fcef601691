"""POSIX.1-2017 §8.1: the variables of the environment, made into the document of a file."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .._logging import LEVEL
from ..errors import ConfigurationError
from ._checks import unknown
from ._names import TABLES, Name

PLACE: Final = "environment"
CONFIG: Final = "JWT_GUARD_CONFIG"

APP: Final = "JWT_GUARD_APP"

_PREFIX = "JWT_GUARD_"

# What is read elsewhere: the app by `jwt_guard.wrap`, the log's level by each guard.
_ELSEWHERE = (APP, LEVEL)

# What Kubernetes sets in each container for a Service whose name begins with jwt-guard.
_OF_KUBERNETES = re.compile(
    r"JWT_GUARD_(?:\w+_)?"
    r"(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)"
)


class _Variable(NamedTuple):
    table: str
    name: str
    row: Name


_VARIABLES = {
    row.variable: _Variable(table, name, row)
    for table, names in TABLES.items()
    for name, row in names.items()
    if row.variable is not None
}

# Without them there is nothing to trust.
_NEEDED = ("JWT_GUARD_ISSUER", "JWT_GUARD_AUDIENCE")


def given(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are for us.

    Raises:
        ConfigurationError: An unknown one, an empty one, a file beside others, or
            too few.
    """
    found = {
        name: text
        for name, text in environ.items()
        if name.startswith(_PREFIX)
        and name not in _ELSEWHERE
        and not _OF_KUBERNETES.fullmatch(name)
    }
    known = (CONFIG, *_VARIABLES, *_ELSEWHERE)
    for name, text in found.items():
        if name not in known:
            # Never the value: it may be a secret.
            raise unknown(name, known, _PREFIX)
        if not text:
            raise ConfigurationError(f"{name} is set, and empty; unset it if that is meant")
    if CONFIG in found and len(found) > 1:
        others = ", ".join(sorted(found.keys() - {CONFIG}))
        raise ConfigurationError(f"{CONFIG} names a file that says it all; unset {others}")
    if CONFIG not in found and not found.keys() >= set(_NEEDED):
        raise ConfigurationError(f"set {' and '.join(_NEEDED)}, or {CONFIG}")
    return found


def to_document(variables: Mapping[str, str]) -> dict[str, Any]:
    """Return the document of a file that says what *variables* say.

    Raises:
        ConfigurationError: One is not of its kind.
    """
    tables: dict[str, dict[str, object]] = {
        "guard": {},
        "issuer": {},
        "middleware": {},
        "credential": {},
    }
    for variable, text in variables.items():
        table, name, row = _VARIABLES[variable]
        value = row.kind.parse(text)
        if not row.kind.fits(value):
            raise ConfigurationError(f"{variable}: expected {row.kind.expected}")
        tables[table][name] = value
    cookie = tables.pop("credential")
    credentials = [{"kind": "bearer"}, {"kind": "cookie", **cookie}] if cookie else []
    return {
        **tables,
        "issuer": [tables["issuer"]],
        "credential": credentials,
        # An environment is where secrets belong.
        "allow_inline_secrets": True,
    }
