"""Issuers of people who log in: OpenID Connect providers, in the cloud or one's own."""

from collections.abc import Collection
from typing import Unpack
from uuid import UUID

from .._issuer import ANY_AUDIENCE, Issuer, IssuerOptions
from ..errors import ConfigurationError
from ..keys import Jwks
from ._declared import RSA, declared, listed


def entra(tenant: str, audience: str | Collection[str], **options: Unpack[IssuerOptions]) -> Issuer:
    """Trust access tokens of a Microsoft Entra ID tenant (version 2.0).

    Scopes are those of `scp`, roles the app roles of `roles`.

    https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference

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
    return declared(
        f"https://login.microsoftonline.com/{tenant}/v2.0",
        audience,
        options,
        claim_values={"tid": [tenant], "ver": ["2.0"]},
        scope_paths=("scp",),
        role_paths=("roles",),
        refuse_id_tokens=True,
        keys=RSA,
    )


def keycloak(
    base: str,
    realm: str,
    audience: str | Collection[str],
    *,
    clients: Collection[str] = (),
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust access tokens of a Keycloak realm.

    https://www.keycloak.org/securing-apps/oidc-layers

    Args:
        base: URL of the server, "https://id.example" (older ones end in "/auth").
        realm: The realm's name.
        audience: The API's client id; an audience mapper puts it into `aud`.
        clients: Clients whose roles count too, besides the realm's.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"{base.rstrip('/')}/realms/{realm}",
        audience,
        options,
        # The payload's own typ: "Bearer" is an access token, "ID" and "Refresh" are not.
        claim_values={"typ": ["Bearer"]},
        scope_paths=("scope",),
        role_paths=(
            "realm_access.roles",
            *(f"resource_access.{client}.roles" for client in clients),
        ),
    )


def auth0(domain: str, audience: str | Collection[str], **options: Unpack[IssuerOptions]) -> Issuer:
    """Trust access tokens of an Auth0 tenant.

    Scopes are those of `scope` and, with RBAC, of `permissions`.

    https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles

    Args:
        domain: The tenant's or custom domain, "example.eu.auth0.com".
        audience: The API's identifier.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"https://{domain}/",
        audience,
        options,
        scope_paths=("scope", "permissions"),
        refuse_id_tokens=True,
        keys=RSA,
    )


def cognito(
    region: str,
    pool: str,
    client_id: str | Collection[str],
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust access tokens of an Amazon Cognito user pool.

    They carry no `aud`; the client they were issued to is checked instead. Roles
    are the groups of `cognito:groups`.

    https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html

    Args:
        region: For example "eu-central-1".
        pool: The user pool's id, "eu-central-1_AbCdEf".
        client_id: App clients whose tokens are accepted.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"https://cognito-idp.{region}.amazonaws.com/{pool}",
        ANY_AUDIENCE,
        options,
        claim_values={"token_use": ["access"], "client_id": listed(client_id)},
        scope_paths=("scope",),
        role_paths=("cognito:groups",),
        keys=RSA,
    )


def okta(
    domain: str,
    audience: str | Collection[str] = "api://default",
    *,
    server: str = "default",
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust access tokens of an Okta custom authorization server.

    Scopes are those of `scp`, roles the groups of `groups` where a claim of that
    name is configured. The org's own server is for Okta's APIs only.

    https://developer.okta.com/docs/guides/validate-access-tokens/

    Args:
        domain: The org's or custom domain, "example.okta.com".
        audience: The server's audience.
        server: The authorization server's id.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"https://{domain}/oauth2/{server}",
        audience,
        options,
        # Only access tokens carry the client as cid.
        required_claims=("cid",),
        scope_paths=("scp",),
        role_paths=("groups",),
        refuse_id_tokens=True,
        keys=RSA,
    )


def google(
    audience: str | Collection[str],
    *,
    hosted_domain: str | Collection[str] | None = None,
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust ID tokens of Google; its access tokens are opaque.

    For Google sign-in, and for service accounts that call a service with an ID
    token made for it.

    https://developers.google.com/identity/openid-connect/openid-connect

    Args:
        audience: The OAuth client id, or the URL a service account named.
        hosted_domain: Workspace domains (`hd`) whose accounts are accepted; None
            accepts every Google account.
        options: Passed on to `Issuer`.
    """
    return declared(
        "https://accounts.google.com",
        audience,
        options,
        claim_values={} if hosted_domain is None else {"hd": listed(hosted_domain)},
        keys=RSA,
    )


def zitadel(
    domain: str,
    project: str,
    *,
    audience: str | Collection[str] | None = None,
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust access tokens of Zitadel, of applications that have them as JWTs.

    Roles are those that the project grants; of another project, whose client may ask
    for tokens for this one, they say nothing here.

    https://zitadel.com/docs/apis/openidoauth/claims

    Args:
        domain: The instance's or custom domain, "example.zitadel.cloud".
        project: The project's id.
        audience: By default the project.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"https://{domain}",
        project if audience is None else audience,
        options,
        keys=RSA,
        # Only access tokens have an id.
        required_claims=("jti",),
        scope_paths=("scope",),
        role_paths=(f"urn:zitadel:iam:org:project:{project}:roles.*",),
        refuse_id_tokens=True,
    )


def authentik(
    base: str,
    application: str,
    client_id: str | Collection[str],
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust tokens of an authentik provider, with an issuer for each provider.

    It marks access tokens with nothing that ID tokens do not have, so both count: they
    are for the same client. The provider needs a signing key; without one it signs with
    the client's secret.

    https://docs.goauthentik.io/add-secure-apps/providers/oauth2/

    Args:
        base: URL of the server, "https://id.example".
        application: The application's slug.
        client_id: The provider's client id.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"{base.rstrip('/')}/application/o/{application}/",
        client_id,
        options,
        scope_paths=("scope",),
        role_paths=("groups",),
    )


def adfs(
    host: str,
    audience: str | Collection[str],
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust access tokens of Active Directory Federation Services (2016 and later).

    They name another issuer than ID tokens do, and by http: it is a name alone.

    https://learn.microsoft.com/windows-server/identity/ad-fs/overview/ad-fs-openid-connect-oauth-concepts

    Args:
        host: The federation service's name, "sts.example.com".
        audience: The Web API's identifier, "https://api.example.com", or
            "microsoft:identityserver:CLIENT-ID" where it has none.
        options: Passed on to `Issuer`.
    """
    return declared(
        f"http://{host}/adfs/services/trust",
        audience,
        options,
        keys=Jwks(f"https://{host}/adfs/discovery/keys", algorithms=("RS256",)),
        # The client; ID tokens have none.
        required_claims=("appid",),
        scope_paths=("scp",),
        role_paths=("role",),
    )
