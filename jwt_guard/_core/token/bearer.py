"""RFC 6750 §2.1: the Authorization field values -> the token.

The field is no list (RFC 9110 §11.6.2), so the values of all its occurrences
come in and more than one is an error. One anchored match; nothing is repaired.
"""

import re
from collections.abc import Sequence
from string import ascii_letters, digits

from ...errors import InvalidRequest, MissingToken, Reason

# RFC 6750 §2.1:
#   credentials = "Bearer" 1*SP b64token
#   b64token    = 1*( unreserved / "+" / "/" ) *"="     with unreserved of RFC 3986
# The possessive quantifiers keep every match linear in its input.
_BEARER = re.compile(rb"(?i:bearer) ++([A-Za-z0-9\-._~+/]++=*+)")

# The same for the form that clients send, "Bearer", one space and no padding, at a
# quarter of the regex's cost: nothing is left when these characters are taken out.
_COMMON = b"Bearer "
_UNPADDED = (ascii_letters + digits + "-._~+/").encode()

# credentials = auth-scheme [ 1*SP ( token68 / #auth-param ) ]   (RFC 9110 §11.4)
# auth-param  = token BWS "=" BWS ( token / quoted-string )      (RFC 9110 §11.2)
# A value that is another scheme's and well-formed is "no token for us". Matching
# it whole is what makes "Basic eA==,Bearer x", two fields joined by a server, an
# error on WSGI just as two fields are on ASGI.
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = rb'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t\x20-\x7e\x80-\xff])*+"'
_PARAM = _TOKEN + rb"[ \t]*+=[ \t]*+(?:" + _TOKEN + rb"|" + _QUOTED + rb")"
_OTHER = re.compile(
    rb"(?!(?i:bearer)(?: |\Z))" + _TOKEN + rb"(?: ++(?:"
    rb"[A-Za-z0-9\-._~+/]++=*+\Z"
    rb"|" + _PARAM + rb"(?:[ \t]*+,[ \t]*+(?:" + _PARAM + rb")?+)*+))?+"
)

# "Bearer" and one space; more spaces are legal, and count against the limit.
_PREFIX = 7


def parse(authorization: Sequence[bytes], max_token_bytes: int) -> bytes:
    """Return the token of the one Authorization value.

    Args:
        authorization: The value of every Authorization field of the request,
            in order, as received.
        max_token_bytes: Longest token that is looked at, in bytes.

    Raises:
        MissingToken: There is no value, or it belongs to another scheme.
        InvalidRequest: Several values, a malformed one, or an over-long token.
    """
    if len(authorization) != 1:
        if isinstance(authorization, str | bytes):
            raise TypeError("authorization is the list of field values, for example [b'Bearer …']")
        if authorization:
            raise InvalidRequest(Reason.REPEATED_HEADER)
        raise MissingToken
    value = authorization[0]
    # Whatever the scheme: nothing this long is read, so junk costs nothing.
    if len(value) > _PREFIX + max_token_bytes:
        raise InvalidRequest(Reason.TOKEN_TOO_LONG)
    token = value[_PREFIX:]
    if token and value.startswith(_COMMON) and not token.translate(None, _UNPADDED):
        return token
    match = _BEARER.fullmatch(value)
    if match is None:
        if _OTHER.fullmatch(value):
            raise MissingToken(Reason.OTHER_SCHEME)
        raise InvalidRequest(Reason.MALFORMED_HEADER)
    return match[1]
