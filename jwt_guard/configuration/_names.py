"""The names of the configuration file, as data: kind, meaning, variable.

Parsing, errors, variables and the JSON Schema are all made of these tables.
"""

from collections.abc import Callable, Collection, Mapping
from inspect import Parameter, signature
from typing import Final, NamedTuple

from .. import presets
from .._core.token.algorithms import ALGORITHMS
from .._issuer import Issuer
from ._kinds import FLAG, NUMBER, TEXT, WHOLE, Kind, array, either, mapping, table, word


class Name(NamedTuple):
    """What one name stands for.

    Attributes:
        kind: What its value may be.
        description: A sentence for editors, and for errors where it is missing.
        required: Whether its table is nothing without it.
        variable: The environment variable that says the same, if there is one.
    """

    kind: Kind
    description: str
    required: bool = False
    variable: str | None = None


Names = Mapping[str, Name]

_ALG = word(*ALGORITHMS)
_ALGS = array("an array of algorithms", _ALG)
_TEXTS = array("an array of strings", TEXT)
_TEXT_OR_TEXTS = either(TEXT, _TEXTS)
_SOME_TEXTS = array("an array of one string or more", TEXT, least=1)
_SCALAR = either(TEXT, NUMBER, FLAG)
_SOME_SCALARS = array("an array of strings, numbers, true and false", _SCALAR, least=1)
_VALUES = mapping("a table of arrays of strings", _TEXTS)
_REQUIRES = either(TEXT, _SOME_TEXTS, table("a table", "requires"))
_SOME_REQUIRES = array("an array of what requires may be", _REQUIRES, least=1)

_FILE: Names = {
    "guard": Name(table("a table [guard]", "guard"), "The guard itself."),
    "issuer": Name(
        array("tables [[issuer]]", table("a table", "issuer")),
        "A trusted issuer each.",
        required=True,
    ),
    "credential": Name(
        array("tables [[credential]]", table("a table", "credential")),
        "Where requests bring tokens; by default in Authorization alone.",
    ),
    "middleware": Name(
        table("a table [middleware]", "middleware"), "What may pass without a token."
    ),
    "rule": Name(
        array("tables [[rule]]", table("a table", "rule")),
        "Who may use a path; the first that covers a request counts.",
    ),
    "log": Name(table("a table [log]", "log"), "What is shown of what is logged."),
    "allow_inline_secrets": Name(FLAG, "Whether secrets may stand in this file."),
}

_GUARD: Names = {
    "realm": Name(TEXT, "The protection space that challenges name.", variable="JWT_GUARD_REALM"),
    "max_token_bytes": Name(WHOLE, "Longest token that is looked at, in bytes."),
    "resource": Name(
        either(table("a table", "resource"), TEXT),
        "This API as clients know it (RFC 9728): its https URL, or a table.",
        variable="JWT_GUARD_RESOURCE",
    ),
    "cache_size": Name(
        WHOLE, "How many verified tokens are remembered.", variable="JWT_GUARD_CACHE_SIZE"
    ),
}

_RESOURCE: Names = {
    "url": Name(TEXT, "The https URL of this API.", required=True),
    "name": Name(TEXT, "What people call it."),
    "documentation": Name(TEXT, "The URL of a page for developers."),
    "policy": Name(TEXT, "The URL of a page on how clients may use the data."),
    "terms": Name(TEXT, "The URL of a page with the terms of service."),
    "scopes": Name(_TEXTS, "The scope values that are of use here."),
}

_KEY: Names = {
    "key_file": Name(
        TEXT,
        "PEM, a JWK or a JWK Set, relative to this file's folder.",
        variable="JWT_GUARD_KEY_FILE",
    ),
    "secret_env": Name(TEXT, "The environment variable that holds the shared secret."),
    "secret": Name(
        TEXT, "The shared secret, with allow_inline_secrets only.", variable="JWT_GUARD_SECRET"
    ),
    "alg": Name(_ALG, "The algorithm of the key or secret.", variable="JWT_GUARD_ALG"),
    "kid": Name(TEXT, "The id of the key or secret."),
    "allow_symmetric": Name(FLAG, "Whether secrets in the key file are taken too."),
}

_ISSUER: Names = {
    "name": Name(TEXT, "The exact value of iss.", variable="JWT_GUARD_ISSUER"),
    "preset": Name(
        word(*presets.__all__), "A well-known provider, whose arguments stand beside it."
    ),
    "audience": Name(
        _TEXT_OR_TEXTS,
        "What aud must contain: a string, or several of which one suffices.",
        variable="JWT_GUARD_AUDIENCE",
    ),
    "any_audience": Name(FLAG, "Accept tokens that the issuer made for anybody."),
    **_KEY,
    "key": Name(
        array("tables [[issuer.key]]", table("a table", "key")), "Further keys, a table each."
    ),
    "discovery": Name(FLAG, "Whether keys are fetched even though some are given here."),
    "discovery_url": Name(TEXT, "Where the metadata are, if the issuer's name does not tell."),
    "jwks_url": Name(
        TEXT,
        "Where the keys are fetched from, instead of by discovery.",
        variable="JWT_GUARD_JWKS_URL",
    ),
    "algorithms": Name(_ALGS, "Fetched keys of these algorithms alone are used."),
    "max_stale": Name(NUMBER, "How long fetched keys outlive their lifetime, in seconds."),
    "wait": Name(NUMBER, "How long a request waits for a fetch, in seconds."),
    "ca_file": Name(TEXT, "PEM of the authorities to trust, relative to this file's folder."),
    "token_file": Name(TEXT, "A file whose content is sent as a bearer token to fetch keys."),
    "allow_http": Name(_TEXTS, "Hosts that are asked by http where a URL says so."),
    "leeway": Name(
        NUMBER, "Tolerated difference of clocks, 0 to 60 seconds.", variable="JWT_GUARD_LEEWAY"
    ),
    "required_claims": Name(_TEXTS, "Further claims that must be present."),
    "claim_values": Name(_VALUES, "Claims that must have one of some values."),
    "claim_values_if_present": Name(_VALUES, "The same of claims that need not be there."),
    "max_age": Name(NUMBER, "Greatest age of a token by its iat, in seconds."),
    "token_types": Name(_TEXTS, "Acceptable values of the header's typ."),
    "profile": Name(word("rfc9068"), "Accept at+jwt only, with its seven claims."),
    "refuse_id_tokens": Name(FLAG, "Whether tokens with the marks of an ID token are refused."),
    "scope_paths": Name(_TEXTS, "Claims that hold scope values."),
    "role_paths": Name(_TEXTS, "Claims that hold role names."),
    "role_separator": Name(TEXT, "What separates role names in one string."),
    "numeric_subject": Name(FLAG, "Whether sub may be a whole number."),
    "names_issuer": Name(FLAG, "Whether the tokens have an iss."),
}

_CREDENTIAL: Names = {
    "kind": Name(
        word("bearer", "cookie", "query", "subprotocol"), "The kind of place.", required=True
    ),
}

_COOKIE: Names = {
    "name": Name(
        TEXT, "The cookie, or the query parameter.", required=True, variable="JWT_GUARD_COOKIE"
    ),
    "csrf_cookie": Name(TEXT, "The cookie with a random value, readable by the page's script."),
    "csrf_header": Name(TEXT, "The header field in which the page sends that value back."),
    "origins": Name(_TEXTS, "Origins of pages that may act for the user."),
}

_QUERY: Names = {
    "name": _COOKIE["name"]._replace(variable=None),
    "paths": Name(_SOME_TEXTS, "The paths for which it counts.", required=True),
}

CREDENTIALS: Final[Mapping[str, Names]] = {
    "bearer": {},
    "cookie": _COOKIE,
    "query": _QUERY,
    "subprotocol": {},
}

_MIDDLEWARE: Names = {
    "public": Name(
        _TEXTS, "Paths for which nobody is asked for a token.", variable="JWT_GUARD_PUBLIC"
    ),
    "optional": Name(
        either(_TEXTS, FLAG), "Paths for which a request without a token passes; or true for all."
    ),
    "preflight": Name(FLAG, "Whether CORS preflights pass."),
    "prefix": Name(TEXT, "What the app takes off the path before it routes."),
    "unmatched": Name(word("token", "deny"), "What becomes of a request that no rule covers."),
    "expiry_code": Name(
        WHOLE, "Close WebSockets with this code when the token expires; ASGI only."
    ),
    "warm_up": Name(FLAG, "Whether keys are fetched when the server starts; ASGI only."),
}

_LOG: Names = {
    "level": Name(word("DEBUG", "INFO", "WARNING", "ERROR"), "The lowest level that is shown."),
}

_RULE: Names = {
    "path": Name(TEXT, 'The pattern, by whole segments: "/reports/*".', required=True),
    "methods": Name(_TEXTS, "The methods it is for, in capitals; by default all."),
    "public": Name(FLAG, "Whether nobody is asked for a token."),
    "optional": Name(FLAG, "Whether a request without a token passes."),
    "encoded": Name(
        word("refuse", "allow"), 'Whether unusual characters may stand for the "*" at the end.'
    ),
    "requires": Name(_REQUIRES, "A scope, an array of scopes, or a table of conditions."),
}

_REQUIREMENT: Names = {
    "all_scopes": Name(_SOME_TEXTS, "Every one of these scopes."),
    "any_scope": Name(_SOME_TEXTS, "At least one of these scopes."),
    "role": Name(TEXT, "The role."),
    "claim": Name(table("a table", "claim"), "A claim that has one of some values."),
    "issued_by": Name(TEXT, "The name of one of the issuers."),
    "acr": Name(_SOME_TEXTS, "One of these classes of authentication, best first."),
    "max_age": Name(WHOLE, "Greatest age of the authentication, in seconds."),
    "amr": Name(_SOME_TEXTS, "All of these methods of authentication."),
    "all": Name(_SOME_REQUIRES, "All of these."),
    "any": Name(_SOME_REQUIRES, "At least one of these."),
}

_CLAIM: Names = {
    "path": Name(TEXT, "The claim; dots lead into nested objects.", required=True),
    "value": Name(_SCALAR, "What it must be."),
    "values": Name(_SOME_SCALARS, "Of which it must be one."),
}


def _loose(names: Names) -> Names:
    """Return *names* of which none has to be there; those of one kind do."""
    return {name: row._replace(required=False) for name, row in names.items()}


TABLES: Final[Mapping[str, Names]] = {
    "file": _FILE,
    "guard": _GUARD,
    "resource": _RESOURCE,
    "issuer": _ISSUER,
    "key": {name: row._replace(variable=None) for name, row in _KEY.items()},
    "credential": {**_loose(_QUERY), **_loose(_COOKIE), **_CREDENTIAL},
    "middleware": _MIDDLEWARE,
    "log": _LOG,
    "rule": _RULE,
    "requires": _REQUIREMENT,
    "claim": _CLAIM,
}

PRESETS: Final[Mapping[str, Callable[..., Issuer]]] = {
    name: getattr(presets, name) for name in presets.__all__
}

# The annotations that the arguments of presets have.
_KINDS: Mapping[object, Kind] = {
    str: TEXT,
    str | None: TEXT,
    Collection[str]: _TEXTS,
    Collection[str] | None: _TEXTS,
    str | Collection[str]: _TEXT_OR_TEXTS,
    str | Collection[str] | None: _TEXT_OR_TEXTS,
}


def _arguments(preset: str) -> Names:
    return {
        one.name: Name(_KINDS[one.annotation], f"An argument of the preset {preset}.")
        for one in signature(PRESETS[preset]).parameters.values()
        if one.kind is not Parameter.VAR_KEYWORD
    }


PRESET_NAMES: Final[Mapping[str, Names]] = {name: _arguments(name) for name in PRESETS}
