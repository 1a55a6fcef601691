"""TOML 1.0: what a guard and its middleware are made of, from a file or the environment.

    guard = load("guard.toml").guard()
    app = GuardMiddleware(app, **load("guard.toml").asgi())

`_names` says what may be said, `_document` and its neighbours make something of it.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ConfigurationError
from ._checks import at
from ._configuration import (
    AsgiOptions,
    Configuration,
    Functions,
    GuardOptions,
    MiddlewareOptions,
    WsgiOptions,
)
from ._document import build
from ._environment import CONFIG, PLACE, given, to_document
from ._schema import json_schema

__all__ = [
    "AsgiOptions",
    "Configuration",
    "Functions",
    "GuardOptions",
    "MiddlewareOptions",
    "WsgiOptions",
    "from_environ",
    "json_schema",
    "load",
]


def load(path: str | os.PathLike[str], *, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read a TOML file; `json_schema` says what may stand in it.

    Args:
        path: The file. Files that it names are relative to its folder.
        environ: Where `secret_env` is looked up.

    Raises:
        ConfigurationError: With the place, and what is wrong there: the file cannot
            be read, or a name, a type or a value in it is not right.
    """
    place = os.fspath(path)
    if "\n" in place:
        raise ConfigurationError("load takes the path of a file, not its text")
    with at(place):
        return build(_parsed(place), place, directory=Path(place).parent, environ=environ)


def from_environ(environ: Mapping[str, str] = os.environ) -> Configuration:
    """Read the variables whose names begin with `JWT_GUARD_`.

    `JWT_GUARD_CONFIG` is the path of a file for `load`. Without it, one issuer is
    described by the other variables, and key files are relative to the working
    folder. Commas separate several audiences (one of which suffices), paths and the
    like; an audience that has a comma in it needs a file. What Kubernetes sets for a
    Service of that name (`JWT_GUARD_PORT`, `JWT_GUARD_SERVICE_HOST`) says nothing.

    Args:
        environ: The variables; `secret_env` of a file is looked up in them too.

    Raises:
        ConfigurationError: An unknown or empty variable, `JWT_GUARD_CONFIG` beside
            others, or as `load`.
    """
    with at(PLACE):
        variables = given(environ)
        if CONFIG not in variables:
            return build(to_document(variables), PLACE, directory=Path(), environ=environ)
    return load(variables[CONFIG], environ=environ)


def _parsed(path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise ConfigurationError(f"cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        # The parser names a place and at most a character or a name, never a value.
        raise ConfigurationError(f"not TOML: {error}") from None
