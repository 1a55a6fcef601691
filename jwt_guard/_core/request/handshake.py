"""RFC 6455 §1.9, RFC 6750 §2.3: the token in a WebSocket's handshake.

Scripts in browsers cannot set `Authorization` there. What is read here is taken
out: neither the app behind nor its logs see the token.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...errors import ConfigurationError

PROTOCOL = b"bearer"

# pct-encoded = "%" HEXDIG HEXDIG                                   (RFC 3986 §2.1)
_ENCODED = re.compile(rb"%([0-9A-Fa-f]{2})")

# RFC 6455 §7.4.2: what applications may say; and "policy" of §7.4.1.
_PRIVATE_CODES = range(3000, 5000)
_POLICY_VIOLATION = 1008


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSockets:
    """How WebSockets bring tokens besides the header, and when they end.

    Attributes:
        protocol: Whether `Sec-WebSocket-Protocol: bearer, <token>` counts, in script
            `new WebSocket(url, ["bearer", token])`. The answer selects "bearer"
            unless the app selects another one; never the token.
        query: Name of the query parameter that counts, for example "access_token",
            or None. Proxies in front of this server may log it.
        expiry_code: The code with which a connection is closed once its token
            expires, customarily 4401; None leaves it open.

    Raises:
        ConfigurationError: At construction: no such name or code.
    """

    protocol: bool = False
    query: str | None = None
    expiry_code: int | None = None

    def __post_init__(self) -> None:
        """Check the configuration."""
        if self.query is not None and (not isinstance(self.query, str) or not self.query):
            raise ConfigurationError(f"query is the name of a parameter, not {self.query!r}")
        code = self.expiry_code
        if code is not None and code != _POLICY_VIOLATION and code not in _PRIVATE_CODES:
            raise ConfigurationError(f"expiry_code is 1008 or 3000 to 4999, not {code!r}")


class Read(NamedTuple):
    """Credentials, and what is left without them.

    Attributes:
        credentials: As values of Authorization.
        rest: What the app may see.
    """

    credentials: list[bytes]
    rest: bytes


def from_protocols(fields: Sequence[bytes]) -> Read:
    """Read all values of `Sec-WebSocket-Protocol`.

    Sec-WebSocket-Protocol-Client = 1#token                            (RFC 6455 §4.3)
    """
    names = iter([name.strip(b" \t") for value in fields for name in value.split(b",")])
    found: list[bytes] = []
    others: list[bytes] = []
    for name in names:
        if name == PROTOCOL:
            found.append(b"Bearer " + next(names, b""))
        elif name:
            others.append(name)
    return Read(found, b", ".join(others))


def from_query(query: bytes, name: str) -> Read:
    """Read a query string (RFC 6750 §2.3), percent-encoded as it came."""
    found: list[bytes] = []
    others: list[bytes] = []
    for pair in query.split(b"&"):
        key, _, value = pair.partition(b"=")
        if _decoded(key.replace(b"+", b" ")) == name.encode():
            found.append(b"Bearer " + _decoded(value))
        else:
            others.append(pair)
    return Read(found, b"&".join(others))


def _decoded(text: bytes) -> bytes:
    return _ENCODED.sub(lambda found: bytes.fromhex(found[1].decode()), text)
