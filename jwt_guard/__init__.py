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
from ._core.request.table import Rule
from ._core.token.identity import Identity
from ._core.token.keys import Key, KeySet
from ._guard import Guard
from ._issuer import ANY_AUDIENCE, Issuer
from .errors import AuthError, ConfigurationError

__all__ = [
    "ANY_AUDIENCE",
    "Answer",
    "AuthError",
    "ConfigurationError",
    "Cookie",
    "Guard",
    "Identity",
    "Issuer",
    "Key",
    "KeySet",
    "Requirement",
    "Rule",
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
