"""RFC 7517 §5: from the document that an issuer publishes to the keys that are used.

A key that cannot be used never costs the others: it is left out, and why is told.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import ConfigurationError
from . import loading
from .keys import Key, KeySet

_UNUSED = "not for signatures, or of a type, curve or algorithm that is not in use here"


@dataclass(frozen=True, slots=True)
class Published:
    """What a document of keys holds.

    Attributes:
        keys: The keys that are used; perhaps none, which is an answer.
        refused: Why keys that ought to be usable are not; made for the log.
        passed_over: Why others are none of ours, as every issuer has them: for
            encryption, of unknown kinds, of algorithms that are not in use.
    """

    keys: KeySet
    refused: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """The keys found so far, and what became of the others."""

    among: Collection[str] | None
    found: list[Key] = field(default_factory=list[Key])
    refused: list[str] = field(default_factory=list[str])
    passed_over: list[str] = field(default_factory=list[str])

    def add_jwk(self, position: int, jwk: Mapping[str, Any]) -> None:
        name = f"key {position}"
        try:
            members = loading.members_of(jwk)
            loading.refuse_secrets(members, allow_symmetric=False)
            usable = loading.is_usable(members)
            self._add(name, Key.all_from_jwk(members, self.among) if usable else ())
        except ConfigurationError as error:
            self.refused.append(f"{name}: {error}")

    def add_pem(self, pem: str | bytes, kid: str | None) -> None:
        name = "PEM" if kid is None else f"kid {kid!r}"
        try:
            for block in loading.pem_blocks(pem):
                self._add_block(name, block, kid)
        except ConfigurationError as error:
            self.refused.append(f"{name}: {error}")

    def _add_block(self, name: str, block: loading.PemBlock, kid: str | None) -> None:
        if block.private:
            raise ConfigurationError("it is a private key; publish the public half")
        self._add(name, Key.all_from_pem(block, kid, self.among))

    def _add(self, name: str, keys: tuple[Key, ...]) -> None:
        self.found += keys
        if not keys:
            self.passed_over.append(f"{name}: {_UNUSED}")

    def result(self) -> Published:
        # Of two different keys under one name neither can be told to be the right one.
        keys = dict.fromkeys(self.found)
        names = Counter[tuple[str | None, str]](
            (key.kid, key.alg) for key in keys if key.kid is not None
        )
        doubled = [name for name, number in names.items() if number > 1]
        refused = [*self.refused, *(f"kid {kid!r}: several keys for {alg}" for kid, alg in doubled)]
        used = [key for key in keys if names[key.kid, key.alg] <= 1]
        return Published(KeySet.published(used), tuple(refused), tuple(self.passed_over))


def read(document: bytes, among: Collection[str] | None) -> Published:
    """Return the keys of *document*: a JWK Set, one JWK, PEM, or PEM by kid.

    Private keys and secrets in a public document are never used. A JWK without
    `alg`, and PEM, carry every algorithm of their type that is in use.

    Args:
        document: As it was fetched; the caller has bounded it.
        among: The algorithms in use, or None: all that are known.

    Raises:
        ConfigurationError: It is no document of keys.
    """
    reading = _Reading(among)
    if loading.is_pem(document):
        # Of a document that was cut the rest is not the issuer's answer.
        loading.pem_blocks(document)
        reading.add_pem(document, None)
        return reading.result()
    read_as = loading.read_object(document)
    pems = loading.certificates(read_as)
    for kid, pem in pems.items():
        reading.add_pem(pem, kid)
    for position, jwk in enumerate(() if pems else _members(read_as)):
        reading.add_jwk(position, jwk)
    return reading.result()


def _members(document: Mapping[str, Any]) -> tuple[Any, ...]:
    if "keys" not in document and "kty" not in document:
        where = (
            "it is an issuer's metadata: the keys are at the address that it calls jwks_uri"
            if "jwks_uri" in document
            else 'it has no list "keys"'
        )
        raise ConfigurationError(f"no document of keys: {where}")
    return loading.jwks_list(document)
