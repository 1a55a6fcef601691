"""JSON Web Tokens in front of any WSGI or ASGI app."""

from importlib import import_module
from typing import TYPE_CHECKING

from ._core.answer import Answer
from ._core.request.credentials import Bearer, Query, Subprotocol
from ._core.token.identity import Identity
from ._core.token.keys import Key, KeySet
from ._guard import Guard
from ._issuer import ANY_AUDIENCE, Issuer
from .errors import AuthError, ConfigurationError
from .keys import Discovery, Jwks

if TYPE_CHECKING:
    from ._core.policy.expressions import (
        acr,
        all_scopes,
        amr,
        any_scope,
        check,
        claim,
        issued_by,
        path_param,
        role,
        scope,
    )
    from ._core.policy.requirement import Requirement
    from ._core.request.cookie import Cookie
    from ._core.request.table import Rule
    from ._metadata import Resource

__all__ = [
    "ANY_AUDIENCE",
    "Answer",
    "AuthError",
    "Bearer",
    "ConfigurationError",
    "Cookie",
    "Discovery",
    "Guard",
    "Identity",
    "Issuer",
    "Jwks",
    "Key",
    "KeySet",
    "Query",
    "Requirement",
    "Resource",
    "Rule",
    "Subprotocol",
    "acr",
    "all_scopes",
    "amr",
    "any_scope",
    "check",
    "claim",
    "issued_by",
    "path_param",
    "role",
    "scope",
]

# What a guard alone has no use for.
_LATE = {
    **dict.fromkeys(
        (
            "acr",
            "all_scopes",
            "amr",
            "any_scope",
            "check",
            "claim",
            "issued_by",
            "path_param",
            "role",
            "scope",
        ),
        "._core.policy.expressions",
    ),
    "Cookie": "._core.request.cookie",
    "Requirement": "._core.policy.requirement",
    "Resource": "._metadata",
    "Rule": "._core.request.table",
}


def __getattr__(name: str) -> object:
    """Load what is public here and needed late (PEP 562)."""
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_LATE[name], __name__), name)
    globals()[name] = found
    return found
