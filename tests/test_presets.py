"""Presets accept a realistic access token and refuse what is none."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_guard import ConfigurationError, Guard, Identity, Issuer, Key
from jwt_guard.errors import InvalidToken
from jwt_guard.presets import auth0, cognito, entra, google, keycloak, okta

PRIVATE = rsa.generate_private_key(65537, 2048)
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
TENANT = "8f5b1b1e-7a30-4a9e-9a55-3d1f2a0c4b11"

ENTRA = {
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "aud": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
    "azp": "11111111-2222-3333-4444-555555555555",
    "azpacr": "1",
    "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    "scp": "messages.read messages.write",
    "roles": ["Editor"],
    "sub": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
    "tid": TENANT,
    "uti": "fqiBqXLPj0eQa82S-IYFAA",
    "ver": "2.0",
}
KEYCLOAK = {
    "iss": "https://id.example/realms/shop",
    "aud": ["messages-api", "account"],
    "sub": "f6f6e1c0-0d5c-4a0f-9c7d-0f5b0c5c1c11",
    "typ": "Bearer",
    "azp": "web",
    "sid": "c1b9a1f0-1111-2222-3333-444455556666",
    "acr": "1",
    "realm_access": {"roles": ["offline_access", "editor"]},
    "resource_access": {"messages-api": {"roles": ["admin"]}, "account": {"roles": ["view"]}},
    "scope": "openid email messages:read",
}
AUTH0 = {
    "iss": "https://example.eu.auth0.com/",
    "aud": ["https://api.example", "https://example.eu.auth0.com/userinfo"],
    "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
    "azp": "my_client_id",
    "scope": "openid profile",
    "permissions": ["messages:read"],
}
COGNITO = {
    "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf",
    "sub": "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
    "client_id": "5h7example",
    "token_use": "access",
    "scope": "messages/read aws.cognito.signin.user.admin",
    "cognito:groups": ["editors"],
    "username": "joe",
    "jti": "11111111-2222-3333-4444-555555555555",
}
OKTA = {
    "iss": "https://example.okta.com/oauth2/default",
    "aud": "api://default",
    "cid": "0oa1example",
    "uid": "00u1example",
    "scp": ["openid", "messages:read"],
    "groups": ["Everyone", "Editors"],
    "sub": "joe@example.com",
    "ver": 1,
}
GOOGLE = {
    "iss": "https://accounts.google.com",
    "aud": "1234.apps.googleusercontent.com",
    "azp": "1234.apps.googleusercontent.com",
    "sub": "110169484474386276334",
    "email": "joe@example.com",
    "email_verified": True,
    "hd": "example.com",
}

Preset = Callable[[], Issuer]

PRESETS: dict[str, tuple[Preset, dict[str, Any], set[str], set[str]]] = {
    "entra": (
        lambda: entra(TENANT, ENTRA["aud"]),
        ENTRA,
        {"messages.read", "messages.write"},
        {"Editor"},
    ),
    "keycloak": (
        lambda: keycloak("https://id.example/", "shop", "messages-api", clients=["messages-api"]),
        KEYCLOAK,
        {"openid", "email", "messages:read"},
        {"offline_access", "editor", "admin"},
    ),
    "auth0": (
        lambda: auth0("example.eu.auth0.com", "https://api.example"),
        AUTH0,
        {"openid", "profile", "messages:read"},
        set(),
    ),
    "cognito": (
        lambda: cognito("eu-central-1", "eu-central-1_AbCdEf", "5h7example"),
        COGNITO,
        {"messages/read", "aws.cognito.signin.user.admin"},
        {"editors"},
    ),
    "okta": (
        lambda: okta("example.okta.com"),
        OKTA,
        {"openid", "messages:read"},
        {"Everyone", "Editors"},
    ),
    "google": (
        lambda: google("1234.apps.googleusercontent.com", hosted_domain="example.com"),
        GOOGLE,
        set(),
        set(),
    ),
}

REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "entra, another tenant": ("entra", {"tid": "00000000-0000-0000-0000-000000000000"}),
    "entra, version 1": ("entra", {"ver": "1.0"}),
    "entra, ID token": ("entra", {"nonce": "n"}),
    "entra, another API": ("entra", {"aud": "00000000-0000-0000-0000-000000000000"}),
    "keycloak, ID token": ("keycloak", {"typ": "ID"}),
    "keycloak, refresh token": ("keycloak", {"typ": "Refresh"}),
    "keycloak, typ as object": ("keycloak", {"typ": {"Bearer": 1}}),
    "auth0, ID token": ("auth0", {"aud": "my_client_id", "nonce": "n"}),
    "cognito, ID token": ("cognito", {"token_use": "id"}),
    "cognito, another client": ("cognito", {"client_id": "other"}),
    "cognito, no client": ("cognito", {"client_id": None}),
    "okta, no client": ("okta", {"cid": None}),
    "google, another domain": ("google", {"hd": "elsewhere.example"}),
}


def authenticate(preset: Preset, claims: dict[str, Any]) -> Identity:
    """Verify with the preset's rules; its key is the test's, all else its own."""
    key = Key.from_pem(PEM, alg="RS256", kid="1")
    issuer = replace(preset(), keys=key)
    now = int(time.time())
    token = jwt.encode({"iat": now, "exp": now + 3600} | claims, PRIVATE, "RS256", {"kid": "1"})
    return Guard(issuer).authenticate([b"Bearer " + token.encode()])


@pytest.mark.parametrize("name", PRESETS)
def test_accepted(name: str) -> None:
    """A realistic access token is accepted, with its scopes and roles."""
    preset, claims, scopes, roles = PRESETS[name]
    identity = authenticate(preset, claims)
    assert set(identity.scopes) == scopes
    assert set(identity.roles) == roles
    assert identity.subject == claims["sub"]


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """What is no access token for this API is refused."""
    preset, changes = REFUSED[name]
    make, claims, _, _ = PRESETS[preset]
    with pytest.raises(InvalidToken):
        authenticate(make, claims | changes)


def test_entra_tenant() -> None:
    """Only a tenant's id names an issuer."""
    with pytest.raises(ConfigurationError, match="common"):
        entra("common", "x")


def test_options() -> None:
    """Options of Issuer pass through, and several values may be named."""
    assert auth0("a.example", "x", leeway=3).leeway == 3
    many = cognito("r", "p", ["a", "b"])
    assert dict(many.claim_values)["client_id"] == ("a", "b")
    assert google("x").claim_values == {}
    assert dict(google("x", hosted_domain=["a"]).claim_values) == {"hd": ("a",)}
