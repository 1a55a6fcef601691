"""A request that says what it was told to; the plainest `Request` there is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from jwt_guard._core.request.request import UNKNOWN, Endpoint


@dataclass
class Asked:
    """A request, and what was taken out of it."""

    paths: Sequence[str] = ("/",)
    method: str = "GET"
    headers: Mapping[str, Sequence[bytes]] = field(default_factory=dict[str, Sequence[bytes]])
    query: bytes = b""
    raw_path: bytes | None = None
    handshake: bool = False
    known: Endpoint = UNKNOWN
    protocols: bytes | None = None

    @property
    def authorization(self) -> Sequence[bytes]:
        return self.fields("authorization")

    def fields(self, name: str, /) -> Sequence[bytes]:
        assert name == name.lower()
        return self.headers.get(name, ())

    def endpoint(self) -> Endpoint:
        return self.known

    def hide_query(self, rest: bytes, /) -> None:
        self.query = rest

    def hide_protocols(self, rest: bytes, /) -> None:
        self.protocols = rest


def at(
    path: str, method: str = "GET", raw_path: bytes | None = None, known: Endpoint = UNKNOWN
) -> Asked:
    return Asked((path,), method, raw_path=raw_path, known=known)


def preflight(
    path: str = "/", headers: Sequence[str] = ("origin", "access-control-request-method")
) -> Asked:
    return Asked((path,), "OPTIONS", {name: [b"x"] for name in headers})
