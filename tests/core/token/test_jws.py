"""RFC 7515: jwt_guard._core.jws."""

import hashlib
import hmac
import json
from base64 import b64encode
from string import ascii_letters, digits
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from jwt_guard import Key
from jwt_guard._core.token.jws import UnverifiedToken, media_type, peek, verify
from jwt_guard.errors import InvalidToken, Reason
from tests.tokens import BY_ALG, EC256, RSA, SECRET, STRANGER, b64, key_pair, raw_token, token

HEADER = b'{"alg":"ES256"}'


def compact(header: bytes = HEADER, payload: bytes = b"{}", signature: bytes = b"s") -> bytes:
    return ".".join(map(b64, (header, payload, signature))).encode()


def refusal(token: bytes) -> Reason:
    with pytest.raises(InvalidToken) as info:
        peek(token)
    return info.value.reason


def test_peek() -> None:
    """A token's parts are its octets; what is signed is its text."""
    header = b'{"alg": "RS256", "kid": "k", "typ": "at+jwt", "x": [1]}'
    unverified = peek(compact(header, b"\x00{", b"\xff"))
    assert unverified.unverified_header.alg == "RS256"
    assert unverified.unverified_header.kid == "k"
    assert unverified.unverified_header.typ == "at+jwt"
    assert unverified.unverified_payload == b"\x00{"
    assert unverified.signing_input == b".".join(compact(header, b"\x00{").split(b".")[:2])
    assert unverified.signature == b"\xff"


def test_peek_the_least() -> None:
    """A header needs an alg alone; payload and signature may be empty here."""
    unverified = peek(compact(HEADER, b"", b""))
    assert unverified.unverified_header.kid is None
    assert unverified.unverified_header.typ is None
    assert unverified.unverified_payload == unverified.signature == b""


@pytest.mark.parametrize(
    "token",
    [
        b"",
        b".",
        b"..",
        b"...",
        b"a",
        b"a.b",
        compact().rpartition(b".")[0],
        compact() + b".",
        compact() + b".AAAA",
        b"." + compact(),
        compact() + b".AAAA.AAAA",
        b"." + b".".join(compact().split(b".")[1:]),
    ],
)
def test_three_segments(token: bytes) -> None:
    """A JWS has three segments; an encrypted token has five (RFC 7516 §3.1)."""
    assert refusal(token) is Reason.MALFORMED_TOKEN


@pytest.mark.parametrize("junk", ["=", "==", "+", "/", " ", "\n", "\t", "\0", "%", "~", "é", "."])
@pytest.mark.parametrize("segment", range(3))
@pytest.mark.parametrize("position", [0, 2, 100])
@pytest.mark.parametrize("times", [1, 2, 3, 4, 8])
def test_alphabet(junk: str, segment: int, position: int, times: int) -> None:
    """Nothing but the base64url alphabet is accepted, anywhere; no padding either.

    Four at once leave the length as it was, as lax decoders count it.
    """
    parts = [part.decode() for part in compact().split(b".")]
    parts[segment] = parts[segment][:position] + junk * times + parts[segment][position:]
    assert refusal(".".join(parts).encode()) is Reason.MALFORMED_TOKEN


def test_padding() -> None:
    """The padded and the standard alphabet's encoding of the same octets are refused."""
    signature = b"\xfb\xff\xfe\xff"
    good = compact(signature=signature)
    assert peek(good).signature == signature
    head = good.rpartition(b".")[0] + b"."
    assert refusal(good + b"==") is Reason.MALFORMED_TOKEN
    assert refusal(head + b64encode(signature).rstrip(b"=")) is Reason.MALFORMED_TOKEN


@pytest.mark.parametrize("octets", [b"s", b"ss", b"sss", b"\0", b"\xff\xff", b"ssss"])
@pytest.mark.parametrize("segment", [1, 2])
def test_canonical_last_character(octets: bytes, segment: int) -> None:
    """Of the last characters that decode to the same octets one is accepted (RFC 4648 §3.5)."""
    parts = compact().decode().split(".")
    accepted: dict[bytes, str] = {}
    for character in ascii_letters + digits + "-_":
        parts[segment] = b64(octets)[:-1] + character
        try:
            unverified = peek(".".join(parts).encode())
        except InvalidToken:
            continue
        decoded = unverified.unverified_payload if segment == 1 else unverified.signature
        assert decoded not in accepted
        accepted[decoded] = character
    assert accepted[octets] == b64(octets)[-1]
    assert len(accepted) == {0: 64, 1: 4, 2: 16}[len(octets) % 3]


def test_canonical_header() -> None:
    """The header too has one encoding."""
    header, rest = compact(HEADER + b" ").decode().split(".", 1)
    peek(f"{header}.{rest}".encode())
    assert len(HEADER + b" ") % 3 == 1
    assert refusal(f"{header[:-1]}{chr(ord(header[-1]) + 1)}.{rest}".encode())


@pytest.mark.parametrize("segment", range(3))
def test_one_character_encodes_nothing(segment: int) -> None:
    """A segment of 4n+1 characters is no encoding of anything."""
    for length in (1, 5, 9):
        parts = compact().decode().split(".")
        parts[segment] = "A" * length
        assert refusal(".".join(parts).encode()) is Reason.MALFORMED_TOKEN


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b'"ES256"',
        b"ES256",
        b'{"alg":null}',
        b'{"alg":1}',
        b'{"alg":true}',
        b'{"alg":["ES256"]}',
        b'{"alg":{"ES256":1}}',
        b'{"ALG":"ES256"}',
        b'{"alg":"none","alg":"ES256"}',
        b'{"alg":"ES256","alg":"none"}',
        b'{"alg":"ES256","\\u0061lg":"none"}',
        b'{"alg":"ES256","x":NaN}',
        b'{"alg":"ES256","x":1e999}',
        b'{"alg":"ES256","x":"\\ud800"}',
        b'\xef\xbb\xbf{"alg":"ES256"}',
        '{"alg":"ES256"}'.encode("utf-16"),
        b'{"alg":"ES256","kid":null}',
        b'{"alg":"ES256","kid":1}',
        b'{"alg":"ES256","kid":["k"]}',
        b'{"alg":"ES256","kid":"' + b"k" * 257 + b'"}',
        b'{"alg":"ES256","typ":null}',
        b'{"alg":"ES256","typ":1}',
        b'{"alg":"ES256","typ":["JWT"]}',
        b'{"alg":"ES256","x":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b'{"alg":"ES256"}{}',
    ],
)
def test_malformed_header(header: bytes) -> None:
    """The header is a strict JSON object with text for alg, and for kid and typ if any."""
    assert refusal(compact(header)) is Reason.MALFORMED_TOKEN


@pytest.mark.parametrize(
    "parameter",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"crit": None},
        {"b64": True},
        {"b64": False},
        {"zip": "DEF"},
        {"zip": None},
    ],
)
def test_refused_parameters(parameter: dict[str, Any]) -> None:
    """What changes the meaning of the rest (crit, b64, zip) is refused, whatever it says."""
    header = json.dumps({"alg": "ES256", **parameter}).encode()
    assert refusal(compact(header)) is Reason.UNSUPPORTED_HEADER


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c", "x5t", "cty"])
def test_keys_of_the_token(name: str) -> None:
    """A key that the token names or brings is never looked at: another one's is refused."""
    own = STRANGER.public_jwk if name == "jwk" else "https://evil.example/keys"
    forged = token(key=STRANGER, headers={name: own, "kid": EC256.key.kid})
    with pytest.raises(InvalidToken) as info:
        verify(peek(forged.encode()), (EC256.key,))
    assert info.value.reason is Reason.BAD_SIGNATURE


def test_longest_kid() -> None:
    """A kid of 256 characters is looked at."""
    header = json.dumps({"alg": "ES256", "kid": "é" * 256}).encode()
    assert peek(compact(header)).unverified_header.kid == "é" * 256


def test_repr_hides() -> None:
    """Neither repr nor format shows anything of the token."""
    unverified = peek(token().encode())
    assert isinstance(unverified, UnverifiedToken)
    assert repr(unverified) == str(unverified) == f"{unverified}" == "UnverifiedToken(…)"


@pytest.mark.parametrize("alg", BY_ALG)
def test_verify(alg: str) -> None:
    """The signature of each algorithm is verified with its key."""
    pair = BY_ALG[alg]
    verify(peek(token(key=pair).encode()), (pair.key,))


@pytest.mark.parametrize("alg", BY_ALG)
def test_bad_signature(alg: str) -> None:
    """A signature over something else, or cut, or empty, or a byte longer, is refused."""
    pair = BY_ALG[alg]
    unverified = peek(token(key=pair).encode())
    wrong = [
        b"",
        unverified.signature[:-1],
        unverified.signature + b"\0",
        b"\0" + unverified.signature,
        bytes(len(unverified.signature)),
        unverified.signature[:-1] + bytes([unverified.signature[-1] ^ 1]),
    ]
    candidates = [unverified._replace(signature=signature) for signature in wrong]
    candidates.append(unverified._replace(signing_input=unverified.signing_input + b"A"))
    for candidate in candidates:
        with pytest.raises(InvalidToken) as info:
            verify(candidate, (pair.key,))
        assert info.value.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize("alg", BY_ALG)
def test_key_decides(alg: str) -> None:
    """A key verifies nothing that names another algorithm, though the signature be right."""
    unverified = peek(token(key=BY_ALG[alg]).encode())
    for other in {*BY_ALG, "none", "", alg.lower(), alg + " "} - {alg}:
        header = unverified.unverified_header._replace(alg=other)
        with pytest.raises(InvalidToken) as info:
            verify(unverified._replace(unverified_header=header), (BY_ALG[alg].key,))
        assert info.value.reason is Reason.UNKNOWN_KEY


@pytest.mark.parametrize("secret", [RSA.public_pem, RSA.public_pem.strip()])
def test_public_key_as_secret(secret: bytes) -> None:
    """A token signed with HMAC and the public key as the secret is refused by that key."""
    for alg in ("HS256", "RS256"):
        signing_input = f"{b64(json.dumps({'alg': alg}).encode())}.{b64(b'{}')}"
        mac = hmac.new(secret, signing_input.encode(), hashlib.sha256).digest()
        with pytest.raises(InvalidToken):
            verify(peek(f"{signing_input}.{b64(mac)}".encode()), (RSA.key,))


def test_der_signature() -> None:
    """An ECDSA signature in DER, as other protocols have it, is none here (RFC 7518 §3.4)."""
    unverified = peek(token().encode())
    assert isinstance(EC256.private, ec.EllipticCurvePrivateKey)
    der = EC256.private.sign(unverified.signing_input, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidToken):
        verify(unverified._replace(signature=der), (EC256.key,))


def test_several_keys() -> None:
    """Of several keys the one that made the signature is returned, wherever it stands."""
    others = [key_pair("ES256", ec.generate_private_key(ec.SECP256R1())) for _ in range(3)]
    unverified = peek(token().encode())
    for position in range(4):
        keys = [other.key for other in others]
        keys.insert(position, EC256.key)
        assert verify(unverified, keys) is EC256.key
    for keys in ([other.key for other in others], []):
        with pytest.raises(InvalidToken) as info:
            verify(unverified, keys)
        assert info.value.reason is Reason.BAD_SIGNATURE


def test_key_of_another_algorithm() -> None:
    """Among several keys one of another algorithm is refused, not skipped."""
    with pytest.raises(InvalidToken) as info:
        verify(peek(token().encode()), (STRANGER.key, RSA.key, EC256.key))
    assert info.value.reason is Reason.UNKNOWN_KEY


def test_wrong_key() -> None:
    """Another key of the same algorithm does not verify."""
    with pytest.raises(InvalidToken) as info:
        verify(peek(token(key=STRANGER).encode()), (EC256.key,))
    assert info.value.reason is Reason.BAD_SIGNATURE


def test_crypto_errors_are_refusals() -> None:
    """Whatever the crypto layer raises is a bad signature, never another exception."""
    key = Key("ES256", None, EC256.key.material)
    object.__setattr__(key, "material", SECRET.key.material)
    unverified = peek(raw_token(HEADER, b"{}").encode())
    with pytest.raises(InvalidToken) as info:
        verify(unverified, (key,))
    assert info.value.reason is Reason.BAD_SIGNATURE


@pytest.mark.parametrize(
    ("typ", "expected"),
    [
        ("JWT", "jwt"),
        ("at+jwt", "at+jwt"),
        ("application/at+JWT", "at+jwt"),
        ("APPLICATION/jwt", "jwt"),
        ("application/application/jwt", "application/jwt"),
        ("text/jwt", "text/jwt"),
        ("", ""),
    ],
)
def test_media_type(typ: str, expected: str) -> None:
    """Types compare without case, and without application/ (RFC 7515 §4.1.9)."""
    assert media_type(typ) == expected
