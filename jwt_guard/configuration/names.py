"""The names of the configuration file, as data: kind, meaning, variable.

Parsing, errors, variables and the JSON Schema are all made of these tables.
"""

from collections.abc import Callable, Collection, Mapping
from inspect import Parameter, signature
from typing import Final, NamedTuple

from .. import presets
from .._core.token.algorithms import ALGORITHMS
from .._issuer import Issuer
from .kinds import FLAG, NUMBER, TEXT, WHOLE, Kind, array, either, mapping, table, word


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
    "middleware": Name(
        table("a table [middleware]", "middleware"), "What may pass without a token."
    ),
    "rule": Name(
        array("tables [[rule]]", table("a table", "rule")),
        "Who may use a path; the first that covers a request counts.",
    ),
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
    "jwks_url": Name(
        TEXT,
        "Where the keys are fetched from, instead of by discovery.",
        variable="JWT_GUARD_JWKS_URL",
    ),
    "algorithms": Name(_ALGS, "Fetched keys of these algorithms alone are used."),
    "leeway": Name(
        NUMBER, "Tolerated difference of clocks, 0 to 60 seconds.", variable="JWT_GUARD_LEEWAY"
    ),
    "required_claims": Name(_TEXTS, "Further claims that must be present."),
    "claim_values": Name(_VALUES, "Claims that must have one of some values."),
    "max_age": Name(NUMBER, "Greatest age of a token by its iat, in seconds."),
    "token_types": Name(_TEXTS, "Acceptable values of the header's typ."),
    "profile": Name(word("rfc9068"), "Accept at+jwt only, with its seven claims."),
    "refuse_id_tokens": Name(FLAG, "Whether tokens with the marks of an ID token are refused."),
    "scope_paths": Name(_TEXTS, "Claims that hold scope values."),
    "role_paths": Name(_TEXTS, "Claims that hold role names."),
    "max_stale": Name(NUMBER, "How long fetched keys outlive their lifetime, in seconds."),
    "wait": Name(NUMBER, "How long a request waits for a fetch, in seconds."),
}

_MIDDLEWARE: Names = {
    "public": Name(
        _TEXTS, "Paths that need no token, by whole segments.", variable="JWT_GUARD_PUBLIC"
    ),
    "anonymous": Name(FLAG, "Let every request without a token through."),
    "preflight": Name(FLAG, "Let CORS preflights through."),
    "unmatched": Name(word("token", "deny"), "What becomes of a request that no rule covers."),
    "cookie": Name(
        either(table("a table", "cookie"), TEXT),
        "The cookie with the token: its name, or a table.",
        variable="JWT_GUARD_COOKIE",
    ),
    "websockets": Name(table("a table", "websockets"), "How WebSockets bring tokens; ASGI only."),
}

_COOKIE: Names = {
    "name": Name(TEXT, "The cookie with the token.", required=True),
    "csrf_cookie": Name(TEXT, "The cookie with a random value, readable by the page's script."),
    "csrf_header": Name(TEXT, "The header field in which the page sends that value back."),
    "origins": Name(_TEXTS, "Origins of pages that may act for the user."),
}

_WEBSOCKETS: Names = {
    "protocol": Name(FLAG, "Whether Sec-WebSocket-Protocol: bearer, <token> counts."),
    "query": Name(TEXT, "The query parameter that counts."),
    "expiry_code": Name(WHOLE, "Close with this code when the token expires, customarily 4401."),
}

_RULE: Names = {
    "path": Name(TEXT, 'The pattern, by whole segments: "/reports/*".', required=True),
    "methods": Name(_TEXTS, "The methods it is for, in capitals; by default all."),
    "public": Name(FLAG, "Whether no token is needed."),
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

TABLES: Final[Mapping[str, Names]] = {
    "file": _FILE,
    "guard": _GUARD,
    "resource": _RESOURCE,
    "issuer": _ISSUER,
    "middleware": _MIDDLEWARE,
    "cookie": _COOKIE,
    "websockets": _WEBSOCKETS,
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
    Collection[str]: _TEXTS,
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
