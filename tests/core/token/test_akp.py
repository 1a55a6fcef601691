"""RFC 9964: jwt_guard._core.token.akp."""

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa

from jwt_guard._core.token import akp
from tests.tokens import BY_ALG, EC256, b64

ALGS = ("ML-DSA-44", "ML-DSA-65", "ML-DSA-87")


def test_alg_of() -> None:
    """A key pair has one algorithm; other keys have none of these."""
    assert [akp.alg_of(BY_ALG[alg].key.material) for alg in ALGS] == list(ALGS)
    for other in (EC256.key.material, b"octets", None, BY_ALG["ML-DSA-44"].private):
        assert akp.alg_of(other) is None


@pytest.mark.parametrize("alg", ALGS)
def test_jwk(alg: str) -> None:
    """A JWK has the algorithm, the type and the public key's octets."""
    pair = BY_ALG[alg]
    loaded = akp.load(pair.public_jwk, alg)
    assert loaded == pair.key.material
    assert akp.to_jwk(loaded) == pair.public_jwk
    padded = {**pair.public_jwk, "pub": pair.public_jwk["pub"] + "=="}
    assert akp.load(padded, alg) == loaded


def test_context() -> None:
    """The context string is empty (RFC 9964 §4): a signature made with another is none."""
    private = mldsa.MLDSA44PrivateKey.generate()
    assert akp.verify(b"text", private.public_key(), private.sign(b"text"))
    assert not akp.verify(b"text", private.public_key(), private.sign(b"text", b"context"))
    assert not akp.verify(b"text", private.public_key(), b"")


def test_length() -> None:
    """The signature of the largest parameter set fits into a token of 8 KiB."""
    signature = BY_ALG["ML-DSA-87"].sign(b"text")
    assert len(b64(signature)) == 6170
