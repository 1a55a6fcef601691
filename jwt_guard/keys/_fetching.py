"""RFC 9110: one document by HTTPS; which addresses are asked, and who sees the secrets."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from .._fresh import FetchError
from ..errors import ConfigurationError
from ._sources import Fetcher
from ._urls import check_url, origin

# A provider answers in well under a second; what takes longer than this is down.
_CONNECT_SECONDS = 5.0
_TOTAL_SECONDS = 10.0
# The largest sets seen in the wild are near 30 KB.
_MAX_BYTES = 512 * 1024

_FIELDS = {
    "Accept": "application/jwk-set+json, application/json",
    # What is not compressed cannot grow.
    "Accept-Encoding": "identity",
    "User-Agent": "jwt-guard",
}

Headers = Mapping[str, str] | Callable[[], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Document:
    """What a fetch brought.

    Attributes:
        body: The octets, or None where the one known is still current (304).
        etag: Validator for the next fetch (RFC 9110 §8.8.3), or None.
        max_age: For how long it is fresh yet (RFC 9111 §4.2), in seconds, or None.
    """

    body: bytes | None
    etag: str | None = None
    max_age: float | None = None


@dataclass(frozen=True, slots=True)
class HttpFetcher:
    """Fetches by HTTPS: bounded in time and size, redirected within one host only.

    Proxies are taken from the environment (`HTTPS_PROXY`, `NO_PROXY`); this machine
    is never asked through one.

    Attributes:
        ca_file: PEM file of the authorities to trust instead of the system's.
        headers: Fields to send along, for example an API key; or a function that
            returns them, called for each fetch, on a worker thread. They are sent to
            the host that was configured, and to no other that discovery leads to.
        token_file: File whose content is sent as a bearer token; read for each
            fetch, as Kubernetes changes it every hour. Goes where *headers* go.
        allow_http: Hosts that are asked by http where their URL says so; for networks
            that nobody else can listen in on.
        connect_seconds: Time limit of connecting.
        total_seconds: Time limit of the whole fetch, however slowly it drips.
        max_bytes: Longest body that is read.

    Raises:
        ConfigurationError: An option is no such thing, or *ca_file* cannot be read.
    """

    _: KW_ONLY
    ca_file: str | None = None
    headers: Headers = field(default_factory=dict[str, str], repr=False)
    token_file: str | None = None
    allow_http: Collection[str] = ()
    connect_seconds: float = _CONNECT_SECONDS
    total_seconds: float = _TOTAL_SECONDS
    max_bytes: int = _MAX_BYTES

    def __post_init__(self) -> None:
        """Check the options; TLS is set up with the first fetch, which takes its time."""
        if self.ca_file is not None:
            _check_authorities(self.ca_file)
        if isinstance(self.allow_http, str) or not all(
            isinstance(host, str) and host == host.lower() and "/" not in host
            for host in self.allow_http
        ):
            raise ConfigurationError('allow_http is a list of hosts, for example ["keycloak"]')
        if not callable(self.headers) and not isinstance(self.headers, Mapping):
            raise ConfigurationError("headers is a mapping, or a function that returns one")
        object.__setattr__(self, "allow_http", tuple(self.allow_http))

    def fetch(self, url: str, etag: str | None) -> Document:
        """Return the document at *url*; see `Fetcher`."""
        return self._get(url, etag, secrets=True)

    def confined(self, url: str) -> Fetcher:
        """Return this fetcher, with the configured fields for the origin of *url* alone."""
        return _Confined(self, url)

    def _get(self, url: str, etag: str | None, *, secrets: bool) -> Document:
        # Imported late: urllib3 and ssl take longer to import than all of the guard.
        from ._exchange import exchange  # noqa: PLC0415

        check_url(url, allow_http=self.allow_http)
        fields = _FIELDS | (self._secrets() if secrets else {})
        if etag is not None:
            fields["If-None-Match"] = etag
        return exchange(url, fields, self)

    def _secrets(self) -> dict[str, str]:
        try:
            fields = dict(self.headers() if callable(self.headers) else self.headers)
        except Exception as error:  # noqa: BLE001  the operator's function
            raise FetchError(f"headers raised {type(error).__name__}") from None
        if self.token_file is not None:
            try:
                token = Path(self.token_file).read_text("ascii").strip()
            except (OSError, ValueError):
                raise FetchError(f"cannot read the token file {self.token_file!r}") from None
            fields["Authorization"] = f"Bearer {token}"
        return fields


def _check_authorities(path: str) -> None:
    try:
        text = Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"cannot read the authorities in {path!r}: {error.strerror or error}"
        ) from None
    if b"-----BEGIN " not in text:
        raise ConfigurationError(f"{path!r} holds no certificate of an authority (PEM)")


@dataclass(frozen=True, slots=True)
class _Confined:
    """A fetcher whose configured fields go to one origin."""

    fetcher: HttpFetcher
    url: str

    def fetch(self, url: str, etag: str | None) -> Document:
        """Return the document at *url*; see `Fetcher`."""
        secrets = origin(url) == origin(self.url)
        return self.fetcher._get(url, etag, secrets=secrets)  # noqa: SLF001  its own module
