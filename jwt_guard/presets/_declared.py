"""An issuer of a preset's options and the caller's, together."""

from collections.abc import Collection, Mapping
from typing import Final, Unpack

from .._issuer import AnyAudience, Issuer, IssuerOptions
from ..errors import ConfigurationError
from ..keys import Discovery

RSA: Final = Discovery(algorithms=("RS256",))
"""Where keys are of providers that sign with RSA alone."""


def declared(
    name: str,
    audience: str | Collection[str] | AnyAudience,
    more: IssuerOptions,
    **own: Unpack[IssuerOptions],
) -> Issuer:
    """Return an issuer with the preset's *own* options and *more* of them.

    Raises:
        ConfigurationError: An option is wrong.
    """
    for option in ("name", "audience"):
        if option in more:
            raise ConfigurationError(f"the preset says the {option} itself; drop it")
    options: IssuerOptions = {**own, **more}
    required, values = options.get("required_claims"), options.get("claim_values")
    if isinstance(required, Collection) and not isinstance(required, str):
        options["required_claims"] = (*dict.fromkeys((*own.get("required_claims", ()), *required)),)
    if isinstance(values, Mapping):
        options["claim_values"] = {**own.get("claim_values", {}), **values}
    values = options.get("claim_values_if_present")
    if isinstance(values, Mapping):
        options["claim_values_if_present"] = {**own.get("claim_values_if_present", {}), **values}
    return Issuer(name, audience=audience, **options)


def listed(names: str | Collection[str]) -> Collection[str]:
    """Return one or several names as several."""
    return [names] if isinstance(names, str) else names
