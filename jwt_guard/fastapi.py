"""FastAPI: `Requires` as a dependency, with its OpenAPI security scheme."""

from typing import Any

from fastapi import Security
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.requests import HTTPConnection

from ._core.identity import Identity
from ._core.requirement import Requirement, requirement
from .starlette import GuardMiddleware, authorise, identity_of, identity_or_none, public

__all__ = ["GuardMiddleware", "Requires", "identity_of", "identity_or_none", "public"]


class _Required(SecurityBase):
    """The dependency: the caller, if it satisfies the requirement."""

    def __init__(self, needed: Requirement) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="RFC 6750 bearer token")
        self.scheme_name = "BearerToken"
        self.needed = needed

    async def __call__(self, connection: HTTPConnection) -> Identity:
        return authorise(connection, self.needed)


def Requires(*parts: str | Requirement) -> Any:  # noqa: ANN401, N802  a marker, as Depends and Security
    """Guard a route by a requirement and inject the caller.

    As `Annotated[Identity, Requires("a")]`, or in `dependencies=[Requires("a")]`;
    HTTP and WebSocket routes alike. OpenAPI shows the scopes that every
    alternative of the requirement needs.

    Args:
        parts: Scope values, all of which are needed, or expressions.

    Raises:
        ConfigurationError: Empty or malformed; at a request, when no middleware
            of this library is in front.
    """
    needed = requirement(*parts)
    return Security(_Required(needed), scopes=needed.scopes())
