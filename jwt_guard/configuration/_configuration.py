"""What a file or the environment says, typed; and the guard that is made of it."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Required, TypedDict, Unpack, cast

from .._core.answer import RenderBody
from .._core.request.credentials import CredentialSource
from .._core.request.openings import Opened
from .._core.token.identity import Identity
from .._guard import Guard
from .._issuer import Issuer
from .._issuers import Find
from .._logging import show
from .._metadata import Resource
from .._verified import Lookup, Verifier
from ..errors import ConfigurationError
from ..observing import Observer
from ._checks import at

# What ASGI knows and WSGI does not.
_ASGI_ALONE = ("expiry_code", "warm_up")

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR"]


class GuardOptions(TypedDict, total=False):
    """Options of a `Guard` that are data, as far as they are said."""

    credentials: tuple[CredentialSource, ...]
    realm: str
    max_token_bytes: int
    cache_size: int
    resource: Resource | str


class Functions(TypedDict, total=False):
    """Options of a `Guard` that no file can say, for they are functions."""

    issuers: Find
    lookups: Iterable[Lookup]
    revoked: Callable[[Identity], bool | Awaitable[bool]]
    opaque: Verifier
    observer: Observer
    clock: Callable[[], float]
    render_body: RenderBody


class MiddlewareOptions(Opened, total=False):
    """Options of a `GuardMiddleware`, as far as they are said."""

    prefix: str
    expiry_code: int
    warm_up: bool


class WsgiOptions(Opened, total=False):
    """All arguments of a WSGI `GuardMiddleware` but the app."""

    guard: Required[Guard]
    prefix: str


class AsgiOptions(MiddlewareOptions, total=False):
    """All arguments of an ASGI `GuardMiddleware` but the app."""

    guard: Required[Guard]


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a file or the environment says, checked.

    Attributes:
        place: The file, or "environment"; for errors.
        issuers: The trusted issuers.
        options: Further options of the guard.
        middleware: Options of what stands in front of the app, its rules included.
        log_level: From which level on records are shown, or None.
    """

    place: str
    issuers: tuple[Issuer, ...]
    options: GuardOptions
    middleware: MiddlewareOptions
    log_level: Level | None = None

    def guard(self, **functions: Unpack[Functions]) -> Guard:
        """Make the guard alone, for hosts that say by themselves who needs no token.

        Args:
            functions: What a file cannot say: `revoked`, `observer`, …; see `Guard`.

        Raises:
            ConfigurationError: There is more that a guard alone does not enforce:
                paths, rules; or an option is wrong.
        """
        if self.middleware:
            raise ConfigurationError(
                f"{self.place}: a guard alone does not enforce {', '.join(self.middleware)}; "
                f"write GuardMiddleware(app, **load(…).asgi()), or .wsgi(), or put "
                f"jwt_guard.wrap in front of the app"
            )
        return self._guard(functions)

    def asgi(self, **functions: Unpack[Functions]) -> AsgiOptions:
        """Return the arguments of an ASGI `GuardMiddleware` but the app.

        Args:
            functions: As for `guard`.

        Raises:
            ConfigurationError: An option is wrong.
        """
        return {**self.middleware, "guard": self._guard(functions)}

    def wsgi(self, **functions: Unpack[Functions]) -> WsgiOptions:
        """Return the arguments of a WSGI `GuardMiddleware` but the app; see `asgi`.

        Raises:
            ConfigurationError: An option is wrong, or for ASGI alone.
        """
        options = {**self.middleware, "guard": self._guard(functions)}
        for name in _ASGI_ALONE:
            if name in options:
                raise ConfigurationError(f"{self.place}: middleware: {name} is for ASGI alone")
        return cast("WsgiOptions", options)

    def _guard(self, functions: Functions) -> Guard:
        if self.log_level is not None:
            # Before the guard shows what the variable asks for, which wins.
            show(self.log_level)
        with at(self.place), at("guard"):
            return Guard(*self.issuers, **self.options, **functions)
