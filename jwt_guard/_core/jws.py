"""RFC 7515 §3.1, §5.2: the compact form -> an unverified token, and its signature.

Checked before anything is decoded: three segments of the base64url alphabet.
Never followed: `jku`, `x5u`, `jwk`, `x5c`. Never processed: `crit`, `b64`, `zip`.
"""

from binascii import a2b_base64
from string import ascii_letters, digits
from typing import NamedTuple

from ..errors import InvalidToken, Reason
from . import strictjson
from .keys import MAX_KID, Key
from .strictjson import FrozenDict

# RFC 7515 §2: base64url without padding (RFC 4648 §5).
_ALPHABET = (ascii_letters + digits + "-_").encode()
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
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


class UnverifiedToken(NamedTuple):
    """A well-formed token; nothing of it is trusted yet.

    A tuple, because one is made for every request and a frozen dataclass takes
    four times as long to make.

    Attributes:
        unverified_alg: The header's `alg`, which can only select a key.
        unverified_kid: The header's `kid`, or None.
        unverified_typ: The header's `typ`, or None.
        unverified_payload: The payload's octets.
        signing_input: What was signed (RFC 7515 §2).
        signature: The signature's octets.
    """

    unverified_alg: str
    unverified_kid: str | None
    unverified_typ: str | None
    unverified_payload: bytes
    signing_input: bytes
    signature: bytes

    def __repr__(self) -> str:
        """Show nothing of the token."""
        return "UnverifiedToken(…)"


def peek(token: bytes) -> UnverifiedToken:
    """Return the parts of *token*, unverified.

    Args:
        token: The compact serialisation; the caller has bounded its length.

    Raises:
        InvalidToken: Not three base64url segments, or a header that is not a JSON
            object with a string `alg`, or one that asks for what is not done here.
    """
    if token.translate(None, _ALPHABET) != b"..":
        raise InvalidToken(Reason.MALFORMED_TOKEN)
    signing_input, _, signature = token.rpartition(b".")
    header, _, payload = signing_input.partition(b".")
    try:
        parameters = strictjson.loads_object(_decode(header))
        unverified_payload = _decode(payload)
        octets = _decode(signature)
    except ValueError:
        raise InvalidToken(Reason.MALFORMED_TOKEN) from None
    alg, kid = _text(parameters, "alg"), _text(parameters, "kid")
    if alg is None or (kid is not None and len(kid) > MAX_KID):
        raise InvalidToken(Reason.MALFORMED_TOKEN)
    if not _REFUSED_PARAMETERS.isdisjoint(parameters):
        raise InvalidToken(Reason.UNSUPPORTED_HEADER)
    typ = _text(parameters, "typ")
    return UnverifiedToken(alg, kid, typ, unverified_payload, signing_input, octets)


def _text(parameters: FrozenDict, name: str) -> str | None:
    """Return a header parameter that is a string, or None if absent."""
    value = parameters.get(name)
    if isinstance(value, str) or (value is None and name not in parameters):
        return value
    raise InvalidToken(Reason.MALFORMED_TOKEN)


def _decode(segment: bytes) -> bytes:
    """Decode *segment*, whose characters have been checked."""
    remainder = len(segment) % 4
    if remainder and segment[-1] not in _LAST[remainder]:
        raise ValueError("not the canonical encoding")
    return a2b_base64(segment.translate(_TO_STANDARD) + _PADDING[remainder])


def verify(token: UnverifiedToken, key: Key) -> None:
    """Raise unless the signature of *token* is *key*'s.

    Raises:
        InvalidToken: The signature does not match.
    """
    # The key was selected by the header's alg, and is asked again: a caller that
    # brings a key of its own choice opens no door.
    if token.unverified_alg != key.alg:
        raise InvalidToken(Reason.UNKNOWN_KEY)
    try:
        valid = key.verify(token.signing_input, token.signature)
    except Exception:  # noqa: BLE001  whatever the crypto layer raises, it did not verify
        valid = False
    if not valid:
        raise InvalidToken(Reason.BAD_SIGNATURE)
