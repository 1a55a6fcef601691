"""The app: a public page, a public login, and two routes behind the guard."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse
from starlette.routing import Route

from jwt_guard import Guard
from jwt_guard.starlette import GuardMiddleware, identity_of, requires

from .login import REALM, Login
from .tokens import TokenMaker
from .users import UserStore

_STATIC = Path(__file__).parent / "static"

# Said here, because what the system knows about ".js" differs between machines.
_ASSETS = {
    "app.css": "text/css",
    "app.js": "text/javascript",
    "icon.svg": "image/svg+xml",
    "paint.js": "text/javascript",
    "token.js": "text/javascript",
    "wire.js": "text/javascript",
}

_HEADERS = {
    # The page holds a token: it runs no script but its own, and talks to nobody else.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # Another version of the example may be the next to answer here.
    "Cache-Control": "no-cache",
}


def create_app(users: UserStore, tokens: TokenMaker, *, leeway: float = 0) -> Starlette:
    """Make the app.

    Args:
        users: Who may log in.
        tokens: Makes the tokens that the guard will accept, by the same clock.
        leeway: Tolerated difference of clocks, in seconds. One machine makes the
            tokens and checks them here, so that none is needed.
    """
    guard = Guard(tokens.issuer(leeway), realm=REALM, clock=tokens.clock)
    public = ["/", "/login", "/static/*"]
    return Starlette(
        routes=[
            Route("/", page),
            Route("/static/{name}", asset),
            Route("/login", Login(users, tokens).answer, methods=["POST"]),
            Route("/api/me", me),
            Route("/api/admin", admin),
        ],
        middleware=[Middleware(GuardMiddleware, guard=guard, public=public)],
    )


async def page(_request: Request) -> FileResponse:
    return FileResponse(_STATIC / "index.html", media_type="text/html", headers=_HEADERS)


async def asset(request: Request) -> FileResponse:
    name = request.path_params["name"]
    if name not in _ASSETS:
        raise HTTPException(404)
    return FileResponse(_STATIC / name, media_type=_ASSETS[name], headers=_HEADERS)


async def me(request: Request) -> JSONResponse:
    identity = identity_of(request)
    return JSONResponse(
        {
            "hello": identity.subject,
            "scopes": sorted(identity.scopes),
            "expires_at": identity.expires_at,
        },
        headers={"Cache-Control": "no-store"},
    )


@requires("admin")
async def admin(request: Request) -> JSONResponse:
    return JSONResponse(
        {"hello": identity_of(request).subject, "you": "are an admin"},
        headers={"Cache-Control": "no-store"},
    )
