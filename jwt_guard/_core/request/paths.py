"""What may pass without a token: public paths, anonymous callers, preflights.

Asked only when the token is absent: one that is present and bad is refused in
every mode. Whatever cannot be decided is not open.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ...errors import ConfigurationError

# A path whose meaning depends on who reads it: an empty or a dot segment, a path
# parameter, a backslash, a control character, a percent sign left after decoding, a
# space where a segment begins or ends, which some strip.
_AMBIGUOUS = re.compile(r"//|/\.{1,2}(?:/|\Z)|[;\\%\x00-\x1f\x7f]|/\x20|\x20(?:/|\Z)")
# Octets of the undecoded path that decode to a character with such a meaning.
_ENCODED_DELIMITER = re.compile(rb"%(?:2[ef]|5c|3b|25|[01][0-9a-f]|7f)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Openings:
    """What may pass without a token.

    Attributes:
        public: Segments of the public paths; "*" stands for one segment, at the
            end for one or more.
        anonymous: Whether everything may.
        preflight: Whether CORS preflights may.
    """

    public: tuple[tuple[str, ...], ...]
    anonymous: bool
    preflight: bool

    @classmethod
    def of(cls, public: Iterable[str], *, anonymous: bool, preflight: bool) -> "Openings":
        """Compile the patterns of *public*.

        Raises:
            ConfigurationError: A pattern is not an absolute, unambiguous path.
        """
        if isinstance(public, str):
            raise ConfigurationError(f"public is a list of paths; write public=[{public!r}]")
        return cls(tuple(map(segments, public)), anonymous, preflight)

    def admit(self, path: str, raw_path: bytes | None = None) -> bool:
        """Tell whether a request for *path* may pass without a token.

        Args:
            path: The decoded path that the router behind will match.
            raw_path: The path as it was sent, where the server tells.
        """
        if self.anonymous:
            return True
        if not self.public or is_ambiguous(path, raw_path):
            return False
        asked = split(path)
        return any(matches(pattern, asked) for pattern in self.public)


def is_ambiguous(path: str, raw_path: bytes | None) -> bool:
    """Tell a path that two readers may take for two paths.

    Args:
        path: The decoded path that the router will match.
        raw_path: The path as it was sent, where the server tells.
    """
    return (
        not path.startswith("/")
        or _AMBIGUOUS.search(path) is not None
        or (raw_path is not None and _ENCODED_DELIMITER.search(raw_path) is not None)
    )


def split(path: str) -> list[str]:
    """Return the segments of an absolute path."""
    return path[1:].split("/")


def segments(pattern: object) -> tuple[str, ...]:
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


def matches(pattern: tuple[str, ...], segments: list[str]) -> bool:
    """Tell whether *segments* are what *pattern* stands for."""
    if len(segments) > len(pattern) and pattern[-1] == "*":
        segments = segments[: len(pattern)]
    return len(segments) == len(pattern) and all(
        expected == segment or (expected == "*" and segment != "")
        for expected, segment in zip(pattern, segments, strict=True)
    )
