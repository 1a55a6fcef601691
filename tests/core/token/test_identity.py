"""RFC 7519 §4.1, RFC 8693 §4.2: jwt_guard._core.identity."""

import copy
import dataclasses
import json
import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from jwt_guard import Identity
from jwt_guard._core.token.claims import Claims
from jwt_guard._core.token.identity import identify
from jwt_guard._core.token.strictjson import loads_object
from jwt_guard._issuer import claim_rules
from jwt_guard.errors import InvalidToken, Reason
from tests.tokens import ISSUER, NOW, claims, issuer


def identity(
    *, key_id: str | None = "k", more: dict[str, Any] | None = None, **changes: Any
) -> Identity:
    """Return the caller of changed claims; *more* are further rules."""
    data = json.dumps(claims() | changes).encode()
    rules = claim_rules(issuer(role_paths=["roles", "realm_access.roles"]))
    told = list[str]()
    caller = identify(
        Claims(loads_object(data)), replace(rules, **(more or {})), key_id, told.append
    )
    assert all("says nothing here" in text for text in told)
    return caller


def test_members() -> None:
    """The caller is what the claims say."""
    caller = identity(client_id="app", roles=["editor"], realm_access={"roles": ["admin"]})
    assert caller.issuer == ISSUER
    assert caller.subject == "joe"
    assert caller.client_id == "app"
    assert caller.token_id == "token-1"
    assert caller.expires_at == NOW + 300
    assert caller.issued_at == NOW
    assert caller.scopes == {"messages:read", "messages:write"}
    assert caller.roles == {"editor", "admin"}
    assert caller.key_id == "k"
    assert caller.claims["realm_access"]["roles"] == ("admin",)


def test_absent() -> None:
    """What the token does not say, or null, is None, or empty."""
    caller = identity(sub=None, jti=None, iat=None, scope=None, key_id=None)
    assert caller.subject is None
    assert caller.client_id is None
    assert caller.token_id is None
    assert caller.issued_at is None
    assert caller.key_id is None
    assert caller.scopes == caller.roles == frozenset()


def test_client_id() -> None:
    """`client_id` (RFC 8693) wins over `azp` (OpenID Connect)."""
    assert identity(azp="b").client_id == "b"
    assert identity(azp="b", client_id="a").client_id == "a"
    assert identity(azp="b", client_id=None).client_id == "b"
    assert identity(azp="b", client_id="").client_id == ""


def test_numeric_subject() -> None:
    """A number for a subject is text to the app, where the issuer may have one."""
    for number, text in ((0, "0"), (12345, "12345"), (2**64 - 1, str(2**64 - 1))):
        caller = identity(more={"numeric_subject": True}, sub=number)
        assert caller.subject == text
        assert caller.claims["sub"] == number
    assert identity(more={"numeric_subject": True}, sub="joe").subject == "joe"
    assert identity(more={"numeric_subject": True}, sub=None).subject is None
    refused: list[object] = [True, False, 1.0, -1, 2**64, 10**400, [1], {}]
    for value in refused:
        with pytest.raises(InvalidToken) as info:
            identity(more={"numeric_subject": True}, sub=value)
        assert info.value.hint == "the claim sub is malformed"
    for name in ("client_id", "azp", "jti"):
        changes: dict[str, Any] = {"sub": 1, name: 1}
        with pytest.raises(InvalidToken):
            identity(more={"numeric_subject": True}, **changes)


def test_role_separator() -> None:
    """Role names in one string may be separated."""
    assert identity(more={"role_separator": ","}, roles="a,b c").roles == {"a", "b c"}
    assert identity(roles="a,b c").roles == {"a,b c"}


def test_actor() -> None:
    """Who acts for the subject, and for whom it acted before, can be seen."""
    act = {"sub": "app", "iss": "https://a.example", "act": {"sub": "job", "x": [1]}}
    actor = identity(act=act).actor
    assert actor is not None
    assert (actor.subject, actor.issuer) == ("app", "https://a.example")
    assert actor.actor is not None
    assert (actor.actor.subject, actor.actor.issuer) == ("job", None)
    assert actor.actor.claims["x"] == (1,)
    assert actor.actor.actor is None
    assert repr(actor) == "Actor()"
    assert {actor, identity(act=act).actor} == {actor}


@pytest.mark.parametrize("act", [None, 5, True, "app", [], [{"sub": "app"}]])
def test_no_actor(act: Any) -> None:
    """What is no object is no actor, and refuses nobody."""
    assert identity(act=act).actor is None
    nested = identity(act={"sub": 5, "iss": None, "act": act}).actor
    assert nested is not None
    assert (nested.subject, nested.issuer, nested.actor) == (None, None, None)


def test_told() -> None:
    """What is not understood is told, claim by claim, in words without its text."""
    said = {**claims(), "scope": 5, "act": "admin", "roles": {"admin": True}}
    told = list[str]()
    identify(
        Claims(loads_object(json.dumps(said).encode())), claim_rules(issuer()), None, told.append
    )
    assert told == [
        "the claim act says nothing here: it is text",
        "the claim scope says nothing here: it is a number",
        "the claim roles says nothing here: it is an object",
    ]


def test_long_chain() -> None:
    """Of a long chain the eight latest actors are shown."""
    act: dict[str, Any] = {"sub": "0"}
    for number in range(1, 20):
        act = {"sub": str(number), "act": act}
    actor, seen = identity(act=act).actor, list[str | None]()
    while actor is not None:
        seen.append(actor.subject)
        actor = actor.actor
    assert seen == ["19", "18", "17", "16", "15", "14", "13", "12"]


@pytest.mark.parametrize("name", ["sub", "client_id", "azp", "jti"])
@pytest.mark.parametrize("value", [5, True, [], ["joe"], {}, 0])
def test_malformed_text(name: str, value: Any) -> None:
    """What is promised as text is refused as anything else."""
    with pytest.raises(InvalidToken) as info:
        identity(**{name: value})
    assert info.value.reason is Reason.MALFORMED_CLAIM
    assert info.value.hint == f"the claim {name} is malformed"


@pytest.mark.parametrize("name", ["scope", "scp", "scopes", "roles"])
@pytest.mark.parametrize("value", [5, True, {}, [5], [["a"]], ["a", None]])
def test_malformed_words(name: str, value: Any) -> None:
    """Scopes and roles that are no strings say nothing; they are refused if required."""
    changes = {"scope": None, name: value}
    caller = identity(**changes)
    assert caller.scopes == caller.roles == frozenset()
    with pytest.raises(InvalidToken) as info:
        identity(more={"required": (name,)}, **changes)
    assert info.value.reason is Reason.MALFORMED_CLAIM


def test_repr_hides() -> None:
    """Repr shows the issuer alone."""
    assert repr(identity(roles=["editor"])) == f"Identity(issuer={ISSUER!r})"


@pytest.mark.parametrize("name", ["issuer", "scopes", "roles", "claims", "key_id", "other"])
def test_immutable(name: str) -> None:
    """No member can be changed or added."""
    caller = identity()
    with pytest.raises((dataclasses.FrozenInstanceError, TypeError)):
        setattr(caller, name, "x")


def test_immutable_deeply() -> None:
    """The claims cannot be changed either, however deep."""
    caller: Any = identity(access={"names": [{"a": 1}]})
    changes: list[Callable[[], object]] = [
        lambda: caller.claims.update(sub="admin"),
        lambda: caller.claims["access"].update(names=["admin"]),
        lambda: caller.claims["access"]["names"].append("admin"),
        lambda: caller.claims["access"]["names"][0].update(a=2),
        lambda: caller.scopes.add("admin"),
        lambda: caller.roles.add("admin"),
    ]
    for change in changes:
        with pytest.raises((TypeError, AttributeError)):
            change()
    caller.claims.__init__({"sub": "admin"})
    caller.claims["access"].__init__({"names": "admin"})
    assert caller == identity(access={"names": [{"a": 1}]})


def test_equality_and_hash() -> None:
    """Callers are equal by what their tokens say, and can be keys of a dict."""
    assert identity() == identity()
    assert hash(identity()) == hash(identity())
    assert identity() != identity(sub="jane")
    assert len({identity(), identity(), identity(sub="jane")}) == 2


def test_copies() -> None:
    """A caller can be copied and sent to another process."""
    caller = identity(realm_access={"roles": ["a"]})
    assert copy.deepcopy(caller) == caller
    assert pickle.loads(pickle.dumps(caller)) == caller  # noqa: S301  our own pickle
