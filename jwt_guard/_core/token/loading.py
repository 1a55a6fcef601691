"""RFC 7468, 7517, 7638: from PEM, JWK and JWK Set to key material.

Errors of the libraries below are replaced by sentences of ours (`from None`):
their text can contain the key.
"""

import hashlib
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from cryptography.x509 import load_pem_x509_certificate

from ...errors import ConfigurationError
from . import akp, strictjson
from .algorithms import ALGORITHMS, CRYPTO_ERRORS, Material, algorithm

# textualmsg = "-----BEGIN " label "-----" … "-----END " label "-----"  (RFC 7468 §3)
_PEM = re.compile(
    rb"-----BEGIN (?P<label>[A-Z0-9 ]+)-----[^-]*(?:-(?!----)[^-]*)*-----END (?P=label)-----"
)
# What a block that was cut leaves behind, wherever the cut went through.
_CUT = re.compile(rb"-----(?:BEGIN|END) |^-{1,5}[BEGIN]{0,5}\s*\Z", re.MULTILINE)
# `openssl ecparam -genkey` writes its parameters above the key itself.
_NO_KEY_BLOCKS = {b"EC PARAMETERS"}

# RFC 7518 §6.2.2.1, §6.3.2, RFC 8037 §2, RFC 9964 §3: the members of private keys.
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "priv"})
# RFC 7517 §4.2, and the SPIFFE trust bundle's word for keys of JWT-SVIDs.
_SIGNATURE_USES = (None, "sig", "jwt-svid")
# RFC 7638 §3.2, RFC 8037 §2, RFC 9964 §6: the members that make the thumbprint.
_THUMBPRINT_MEMBERS = {
    "RSA": ("e", "kty", "n"),
    "EC": ("crv", "kty", "x", "y"),
    "OKP": ("crv", "kty", "x"),
    "AKP": ("alg", "kty", "pub"),
}
# RFC 7518 §6.2.1.1, RFC 8812 §3.1: the lengths of a coordinate, in octets.
_COORDINATES = {"P-256": 32, "P-384": 48, "P-521": 66, "secp256k1": 32}
# RFC 8037 §2: the curves by key type; None where there is none.
_CURVES: dict[str, tuple[str | None, ...]] = {
    "RSA": (None,),
    "oct": (None,),
    "AKP": (None,),
    "EC": tuple(_COORDINATES),
    "OKP": ("Ed25519", "Ed448"),
}
_EC_ALGS = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512", "secp256k1": "ES256K"}

# RFC 8259 §8.1 lets a reader ignore it; editors and two providers write it.
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class PemBlock:
    """One PEM block: its label and its whole text."""

    label: bytes
    pem: bytes

    @property
    def private(self) -> bool:
        """Whether the label says that this is a private key."""
        return self.label.endswith(b"PRIVATE KEY")

    def __repr__(self) -> str:
        """Show the label only."""
        return f"PemBlock({self.label!r})"


def secret(value: str | bytes, alg: str) -> bytes:
    """Return the bytes of a shared secret."""
    if algorithm(alg).kty != "oct":
        raise ConfigurationError(
            f"{alg} does not use a shared secret; use Key.from_pem or KeySet.load"
        )
    try:
        octets = value.encode() if isinstance(value, str) else value
    except UnicodeEncodeError:
        octets = None
    if not isinstance(octets, bytes):
        raise ConfigurationError(f"the secret for {alg} is neither bytes nor text; is it set?")
    return octets


def is_key_text(path: str) -> bool:
    """Whether *path* is the text of a key, and no path of a file, which may be shown."""
    return "-----BEGIN " in path or path.lstrip().startswith("{")


def is_pem(data: bytes) -> bool:
    """Whether *data* is PEM; JSON can have PEM in it."""
    text = data.removeprefix(_BOM).lstrip()
    return b"-----BEGIN " in text and not text.startswith((b"{", b"["))


def pem_blocks(pem: str | bytes) -> list[PemBlock]:
    """Return the blocks of *pem* that can hold a key.

    Raises:
        ConfigurationError: There is none, or one that was cut: what is left of a
            file that is being written must not pass for all of it.
    """
    data = pem.encode(errors="replace") if isinstance(pem, str) else pem
    data = data if isinstance(data, bytes) else b""
    blocks = [PemBlock(match["label"], match[0] + b"\n") for match in _PEM.finditer(data)]
    if blocks and _CUT.search(_PEM.sub(b"", data)):
        raise ConfigurationError("a PEM block in it is cut: a BEGIN or END line has no other")
    blocks = [block for block in blocks if block.label not in _NO_KEY_BLOCKS]
    if not blocks:
        raise ConfigurationError("no PEM block (-----BEGIN … -----END …) found in it")
    return blocks


def from_pem_block(block: PemBlock) -> Material:
    """Return the public key of *block*: a public or private key, a certificate."""
    try:
        if block.private:
            return cast("Material", load_pem_private_key(block.pem, None).public_key())
        if block.label == b"CERTIFICATE":
            return cast("Material", load_pem_x509_certificate(block.pem).public_key())
        return cast("Material", load_pem_public_key(block.pem))
    except CRYPTO_ERRORS:
        raise ConfigurationError(
            f"the PEM block {block.label.decode()!r} holds no key that can be read; "
            f"a public key, a certificate or an unencrypted private key is expected"
        ) from None


def members_of(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of *jwk* that say something: null counts as absent.

    Raises:
        ConfigurationError: Not a JWK.
    """
    if not isinstance(jwk, Mapping) or not isinstance(jwk.get("kty"), str):
        raise ConfigurationError('not a JWK: an object with a "kty" is expected (RFC 7517 §4)')
    members = {name: value for name, value in jwk.items() if value is not None}
    if not isinstance(members.get("alg", ""), str):
        raise ConfigurationError(f'the "alg" of the JWK {_name(jwk)} is no text (RFC 7517 §4.4)')
    return members


def jwk_alg(jwk: Mapping[str, Any], alg: str | None) -> str:
    """Return the one algorithm of *jwk*, told by itself or by *alg*."""
    if alg is not None:
        algorithm(alg)
    own: str | None = jwk.get("alg")
    if own is not None and alg is not None and own != alg:
        raise ConfigurationError(f"the JWK says its alg is {own!r}, not {alg!r}")
    chosen = own if own is not None else alg or _default_alg(jwk)
    algorithm(chosen)
    return chosen


def _default_alg(jwk: Mapping[str, Any]) -> str:
    match jwk["kty"]:
        case "RSA":
            return "RS256"
        case "EC":
            return _EC_ALGS.get(str(jwk.get("crv")), "ES256")
        case "OKP":
            return "EdDSA"
        case _:
            raise ConfigurationError("the JWK names no alg; say which one its issuer signs with")


def from_jwk(jwk: Mapping[str, Any], alg: str) -> Material:
    """Return the public key, or the secret, that *jwk* holds.

    Raises:
        ConfigurationError: Malformed, or not a key to verify signatures with.
    """
    if not _for_signatures(jwk):
        raise ConfigurationError(
            f"the JWK {_name(jwk)} is not for signatures, as its use or key_ops say"
        )
    row = algorithm(alg)
    if jwk["kty"] != row.kty:
        raise ConfigurationError(f"{alg} needs a key of type {row.kty}, this one is not")
    try:
        if row.kty == "AKP":
            return akp.load(jwk, alg)
        material = jwt.PyJWK(_padded(jwk), row.pyjwt).key
        material = material.public_key() if _PRIVATE_MEMBERS & jwk.keys() else material
    except CRYPTO_ERRORS:
        raise ConfigurationError(
            f"the JWK {_name(jwk)} is malformed: its numbers make no {row.kty} key for {alg}"
        ) from None
    return cast("Material", material)


def _padded(jwk: Mapping[str, Any]) -> dict[str, Any]:
    """Return *jwk* with its coordinates at full length (RFC 7518 §6.2.1.2).

    Providers write them as numbers, without their leading zeros, which PyJWT refuses.
    """
    members = dict(jwk)
    length = _COORDINATES.get(str(jwk.get("crv")))
    if jwk["kty"] == "EC" and length is not None:
        for name in members.keys() & {"x", "y", "d"}:
            number = akp.octets(members[name]).rjust(length, b"\0")
            members[name] = urlsafe_b64encode(number).decode()
    return members


def _for_signatures(jwk: Mapping[str, Any]) -> bool:
    """Whether `use` and `key_ops` allow it (RFC 7517 §4.2, §4.3)."""
    operations = jwk.get("key_ops")
    return jwk.get("use") in _SIGNATURE_USES and (
        operations is None
        or (
            isinstance(operations, list | tuple)
            and ("verify" in operations or "sign" in operations)
        )
    )


def _name(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    return repr(kid) if isinstance(kid, str) else "without kid"


def jwks_members(document: Mapping[str, Any], *, allow_symmetric: bool) -> Iterator[dict[str, Any]]:
    """Yield the keys of a JWK Set (or the one JWK) that can verify signatures.

    Raises:
        ConfigurationError: A private key or an unwanted secret.
    """
    for jwk in map(members_of, jwks_list(document)):
        refuse_secrets(jwk, allow_symmetric=allow_symmetric)
        if is_usable(jwk):
            yield jwk


def jwks_list(document: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the members of a JWK Set, or the one JWK that *document* is."""
    members = document.get("keys", (document,))
    if not isinstance(members, list | tuple):
        raise ConfigurationError('not a JWK Set: "keys" is no list (RFC 7517 §5)')
    return tuple(cast("list[Any]", members))


def is_usable(jwk: Mapping[str, Any]) -> bool:
    """Whether *jwk* is for signatures, and type, curve and algorithm known (RFC 7517 §5)."""
    return (
        jwk["kty"] in _CURVES
        and jwk.get("crv") in _CURVES[jwk["kty"]]
        and ("alg" not in jwk or jwk["alg"] in ALGORITHMS)
        and _for_signatures(jwk)
    )


def refuse_secrets(jwk: Mapping[str, Any], *, allow_symmetric: bool) -> None:
    """Raise ConfigurationError of a private key, and of a secret that nobody asked for."""
    if jwk["kty"] == "oct":
        if not allow_symmetric:
            raise ConfigurationError(
                f"the JWK {_name(jwk)} is a secret among public keys; "
                f"pass allow_symmetric=True if that is meant"
            )
    elif _PRIVATE_MEMBERS & jwk.keys():
        raise ConfigurationError(
            f"the JWK {_name(jwk)} is a private key; "
            f"publish and deploy it without {', '.join(sorted(_PRIVATE_MEMBERS & jwk.keys()))}"
        )


def read_object(jwks: Mapping[str, Any] | str | bytes) -> Mapping[str, Any]:
    """Return the JSON object that *jwks* is, or raise ConfigurationError."""
    if isinstance(jwks, Mapping):
        return jwks
    try:
        octets = jwks.encode() if isinstance(jwks, str) else jwks
        return strictjson.loads_object(octets.removeprefix(_BOM))
    except (ValueError, AttributeError):
        raise ConfigurationError("neither PEM nor the JSON of a JWK or a JWK Set") from None


def certificates(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the PEM by kid of *document*, as Google and Firebase write them, or nothing."""
    found = {kid: pem for kid, pem in document.items() if isinstance(pem, str) and "-----" in pem}
    return found if len(found) == len(document) else {}


def thumbprint(material: Material, alg: str) -> str | None:
    """Return the SHA-256 thumbprint (RFC 7638 §3), or None of a secret."""
    row = algorithm(alg)
    if row.kty == "oct":
        return None
    if row.kty == "AKP":
        jwk = cast("dict[str, Any]", akp.to_jwk(cast("akp.AkpPublicKey", material)))
    else:
        jwk = jwt.get_algorithm_by_name(row.pyjwt).to_jwk(material, as_dict=True)
    members = {name: jwk[name] for name in _THUMBPRINT_MEMBERS[row.kty]}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True).encode()
    return urlsafe_b64encode(hashlib.sha256(canonical).digest()).rstrip(b"=").decode()
