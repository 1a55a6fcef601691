"""Issuers of well-known providers, from their public documentation.

Each function returns a plain `Issuer` whose keys are found by discovery. What a
provider marks access tokens with is checked; where it marks nothing, the
audience keeps ID tokens out. Further options are `Issuer`'s own.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from ._issuer import ANY_AUDIENCE, Issuer
from .errors import ConfigurationError
from .keys import Discovery

__all__ = ["auth0", "cognito", "entra", "google", "keycloak", "okta"]

_RSA = Discovery(algorithms=("RS256",))


def entra(tenant: str, audience: str | Collection[str], **options: Any) -> Issuer:  # noqa: ANN401
    """Trust access tokens of a Microsoft Entra ID tenant (version 2.0).

    Scopes are those of `scp`, roles the app roles of `roles`.

    Args:
        tenant: The tenant's id, a UUID. "common" and the like name no issuer.
        audience: The API's application id (`aud` of version 2.0 tokens); set
            `accessTokenAcceptedVersion` to 2 in its manifest.
        options: Passed on to `Issuer`.

    Raises:
        ConfigurationError: *tenant* is no UUID.
    """
    try:
        tenant = str(UUID(tenant))
    except ValueError:
        raise ConfigurationError(
            f"{tenant!r} is no tenant id; it is the UUID that the Entra portal shows. Apps of many "
            f"tenants give Guard(issuers=…) a function that returns entra(…) for the ones they know"
        ) from None
    options.setdefault("keys", _RSA)
    return Issuer(
        f"https://login.microsoftonline.com/{tenant}/v2.0",
        audience=audience,
        claim_values={"tid": [tenant], "ver": ["2.0"]},
        scope_paths=("scp",),
        role_paths=("roles",),
        refuse_id_tokens=True,
        **options,
    )


def keycloak(
    base: str,
    realm: str,
    audience: str | Collection[str],
    *,
    clients: Collection[str] = (),
    **options: Any,  # noqa: ANN401
) -> Issuer:
    """Trust access tokens of a Keycloak realm.

    Args:
        base: URL of the server, "https://id.example" (older ones end in "/auth").
        realm: The realm's name.
        audience: The API's client id; an audience mapper puts it into `aud`.
        clients: Clients whose roles count too, besides the realm's.
        options: Passed on to `Issuer`.
    """
    return Issuer(
        f"{base.rstrip('/')}/realms/{realm}",
        audience=audience,
        # The payload's own typ: "Bearer" is an access token, "ID" and "Refresh" are not.
        claim_values={"typ": ["Bearer"]},
        scope_paths=("scope",),
        role_paths=(
            "realm_access.roles",
            *(f"resource_access.{client}.roles" for client in clients),
        ),
        **options,
    )


def auth0(domain: str, audience: str | Collection[str], **options: Any) -> Issuer:  # noqa: ANN401
    """Trust access tokens of an Auth0 tenant.

    Scopes are those of `scope` and, with RBAC, of `permissions`.

    Args:
        domain: The tenant's or custom domain, "example.eu.auth0.com".
        audience: The API's identifier.
        options: Passed on to `Issuer`.
    """
    options.setdefault("keys", _RSA)
    return Issuer(
        f"https://{domain}/",
        audience=audience,
        scope_paths=("scope", "permissions"),
        refuse_id_tokens=True,
        **options,
    )


def cognito(
    region: str,
    pool: str,
    client_id: str | Collection[str],
    **options: Any,  # noqa: ANN401
) -> Issuer:
    """Trust access tokens of an Amazon Cognito user pool.

    They carry no `aud`; the client they were issued to is checked instead. Roles
    are the groups of `cognito:groups`.

    Args:
        region: For example "eu-central-1".
        pool: The user pool's id, "eu-central-1_AbCdEf".
        client_id: App clients whose tokens are accepted.
        options: Passed on to `Issuer`.
    """
    clients = [client_id] if isinstance(client_id, str) else client_id
    options.setdefault("keys", _RSA)
    return Issuer(
        f"https://cognito-idp.{region}.amazonaws.com/{pool}",
        audience=ANY_AUDIENCE,
        claim_values={"token_use": ["access"], "client_id": clients},
        scope_paths=("scope",),
        role_paths=("cognito:groups",),
        **options,
    )


def okta(
    domain: str,
    audience: str | Collection[str] = "api://default",
    *,
    server: str = "default",
    **options: Any,  # noqa: ANN401
) -> Issuer:
    """Trust access tokens of an Okta custom authorization server.

    Scopes are those of `scp`, roles the groups of `groups` where a claim of that
    name is configured. The org's own server is for Okta's APIs only.

    Args:
        domain: The org's or custom domain, "example.okta.com".
        audience: The server's audience.
        server: The authorization server's id.
        options: Passed on to `Issuer`.
    """
    options.setdefault("keys", _RSA)
    return Issuer(
        f"https://{domain}/oauth2/{server}",
        audience=audience,
        # Only access tokens carry the client as cid.
        required_claims=("cid",),
        scope_paths=("scp",),
        role_paths=("groups",),
        refuse_id_tokens=True,
        **options,
    )


def google(
    audience: str | Collection[str],
    *,
    hosted_domain: str | Collection[str] | None = None,
    **options: Any,  # noqa: ANN401
) -> Issuer:
    """Trust ID tokens of Google; its access tokens are opaque.

    For Google sign-in, and for service accounts that call a service with an ID
    token made for it.

    Args:
        audience: The OAuth client id, or the URL a service account named.
        hosted_domain: Workspace domains (`hd`) whose accounts are accepted; None
            accepts every Google account.
        options: Passed on to `Issuer`.
    """
    domains = [hosted_domain] if isinstance(hosted_domain, str) else hosted_domain
    options.setdefault("keys", _RSA)
    return Issuer(
        "https://accounts.google.com",
        audience=audience,
        claim_values={} if domains is None else {"hd": domains},
        **options,
    )
