"""Issuers of what apps have for a backend: Clerk, Supabase, Firebase."""

from collections.abc import Collection
from typing import Unpack

from .._issuer import ANY_AUDIENCE, Issuer, IssuerOptions
from ..keys import Jwks
from ._declared import RSA, declared, listed


def clerk(
    domain: str,
    origins: str | Collection[str],
    *,
    audience: str | Collection[str] | None = None,
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust session tokens of Clerk.

    They carry no `aud`; the page that they were made for (`azp`) is checked where it is
    named. Tokens of a session that is not complete (`sts` of "pending") are refused.
    Roles are that of the active organisation, "admin" (version 2) or "org:admin";
    scopes its permissions in tokens of version 1.

    https://clerk.com/docs/guides/sessions/session-tokens

    Args:
        domain: The Frontend API's, "clerk.example.com" or "example.clerk.accounts.dev".
        origins: Origins of your pages, "https://app.example.com".
        audience: Where the session token was customised to have an `aud`.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"https://{domain}",
        ANY_AUDIENCE if audience is None else audience,
        options,
        keys=RSA,
        # Every token of a session has them, and other JWTs of Clerk's do not.
        required_claims=("sid", "sub"),
        claim_values_if_present={"azp": listed(origins), "sts": ["active"]},
        scope_paths=("org_permissions",),
        role_paths=("o.rol", "org_role"),
    )


def supabase(
    project: str,
    audience: str | Collection[str] = "authenticated",
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust the tokens of people who are logged in to a Supabase project.

    The role is the database's, "authenticated". Guests (`is_anonymous`) have it too:
    where they must not, require `claim("is_anonymous", accepted=False)`. Projects that
    sign with the old shared secret give it beside the keys:
    `keys=[Jwks("https://….supabase.co/auth/v1/.well-known/jwks.json"),
    Key.secret(SECRET, alg="HS256")]`.

    https://supabase.com/docs/guides/auth/jwt-fields

    Args:
        project: The project's reference, "abcdefghijklmnopqrst", or the https URL of
            another place of its own, "https://auth.example.com".
        audience: What `aud` is.
        options: Passed on to `Issuer`.
    """
    base = project.rstrip("/") if "://" in project else f"https://{project}.supabase.co"
    issuer = f"{base}/auth/v1"
    return declared(
        issuer,
        audience,
        options,
        keys=Jwks(f"{issuer}/.well-known/jwks.json", algorithms=("ES256", "RS256")),
        # The keys of a project, "anon" and "service_role", are tokens too.
        claim_values={"role": ["authenticated"]},
        required_claims=("sub",),
        scope_paths=(),
        role_paths=("role",),
    )


def firebase(project: str, **options: Unpack[IssuerOptions]) -> Issuer:
    """Trust the ID tokens of Firebase Authentication, which is what its clients send.

    Custom claims stand beside the others: say which of them hold roles or scopes by
    `role_paths=` and `scope_paths=`.

    https://firebase.google.com/docs/auth/admin/verify-id-tokens

    Args:
        project: The project's id.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"https://securetoken.google.com/{project}",
        project,
        options,
        keys=Jwks(
            "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            algorithms=("RS256",),
        ),
        required_claims=("sub", "auth_time"),
        scope_paths=(),
        role_paths=("roles",),
    )
