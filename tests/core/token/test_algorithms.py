"""RFC 7518, RFC 8037, RFC 9864: jwt_guard._core.algorithms."""

import itertools
import json
import math
import secrets
from base64 import b64decode, b64encode, urlsafe_b64decode
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_guard import Key
from jwt_guard._core.token.algorithms import ALGORITHMS, algorithm, carried, check_material
from jwt_guard.errors import ConfigurationError
from tests.tokens import BY_ALG, EC256, ED448, ED25519, RSA, SECRET, b64

# The modulus of Wycheproof's key of the broken generator (CVE-2017-15361).
ROCA = (
    "AanFpofbj7KjD4Lf-N2hVMKR7yewSyXhhbirIMTGpfYEhZ_lnt5UoK98DnKIgArXGTu3MaW_HhFw16HGaTDUHqPrId"
    "7fe4r11CqRw09yBFuW79V8sYIwHdzCaWflUI6auImYbVfoN9_nD5n8N8SY9DwXw7mwZM9wREPXoDPgOoIWl6q_MPsp"
    "7n0zs3Z5ZaiQWOOzl1S9OhwAfSiiOwz6efnXEaxuTEtPd7BjSx7NaFka8Dx9U7YqXy2RFj1O9PjyaDGuRh7YXsX3iM"
    "USP_wSyHQg_c_qHRtKUsNSGCT7OZg0hzm2KphtjnayKJvC64vAbROBR4Ubg6Bxg9IQVZ-QYyE"
)

SYMMETRIC = {"HS256": 32, "HS384": 48, "HS512": 64}


def test_table() -> None:
    """The known algorithms are these; `none` is not among them."""
    assert set(ALGORITHMS) == {
        *("HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
        *("ES256", "ES384", "ES512", "ESP256", "ESP384", "ESP512"),
        *("EdDSA", "Ed25519", "Ed448", "ES256K", "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"),
    }


def test_fully_specified() -> None:
    """The names of RFC 9864 stand for the same mathematics, on one curve each."""
    assert ALGORITHMS["ESP384"] == ALGORITHMS["ES384"]
    assert ALGORITHMS["EdDSA"].curves == ("Ed25519", "Ed448")
    assert ALGORITHMS["Ed25519"].curves == ("Ed25519",)
    assert ALGORITHMS["Ed448"].curves == ("Ed448",)


@pytest.mark.parametrize("alg", ["none", "hs256", "HS256 ", "ES521", "RSA-OAEP", "", None, 5, []])
def test_unknown(alg: str) -> None:
    """An unknown algorithm is named, beside those that are known."""
    with pytest.raises(ConfigurationError) as info:
        algorithm(alg)
    assert str(info.value).startswith(f"unknown algorithm {alg!r}; use one of HS256, ")


def test_unknown_and_long() -> None:
    """What is too long for a name may be a key in the wrong argument, and is not shown."""
    with pytest.raises(ConfigurationError, match=r"^unknown algorithm; use one of"):
        algorithm(SECRET.secret.decode())


@pytest.mark.parametrize("alg", BY_ALG)
def test_right_material(alg: str) -> None:
    """The key of each algorithm may carry it."""
    check_material(alg, BY_ALG[alg].key.material)


KINDS = {
    "oct": (b"x" * 64, set(SYMMETRIC)),
    "RSA": (RSA.key.material, {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
    "P-256": (EC256.key.material, {"ES256", "ESP256"}),
    "P-384": (BY_ALG["ES384"].key.material, {"ES384", "ESP384"}),
    "P-521": (BY_ALG["ES512"].key.material, {"ES512", "ESP512"}),
    "Ed25519": (ED25519.key.material, {"EdDSA", "Ed25519"}),
    "Ed448": (ED448.key.material, {"EdDSA", "Ed448"}),
    "secp256k1": (BY_ALG["ES256K"].key.material, {"ES256K"}),
    "ML-DSA-44": (BY_ALG["ML-DSA-44"].key.material, {"ML-DSA-44"}),
    "ML-DSA-65": (BY_ALG["ML-DSA-65"].key.material, {"ML-DSA-65"}),
    "ML-DSA-87": (BY_ALG["ML-DSA-87"].key.material, {"ML-DSA-87"}),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alg", ALGORITHMS)
def test_kinds(kind: str, alg: str) -> None:
    """A key carries the algorithms of its kind and curve, and no other."""
    material, algs = KINDS[kind]
    assert (alg in carried(material)) == (alg in algs)
    if alg in algs:
        check_material(alg, material)
    else:
        with pytest.raises(
            ConfigurationError, match=rf"^{alg} needs (a key of type|the curve|the parameter set) "
        ):
            check_material(alg, material)


def test_wrong_kind() -> None:
    """The error says what is needed and what is there."""
    with pytest.raises(ConfigurationError, match="RS256 needs a key of type RSA, this one is EC"):
        check_material("RS256", EC256.key.material)
    with pytest.raises(ConfigurationError, match=r"ES384 needs the curve P-384, .* on P-256"):
        check_material("ES384", EC256.key.material)
    with pytest.raises(ConfigurationError, match=r"Ed448 needs the curve Ed448, .* on Ed25519"):
        check_material("Ed448", ED25519.key.material)
    with pytest.raises(ConfigurationError, match=r"the parameter set ML-DSA-65, .* ML-DSA-44"):
        check_material("ML-DSA-65", BY_ALG["ML-DSA-44"].key.material)


def test_other_curves() -> None:
    """A curve of the same size is not the same curve."""
    for curve in (ec.SECP256K1(), ec.BrainpoolP256R1()):
        key = ec.generate_private_key(curve).public_key()
        with pytest.raises(ConfigurationError, match=f"P-256, this key is on {curve.name}"):
            check_material("ES256", key)


@pytest.mark.parametrize(
    "material",
    [
        x25519.X25519PrivateKey.generate().public_key(),
        RSA.private,
        EC256.private,
        "a secret that is text, of sufficient length",
        bytearray(64),
        None,
    ],
    ids=lambda material: type(material).__name__,
)
@pytest.mark.parametrize("alg", ["HS256", "RS256", "ES256", "EdDSA"])
def test_other_material(alg: str, material: object) -> None:
    """Nothing but octets and the five kinds of public keys is material."""
    assert carried(material) == ()
    with pytest.raises(ConfigurationError, match=f"{alg} needs a key of type") as info:
        check_material(alg, material)
    assert "secret that is text" not in str(info.value)


@pytest.mark.parametrize(("alg", "least"), SYMMETRIC.items())
def test_secret_length(alg: str, least: int) -> None:
    """A secret is at least as long as the digest (RFC 7518 §3.2)."""
    check_material(alg, b"s" * least)
    with pytest.raises(
        ConfigurationError, match=f"has {least - 1} bytes, at least {least}"
    ) as info:
        check_material(alg, b"s" * (least - 1))
    assert "secrets.token_urlsafe" in str(info.value)
    assert "sss" not in str(info.value)


ASYMMETRIC_TEXTS = {
    "PEM": RSA.public_pem,
    "PEM in spaces": b"\n  " + EC256.public_pem,
    "private PEM": EC256.private_pem,
    "DER": RSA.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    "DER in base64": b64encode(
        RSA.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ),
    "PEM in base64": b64encode(EC256.public_pem),
    "certificate": RSA.certificate,
    "certificate in base64": b64encode(RSA.certificate),
    "DER certificate": b64decode(b"".join(RSA.certificate.splitlines()[1:-1])),
    "ssh": ED25519.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "ssh in spaces": b"\n "
    + RSA.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
    "JWK": json.dumps(EC256.public_jwk).encode(),
    "JWK Set": json.dumps({"keys": [RSA.public_jwk]}).encode(),
    "oct JWK": json.dumps(SECRET.private_jwk).encode(),
}


@pytest.mark.parametrize("kind", ASYMMETRIC_TEXTS)
@pytest.mark.parametrize("alg", SYMMETRIC)
def test_public_key_as_secret(kind: str, alg: str) -> None:
    """A public key, which everybody knows, is no secret, in whatever form it comes."""
    with pytest.raises(ConfigurationError, match="itself a public key, certificate or JWK"):
        check_material(alg, ASYMMETRIC_TEXTS[kind])


def der(_number: int) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_public_key_that_ends_in_a_space() -> None:
    """Nor is one whose last octet happens to look like a space."""
    secret = next(filter(lambda one: one != one.rstrip(), map(der, itertools.count())))
    with pytest.raises(ConfigurationError, match="itself a public key"):
        check_material("HS256", secret)


@pytest.mark.parametrize("secret", [b"", b" " * 64, b"\n" * 64])
def test_empty_secret(secret: bytes) -> None:
    """Nothing, and spaces only, is no secret."""
    with pytest.raises(ConfigurationError, match="is empty"):
        check_material("HS256", secret)


@pytest.mark.parametrize(
    "secret",
    [b"\xff" * 64, b"!" * 64, b"{" * 64, b"A" * 64, b"A" * 65, b'{"k": "%s"}' % (b"x" * 64)],
)
def test_odd_secrets(secret: bytes) -> None:
    """Any other octets of sufficient length are a secret, base64 or not."""
    check_material("HS256", secret)


def test_short_rsa() -> None:
    """An RSA key under 2048 bits is refused."""
    short = rsa.generate_private_key(65537, 1024).public_key()  # noqa: S505  it is refused
    with pytest.raises(ConfigurationError, match="has 1024 bits, at least 2048 are needed"):
        check_material("RS256", short)


def rsa_material(bits: int, exponent: int = 65537) -> rsa.RSAPublicKey:
    modulus = secrets.randbits(bits) | 1 << (bits - 1) | 1
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def test_long_rsa() -> None:
    """An RSA key over 8192 bits costs each forged token too much; one of 8192 is taken."""
    check_material("RS256", rsa_material(8192))
    with pytest.raises(ConfigurationError, match="has 8193 bits, at most 8192 are taken"):
        check_material("RS256", rsa_material(8193))
    with pytest.raises(ConfigurationError, match="has 16384 bits, at most 8192"):
        check_material("RS256", rsa_material(16384))


@pytest.mark.parametrize("exponent", [3, 17, 65537, 2**32 + 1, 2**33 - 1])
def test_exponent(exponent: int) -> None:
    """The exponents that people choose are taken: the Fermat numbers."""
    check_material("RS256", rsa_material(2048, exponent))


@pytest.mark.parametrize("exponent", [2**33 + 1, 2**64 + 1, 2**2000 + 1])
def test_long_exponent(exponent: int) -> None:
    """A long exponent, which makes each forged token expensive, is refused."""
    with pytest.raises(ConfigurationError, match="public exponent of the RSA key is not odd"):
        check_material("RS256", rsa_material(2048, exponent))


@pytest.mark.parametrize("exponent", [0, 1, 2, 4, 65536, -3])
def test_wrong_exponent(exponent: int) -> None:
    """One, and even numbers, are no exponents; whoever is the first to say so."""
    numbers = rsa_material(2048).public_numbers()

    class Numbers:
        """A public key of a library that lets such numbers pass."""

        key_size = 2048

        def public_numbers(self) -> object:
            return SimpleNamespace(n=numbers.n, e=exponent)

    rsa.RSAPublicKey.register(Numbers)
    with pytest.raises(ConfigurationError, match="public exponent of the RSA key is not odd"):
        check_material("RS256", Numbers())
    if exponent >= 0:
        jwk = {"kty": "RSA", "alg": "RS256", "n": b64(numbers.n.to_bytes(256, "big"))}
        with pytest.raises(ConfigurationError):
            Key.from_jwk({**jwk, "e": b64(exponent.to_bytes(4, "big"))})


def test_roca() -> None:
    """A key whose modulus carries the ROCA fingerprint is refused; it can be factored."""
    jwk = {"kty": "RSA", "n": ROCA, "e": "AQAB"}
    with pytest.raises(ConfigurationError, match="ROCA fingerprint"):
        check_material("RS256", jwt.PyJWK(jwk, "RS256").key)


# The small primes by whose residues the detector of CVE-2017-15361's finders tells.
ROCA_PRIMES = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)


@pytest.mark.parametrize("missed", ROCA_PRIMES)
def test_roca_needs_every_prime(missed: int) -> None:
    """A modulus that fits all primes of the fingerprint but one is not refused."""
    modulus = int.from_bytes(urlsafe_b64decode(ROCA + "="), "big")
    others = math.prod(prime for prime in ROCA_PRIMES if prime != missed)
    group = {pow(65537, i, missed) for i in range(missed)}
    assert len(group) < missed - 1
    while modulus % missed in group or modulus % 2 == 0:
        modulus += others
    check_material("RS256", rsa.RSAPublicNumbers(65537, modulus).public_key())


def test_roca_needs_no_other_prime() -> None:
    """A modulus that fits the primes of the fingerprint is refused, whatever else it is."""
    modulus = int.from_bytes(urlsafe_b64decode(ROCA + "="), "big")
    for _ in range(50):
        modulus += 2 * math.prod(ROCA_PRIMES) * secrets.randbelow(1000)
        with pytest.raises(ConfigurationError, match="ROCA fingerprint"):
            check_material("RS256", rsa.RSAPublicNumbers(65537, modulus).public_key())
