"""RFC 3986 §3.3: jwt_guard._core.request.paths: patterns, and paths with two readings."""

from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jwt_guard._core.request.paths import (
    closes,
    compiled,
    is_ambiguous,
    matches,
    overlap,
    segments,
    split,
    stays_below,
)
from jwt_guard.errors import ConfigurationError


def opens(pattern: str, path: str) -> bool:
    return matches(segments(pattern), split(path))


def shuts(pattern: str, path: str) -> bool:
    return closes(segments(pattern), split(path))


MATCHING = [
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
    ("/*", "/a/b/c"),
    ("/*/info", "/a/info"),
    ("/a/*/b/*", "/a/x/b/y/z"),
    ("/*/", "/a/"),
]
OTHERS = [
    ("/", "/a"),
    ("/health", "/healthy"),
    ("/health", "/health-admin"),
    ("/health", "/Health"),
    ("/health", "/a/health"),
    ("/health", "/health/live"),
    ("/health", "/"),
    ("/docs/*", "/docs-internal/a"),
    ("/docs/*", "/"),
    ("/*/info", "/a/b/info"),
    ("/*/info", "/a/info/x"),
    ("/*/info", "/a"),
    ("/a/*/b/*", "/a/x/c/y"),
    ("/a/*/b/*", "/a/x"),
]
# What an open pattern does not match, and the closed one does.
CLOSED_ALONE = [
    ("/health", "/health/"),
    ("/health/", "/health"),
    ("/docs/*", "/docs"),
    ("/docs/*", "/docs/"),
    ("/docs/*/", "/docs"),
    ("/docs/*/", "/docs/a"),
    ("/docs/*/", "/docs/a/b"),
    ("/*", "/"),
    ("/*/info", "/a/info/"),
    ("/a/*/b/*", "/a/x/b"),
]


@pytest.mark.parametrize(("pattern", "path"), MATCHING)
def test_matches(pattern: str, path: str) -> None:
    """A pattern stands for whole segments; "*" is one, at the end one or more."""
    assert opens(pattern, path)
    assert shuts(pattern, path)


@pytest.mark.parametrize(("pattern", "path"), OTHERS)
def test_other_paths(pattern: str, path: str) -> None:
    """A prefix, another case, and a segment more or less are other paths."""
    assert not opens(pattern, path)
    assert not shuts(pattern, path)


@pytest.mark.parametrize(("pattern", "path"), CLOSED_ALONE)
def test_closes_more(pattern: str, path: str) -> None:
    """What closes does not mind a slash at the end, and "/docs/*" closes "/docs" too."""
    assert not opens(pattern, path)
    assert shuts(pattern, path)


names = st.sampled_from(["a", "b", "admin"])
patterns = st.lists(names | st.just("*"), max_size=4).flatmap(
    lambda parts: st.sampled_from(["/" + "/".join(parts), "/" + "/".join([*parts, ""])])
)
patterns = patterns.filter(lambda one: "//" not in one)
paths = st.lists(names, max_size=5).flatmap(
    lambda parts: st.sampled_from(["/" + "/".join(parts), "/" + "/".join([*parts, ""])])
)
paths = paths.filter(lambda one: "//" not in one)


def fitting(pattern: str) -> st.SearchStrategy[tuple[str, str]]:
    """Make a path that *pattern* opens."""
    stars = [names if part == "*" else st.just(part) for part in split(pattern)]
    more = st.lists(names, max_size=2) if pattern.endswith("*") else st.just([])
    slash = st.sampled_from(["", "/"]) if pattern.endswith("*") else st.just("")
    return st.tuples(st.tuples(*stars), more, slash).map(
        lambda drawn: (pattern, "/" + "/".join([*drawn[0], *drawn[1]]) + drawn[2])
    )


@given(patterns.flatmap(fitting))
def test_closed_is_never_narrower(drawn: tuple[str, str]) -> None:
    """What a pattern opens it closes as well, with and without a slash at the end."""
    pattern, path = drawn
    bare = path.rstrip("/")
    assert opens(pattern, path)
    assert shuts(pattern, path)
    assert shuts(pattern, bare or "/")
    assert shuts(pattern, bare + "/")
    if pattern.endswith("/*"):
        assert shuts(pattern, pattern[:-2] or "/")
        assert shuts(pattern, pattern[:-1])


@given(patterns, paths)
def test_slash_at_the_end_changes_nothing_closed(pattern: str, path: str) -> None:
    """Neither of the path nor of the pattern."""
    bare_path, bare = path.rstrip("/") or "/", pattern.rstrip("/") or "/"
    slashed_path, slashed = bare_path.rstrip("/") + "/", bare.rstrip("/") + "/"
    found = {shuts(one, other) for one in (bare, slashed) for other in (bare_path, slashed_path)}
    assert len(found) == 1


@given(patterns, patterns, paths)
@example("/a/*/", "/a/b/admin", "/a/b/admin")
@example("/a/*/", "/a", "/a")
@example("/*", "/", "/")
def test_overlap(one: str, other: str, path: str) -> None:
    """Patterns that close one path overlap, whichever is asked first."""
    found = overlap(segments(one), segments(other))
    assert found is overlap(segments(other), segments(one))
    assert found or not (shuts(one, path) and shuts(other, path))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("/a", "/b", False),
        ("/a", "/a/b", False),
        ("/a", "/a/", True),
        ("/a", "/a/*", True),
        ("/a", "/a/*/b", False),
        ("/a/b", "/a/*", True),
        ("/a/b/c/d", "/a/*", True),
        ("/a/*", "/b/*", False),
        ("/*/x", "/a/*", True),
        ("/*/x", "/a/y", False),
        ("/", "/a", False),
    ],
)
def test_some_overlap(one: str, other: str, expected: bool) -> None:  # noqa: FBT001  a column
    """Patterns without a path in common do not overlap."""
    assert overlap(segments(one), segments(other)) is expected
    assert overlap(segments(other), segments(one)) is expected


SPACES = ["\x20", "\x85", "\xa0", "\u1680", "\u2003", "\u2028", "\u202f", "\u3000", "\ufeff"]
AMBIGUOUS = [
    *["", "*", "a", "docs/a", "http://host/a"],
    *["//", "//a", "/a//b", "/a//"],
    *["/.", "/..", "/./a", "/a/.", "/a/..", "/a/../b", "/a/./b", "/../a"],
    *["/a;x", "/a;x=1/b", "/;/a", "/..;/a", "/a\\b", "/a\\..\\b"],
    *["/a%", "/a%2fb", "/%2e%2e/a", "/a%00", "/%u002e"],
    *["/a?", "/a?b", "/?", "/a#b", "/#"],
    *["/a\0", "/a\t", "/a\n", "/a\r\n", "/a\x1f", "/a\x7f", "/a\x80b", "/a\x9fb", "/a\x85b"],
    *["/a\u2028b", "/a\u2029b"],
    *["/a\ufffd", "/ad\ufffdmin", "/a\udc80b"],
    *[f"/a{space}" for space in SPACES],
    *[f"/{space}a" for space in SPACES],
    *[f"/a{space}/b" for space in SPACES],
    *[f"/{space}" for space in SPACES],
]


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_ambiguous(path: str) -> None:
    """What depends on who reads it is ambiguous, sent plainly or not."""
    assert is_ambiguous(path, None)
    assert is_ambiguous(path, b"/a")


@pytest.mark.parametrize(
    "path", ["/", "/a", "/a/", "/a b", "/a\xa0b", "/a.b", "/...", "/.a", "/é", "/a:b@c", "/a+b,c=d"]
)
def test_plain(path: str) -> None:
    """Letters of any language, and spaces within a segment, are plain."""
    assert not is_ambiguous(path, None)
    assert not is_ambiguous(path, quote(path).encode())


@pytest.mark.parametrize(
    "raw_path",
    [
        *[b"/a%2fb", b"/a%2Fb", b"/%2e%2e/a", b"/%2E", b"/a%5cb", b"/a%5C"],
        *[b"/a%3bx", b"/a%3B", b"/a%252fb", b"/a%3fb", b"/a%3F", b"/a%23b"],
        *[b"/a%00", b"/a%0a", b"/a%1F", b"/a%7f", b"/a%C2%85", b"/a%c2%9f"],
    ],
)
def test_encoded_delimiters(raw_path: bytes) -> None:
    """A delimiter that was sent encoded makes a path ambiguous, however it is decoded."""
    assert is_ambiguous("/a", raw_path)


@pytest.mark.parametrize("raw_path", [b"/%C3%A9", b"/a%20b", b"/a%2Db", b"/%C2%A9", b"/a%40", None])
def test_encoded_text(raw_path: bytes | None) -> None:
    """Any other character may be encoded."""
    assert not is_ambiguous("/a", raw_path)


@pytest.mark.parametrize(
    "pattern",
    [
        *["", "a", "*", "/a/**", "/a*", "/a/*.html", "/a//b", "/a/../b", "/a/.", "/a;b", "/a%20b"],
        *["/a\\b", "/a\n", "/a ", "/a?b", "/a#", "/\ufffd", None, 5, b"/a", ["/a"], True],
    ],
)
def test_bad_pattern(pattern: Any) -> None:
    """A pattern is absolute and plain, with whole segments for stars."""
    with pytest.raises(ConfigurationError, match="is no path pattern; write whole segments after"):
        segments(pattern)
    with pytest.raises(ConfigurationError, match="is no path pattern"):
        compiled("public", ["/health", pattern])


def test_compiled() -> None:
    """Patterns come in a list, a tuple or a set, and are kept by segments."""
    for several in (["/a/*"], ("/a/*",), {"/a/*"}, frozenset({"/a/*"})):
        assert compiled("public", several) == (("a", "*"),)
    assert compiled("public", []) == ()


@pytest.mark.parametrize("several", ["/a", None, True, 5, b"/a", {"/a": 1}, iter(["/a"])])
def test_no_list(several: Any) -> None:
    """A single path, whose characters would be paths, is the operator's mistake."""
    with pytest.raises(ConfigurationError, match=r'public is a list of paths, .* public=\["/h'):
        compiled("public", several)


# Ids with unusual characters


def below(pattern: str, path: str, raw_path: bytes | None = None) -> bool:
    return stays_below(segments(pattern), path, raw_path)


@pytest.mark.parametrize(
    ("path", "raw_path"),
    [
        ("/files/a/b", b"/files/a%2Fb"),
        ("/files/a%2Fb", b"/files/a%252Fb"),
        ("/files/a;b", b"/files/a;b"),
        ("/files/a?b#c", b"/files/a%3Fb%23c"),
        ("/files/a\\b", b"/files/a%5Cb"),
        ("/files/100%", b"/files/100%25"),
        ("/files/x/a/b", b"/files/x/a%2Fb"),
        ("/files/a..b/c", b"/files/a..b%2Fc"),
        ("/files/é/b", b"/files/%C3%A9%2Fb"),
        ("/files/a/b", b"/api/v%31/files/a%2Fb"),
        ("/files/a%252Fb", b"/files/a%25252Fb"),
    ],
)
def test_unusual_ids(path: str, raw_path: bytes) -> None:
    """An id has any delimiter, encoded or not, where all readings stay below the pattern."""
    assert below("/files/*", path, raw_path)
    assert below("/files/*", path)
    assert below("/*/*", path, raw_path)
    assert not below("/other/*", path, raw_path)


@pytest.mark.parametrize(
    "path",
    [
        *["/files/..", "/files/.", "/files/a/../b", "/files/../admin", "/files/a/.."],
        *["/files/%2e%2e/admin", "/files/a%2f..", "/files/..%2fadmin", "/files/%2E/a"],
        *["/files/%252e%252e%252fa", "/files/%2%65%2%65/a", "/files/%25252525252e"],
        *["/files/..;/a", "/files/..;x", "/files/a\\..\\b", "/files/..\\..\\admin", "/files/..?"],
        *["/files/.. /a", "/files/ ../a", "/files/a /b", "/files/a%20/b", "/files/a%2f%20b"],
        *["/files/", "/files", "/files//", "/files//a", "/files/a//b", "/files/a%2f", "/files/;x"],
        *["/files/?", "/files/a/;x", "/files/%2f", "/files/#"],
        *["/files/a\0", "/files/\0", "/files/a%00", "/files/a\n", "/files/a%0a", "/files/a\x85"],
        *["/files/\ufffd\ufffdadmin", "/files/%c0%ae%c0%ae", "/files/a\udc80"],
        *["/files%2fa", "/files;x/a", "/files\\a", "/files%", "/files /a", "/ files/a"],
        *["//files/a%2fb", "/./files/a%2fb", "/x/../files/a%2fb", "/%66iles/a%2fb"],
        *["files/a%2fb", "xfiles/a%2fb", "*files/a;b", "", "*"],
    ],
)
def test_no_unusual_ids(path: str) -> None:
    """No dot segment, empty one, or unreadable character, and nothing ahead of the id."""
    assert not below("/files/*", path)


@pytest.mark.parametrize("path", ["/../files/a;b", "/./files/a;b", "/x;y/files/a", "/x /files/a;b"])
def test_star_ahead(path: str) -> None:
    """A "*" ahead of the end stands for a plain segment alone."""
    assert not below("/*/files/*", path)
    assert below("/*/files/*", "/x/files/a;b")


@pytest.mark.parametrize(
    ("path", "raw_path"),
    [
        ("/files/a", b"/files%2Fa"),
        ("/files/a/b", b"/files%2fa%2fb"),
        ("/files/a/b", b"%2Ffiles/a%2Fb"),
        ("/files/a/b", b"/%2e/files/a%2Fb"),
        ("/files/a/b", b"/x%2F/files/a%2Fb"),
        ("/files/a/b", b"/elsewhere/a%2Fb"),
        ("/files/a/b", b""),
        ("/files/a/b", b"/files/a%2Fb/c"),
    ],
)
def test_sent_encoded_ahead(path: str, raw_path: bytes) -> None:
    """A router that matches the path as it was sent must find the same pattern."""
    assert below("/files/*", path)
    assert not below("/files/*", path, raw_path)


hostile = st.lists(
    st.sampled_from(
        [*"abc./;?#\\%é \n\ufffd", "..", "%2e", "%2f", "%252f", "%25", "%5c", "%3b", "a.b"]
    ),
    min_size=1,
    max_size=8,
).map("".join)


def readings(path: str) -> list[str]:
    """Return a path as those read it who decode it, cut it, or drop parameters."""
    found = [path]
    for _ in range(6):
        found.append(unquote(found[-1]))
    for one in [*found]:
        found += [
            one.replace("\\", "/"),
            one.partition("?")[0].partition("#")[0],
            "/".join(part.partition(";")[0] for part in one.split("/")),
            one.replace(";", "/"),
        ]
    return found


def resolved(path: str) -> list[str]:
    """Return the segments of a path without empty and dot segments (RFC 3986 §5.2.4)."""
    stack: list[str] = []
    for part in path.split("/"):
        if part.strip() == "..":
            del stack[-1:]
        elif part.strip() not in ("", "."):
            stack.append(part)
    return stack


@given(hostile)
def test_no_reading_leaves(tail: str) -> None:
    """Whoever decodes, cuts and resolves it, an accepted path is still below the pattern."""
    path = "/files/" + tail
    assert resolved("/files/../a/./b/") == ["a", "b"]
    if below("/files/*", path):
        for one in readings(path):
            assert matches(("files", "*"), resolved(one))


@given(st.text(), st.binary() | st.none())
def test_anything(path: str, raw_path: bytes | None) -> None:
    """No path raises anything."""
    is_ambiguous(path, raw_path)
    below("/a/*", path, raw_path)
    closes(("a", "*"), split(path))


def test_long_ids() -> None:
    """A long path of percent signs is no long work."""
    assert below("/*", "/" + "%25" * 100_000)
    assert not below("/*", "/" + "%" + "25" * 100_000)
