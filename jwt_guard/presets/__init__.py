"""Issuers of well-known providers, from their public documentation.

Each function returns a plain `Issuer`. What a provider marks access tokens with is
checked; where it marks nothing, the audience keeps ID tokens out. Whatever `Issuer`
takes stands beside a function's own arguments: `required_claims`, `claim_values` and
`claim_values_if_present` are added to the preset's, anything else replaces it.

`_logins` has those of people, `_backends` those of backends as a service,
`_workloads` those of programs, `_proxies` those in front of apps.
"""

from ._backends import clerk, firebase, supabase
from ._logins import adfs, auth0, authentik, cognito, entra, google, keycloak, okta, zitadel
from ._proxies import cloudflare_access, google_iap
from ._workloads import github_actions, kubernetes, spiffe

__all__ = [
    "adfs",
    "auth0",
    "authentik",
    "clerk",
    "cloudflare_access",
    "cognito",
    "entra",
    "firebase",
    "github_actions",
    "google",
    "google_iap",
    "keycloak",
    "kubernetes",
    "okta",
    "spiffe",
    "supabase",
    "zitadel",
]
