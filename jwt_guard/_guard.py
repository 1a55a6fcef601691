"""Guard: the configured decision maker of one API, its clock and its log line."""

import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ._cache import Counters, VerifiedTokens
from ._core.answer import Answer, RenderBody, problem, quoted, render
from ._core.policy.asked import Asked
from ._core.request.credentials import Bearer, Credential, CredentialSource
from ._core.token import bearer
from ._core.token.identity import Identity
from ._issuer import Issuer
from ._issuers import Find, Issuers
from ._line import Line
from ._logging import RefusalLog, printable, show_as_asked
from ._revoked import Revoked
from ._verified import Lookup, Verified, Verifier
from ._wait import Pause, Together
from .errors import AuthError, ConfigurationError, KeysUnavailable
from .keys import KeptKeys
from .observing import Event, Observer, Refused, tell

if TYPE_CHECKING:
    from ._core.policy.requirement import Requirement
    from ._metadata import Metadata, Resource

_log = logging.getLogger("jwt_guard")

# What servers allow for a header line (nginx 8 KiB, gunicorn 8190 bytes); access
# tokens with a few dozen roles are under 4 KiB.
_MAX_TOKEN_BYTES = 8192


class Guard:
    """The configured decision maker of one API.

    Thread-safe; make one at import time and share it. It does no I/O with static
    keys, and never on the thread of a request with fetched ones.

    Attributes:
        credentials: Where requests bring tokens; exactly one credential counts.
        max_token_bytes: Longest token that is looked at.
        recall: Returns the caller of a remembered token, from the value of every
            Authorization field, or None; for hosts, before all else. It looks at nothing
            but the one value, and parses nothing. A `Pause` where a lookup has to wait.
        verify: Returns the caller of a `Credential`, or a `Pause`; for hosts.
        now: Returns the seconds since the epoch, by the guard's clock.
        metadata_path: The whole path at which the metadata of `resource=` are
            served, mounts included, or None.
    """

    def __init__(  # noqa: PLR0913  each is said where it belongs, and it is nobody else's
        self,
        *known: Issuer,
        issuers: Find | None = None,
        credentials: Iterable[CredentialSource] = (),
        lookups: Iterable[Lookup] = (),
        revoked: Callable[[Identity], bool | Awaitable[bool]] | None = None,
        opaque: Verifier | None = None,
        observer: Observer | None = None,
        realm: str = "api",
        clock: Callable[[], float] | None = None,
        max_token_bytes: int = _MAX_TOKEN_BYTES,
        cache_size: int = 4096,
        render_body: RenderBody | None = None,
        resource: "Resource | str | None" = None,
    ) -> None:
        """Make a guard that trusts the *known* issuers.

        Args:
            known: The trusted issuers; a token's `iss` chooses among them. Of several
                with one name the first whose rules hold counts.
            issuers: Finds further ones at run time, as (name) -> issuer, several or
                None; for tenants. The name is what an unverified token says. Answers
                are kept for five minutes: those of 1024 tenants of which a token was
                verified. It must not block an event loop, and may be async there.
            credentials: Where requests bring tokens; by default in Authorization.
            lookups: What is asked about each caller last, remembered or not.
            revoked: Says whether a caller's token was revoked, as (identity) -> bool;
                asked for each request, and async where it has to wait. While it fails,
                requests are answered 503.
            opaque: Verifies tokens that are no JWTs by their looks.
            observer: Is told what happens: refusals, and the issuers' keys.
            realm: The protection space that challenges name (RFC 9110 §11.5).
            clock: Returns the seconds since the epoch; by default `time.time`.
            max_token_bytes: Longest token that is looked at.
            cache_size: How many verified tokens are remembered, so that a token seen
                before costs no signature; 0 remembers none. Time, key, issuer and
                the route's requirement are checked every time all the same. A
                remembered token of 1 KB takes about 3 KB, and each at most 8 KiB on an
                average.
            render_body: Makes another body for refusals, as (error) -> (media
                type, octets); status and challenge stay as they are. If it
                raises, that is logged and the default body is sent.

            resource: The https URL of this API, or a `Resource` that says more.
                Challenges then name, and middleware serves without a token, its
                metadata (RFC 9728), from which clients learn where to get tokens.
            observer: Is told of what happens; see `jwt_guard.observing`.

        Raises:
            ConfigurationError: No issuer, two that are alike, a bad realm or option.
        """
        alone = issuers is None and opaque is None
        if (not known and alone) or not all(isinstance(one, Issuer) for one in known):
            raise ConfigurationError(
                'a guard needs issuers: Guard(Issuer("https://…", audience=…, keys=…))'
            )
        if not isinstance(max_token_bytes, int) or max_token_bytes < 1:
            raise ConfigurationError(f"max_token_bytes is positive, not {max_token_bytes!r}")
        if not isinstance(cache_size, int) or cache_size < 0:
            raise ConfigurationError(f"cache_size is a number of tokens, not {cache_size!r}")
        _check_functions(
            clock=clock,
            render_body=render_body,
            issuers=issuers,
            revoked=revoked,
            observer=observer,
        )
        quoted(realm)
        self.credentials: tuple[CredentialSource, ...] = _sources(credentials) or (Bearer(),)
        self.max_token_bytes: int = max_token_bytes
        self.lookups: tuple[Lookup, ...] = (
            *lookups,
            *(() if revoked is None else (Revoked(revoked),)),
        )
        # By hand a token comes as a field's value, wherever requests bring theirs.
        fields = (one for one in self.credentials if isinstance(one, Bearer))
        self._by_hand = next(fields, Bearer())
        self._realm = realm
        self._observer = observer
        self._issuers = Issuers(known, issuers, self._tell)
        self._remembered = VerifiedTokens(cache_size) if cache_size else None
        self._line = Line(
            self._issuers,
            clock=clock,
            max_token_bytes=max_token_bytes,
            remembered=self._remembered,
            credentials=self.credentials,
            lookups=self.lookups,
            opaque=opaque,
        )
        self.recall: Callable[[Sequence[bytes]], Verified | Pause[Verified] | None] = (
            self._line.recall
        )
        self.verify: Callable[[Credential], Verified | Pause[Verified]] = self._line.verify
        self.now: Callable[[], float] = self._line.now
        self._render_body = render_body
        names = list(self._issuers.known)
        self._metadata = _described(resource, names) if resource is not None else None
        self.metadata_path: str | None = self._metadata.path if self._metadata is not None else None
        self._refusals = RefusalLog()
        self._observer = observer
        show_as_asked()

    def authenticate(self, authorization: Sequence[bytes]) -> Identity:
        """Return the verified caller.

        Args:
            authorization: The value of every Authorization field of the request
                (RFC 9110 §11.6.2), in order, as received.

        Raises:
            MissingToken: No credentials, or another scheme's.
            InvalidRequest: Repeated, malformed or over-long.
            InvalidToken: The token is not valid here; `reason` says why.
            KeysUnavailable: The issuer's keys cannot be had at present.
        """
        found = self.begin(authorization)
        return (found.finish() if isinstance(found, Pause) else found).identity

    async def authenticate_async(self, authorization: Sequence[bytes]) -> Identity:
        """Return the verified caller, without ever blocking the event loop.

        See `authenticate`.
        """
        found = self.begin(authorization)
        return (await found.finish_async() if isinstance(found, Pause) else found).identity

    def begin(self, authorization: Sequence[bytes]) -> Verified | Pause[Verified]:
        """Return the verified caller, or what to wait for first; see `authenticate`."""
        try:
            found = self.recall(authorization)
            token = b"" if found else bearer.parse(authorization, self.max_token_bytes)
        except TypeError:
            raise TypeError(
                "authorization is the list of field values, for example [b'Bearer …']"
            ) from None
        return found or self.verify(Credential(token, self._by_hand))

    def authorise(
        self, identity: Identity, needed: "Requirement", params: Mapping[str, object] | None = None
    ) -> None:
        """Raise unless *identity* meets what is *needed*; for adapters.

        Args:
            identity: The verified caller.
            needed: What the route requires.
            params: The parameters of the matched route, by name.

        Raises:
            InsufficientScope: It does not.
            StepUpRequired: A better authentication is needed.
        """
        needed.require(identity, Asked(params or {}, self.now()))

    def warm_up(self) -> None:
        """Fetch the keys of all issuers that have none yet, before requests come.

        Raises:
            KeysUnavailable: Some could not be had in time. The guard works all
                the same, and goes on trying when requests come.
        """
        self._begin_fetches().wait()
        self._check_ready()

    async def warm_up_async(self) -> None:
        """Do what `warm_up` does, without blocking the event loop."""
        await self._begin_fetches().wait_async()
        self._check_ready()

    def _begin_fetches(self) -> Together:
        """Begin all fetches at once, so that they have one deadline."""
        waits = [source.warm_up() for source in self._issuers.configured()]
        return Together([wait for wait in waits if wait is not None])

    def _check_ready(self) -> None:
        states = [state for state in _states(self._issuers.configured()) if not state["ready"]]
        if states:
            names = ", ".join(f"{state['issuer']}: {state['last_error']}" for state in states)
            raise KeysUnavailable(hint=f"no keys yet of {names}")

    def health(self) -> list[dict[str, object]]:
        """Return the state of each issuer's keys that are fetched or reloaded.

        Returns:
            JSON-ready objects: `issuer`, `ready`, `keys` (their ids), `age`,
            `fresh_for`, `usable_for` and `next_try_in` in seconds (None where
            there is no limit), `failures` in a row, `last_error`, and `tenant`: whether
            it was found at run time. Issuers with keys that never change are left out.
        """
        configured = _states(self._issuers.configured(), tenant=False)
        return configured + _states(self._issuers.found(), tenant=True)

    @property
    def cache_counters(self) -> Counters:
        """What became of lookups of verified tokens, since the guard was made."""
        return Counters() if self._remembered is None else replace(self._remembered.counters)

    def readiness(self) -> Answer:
        """Return the answer of a readiness probe: 200 if all have keys, else 503.

        All that are configured: a tenant's trouble is no reason to restart for. The
        body is `{"ready": true}` or false; what is wrong is for `health` to say, and
        for operators to see.
        """
        ready = all(state["ready"] for state in _states(self._issuers.configured()))
        body = json.dumps({"ready": ready}).encode()
        headers = (
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        )
        return Answer(200 if ready else 503, headers, body)

    def metadata(self, method: str) -> Answer | None:
        """Return the answer to a request for `metadata_path`, or None to refuse it.

        Args:
            method: The request's method: GET, HEAD, whose answer has no body, or
                OPTIONS, with which browsers ask before.
        """
        if self._metadata is None or method not in ("GET", "HEAD", "OPTIONS"):
            return None
        answer = self._metadata.answer()
        return replace(answer, body=b"") if method == "HEAD" else answer

    def challenge(self, error: AuthError) -> Answer:
        """Return the answer to *error*: status, header fields, body."""
        if self._render_body is not None:
            try:
                return self._rendered(error, self._render_body(error))
            except Exception:  # noqa: BLE001  the operator's hook; its failure must not be a 500
                _log.exception("render_body failed; the default body is sent")
        return self._rendered(error, problem(error))

    def _rendered(self, error: AuthError, body: tuple[str, bytes]) -> Answer:
        url = self._metadata.url if self._metadata is not None else None
        return render(error, realm=self._realm, body=body, metadata=url)

    def refuse(self, error: AuthError, *, method: str, path: str) -> Answer:
        """Log the refusal, tell the observer, and return the answer to send; for adapters.

        Args:
            error: What was raised.
            method: The request's method; the answer to HEAD has no body.
            path: The decoded path, for the log.
        """
        event = Refused(error, printable(method), printable(path))
        tell(self._refusals, event)
        tell(self._observer, event)
        challenge = self.challenge(error)
        return replace(challenge, body=b"") if method == "HEAD" else challenge

    def _tell(self, event: Event) -> None:
        tell(self._observer, event)


def _sources(credentials: object) -> tuple[CredentialSource, ...]:
    """Return where requests bring tokens, or raise ConfigurationError."""
    sources = (
        tuple(cast("Iterable[object]", credentials)) if isinstance(credentials, Iterable) else ()
    )
    alike = isinstance(credentials, Iterable) and not any(
        # Text has a find() of its own, and a class is not yet a place.
        isinstance(one, str | bytes | type) or not callable(getattr(one, "find", None))
        for one in sources
    )
    if not alike:
        raise ConfigurationError(
            f'credentials is a list, for example [Bearer(), Cookie("__Host-token")], '
            f"not {credentials!r}"
        )
    return cast("tuple[CredentialSource, ...]", sources)


def _check_functions(**options: object) -> None:
    for name, function in options.items():
        if function is not None and not callable(function):
            raise ConfigurationError(
                f"{name} is a function, for example clock=time.time and not time.time()"
            )


def _described(resource: "Resource | str", issuers: Iterable[str]) -> "Metadata":
    """Return what is said of *resource*; most guards say nothing, and need not load it."""
    from ._metadata import describe  # noqa: PLC0415

    return describe(resource, issuers)


def _states(sources: Iterable[KeptKeys], **more: object) -> list[dict[str, object]]:
    return [{**source.health(), **more} for source in sources]
