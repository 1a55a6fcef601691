"""The same route, bare, behind this guard, and behind each peer."""

import asyncio
import itertools
import warnings
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from importlib import import_module
from typing import Annotated, Any

import jwt
from fastapi import Depends, FastAPI, HTTPException, Security
from fastapi.responses import PlainTextResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from flask import Flask
from starlette.applications import Starlette
from starlette.authentication import (
    AuthCredentials,
    AuthenticationBackend,
    AuthenticationError,
    SimpleUser,
    requires,
)
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Route

from jwt_guard import Guard, asgi, wsgi
from jwt_guard import fastapi as guard_fastapi
from jwt_guard import flask as guard_flask
from jwt_guard import starlette as guard_starlette
from tests.benchmarks.measuring import Batch, awaited, repeated
from tests.benchmarks.tokens import AUDIENCE, BYTES, ISSUER, SCOPE, Signer

# Many more than a cache of eight remembers: each is verified whenever it comes.
COLD_TOKENS, COLD_CACHE = 64, 8


async def bare_asgi(_scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    """Answer with an empty 200."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def bare_wsgi(_environ: Any, start_response: Any) -> list[bytes]:
    """Answer with an empty 200."""
    start_response("200 OK", [])
    return []


class Suite:
    """Makes batches of requests; each app is asked once, and must say 200."""

    def __init__(self, signer: Signer) -> None:
        """Make the tokens that are sent."""
        self._signer = signer
        self._loop = asyncio.new_event_loop()
        self._hot = [signer.token()]
        self._cold = [signer.token() for _ in range(COLD_TOKENS)]

    def close(self) -> None:
        """Close the loop."""
        self._loop.close()

    def asgi(self, app: Any, *, cold: bool = False, fields: int = 1) -> Batch:
        """Return a batch of requests to an ASGI app with *fields* header fields."""
        others = [(b"x-field-%d" % n, b"value") for n in range(fields - 1)]
        scopes = itertools.cycle(
            {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "GET",
                "scheme": "http",
                "path": "/messages",
                "raw_path": b"/messages",
                "root_path": "",
                "query_string": b"",
                "headers": [*others, (b"authorization", b"Bearer " + text.encode())],
                "server": ("api", 80),
                "client": ("127.0.0.1", 1),
            }
            for text in (self._cold if cold else self._hot)
        )
        statuses: list[int] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            if not statuses and message["type"] == "http.response.start":
                statuses.append(message["status"])

        batch = awaited(lambda: app(dict(next(scopes)), receive, send), self._loop)
        batch(1)
        _check(statuses)
        return batch

    def wsgi(self, app: Any, *, cold: bool = False) -> Batch:
        """Return a batch of requests to a WSGI app."""
        environs = itertools.cycle(
            {
                "REQUEST_METHOD": "GET",
                "SCRIPT_NAME": "",
                "PATH_INFO": "/messages",
                "QUERY_STRING": "",
                "SERVER_NAME": "api",
                "SERVER_PORT": "80",
                "SERVER_PROTOCOL": "HTTP/1.1",
                "wsgi.url_scheme": "http",
                "HTTP_AUTHORIZATION": f"Bearer {text}",
            }
            for text in (self._cold if cold else self._hot)
        )
        statuses: list[int] = []

        def start_response(status: str, _headers: Any, _exc_info: Any = None) -> Any:
            if not statuses:
                statuses.append(int(status[:3]))

        def once() -> None:
            chunks = app(dict(next(environs)), start_response)
            for _ in chunks:
                pass
            getattr(chunks, "close", lambda: None)()

        batch = repeated(once)
        batch(1)
        _check(statuses)
        return batch

    def batches(self) -> dict[str, Batch]:
        """Return every contestant; "X: bare" is what the other "X: …" stand on."""
        hot, cold = self._signer.guard(), self._signer.guard(cache_size=0)
        found = {
            "ASGI: bare": self.asgi(bare_asgi),
            "ASGI: jwt_guard, hot": self.asgi(asgi.GuardMiddleware(bare_asgi, guard=hot)),
            "ASGI: jwt_guard, cache off": self.asgi(
                asgi.GuardMiddleware(bare_asgi, guard=cold), cold=True
            ),
            "WSGI: bare": self.wsgi(bare_wsgi),
            "WSGI: jwt_guard, hot": self.wsgi(wsgi.GuardMiddleware(bare_wsgi, guard=hot)),
            "WSGI: jwt_guard, cache off": self.wsgi(
                wsgi.GuardMiddleware(bare_wsgi, guard=cold), cold=True
            ),
        }
        for name, (send, make) in self._frameworks().items():
            found[f"{name}: bare"] = send(make(None))
            found[f"{name}: jwt_guard, hot"] = send(make(hot))
            found[f"{name}: jwt_guard, cache off"] = send(make(cold), cold=True)
        found["Starlette: AuthenticationMiddleware + PyJWT"] = self.asgi(
            starlette_pyjwt(self._signer)
        )
        found["FastAPI: dependency + PyJWT"] = self.asgi(fastapi_pyjwt(self._signer))
        for add in (self._litestar, self._flask_jwt_extended, self._authlib):
            # A peer that is not installed is left out, and the table shows it.
            with suppress(ImportError), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found |= add()
        return found

    def _frameworks(self) -> dict[str, tuple[Any, Callable[[Guard | None], Any]]]:
        return {
            "Starlette": (self.asgi, starlette_app),
            "FastAPI": (self.asgi, fastapi_app),
            "Flask": (self.wsgi, flask_app),
        }

    def _litestar(self) -> dict[str, Batch]:
        peer, peer_jwt = import_module("litestar"), import_module("litestar.security.jwt")
        app_of, get = peer.Litestar, peer.get

        async def user(token: Any, _connection: Any) -> Any:
            return token.sub

        async def messages() -> str:
            return ""

        route = get("/messages")(messages)
        auth = peer_jwt.JWTAuth[str](
            retrieve_user_handler=user,
            token_secret=self._signer.pem.decode(),
            algorithm=self._signer.alg,
            accepted_audiences=[AUDIENCE],
            accepted_issuers=[ISSUER],
            default_token_expiration=timedelta(hours=1),
        )
        return {
            "Litestar: bare": self.asgi(app_of([route], openapi_config=None)),
            "Litestar: JWTAuth": self.asgi(
                app_of([route], openapi_config=None, on_app_init=[auth.on_app_init])
            ),
        }

    def _flask_jwt_extended(self) -> dict[str, Batch]:
        peer = import_module("flask_jwt_extended")
        app = Flask("flask_jwt_extended")
        app.config |= {
            "JWT_ALGORITHM": self._signer.alg,
            "JWT_PUBLIC_KEY": self._signer.pem.decode(),
            "JWT_SECRET_KEY": self._signer.pem.decode(),
            "JWT_DECODE_AUDIENCE": AUDIENCE,
            "JWT_DECODE_ISSUER": ISSUER,
        }
        peer.JWTManager(app)
        app.add_url_rule("/messages", "messages", peer.jwt_required()(lambda: ""))
        return {"Flask: Flask-JWT-Extended": self._claiming(app, type="access", fresh=False)}

    def _claiming(self, app: Flask, **changes: object) -> Batch:
        """Return a batch of requests whose token has what a peer wants besides."""
        hot, self._hot = self._hot, [self._signer.token(BYTES, **changes)]
        try:
            return self.wsgi(app.wsgi_app)
        finally:
            self._hot = hot

    def _authlib(self) -> dict[str, Batch]:
        flask_oauth2 = import_module("authlib.integrations.flask_oauth2")
        rfc7523 = import_module("authlib.oauth2.rfc7523")
        require = flask_oauth2.ResourceProtector()
        require.register_token_validator(
            rfc7523.JWTBearerTokenValidator(self._signer.pem.decode(), issuer=ISSUER)
        )
        app = Flask("authlib")
        app.add_url_rule("/messages", "messages", require(SCOPE)(lambda: ""))
        batch = self._claiming(app, grant_type="client_credentials")
        return {"Flask: Authlib ResourceProtector": batch}


def _check(statuses: list[int]) -> None:
    if statuses != [200]:
        raise AssertionError(f"a contestant answered {statuses}, and would be measured refusing")


def starlette_app(guard: Guard | None) -> Any:
    """Return an app with a route that, if there is a guard, requires a scope."""

    async def messages(_request: Any) -> Response:
        return Response()

    if guard is None:
        return Starlette(routes=[Route("/messages", messages)])
    return Starlette(
        routes=[Route("/messages", guard_starlette.requires(SCOPE)(messages))],
        middleware=[Middleware(guard_starlette.GuardMiddleware, guard=guard)],
    )


def fastapi_app(guard: Guard | None) -> Any:
    """Return the same of FastAPI; the bare one has an empty dependency."""
    app = FastAPI(openapi_url=None)

    class Nothing(HTTPBearer):
        async def __call__(self, request: HTTPConnection) -> Any:
            return None

    needed = Security(Nothing()) if guard is None else guard_fastapi.Requires(SCOPE)
    if guard is not None:
        app.add_middleware(guard_fastapi.GuardMiddleware, guard=guard)

    @app.get("/messages")
    async def messages(identity: Annotated[Any, needed]) -> PlainTextResponse:
        return PlainTextResponse("")

    return app


def flask_app(guard: Guard | None) -> Any:
    """Return the same of Flask."""
    app = Flask("guarded")
    view = (lambda: "") if guard is None else guard_flask.requires(SCOPE)(lambda: "")
    app.add_url_rule("/messages", "messages", view)
    if guard is not None:
        guard_flask.FlaskGuard(app, guard=guard)
    return app.wsgi_app


def starlette_pyjwt(signer: Signer) -> Any:
    """Return what Starlette's documentation leads to."""

    class Backend(AuthenticationBackend):
        async def authenticate(self, conn: Any) -> Any:
            scheme, _, text = conn.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer":
                return None
            try:
                claims = _decode(text, signer)
            except jwt.PyJWTError as error:
                raise AuthenticationError(str(error)) from error
            return AuthCredentials(claims["scope"].split()), SimpleUser(claims["sub"])

    @requires(SCOPE)
    async def messages(request: Any) -> Response:
        return Response()

    return Starlette(
        routes=[Route("/messages", messages)],
        middleware=[Middleware(AuthenticationMiddleware, backend=Backend())],
    )


def fastapi_pyjwt(signer: Signer) -> Any:
    """Return what FastAPI's documentation leads to."""
    app = FastAPI(openapi_url=None)
    bearer = HTTPBearer()

    async def claims_of(
        credentials: Annotated[HTTPAuthorizationCredentials, Depends(bearer)],
    ) -> dict[str, Any]:
        try:
            claims = _decode(credentials.credentials, signer)
        except jwt.PyJWTError:
            raise HTTPException(401) from None
        if SCOPE not in claims["scope"].split():
            raise HTTPException(403)
        return claims

    @app.get("/messages")
    async def messages(claims: Annotated[dict[str, Any], Depends(claims_of)]) -> PlainTextResponse:
        return PlainTextResponse("")

    return app


def _decode(text: str, signer: Signer) -> dict[str, Any]:
    return jwt.decode(text, signer.verifying, [signer.alg], audience=AUDIENCE, issuer=ISSUER)
