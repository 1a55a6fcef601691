"""Issuers of programs' tokens: GitHub Actions, Kubernetes, SPIFFE."""

import re
from collections.abc import Collection
from pathlib import PurePosixPath
from typing import Unpack

from .._issuer import Issuer, IssuerOptions
from ..errors import ConfigurationError
from ..keys import HttpFetcher, Jwks
from ._declared import RSA, declared, listed

# DNS-1123 names, as namespaces and service accounts have them.
_ACCOUNT = re.compile(r"([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)/([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)")
# trust-domain = 1*( lower-case letters, digits, ".", "-", "_" )      (SPIFFE-ID §2.1)
_TRUST_DOMAIN = re.compile(r"[a-z0-9._-]+")
# path segments of letters, digits, ".", "-", "_"; no "." and ".." alone  (SPIFFE-ID §2.2)
_WORKLOAD = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._-]+)+")

# Where Kubernetes puts a pod's own token and the cluster's authority.
_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def github_actions(
    audience: str | Collection[str],
    *,
    repository_id: str | Collection[str] | None = None,
    owner_id: str | Collection[str] | None = None,
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust the OpenID Connect tokens of GitHub Actions' workflows.

    Anybody's workflow gets such tokens, for any audience: so it must be said whose.
    Names of owners and repositories can be taken by others once they are given up;
    their ids cannot. Which branch or environment may do what is for rules to say:
    `claim("ref", "refs/heads/main")`.

    https://docs.github.com/en/actions/reference/security/oidc

    Args:
        audience: What the workflow asks for: `core.getIDToken("…")`.
        repository_id: Repositories, by their ids: `id` of api.github.com/repos/OWNER/NAME.
        owner_id: Users or organisations, by their ids, all of whose repositories count.
        options: Passed on to `Issuer`.

    Raises:
        ConfigurationError: Neither of the two, or no ids.
    """
    ids = {"repository_id": repository_id, "repository_owner_id": owner_id}
    values = {claim: listed(said) for claim, said in ids.items() if said is not None}
    if not values:
        raise ConfigurationError(
            "everybody's workflows get tokens of GitHub Actions; say whose you trust, "
            'repository_id="123456789" or owner_id="1234567"'
        )
    for said in values.values():
        if not said or not all(isinstance(one, str) and one.isdecimal() for one in said):
            raise ConfigurationError(
                "repository_id and owner_id are digits, for example '123456789': the id that "
                "https://api.github.com/repos/OWNER/NAME shows, and not the name"
            )
    return declared(
        "https://token.actions.githubusercontent.com",
        audience,
        options,
        keys=RSA,
        claim_values=values,
        required_claims=("sub", "repository", "workflow_ref"),
        scope_paths=(),
        role_paths=(),
    )


def kubernetes(
    audience: str | Collection[str],
    *,
    accounts: Collection[str] | None = None,
    issuer: str = "https://kubernetes.default.svc.cluster.local",
    api: str = "https://kubernetes.default.svc",
    folder: str = _SERVICE_ACCOUNT,
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust the service accounts of the cluster that this program runs in.

    Its keys are asked for at the API inside of the cluster, with this pod's own token
    and the cluster's authority; both files are read again as they change, and the token
    goes nowhere else. Every pod gets tokens for whatever audience it asks for: so say
    by *accounts*, or by rules, whose you trust.

    https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/

    Args:
        audience: What the callers' projected volume (`serviceAccountToken`) names.
        accounts: Service accounts that are trusted, as "namespace/name"; None trusts
            every one of the cluster.
        issuer: What `kubectl get --raw /.well-known/openid-configuration` says.
        api: Where the cluster's API is.
        folder: Where this pod's token and the authority are.
        options: Passed on to `Issuer`.

    Raises:
        ConfigurationError: No such account; or the program runs in no pod.
    """
    place = PurePosixPath(folder)
    if "keys" not in options:
        fetcher = HttpFetcher(ca_file=str(place / "ca.crt"), token_file=str(place / "token"))
        options["keys"] = Jwks(f"{api.rstrip('/')}/openid/v1/jwks", fetcher=fetcher)
    return declared(
        issuer,
        audience,
        options,
        claim_values={} if accounts is None else {"sub": [_subject(one) for one in accounts]},
        required_claims=("sub", "kubernetes.io"),
        scope_paths=(),
        role_paths=(),
    )


def _subject(account: str) -> str:
    found = _ACCOUNT.fullmatch(account)
    if found is None:
        raise ConfigurationError(
            f"a service account is written as 'namespace/name', not {account!r}"
        )
    return f"system:serviceaccount:{found[1]}:{found[2]}"


def spiffe(
    trust_domain: str,
    audience: str | Collection[str],
    workloads: Collection[str],
    *,
    issuer: str | None = None,
    **options: Unpack[IssuerOptions],
) -> Issuer:
    """Trust JWT-SVIDs of workloads of one trust domain.

    Most name no issuer: then `keys=` is the domain's bundle, for example
    `KeySet.load("bundle.json")`, of which the keys for `jwt-svid` count.

    https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md

    Args:
        trust_domain: The domain's name, "example.org".
        audience: What this API is called where workloads ask for tokens.
        workloads: Paths of the SPIFFE IDs that are trusted, "/ns/shop/sa/web".
        issuer: The value of `iss`, where the tokens have one (SPIRE's `jwt_issuer`); its
            keys are then found by discovery, unless *keys* are given.
        options: Passed on to `Issuer`.

    Raises:
        ConfigurationError: No such domain or path, or no keys.
    """
    if not _TRUST_DOMAIN.fullmatch(trust_domain):
        raise ConfigurationError(f"a trust domain is a name like 'example.org': {trust_domain!r}")
    for path in listed(workloads):
        if not _WORKLOAD.fullmatch(path):
            raise ConfigurationError(f"a workload is a path like '/ns/shop/sa/web': {path!r}")
    domain = f"spiffe://{trust_domain}"
    return declared(
        domain if issuer is None else issuer,
        audience,
        options,
        names_issuer=issuer is not None,
        # JWT-SVID §2.3: typ is JWT or JOSE, or not there.
        token_types=(None, "JWT", "JOSE"),
        claim_values={"sub": [f"{domain}{path}" for path in listed(workloads)]},
        scope_paths=(),
        role_paths=(),
    )
