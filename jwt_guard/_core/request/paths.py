"""RFC 3986 §3.3: patterns of paths, by whole segments; and paths with two readings.

A guard and a router that read a path differently are how tables of paths get
bypassed. So what could be read in two ways matches nothing that is open.
"""

import re
from collections.abc import Collection
from typing import cast
from urllib.parse import unquote, unquote_to_bytes

from ...errors import ConfigurationError

# What some drop, end a text or a line at, or replace: controls (C1 too), and what stands
# for octets that are no UTF-8, of which "/" may be one to lenient decoders (%c0%af).
_UNREADABLE = r"\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd\ud800-\udfff"
# Every space that Unicode knows, and the one that JavaScript's trim knows besides.
_SPACE = r"[\s\ufeff]"
# A path whose meaning depends on who reads it: an empty or a dot segment, a path
# parameter, a backslash, a character that ends a path, a percent sign left after
# decoding, something unreadable, a space where a segment begins or ends, which some strip.
_AMBIGUOUS = re.compile(rf"//|/\.{{1,2}}(?:/|\Z)|[;\\%?#{_UNREADABLE}]|/{_SPACE}|{_SPACE}(?:/|\Z)")
# Octets of the undecoded path that decode to a character with such a meaning.
_ENCODED_DELIMITER = re.compile(
    rb"%(?:2[ef3]|5c|3[bf]|25|[01][0-9a-f]|7f|c2%[89][0-9a-f])", re.IGNORECASE
)
# What makes another segment of it, and so another path, for some.
_DELIMITER = re.compile(r"[/\\;?#]")
# How often a path may be decoded on its way; what changes even then is refused.
_DECODINGS = 4

Segments = tuple[str, ...]


def is_ambiguous(path: str, raw_path: bytes | None) -> bool:
    """Whether two readers may take *path* for two paths.

    Args:
        path: The decoded path that the router will match.
        raw_path: The path as it was sent, where the server tells.
    """
    return (
        not path.startswith("/")
        or _AMBIGUOUS.search(path) is not None
        or (raw_path is not None and _ENCODED_DELIMITER.search(raw_path) is not None)
    )


def stays_below(pattern: Segments, path: str, raw_path: bytes | None) -> bool:
    """Whether every reading of *path* is below *pattern*, which ends with "*".

    None of the readings climbs by dot segments, or has fewer segments. What can be read
    in two ways stands in place of the "*" alone, in *raw_path* too.
    """
    depth = len(pattern) - 1
    head, tail = split(path)[:depth], "/".join(split(path)[depth:])
    start = "".join(f"/{segment}" for segment in head)
    return (
        path.startswith("/")
        and matches(pattern[:-1], head)
        and not _AMBIGUOUS.search(start + "/-")
        and (raw_path is None or _is_sent_plainly(start + "/", path, raw_path))
        and _is_below_once_decoded(tail)
    )


def _is_sent_plainly(start: str, path: str, raw_path: bytes) -> bool:
    """Whether *raw_path*, which is *path* below some prefix, has nothing encoded in *start*."""
    decoded = _decoded(raw_path)
    encoded = _ENCODED_DELIMITER.search(raw_path)
    plain = decoded if encoded is None else _decoded(raw_path[: encoded.start()])
    return decoded.endswith(path) and len(plain) >= len(decoded) - len(path) + len(start)


def _decoded(raw_path: bytes) -> str:
    return unquote_to_bytes(raw_path).decode("utf-8", "replace")


def _is_below_once_decoded(tail: str) -> bool:
    """Whether *tail*, however often it is decoded, is one or more plain segments."""
    for _ in range(_DECODINGS):
        if any(_AMBIGUOUS.search(f"/{part}") or not part for part in _parts(tail)):
            return False
        before, tail = tail, unquote(tail)
        if tail == before:
            return True
    return False


def _parts(tail: str) -> list[str]:
    """Return the segments of *tail*, for those who take each delimiter for a slash."""
    # A percent sign that is left is part of a name; what it encodes comes next.
    return _DELIMITER.split(tail.replace("%", "-"))


def split(path: str) -> list[str]:
    """Return the segments of an absolute path."""
    return path[1:].split("/")


def segments(pattern: object) -> Segments:
    """Return the segments of a pattern: whole ones, "*" for one, at the end for more.

    Raises:
        ConfigurationError: Not an absolute, unambiguous path.
    """
    if (
        not isinstance(pattern, str)
        or not pattern.startswith("/")
        or _AMBIGUOUS.search(pattern)
        or any("*" in segment and segment != "*" for segment in pattern.split("/"))
    ):
        raise ConfigurationError(
            f"{pattern!r} is no path pattern; write whole segments after a slash, "
            f'for example "/health" or "/docs/*"'
        )
    return tuple(pattern[1:].split("/"))


def compiled(option: str, patterns: object) -> tuple[Segments, ...]:
    """Return the segments of several patterns.

    Raises:
        ConfigurationError: Not a list of patterns.
    """
    if isinstance(patterns, str) or not isinstance(patterns, list | tuple | set | frozenset):
        raise ConfigurationError(
            f'{option} is a list of paths, for example {option}=["/health"], not {patterns!r}'
        )
    return tuple(map(segments, cast("Collection[object]", patterns)))


def matches(pattern: Segments, path: list[str]) -> bool:
    """Whether the segments of *path* are what *pattern* stands for."""
    if len(path) > len(pattern) and pattern and pattern[-1] == "*":
        path = path[: len(pattern)]
    return len(path) == len(pattern) and all(
        expected == segment or (expected == "*" and segment != "")
        for expected, segment in zip(pattern, path, strict=True)
    )


def closes(pattern: Segments, path: list[str]) -> bool:
    """Whether *pattern* closes *path*: what is closed is never narrower than what is open.

    A slash at the end, of either, makes no difference, and "/admin/*" closes "/admin".
    """
    bare = path[:-1] if len(path) > 1 and path[-1] == "" else path
    wanted = _without_slash(pattern)
    return (
        matches(pattern, path)
        or matches(wanted, bare)
        or (wanted[-1] == "*" and matches(wanted[:-1] or ("",), bare))
    )


def _without_slash(pattern: Segments) -> Segments:
    return pattern[:-1] if len(pattern) > 1 and pattern[-1] == "" else pattern


def overlap(one: Segments, other: Segments) -> bool:
    """Whether some path may be closed by both patterns."""
    shorter, longer = sorted(map(_without_slash, (one, other)), key=len)
    for left, right in zip(shorter, longer, strict=False):
        if "*" not in (left, right) and left != right:
            return False
    more = len(longer) - len(shorter)
    return more == 0 or shorter[-1] == "*" or (more == 1 and longer[-1] == "*")
