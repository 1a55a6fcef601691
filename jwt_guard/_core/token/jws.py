"""RFC 7515 §3.1, §5.2: the compact form -> an unverified token, and its signature.

Checked before anything is decoded: three segments; then the header is read, which
no junk gets past, and only then the rest.
Never followed: `jku`, `x5u`, `jwk`, `x5c`. Never processed: `crit`, `b64`, `zip`.
"""

from binascii import a2b_base64
from collections.abc import Iterable, Mapping
from string import ascii_letters, digits
from types import MappingProxyType
from typing import NamedTuple

from ...errors import InvalidToken, Reason
from . import strictjson
from .keys import MAX_KID, Key
from .strictjson import FrozenDict

# RFC 7515 §2: base64url without padding (RFC 4648 §5). What only the standard
# alphabet has becomes a character that no alphabet has.
_ALPHABET = (ascii_letters + digits + "-_").encode()
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_PADDING = (b"", b"", b"==", b"=")
# The last character may carry no bits beyond the octets (RFC 4648 §3.5): four of
# them where two characters encode one octet, two where three encode two. One
# character alone encodes nothing.
_LAST = (
    frozenset(_ALPHABET),
    frozenset[int](),
    frozenset(b"AQgw"),
    frozenset(b"AEIMQUYcgkosw048"),
)

# `crit` and `b64` change what is signed (RFC 7515 §4.1.11, RFC 7797), `zip` what
# it means; a JWT has no business with any of them.
_REFUSED_PARAMETERS = frozenset({"crit", "b64", "zip"})


class UnverifiedHeader(NamedTuple):
    """What a header may say here; it can only select a key.

    Attributes:
        alg: `alg`, as it stands.
        kid: `kid`, or None.
        typ: `typ` as media types compare, or None.
    """

    alg: str
    kid: str | None
    typ: str | None


# header.payload.signature
_DOTS = 2

_NONE_KNOWN: Mapping[bytes, UnverifiedHeader] = MappingProxyType({})


class UnverifiedToken(NamedTuple):
    """A well-formed token; nothing of it is trusted yet.

    A tuple, because one is made for every request and a frozen dataclass takes
    much longer to make.

    Attributes:
        unverified_header: What selects the key.
        unverified_payload: The payload's octets.
        segment: The header as it was sent.
        signing_input: What was signed (RFC 7515 §2).
        signature: The signature's octets.
    """

    unverified_header: UnverifiedHeader
    unverified_payload: bytes
    segment: bytes
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        """Show nothing of the token."""
        return "UnverifiedToken(…)"


# What a named tuple's own constructor does, without its call in Python.
_made = tuple.__new__  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  generic


def peek(token: bytes, known: Mapping[bytes, UnverifiedHeader] = _NONE_KNOWN) -> UnverifiedToken:
    """Return the parts of *token*, unverified.

    Args:
        token: The compact serialisation; the caller has bounded its length.
        known: Headers that were read before, by their segments.

    Raises:
        InvalidToken: Not three base64url segments, or a header that is not a JSON
            object with a string `alg`, or one that asks for what is not done here.
    """
    if token.count(b".") != _DOTS:
        raise InvalidToken(Reason.MALFORMED_TOKEN)
    signing_input, _, signature = token.rpartition(b".")
    segment, _, payload = signing_input.partition(b".")
    try:
        header = known.get(segment) or _header(segment)
        parts = (header, _decode(payload), segment, signing_input, _decode(signature))
        return _made(UnverifiedToken, parts)
    except ValueError:
        raise InvalidToken(Reason.MALFORMED_TOKEN) from None


def media_type(typ: str) -> str:
    """Return *typ* as media types compare (RFC 7515 §4.1.9)."""
    return typ.lower().removeprefix("application/")


def _header(segment: bytes) -> UnverifiedHeader:
    """Read a header, or raise InvalidToken or ValueError."""
    parameters = strictjson.loads_object(_decode(segment))
    alg, kid, typ = (_text(parameters, name) for name in ("alg", "kid", "typ"))
    if alg is None or (kid is not None and len(kid) > MAX_KID):
        raise InvalidToken(Reason.MALFORMED_TOKEN)
    if not _REFUSED_PARAMETERS.isdisjoint(parameters):
        raise InvalidToken(Reason.UNSUPPORTED_HEADER)
    return UnverifiedHeader(alg, kid, typ if typ is None else media_type(typ))


def _text(parameters: FrozenDict, name: str) -> str | None:
    """Return a header parameter that is a string, or None if absent."""
    value = parameters.get(name)
    if isinstance(value, str) or (value is None and name not in parameters):
        return value
    raise InvalidToken(Reason.MALFORMED_TOKEN)


def _decode(segment: bytes) -> bytes:
    """Decode *segment*, or raise ValueError at the first character amiss."""
    remainder = len(segment) % 4
    if remainder and segment[-1] not in _LAST[remainder]:
        raise ValueError("not the canonical encoding")
    return a2b_base64(segment.translate(_TO_STANDARD) + _PADDING[remainder], strict_mode=True)


def verify(token: UnverifiedToken, keys: Iterable[Key]) -> Key:
    """Return the one of *keys* whose signature *token* bears.

    Args:
        token: The parts of the token.
        keys: What `KeySet.candidates` selected, a few at most.

    Raises:
        InvalidToken: The signature is none of theirs.
    """
    for key in keys:
        # The keys were selected by the header's alg, and are asked again: a caller
        # that brings a key of its own choice opens no door.
        if token.unverified_header.alg != key.alg:
            raise InvalidToken(Reason.UNKNOWN_KEY)
        try:
            if key.verify(token.signing_input, token.signature):
                return key
        except Exception:  # noqa: BLE001, S112  whatever crypto raises, it did not verify
            continue
    raise InvalidToken(Reason.BAD_SIGNATURE)
