"""Marks of endpoints, and checks before functions and views."""

import asyncio
import gc
import inspect
from functools import partial, wraps
from typing import Any

import pytest

from jwt_guard import scope
from jwt_guard._core.marks import (
    accessible,
    check_registered,
    guarded,
    optional,
    public,
    require,
    required_of,
)
from jwt_guard._core.request.request import Access
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


class Plain:
    """A view that nothing guards."""

    def dispatch(self) -> str:
        return "answer"


def test_mixins() -> None:
    """A mixin's method is guarded in the class that it is mixed into, and not by itself."""

    class View(Plain): ...

    class Mixin(Plain):
        def dispatch(self) -> str:
            return "mixed in"

    guarded(View, Check(refuse=True), "dispatch")

    class Mixed(Mixin, View): ...

    with pytest.raises(RefusalError):
        Mixed().dispatch()
    assert Mixin().dispatch() == "mixed in"


def test_once() -> None:
    """A check that a class inherits with the method is asked once; each of several is."""
    first, second = Check(), Check()

    class View(Plain): ...

    guarded(View, first, "dispatch")

    class Below(View): ...

    guarded(Below, second, "dispatch")
    assert Below().dispatch() == "answer"
    assert (len(first.calls), len(second.calls)) == (1, 1)


def test_replaced_later() -> None:
    """A method that came later is guarded when the endpoint is checked, at the latest."""

    class View(Plain): ...

    guarded(View, Check(refuse=True), "dispatch")

    class Silent(View):
        def __init_subclass__(cls) -> None:
            """Keep it from whoever is above."""

    class Below(Silent):
        def dispatch(self) -> str:
            return "unseen"

    @wraps(View.dispatch)
    def copied(_view: object) -> str:
        return "copied"

    Copied: Any = type("Copied", (Silent,), {"dispatch": copied})  # noqa: N806  a class
    views: list[Any] = [Below, Copied]
    assert [view().dispatch() for view in views] == ["unseen", "copied"]
    check_registered(views)
    for view in views:
        with pytest.raises(RefusalError):
            view().dispatch()


def shared() -> None:
    """Do nothing: its own module knows it."""


def test_above_the_route() -> None:
    """What `requires` guards is not to be registered in place of what guards it."""
    order: list[object] = []

    def register(function: Any) -> Any:
        order.append(function)
        return function

    def factory() -> None:
        def above() -> None: ...

        guarded(register(above), Check(), "dispatch")

        def below() -> None: ...

        register(guarded(below, Check(), "dispatch"))

    factory()
    # Nobody else holds on to what was made in there.
    gc.collect()
    above, below = order
    check_registered([below])
    with pytest.raises(ConfigurationError, match=r"above: requires\(…\) stands above"):
        check_registered([above, below])
    guarded(shared, Check(), "dispatch")
    check_registered([shared])


def test_without_attributes() -> None:
    """What takes no attributes is guarded all the same."""
    assert guarded(len, Check(), "dispatch")("abc") == 3
    check_registered([len, None, 5])


def test_marks() -> None:
    """Marks contradict each other, and a requirement."""
    needed = scope("a")

    def view() -> None: ...

    assert public(public(view)) is view
    assert accessible(view) is Access.PUBLIC
    with pytest.raises(ConfigurationError, match="marked as public and as optional"):
        optional(view)
    with pytest.raises(ConfigurationError, match="marked as public or optional, and yet"):
        require(view, needed)

    def other() -> None: ...

    require(other, needed)
    assert required_of(other) == needed
    with pytest.raises(ConfigurationError, match="marked as public or optional, and yet"):
        optional(other)
