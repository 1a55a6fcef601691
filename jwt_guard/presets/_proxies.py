"""Issuers of proxies that authenticate people, and tell the app who they are.

They bring their assertion in a header field of their own, which anybody could write
who reaches the app past the proxy: so its signature is checked like any other's.
"""

from collections.abc import Collection
from typing import Unpack

from .._issuer import Issuer, IssuerOptions
from ..keys import Jwks
from ._declared import declared, listed


def google_iap(
    audience: str | Collection[str],
    *,
    hosted_domain: str | Collection[str] | None = None,
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust assertions of Google's Identity-Aware Proxy (`x-goog-iap-jwt-assertion`).

    https://cloud.google.com/iap/docs/signed-headers-howto

    Args:
        audience: "/projects/NUMBER/global/backendServices/ID", or
            "/projects/NUMBER/apps/PROJECT" of App Engine.
        hosted_domain: Workspace domains (`hd`) whose accounts are accepted.
        options: Passed on to `Issuer`.
    """
    return declared(
        "https://cloud.google.com/iap",
        audience,
        options,
        keys=Jwks("https://www.gstatic.com/iap/verify/public_key-jwk", algorithms=("ES256",)),
        claim_values={} if hosted_domain is None else {"hd": listed(hosted_domain)},
        required_claims=("sub", "email"),
        scope_paths=(),
        role_paths=(),
    )


def cloudflare_access(
    team: str, audience: str | Collection[str], **options: Unpack[IssuerOptions]
) -> Issuer:
    """Trust application tokens of Cloudflare Access (`Cf-Access-Jwt-Assertion`).

    Browsers bring the same token in the cookie `CF_Authorization`.

    https://developers.cloudflare.com/cloudflare-one/identity/authorization-cookie/application-token/

    Args:
        team: The team's name, of "https://NAME.cloudflareaccess.com".
        audience: The application's AUD tag.
        options: Passed on to `Issuer`.
    """
    issuer = f"https://{team}.cloudflareaccess.com"
    return declared(
        issuer,
        audience,
        options,
        keys=Jwks(f"{issuer}/cdn-cgi/access/certs", algorithms=("RS256",)),
        # "org" is the session at the team's own page.
        claim_values={"type": ["app"]},
        scope_paths=(),
        role_paths=("custom.groups",),
    )
