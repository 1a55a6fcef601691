"""RFC 3986 §3.3: patterns of paths, by whole segments; and paths with two readings.

A guard and a router that read a path differently are how tables of paths get
bypassed. So what could be read in two ways matches nothing that is open.
"""

import re

from ...errors import ConfigurationError

# A path whose meaning depends on who reads it: an empty or a dot segment, a path
# parameter, a backslash, a control character (C1 too), a character that ends a path,
# a percent sign left after decoding, a space where a segment begins or ends, which
# some strip: every one that Unicode knows.
_AMBIGUOUS = re.compile(
    r"//|/\.{1,2}(?:/|\Z)|[;\\%?#\x00-\x1f\x7f-\x9f\u2028\u2029]|/\s|\s(?:/|\Z)"
)
# Octets of the undecoded path that decode to a character with such a meaning.
_ENCODED_DELIMITER = re.compile(
    rb"%(?:2[ef3]|5c|3[bf]|25|[01][0-9a-f]|7f|c2%[89][0-9a-f])", re.IGNORECASE
)
# What makes another segment of it, and so another path, for whoever decodes it.
_DELIMITER = re.compile(r"[/\\;?#]|%(?:2f|5c|3b|3f|23)", re.IGNORECASE)
_DOTS = re.compile(r"(?:\.|%2e){1,2}", re.IGNORECASE)

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


def stays_below(pattern: Segments, path: str) -> bool:
    """Whether every reading of *path* is below *pattern*, which ends with "*".

    None of the readings climbs by dot segments, or has fewer segments.
    """
    head, *rest = split(path)[: len(pattern) - 1], *split(path)[len(pattern) - 1 :]
    parts = [part for segment in rest for part in _DELIMITER.split(segment)]
    return (
        matches(pattern[:-1], head)
        and not any(_DELIMITER.search(segment) or "%" in segment for segment in head)
        and parts != []
        and all(part.strip() == part != "" and not _DOTS.fullmatch(part) for part in parts)
    )


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
    return tuple(segments(pattern) for pattern in patterns)


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
    wanted = pattern[:-1] if len(pattern) > 1 and pattern[-1] == "" else pattern
    return (
        matches(pattern, path)
        or matches(wanted, bare)
        or (wanted[-1] == "*" and matches(wanted[:-1] or ("",), bare))
    )


def overlap(one: Segments, other: Segments) -> bool:
    """Whether some path is closed by both patterns."""
    for left, right in zip(one, other, strict=False):
        if "*" not in (left, right) and left != right:
            return False
    shorter, longer = sorted((one, other), key=len)
    return len(longer) <= len(shorter) + 1 or shorter[-1] == "*"
