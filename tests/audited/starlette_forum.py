"""A forum: mounts in mounts, a sub-app, endpoints that are classes, WebSockets, static files."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.endpoints import HTTPEndpoint, WebSocketEndpoint
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocket

from jwt_guard import (
    Guard,
    Issuer,
    Key,
    Rule,
    acr,
    all_scopes,
    any_scope,
    claim,
    issued_by,
    path_param,
    role,
)
from jwt_guard.asgi import RequirementMiddleware
from jwt_guard.starlette import GuardMiddleware, public, requires

SECRET = "a secret of the audited apps, of no use elsewhere"
GUARD = Guard(
    Issuer("customers", audience="app", keys=Key.secret(SECRET, alg="HS256")),
    Issuer("staff", audience="app", keys=Key.secret(SECRET, alg="HS256")),
)
FOLDER = Path(__file__).parent


async def page(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


@public
async def welcome(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


@requires("write")
async def write(request: Request) -> Response:
    return PlainTextResponse(request.url.path, 201)


@requires(claim("sub") == path_param("name"))
async def own(request: Request) -> Response:
    return PlainTextResponse(request.url.path)


class Topics(HTTPEndpoint):
    """The topics of a category."""

    async def get(self, request: Request) -> Response:
        return PlainTextResponse(request.url.path)


@public
class Post(HTTPEndpoint):
    """A post, which everybody may read."""

    async def get(self, request: Request) -> Response:
        return PlainTextResponse(request.url.path)


@requires(any_scope("drafts", "admin"))
class Draft(HTTPEndpoint):
    """A draft, for those who have drafts."""

    async def get(self, request: Request) -> Response:
        return PlainTextResponse(request.url.path)


async def listen(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


@public
async def watch(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.close()


@requires("chat")
class Chat(WebSocketEndpoint):
    """A room to talk in."""

    async def on_connect(self, websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()


POSTS = [
    Route("/", write, methods=["POST"]),
    Route("/{post:int}", Post),
    Route("/{post:int}/edit", write, methods=["PUT", "PATCH"]),
    Route("/{post:int}/likes", page),
    Route("/{post:int}/likes", write, methods=["POST", "DELETE"]),
    Route("/{post:int}/flags", requires("flag")(page), methods=["POST"]),
    Route("/{post:int}/history", requires("history")(page)),
]
POLLS = [
    Route("/", write, methods=["POST"]),
    Route("/{poll:int}", page),
    Route("/{poll:int}/votes", requires(all_scopes("write", "vote"))(page), methods=["PUT"]),
    Route("/{poll:int}/close", requires(role("moderator"))(page), methods=["POST"]),
]
CATEGORIES = [
    Route("/", welcome),
    Route("/{slug}", welcome),
    Route("/{slug}/topics", Topics),
    Route("/{slug}/subscription", page, methods=["PUT", "DELETE"]),
    Route("/{slug}/secrets", requires(claim("level", {3, 4}))(page)),
]
TOPICS = [
    Route("/", write, methods=["POST"]),
    Route("/latest", welcome),
    Route("/unread", page),
    Route("/{topic:int}", welcome),
    Route("/{topic:int}/draft", Draft),
    Route("/{topic:int}/pin", requires(role("moderator"))(page), methods=["PUT", "DELETE"]),
    Mount("/{topic:int}/posts", routes=POSTS),
    Mount("/{topic:int}/polls", routes=POLLS),
]
USERS = [
    Route("/", page),
    Route("/{name}", page),
    Route("/{name}/posts", page),
    Route("/{name}/settings", own, methods=["GET", "PUT"]),
    Route("/{name}/password", requires(acr(max_age=60))(own), methods=["PUT"]),
    Route("/{name}/sessions", requires(acr("gold"))(page)),
]
MESSAGES = [
    Route("/", page),
    Route("/{message:int}", page, methods=["GET", "DELETE"]),
    Route("/{message:int}/reply", write, methods=["POST"]),
    Route("/export", page, middleware=[Middleware(RequirementMiddleware, requires="export")]),
]
MODERATION = [
    Route("/", page),
    Route("/reports", page),
    Route("/reports/{report:int}", page, methods=["GET", "POST"]),
    Mount("/bans", routes=[Route("/", page), Route("/{name}", write, methods=["PUT", "DELETE"])]),
    Mount("/words", routes=[Route("/", page), Route("/{word}", write, methods=["PUT", "DELETE"])]),
]
LIVE = [
    WebSocketRoute("/topics/{topic:int}", watch),
    WebSocketRoute("/notifications", listen),
    WebSocketRoute("/messages", requires("messages")(listen)),
    WebSocketRoute("/chat/{room}", Chat),
]
# An app of its own, with a table of what it lets happen, in front of which the forum stands.
admin = Starlette(
    routes=[
        Route("/", page),
        Route("/settings", page, methods=["GET", "PUT"]),
        Route("/backups", page),
        Route("/backups/{backup:int}", page, methods=["GET", "DELETE"]),
        Route("/health", page),
        Route("/shutdown", page, methods=["POST"]),
    ],
    middleware=[
        Middleware(
            GuardMiddleware,
            guard=GUARD,
            rules=[
                Rule("/", requires=role("admin")),
                Rule("/settings", methods=["GET"], requires=role("admin")),
                Rule("/settings", requires=role("admin") & issued_by("staff")),
                Rule("/backups", requires="backups"),
                Rule("/backups/*", requires="backups"),
                Rule("/health"),
            ],
            unmatched="deny",
        )
    ],
)


def behind(needed: str) -> list[Middleware]:
    return [Middleware(RequirementMiddleware, requires=needed)]


app = Starlette(
    routes=[
        Route("/", welcome),
        Route("/rules", welcome),
        Route("/login", welcome, methods=["POST"]),
        Route("/search", page),
        Route("/health", page),
        Mount("/categories", routes=CATEGORIES),
        Mount("/topics", routes=TOPICS),
        Mount("/users", routes=USERS),
        Mount("/messages", routes=MESSAGES, middleware=behind("messages")),
        Mount("/moderation", routes=MODERATION, middleware=behind("moderation")),
        Mount("/admin", admin),
        Mount("/live", routes=LIVE),
        Mount("/static", public(StaticFiles(directory=FOLDER))),
        Mount("/uploads", StaticFiles(directory=FOLDER)),
    ],
    middleware=[Middleware(GuardMiddleware, guard=GUARD, public=["/health"])],
)


def forgotten() -> Starlette:
    """Return the forum, and beside it a page that nobody thought of."""
    return Starlette(routes=[Mount("/forum", app), Route("/metrics", page)])
