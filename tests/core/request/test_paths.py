"""What passes without a token: jwt_guard._core.openings."""

from typing import Any

import pytest

from jwt_guard._core.request.paths import Openings
from jwt_guard.errors import ConfigurationError


def opened(*public: str) -> Openings:
    return Openings.of(public, anonymous=False, preflight=True)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/", "/"),
        ("/health", "/health"),
        ("/health/", "/health/"),
        ("/health/live", "/health/live"),
        ("/docs/*", "/docs/a"),
        ("/docs/*", "/docs/a/b/c"),
        ("/docs/*", "/docs/a/"),
        ("/docs/*", "/docs/*"),
        ("/docs/*", "/docs/..."),
        ("/docs/*", "/docs/.well-known"),
        ("/docs/*", "/docs/é"),
        ("/*", "/a"),
        ("/*/info", "/a/info"),
        ("/a/*/b/*", "/a/x/b/y/z"),
    ],
)
def test_public(pattern: str, path: str) -> None:
    """A public path matches by whole segments; "*" is one, at the end one or more."""
    assert opened(pattern).admit(path)
    assert opened("/other", pattern).admit(path)
    assert opened(pattern).admit(path, path.encode())


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/", ""),
        ("/", "/a"),
        ("/health", "/health/"),
        ("/health", "/healthy"),
        ("/health", "/health-admin"),
        ("/health", "/Health"),
        ("/health", "/a/health"),
        ("/health", "health"),
        ("/health", "/health/live"),
        ("/health", ""),
        ("/health", "/"),
        ("/health/", "/health"),
        ("/docs/*", "/docs"),
        ("/docs/*", "/docs/"),
        ("/docs/*", "/docs-internal/a"),
        ("/*", "/"),
        ("/*/info", "/a/b/info"),
        ("/*/info", "/a/info/x"),
        ("/*/info", "//info"),
        ("/a/*/b/*", "/a/x/c/y"),
        ("/docs/*", "http://host/docs/a"),
        ("/docs/*", "*"),
    ],
)
def test_not_public(pattern: str, path: str) -> None:
    """A prefix, another case, and a segment more or less are other paths."""
    assert not opened(pattern).admit(path)


@pytest.mark.parametrize(
    "path",
    [
        "/docs//a",
        "//docs/a",
        "/docs/a//",
        "/docs/../admin",
        "/docs/..",
        "/docs/a/../../admin",
        "/docs/.",
        "/docs/./a",
        "/docs/a;x",
        "/docs/;/a",
        "/docs/..;/admin",
        "/docs/a\\b",
        "/docs/..\\admin",
        "/docs/%2e%2e/admin",
        "/docs/a%",
        "/docs/a\0",
        "/docs/a\n",
        "/docs/a\r",
        "/docs/a\x1f",
        "/docs/a\x7f",
        "/docs/a ",
        "/docs/ a",
        "/docs /a",
    ],
)
def test_ambiguous(path: str) -> None:
    """A path whose meaning depends on who reads it is not open, whatever is public."""
    assert not opened("/docs/*", "/*").admit(path)


@pytest.mark.parametrize(
    "raw_path",
    [
        b"/docs/a%2fb",
        b"/docs/a%2Fb",
        b"/docs/%2e%2e/admin",
        b"/docs/%2E",
        b"/docs/a%5cb",
        b"/docs/a%5C",
        b"/docs/a%3bx",
        b"/docs/a%3B",
        b"/docs/a%252fb",
        b"/docs/a%00",
        b"/docs/a%0a",
        b"/docs/a%1F",
        b"/docs/a%7f",
    ],
)
def test_encoded_delimiters(raw_path: bytes) -> None:
    """A delimiter that was sent encoded makes a path ambiguous, where the server tells."""
    assert opened("/docs/*").admit("/docs/a")
    assert not opened("/docs/*").admit("/docs/a", raw_path)


@pytest.mark.parametrize("raw_path", [b"/docs/%C3%A9", b"/docs/a%20b", b"/docs/a%2Db", None])
def test_encoded_text(raw_path: bytes | None) -> None:
    """Any other character may be encoded."""
    assert opened("/docs/*").admit("/docs/a", raw_path)


def test_nothing_public() -> None:
    """By default nothing passes."""
    assert not opened().admit("/")


def test_anonymous() -> None:
    """With anonymous=True every path passes, ambiguous or not."""
    openings = Openings.of([], anonymous=True, preflight=False)
    assert openings.admit("/any//path", b"/any%2f/path")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "health",
        "*",
        "/docs/**",
        "/docs*",
        "/docs/*.html",
        "/a//b",
        "/a/../b",
        "/a/.",
        "/a;b",
        "/a%20b",
        "/a\\b",
        "/a\n",
        None,
        5,
        b"/health",
    ],
)
def test_bad_pattern(pattern: Any) -> None:
    """A public path is absolute and plain, with whole segments for stars."""
    with pytest.raises(ConfigurationError, match="is no path pattern; write whole segments after"):
        opened("/health", pattern)


def test_one_path_is_no_list() -> None:
    """A single path, whose characters would be paths, is the operator's mistake."""
    with pytest.raises(ConfigurationError, match=r"write public=\['/health'\]"):
        Openings.of("/health", anonymous=False, preflight=True)
