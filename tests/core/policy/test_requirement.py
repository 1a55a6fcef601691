"""RFC 6750 §3.1: jwt_guard._core.policy.requirement; its laws are in tests/test_properties.py."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from jwt_guard import Identity, Requirement, all_scopes, any_scope, role, scope
from jwt_guard._core.policy.conditions import Grant
from jwt_guard._core.policy.expressions import requirement
from jwt_guard._core.token.strictjson import FrozenDict
from jwt_guard.errors import ConfigurationError, InsufficientScope, Reason


def caller(scopes: str = "", roles: str = "") -> Identity:
    held = frozenset(scopes.split()), frozenset(roles.split())
    return Identity("issuer", *held, FrozenDict(), "k")


def allows(needed: Requirement, scopes: str = "", roles: str = "") -> bool:
    try:
        needed.require(caller(scopes, roles))
    except InsufficientScope:
        return False
    return True


def test_scope() -> None:
    """A scope is held or not; it is compared exactly, and is no role."""
    assert allows(scope("a"), "a b")
    for scopes in ("", "b", "A", "ab", "a:b"):
        assert not allows(scope("a"), scopes, "a")


def test_role() -> None:
    """A role is held or not, and is no scope."""
    assert allows(role("a"), "", "a b")
    assert not allows(role("a"), "a", "b")


def test_all_and_any() -> None:
    """All of several scopes, or at least one."""
    assert allows(all_scopes("a", "b"), "a b c")
    assert not allows(all_scopes("a", "b"), "a c")
    assert allows(any_scope("a", "b"), "b c")
    assert not allows(any_scope("a", "b"), "c")


def test_combined() -> None:
    """& and | combine, with brackets as usual."""
    needed = scope("read") & (role("editor") | scope("admin"))
    assert allows(needed, "read admin")
    assert allows(needed, "read", "editor")
    assert not allows(needed, "read")
    assert not allows(needed, "admin", "editor")


def test_requires_parts() -> None:
    """Parts are scope values or expressions, all of which are needed."""
    assert requirement("a", "b") == all_scopes("a", "b") == scope("a") & scope("b")
    assert requirement("a", role("b") | scope("c")) == scope("a") & (role("b") | scope("c"))


@pytest.mark.parametrize("make", [requirement, all_scopes, any_scope])
def test_empty(make: Callable[[], Requirement]) -> None:
    """An empty requirement protects nothing and is refused."""
    with pytest.raises(ConfigurationError, match="an empty requirement protects nothing"):
        make()


@pytest.mark.parametrize("part", [None, 5, ["a"], ("a", "b"), {"a"}, b"a", lambda: None])
def test_no_requirement(part: Any) -> None:
    """Lists and the function that was to be decorated are no requirement."""
    with pytest.raises(ConfigurationError, match="is no requirement; write requires"):
        requirement("a", part)


@pytest.mark.parametrize(
    "name",
    ["a b", " ", " a", "a ", 'a"b', "a\\b", "é", "a\tb", "a\n", "a\u00a0b", "a\x0bb", "a\x1fb"],
)
def test_no_scope_value(name: str) -> None:
    """A scope value is printable ASCII without space, quote and backslash (RFC 6749 §3.3)."""
    for make in (scope, all_scopes, any_scope, requirement):
        with pytest.raises(ConfigurationError, match=r"is no scope value .* write several as"):
            make(name)


@pytest.mark.parametrize("name", ["", None, 5, b"a", ["a"]])
def test_no_name(name: Any) -> None:
    """A scope and a role are text that is not empty."""
    with pytest.raises(ConfigurationError, match="a scope is a string that is not empty"):
        scope(name)
    with pytest.raises(ConfigurationError, match="a role is a string that is not empty"):
        role(name)


def test_role_names() -> None:
    """A role may have any text for a name."""
    assert role("The Ädmin").alternatives == {frozenset({Grant("role", "The Ädmin")})}


@pytest.mark.parametrize(
    "combine",
    [
        lambda: scope("a") and scope("b"),
        lambda: scope("a") or scope("b"),
        lambda: not scope("a"),
        lambda: bool(scope("a")),
    ],
)
def test_no_truth_value(combine: Callable[[], object]) -> None:
    """`and`, `or` and `not`, which would drop a side silently, are refused."""
    with pytest.raises(TypeError, match=r"combine requirements with & and \|,"):
        combine()


def test_equality_and_hash() -> None:
    """Requirements are equal if they ask for the same, however they are written."""
    assert scope("a") | scope("b") & scope("a") == scope("a")
    assert scope("a") != role("a")
    assert len({scope("a") & scope("b"), all_scopes("b", "a"), any_scope("a", "b")}) == 2


def test_str() -> None:
    """A requirement is shown as it is written, in one order."""
    assert str(scope("a")) == "scope('a')"
    needed = (role("z") | scope("c")) & scope("b") | role("a")
    assert str(needed) == "role('a') | role('z') & scope('b') | scope('b') & scope('c')"


def test_scopes() -> None:
    """`scopes` are the scope values that no alternative can do without."""
    assert all_scopes("b", "a").scopes() == ["a", "b"]
    assert any_scope("b", "a").scopes() == []
    assert (scope("a") & (scope("b") | role("c"))).scopes() == ["a"]
    assert role("a").scopes() == []


@pytest.mark.parametrize(
    ("needed", "scopes", "roles", "remedy"),
    [
        (scope("a"), "", "", ("a",)),
        (all_scopes("b", "a"), "b", "", ("a", "b")),
        (any_scope("b", "a"), "", "", ("a",)),
        (scope("a") | all_scopes("b", "c"), "b", "", ("a",)),
        (all_scopes("a", "x") | all_scopes("b", "c"), "b", "", ("b", "c")),
        (role("r"), "", "", ()),
        (scope("a") & role("r"), "a", "", ()),
        (scope("a") & role("r"), "", "", ()),
        (scope("a") & role("r"), "", "r", ("a",)),
        (role("r") | all_scopes("a", "b"), "", "", ("a", "b")),
        (role("r") | scope("a") & role("s"), "", "", ()),
    ],
)
def test_remedy(needed: Requirement, scopes: str, roles: str, remedy: tuple[str, ...]) -> None:
    """The refusal names the nearest scopes that would do, or none where no scope would."""
    with pytest.raises(InsufficientScope) as info:
        needed.require(caller(scopes, roles))
    assert info.value.scopes == remedy


def test_refusal_knows_the_caller() -> None:
    """The refusal carries issuer and key for the log, and the requirement as the hint."""
    with pytest.raises(InsufficientScope) as info:
        scope("a").require(caller())
    assert info.value.reason is Reason.NOT_PERMITTED
    assert (info.value.issuer, info.value.kid) == ("issuer", "k")
    assert info.value.hint == "the route requires scope('a')"


def names(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def test_too_many_alternatives() -> None:
    """256 alternatives are sensible and more are not; that is told at once."""
    assert len((any_scope(*names("a", 16)) & any_scope(*names("b", 16))).alternatives) == 256
    start = time.perf_counter()
    for count in (17, 256):
        with pytest.raises(ConfigurationError, match="more than 256 alternatives; give the token"):
            requirement(any_scope(*names("a", count)), any_scope(*names("b", count)))
    assert time.perf_counter() - start < 2


def test_alternatives_that_collapse() -> None:
    """A large product that comes to little is no reason to refuse."""
    many = any_scope(*names("a", 60))
    assert many & many == many
    assert many | many == many
    assert scope("a0") & many == scope("a0")
