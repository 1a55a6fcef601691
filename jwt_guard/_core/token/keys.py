"""RFC 7517 §4, §5: one key has one algorithm; a set of keys never changes.

The key decides the algorithm: a token's header can only select a key that
already carries the `alg` it names, and exactly one key may fit.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from ...errors import ConfigurationError, InvalidToken, Reason
from . import loading
from .algorithms import Material, Verify, algorithm, check_material

# Longest `kid` that is looked at; one that is longer selects nothing here.
MAX_KID = 256


@dataclass(frozen=True, slots=True)
class Key:
    """One key to verify with, and the one algorithm it carries.

    Made by `Key.secret`, `Key.from_pem` or `Key.from_jwk`. Only the public half
    of an asymmetric key is kept. `repr` shows neither key nor secret.

    Attributes:
        alg: Algorithm (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864 §2).
        kid: Key id that a token's header selects this key by. Without one given,
            the RFC 7638 thumbprint; None for a secret, whose thumbprint would
            give away a hash of it.
    """

    alg: str
    kid: str | None
    material: Material = field(repr=False, hash=False)
    _verify: Verify = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a key that is too weak or not of the algorithm's kind."""
        check_material(self.alg, self.material)
        if self.kid is not None and (not isinstance(self.kid, str) or len(self.kid) > MAX_KID):
            raise ConfigurationError(f"kid is a string of at most {MAX_KID} characters")
        object.__setattr__(self, "_verify", algorithm(self.alg).verify)

    @classmethod
    def secret(cls, secret: str | bytes, *, alg: str, kid: str | None = None) -> Self:
        """Make a key of a secret shared with the issuer (HMAC).

        Args:
            secret: At least as long as the digest: 32, 48 or 64 bytes for HS256,
                HS384 and HS512 (RFC 7518 §3.2). Text counts as its UTF-8 bytes.
            alg: `HS256`, `HS384` or `HS512`.
            kid: Key id; None matches tokens that name none.

        Raises:
            ConfigurationError: Too short, or a key of another kind as text.
        """
        return cls(alg, kid, loading.secret(secret, alg))

    @classmethod
    def from_pem(cls, pem: str | bytes, *, alg: str, kid: str | None = None) -> Self:
        """Make a key of one PEM block (RFC 7468).

        Args:
            pem: A public key, a certificate, or an unencrypted private key, of
                which only the public half is kept. A certificate is only a
                container here: its dates and its chain are not looked at.
            alg: The algorithm that the issuer signs with.
            kid: Key id; the RFC 7638 thumbprint by default.

        Raises:
            ConfigurationError: Not one such block, or not fit for *alg*.
        """
        blocks = loading.pem_blocks(pem)
        if len(blocks) != 1:
            raise ConfigurationError(
                f"expected one PEM block with a key, found {len(blocks)}; "
                f"KeySet.load takes a file with several"
            )
        return cls._of(loading.from_pem_block(blocks[0]), alg, kid)

    @classmethod
    def from_jwk(
        cls, jwk: Mapping[str, Any], *, alg: str | None = None, kid: str | None = None
    ) -> Self:
        """Make a key of a JSON Web Key (RFC 7517 §4).

        Args:
            jwk: The JWK's members. Of a private one only the public half is kept.
            alg: The algorithm; needed where the JWK has none, except that an EC
                key's curve tells, an OKP key defaults to EdDSA and an RSA key to
                RS256. It must equal the JWK's own.
            kid: Key id; by default the JWK's own, else its RFC 7638 thumbprint.

        Raises:
            ConfigurationError: No valid JWK, or not one to verify with (`use`,
                `key_ops`), or not fit for its algorithm.
        """
        row = loading.jwk_alg(jwk, alg)
        return cls._of(loading.from_jwk(jwk, row), row, kid if kid is not None else jwk.get("kid"))

    @classmethod
    def _of(cls, material: Material, alg: str, kid: str | None) -> Self:
        check_material(alg, material)
        return cls(alg, loading.thumbprint(material, alg) if kid is None else kid, material)

    def verify(self, signing_input: bytes, signature: bytes) -> bool:
        """Tell whether *signature* is this key's over *signing_input*."""
        return self._verify(signing_input, self.material, signature)


class KeySet:
    """An immutable set of keys, from which a token's header selects one."""

    __slots__ = ("_by_alg", "_by_kid", "_keys", "reload")

    def __init__(self, *keys: Key) -> None:
        """Make a set of *keys*; rotate by listing the old and the new one.

        Raises:
            ConfigurationError: No key, or two with the same kid and alg.
        """
        if not keys or not all(isinstance(key, Key) for key in keys):
            raise ConfigurationError("a key set needs keys: KeySet(key, another_key)")
        self._fill(keys)

    @classmethod
    def found(cls, keys: Iterable[Key]) -> Self:
        """Make a set of what a source holds at present, which may be nothing."""
        made = cls.__new__(cls)
        made._fill(tuple(keys))  # noqa: SLF001  its own class
        return made

    def _fill(self, keys: tuple[Key, ...]) -> None:
        self._keys = keys
        self.reload: Callable[[], KeySet] | None = None
        self._by_kid: dict[tuple[str | None, str], Key] = {}
        self._by_alg: dict[str, list[Key]] = {}
        for key in keys:
            if (key.kid, key.alg) in self._by_kid:
                raise ConfigurationError(
                    f"two keys for {key.alg} share the kid {key.kid!r}; give each its own kid="
                )
            self._by_kid[key.kid, key.alg] = key
            self._by_alg.setdefault(key.alg, []).append(key)

    @classmethod
    def from_jwks(
        cls,
        jwks: Mapping[str, Any] | str | bytes,
        *,
        alg: str | None = None,
        allow_symmetric: bool = False,
    ) -> Self:
        """Make a set of a JWK Set document (RFC 7517 §5).

        Keys that are not for signatures (`use`, `key_ops`) or of a type or
        algorithm that is not known here are passed over, as the RFC says.

        Args:
            jwks: The document, as text or parsed.
            alg: The algorithm of keys that name none.
            allow_symmetric: Take secrets (`kty` of `oct`) too.

        Raises:
            ConfigurationError: A private key, a secret without
                *allow_symmetric*, a weak or malformed key, or none left.
        """
        return cls(*cls._jwks_keys(jwks, alg, allow_symmetric=allow_symmetric))

    @staticmethod
    def _jwks_keys(
        jwks: Mapping[str, Any] | str | bytes,
        alg: str | None,
        *,
        allow_symmetric: bool,
        or_none: bool = False,
    ) -> Iterator[Key]:
        members = loading.jwks_members(jwks, alg, allow_symmetric=allow_symmetric, or_none=or_none)
        return (Key.from_jwk(jwk, alg=None if "alg" in jwk else alg) for jwk in members)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        alg: str | None = None,
        kid: str | None = None,
        allow_symmetric: bool = False,
        reload: bool = True,
    ) -> Self:
        """Read a file of public keys: PEM blocks, a JWK or a JWK Set.

        An issuer that is given the set reads the file again when it has changed,
        looking every few seconds while requests come. A file that cannot be read
        then leaves the keys as they were, for an hour; one without keys leaves none.

        Args:
            path: The file; its content tells its kind.
            alg: The algorithm; needed for PEM, and for JWKs as in `from_jwks`.
            kid: Key id, for a file with a single PEM block.
            allow_symmetric: Take secrets (`kty` of `oct`) too.
            reload: Whether the file is read again when it has changed.

        Raises:
            ConfigurationError: Unreadable, of no known kind, holds a private key,
                or a key of it is refused.
        """
        if loading.is_key_text(str(path)):
            raise ConfigurationError(
                "KeySet.load takes the path of a file; Key.from_pem and KeySet.from_jwks take text"
            )
        read = partial(cls._read, path, alg, kid, allow_symmetric=allow_symmetric)
        keys = read()
        if reload:
            keys.reload = partial(read, or_none=True)
        return keys

    @classmethod
    def _read(
        cls,
        path: str | os.PathLike[str],
        alg: str | None,
        kid: str | None,
        *,
        allow_symmetric: bool,
        or_none: bool = False,
    ) -> Self:
        """Read the file; *or_none*: a JWK Set without keys is an answer, too."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"cannot read the key file {os.fspath(path)!r}: {error.strerror}"
            ) from None
        if kid is not None and not loading.is_pem(data):
            raise ConfigurationError(
                f"key file {os.fspath(path)!r}: kid= is for a single PEM block, a JWK has its own"
            )
        try:
            if loading.is_pem(data):
                return cls(*cls._pem_keys(data, alg, kid))
            found = tuple(
                cls._jwks_keys(data, alg, allow_symmetric=allow_symmetric, or_none=or_none)
            )
            return cls(*found) if found else cls.found(found)
        except ConfigurationError as error:
            raise ConfigurationError(f"key file {os.fspath(path)!r}: {error}") from None

    @staticmethod
    def _pem_keys(data: bytes, alg: str | None, kid: str | None) -> Iterable[Key]:
        blocks = loading.pem_blocks(data)
        if alg is None:
            raise ConfigurationError('PEM names no algorithm; say which, for example alg="RS256"')
        if kid is not None and len(blocks) != 1:
            raise ConfigurationError("kid= is for a file with a single PEM block")
        for block in blocks:
            if block.private:
                raise ConfigurationError(
                    "holds a private key; deploy the public half: "
                    "openssl pkey -in private.pem -pubout -out public.pem"
                )
            yield Key.from_pem(block.pem, alg=alg, kid=kid)

    def select(self, alg: str, kid: str | None) -> Key:
        """Return the one key that carries *alg* and has *kid*.

        Args:
            alg: The header's `alg`, unverified.
            kid: The header's `kid`, unverified, or None: then exactly one key of
                the set must carry *alg*.

        Raises:
            InvalidToken: No key fits, or more than one.
        """
        if kid is not None:
            key = self._by_kid.get((kid, alg))
            if key is None:
                raise InvalidToken(Reason.UNKNOWN_KEY, self._hint(alg))
            return key
        fitting = self._by_alg.get(alg, ())
        if len(fitting) != 1:
            reason = Reason.AMBIGUOUS_KEY if fitting else Reason.UNKNOWN_KEY
            raise InvalidToken(reason, self._hint(alg))
        return fitting[0]

    find = select

    def current(self) -> "KeySet":
        """Return the set itself; one that is fetched changes, this one does not."""
        return self

    def _hint(self, alg: str) -> str:
        known = ", ".join(f"{key.kid or '(none)'} for {key.alg}" for key in self._keys[:10])
        if alg not in self._by_alg:
            return f"no key carries the token's alg; configured kids: {known}"
        return f"the token's kid fits no single key; configured kids: {known}"

    def __iter__(self) -> Iterator[Key]:
        """Iterate over the keys in the order given."""
        return iter(self._keys)

    def __len__(self) -> int:
        """Return the number of keys."""
        return len(self._keys)

    def __repr__(self) -> str:
        """Show algorithms and key ids only."""
        return f"KeySet({', '.join(map(repr, self._keys))})"
