"""RFC 8414 §2, RFC 9068 §4: jwt_guard.issuer; fetched keys are in tests/keys."""

from collections.abc import Iterator
from dataclasses import MISSING, fields
from typing import Any

import pytest

from jwt_guard import ANY_AUDIENCE, Issuer, Key, KeySet
from jwt_guard._issuer import IssuerOptions, claim_rules, origins, static_keys
from jwt_guard.errors import ConfigurationError
from jwt_guard.keys import Discovery, Jwks
from tests.tokens import AUDIENCE, EC256, ISSUER, RSA, SECRET, STRANGER, issuer, shown

DEFAULTS: dict[str, Any] = {"audience": AUDIENCE, "keys": EC256.key}


def wrong(**options: Any) -> str:
    """Return what is said of an issuer with these options."""
    with pytest.raises(ConfigurationError) as info:
        issuer(**options)
    assert str(info.value).startswith(f"issuer {ISSUER!r}: ")
    assert info.value.__cause__ is None
    return str(info.value).removeprefix(f"issuer {ISSUER!r}: ")


def test_defaults() -> None:
    """By default `iss`, `aud` and `exp` are checked, with ten seconds of leeway."""
    rules = claim_rules(issuer())
    assert rules.issuer == ISSUER
    assert rules.audience == frozenset({AUDIENCE})
    assert rules.leeway == 10
    assert rules.required == ()
    assert rules.values == ()
    assert rules.max_age is None
    assert rules.token_types == {None, "jwt", "at+jwt"}
    assert rules.refuse_id_tokens is False
    assert rules.scope_paths == ("scope", "scp", "scopes")
    assert rules.role_paths == ("roles",)
    assert rules.values_if_present == ()
    assert rules.role_separator is None
    assert rules.numeric_subject is False
    assert rules.names_issuer is True


def test_options() -> None:
    """What is configured is what is checked."""
    rules = claim_rules(
        issuer(
            audience={"a", "b"},
            leeway=0,
            required_claims=("tenant",),
            claim_values={"token_use": ["access"]},
            max_age=0.5,
            token_types={"application/X+JWT", None},
            refuse_id_tokens=True,
            scope_paths=["permissions"],
            role_paths=[],
            claim_values_if_present={"azp": ["web"]},
            role_separator=",",
            numeric_subject=True,
            names_issuer=False,
        )
    )
    assert rules.audience == frozenset({"a", "b"})
    assert rules.leeway == 0
    assert rules.required == ("tenant",)
    assert rules.values == (("token_use", frozenset({"access"})),)
    assert rules.max_age == 0.5
    assert rules.token_types == {None, "x+jwt"}
    assert rules.refuse_id_tokens is True
    assert rules.scope_paths == ("permissions",)
    assert rules.role_paths == ()
    assert rules.values_if_present == (("azp", frozenset({"web"})),)
    assert rules.role_separator == ","
    assert rules.numeric_subject is True
    assert rules.names_issuer is False


@pytest.mark.parametrize("name", ["", None, 5, b"issuer", ["issuer"]])
def test_name(name: Any) -> None:
    """The name is text that is not empty."""
    with pytest.raises(ConfigurationError, match="name is the exact text of iss, not empty"):
        Issuer(name, **DEFAULTS)


@pytest.mark.parametrize(
    "audience", [None, "", [], (), [""], ["a", ""], ["a", None], [5], 5, b"api", True]
)
def test_audience(audience: Any) -> None:
    """The audience is a name or several; skipping the check has to be spelled out."""
    assert "say audience=ANY_AUDIENCE" in wrong(audience=audience)


def test_audience_iterator() -> None:
    """An iterator, which a second look would find empty, is no list of names."""
    assert "audience is the name of this API" in wrong(audience=iter(["api"]))


def test_any_audience() -> None:
    """ANY_AUDIENCE skips the check."""
    assert claim_rules(issuer(audience=ANY_AUDIENCE)).audience is None


@pytest.mark.parametrize("leeway", [-1, -0.001, 60.001, 61, 1e9, float("nan"), None, "5", True])
def test_leeway(leeway: Any) -> None:
    """The leeway is 0 to 60 seconds."""
    assert wrong(leeway=leeway) == f"leeway is 0 to 60 seconds, not {leeway!r}"
    assert claim_rules(issuer(leeway=60)).leeway == 60


@pytest.mark.parametrize("max_age", [0, -1, float("nan"), float("inf"), 10**400, "60", True, [60]])
def test_max_age(max_age: Any) -> None:
    """The greatest age is a positive number of seconds."""
    assert wrong(max_age=max_age) == f"max_age is a positive number of seconds, not {max_age!r}"


@pytest.mark.parametrize("option", ["required_claims", "scope_paths", "role_paths"])
@pytest.mark.parametrize("names", ["sub", None, 5, [""], ["sub", 5], [None], b"sub"])
def test_names(option: str, names: Any) -> None:
    """Claims are named in a list; a single string, whose letters would be names, is refused."""
    assert wrong(**{option: names}).startswith(f"{option} is a list of claims, for example [")


def claim_names() -> Iterator[str]:
    yield "sub"


@pytest.mark.parametrize("option", ["required_claims", "scope_paths", "role_paths"])
def test_names_iterator(option: str) -> None:
    """An iterator is refused: checking it would empty it, and nothing would be required."""
    assert list(claim_names()) == ["sub"]
    assert wrong(**{option: claim_names()}).startswith(f"{option} is a list of claims")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (None, "claim_values is a mapping"),
        (["token_use"], "claim_values is a mapping"),
        ({"token_use": "access"}, "claim_values of 'token_use' is a list of claims"),
        ({"token_use": []}, "claim_values of 'token_use' is empty, and nothing would pass"),
        ({"token_use": [5]}, "claim_values of 'token_use' is a list of claims"),
    ],
)
def test_claim_values(values: Any, text: str) -> None:
    """Each claim that must have a value has a list of them, required or not."""
    assert wrong(claim_values=values).startswith(text)
    text = text.replace("claim_values", "claim_values_if_present")
    assert wrong(claim_values_if_present=values).startswith(text)


@pytest.mark.parametrize("option", ["refuse_id_tokens", "numeric_subject", "names_issuer"])
@pytest.mark.parametrize("value", ["false", 0, 1, None])
def test_flags(option: str, value: Any) -> None:
    """What opens or closes something is True or False, and nothing like it."""
    assert wrong(**{option: value}) == f"{option} is True or False, not {value!r}"


@pytest.mark.parametrize("separator", ["", 5, b","])
def test_role_separator(separator: Any) -> None:
    """What separates roles is text."""
    assert wrong(role_separator=separator).startswith("role_separator is text between two names")


@pytest.mark.parametrize("keys", [Discovery(), Jwks("https://login.example/keys")])
def test_no_issuer_named(keys: Any) -> None:
    """Tokens that name no issuer need keys that are at hand: nothing says whom to ask."""
    assert "need keys that are given" in wrong(names_issuer=False, keys=[EC256.key, keys])


@pytest.mark.parametrize(
    ("option", "hint"),
    [
        ("issuer", "did you mean name?"),
        ("iss", "did you mean name?"),
        ("aud", "did you mean audience?"),
        ("jwks_url", "did you mean keys=Jwks(url)?"),
        ("algorithms", "did you mean keys=Discovery(algorithms=…), or Jwks(url, algorithms=…)?"),
        ("leway", "did you mean leeway?"),
        ("xyz", "there are name, audience, keys, leeway, "),
    ],
)
def test_no_such_option(option: str, hint: str) -> None:
    """What other libraries call an option leads to its name here."""
    options: dict[str, Any] = {**DEFAULTS, option: "x"}
    with pytest.raises(ConfigurationError) as info:
        Issuer(**options)
    assert str(info.value).startswith(f"Issuer has no option {option}; {hint}")


def test_options_are_listed() -> None:
    """`IssuerOptions` lists what has a default, so that presets take all of it."""
    optional = [
        one.name
        for one in fields(Issuer)
        if one.default is not MISSING or one.default_factory is not MISSING
    ]
    assert sorted(IssuerOptions.__annotations__) == sorted(optional)


@pytest.mark.parametrize("types", ["at+jwt", [], (), [""], [5], ["at+jwt", 5], 5, iter(["jwt"])])
def test_token_types(types: Any) -> None:
    """Token types are a list, with None for no type."""
    assert wrong(token_types=types).startswith("token_types is a list, for example ['at+jwt']")


def test_profile() -> None:
    """The profile says type and claims; it is the one of RFC 9068, and goes with no types."""
    rules = claim_rules(issuer(profile="rfc9068", required_claims=["tenant"]))
    assert rules.token_types == {"at+jwt"}
    assert rules.required == (*("tenant", "iss", "exp", "aud", "sub", "client_id", "iat", "jti"),)
    assert "unknown profile 'rfc7519'" in wrong(profile="rfc7519")
    assert "drop token_types=" in wrong(profile="rfc9068", token_types=["at+jwt"])


def test_keys() -> None:
    """Keys are one, several in any iterable, or a set; one that is read once is read once."""
    for keys in (EC256.key, [EC256.key], (EC256.key,), {EC256.key}, iter([EC256.key])):
        assert origins(issuer(keys=keys)) == (EC256.key,)
    whole = KeySet(EC256.key)
    assert origins(issuer(keys=whole)) == (whole,)
    assert origins(issuer(keys=[Discovery(), EC256.key])) == (Discovery(), EC256.key)
    assert static_keys((Discovery(), whole)) is None
    several = static_keys(origins(issuer(keys=[EC256.key, RSA.key, Jwks(f"{ISSUER}jwks")])))
    assert several is not None
    assert list(several) == [EC256.key, RSA.key]


@pytest.mark.parametrize(
    "keys",
    [
        *("secret", b"secret", 5, [None], [EC256.key, "secret"], RSA.public_pem),
        *(SECRET.secret.decode(), EC256.private_jwk, EC256.private),
    ],
    ids=lambda keys: type(keys).__name__,
)
def test_no_keys(keys: Any) -> None:
    """What is no key is refused, and not shown."""
    with pytest.raises(ConfigurationError) as info:
        issuer(keys=keys)
    assert "keys is a Key, a KeySet, Discovery() or Jwks(url), or several" in str(info.value)
    for text in ("secret of the tests", "BEGIN PUBLIC", EC256.private_jwk["d"]):
        assert text not in shown(info.value)


def test_too_few_keys() -> None:
    """An empty list is no keys, and two under one name are too many; the same twice is one."""
    with pytest.raises(ConfigurationError, match="keys is empty, and no token would be accepted"):
        issuer(keys=[])
    keys = [Key.from_jwk(pair.public_jwk | {"kid": "1"}) for pair in (EC256, STRANGER)]
    with pytest.raises(ConfigurationError, match="two keys for ES256 share the kid '1'"):
        issuer(keys=keys)
    assert issuer(keys=[EC256.key, EC256.key])


def test_fetching_needs_url() -> None:
    """An issuer without keys is found by its URL; one whose name is none needs keys."""
    text = r"keys=Jwks\(url\), or give them, keys="
    with pytest.raises(ConfigurationError, match=text):
        Issuer("billing", audience=AUDIENCE)
    with pytest.raises(ConfigurationError, match=text):
        Issuer("billing", audience=AUDIENCE, keys=[EC256.key, Discovery()])
    assert Issuer("billing", audience=AUDIENCE, keys=Jwks(f"{ISSUER}jwks"))
    assert origins(Issuer(ISSUER, audience=AUDIENCE)) == (Discovery(),)


def test_repr() -> None:
    """Repr shows the configuration, and no key."""
    text = repr(issuer(keys=[SECRET.key, EC256.key]))
    assert "Key(alg='HS256', kid=None)" in text
    assert SECRET.secret.decode() not in text
    assert EC256.public_jwk["x"] not in text


def test_immutable() -> None:
    """An issuer does not change; its rules are those of its construction."""
    audience = [AUDIENCE]
    one = issuer(audience=audience)
    audience.append("other")
    values = {"tenant": ["a"]}
    two = issuer(claim_values=values)
    values["tenant"].append("b")
    assert claim_rules(two).values == (("tenant", frozenset({"a"})),)
    assert claim_rules(one).audience == frozenset({AUDIENCE})
    for name in ("name", "keys", "audience", "leeway"):
        with pytest.raises((AttributeError, TypeError)):
            setattr(one, name, None)


def test_equality() -> None:
    """Issuers are equal by their configuration, as caches of tenants need."""
    assert issuer() == issuer()
    assert issuer() != issuer(leeway=5)
    assert issuer() != issuer(keys=STRANGER.key)
    assert len({issuer(), issuer(), issuer(leeway=5)}) == 2
