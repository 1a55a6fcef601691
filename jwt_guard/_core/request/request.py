"""RFC 9110 §3.3: the input of every decision: a request, read once.

Whatever server, framework or protocol it came by, nothing else is looked at.
"""

from collections.abc import Sequence
from typing import Protocol


class Request(Protocol):
    """One reading of a request, or of a WebSocket's handshake.

    Attributes:
        method: The method as it was sent; a handshake is a GET.
        paths: The decoded path as the router behind will match it. More than one
            where apps behind read it differently: what closes any of them closes all.
        raw_path: The path as it was sent, where the server tells.
        query: The query string as it was sent, without "?".
        handshake: Whether it opens a WebSocket.
        authorization: Every value of the field Authorization, in order.
    """

    @property
    def method(self) -> str: ...
    @property
    def paths(self) -> Sequence[str]: ...
    @property
    def raw_path(self) -> bytes | None: ...
    @property
    def query(self) -> bytes: ...
    @property
    def handshake(self) -> bool: ...
    @property
    def authorization(self) -> Sequence[bytes]: ...
    def fields(self, name: str, /) -> Sequence[bytes]:
        """Return every value of the field *name*, written in small letters."""
        ...
