"""RFC 6750 §3.1, RFC 9470 §3: jwt_guard._core.policy.conditions, and the words for them."""

import functools
import json
import operator
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from enum import StrEnum
from operator import itemgetter
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from jwt_guard import (
    AuthError,
    Identity,
    Requirement,
    acr,
    all_scopes,
    amr,
    any_scope,
    check,
    claim,
    issued_by,
    path_param,
    role,
    scope,
)
from jwt_guard._core.policy.asked import Asked
from jwt_guard._core.policy.conditions import Authenticated, Condition, Grant, IssuedBy
from jwt_guard._core.policy.expressions import requirement
from jwt_guard._core.token.strictjson import loads_object
from jwt_guard.errors import ConfigurationError, InsufficientScope, Reason, StepUpRequired
from tests.tokens import ISSUER, NOW, bearer, claims, guard, issuer, token

UNCOMPARABLE = "a claim is compared with text, numbers and booleans, one or several; not "
TWO_ISSUERS = "no token can be issued by two issuers; combine them with |"


def caller(
    said: Mapping[str, Any] | None = None, scopes: str = "", roles: str = "", name: str = ISSUER
) -> Identity:
    held = frozenset(scopes.split()), frozenset(roles.split())
    return Identity(name, *held, loads_object(json.dumps(said or {}).encode()), "k")


def refusal(
    needed: Requirement, identity: Identity, params: Mapping[str, object] | None = None
) -> AuthError | None:
    try:
        needed.require(identity, Asked(params or {}, float(NOW)))
    except AuthError as error:
        return error
    return None


def allows(
    needed: Requirement, said: Mapping[str, Any], params: Mapping[str, object] | None = None
) -> bool:
    return refusal(needed, caller(said), params) is None


def even(number: int) -> bool:
    return number % 2 == 0


def of_joe(identity: Identity) -> bool:
    return identity.subject == "joe"


def remembering(asked: list[object]) -> Callable[[object], bool]:
    """Return a function that says yes, and remembers what it was asked about."""

    def say_yes(value: object) -> bool:
        asked.append(value)
        return True

    return say_yes


def fails(_anything: object) -> bool:
    raise RuntimeError("the app's own")


class Weekday:
    """A function that has no name of its own."""

    def __call__(self, _anything: object) -> bool:
        return True


# claim


@pytest.mark.parametrize(
    ("accepted", "value", "allowed"),
    [
        ("pro", "pro", True),
        ("pro", "Pro", False),
        ("pro", "pro ", False),
        ("", "", True),
        ("1", 1, False),
        (1, "1", False),
        (1, 1, True),
        (1, 1.0, True),
        (0.5, 0.5, True),
        (1, 10**400, False),
        (10**400, 10**400, True),
        (True, True, True),
        (False, False, True),
        (True, "true", False),
        (False, None, False),
        ("None", None, False),
        ("pro", {"pro": True}, False),
        ("pro", {}, False),
    ],
)
def test_claim_value(accepted: str | float, value: Any, allowed: bool) -> None:  # noqa: FBT001  a column
    """A claim has a value if it equals it as JSON does: no text is a number."""
    assert allows(claim("x", accepted), {"x": value}) is allowed


@pytest.mark.parametrize(("accepted", "value"), [(True, 1), (1, True), (False, 0), (0, False)])
def test_claim_booleans_are_no_numbers(accepted: Any, value: Any) -> None:
    """True is not 1 and False not 0, alone, among several and in a list."""
    assert not allows(claim("x", accepted), {"x": value})
    assert not allows(claim("x", [accepted, "other"]), {"x": value})
    assert not allows(claim("x", accepted), {"x": [value]})


def test_claim_absent() -> None:
    """A claim that is absent has no value, and no function is asked about it."""
    asked: list[object] = []
    assert not allows(claim("x", ""), {})
    assert not allows(claim("x", remembering(asked)), {"x": None, "y": 1})
    assert not allows(claim("z", remembering(asked)), {"x": None, "y": 1})
    assert asked == []
    assert allows(claim("y", remembering(asked)), {"x": None, "y": 1})
    assert asked == [1]


@pytest.mark.parametrize("several", [{"pro", "team"}, ["team", "pro"], ("pro", "team", "pro")])
def test_claim_values(several: Any) -> None:
    """Of several values one must be there."""
    needed = claim("plan", several)
    assert allows(needed, {"plan": "pro"})
    assert allows(needed, {"plan": "team"})
    for other in ("free", "", None, 1, "pro team", {"pro": 1}):
        assert not allows(needed, {"plan": other})
    assert not allows(needed, {})


def test_claim_values_of_several_types() -> None:
    """Several values may be of several types, each of which stays what it is."""
    needed = claim("x", [1, "a", False])
    assert [allows(needed, {"x": value}) for value in (1, "a", False)] == [True] * 3
    assert [allows(needed, {"x": value}) for value in (0, "1", True, "False")] == [False] * 4


def test_claim_list() -> None:
    """Of a claim that is a list one member suffices; lists and objects in it are none."""
    assert allows(claim("x", "a"), {"x": ["b", "a"]})
    assert allows(claim("x", {"a", "c"}), {"x": [None, {"a": 1}, ["a"], "c"]})
    for value in ([], ["b"], [["a"]], [{"a": "a"}], [None], ["ab"]):
        assert not allows(claim("x", "a"), {"x": value})


def test_claim_path() -> None:
    """A path leads into nested objects, and nowhere else."""
    needed = claim("a.b.c", "yes")
    assert allows(needed, {"a": {"b": {"c": "yes"}}})
    assert allows(needed, {"a": {"b": {"c": ["no", "yes"]}}})
    for other in ({"a": {"b": "yes"}}, {"a": [{"b": {"c": "yes"}}]}, {"c": "yes"}, {"a": "b"}):
        assert not allows(needed, other)


def test_claim_literal_name() -> None:
    """A name with dots is found as it stands, and wins over nesting."""
    url = "https://app.example/plan"
    assert allows(claim(url, "pro"), {url: "pro"})
    assert allows(
        claim("https://app.example/x.plan", "pro"), {"https://app.example/x": {"plan": "pro"}}
    )
    assert allows(claim("a.b", "outer"), {"a.b": "outer", "a": {"b": "inner"}})
    assert not allows(claim("a.b", "inner"), {"a.b": "outer", "a": {"b": "inner"}})
    assert not allows(claim("a.b", "inner"), {"a.b": None, "a": {"b": "inner"}})


def test_claim_function() -> None:
    """A function says whether the value will do, and is given the whole of it."""
    assert allows(claim("level", even), {"level": 4})
    assert not allows(claim("level", even), {"level": 3})
    assert allows(claim("x", lambda value: value == ("a", "b")), {"x": ["a", "b"]})
    assert allows(claim("x", lambda value: value["a"] == 1), {"x": {"a": 1}})
    assert allows(claim("x", lambda value: value is False), {"x": False})


def test_claim_function_truth() -> None:
    """What the function returns counts as Python counts it."""
    assert allows(claim("x", itemgetter(0)), {"x": ["a match"]})
    for nothing in (None, 0, ""):
        assert not allows(claim("x", itemgetter(0)), {"x": [nothing]})


def test_claim_function_fails() -> None:
    """A function that raises says no."""
    assert not allows(claim("x", fails), {"x": 1})
    assert not allows(claim("level", even), {"level": "four"})
    assert allows(claim("level", even) | claim("level", "four"), {"level": "four"})


@pytest.mark.parametrize("path", ["", None, 5, b"a", ["a"]])
def test_claim_bad_path(path: Any) -> None:
    """The name of a claim is text that is not empty."""
    with pytest.raises(ConfigurationError, match="a claim is a string that is not empty, not "):
        claim(path, "a")
    with pytest.raises(ConfigurationError, match="a claim is a string that is not empty, not "):
        claim(path)


NO_VALUES: list[Any] = [None, [], set(), (), b"a", [None], [["a"]], [{}], [b"a"]]


@pytest.mark.parametrize("accepted", NO_VALUES)
def test_claim_bad_value(accepted: Any) -> None:
    """A claim is compared with something, and with nothing but text, numbers and booleans."""
    with pytest.raises(ConfigurationError, match=UNCOMPARABLE):
        claim("x", accepted)
    with pytest.raises(ConfigurationError, match=UNCOMPARABLE):
        _ = claim("x") == accepted


def test_claim_equals() -> None:
    """`claim(…) == value` is `claim(…, value)`, on either side."""
    assert (claim("plan") == "pro") == claim("plan", "pro")
    plan: Any = claim("plan")
    assert ("pro" == plan) == claim("plan", "pro")  # noqa: SIM300  the other side
    assert (claim("plan") == ["pro", "team"]) == claim("plan", {"team", "pro"})
    assert (claim("level") == even) == claim("level", even)


def test_claim_differs() -> None:
    """!= is refused, for a token without the claim would satisfy it."""
    with pytest.raises(ConfigurationError, match="write what the claim must be; != would hold for"):
        _ = claim("plan") != "free"
    with pytest.raises(ConfigurationError, match="write what the claim must be; != would hold for"):
        _ = operator.ne(path_param("plan"), claim("plan"))


def test_claim_without_value() -> None:
    """A claim that is compared with nothing is no requirement."""
    plan: Any = claim("plan")
    for parts in ([plan], ["a", plan]):
        with pytest.raises(ConfigurationError, match=r"compared with something: claim\('a'\) =="):
            requirement(*parts)
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = scope("a") & plan
    with pytest.raises(TypeError, match="unsupported operand"):
        _ = scope("a") | plan


def test_claim_is_no_key() -> None:
    """A claim to be compared has no hash, since == is no verdict."""
    with pytest.raises(TypeError, match="unhashable"):
        hash(claim("plan"))


# path_param


def test_param() -> None:
    """A claim equals a parameter of the route, compared exactly."""
    needed = claim("tenant") == path_param("tenant")
    assert allows(needed, {"tenant": "a"}, {"tenant": "a", "other": "b"})
    for value in ("b", "A", "a ", "", "ab"):
        assert not allows(needed, {"tenant": value}, {"tenant": "a"})


def test_param_on_the_left() -> None:
    """The parameter may stand on the left too."""
    tenant: Any = path_param("t")
    assert (tenant == claim("x")) == (claim("x") == path_param("t"))


@pytest.mark.parametrize("said", [{}, {"tenant": None}, {"tenant": "None"}, {"tenant": ""}])
def test_param_absent(said: dict[str, Any]) -> None:
    """Without such a parameter, or with None for it, nothing equals it."""
    needed = claim("tenant") == path_param("tenant")
    assert not allows(needed, said)
    assert not allows(needed, said, {"other": "None"})
    assert not allows(needed, said, {"tenant": None})


def test_param_and_no_claim() -> None:
    """Without the claim no parameter equals it."""
    needed = claim("tenant") == path_param("tenant")
    without: list[dict[str, Any]] = [{}, {"tenant": None}, {"tenant": {"a": "a"}}, {"tenant": []}]
    for said in without:
        for value in ("a", "None", "", "()"):
            assert not allows(needed, said, {"tenant": value})


@pytest.mark.parametrize(
    ("value", "param", "allowed"),
    [
        (7, 7, True),
        (7, "7", True),
        ("7", 7, True),
        (7, "07", False),
        ("07", 7, False),
        (7, 8, False),
        (7.0, 7, False),
        (7.0, "7.0", False),
        (True, "True", False),
        (True, 1, False),
        (1, True, False),
        (10**400, "1", False),
        (10**400, "1" + "0" * 400, True),
    ],
)
def test_param_numbers(value: Any, param: object, allowed: bool) -> None:  # noqa: FBT001  a column
    """Whole numbers compare as they are written; booleans and fractions never do."""
    assert allows(claim("x") == path_param("id"), {"x": value}, {"id": param}) is allowed


def test_param_list() -> None:
    """Of a claim that is a list one member suffices."""
    needed = claim("realm.tenants") == path_param("tenant")
    said = {"realm": {"tenants": ["a", 7, None, True, ["c"], {"d": "d"}]}}
    assert [allows(needed, said, {"tenant": one}) for one in ("a", "7", 7)] == [True] * 3
    for other in ("b", "c", "d", "True", "None", "", "('c',)"):
        assert not allows(needed, said, {"tenant": other})


@pytest.mark.parametrize("name", ["", None, 5, b"a"])
def test_param_bad_name(name: Any) -> None:
    """The name of a parameter is text that is not empty."""
    with pytest.raises(ConfigurationError, match="a path_param is a string that is not empty"):
        path_param(name)


def test_param_through_the_guard() -> None:
    """The guard hands over the parameters of the route, and none by default."""
    one, needed = guard(), claim("sub") == path_param("user")
    joe = one.authenticate([bearer(token())])
    one.authorise(joe, needed, {"user": "joe"})
    for params in ({"user": "ann"}, {}, None):
        with pytest.raises(InsufficientScope) as info:
            one.authorise(joe, needed, params)
        assert info.value.scopes == ()


# issued_by


def test_issuer() -> None:
    """A token is of one issuer, told by name or by the `Issuer` itself."""
    assert issued_by(issuer()) == issued_by(ISSUER)
    assert refusal(issued_by(ISSUER), caller()) is None
    for other in ("https://login.example", "https://LOGIN.example/", "x"):
        assert isinstance(refusal(issued_by(ISSUER), caller(name=other)), InsufficientScope)


def test_issuer_is_not_what_claims_say() -> None:
    """The issuer is the one that was verified, and no claim."""
    assert not allows(issued_by("x"), {"iss": "x"})


def test_issuer_of_a_token() -> None:
    """A real token has its issuer, and no other."""
    one = guard()
    joe = one.authenticate([bearer(token())])
    one.authorise(joe, issued_by(issuer()))
    with pytest.raises(InsufficientScope):
        one.authorise(joe, issued_by("https://other.example/"))


@pytest.mark.parametrize("name", ["", None, 5, b"a", ["a"]])
def test_issuer_bad_name(name: Any) -> None:
    """An issuer is an `Issuer`, or text that is not empty."""
    with pytest.raises(ConfigurationError, match="issuer is a string that is not empty, not "):
        issued_by(name)


def test_issuer_contradiction() -> None:
    """What no token can be is refused at once."""
    one, other = issued_by("a"), issued_by("b")
    for sides in ((one, other), (scope("s"), one, other), (one & scope("s"), other & scope("t"))):
        with pytest.raises(ConfigurationError) as info:
            requirement(*sides)
        assert str(info.value) == TWO_ISSUERS


def test_issuer_contradiction_folds() -> None:
    """An alternative that no token can meet goes, and the others stay."""
    one, other, more = issued_by("a"), issued_by("b"), issued_by("c")
    assert one & (other | scope("s")) == one & scope("s")
    assert (one | other) & (other | more) == other
    assert one & one == one
    assert refusal(one | other, caller(name="b")) is None


# acr, max_age, amr


def test_acr() -> None:
    """`acr` is one of the values, as text."""
    assert allows(acr("gold"), {"acr": "gold"})
    assert allows(acr(["gold", "silver"]), {"acr": "silver"})
    for said in ("bronze", "Gold", "gold silver", "", None, 1, True, ["gold"], {"gold": 1}):
        assert not allows(acr(["gold", "silver"]), {"acr": said})
    assert not allows(acr("gold"), {})


@pytest.mark.parametrize(
    ("age", "max_age", "allowed"),
    [
        (0, 0, True),
        (1, 0, False),
        (59, 60, True),
        (60, 60, True),
        (60.5, 60, False),
        (61, 60, False),
        (60, 10**6, True),
    ],
)
def test_max_age(age: float, max_age: int, allowed: bool) -> None:  # noqa: FBT001  a column
    """The authentication is at most so old, to the second."""
    assert allows(acr(max_age=max_age), {"auth_time": NOW - age}) is allowed


@pytest.mark.parametrize("since", [None, True, False, str(NOW), "", [NOW], {"a": NOW}, -(10**400)])
def test_max_age_unknown(since: Any) -> None:
    """An authentication of which no time is known is too old."""
    assert not allows(acr(max_age=10**9), {"auth_time": since})
    assert not allows(acr(max_age=10**9), {})


@pytest.mark.parametrize(
    "since", [10**400, -(10**400), 1.5e300, -1.5e300, NOW * 1000, NOW + 61, NOW + 60.5]
)
def test_max_age_huge(since: float) -> None:
    """A time that is beyond all clocks, or a minute ahead of ours, is not recent."""
    assert isinstance(refusal(acr(max_age=60), caller({"auth_time": since})), StepUpRequired)
    assert allows(acr(max_age=60), {"auth_time": NOW + 60})


def test_max_age_without_a_clock() -> None:
    """Where nobody says what time it is, nothing is recent."""
    with pytest.raises(StepUpRequired):
        acr(max_age=60).require(caller({"auth_time": NOW}))


def test_max_age_beyond_a_century() -> None:
    """An age that no clock can tell is the operator's mistake."""
    for seconds in (10**400, 10**10):
        with pytest.raises(ConfigurationError, match="max_age is at most a hundred years"):
            acr(max_age=seconds)


def generate(_value: object) -> Iterator[bool]:
    raise AssertionError("nobody walks it")
    yield False


async def refuse(_value: object) -> bool:
    raise AssertionError("nobody awaits it")


class AsyncCheck:
    async def __call__(self, _value: object) -> bool:
        raise AssertionError("nobody awaits it")


class Unhashable:
    __hash__ = None  # type: ignore[assignment]  # how Python says it

    def __call__(self, _value: object) -> bool:
        raise AssertionError


@pytest.mark.parametrize("function", [refuse, functools.partial(refuse), AsyncCheck(), generate])
def test_async_functions(function: Any) -> None:
    """A function that would have to be awaited always looks like a yes, and is refused."""
    with pytest.raises(ConfigurationError, match="check takes a function that answers at once"):
        check(function)
    with pytest.raises(ConfigurationError, match="claim takes a function that answers at once"):
        claim("x", function)


async def walk(_value: object) -> AsyncGenerator[bool, None]:
    raise AssertionError("nobody walks it")
    yield True


HIDDEN: dict[str, Callable[[Any], object]] = {
    "coroutine": lambda one: refuse(one),  # noqa: PLW0108  it hides what the real one is
    "generator": lambda one: generate(one),  # noqa: PLW0108  the same
    "async generator": lambda one: walk(one),  # noqa: PLW0108  the same
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_hidden_async_functions(kind: str) -> None:
    """What a function returns to be awaited or walked is no yes."""
    assert not allows(check(HIDDEN[kind]), {})
    assert not allows(claim("x", HIDDEN[kind]), {"x": 1})


def test_unhashable_function() -> None:
    """A function that cannot be compared is the operator's mistake."""
    with pytest.raises(ConfigurationError, match="check takes a function that has a hash"):
        check(Unhashable())


class Issuers(StrEnum):
    MAIN = "https://login.example/"


def test_issuer_of_an_enumeration() -> None:
    """A name that is a member of an enumeration is its value, not its name there."""
    assert str(issued_by(Issuers.MAIN)) == f"issued_by({Issuers.MAIN!r})"
    assert issued_by(Issuers.MAIN) == issued_by("https://login.example/")


@pytest.mark.parametrize("values", [None, 5, {"gold", "silver"}, {"gold": 1}])
def test_acr_values_have_an_order(values: Any) -> None:
    """Values of acr are a list, best first; a set has no order."""
    with pytest.raises(ConfigurationError, match="values of acr are a list, best first"):
        acr(values)


def test_claim_has_no_truth_value() -> None:
    """`claim(…) and …` would drop the claim silently, and is refused."""
    with pytest.raises(TypeError, match="compare a claim with =="):
        bool(claim("x"))


@pytest.mark.parametrize("value", [bytearray(b"a"), {"pro": False}, None, b"a"])
def test_no_claim_values(value: Any) -> None:
    """Octets and tables are no values of a claim, though they have members."""
    with pytest.raises(ConfigurationError, match="a claim is compared with text, numbers and"):
        claim("x", value)


def test_levels_together() -> None:
    """The challenge asks for what satisfies all levels at once, and names all of it."""
    needed = acr(["a", "b"]) & acr(["b", "c"]) & acr(max_age=60)
    for said in ({}, {"acr": "a"}, {"acr": "b", "auth_time": NOW - 61}):
        answer = refusal(needed, caller(said))
        assert isinstance(answer, StepUpRequired)
        assert (answer.acr_values, answer.max_age) == (("b",), 60)
    apart = refusal(acr("a") & acr("b"), caller())
    assert isinstance(apart, StepUpRequired)
    assert apart.acr_values == ("a",)


def test_acr_and_max_age() -> None:
    """Values and age of one `acr` are asked for together."""
    needed = acr("gold", max_age=60)
    assert allows(needed, {"acr": "gold", "auth_time": NOW})
    assert not allows(needed, {"acr": "gold", "auth_time": NOW - 61})
    assert not allows(needed, {"acr": "silver", "auth_time": NOW})
    assert not allows(needed, {"acr": "gold"})


def test_max_age_by_the_guards_clock() -> None:
    """The guard's clock tells the age of an authentication."""
    needed, now = acr(max_age=60), [NOW + 60.0]
    one = guard(clock=lambda: now[0])
    joe = one.authenticate([bearer(token(claims(auth_time=NOW)))])
    one.authorise(joe, needed)
    now[0] += 0.5
    with pytest.raises(StepUpRequired):
        one.authorise(joe, needed)


def test_amr() -> None:
    """All of the methods were used; other ones may have been too."""
    needed = amr("pwd", "otp")
    assert allows(needed, {"amr": ["pwd", "otp"]})
    assert allows(needed, {"amr": ["otp", "mfa", 5, None, {}, ["x"], "pwd"]})
    assert allows(amr("pwd"), {"amr": "pwd"})
    for said in (["pwd"], [], "pwd otp", "pwd", None, True, {"pwd": 1, "otp": 1}, [["pwd", "otp"]]):
        assert not allows(needed, {"amr": said})
    assert not allows(needed, {})


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (acr, "acr asks for nothing; name values, or a max_age"),
        (lambda: acr([]), "acr asks for nothing; name values, or a max_age"),
        (lambda: acr(""), "a value of acr is a string that is not empty, not ''"),
        (lambda: acr(["gold", ""]), "a value of acr is a string that is not empty, not ''"),
        (lambda: acr(max_age=-1), "max_age is a whole number of seconds, not -1"),
        (lambda: acr("gold", max_age=-1), "max_age is a whole number of seconds, not -1"),
        (amr, "an empty requirement protects nothing; name a scope or a role"),
        (lambda: amr("pwd", ""), "a method is a string that is not empty, not ''"),
    ],
)
def test_authentication_bad(make: Callable[[], Requirement], text: str) -> None:
    """A level that asks for nothing, or for what is none, is refused with what to do."""
    with pytest.raises(ConfigurationError) as info:
        make()
    assert str(info.value) == text


@pytest.mark.parametrize("name", ["a b", " ", 'a"b', "a\\b", "é", "a\n", "a\t", "a\x7f"])
def test_acr_bad_value(name: str) -> None:
    """A value of `acr` can stand in a list that spaces separate."""
    for values in (name, ["gold", name]):
        with pytest.raises(ConfigurationError, match="cannot stand in acr_values: no spaces or"):
            acr(values)


@pytest.mark.parametrize("name", [None, 5, b"a", ["a"]])
def test_authentication_no_text(name: Any) -> None:
    """Classes and methods are text."""
    with pytest.raises(ConfigurationError, match="a value of acr is a string that is not empty"):
        acr([name])
    with pytest.raises(ConfigurationError, match="a method is a string that is not empty"):
        amr(name)


@pytest.mark.parametrize("age", [True, False, 1.0, "60", [60]])
def test_max_age_bad(age: Any) -> None:
    """An age is a whole number, and no boolean."""
    with pytest.raises(ConfigurationError, match="max_age is a whole number of seconds, not "):
        acr("gold", max_age=age)


# check


def test_check() -> None:
    """A function of the app's decides by the caller."""
    assert allows(check(of_joe), {"sub": "joe"})
    assert not allows(check(of_joe), {"sub": "ann"})
    assert allows(check(Weekday()), {})
    assert allows(check(lambda _identity: "yes"), {})
    assert not allows(check(lambda _identity: None), {})


def test_check_fails() -> None:
    """A function that raises says no, and spoils no other alternative."""
    assert not allows(check(fails), {})
    assert not allows(check(lambda identity: identity.claims["x"]), {})
    assert allows(check(fails) | claim("x", 1), {"x": 1})
    assert not allows(check(fails) & claim("x", 1), {"x": 1})


def test_check_is_asked_last() -> None:
    """No function is asked about a caller who lacks the scopes and roles."""
    asked: list[object] = []
    needed = scope("a") & role("b") & check(remembering(asked))
    assert refusal(needed, caller(scopes="a", roles="b")) is None
    assert len(asked) == 1


@pytest.mark.parametrize("function", [None, "of_joe", True, scope("a")])
def test_check_bad(function: Any) -> None:
    """What is checked with is a function."""
    with pytest.raises(ConfigurationError, match="check takes a function of the identity, not "):
        check(function)


# str, equality, hash


@pytest.mark.parametrize(
    ("needed", "shown"),
    [
        (claim("plan", "pro"), "claim('plan', 'pro')"),
        (claim("plan", ["team", "pro"]), "claim('plan', {'pro', 'team'})"),
        (claim("plan", ["pro"]), "claim('plan', 'pro')"),
        (claim("a.b", [1, True, "1"]), "claim('a.b', {'1', 1, True})"),
        (claim("level", even), "claim('level', even)"),
        (claim("level", Weekday()), "claim('level', Weekday)"),
        (claim("t") == path_param("tenant"), "claim('t') == path_param('tenant')"),
        (issued_by("https://a/"), "issued_by('https://a/')"),
        (acr("gold"), "acr('gold')"),
        (acr(["silver", "gold"], max_age=60), "acr('silver', 'gold', max_age=60)"),
        (acr(max_age=0), "acr(max_age=0)"),
        (amr("pwd", "otp", "pwd"), "amr('otp', 'pwd')"),
        (check(of_joe), "check(of_joe)"),
        (check(functools.partial(of_joe)), "check(partial)"),
        (check(Weekday()), "check(Weekday)"),
        (scope("a"), "scope('a')"),
        (role("a b"), "role('a b')"),
        (
            (check(of_joe) | acr("gold")) & scope("a") | amr("otp"),
            "amr('otp') | acr('gold') & scope('a') | check(of_joe) & scope('a')",
        ),
    ],
)
def test_str(needed: Requirement, shown: str) -> None:
    """A requirement is shown as it is written, in one order."""
    assert str(needed) == shown


def makers() -> list[Requirement]:
    """Return requirements that all differ; the same ones each time."""
    return [
        scope("a"),
        role("a"),
        claim("a", "a"),
        claim("b", "a"),
        claim("a", ["a", "b"]),
        claim("a", 1),
        claim("a", True),
        claim("a", "1"),
        claim("a", even),
        claim("a", fails),
        claim("a") == path_param("a"),
        claim("a") == path_param("b"),
        issued_by("a"),
        acr("a"),
        acr(["a", "b"]),
        acr(["b", "a"]),
        acr("a", max_age=0),
        acr(max_age=0),
        acr(max_age=1),
        amr("a"),
        amr("a", "b"),
        check(of_joe),
        check(fails),
    ]


def test_equality_and_hash() -> None:
    """Requirements are equal, and one key of a dict, if they ask for the same."""
    assert makers() == makers()
    assert len({*makers(), *makers()}) == len(makers())
    assert claim("a", ["a", "b"]) == claim("a", {"b", "a"})
    assert claim("a", ["a"]) == claim("a", "a")


def test_conditional() -> None:
    """Only what is no scope and no role makes a requirement conditional."""
    assert not (scope("a") & role("b") | scope("c")).conditional
    for needed in makers()[2:]:
        assert needed.conditional
        assert (scope("a") | needed & role("b")).conditional


def test_scopes_beside_conditions() -> None:
    """`scopes` are what no alternative can do without, `all_scopes` are all that are named."""
    needed = scope("a") & (scope("b") & acr("gold") | claim("x", 1))
    assert needed.scopes() == ["a"]
    assert needed.all_scopes() == {"a", "b"}
    assert amr("otp").all_scopes() == frozenset()


# refusals


@pytest.mark.parametrize(
    "needed",
    [
        claim("x", 1),
        claim("x", even),
        claim("x") == path_param("x"),
        issued_by("other"),
        check(fails),
        role("r"),
        scope("a") & claim("x", 1),
        scope("a") & check(fails),
        acr("gold") & issued_by("other"),
        acr("gold") & role("r") | amr("otp") & claim("x", 1),
    ],
)
def test_no_remedy(needed: Requirement) -> None:
    """Where no scope and no authentication would help none is named."""
    refused = refusal(needed, caller())
    assert isinstance(refused, InsufficientScope)
    assert refused.scopes == ()
    assert refused.hint == f"the route requires {needed}"
    assert (refused.issuer, refused.kid) == (ISSUER, "k")


@pytest.mark.parametrize(
    ("needed", "said", "scopes"),
    [
        (scope("a") & claim("x", 1), {"x": 1}, ("a",)),
        (all_scopes("b", "a") & claim("x", 1) & check(of_joe), {"x": 1, "sub": "joe"}, ("a", "b")),
        (scope("a") & acr("gold"), {"acr": "gold"}, ("a",)),
        (claim("x", 1) | all_scopes("a", "b"), {}, ("a", "b")),
        (scope("z") & claim("x", 1) | all_scopes("a", "b"), {"x": 1}, ("z",)),
        (scope("z") & claim("x", 1) | all_scopes("a", "b"), {}, ("a", "b")),
        (all_scopes("a", "b", "c") | acr("gold") & amr("otp") & scope("z"), {"acr": "gold"}, None),
        (scope("a") | acr("gold") & scope("b"), {}, ("a",)),
    ],
)
def test_remedy_scopes(
    needed: Requirement, said: dict[str, Any], scopes: tuple[str, ...] | None
) -> None:
    """The alternative that lacks least, and can be had, says which scopes would help."""
    refused = refusal(needed, caller(said))
    assert refused is not None
    assert (refused.scopes if isinstance(refused, InsufficientScope) else None) == scopes


@pytest.mark.parametrize(
    ("needed", "said", "acr_values", "max_age", "scopes"),
    [
        (acr("gold"), {}, ("gold",), None, ()),
        (acr(["silver", "gold"]), {"acr": "bronze"}, ("silver", "gold"), None, ()),
        (acr(max_age=0), {}, (), 0, ()),
        (acr("gold", max_age=60), {"acr": "gold"}, ("gold",), 60, ()),
        (amr("otp"), {"amr": ["pwd"]}, (), None, ()),
        (acr(max_age=60) & acr(max_age=30), {}, (), 30, ()),
        (acr(max_age=60) & acr("gold") & amr("otp"), {}, ("gold",), 60, ()),
        (scope("a") & acr("gold"), {}, ("gold",), None, ("a",)),
        (all_scopes("b", "held") & acr("gold"), {}, ("gold",), None, ("b", "held")),
        (scope("held") & acr("gold"), {}, ("gold",), None, ()),
        (acr("gold") & claim("x", 1) | acr("silver"), {}, ("silver",), None, ()),
        (acr("gold") & claim("x", 1) | acr("silver"), {"x": 1}, ("silver",), None, ()),
        (acr("z") & claim("x", 1) | acr("a") & scope("a"), {"x": 1}, ("z",), None, ()),
        (all_scopes("a", "b") | acr("gold"), {}, ("gold",), None, ()),
        (role("r") | acr("gold"), {}, ("gold",), None, ()),
    ],
)
def test_remedy_authentication(
    needed: Requirement,
    said: dict[str, Any],
    acr_values: tuple[str, ...],
    max_age: int | None,
    scopes: tuple[str, ...],
) -> None:
    """A better authentication is asked for where it helps, and scopes in the same breath."""
    refused = refusal(needed, caller(said, scopes="held"))
    assert isinstance(refused, StepUpRequired)
    assert refused.reason is Reason.STEP_UP
    assert (refused.acr_values, refused.max_age, refused.scopes) == (acr_values, max_age, scopes)
    assert refused.hint == f"the route requires {needed}"
    assert (refused.issuer, refused.kid) == (ISSUER, "k")


def challenge(needed: Requirement, **changes: Any) -> tuple[int, str]:
    """Return status and challenge of the guard's answer to a real token."""
    one = guard()
    joe = one.authenticate([bearer(token(claims(**changes)))])
    with pytest.raises(AuthError) as info:
        one.authorise(joe, needed)
    answer = one.challenge(info.value)
    return answer.status, dict(answer.headers)["WWW-Authenticate"]


STEP_UP = (
    'Bearer realm="api", error="insufficient_user_authentication", '
    'error_description="A different authentication level is required"'
)


def test_challenge() -> None:
    """The challenge names scopes, classes and age, so that one round trip suffices."""
    needed = all_scopes("b", "a") & acr(["silver", "gold"], max_age=60)
    expected = STEP_UP + ', scope="a b", acr_values="silver gold", max_age="60"'
    assert challenge(needed) == (401, expected)
    assert challenge(needed, scope="a b") == (401, expected.replace(' scope="a b",', ""))


def test_challenge_of_less() -> None:
    """The challenge has nothing of what is not asked for."""
    assert challenge(amr("otp")) == (401, STEP_UP)
    assert challenge(acr(max_age=0), auth_time=NOW - 1) == (401, STEP_UP + ', max_age="0"')
    status, scopes = challenge(scope("a") & claim("x", True), x=True)
    assert (status, scopes.rpartition(", ")[2]) == (403, 'scope="a"')
    status, nothing = challenge(scope("a") & claim("x", True), x=1)
    assert (status, "scope=" in nothing) == (403, False)


# laws

words = st.sampled_from("abc")
granted = st.builds(scope, words) | st.builds(role, words)
stated = (
    st.builds(claim, st.sampled_from("xy"), st.sampled_from(["a", 1, True]))
    | st.builds(claim, st.just("x"), st.lists(words, min_size=1))
    | st.builds(issued_by, st.sampled_from("ij"))
    | st.builds(acr, words | st.lists(words, min_size=1), max_age=st.sampled_from([None, 0, 60]))
    | st.builds(amr, words)
)


def equals_param(name: str) -> Requirement:
    return claim("x") == path_param(name)


asked_of = (
    st.builds(check, st.sampled_from([of_joe, fails]))
    | words.map(equals_param)
    | st.builds(claim, st.just("y"), st.sampled_from([even, fails]))
)


def contradict(a: Requirement, b: Requirement) -> bool:
    """Whether no token can meet both, for want of an issuer."""
    return all(
        sum(isinstance(condition, IssuedBy) for condition in one | other) > 1
        for one in a.alternatives
        for other in b.alternatives
    )


def possible(drawn: tuple[Requirement, Requirement, bool]) -> bool:
    one, other, both = drawn
    return not (both and contradict(one, other))


def both_or_either(drawn: tuple[Requirement, Requirement, bool]) -> Requirement:
    one, other, both = drawn
    return one & other if both else one | other


def combined(inner: st.SearchStrategy[Requirement]) -> st.SearchStrategy[Requirement]:
    return st.tuples(inner, inner, st.booleans()).filter(possible).map(both_or_either)


monotone = st.recursive(granted | stated, combined, max_leaves=5)
requirements = st.recursive(granted | stated | asked_of, combined, max_leaves=5)
held = st.frozensets(words)
told = st.fixed_dictionaries(
    {},
    optional={
        "x": st.sampled_from(["a", "b", 1, True, None]) | st.lists(words),
        "y": st.sampled_from(["a", 1, 2, True, None]),
        "acr": words,
        "auth_time": st.sampled_from([NOW, NOW - 30, NOW - 90, True, 10**400]),
        "amr": st.lists(words),
        "sub": st.sampled_from(["joe", "ann"]),
    },
)


def identify(said: dict[str, Any], scopes: frozenset[str], roles: frozenset[str]) -> Identity:
    return caller(said, " ".join(scopes), " ".join(roles), "i")


callers = st.builds(identify, told, held, held)
routes = st.dictionaries(words, st.sampled_from(["a", "b", 1, "1"]))


@given(requirements, requirements, callers, routes)
def test_meaning(a: Requirement, b: Requirement, joe: Identity, params: dict[str, object]) -> None:
    """`&` allows nothing that either side refuses, and `|` refuses nothing that one allows."""
    allowed = refusal(a, joe, params) is None, refusal(b, joe, params) is None
    assert (refusal(a | b, joe, params) is None) == any(allowed)
    assume(not contradict(a, b))
    assert (refusal(a & b, joe, params) is None) == all(allowed)


@given(monotone, told, held, held, held, held)
def test_monotone(
    a: Requirement,
    said: dict[str, Any],
    scopes: frozenset[str],
    roles: frozenset[str],
    more_scopes: frozenset[str],
    more_roles: frozenset[str],
) -> None:
    """More scopes and roles never take a right away."""
    if refusal(a, identify(said, scopes, roles)) is None:
        assert refusal(a, identify(said, scopes | more_scopes, roles | more_roles)) is None


@given(requirements, requirements)
def test_laws(a: Requirement, b: Requirement) -> None:
    """The algebra is commutative, idempotent and absorbing over all conditions."""
    assert a | a == a == a & a
    assert a | b == b | a
    assert a & (a | b) == a
    assume(not contradict(a, b))
    assert a & b == b & a
    assert a | (a & b) == a


@given(requirements)
def test_one_str(a: Requirement) -> None:
    """Equal requirements are shown alike, in whichever order they are put together."""

    def joined(alternative: list[Condition]) -> Requirement:
        return Requirement(frozenset({frozenset(alternative)}))

    alternatives = [joined(sorted(one, key=str, reverse=True)) for one in a.alternatives]
    forwards = functools.reduce(Requirement.__or__, alternatives)
    backwards = functools.reduce(Requirement.__or__, alternatives[::-1])
    assert forwards == backwards == a
    assert str(forwards) == str(backwards) == str(a)


@given(requirements, callers, routes)
def test_remedy(a: Requirement, joe: Identity, params: dict[str, object]) -> None:
    """Who gets the scopes that the refusal names lacks a better authentication at most."""
    refused = refusal(a, joe, params)
    if isinstance(refused, InsufficientScope | StepUpRequired) and refused.scopes:
        better = Identity(joe.issuer, frozenset(refused.scopes), joe.roles, joe.claims, None)
        again = refusal(a, better, params)
        assert again is None or isinstance(again, StepUpRequired)
        assert again is None or isinstance(refused, StepUpRequired)


def test_conditions_are_plain_values() -> None:
    """Conditions compare and hash by what they ask for."""
    assert acr("gold", max_age=1).alternatives == {frozenset({Authenticated(("gold",), 1)})}
    assert any_scope("a").alternatives == {frozenset({Grant("scope", "a")})}
