"""Raw requests: how a plan's paths and methods are written, well and oddly."""

from dataclasses import dataclass, replace
from io import BytesIO, StringIO
from random import Random
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from tests.generated.making import HOSTS, METHODS, ROOT_PATHS
from tests.generated.plan import Place, filled, parameters

ODD_METHODS = ("HEAD", "OPTIONS", "TRACE", "get", "Post", "delete", "oPTIONS", "PROPFIND", "G-T")
VALUES = ("1", "7", "x", "open", "admin")
# How a path may be written so that two readers take it for two.
ODDITIES: tuple[tuple[str, str], ...] = (
    ("/", "//"),
    ("/", "/./"),
    ("/", "%2f"),
    ("/", "%2F"),
    ("/", "\\"),
    ("/", "/x/../"),
    ("/", "/%2e%2e/"),
    ("/", ";v=1/"),
    ("a", "%61"),
    ("a", "%2561"),
    ("a", "A"),
    ("a", "a%20"),
    ("a", "a%00"),
    ("a", "a;v=1"),
    ("a", "a%ff"),
    ("a", "a%3f"),
    ("a", "a%23"),
    ("a", "a%c2%a0"),
    ("a", "a%c2%85"),
    ("a", "%0aa"),
    ("o", "%c0%af"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it was sent.

    Attributes:
        plain: Whether it is for an endpoint in the way that its plan writes it.
        preflight: Whether it has the fields of a CORS preflight.
        handshake: Whether it opens a WebSocket.
    """

    method: str
    target: str
    root_path: str = ""
    host: str = "api.example"
    version: str = ""
    plain: bool = True
    preflight: bool = False
    handshake: bool = False

    @property
    def raw(self) -> bytes:
        return quote(self.target, safe="/%;\\:@!$&'()*+,=~").encode()

    @property
    def octets(self) -> bytes:
        return unquote_to_bytes(self.raw)


def request_for(place: Place, random: Random) -> Asked:
    """Return a request for an endpoint, or for one beside it."""
    plain = random.random() < 0.5
    values = {name: random.choice(VALUES) for name in parameters(place.path)}
    target = filled(place.path, values)
    if place.endpoint.kind == "app":
        target += random.choice(("", "/", "/open", "/x/y"))
    hosts = place.hosts[-1:] or (random.choice(("api.example", *HOSTS)),)
    asked = Asked(
        random.choice(place.endpoint.methods or METHODS),
        target,
        host=hosts[0] if plain or random.random() < 0.8 else random.choice(HOSTS),
        version=place.endpoint.version or random.choice(("", "1", "2", "3")),
        plain=plain,
    )
    if place.endpoint.kind in ("socket", "app") and random.random() < 0.7:
        asked = replace(asked, method="GET", handshake=True)
    elif random.random() < 0.1:
        asked = replace(asked, method="OPTIONS", preflight=True)
    return asked if plain else _oddly(asked, place, random)


def plain_request(place: Place, method: str) -> Asked:
    """Return a request for an endpoint, as its plan writes it."""
    target = filled(place.path, dict.fromkeys(parameters(place.path), "7"))
    if place.endpoint.kind == "app":
        target += "/7"
    host = place.hosts[-1] if place.hosts else "api.example"
    handshake = method == "WEBSOCKET"
    named = "GET" if handshake else method
    version = place.endpoint.version
    return Asked(named, target, host=host, version=version, handshake=handshake)


def _oddly(asked: Asked, place: Place, random: Random) -> Asked:
    method, target, root_path = asked.method, asked.target, ""
    if random.random() < 0.4 and not asked.handshake:
        small = (method.lower(), method.title())
        method = random.choice((*small, *small, *small, *METHODS, *ODD_METHODS))
    if random.random() < 0.4:
        old, new = random.choice(ODDITIES)
        places = [i for i in range(len(target)) if target.startswith(old, i)]
        if places:
            at = random.choice(places)
            target = target[:at] + new + target[at + len(old) :]
    if random.random() < 0.15:
        target = target.rstrip("/") if target.endswith("/") else f"{target}/"
    # A prefix that is the server's, the app's own, or nobody's.
    if random.random() < 0.3:
        prefix = random.choice((*place.root_paths, *place.root_paths, *ROOT_PATHS))
        target = prefix + target
        root_path = prefix if random.random() < 0.3 else ""
    return replace(asked, method=method, target=target, root_path=root_path)


def _preflight(asked: Asked) -> dict[str, str]:
    if not asked.preflight:
        return {}
    return {"origin": "https://web.example", "access-control-request-method": "PUT"}


def asgi_scope(asked: Asked, authorization: bytes | None) -> dict[str, Any]:
    """Return the scope that uvicorn would make of it."""
    headers = [(b"host", asked.host.encode())]
    if asked.version:
        headers.append((b"x-version", asked.version.encode()))
    if authorization is not None:
        headers.append((b"authorization", authorization))
    headers += [(name.encode(), value.encode()) for name, value in _preflight(asked).items()]
    kind: dict[str, Any] = {"type": "http", "scheme": "http", "method": asked.method}
    if asked.handshake:
        extensions: dict[str, Any] = {"websocket.http.response": {}}
        kind = {"type": "websocket", "scheme": "ws", "subprotocols": [], "extensions": extensions}
    return {
        **kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "path": asked.octets.decode("utf-8", "replace"),
        "raw_path": asked.raw,
        "root_path": asked.root_path,
        "query_string": b"",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }


def wsgi_environ(asked: Asked, authorization: bytes | None) -> dict[str, Any]:
    """Return the environ that a server which names no raw path would make of it."""
    prefix = asked.root_path.encode()
    path = asked.octets.removeprefix(prefix)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": asked.method,
        "SCRIPT_NAME": prefix.decode("latin-1"),
        "PATH_INFO": path.decode("latin-1"),
        "QUERY_STRING": "",
        "HTTP_HOST": asked.host,
        "SERVER_NAME": "api.example",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.input": BytesIO(),
        "wsgi.errors": StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in _preflight(asked).items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization.decode()
    return environ
