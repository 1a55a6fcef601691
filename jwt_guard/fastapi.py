"""FastAPI: `Requires` as a dependency, with its OpenAPI security scheme."""

from typing import Any

from ._extras import extra

with extra("fastapi"):
    from fastapi import FastAPI, Security
    from fastapi.openapi.models import HTTPBearer
    from fastapi.security.base import SecurityBase
    from starlette.requests import HTTPConnection

from . import hosts
from ._core.policy.expressions import requirement
from ._core.policy.requirement import Requirement
from ._core.token.identity import Identity
from .asgi import ASGIApp
from .starlette import (
    GuardMiddleware,
    authorise,
    identity_of,
    identity_or_none,
    optional,
    public,
    requires,
)

__all__ = [
    "GuardMiddleware",
    "Requires",
    "describe_security",
    "identity_of",
    "identity_or_none",
    "optional",
    "public",
    "requires",
]

_BEARER = "BearerToken"


class _Required(SecurityBase):
    """The dependency: the caller, if it satisfies the requirement."""

    def __init__(self, needed: Requirement) -> None:
        self.model = HTTPBearer(bearerFormat="JWT", description="RFC 6750 bearer token")
        self.scheme_name = _BEARER
        self._needed = needed
        hosts.require(self, needed)

    async def __call__(self, connection: HTTPConnection) -> Identity:
        return authorise(connection, self._needed)


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


def describe_security(app: FastAPI, *, outermost: ASGIApp | None = None) -> None:
    """Make the app's OpenAPI document say exactly what is enforced.

    The document that FastAPI makes knows `Requires` alone. From here on it tells for
    every operation what all guards in front of it ask for together: middleware, mounts,
    paths of `public=`, rules, marks and dependencies. It is made at the first request
    for it, so this can be called at any time before.

    Args:
        app: The app.
        outermost: What the server is given, where that is the app wrapped by hand, or
            an app that *app* is mounted in. Without it, what no guard of the app's own
            stands in front of is described as closed.
    """
    from .audit._openapi import secure  # noqa: PLC0415  the audit stands above the hosts
    from .audit._starlette import walk  # noqa: PLC0415  the same

    describe = app.openapi
    secured: dict[str, Any] | None = None

    def openapi() -> dict[str, Any]:
        # FastAPI makes it anew when routes have come.
        nonlocal secured
        document = describe()
        if document is not secured:
            routes = walk(app if outermost is None else outermost)
            # Where it is not to be found it is described as it stands there alone.
            found = any(route.place[0] is app for route in routes)
            secure(document, app, routes if found else walk(app))
            secured = document
        return document

    setattr(app, "openapi", openapi)  # noqa: B010  FastAPI's way, which type checkers refuse
