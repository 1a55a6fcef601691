"""RFC 7517: jwt_guard._core.keys, the faces `Key` and `KeySet`."""

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
)

from jwt_guard import Key, KeySet
from jwt_guard._core.token.algorithms import Material
from jwt_guard.errors import ConfigurationError, InvalidToken, Reason
from tests.tokens import (
    BY_ALG,
    EC256,
    EC384,
    ED448,
    ED25519,
    PSS,
    RSA,
    SECRET,
    STRANGER,
    Pair,
    b64,
    shown,
)

FURTHER_SECRET = b"another secret of the tests, of no use either"


def refusal(keys: KeySet, alg: str, kid: str | None) -> tuple[Reason, str]:
    with pytest.raises(InvalidToken) as info:
        keys.candidates(alg, kid)
    assert info.value.hint is not None
    return info.value.reason, info.value.hint


def ec_key(kid: str | None = None) -> Key:
    material = ec.generate_private_key(ec.SECP256R1()).public_key()
    return Key("ES256", kid, material)


def unnamed(pair: Pair) -> Key:
    return Key(pair.alg, None, pair.key.material)


def test_secret() -> None:
    """A secret has the algorithm it is given, and no kid unless it is given one."""
    key = Key.secret(SECRET.secret, alg="HS256")
    assert (key.alg, key.kid, key.material) == ("HS256", None, SECRET.secret)
    assert Key.secret(SECRET.secret.decode(), alg="HS256", kid="k").kid == "k"


@pytest.mark.parametrize(
    "pair",
    [RSA, EC256, ED25519, ED448, BY_ALG["ES256K"], BY_ALG["ML-DSA-65"]],
    ids=lambda pair: pair.alg,
)
def test_kid_by_default(pair: Pair) -> None:
    """The kid is given, or the JWK's own; without one the key is called by its thumbprint."""
    by_pem = Key.from_pem(pair.public_pem, alg=pair.alg)
    assert by_pem == Key.from_pem(pair.private_pem.decode(), alg=pair.alg)
    assert by_pem == Key.from_jwk(pair.public_jwk) == Key.from_jwk(pair.private_jwk)
    assert by_pem.kid is None
    assert by_pem.key_id is not None
    assert re.fullmatch(r"[\w-]{43}", by_pem.key_id)
    own = Key.from_jwk({**pair.public_jwk, "kid": "own"})
    assert own.kid == own.key_id == "own"
    assert Key.from_jwk({**pair.public_jwk, "kid": "own"}, kid="given").kid == "given"
    assert Key.from_jwk({**pair.public_jwk, "kid": "own"}, kid="").kid == ""
    assert Key.from_jwk({**pair.public_jwk, "kid": None}).kid is None
    assert Key.from_pem(pair.public_pem, alg=pair.alg, kid="given").kid == "given"


def test_symmetric_jwk() -> None:
    """A secret as a JWK needs an alg, and has no thumbprint for a kid."""
    key = Key.from_jwk({"kty": "oct", "k": b64(SECRET.secret)}, alg="HS256")
    assert key == SECRET.key
    assert key.kid is None


def test_certificate() -> None:
    """A certificate is a container of a public key; its dates are not looked at."""
    assert Key.from_pem(RSA.certificate, alg="RS256") == unnamed(RSA)
    assert Key.from_pem(EC256.certificate, alg="ES256") == unnamed(EC256)


def test_private_half_is_dropped() -> None:
    """Of a private key the public half is kept."""
    for key in (Key.from_pem(RSA.private_pem, alg="RS256"), Key.from_jwk(RSA.private_jwk)):
        assert isinstance(key.material, rsa.RSAPublicKey)
        assert not isinstance(key.material, rsa.RSAPrivateKey)


def test_one_key_one_algorithm() -> None:
    """The same numbers with another algorithm are another key."""
    assert RSA.key != PSS.key
    assert RSA.key.kid == PSS.key.kid
    assert {RSA.key, PSS.key, Key("RS256", RSA.key.kid, RSA.key.material)} == {RSA.key, PSS.key}


def test_immutable() -> None:
    """Neither the key nor its algorithm can be changed."""
    for name in ("alg", "kid", "material", "other"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(RSA.key, name, "x")


@pytest.mark.parametrize("alg", BY_ALG)
def test_verify(alg: str) -> None:
    """A key tells its own signature from others."""
    pair = BY_ALG[alg]
    signature = pair.sign(b"text")
    assert pair.key.verify(b"text", signature) is True
    assert pair.key.verify(b"texts", signature) is False


def test_repr() -> None:
    """Repr shows algorithms and kids, and nothing else."""
    assert repr(SECRET.key) == "Key(alg='HS256', kid=None)"
    keys = KeySet(SECRET.key, Key.from_jwk(EC256.public_jwk, kid="k"))
    assert repr(keys) == "KeySet(Key(alg='HS256', kid=None), Key(alg='ES256', kid='k'))"


@pytest.mark.parametrize("kid", ["k" * 257, 5, b"k", ["k"]])
def test_bad_kid(kid: Any) -> None:
    """A kid is text of at most 256 characters, as is looked at in tokens."""
    with pytest.raises(ConfigurationError, match="kid is a string of at most 256"):
        Key.from_pem(RSA.public_pem, alg="RS256", kid=kid)
    with pytest.raises(ConfigurationError, match="kid is a string of at most 256"):
        Key.from_jwk({**RSA.public_jwk, "kid": kid})
    assert Key.secret(SECRET.secret, alg="HS256", kid="k" * 256).kid == "k" * 256


def test_several_blocks() -> None:
    """A key is made of one PEM block; a file with several is for KeySet.load."""
    with pytest.raises(ConfigurationError, match=r"expected one .* found 2; KeySet\.load takes"):
        Key.from_pem(RSA.public_pem + EC256.public_pem, alg="RS256")


def test_direct_construction() -> None:
    """The constructor checks like the factories."""
    with pytest.raises(ConfigurationError, match="itself a public key"):
        Key("HS256", None, RSA.public_pem)
    with pytest.raises(ConfigurationError, match="HS256 needs a key of type oct, this one is RSA"):
        Key("HS256", None, RSA.key.material)


def test_select_by_kid() -> None:
    """A kid selects the one key that has it and carries the algorithm."""
    keys = KeySet(RSA.key, PSS.key, EC256.key, STRANGER.key, unnamed(BY_ALG["ES384"]))
    for key in list(keys)[:4]:
        assert keys.candidates(key.alg, key.kid) == (key,)
        assert keys.names(key.alg, key.kid)


def test_select_without_kid() -> None:
    """Without a kid all keys that carry the algorithm fit, named or not."""
    third = unnamed(BY_ALG["ES256"])
    keys = KeySet(RSA.key, PSS.key, EC256.key, STRANGER.key, third)
    assert keys.candidates("RS256", None) == (RSA.key,)
    assert keys.candidates("PS256", None) == (PSS.key,)
    assert keys.candidates("ES256", None) == (EC256.key, STRANGER.key, third)
    assert not keys.names("ES256", None)


def test_key_without_kid() -> None:
    """A key whose kid nobody gave fits any kid, and none; its own thumbprint names it."""
    for key in (unnamed(RSA), unnamed(SECRET), ec_key()):
        keys = KeySet(key)
        for kid in ("k", "", None, "x" * 256):
            assert keys.candidates(key.alg, kid) == (key,)
            assert not keys.names(key.alg, kid)
        with pytest.raises(InvalidToken):
            keys.candidates("PS256", "k")
    first, second = ec_key(), ec_key()
    assert KeySet(first, second).candidates("ES256", "k") == (first, second)
    assert KeySet(first, second).candidates("ES256", first.key_id) == (first,)
    assert KeySet(first, second).names("ES256", first.key_id)


def test_keys_with_and_without_kid() -> None:
    """A kid that no key has may be that of a key without one, never of a named one."""
    named, bare = ec_key("named"), ec_key()
    keys = KeySet(named, bare)
    assert keys.candidates("ES256", "named") == (named,)
    assert keys.candidates("ES256", "other") == (bare,)
    assert keys.candidates("ES256", None) == (named, bare)


def test_given_kid_wins() -> None:
    """A kid that was given wins over another key's thumbprint, in any order."""
    bare = ec_key()
    named = ec_key(bare.key_id)
    for keys in (KeySet(bare, named), KeySet(named, bare)):
        assert keys.candidates("ES256", bare.key_id) == (named,)


@pytest.mark.parametrize("kid", ["k", None])
def test_handful(kid: str | None) -> None:
    """Eight keys are tried for one token, never nine; a thumbprint still selects."""
    eight = [ec_key() for _ in range(8)]
    assert KeySet(*eight).candidates("ES256", kid) == tuple(eight)
    nine = KeySet(*eight, ec_key())
    reason, hint = refusal(nine, "ES256", kid)
    assert reason is Reason.AMBIGUOUS_KEY
    assert hint.startswith("the token's kid fits no single key; configured kids: ")
    assert f"{eight[0].key_id} for ES256" in hint
    assert nine.candidates("ES256", eight[3].key_id) == (eight[3],)


def test_selects() -> None:
    """A set tells whether it would still try a key for a token."""
    named, bare = ec_key("named"), ec_key()
    assert KeySet(named).selects(named, "named")
    assert KeySet(named).selects(named, None)
    assert not KeySet(named).selects(named, "other")
    assert not KeySet(named).selects(bare, "named")
    assert KeySet(ec_key(), bare).selects(bare, "other")
    assert not KeySet(RSA.key).selects(named, "named")
    assert not KeySet(named, *(ec_key() for _ in range(8))).selects(named, None)
    assert not KeySet(ec_key("named")).selects(named, "named")


@pytest.mark.parametrize(
    ("alg", "kid"),
    [
        ("ES256", "unknown"),
        ("ES256", ""),
        ("ES256", "EC1"),
        ("ES256", "ec "),
        ("ES256", "../../dev/null"),
        ("ES256", "' OR 1=1 --"),
        ("RS256", "ec"),
        ("ES256", "rsa"),
        ("HS256", "ec"),
        ("HS256", "rsa"),
        ("none", "ec"),
        ("none", None),
        ("", None),
        ("es256", None),
        ("ES512", None),
        ("PS256", "rsa"),
        ("HS256", "None"),
    ],
)
def test_select_nothing(alg: str, kid: str | None) -> None:
    """What no key has selects no key, though another key has half of it."""
    rsa_key = Key.from_jwk(RSA.public_jwk, kid="rsa")
    keys = KeySet(Key.from_jwk(EC256.public_jwk, kid="ec"), rsa_key)
    reason, hint = refusal(keys, alg, kid)
    assert reason is Reason.UNKNOWN_KEY
    assert hint.endswith("configured kids: ec for ES256, rsa for RS256")
    known = alg in {"ES256", "RS256"}
    assert hint.startswith("the token's kid fits" if known else "no key carries the token's alg")


def test_secret_without_kid() -> None:
    """A hint has no name for a secret without kid."""
    hint = "no key carries the token's alg; configured kids: (none) for HS256"
    assert refusal(KeySet(SECRET.key), "HS384", "k") == (Reason.UNKNOWN_KEY, hint)


def test_hint_is_short() -> None:
    """A hint names ten keys at most."""
    keys = KeySet(*(Key.secret(SECRET.secret, alg="HS256", kid=f"kid{n}") for n in range(20)))
    _, hint = refusal(keys, "HS256", "unknown")
    assert "kid9 for HS256" in hint
    assert "kid10" not in hint


def test_set() -> None:
    """A set has its keys in order."""
    keys = KeySet(EC256.key, RSA.key)
    assert list(keys) == [EC256.key, RSA.key]
    assert len(keys) == 2


def test_rotation() -> None:
    """Two secrets of one algorithm live side by side, under two kids or under none."""
    old, new = (Key.secret(SECRET.secret, alg="HS256", kid=kid) for kid in ("old", "new"))
    keys = KeySet(old, new)
    assert keys.candidates("HS256", "old") == (old,)
    assert keys.candidates("HS256", "new") == (new,)
    assert keys.candidates("HS256", None) == (old, new)
    other = Key.secret(FURTHER_SECRET, alg="HS256")
    assert KeySet(SECRET.key, other).candidates("HS256", "k") == (SECRET.key, other)


def test_same_kid() -> None:
    """Two keys of one algorithm cannot share a kid; of two algorithms they can."""
    two, text = (ec_key("k"), ec_key("k")), "two keys for ES256 share the kid 'k'; give"
    with pytest.raises(ConfigurationError, match=text):
        KeySet(*two)
    with pytest.raises(ConfigurationError, match=text):
        KeySet.published(two)
    assert len(KeySet(RSA.key, PSS.key)) == 2


def test_same_key() -> None:
    """The same key twice is one key."""
    again = Key("RS256", RSA.key.kid, RSA.key.material)
    assert list(KeySet(RSA.key, again)) == [RSA.key]
    assert len(KeySet(unnamed(RSA), Key.from_pem(RSA.certificate, alg="RS256"))) == 1


def test_published() -> None:
    """A set that was published may be empty: then no key fits, and that is an answer."""
    empty = KeySet.published([])
    assert (len(empty), list(empty), empty.current()) == (0, [], empty)
    assert refusal(empty, "ES256", None)[0] is Reason.UNKNOWN_KEY
    assert refusal(empty, "ES256", "k")[0] is Reason.UNKNOWN_KEY
    assert not empty.selects(EC256.key, EC256.key.kid)
    assert KeySet.published(iter([EC256.key])).find("ES256", None) == (EC256.key,)


@pytest.mark.parametrize("keys", [(), ([RSA.key],), ("RS256",), (RSA.key, None), (RSA.public_pem,)])
def test_no_keys(keys: tuple[Any, ...]) -> None:
    """A set takes keys, at least one, and nothing else."""
    with pytest.raises(ConfigurationError, match=r"a key set needs keys: KeySet\(key"):
        KeySet(*keys)


def test_jwks() -> None:
    """A JWK Set gives its signature keys, each with its own algorithm."""
    document = {
        "keys": [
            {**EC256.public_jwk, "kid": "ec"},
            {**RSA.public_jwk, "kid": "rsa", "use": "sig"},
            {**EC384.public_jwk, "kid": "enc", "use": "enc"},
            {"kty": "OKP", "crv": "X25519", "x": "AAAA"},
        ]
    }
    for jwks in (document, json.dumps(document), json.dumps(document).encode()):
        assert [(key.kid, key.alg) for key in KeySet.from_jwks(jwks)] == [
            ("ec", "ES256"),
            ("rsa", "RS256"),
        ]


def test_jwks_alg() -> None:
    """`alg` is for the keys that name none; the others keep their own."""
    bare = {name: RSA.public_jwk[name] for name in ("kty", "n", "e")}
    keys = KeySet.from_jwks({"keys": [bare, {**EC256.public_jwk, "kid": "ec"}]}, alg="PS256")
    assert [key.alg for key in keys] == ["PS256", "ES256"]
    assert [key.alg for key in KeySet.from_jwks({"keys": [bare], "x": 1})] == [
        *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
    ]


@pytest.mark.parametrize(
    ("pair", "algs"),
    [
        (RSA, ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]),
        (EC256, ["ES256", "ESP256"]),
        (EC384, ["ES384", "ESP384"]),
        (ED25519, ["EdDSA", "Ed25519"]),
        (ED448, ["EdDSA", "Ed448"]),
        (BY_ALG["ES256K"], ["ES256K"]),
    ],
    ids=lambda value: value.alg if isinstance(value, Pair) else "",
)
def test_every_algorithm(pair: Pair, algs: list[str]) -> None:
    """A JWK without alg, or with null, carries every algorithm of its type and curve."""
    jwk = {**pair.public_jwk, "kid": "k", "use": None, "key_ops": None, "alg": None}
    keys = KeySet.from_jwks(jwk)
    assert [(key.alg, key.kid) for key in keys] == [(alg, "k") for alg in algs]
    assert all(key.material == pair.key.material for key in keys)
    assert [key.alg for key in Key.all_from_jwk(jwk, ["none", algs[-1]])] == [algs[-1]]
    assert [key.alg for key in Key.all_from_jwk(pair.public_jwk)] == [pair.alg]
    assert Key.all_from_jwk(pair.public_jwk, ["HS256"]) == ()


def test_jwks_unknown_alg() -> None:
    """A misspelt alg= is named, not taken for a reason to pass over all keys."""
    with pytest.raises(ConfigurationError, match="unknown algorithm 'RS265'"):
        KeySet.from_jwks({"keys": [RSA.public_jwk]}, alg="RS265")


def test_jwks_of_certificates() -> None:
    """An object of PEM by kid, as Google writes it, needs the algorithm."""
    document = {"a": RSA.certificate.decode(), "b": RSA.public_pem.decode()}
    keys = KeySet.from_jwks(json.dumps(document), alg="RS256")
    assert [(key.kid, key.alg) for key in keys] == [("a", "RS256"), ("b", "RS256")]
    with pytest.raises(ConfigurationError, match="PEM names no algorithm"):
        KeySet.from_jwks(document)
    with pytest.raises(ConfigurationError, match="holds a private key"):
        KeySet.from_jwks({"a": RSA.private_pem.decode()}, alg="RS256")


def test_jwks_symmetric() -> None:
    """Secrets are taken where they are asked for."""
    jwk = {**SECRET.private_jwk, "kid": "k"}
    (key,) = KeySet.from_jwks(jwk, allow_symmetric=True).candidates("HS256", "k")
    assert key.material == SECRET.secret
    with pytest.raises(ConfigurationError, match="pass allow_symmetric=True"):
        KeySet.from_jwks(jwk)


FILES: dict[str, tuple[bytes, dict[str, Any], list[tuple[str | None, str]]]] = {
    "PEM": (RSA.public_pem, {"alg": "RS256"}, [(None, "RS256")]),
    "PEM with kid": (RSA.public_pem, {"alg": "PS256", "kid": "k"}, [("k", "PS256")]),
    "several PEM": (
        b"old\n" + EC256.public_pem + b"\nnew\n" + STRANGER.public_pem,
        {"alg": "ES256"},
        [(None, "ES256"), (None, "ES256")],
    ),
    "certificate": (RSA.certificate, {"alg": "RS256"}, [(None, "RS256")]),
    "JWK": (json.dumps(EC256.public_jwk).encode(), {}, [(None, "ES256")]),
    "JWK Set": (
        json.dumps({"keys": [{**ED25519.public_jwk, "kid": "ed"}]}).encode(),
        {"alg": "ES256"},
        [("ed", "EdDSA")],
    ),
    "JWK with a BOM": (
        b"\xef\xbb\xbf" + json.dumps(EC256.public_jwk).encode(),
        {},
        [(None, "ES256")],
    ),
    "PEM with a BOM": (b"\xef\xbb\xbf" + RSA.public_pem, {"alg": "RS256"}, [(None, "RS256")]),
    "same key twice": (RSA.public_pem + RSA.certificate, {"alg": "RS256"}, [(None, "RS256")]),
    "secret": (
        json.dumps({"keys": [{**SECRET.private_jwk, "kid": "s"}]}).encode(),
        {"allow_symmetric": True},
        [("s", "HS256")],
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_load(kind: str, tmp_path: Path) -> None:
    """The content of a file tells its kind, whatever its name is."""
    content, options, expected = FILES[kind]
    path = tmp_path / "keys.txt"
    path.write_bytes(content)
    for name in (path, str(path)):
        assert [(key.kid, key.alg) for key in KeySet.load(name, **options)] == expected


def test_load_once(tmp_path: Path) -> None:
    """A set never changes; it knows how to be read again, unless told not to."""
    path = tmp_path / "key.pem"
    path.write_bytes(RSA.public_pem)
    keys = KeySet.load(path, alg="RS256")
    path.write_bytes(b"")
    assert keys.candidates("RS256", None) == (unnamed(RSA),)
    path.write_bytes(RSA.public_pem)
    assert KeySet.load(path, alg="RS256", reload=False).reload is None


def test_reload(tmp_path: Path) -> None:
    """What was said of the file holds when it is read again."""
    path = tmp_path / "key.pem"
    path.write_bytes(EC256.public_pem)
    keys = KeySet.load(path, alg="ES256", kid="k")
    path.write_bytes(STRANGER.public_pem)
    assert keys.reload is not None
    again = keys.reload()
    assert keys.candidates("ES256", "k")[0].material == EC256.key.material
    assert again.candidates("ES256", "k")[0].material == STRANGER.key.material


@pytest.mark.parametrize("content", ['{"keys": []}', '{"keys": [{"kty": "FUTURE"}]}'])
def test_reload_without_keys(content: str, tmp_path: Path) -> None:
    """A file that has no keys any more withdraws them; one to begin with needs some."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(EC256.public_jwk))
    keys = KeySet.load(path)
    path.write_text(content)
    assert keys.reload is not None
    assert len(keys.reload()) == 0
    with pytest.raises(ConfigurationError, match=r"jwks\.json': no key in it can verify"):
        KeySet.load(path)


BAD_FILES: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "empty": (b"", {}, "neither PEM nor the JSON"),
    "DER": (
        RSA.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        {"alg": "RS256"},
        "neither PEM nor the JSON",
    ),
    "raw secret": (SECRET.secret, {"alg": "HS256"}, "neither PEM nor the JSON"),
    "private PEM": (RSA.private_pem, {"alg": "RS256"}, "holds a private key; deploy the public"),
    "encrypted PEM": (
        RSA.private.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
        ),
        {"alg": "RS256"},
        "holds a private key; deploy the public",
    ),
    "private after public": (
        RSA.public_pem + EC256.private_pem,
        {"alg": "RS256"},
        "holds a private key; deploy the public",
    ),
    "private JWK": (json.dumps(EC256.private_jwk).encode(), {}, "is a private key; publish"),
    "private in JWK Set": (
        json.dumps({"keys": [EC256.public_jwk, RSA.private_jwk]}).encode(),
        {},
        "is a private key; publish and deploy it without d, dp, dq, p, q, qi",
    ),
    "secret": (json.dumps(SECRET.private_jwk).encode(), {}, "is a secret among public keys"),
    "PEM without alg": (RSA.public_pem, {}, "PEM names no algorithm"),
    "PEM for HMAC": (RSA.public_pem, {"alg": "HS256"}, "HS256 needs a key of type oct"),
    "kid for several": (
        EC256.public_pem + STRANGER.public_pem,
        {"alg": "ES256", "kid": "k"},
        "kid= is for a file with a single PEM block",
    ),
    "kid for JWK": (
        json.dumps(EC256.public_jwk).encode(),
        {"kid": "k"},
        "kid= is for a single PEM block, a JWK has its own",
    ),
    "cut inside the second block": (
        EC256.public_pem + STRANGER.public_pem[:-40],
        {"alg": "ES256"},
        "a PEM block in it is cut",
    ),
    "wrong alg": (EC256.public_pem, {"alg": "RS256"}, "RS256 needs a key of type RSA"),
    "unknown alg": (EC256.public_pem, {"alg": "ES265"}, "unknown algorithm 'ES265'"),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_load_refused(kind: str, tmp_path: Path) -> None:
    """What cannot be used is refused when it is loaded; the error names the file."""
    content, options, text = BAD_FILES[kind]
    path = tmp_path / "keys.txt"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError) as info:
        KeySet.load(path, **options)
    assert str(info.value).startswith(f"key file {str(path)!r}: ")
    assert text in str(info.value)


def test_load_unreadable(tmp_path: Path) -> None:
    """A file that cannot be read is named, with the system's reason."""
    path = tmp_path / "missing.pem"
    with pytest.raises(ConfigurationError, match=r"missing\.pem': No such file"):
        KeySet.load(path, alg="RS256")
    with pytest.raises(ConfigurationError, match="Is a directory"):
        KeySet.load(os.fspath(tmp_path), alg="RS256")


def weak_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 1024)  # noqa: S505  it is refused


def weak_pem() -> bytes:
    public = weak_rsa().public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def set_of(*jwks: dict[str, Any]) -> KeySet:
    return KeySet.from_jwks({"keys": list(jwks)})


RAW = SECRET.secret.decode()
PRIVATE = RSA.private_pem.decode()
ENCRYPTED = EC256.private.private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
)
MISTAKES: dict[str, Callable[[], object]] = {
    "short secret": lambda: Key.secret(RAW[:31], alg="HS256"),
    "short for HS512": lambda: Key.secret(RAW, alg="HS512"),
    "secret in place of alg": lambda: Key.secret("HS256", alg=RAW),
    "secret for RS256": lambda: Key.secret(RAW, alg="RS256"),
    "public PEM as secret": lambda: Key.secret(RSA.public_pem, alg="HS256"),
    "private PEM as secret": lambda: Key.secret(PRIVATE, alg="HS256"),
    "JWK as secret": lambda: Key.secret(json.dumps(EC256.private_jwk), alg="HS256"),
    "surrogates as secret": lambda: Key.secret(RAW + "\ud800", alg="HS256"),
    "PEM as oct": lambda: Key.from_jwk({"kty": "oct", "k": b64(RSA.public_pem)}, alg="HS256"),
    "PEM in place of alg": lambda: Key.from_pem(PRIVATE, alg=PRIVATE),
    "PEM for another kind": lambda: Key.from_pem(PRIVATE, alg="ES256"),
    "PEM for HMAC": lambda: Key.from_pem(PRIVATE, alg="HS256"),
    "encrypted PEM": lambda: Key.from_pem(ENCRYPTED, alg="ES256"),
    "half a PEM": lambda: Key.from_pem(PRIVATE[:300], alg="RS256"),
    "damaged PEM": lambda: Key.from_pem(PRIVATE.replace("A", "B"), alg="RS256"),
    "secret as PEM": lambda: Key.from_pem(RAW, alg="RS256"),
    "weak RSA": lambda: Key.from_pem(weak_pem(), alg="RS256"),
    "wrong curve": lambda: Key.from_jwk({**EC256.private_jwk, "alg": "ES384"}),
    "unknown alg": lambda: Key.from_jwk({**EC256.private_jwk, "alg": "ES265"}),
    "text in place of JWK": lambda: Key.from_jwk(json.dumps(EC256.private_jwk)),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
    "damaged JWK": lambda: Key.from_jwk({**RSA.private_jwk, "p": RSA.private_jwk["q"]}),
    "other point": lambda: Key.from_jwk({**EC256.private_jwk, "x": STRANGER.public_jwk["x"]}),
    "other d": lambda: Key.from_jwk({**ED25519.private_jwk, "x": STRANGER.public_jwk["x"]}),
    "secret for another alg": lambda: Key.from_jwk(SECRET.private_jwk, alg="HS384"),
    "JWK for encryption": lambda: Key.from_jwk({**RSA.private_jwk, "use": "enc"}),
    "private JWK in a set": lambda: set_of(RSA.private_jwk),
    "secret in a set": lambda: set_of(SECRET.private_jwk),
    "nothing usable": lambda: set_of({**EC256.public_jwk, "use": "enc"}),
    "duplicate name": lambda: KeySet.from_jwks(f'{{"kty":"oct","k":"{RAW}","k":""}}'),
    "no JSON": lambda: KeySet.from_jwks(PRIVATE),
    "list of keys": lambda: KeySet([SECRET.key]),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # wrong on purpose
    "PEM in place of path": lambda: KeySet.load(PRIVATE, alg="RS256"),
    "JWK in place of path": lambda: KeySet.load(json.dumps(EC256.private_jwk)),
    "two secrets": lambda: KeySet(
        *(Key.secret(secret, alg="HS256", kid="k") for secret in (SECRET.secret, FURTHER_SECRET))
    ),
}


def fragments() -> list[str]:
    pems = [RSA.private_pem, RSA.public_pem, EC256.private_pem, ENCRYPTED]
    lines = [line.decode() for pem in pems for line in pem.splitlines()[1:-1]]
    jwks = [RSA.private_jwk, EC256.private_jwk, ED25519.private_jwk, SECRET.private_jwk]
    values = [str(v) for jwk in jwks for v in jwk.values()]
    secrets = [RAW[:31], RAW[:16], FURTHER_SECRET.decode()]
    # A shorter one, as a PEM block's last line may be, would be found by chance.
    return [text for text in [*lines, *values, *secrets] if len(text) >= 16]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_hide_keys(mistake: str) -> None:
    """An operator's mistake is answered in a sentence, and no error shows any key."""
    with pytest.raises(ConfigurationError) as info:
        MISTAKES[mistake]()
    assert len(str(info.value)) > 20
    text = shown(info.value)
    assert info.value.__cause__ is None
    assert not [fragment for fragment in fragments() if fragment in text]
    assert not [fragment for fragment in fragments() if repr(fragment)[1:-1] in text]


def test_fragments_are_found() -> None:
    """The search above finds what an error of the libraries below would show."""
    error = ValueError(f"bad key: {RSA.private_jwk}")
    assert len([fragment for fragment in fragments() if fragment in shown(error)]) >= 7


def test_weak_material() -> None:
    """There is no way to a weak key, or to one on another curve."""
    material: Material = weak_rsa().public_key()
    with pytest.raises(ConfigurationError, match="has 1024 bits"):
        Key("RS256", "k", material)
    with pytest.raises(ConfigurationError, match="on secp256k1"):
        Key("ES256", "k", ec.generate_private_key(ec.SECP256K1()).public_key())
