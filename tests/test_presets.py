"""Presets accept a realistic access token and refuse what is none."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from jwt_guard import ConfigurationError, Guard, Identity, Issuer, Jwks, Key, KeySet, presets
from jwt_guard._issuer import origins
from jwt_guard.errors import InvalidToken
from jwt_guard.keys import HttpFetcher
from jwt_guard.presets import (
    adfs,
    auth0,
    authentik,
    clerk,
    cloudflare_access,
    cognito,
    entra,
    firebase,
    github_actions,
    google,
    google_iap,
    keycloak,
    kubernetes,
    okta,
    spiffe,
    supabase,
    zitadel,
)
from tests.keys.certificates import tls_for
from tests.keys.provider import AUDIENCE, Handler, running

PRIVATE = rsa.generate_private_key(65537, 2048)
PEM = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
KEY = Key.from_pem(PEM, alg="RS256", kid="1")
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

ZITADEL = {
    "iss": "https://example.zitadel.cloud",
    "aud": ["201982826478953724@shop", "201982826478953725"],
    "sub": "201982826478953700",
    "azp": "201982826478953724@shop",
    "client_id": "201982826478953724@shop",
    "jti": "V2_201982826478953799-at_201982826478953800",
    "scope": "openid profile",
    "urn:zitadel:iam:org:project:roles": {"editor": {"201982826478953600": "acme.zitadel.cloud"}},
    "urn:zitadel:iam:org:project:201982826478953725:roles": {
        "editor": {"201982826478953600": "acme.zitadel.cloud"},
        "admin": {"201982826478953600": "acme.zitadel.cloud"},
    },
}
AUTHENTIK = {
    "iss": "https://id.example/application/o/shop/",
    "aud": "Qk1example",
    "azp": "Qk1example",
    "sub": "f0e4c2f76c58916ec258f246851bea091d14d4247a2fc3e18694461b1816e13b",
    "uid": "Vb1example",
    "auth_time": 1700000000,
    "acr": "goauthentik.io/providers/oauth2/default",
    "amr": ["pwd"],
    "email": "joe@example.com",
    "email_verified": True,
    "groups": ["authentik Admins", "Editors"],
    "scope": "openid email profile",
}
ADFS = {
    "iss": "http://sts.example.com/adfs/services/trust",
    "aud": "https://api.example.com",
    "sub": "lRcTVSfKxZrXJYVEqJ4r1Fg8vJrPVjjUl2qQ",
    "apptype": "Public",
    "appid": "6e74172b-be56-4843-9ff4-e66a39bb12e3",
    "authmethod": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
    "auth_time": "2026-11-25T12:24:23.418Z",
    "ver": "1.0",
    "scp": "openid read",
    "role": ["Editor", "Domain Users"],
}
CLERK = {
    "iss": "https://example.clerk.accounts.dev",
    "azp": "http://localhost:3000",
    "sub": "user_2abcdefghijklmnopqrstuvwxyz",
    "sid": "sess_2abcdefghijklmnopqrstuvwxyz",
    "fva": [7, -1],
    "v": 2,
    "sts": "active",
    "fea": "o:dashboard",
    "pla": "u:free",
    "o": {"id": "org_2abc", "slg": "acme", "rol": "admin", "per": "read,manage", "fpm": "3"},
}
CLERK_1 = {
    "iss": "https://clerk.example.com",
    "sub": "user_2abcdefghijklmnopqrstuvwxyz",
    "sid": "sess_2abcdefghijklmnopqrstuvwxyz",
    "org_id": "org_2abc",
    "org_slug": "acme",
    "org_role": "org:admin",
    "org_permissions": ["org:messages:read"],
}
SUPABASE = {
    "iss": "https://abcdefghijklmnopqrst.supabase.co/auth/v1",
    "aud": "authenticated",
    "sub": "5d8f7a64-6a0f-4a68-bd4c-8e1a7b9a1f11",
    "email": "joe@example.com",
    "phone": "",
    "app_metadata": {"provider": "email", "providers": ["email"]},
    "user_metadata": {"email_verified": True},
    "role": "authenticated",
    "aal": "aal1",
    "amr": [{"method": "password", "timestamp": 1700000000}],
    "session_id": "1b9f2c1e-1111-2222-3333-444455556666",
    "is_anonymous": False,
}
FIREBASE = {
    "iss": "https://securetoken.google.com/shop-12345",
    "aud": "shop-12345",
    "auth_time": 1700000000,
    "user_id": "gXyzExample",
    "sub": "gXyzExample",
    "email": "joe@example.com",
    "email_verified": True,
    "roles": ["editor"],
    "firebase": {"identities": {"email": ["joe@example.com"]}, "sign_in_provider": "password"},
}
GITHUB = {
    "iss": "https://token.actions.githubusercontent.com",
    "aud": "https://api.example",
    "jti": "example-id",
    "sub": "repo:octo-org/octo-repo:environment:prod",
    "environment": "prod",
    "ref": "refs/heads/main",
    "sha": "example-sha",
    "repository": "octo-org/octo-repo",
    "repository_owner": "octo-org",
    "actor_id": "12",
    "repository_visibility": "private",
    "repository_id": "74",
    "repository_owner_id": "65",
    "run_id": "1234567890",
    "run_number": "10",
    "run_attempt": "2",
    "runner_environment": "github-hosted",
    "actor": "octocat",
    "workflow": "example-workflow",
    "head_ref": "",
    "base_ref": "",
    "event_name": "workflow_dispatch",
    "ref_type": "branch",
    "job_workflow_ref": "octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
    "workflow_ref": "octo-org/octo-repo/.github/workflows/example.yml@refs/heads/main",
}
KUBERNETES = {
    "iss": "https://kubernetes.default.svc.cluster.local",
    "aud": ["https://api.example"],
    "jti": "aed34954-b33a-4142-b1ec-389d6bbb4936",
    "kubernetes.io": {
        "namespace": "shop",
        "node": {"name": "my-node", "uid": "646e7c5e-32d6-4d42-9dbd-e504e6cbe6b1"},
        "pod": {"name": "my-pod", "uid": "5e0bd49b-f040-43b0-99b7-22765a53f7f3"},
        "serviceaccount": {"name": "web", "uid": "14ee3fa4-a7e2-420f-9f9a-dbc4507c3798"},
        "warnafter": 4102444800,
    },
    "sub": "system:serviceaccount:shop:web",
}
SPIFFE = {"aud": ["https://api.example"], "sub": "spiffe://example.org/ns/shop/sa/web"}
SPIRE = SPIFFE | {"iss": "https://oidc.example.org"}
IAP = {
    "iss": "https://cloud.google.com/iap",
    "aud": "/projects/1234/global/backendServices/5678",
    "azp": "/projects/1234/global/backendServices/5678",
    "sub": "accounts.google.com:110169484474386276334",
    "email": "joe@example.com",
    "hd": "example.com",
    "google": {"access_levels": ["accessPolicies/1/accessLevels/office"]},
}
CLOUDFLARE = {
    "iss": "https://yourteam.cloudflareaccess.com",
    "aud": ["32eafc7626e974616deaf0dc3ce63d7bcbed58a2731e84d06bc3cdf1b53c4228"],
    "email": "user@example.com",
    "type": "app",
    "identity_nonce": "6ei69kawdKzMIAPF",
    "sub": "7335d417-61da-459d-899c-0a01c76a2f94",
    "country": "US",
    "custom": {"groups": ["editors"]},
}
# A service token's: https://developers.cloudflare.com/cloudflare-one/identity/service-tokens/
CLOUDFLARE_SERVICE = {
    "iss": "https://yourteam.cloudflareaccess.com",
    "aud": CLOUDFLARE["aud"],
    "type": "app",
    "common_name": "e367826f93b8d71185e03fe518aff3b4.access",
    "sub": "",
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
    "zitadel": (
        lambda: zitadel("example.zitadel.cloud", "201982826478953725"),
        ZITADEL,
        {"openid", "profile"},
        {"editor", "admin"},
    ),
    "authentik": (
        lambda: authentik("https://id.example/", "shop", "Qk1example"),
        AUTHENTIK,
        {"openid", "email", "profile"},
        {"authentik Admins", "Editors"},
    ),
    "adfs": (
        lambda: adfs("sts.example.com", "https://api.example.com"),
        ADFS,
        {"openid", "read"},
        {"Editor", "Domain Users"},
    ),
    "clerk": (
        lambda: clerk("example.clerk.accounts.dev", ["http://localhost:3000"]),
        CLERK,
        set(),
        {"admin"},
    ),
    "clerk, version 1, no page": (
        lambda: clerk("clerk.example.com", "https://app.example.com"),
        CLERK_1,
        {"org:messages:read"},
        {"org:admin"},
    ),
    "clerk, with an audience": (
        lambda: clerk("clerk.example.com", "https://app.example.com", audience="api"),
        CLERK_1 | {"aud": "api"},
        {"org:messages:read"},
        {"org:admin"},
    ),
    "supabase": (lambda: supabase("abcdefghijklmnopqrst"), SUPABASE, set(), {"authenticated"}),
    "supabase, its own domain": (
        lambda: supabase("https://auth.example.com/"),
        SUPABASE | {"iss": "https://auth.example.com/auth/v1"},
        set(),
        {"authenticated"},
    ),
    "firebase": (lambda: firebase("shop-12345"), FIREBASE, set(), {"editor"}),
    "github_actions": (
        lambda: github_actions("https://api.example", repository_id="74"),
        GITHUB,
        set(),
        set(),
    ),
    "github_actions, an owner": (
        lambda: github_actions("https://api.example", owner_id=["65", "66"]),
        GITHUB,
        set(),
        set(),
    ),
    "kubernetes": (
        lambda: kubernetes("https://api.example", accounts=["shop/web"], keys=KEY),
        KUBERNETES,
        set(),
        set(),
    ),
    "kubernetes, all accounts": (
        lambda: kubernetes("https://api.example", keys=KEY),
        KUBERNETES,
        set(),
        set(),
    ),
    "spiffe": (
        lambda: spiffe("example.org", "https://api.example", ["/ns/shop/sa/web"], keys=KEY),
        SPIFFE,
        set(),
        set(),
    ),
    "spiffe, SPIRE": (
        lambda: spiffe(
            "example.org",
            "https://api.example",
            "/ns/shop/sa/web",
            issuer="https://oidc.example.org",
        ),
        SPIRE,
        set(),
        set(),
    ),
    "google_iap": (lambda: google_iap(IAP["aud"], hosted_domain="example.com"), IAP, set(), set()),
    "cloudflare_access": (
        lambda: cloudflare_access("yourteam", CLOUDFLARE["aud"]),
        CLOUDFLARE,
        set(),
        {"editors"},
    ),
    "cloudflare_access, a service": (
        lambda: cloudflare_access("yourteam", CLOUDFLARE["aud"]),
        CLOUDFLARE_SERVICE,
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
    "zitadel, ID token": ("zitadel", {"jti": None}),
    "zitadel, another project": ("zitadel", {"aud": ["201982826478953726"]}),
    "authentik, another application": (
        "authentik",
        {"iss": "https://id.example/application/o/admin/"},
    ),
    "adfs, ID token": ("adfs", {"iss": "https://sts.example.com/adfs"}),
    "adfs, no client": ("adfs", {"appid": None}),
    "clerk, another page": ("clerk", {"azp": "https://evil.example"}),
    "clerk, not complete": ("clerk", {"sts": "pending"}),
    "clerk, no session": ("clerk", {"sid": None}),
    "clerk, no audience": ("clerk, with an audience", {"aud": None}),
    "supabase, key of the project": ("supabase", {"role": "anon"}),
    "supabase, key of the server": ("supabase", {"role": "service_role"}),
    "supabase, another project": ("supabase", {"iss": "https://other.supabase.co/auth/v1"}),
    "firebase, another project": ("firebase", {"aud": "other-12345"}),
    "firebase, session cookie": ("firebase", {"iss": "https://session.firebase.google.com/shop"}),
    "firebase, nobody": ("firebase", {"sub": None}),
    "github_actions, another repository": ("github_actions", {"repository_id": "75"}),
    "github_actions, same name": ("github_actions", {"repository_id": None}),
    "github_actions, another owner": ("github_actions, an owner", {"repository_owner_id": "67"}),
    "kubernetes, another account": (
        "kubernetes",
        {"sub": "system:serviceaccount:shop:default"},
    ),
    "kubernetes, another namespace": ("kubernetes", {"sub": "system:serviceaccount:evil:web"}),
    "kubernetes, a legacy token": ("kubernetes", {"kubernetes.io": None}),
    "spiffe, another domain": ("spiffe", {"sub": "spiffe://example.com/ns/shop/sa/web"}),
    "spiffe, a longer domain": ("spiffe", {"sub": "spiffe://example.org.evil/ns/shop/sa/web"}),
    "spiffe, another workload": ("spiffe", {"sub": "spiffe://example.org/ns/shop/sa/we"}),
    "spiffe, an issuer": ("spiffe", {"iss": "https://oidc.example.org"}),
    "spiffe, another server": ("spiffe, SPIRE", {"iss": "https://oidc.example.com"}),
    "google_iap, another backend": (
        "google_iap",
        {"aud": "/projects/1234/global/backendServices/9"},
    ),
    "google_iap, another domain": ("google_iap", {"hd": None}),
    "cloudflare_access, session": ("cloudflare_access", {"type": "org"}),
    "cloudflare_access, another app": ("cloudflare_access", {"aud": ["x"]}),
}


def authenticate(preset: Preset, claims: dict[str, Any]) -> Identity:
    """Verify with the preset's rules; its key is the test's, all else its own."""
    issuer = replace(preset(), keys=KEY)
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


def test_every_preset() -> None:
    """Each preset has a token that it accepts, and one that it refuses."""
    accepted = {name.partition(",")[0] for name in PRESETS}
    refused = {name.partition(",")[0] for name in REFUSED}
    assert accepted == refused == set(presets.__all__)


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


def test_extended() -> None:
    """What a preset requires is added to; all else is replaced."""
    issuer = keycloak(
        "https://id.example",
        "shop",
        "api",
        required_claims=["sid"],
        claim_values={"azp": ["web"]},
        claim_values_if_present={"acr": ["1"]},
        role_paths=["groups"],
        refuse_id_tokens=True,
    )
    assert dict(issuer.claim_values) == {"typ": ("Bearer",), "azp": ("web",)}
    assert issuer.required_claims == ("sid",)
    assert dict(issuer.claim_values_if_present) == {"acr": ("1",)}
    assert issuer.role_paths == ("groups",)
    assert issuer.refuse_id_tokens
    assert okta("a.example", required_claims=["x", "cid"]).required_claims == ("cid", "x")
    same = entra(TENANT, "x", claim_values={"ver": ["1.0", "2.0"]})
    assert dict(same.claim_values) == {"tid": (TENANT,), "ver": ("1.0", "2.0")}
    strict = clerk("a.example", ["b"], claim_values_if_present={"v": ["2"]})
    assert sorted(strict.claim_values_if_present) == ["azp", "sts", "v"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"required_claims": "sub"}, "required_claims is a list"),
        ({"claim_values": ["sub"]}, "claim_values is a mapping"),
        ({"claim_values_if_present": None}, "claim_values_if_present is a mapping"),
        ({"name": "x"}, "the preset says the name itself"),
        ({"leway": 1}, "Issuer has no option leway; did you mean leeway?"),
    ],
)
def test_wrong_options(options: dict[str, Any], expected: str) -> None:
    """What `Issuer` does not take, a preset does not take either."""
    with pytest.raises(ConfigurationError, match=expected):
        google("x", **options)


def test_github_actions_for_everybody() -> None:
    """Workflows of everybody are never trusted; nor of a name, which may change hands."""
    with pytest.raises(ConfigurationError, match="say whose you trust"):
        github_actions("x")
    wrong: list[dict[str, Any]] = [
        {"repository_id": "octo-org/octo-repo"},
        {"owner_id": "octo-org"},
        {"owner_id": ""},
        {"owner_id": []},
        {"owner_id": ["65", 66]},
    ]
    for ids in wrong:
        with pytest.raises(ConfigurationError, match="repository_id and owner_id are digits"):
            github_actions("x", **ids)


def test_kubernetes_keys(tmp_path: Path) -> None:
    """The keys come from inside of the cluster, with the pod's token and its authority."""
    with pytest.raises(ConfigurationError, match="cannot read the authorities in '/var/run/secre"):
        kubernetes("x")
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----")
    (location,) = origins(kubernetes("x", folder=str(tmp_path)))
    assert location == Jwks("https://kubernetes.default.svc/openid/v1/jwks")
    assert isinstance(location, Jwks)
    assert location.fetcher == HttpFetcher(
        ca_file=f"{tmp_path}/ca.crt", token_file=f"{tmp_path}/token"
    )
    for account in ("web", "shop/", "Shop/web", "shop/web/x", "shop:web"):
        with pytest.raises(ConfigurationError, match="a service account is written as"):
            kubernetes("x", accounts=[account], keys=KEY)


def test_kubernetes_cluster(tmp_path: Path) -> None:
    """The API is asked with the pod's token as it is now, and its keys verify accounts."""
    context, ca_file = tls_for("localhost", tmp_path)
    Path(ca_file).rename(tmp_path / "ca.crt")
    asked: list[tuple[str, str]] = []
    with running(context) as provider:

        def answer(handler: Handler) -> None:
            asked.append((handler.path, handler.headers["Authorization"]))
            handler.answer(json.dumps({"keys": provider.keys}).encode(), 200)

        provider.fault = answer
        issuer = kubernetes(AUDIENCE, api=f"{provider.issuer}/", folder=str(tmp_path))
        for number in ("first", "second"):
            (tmp_path / "token").write_text(f"{number}\n")
            claims: dict[str, Any] = KUBERNETES | {"aud": [AUDIENCE]}
            identity = Guard(issuer).authenticate([provider.token("1", **claims)])
            assert identity.subject == "system:serviceaccount:shop:web"
    assert asked == [
        ("/openid/v1/jwks", "Bearer first"),
        ("/openid/v1/jwks", "Bearer second"),
    ]


def test_spiffe_names() -> None:
    """A trust domain and paths are those of SPIFFE IDs; without keys there is nobody to ask."""
    for domain in ("", "Example.org", "spiffe://example.org", "example.org/x"):
        with pytest.raises(ConfigurationError, match="a trust domain is a name like"):
            spiffe(domain, "x", ["/a"], keys=KEY)
    for path in ("", "/", "a", "/a/", "/../a", "/a/.", "/a//b", "/a b"):
        with pytest.raises(ConfigurationError, match="a workload is a path like"):
            spiffe("example.org", "x", [path], keys=KEY)
    assert spiffe("example.org", "x", ["/...", "/.a/b."], keys=KEY)
    with pytest.raises(ConfigurationError, match="need keys that are given"):
        spiffe("example.org", "x", ["/a"])
    with pytest.raises(ConfigurationError, match="is empty, and nothing would pass"):
        spiffe("example.org", "x", [], keys=KEY)


@pytest.mark.parametrize("typ", ["JWT", "JOSE"])
def test_spiffe_types(typ: str) -> None:
    """The header of a JWT-SVID says JWT or JOSE; the bundle's key is for JWT-SVIDs."""
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(PRIVATE.public_key(), as_dict=True)
    bundle = {"keys": [jwk | {"use": "jwt-svid", "kid": "1"}, {"use": "x509-svid", **jwk}]}
    issuer = spiffe(
        "example.org", "https://api.example", ["/ns/shop/sa/web"], keys=KeySet.from_jwks(bundle)
    )
    claims = SPIFFE | {"exp": int(time.time()) + 60}
    token = jwt.encode(claims, PRIVATE, "RS256", {"kid": "1", "typ": typ})
    identity = Guard(issuer).authenticate([b"Bearer " + token.encode()])
    assert identity.subject == SPIFFE["sub"]
    assert identity.issuer == "spiffe://example.org"
