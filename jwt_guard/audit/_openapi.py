"""OpenAPI 3.1 §4.8.30: a document that says what is enforced in front of each route."""

from collections.abc import Iterable
from typing import Any

from .._core.answer import MEDIA_TYPE
from .._core.request.cookie import Cookie
from ..hosts import Access
from ._verdict import Found, InFront, Verdict, verdict

BEARER = "BearerToken"
_COOKIE = "CookieToken"
_OURS = (BEARER, _COOKIE)

_BEARER_SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "RFC 6750 bearer token",
}

_Object = dict[str, Any]

# The members of the default body; RFC 9457 §3.1, and `error` of RFC 6750 §3.1.
_PROBLEM = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "error": {"type": "string"},
        "detail": {"type": "string"},
    },
}


def secure(document: _Object, app: object, routes: Iterable[Found]) -> None:
    """Write into *document* what stands in front of its operations.

    Each gets `security`, whose alternatives are those of the requirement, with their
    scope values; `x-requires`, the whole requirement as it is written; and the
    responses 401 and 403, unless the app describes those itself. What no guard is seen
    in front of is described as closed: an app may be mounted behind one.

    Args:
        document: The app's own.
        app: The app.
        routes: All that are known, those of other apps too.
    """
    schemes: _Object = document.setdefault("components", {}).setdefault("securitySchemes", {})
    for route in routes:
        owner, path = route.place
        operations: _Object = document.get("paths", {}).get(path, {}) if owner is app else {}
        for method in route.methods:
            operation: _Object | None = operations.get(method.lower())
            if operation is not None:
                _describe(operation, verdict(route, method), _schemes_of(route, schemes))
    if not schemes:
        del document["components"]["securitySchemes"]


def _schemes_of(route: Found, schemes: _Object) -> list[str]:
    """Return the names of the ways to bring a token, and describe them."""
    schemes.setdefault(BEARER, _BEARER_SCHEME)
    cookies = [_cookie_of(guard) for guard in route.guards]
    cookie = cookies[0] if cookies else None
    # One that only some of several guards read brings nobody through.
    if cookie is None or cookies != [cookie] * len(cookies):
        return [BEARER]
    schemes[_COOKIE] = {"type": "apiKey", "in": "cookie", "name": cookie.name}
    return [BEARER, _COOKIE]


def _cookie_of(guard: InFront) -> Cookie | None:
    """Return the cookie that a guard reads, or None."""
    sources = guard.admission.guard.credentials
    return next((one for one in sources if isinstance(one, Cookie)), None)


def _describe(operation: _Object, found: Verdict, names: list[str]) -> None:
    needed = found.needed
    alternatives: list[list[str]] = [[]] if needed is None else needed.scopes_of_alternatives()
    others = _other_security(operation)
    ways: list[_Object] = [{**others, name: scopes} for name in names for scopes in alternatives]
    operation["security"] = [others, *ways] if found.access is not Access.GUARDED else ways
    responses: _Object = operation.setdefault("responses", {})
    _respond(responses, "401", "A valid access token is needed, or a better authentication")
    if needed is not None:
        operation["x-requires"] = str(needed)
    if found.denied:
        _respond(responses, "403", "Nobody may")
    elif needed is not None:
        _respond(responses, "403", f"The access token does not grant: {needed}")


def _other_security(operation: _Object) -> _Object:
    """Return what else the operation asks for, all of it, as FastAPI enforces it."""
    found: _Object = {}
    for entry in operation.get("security", ()):
        found.update({name: scopes for name, scopes in entry.items() if name not in _OURS})
    return found


def _respond(responses: _Object, status: str, description: str) -> None:
    content = {MEDIA_TYPE: {"schema": _PROBLEM}}
    responses.setdefault(status, {"description": description, "content": content})
