"""RFC 7468, 7517, 7638: jwt_guard._core.loading."""

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, rsa, x25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from jwt_guard._core.token import loading
from jwt_guard._core.token.keys import KeySet
from jwt_guard.errors import ConfigurationError
from tests.tokens import BY_ALG, EC256, EC384, ED448, ED25519, PSS, RSA, SECRET, Pair, b64, key_pair

PEM_PAIRS = {
    "RSA": RSA,
    "EC": EC256,
    "Ed25519": ED25519,
    "Ed448": ED448,
    "secp256k1": BY_ALG["ES256K"],
    "ML-DSA-44": BY_ALG["ML-DSA-44"],
}

EC_PARAMETERS = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"


def private_pem(pair: Pair, form: PrivateFormat, password: bytes | None = None) -> bytes:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    return pair.private.private_bytes(Encoding.PEM, form, encryption)


@pytest.mark.parametrize("value", [SECRET.secret, SECRET.secret.decode()])
def test_secret(value: str | bytes) -> None:
    """Text counts as its UTF-8 octets."""
    assert loading.secret(value, "HS256") == SECRET.secret
    assert loading.secret("é", "HS256") == b"\xc3\xa9"


@pytest.mark.parametrize("value", [None, 64, bytearray(64), ["s"], "\ud800" * 64])
def test_no_secret(value: str) -> None:
    """What is neither octets nor text, as a variable that is not set, is refused."""
    with pytest.raises(ConfigurationError, match="is neither bytes nor text; is it set"):
        loading.secret(value, "HS256")


@pytest.mark.parametrize("alg", sorted(BY_ALG.keys() - {"HS256", "HS384", "HS512"}))
def test_secret_for_asymmetric(alg: str) -> None:
    """A secret carries HMAC alone."""
    with pytest.raises(ConfigurationError, match=f"{alg} does not use a shared secret"):
        loading.secret(SECRET.secret, alg)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("keys/jwks.json", False),
        ("/etc/keys/BEGIN.pem", False),
        ("keys/{env}.pem", False),
        (RSA.public_pem.decode(), True),
        ("\n" + RSA.private_pem.decode(), True),
        (json.dumps(RSA.public_jwk), True),
        (' \n{"keys": []}', True),
    ],
)
def test_is_key_text(path: str, *, expected: bool) -> None:
    """The text of a key is told from a path."""
    assert loading.is_key_text(path) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (RSA.public_pem, True),
        (b"Bag Attributes\n" + RSA.certificate, True),
        (b"\xef\xbb\xbf" + RSA.public_pem, True),
        (b"", False),
        (b"{}", False),
        (b'\xef\xbb\xbf{"x": "-----BEGIN PUBLIC KEY-----"}', False),
        (b'\n {"x": "-----BEGIN PUBLIC KEY-----"}', False),
        (b'["-----BEGIN PUBLIC KEY-----"]', False),
    ],
)
def test_is_pem(data: bytes, *, expected: bool) -> None:
    """PEM is told from JSON, also from JSON with PEM in it."""
    assert loading.is_pem(data) is expected


def test_blocks() -> None:
    """The blocks come in order, without the text between them and without EC parameters."""
    text = b"first:\n" + EC256.public_pem + EC_PARAMETERS + b"second\n" + RSA.certificate
    blocks = loading.pem_blocks(text)
    assert [block.label for block in blocks] == [b"PUBLIC KEY", b"CERTIFICATE"]
    assert [block.pem for block in blocks] == [EC256.public_pem, RSA.certificate]
    assert [block.private for block in blocks] == [False, False]


def test_blocks_of_text() -> None:
    """Text is as good as octets, with any line ends, and with other alphabets around it."""
    text = "é \ud800\r\n" + RSA.public_pem.decode().replace("\n", "\r\n")
    assert loading.from_pem_block(loading.pem_blocks(text)[0]) == RSA.key.material


@pytest.mark.parametrize(
    "label", ["PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY"]
)
def test_private_blocks(label: str) -> None:
    """The label tells a private key; repr shows the label and nothing of the key."""
    (block,) = loading.pem_blocks(f"-----BEGIN {label}-----\nAAAA\n-----END {label}-----")
    assert block.private
    assert repr(block) == f"PemBlock({label.encode()!r})"


@pytest.mark.parametrize(
    "pem",
    [
        None,
        5,
        "",
        b"",
        "RS256",
        EC_PARAMETERS,
        RSA.public_pem.replace(b"-----END", b"----END"),
        RSA.public_pem.replace(b"END PUBLIC", b"END PRIVATE"),
        RSA.public_pem[:-40],
        RSA.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(RSA.public_jwk),
    ],
)
def test_no_blocks(pem: str) -> None:
    """No PEM, or half of it, is refused."""
    with pytest.raises(ConfigurationError, match="no PEM block"):
        loading.pem_blocks(pem)


ROTATION = EC256.public_pem + RSA.public_pem
SECOND = len(EC256.public_pem)


@pytest.mark.parametrize("end", range(SECOND + 1, len(ROTATION) - 1))
def test_cut(end: int) -> None:
    """A file that is cut anywhere inside its second block is refused, not read as one key."""
    with pytest.raises(ConfigurationError, match="a PEM block in it is cut"):
        loading.pem_blocks(ROTATION[:end])


@pytest.mark.parametrize("start", [6, 40, SECOND - 25])
def test_cut_before(start: int) -> None:
    """So is one whose beginning is missing."""
    with pytest.raises(ConfigurationError, match="a PEM block in it is cut"):
        loading.pem_blocks(ROTATION[start:])


def test_lines_between_blocks() -> None:
    """Text and lines between whole blocks are no cut."""
    text = b"----- first -----\n" + EC256.public_pem + b"\n=====\n-- \nbegin END\n" + RSA.public_pem
    for end in (b"", b"\n\n", b"# the end\n"):
        assert len(loading.pem_blocks(text + end)) == 2
    assert len(loading.pem_blocks(ROTATION[:-1])) == 2


PEMS = {
    **{f"{kind} public": (pair.public_pem, pair) for kind, pair in PEM_PAIRS.items()},
    **{f"{kind} PKCS8": (pair.private_pem, pair) for kind, pair in PEM_PAIRS.items()},
    "RSA PKCS1": (private_pem(RSA, PrivateFormat.TraditionalOpenSSL), RSA),
    "EC SEC1": (EC_PARAMETERS + private_pem(EC256, PrivateFormat.TraditionalOpenSSL), EC256),
    "RSA PUBLIC KEY": (
        RSA.private.public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        RSA,
    ),
    "RSA certificate": (RSA.certificate, RSA),
    "EC certificate": (EC256.certificate, EC256),
}


@pytest.mark.parametrize("kind", PEMS)
def test_pem(kind: str) -> None:
    """Public keys, certificates (out of date too) and private keys give the public key."""
    pem, pair = PEMS[kind]
    (block,) = loading.pem_blocks(pem)
    assert loading.from_pem_block(block) == pair.key.material


UNREADABLE = {
    "encrypted PKCS8": private_pem(RSA, PrivateFormat.PKCS8, b"password"),
    "encrypted PKCS1": private_pem(RSA, PrivateFormat.TraditionalOpenSSL, b"password"),
    "cut": RSA.public_pem.replace(RSA.public_pem.splitlines()[2], b""),
    "empty": b"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
    "junk": b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
    "junk certificate": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "junk private key": b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "certificate as key": RSA.certificate.replace(b"CERTIFICATE", b"PUBLIC KEY"),
    "key as certificate": RSA.public_pem.replace(b"PUBLIC KEY", b"CERTIFICATE"),
    "private as public": RSA.private_pem.replace(b"PRIVATE KEY", b"PUBLIC KEY"),
    "no key at all": b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_unreadable(kind: str) -> None:
    """A block without a key that can be read is refused; the error says what is expected."""
    (block,) = loading.pem_blocks(UNREADABLE[kind])
    with pytest.raises(ConfigurationError, match="holds no key that can be read; a public key"):
        loading.from_pem_block(block)


def test_other_keys() -> None:
    """A key for another purpose can be read; the algorithm's check will refuse it."""
    public = x25519.X25519PrivateKey.generate().public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (block,) = loading.pem_blocks(pem)
    assert isinstance(loading.from_pem_block(block), x25519.X25519PublicKey)


def without_alg(pair: Pair) -> dict[str, Any]:
    return {name: value for name, value in pair.public_jwk.items() if name != "alg"}


@pytest.mark.parametrize(
    ("jwk", "alg", "expected"),
    [
        (without_alg(RSA), None, "RS256"),
        (without_alg(RSA), "PS512", "PS512"),
        (without_alg(EC256), None, "ES256"),
        (without_alg(EC384), None, "ES384"),
        (without_alg(BY_ALG["ES512"]), None, "ES512"),
        (without_alg(EC256), "ESP256", "ESP256"),
        (without_alg(ED25519), None, "EdDSA"),
        (without_alg(ED448), None, "EdDSA"),
        (without_alg(ED448), "Ed448", "Ed448"),
        (without_alg(BY_ALG["ES256K"]), None, "ES256K"),
        (BY_ALG["ML-DSA-44"].public_jwk, None, "ML-DSA-44"),
        (PSS.public_jwk, None, "PS256"),
        (PSS.public_jwk, "PS256", "PS256"),
        ({"kty": "oct"}, "HS384", "HS384"),
        ({"kty": "EC"}, None, "ES256"),
    ],
)
def test_jwk_alg(jwk: dict[str, Any], alg: str | None, expected: str) -> None:
    """The JWK names its algorithm, or the caller does, or its kind and curve tell."""
    assert loading.jwk_alg(jwk, alg) == expected


@pytest.mark.parametrize(
    ("jwk", "alg", "text"),
    [
        (PSS.public_jwk, "RS256", "the JWK says its alg is 'PS256', not 'RS256'"),
        ({"kty": "oct"}, None, "the JWK names no alg; say which"),
        ({"kty": "AKP"}, None, "the JWK names no alg; say which"),
        ({"kty": "RSA", "alg": "RSA-OAEP"}, None, "unknown algorithm 'RSA-OAEP'"),
        ({"kty": "RSA", "alg": "none"}, None, "unknown algorithm 'none'"),
        ({"kty": "RSA", "alg": ""}, None, "unknown algorithm ''"),
        ({"kty": "RSA"}, "RS265", "unknown algorithm 'RS265'"),
        ({"kty": "RSA", "alg": "RS256"}, "x" * 32, "unknown algorithm; use one of"),
        ({"kty": "RSA", "alg": 5, "kid": "k"}, None, "the \"alg\" of the JWK 'k' is no text"),
        ({"kty": "RSA", "alg": []}, "RS256", 'the "alg" of the JWK without kid is no text'),
        ({}, "RS256", 'an object with a "kty" is expected'),
        ({"kty": None}, "RS256", 'an object with a "kty" is expected'),
        ({"kty": ["RSA"]}, "RS256", 'an object with a "kty" is expected'),
        ("RSA", "RS256", 'an object with a "kty" is expected'),
        (None, "RS256", 'an object with a "kty" is expected'),
    ],
)
def test_no_jwk_alg(jwk: dict[str, Any], alg: str | None, text: str) -> None:
    """A contradiction, an unknown algorithm and a secret without one are refused."""
    with pytest.raises(ConfigurationError, match=text):
        loading.jwk_alg(loading.members_of(jwk), alg)


def test_null_members() -> None:
    """Null counts as absent, whatever the member."""
    nulls = dict.fromkeys(("alg", "use", "key_ops", "kid", "x5t", "d", "priv", "oth"))
    assert loading.members_of({**EC256.public_jwk, **nulls}) == without_alg(EC256)


@pytest.mark.parametrize("alg", BY_ALG)
def test_jwk(alg: str) -> None:
    """A JWK gives the public key, or the secret; of a private one the public half."""
    pair = BY_ALG[alg]
    assert loading.from_jwk(pair.private_jwk, alg) == pair.key.material
    if alg not in {"HS256", "HS384", "HS512"}:
        assert loading.from_jwk(pair.public_jwk, alg) == pair.key.material


@pytest.mark.parametrize(
    "purpose",
    [
        {"use": "sig"},
        {"key_ops": ["verify"]},
        {"key_ops": ["sign", "encrypt"]},
        {"key_ops": ("verify",)},
        {"use": "sig", "key_ops": ["sign", "verify"]},
        {"use": "jwt-svid"},
        {"use": None},
        {"key_ops": None},
        {"use": None, "key_ops": ["verify"]},
    ],
)
def test_purpose(purpose: dict[str, Any]) -> None:
    """`use` and `key_ops` may say that the key is for signatures."""
    assert loading.from_jwk({**RSA.public_jwk, **purpose}, "RS256") == RSA.key.material


@pytest.mark.parametrize(
    "purpose",
    [
        {"use": "enc"},
        {"use": "SIG"},
        {"use": ""},
        {"use": "x509-svid"},
        {"use": {"sig": 1}},
        {"use": ["sig"]},
        {"key_ops": []},
        {"key_ops": ["encrypt", "wrapKey"]},
        {"key_ops": "verify"},
        {"use": "enc", "key_ops": ["verify"]},
        {"use": "sig", "key_ops": ["encrypt"]},
    ],
)
def test_other_purpose(purpose: dict[str, Any]) -> None:
    """A key that says it is for something else is refused, and passed over in a set."""
    jwk = {**RSA.public_jwk, **purpose}
    with pytest.raises(ConfigurationError, match="without kid is not for signatures"):
        loading.from_jwk(jwk, "RS256")
    good = {**RSA.public_jwk, "kid": "good"}
    assert members({"keys": [jwk, good]}) == [good]


@pytest.mark.parametrize("name", ["n", "e"])
@pytest.mark.parametrize("value", [None, 5, [], {}, "", "A", "é", "!!!!", "AA", "A" * 5000])
def test_malformed_rsa(name: str, value: object) -> None:
    """Numbers that make no RSA key are refused."""
    with pytest.raises(ConfigurationError, match="numbers make no RSA key for RS256"):
        loading.from_jwk({**RSA.public_jwk, name: value}, "RS256")


@pytest.mark.parametrize("pair", [EC256, EC384, ED25519, ED448], ids=lambda pair: pair.alg)
@pytest.mark.parametrize("name", ["crv", "x"])
@pytest.mark.parametrize("value", [None, 5, [], "", "A", "é", "!!!!", "P-255", "AAAA", "A" * 500])
def test_malformed_curves(pair: Pair, name: str, value: object) -> None:
    """A point that is not on the curve, and a curve that is unknown, are refused."""
    with pytest.raises(ConfigurationError, match="the JWK 'k' is malformed"):
        loading.from_jwk({**pair.public_jwk, name: value, "kid": "k"}, pair.alg)


@pytest.mark.parametrize(
    "change",
    [
        {"d": EC384.private_jwk["d"]},
        {"d": "!"},
        {"d": 5},
        {"p": "AQ"},
        {"oth": []},
    ],
)
def test_malformed_private(change: dict[str, Any]) -> None:
    """The private half must belong to the public one, though it is not kept."""
    for pair in (EC256, RSA):
        with pytest.raises(ConfigurationError, match="is malformed"):
            loading.from_jwk({**pair.public_jwk, **change}, pair.alg)


CURVES: dict[str, tuple[ec.EllipticCurve, int]] = {
    "ES256": (ec.SECP256R1(), 32),
    "ES384": (ec.SECP384R1(), 48),
    "ES512": (ec.SECP521R1(), 66),
    "ES256K": (ec.SECP256K1(), 32),
}


def stripped(text: str) -> str:
    """Return a coordinate as those write it who take it for a number."""
    padded = text + "=" * (-len(text) % 4)
    return b64(urlsafe_b64decode(padded).lstrip(b"\0"))


@pytest.mark.parametrize("alg", CURVES)
def test_coordinates_without_zeros(alg: str) -> None:
    """Coordinates without their leading zeros are padded, whichever of them is short."""
    curve, length = CURVES[alg]
    short = set[str]()
    # One coordinate in 256 begins with a zero octet, of P-521 one in two.
    while short != {"x", "y"}:
        private = ec.generate_private_key(curve)
        pair = key_pair(alg, private)
        for jwk in (pair.public_jwk, pair.private_jwk):
            bare = jwk | {name: stripped(jwk[name]) for name in jwk.keys() & {"x", "y", "d"}}
            assert loading.from_jwk(bare, alg) == private.public_key()
        short |= {name for name in "xy" if stripped(jwk[name]) != jwk[name]}
        assert len(urlsafe_b64decode(jwk["x"] + "==")) == length


@pytest.mark.parametrize("name", ["x", "y"])
def test_no_repair(name: str) -> None:
    """A coordinate that is cut elsewhere, or too long, or of nothing, is malformed."""
    good = EC256.public_jwk
    octets = urlsafe_b64decode(good[name] + "==")
    for wrong in (octets[:-1], b"\0" + octets, octets + b"\0", b"", b"\0"):
        with pytest.raises(ConfigurationError, match="make no EC key for ES256"):
            loading.from_jwk({**good, name: b64(wrong)}, "ES256")


@pytest.mark.parametrize("alg", ["ML-DSA-44", "ML-DSA-65", "ML-DSA-87"])
def test_malformed_akp(alg: str) -> None:
    """An AKP key names its algorithm, and is of that one's length (RFC 9964 §3)."""
    good = BY_ALG[alg].public_jwk
    other = "ML-DSA-44" if alg != "ML-DSA-44" else "ML-DSA-65"
    for change in (
        {"pub": good["pub"][:-4]},
        {"pub": 5},
        {"pub": "é"},
        {"pub": ""},
        {"alg": other},
    ):
        with pytest.raises(ConfigurationError, match=f"make no AKP key for {alg}"):
            loading.from_jwk({**good, **change}, alg)
    with pytest.raises(ConfigurationError, match=f"make no AKP key for {alg}"):
        loading.from_jwk(without_alg(BY_ALG[alg]), alg)
    with pytest.raises(ConfigurationError, match=f"make no AKP key for {alg}"):
        loading.from_jwk({"kty": "AKP", "alg": alg}, alg)


def test_wrong_type() -> None:
    """A JWK of another type than its algorithm's is refused."""
    with pytest.raises(ConfigurationError, match="HS256 needs a key of type oct"):
        loading.from_jwk({**RSA.public_jwk, "alg": "HS256"}, "HS256")
    with pytest.raises(ConfigurationError, match="RS256 needs a key of type RSA"):
        loading.from_jwk(SECRET.private_jwk, "RS256")


@pytest.mark.parametrize("value", [None, 5, "", "é", "A"])
def test_malformed_oct(value: object) -> None:
    """A secret that is no base64url text is refused."""
    with pytest.raises(ConfigurationError, match="make no oct key for HS256"):
        loading.from_jwk({"kty": "oct", "k": value}, "HS256")
    with pytest.raises(ConfigurationError, match="make no oct key for HS256"):
        loading.from_jwk({"kty": "oct"}, "HS256")


def members(jwks: Any, *, allow: bool = False) -> list[Any]:
    return list(loading.jwks_members(loading.read_object(jwks), allow_symmetric=allow))


def test_members() -> None:
    """A set is read from an object, from text and from octets; one JWK is a set of one."""
    keys = [EC256.public_jwk, RSA.public_jwk]
    document = {"keys": keys, "other": 1}
    assert members(document) == keys
    assert members(json.dumps(document)) == keys
    assert members(json.dumps(document).encode()) == keys
    assert members(b"\xef\xbb\xbf" + json.dumps(document).encode()) == keys
    assert members(EC256.public_jwk) == [EC256.public_jwk]


@pytest.mark.parametrize(
    "member",
    [
        {"kty": "AKP", "alg": "ML-KEM-768", "pub": "AAAA"},
        {"kty": "EC", "crv": "P-256K", "x": "AAAA", "y": "AAAA"},
        {"kty": "EC", "x": "AAAA", "y": "AAAA"},
        {"kty": "OKP", "crv": "X25519", "x": "AAAA"},
        {**RSA.public_jwk, "alg": "RSA-OAEP"},
        {**RSA.public_jwk, "alg": "none"},
        {**RSA.public_jwk, "alg": ""},
        {**RSA.public_jwk, "crv": "P-256"},
        {**EC256.public_jwk, "crv": ["P-256"]},
    ],
)
def test_passed_over(member: dict[str, Any]) -> None:
    """Types, curves and algorithms that are not known are passed over (RFC 7517 §5)."""
    assert members({"keys": [member, EC256.public_jwk]}) == [EC256.public_jwk]
    assert members({"keys": [member]}) == []
    with pytest.raises(ConfigurationError, match="no key in it can verify signatures"):
        KeySet.from_jwks({"keys": [member]})


@pytest.mark.parametrize(
    ("jwks", "text"),
    [
        ({"keys": {}}, '"keys" is no list'),
        ({"keys": None}, '"keys" is no list'),
        ({"keys": "x"}, '"keys" is no list'),
        ({"keys": [5]}, 'an object with a "kty" is expected'),
        ({"keys": [None, EC256.public_jwk]}, 'an object with a "kty" is expected'),
        ({"keys": [{**EC256.public_jwk, "alg": ["ES256"]}]}, "is no text"),
        ({}, 'an object with a "kty" is expected'),
        ("", "neither PEM nor the JSON"),
        ("[]", "neither PEM nor the JSON"),
        ("keys.json", "neither PEM nor the JSON"),
        ('{"keys": [], "keys": []}', "neither PEM nor the JSON"),
        (b"\xff", "neither PEM nor the JSON"),
        ("\ud800", "neither PEM nor the JSON"),
        (None, "neither PEM nor the JSON"),
        (5, "neither PEM nor the JSON"),
        ([EC256.public_jwk], "neither PEM nor the JSON"),
    ],
)
def test_no_jwks(jwks: Any, text: str) -> None:
    """What is no JWK Set of usable keys is refused."""
    with pytest.raises(ConfigurationError, match=text):
        members(jwks)


@pytest.mark.parametrize(
    "pair", [RSA, EC256, ED25519, ED448, BY_ALG["ML-DSA-65"]], ids=lambda pair: pair.alg
)
@pytest.mark.parametrize("change", [{}, {"use": "enc"}, {"alg": "RSA-OAEP"}, {"kty": "unknown"}])
def test_private_member(pair: Pair, change: dict[str, Any]) -> None:
    """A private key in a set is refused, even one that would be passed over."""
    leaked = {**pair.private_jwk, **change, "kid": "leaked"}
    with pytest.raises(ConfigurationError, match=r"'leaked' is a private key; .* without (d|priv)"):
        members({"keys": [EC256.public_jwk, leaked]}, allow=True)


def test_symmetric_member() -> None:
    """A secret among public keys is refused unless it is asked for."""
    with pytest.raises(ConfigurationError, match="is a secret among public keys"):
        members({"keys": [SECRET.private_jwk, EC256.public_jwk]})
    assert members(SECRET.private_jwk, allow=True) == [SECRET.private_jwk]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"a": RSA.certificate.decode()}, 1),
        ({"a": RSA.certificate.decode(), "b": "-----BEGIN"}, 2),
        ({"a": RSA.certificate.decode(), "b": "x"}, 0),
        ({"a": RSA.certificate.decode(), "b": 5}, 0),
        ({"keys": [RSA.certificate.decode()]}, 0),
        ({}, 0),
    ],
)
def test_certificates(document: dict[str, Any], expected: int) -> None:
    """PEM by kid is told from other objects: all of its members are PEM."""
    assert len(loading.certificates(document)) == expected


def test_thumbprint() -> None:
    """A secret has none; a public key has one, whatever its algorithm is."""
    assert loading.thumbprint(SECRET.secret, "HS256") is None
    prints = {loading.thumbprint(RSA.key.material, alg) for alg in ("RS256", "RS512", "PS256")}
    assert prints == {RSA.key.kid}
    assert loading.thumbprint(
        mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(32)).public_key(), "ML-DSA-44"
    ) == ("T4xl70S7MT6Zeq6r9V9fPJGVn76wfnXJ21-gyo0Gu6o")
    assert loading.thumbprint(
        mldsa.MLDSA65PrivateKey.from_seed_bytes(bytes(32)).public_key(), "ML-DSA-65"
    ) == ("Suiu29qbfuaBaR4Ats-c6XQBePB_OpAxAwcTR_0KXVM")
    assert loading.thumbprint(ED25519.key.material, "Ed25519") == ED25519.key.kid
    other = rsa.generate_private_key(65537, 2048).public_key()
    assert loading.thumbprint(other, "RS256") != RSA.key.kid
