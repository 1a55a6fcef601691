"""RFC 9110 §3.3: the input of every decision: a request, read once.

Whatever server, framework or protocol it came by, nothing else is looked at.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from ..policy.requirement import Requirement


class Access(IntEnum):
    """Who needs a token; of several, the smallest holds."""

    GUARDED = 0
    """A valid one."""
    OPTIONAL = 1
    """None, or a valid one; a bad one is 401."""
    PUBLIC = 2
    """Nobody is asked; a bad one counts as none."""


_NO_PARAMS: Mapping[str, object] = MappingProxyType({})


class Endpoint(NamedTuple):
    """What the router behind will match, as far as the host can tell.

    Attributes:
        access: What its marks say.
        needed: What it requires, or None where that is not known.
        params: The parameters of the route, by name.
        answers_options: Whether something behind answers OPTIONS by itself.
    """

    access: Access = Access.GUARDED
    needed: "Requirement | None" = None
    params: Mapping[str, object] = _NO_PARAMS
    answers_options: bool = False


UNKNOWN = Endpoint()
"""What is not known is guarded."""


class Request(Protocol):
    """One reading of a request, or of a WebSocket's handshake."""

    @property
    def method(self) -> str:
        """The method as it was sent; a handshake is a GET."""
        ...

    @property
    def paths(self) -> Sequence[str]:
        """The decoded path as the router behind will match it.

        More than one where apps behind may read it differently: what closes one of
        them closes all, and what opens has to open each.
        """
        ...

    @property
    def raw_path(self) -> bytes | None:
        """The path as it was sent, where the server tells."""
        ...

    @property
    def query(self) -> bytes:
        """The query string as it was sent, without "?"."""
        ...

    @property
    def handshake(self) -> bool:
        """Whether it opens a WebSocket."""
        ...

    @property
    def authorization(self) -> Sequence[bytes]:
        """Every value of the field Authorization, in order."""
        ...

    def fields(self, name: str, /) -> Sequence[bytes]:
        """Return every value of the field *name*, which is in small letters."""
        ...

    def endpoint(self) -> Endpoint:
        """Return what the router behind will match."""
        ...

    def hide_query(self, rest: bytes, /) -> None:
        """Leave *rest* of the query for the app, and for the server's log."""
        ...

    def hide_protocols(self, rest: bytes, /) -> None:
        """Leave *rest* of `Sec-WebSocket-Protocol` for the app."""
        ...


def is_preflight(request: Request) -> bool:
    """Whether *request* is a CORS preflight (Fetch §3.2.2)."""
    return (
        request.method == "OPTIONS"
        and bool(request.fields("origin"))
        and bool(request.fields("access-control-request-method"))
    )
