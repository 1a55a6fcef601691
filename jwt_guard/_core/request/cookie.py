"""RFC 6265 §5.4: the token in a cookie, and whether our own page sent it.

A browser attaches a cookie to whatever any page asks for. So a request that may
change something has to show that it comes of a page of ours: by what only our
pages can read (the double submit), and by what no page can write (Fetch §3.2).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from hmac import compare_digest

from ...errors import ConfigurationError, CrossSite
from ..token import bearer
from .credentials import Credential
from .request import Request

# cookie-name = token (RFC 6265 §4.1.1), field-name = token (RFC 9110 §5.1)
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# serialized-origin = scheme "://" host [ ":" port ] (RFC 6454 §6.2), as browsers write it:
# in small letters. "null" is everybody's.
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")

# RFC 9110 §9.2.1, without TRACE, which no browser sends.
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Cookie:
    """Where browsers keep the token, and how they show that a page of ours asks.

    A request with another method than GET, HEAD and OPTIONS, that brings the token
    in the cookie, must repeat the value of *csrf_cookie* in *csrf_header*, and come
    from an origin of *origins*, or from this one (`Sec-Fetch-Site`). The handshake of
    a WebSocket, where no page can set a header, must come from such an origin.

    Attributes:
        name: The cookie with the token. A name that begins with `__Host-` is one
            that no other host can set.
        csrf_cookie: A cookie with a random value of at least 128 bits, readable by
            the page's script (no `HttpOnly`), set by the app that sets the other.
        csrf_header: The header field in which the page sends that value back.
        origins: Origins of pages that may act for the user: "https://app.example".
            Pages of this very origin need not be named, except for WebSockets, where
            Chromium sends no `Sec-Fetch-Site`.

    Raises:
        ConfigurationError: At construction: no such names or origins.
    """

    name: str
    csrf_cookie: str = "__Host-csrf"
    csrf_header: str = "X-CSRF-Token"
    origins: Collection[str] = field(default=(), hash=False)
    _origins: frozenset[bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the configuration."""
        for name in (self.name, self.csrf_cookie, self.csrf_header):
            if not isinstance(name, str) or not _TOKEN.fullmatch(name):
                raise ConfigurationError(f"{name!r} is no name of a cookie or of a header field")
        if self.name == self.csrf_cookie:
            raise ConfigurationError("the token and its CSRF value need two cookies")
        if not isinstance(self.origins, list | tuple | set | frozenset) or not all(
            isinstance(one, str) and _ORIGIN.fullmatch(one) for one in self.origins
        ):
            raise ConfigurationError(
                f"origins is a list like ['https://app.example'], in small letters and without "
                f"a path, not {self.origins!r}"
            )
        object.__setattr__(self, "_origins", frozenset(one.encode() for one in self.origins))

    def find(self, request: Request, max_token_bytes: int, /) -> tuple[Credential, ...]:
        """Return what the cookie brings; see `CredentialSource`."""
        return tuple(
            Credential(bearer.parse([b"Bearer " + value], max_token_bytes), self, self.check)
            for value in _values(request, self.name)
        )

    def check(self, request: Request) -> None:
        """Raise unless a request that may change something is from a page of ours.

        Raises:
            CrossSite: It may, and it is not shown to be.
        """
        if request.method in _SAFE_METHODS and not request.handshake:
            return
        if not self._is_from_here(request):
            raise CrossSite("neither Origin nor Sec-Fetch-Site names an origin of origins=")
        if not request.handshake and not self._is_submitted_twice(request):
            raise CrossSite(f"{self.csrf_header} does not repeat the cookie {self.csrf_cookie}")

    def _is_from_here(self, request: Request) -> bool:
        origins, sites = request.fields("origin"), request.fields("sec-fetch-site")
        if len(origins) == 1 and origins[0] in self._origins:
            return True
        return len(sites) == 1 and sites[0] == b"same-origin"

    def _is_submitted_twice(self, request: Request) -> bool:
        kept = _values(request, self.csrf_cookie)
        sent = request.fields(self.csrf_header.lower())
        return len(kept) == len(sent) == 1 and kept[0] != b"" and compare_digest(kept[0], sent[0])


def _values(request: Request, name: str) -> list[bytes]:
    """Return the values of all cookies called *name*.

    cookie-string = cookie-pair *( ";" SP cookie-pair )            (RFC 6265 §4.2.1)
    """
    wanted = name.encode()
    pairs = (
        pair.partition(b"=") for value in request.fields("cookie") for pair in value.split(b";")
    )
    return [value.strip(b" \t") for key, _, value in pairs if key.strip(b" \t") == wanted]
