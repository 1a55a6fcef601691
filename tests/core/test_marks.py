"""Checks before functions and views: jwt_guard._core.decorating."""

import asyncio
import inspect
from functools import partial
from typing import Any

import pytest

from jwt_guard._core.marks import guarded
from jwt_guard.errors import ConfigurationError

Call = tuple[tuple[object, ...], dict[str, object]]


class RefusalError(Exception):
    """Raised by the check."""


class Check:
    """Remembers its calls; refuses when told to."""

    def __init__(self, *, refuse: bool = False) -> None:
        self.calls: list[Call] = []
        self.refuse = refuse

    def __call__(self, *args: object, **kwargs: object) -> None:
        self.calls.append((args, kwargs))
        if self.refuse:
            raise RefusalError


def test_function() -> None:
    """The check gets the call's arguments, and then the function does."""
    check = Check()

    def view(a: int, *, b: int) -> int:
        """Add."""
        return a + b

    wrapped = guarded(view, check, "dispatch")
    assert wrapped(1, b=2) == 3
    assert check.calls == [((1,), {"b": 2})]
    assert (wrapped.__name__, wrapped.__doc__) == ("view", "Add.")
    assert inspect.signature(wrapped) == inspect.signature(view)


def test_function_refused() -> None:
    """What the check raises comes out, and the function is not called."""
    called: list[int] = []
    with pytest.raises(RefusalError):
        guarded(called.append, Check(refuse=True), "dispatch")(1)
    assert called == []


def test_coroutine() -> None:
    """A coroutine function stays one; the check runs when it is awaited."""
    check = Check()

    async def view(a: int) -> int:
        return a

    wrapped = guarded(view, check, "dispatch")
    assert inspect.iscoroutinefunction(wrapped)
    coroutine = wrapped(1)
    assert check.calls == []
    assert asyncio.run(coroutine) == 1
    assert check.calls == [((1,), {})]
    with pytest.raises(RefusalError):
        asyncio.run(guarded(view, Check(refuse=True), "dispatch")(1))


def test_callable_instances() -> None:
    """Instances with a sync or an async `__call__`, and partials, are endpoints too."""

    class Sync:
        def __call__(self, a: int) -> int:
            return a

    class Async:
        async def __call__(self, a: int) -> int:
            return a

    async def view(_first: object, a: int) -> int:
        return a

    assert guarded(Sync(), Check(), "dispatch")(1) == 1
    for endpoint in (Async(), partial(view, None)):
        wrapped: Any = guarded(endpoint, Check(), "dispatch")
        assert inspect.iscoroutinefunction(wrapped)
        assert asyncio.run(wrapped(1)) == 1
        with pytest.raises(RefusalError):
            asyncio.run(guarded(endpoint, Check(refuse=True), "dispatch")(1))


def test_class() -> None:
    """A class-based view is guarded where it dispatches, and stays the same class."""
    check = Check()

    class View:
        def dispatch(self, a: int) -> int:
            return a

    assert guarded(View, check, "dispatch") is View
    view = View()
    assert view.dispatch(1) == 1
    assert check.calls == [((view, 1), {})]


def test_subclasses_stay_guarded() -> None:
    """A subclass of a guarded view is guarded, a base class and a sister are not."""

    class Base:
        async def dispatch(self) -> str:
            return "answer"

    class View(Base):
        pass

    class Below(View):
        pass

    class Sister(Base):
        pass

    guarded(View, Check(refuse=True), "dispatch")
    views: list[Base] = [View(), Below()]
    for view in views:
        with pytest.raises(RefusalError):
            asyncio.run(view.dispatch())
    others: list[Base] = [Base(), Sister()]
    for view in others:
        assert asyncio.run(view.dispatch()) == "answer"


def test_stacked() -> None:
    """Checks stack, the outer one first."""
    order: list[str] = []

    def view() -> None:
        order.append("view")

    inner = guarded(view, lambda: order.append("inner"), "dispatch")
    guarded(inner, lambda: order.append("outer"), "dispatch")()
    assert order == ["outer", "inner", "view"]


def test_no_view() -> None:
    """A class that does not dispatch, and what cannot be called, are no endpoints."""

    class Plain:
        pass

    with pytest.raises(ConfigurationError, match=r"Plain is no class-based view: no dispatch\(\)"):
        guarded(Plain, Check(), "dispatch")
    endpoints: list[Any] = [None, "view", 5, {}]
    for endpoint in endpoints:
        with pytest.raises(ConfigurationError, match=r"is no endpoint; requires\(…\) goes above"):
            guarded(endpoint, Check(), "dispatch")
