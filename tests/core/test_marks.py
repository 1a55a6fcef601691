"""What decorators write on endpoints: jwt_guard._core.marks."""

from collections.abc import Callable
from functools import partial, wraps
from typing import Any

import pytest

from jwt_guard._core.marks import (
    accessible,
    identifies,
    identifying,
    name_of,
    optional,
    public,
    require,
    required_of,
)
from jwt_guard._core.policy.expressions import issued_by, scope
from jwt_guard._core.request.request import Access
from jwt_guard.errors import ConfigurationError


class Base:
    def dispatch(self) -> None: ...


def around(function: Any) -> Any:
    """Wrap as `requires` does."""
    return wraps(function)(lambda: (function,))


def view() -> None: ...


def test_marks() -> None:
    """An endpoint is guarded unless a mark on it says another word, twice or once."""
    assert accessible(view) is Access.GUARDED
    for mark, word in ((public, Access.PUBLIC), (optional, Access.OPTIONAL)):
        endpoints: list[Any] = [lambda: "", type("View", (), {}), partial(view)]
        for endpoint in endpoints:
            assert mark(mark(endpoint)) is endpoint
            assert accessible(endpoint) is word


def test_marks_are_of_one_endpoint() -> None:
    """A mark opens no subclass, no instance, and no function around it that is another one."""

    @public
    class View(Base):
        pass

    class Below(View):
        pass

    assert accessible(Below) is accessible(View()) is Access.GUARDED
    opened = public(lambda: "")
    assert accessible(lambda: (opened,)) is Access.GUARDED
    assert accessible(partial(opened)) is Access.GUARDED
    assert accessible(wraps(opened)(lambda: (opened,))) is Access.PUBLIC


@pytest.mark.parametrize("mark", [True, "public", 2, None])
def test_no_mark(mark: Any) -> None:
    """Nothing but the three words opens."""
    endpoint: Any = lambda: ""  # noqa: E731  a function of this test's own
    endpoint.__jwt_guard_access__ = mark
    assert accessible(endpoint) is Access.GUARDED


def test_unmarkable() -> None:
    """What nothing can be written on is refused, by its name."""
    endpoints: list[Any] = [Base().dispatch, len, object(), int]
    for endpoint in endpoints:
        for mark in (public, optional):
            with pytest.raises(
                ConfigurationError, match=r"(dispatch|len|object|int) cannot be marked"
            ):
                mark(endpoint)


def test_public_and_optional() -> None:
    """An endpoint is one of both."""
    for one, other in ((public, optional), (optional, public)):

        def endpoint() -> None: ...

        one(endpoint)
        with pytest.raises(
            ConfigurationError, match="endpoint is marked as public and as optional"
        ):
            other(endpoint)


@pytest.mark.parametrize("mark", [public, optional])
def test_open_and_required(mark: Callable[[Any], Any]) -> None:
    """An endpoint is open or requires something, whichever is written first."""

    def first() -> None: ...

    class Second(Base): ...

    endpoints: list[Any] = [first, Second]
    for endpoint in endpoints:
        mark(endpoint)
        with pytest.raises(ConfigurationError) as info:
            require(around(endpoint), scope("a"))
        assert f"{endpoint.__qualname__} is marked as public or optional, and yet it req" in str(
            info.value
        )


@pytest.mark.parametrize("mark", [public, optional])
def test_required_and_open(mark: Callable[[Any], Any]) -> None:
    """The other way round, and below a class that requires something, too."""

    def third() -> None: ...

    class Fourth(Base): ...

    for endpoint in (around(third), Fourth):
        require(endpoint, scope("a"))
        with pytest.raises(ConfigurationError, match=r"(third|Fourth) is marked as public or opt"):
            mark(endpoint)

    class Below(Fourth): ...

    with pytest.raises(ConfigurationError, match="Below is marked as public or optional"):
        mark(Below)


def test_required() -> None:
    """What decorators ask for adds up, and holds for subclasses and for what wraps it."""

    class View(Base): ...

    class Below(View): ...

    assert required_of(View) is None
    require(View, scope("a"))
    assert required_of(View) == required_of(Below) == scope("a")
    require(Below, scope("b"))
    assert required_of(View) == scope("a")
    assert required_of(Below) == scope("a") & scope("b")
    function = wraps(View)(lambda: "")
    assert required_of(function) == scope("a")
    require(function, issued_by("i"))
    with pytest.raises(ConfigurationError, match="two issuers"):
        require(function, issued_by("j"))


def test_required_of_a_stranger() -> None:
    """What is no requirement of ours is none."""
    endpoint: Any = lambda: ""  # noqa: E731  a function of this test's own
    endpoint.__jwt_guard_required__ = "admin"
    assert required_of(endpoint) is required_of(None) is None


def test_identifying() -> None:
    """A dependency that returns the caller is marked as such, and nothing else is."""
    dependency = identifying(lambda: "joe")
    assert identifies(dependency)
    assert not identifies(view)
    assert not identifies(type("Odd", (), {"__jwt_guard_identifying__": 1}))


def test_names() -> None:
    """Endpoints are called as their source calls them, instances as their class."""
    assert name_of(view) == "view"
    assert name_of(Base().dispatch) == "Base.dispatch"
    assert name_of(partial(view)) == "partial"
