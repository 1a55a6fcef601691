"""jwt_guard.hosts: hosts that the package does not have, written on what it declares."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from jwt_guard import AuthError, ConfigurationError, Cookie, Guard, Requirement, hosts
from jwt_guard.asgi import GuardMiddleware
from tests.contract.surfaces import REQUIREMENTS, Answer, Asked, Send, answer, bare_asgi, name_of
from tests.test_contract import CASES, make_guard
from tests.tokens import bearer, claims, guard, token

Reply = tuple[int, list[tuple[str, str]], bytes]
Handler = Callable[[hosts.Store], Reply]


# A host for functions that take an event and return an answer, as clouds have them.
class EventGuard:
    def __init__(self, handler: Handler, guard: Guard, **opened: Any) -> None:
        self.handler = handler
        self.admission = hosts.Admission(guard, **opened)

    def __call__(self, event: dict[str, Any]) -> Reply:
        store: hosts.Store = {"type": "http", **event}
        try:
            hosts.let_in(store, self.admission, hosts.AsgiRequest(store, store))
            return self.handler(store)
        except AuthError as error:
            refusal = self.admission.guard.refuse(error, method=event["method"], path=event["path"])
            return refusal.status, list(refusal.headers), refusal.body


def requiring(needed: Requirement, handler: Handler) -> Handler:
    def guarded(store: hosts.Store) -> Reply:
        hosts.authorise(store, needed)
        return handler(store)

    return guarded


# End of the host.


# A forward-auth endpoint: a proxy asks it about each request, and passes on the caller.
def forward_auth(admission: hosts.Admission, event: dict[str, Any]) -> Reply:
    fields: dict[bytes, bytes] = dict(event["headers"])
    asked: hosts.Store = {
        "type": "http",
        "method": fields[b"x-forwarded-method"].decode(),
        "path": fields[b"x-forwarded-uri"].decode(),
        "headers": event["headers"],
    }
    try:
        identity = hosts.let_in(asked, admission, hosts.AsgiRequest(asked, asked))
    except AuthError as error:
        refusal = admission.guard.refuse(error, method="GET", path=asked["path"])
        return refusal.status, list(refusal.headers), refusal.body
    subject = identity.subject if identity is not None else None
    # Always there, empty if nobody is known: a client's own must not get through.
    return 204, [("X-Auth-Subject", subject or "")], b""


# End of the endpoint.


def lines_between(first: str, last: str) -> int:
    source = inspect.getsource(inspect.getmodule(lines_between) or pytest).splitlines()
    begin = next(n for n, line in enumerate(source) if line.startswith(first))
    end = next(n for n, line in enumerate(source) if line.startswith(last))
    return sum(line.strip() != "" for line in source[begin:end])


def test_sizes() -> None:
    """A host takes at most 40 lines, a forward-auth endpoint at most 30."""
    assert lines_between("# A host for", "# End of the host") <= 40
    assert lines_between("# A forward-auth", "# End of the endpoint") <= 30


def event_surface(guard: Guard) -> Send:
    def answering(store: hosts.Store) -> Reply:
        text = name_of(hosts.identity_or_none(store)).encode()
        return 200, [("Content-Type", "text/plain")], text

    routes: dict[str, Handler] = {"/open": answering, "/maybe": answering}
    for path, needed in REQUIREMENTS.items():
        routes[path] = answering if needed is None else requiring(needed, answering)

    def handler(store: hosts.Store) -> Reply:
        return routes[store["path"]](store)

    host = EventGuard(handler, guard, public=["/open"], optional=["/maybe"])

    def send(asked: Asked) -> Answer:
        fields = [(b"authorization", value) for value in asked.authorization]
        fields += [(k.lower().encode(), v.encode()) for k, v in asked.headers]
        event = {"method": asked.method, "path": asked.path, "headers": fields}
        status, headers, body = host({**event, "raw_path": asked.path.encode()})
        return answer(status, headers, body)

    return send


SENDERS = {name: event_surface(make_guard(size)) for name, size in (("on", 4096), ("off", 0))}


@pytest.mark.parametrize("cache", SENDERS)
@pytest.mark.parametrize(("asked", "expected"), [pytest.param(*c[1:], id=c[0]) for c in CASES])
def test_contract(cache: str, asked: Asked, expected: Answer | str) -> None:
    """A host of a few lines answers as every other one, octet by octet."""
    for _ in range(2):
        got = SENDERS[cache](asked)
        if isinstance(expected, str):
            assert (got.status, got.body.decode()) == (200, expected)
        else:
            assert got == expected


@pytest.mark.parametrize(
    ("uri", "value", "expected"),
    [
        ("/reports", bearer(token(claims(sub="joe"))), (204, "joe")),
        ("/reports", bearer(token(claims(sub=None))), (204, "")),
        ("/health", None, (204, "")),
        ("/health", b"Bearer x", (204, "")),
        ("/reports", None, (401, None)),
        ("/reports", b"Bearer x", (401, None)),
        ("/health/../reports", None, (401, None)),
    ],
)
def test_forward_auth(uri: str, value: bytes | None, expected: tuple[int, str | None]) -> None:
    """A proxy learns who asks, or what to answer, for the request that it describes."""
    admission = hosts.Admission(guard(), public=["/health"])
    fields = [(b"x-forwarded-method", b"GET"), (b"x-forwarded-uri", uri.encode())]
    fields += [] if value is None else [(b"authorization", value)]
    status, headers, _ = forward_auth(admission, {"headers": fields})
    assert (status, dict(headers).get("X-Auth-Subject")) == expected


def test_no_guard() -> None:
    """What is no guard is refused when the host is made, in words."""
    not_a_guard: Any = object()
    with pytest.raises(ConfigurationError, match="guard is a Guard, not object"):
        hosts.Admission(not_a_guard)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"anonymous": True}, "anonymous is no option .*; write optional=True"),
        ({"cookie": "t"}, r"cookie is no option .*Guard\(…, credentials="),
        ({"websockets": 1}, "websockets is no option .* expiry_code="),
        ({"pubic": []}, "pubic is no option .*; known are optional, preflight, public, rules"),
    ],
)
def test_options_that_are_elsewhere(options: dict[str, Any], text: str) -> None:
    """An option that is none here is told where it is."""
    admission: Any = hosts.Admission
    with pytest.raises(ConfigurationError, match=text):
        admission(guard(), **options)
    middleware: Any = GuardMiddleware
    with pytest.raises(ConfigurationError, match=text):
        middleware(bare_asgi, guard=guard(), **options)


@pytest.mark.parametrize("transparent", [object, [object()], "x", ["x"], None])
def test_bad_transparent(transparent: Any) -> None:
    """What is transparent are classes, in a list."""
    with pytest.raises(ConfigurationError, match="transparent is a list of classes"):
        GuardMiddleware(bare_asgi, guard=guard(), transparent=transparent)
    for good in ([], (), [GuardMiddleware], (GuardMiddleware,)):
        assert GuardMiddleware(bare_asgi, guard=guard(), transparent=good).transparent == tuple(
            good
        )


@pytest.mark.parametrize("credentials", [["x"], "x", 5, Cookie("t"), [Cookie]])
def test_bad_credentials(credentials: Any) -> None:
    """Where tokens may be is a list of places."""
    with pytest.raises(ConfigurationError, match="credentials is a list"):
        guard(credentials=credentials)
