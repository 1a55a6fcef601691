"""JSON Web Tokens in front of any WSGI or ASGI app."""

from ._core.answer import Answer
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
from ._core.request.credentials import Bearer, Query, Subprotocol
from ._core.request.table import Rule
from ._core.token.identity import Identity
from ._core.token.keys import Key, KeySet
from ._guard import Guard
from ._issuer import ANY_AUDIENCE, Issuer
from ._metadata import Resource
from .errors import AuthError, ConfigurationError
from .keys import Discovery, Jwks

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
