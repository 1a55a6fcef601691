"""From the document of a file to a `Configuration`."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import cast

from .._core.request.cookie import Cookie
from .._core.request.credentials import Bearer, CredentialSource, Query, Subprotocol
from .._core.request.openings import Openings
from .._metadata import Resource
from .._websocket import check_code
from ..hosts import check_prefix
from ._checks import Table, at, check, each
from ._configuration import Configuration, GuardOptions, MiddlewareOptions
from ._issuers import Surroundings, issuer
from ._names import CREDENTIALS, TABLES
from ._rules import rule

_SOURCES = {"bearer": Bearer, "cookie": Cookie, "query": Query, "subprotocol": Subprotocol}


def build(
    document: Table, place: str, *, directory: Path, environ: Mapping[str, str]
) -> Configuration:
    """Make what *document* says.

    Args:
        document: The parsed file.
        place: The file's path, or "environment".
        directory: The folder that files in it are relative to.
        environ: The variables that may hold secrets.

    Raises:
        ConfigurationError: With the place in the document.
    """
    check(document, TABLES["file"])
    inline = document.get("allow_inline_secrets", False)
    around = Surroundings(directory, environ, inline=inline)
    issuers = each("issuer", document["issuer"], partial(issuer, around=around))
    with at("guard"):
        options = _guard(document.get("guard", {}))
    credentials = each("credential", document.get("credential", ()), _credential)
    if credentials:
        options["credentials"] = credentials
    middleware = _middleware(document)
    with at("log"):
        check(document.get("log", {}), TABLES["log"])
    level = document.get("log", {}).get("level")
    return Configuration(place, issuers, options, middleware, level)


def _guard(table: Table) -> GuardOptions:
    check(table, TABLES["guard"])
    options = cast("GuardOptions", dict(table))
    if isinstance(table.get("resource"), dict):
        with at("resource"):
            check(table["resource"], TABLES["resource"])
            options["resource"] = Resource(**table["resource"])
    return options


def _credential(table: Table) -> CredentialSource:
    check(table, TABLES["credential"])
    kind = table["kind"]
    check(table, {"kind": TABLES["credential"]["kind"], **CREDENTIALS[kind]})
    source: CredentialSource = _SOURCES[kind](
        **{name: value for name, value in table.items() if name != "kind"}
    )
    return source


def _middleware(document: Table) -> MiddlewareOptions:
    table = document.get("middleware", {})
    with at("middleware"):
        check(table, TABLES["middleware"])
        check_prefix(table.get("prefix", ""))
        check_code(table.get("expiry_code"))
        Openings.compile(table.get("public", ()), table.get("optional", ()))
    options = cast("MiddlewareOptions", dict(table))
    rules = each("rule", document.get("rule", ()), rule)
    if rules:
        Openings.compile(rules=rules)
        options["rules"] = rules
    return options
