"""JSON Web Tokens in front of any WSGI or ASGI app."""

from ._core.challenge import Challenge
from ._core.cookie import Cookie
from ._core.expressions import (
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
from ._core.identity import Identity
from ._core.keys import Key, KeySet
from ._core.requirement import Requirement
from ._core.rules import Rule
from .errors import AuthError, ConfigurationError
from .guard import Guard
from .issuer import ANY_AUDIENCE, Issuer

__all__ = [
    "ANY_AUDIENCE",
    "AuthError",
    "Challenge",
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
