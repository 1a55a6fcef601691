"""Checks ahead of functions and views, and whether they are there: jwt_guard._core.guarding."""

import asyncio
import gc
import inspect
from abc import ABC
from collections.abc import Callable
from functools import partial, wraps
from threading import Thread
from typing import Any, Generic, TypeVar

import pytest

from jwt_guard._core.guarding import check_registered, guarded
from jwt_guard.errors import ConfigurationError

_V = TypeVar("_V")

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


# Classes, and those below them


async def answering(_view: object) -> str:
    return "answer"


def answering_at_once(_view: object) -> str:
    return "answer"


class Base:
    """Of the framework: others derive from it, too."""

    dispatch: Any = answering


def refused(view: Any) -> bool:
    """Whether a view is guarded, and does not answer."""
    try:
        answer = view.dispatch()
        assert (asyncio.run(answer) if inspect.iscoroutine(answer) else answer) == "answer"
    except RefusalError:
        return True
    return False


def closed(view: type[_V]) -> type[_V]:
    return guarded(view, Check(refuse=True), "dispatch")


class Overriding(Base):
    """A mixin, or another framework's class, with a method of its own."""

    dispatch: Any = answering


class Silent:
    """A base that keeps the bases after it from seeing its subclasses."""

    def __init_subclass__(cls) -> None:
        """Call no other one."""


def test_subclasses_stay_guarded() -> None:
    """A subclass of a guarded view is guarded, a base class and a sister are not."""

    class View(Base):
        pass

    class Below(View):
        pass

    class Sister(Base):
        pass

    closed(View)
    assert refused(View())
    assert refused(Below())
    assert not refused(Base())
    assert not refused(Sister())


def test_overriding_before() -> None:
    """A subclass that was there before, with a method of its own, is guarded."""

    class View(Base):
        pass

    class One(View):
        dispatch = answering

    class Two(View):
        dispatch = answering_at_once

    class Both(One, Two):  # type: ignore[misc]  # two methods of one name
        pass

    class Below(One):
        dispatch = answering

    closed(View)
    assert all(refused(view()) for view in (View, One, Two, Both, Below))
    assert not refused(Base())
    assert answering_at_once(None) == "answer"


def test_overriding_after() -> None:
    """So is one that comes later, sync or async, and what is below it."""

    @closed
    class View(Base):
        pass

    class One(View):
        dispatch = answering

    class Two(View):
        dispatch = answering_at_once

    class Below(One):
        dispatch = answering

    assert all(refused(view()) for view in (View, One, Two, Below))
    assert inspect.iscoroutinefunction(One.dispatch)
    assert not inspect.iscoroutinefunction(Two.dispatch)


def test_another_base() -> None:
    """A method that comes of another base is guarded in the subclass, and not in that base."""

    class View(Base):
        pass

    class Before(Overriding, View):
        pass

    closed(View)

    class After(Overriding, View):
        pass

    assert refused(Before())
    assert refused(After())
    assert not refused(Overriding())


def test_checked_once() -> None:
    """Who has a guarded method is not guarded again, whatever hooks call one another."""
    check = Check()

    class View(Base):
        def __init_subclass__(cls) -> None:
            super().__init_subclass__()

    guarded(View, check, "dispatch")

    class Below(View):
        pass

    class Own(View):
        def __init_subclass__(cls) -> None:
            super().__init_subclass__()

        dispatch = answering

    class BelowOwn(Own):
        dispatch = answering

    for count, view in enumerate((View(), Below(), Own(), BelowOwn()), 1):
        assert not refused(view)
        assert len(check.calls) == count


def test_hooks() -> None:
    """The hooks that classes have are called with their options, each bound to the new class."""
    seen: list[tuple[str, str, int]] = []

    class View(Base):
        def __init_subclass__(cls, *, size: int = 0, **options: Any) -> None:
            super().__init_subclass__(**options)
            seen.append(("View", cls.__name__, size))

    class Mixin:
        def __init_subclass__(cls, *, weight: int = 0, **options: Any) -> None:
            super().__init_subclass__(**options)
            seen.append(("Mixin", cls.__name__, weight))

    closed(View)

    class One(View, Mixin, size=1, weight=2):
        dispatch = answering

    assert seen == [("Mixin", "One", 2), ("View", "One", 1)]
    assert refused(One())
    with pytest.raises(TypeError):
        type("Two", (View,), {}, unknown=True)


def test_hook_without_options() -> None:
    """A guarded view without a hook takes no options, as before."""
    view: type[Base] = closed(type("View", (Base,), {}))
    with pytest.raises(TypeError):
        type("Below", (view,), {}, unknown=True)


def test_silent_hook_below() -> None:
    """A subclass whose hook calls no other one leaves none of its own unguarded."""

    class View(Base):
        pass

    class Before(View):
        def __init_subclass__(cls) -> None:
            """Call no other one."""

    closed(View)

    class After(View):
        def __init_subclass__(cls) -> None:
            """Call no other one."""

    class BelowBefore(Before):
        dispatch = answering

    class BelowAfter(After):
        def __init_subclass__(cls) -> None:
            """Call no other one."""

        dispatch = answering

    class BelowBelow(BelowAfter):
        dispatch = answering

    assert all(refused(view()) for view in (BelowBefore, BelowAfter, BelowBelow))


def test_generic_and_abstract() -> None:
    """Generic and abstract views stay what they are."""

    @closed
    class View(Base, ABC, Generic[_V]):
        pass

    class Below(View[int]):
        dispatch = answering

    class Still(View[_V]):
        pass

    assert refused(Below())
    assert refused(Still[int]())


def test_two_guards_of_a_class() -> None:
    """Decorators add up, those of a subclass to those of its base."""
    order: list[str] = []

    def noting(name: str) -> Callable[..., None]:
        def note(_view: object) -> None:
            order.append(name)

        return note

    class View(Base):
        pass

    guarded(guarded(View, noting("inner"), "dispatch"), noting("outer"), "dispatch")

    class Below(View):
        dispatch = answering

    guarded(Below, noting("below"), "dispatch")
    assert not refused(View())
    assert order == ["outer", "inner"]
    order.clear()
    assert not refused(Below())
    assert order == ["below", "outer", "inner"]


def test_wraps_of_a_guarded_method() -> None:
    """A method that names a guarded one as what it wraps is not taken for guarded."""

    @closed
    class View(Base):
        pass

    async def own(_view: object) -> str:
        return "answer"

    class Below(View):
        dispatch = wraps(View.dispatch)(own)

    assert refused(Below())
    assert asyncio.run(own(None)) == "answer"


def test_no_method_below() -> None:
    """A subclass that takes the method away has nothing to guard."""
    view: type[Base] = closed(type("View", (Base,), {}))
    below = type("Below", (view,), {"dispatch": None})
    with pytest.raises(TypeError):
        below().dispatch()


def test_registered_classes() -> None:
    """A class that a silent base has kept from being guarded is found, and named."""

    @closed
    class View(Base):
        pass

    class Fine(View):
        pass

    class Past(Silent, View):
        dispatch = answering

    check_registered([Base, View, Fine, int])
    assert not refused(Past())
    with pytest.raises(ConfigurationError, match=r"Past: its dispatch\(\) is not the one that req"):
        check_registered([View, Past])
    closed(Past)
    with pytest.raises(ConfigurationError, match=r"on .*\.View guards"):
        check_registered([Past])


def test_replaced_later() -> None:
    """So is one whose method was replaced after all."""

    @closed
    class View(Base):
        pass

    View.dispatch = answering
    assert not refused(View())
    with pytest.raises(ConfigurationError, match=r"View: its dispatch\(\) is not the one"):
        check_registered([View])


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


# What is registered is what is guarded


def requires(endpoint: Any) -> Any:
    return guarded(endpoint, Check(), "dispatch")


class App:
    """Registers functions as frameworks do."""

    def __init__(self) -> None:
        self.endpoints: list[Any] = []

    def route(self, endpoint: Any) -> Any:
        self.endpoints.append(endpoint)
        return endpoint

    def check(self) -> None:
        check_registered(self.endpoints)


def around(function: Any) -> Any:
    """Wrap as decorators of others do."""
    return wraps(function)(lambda: (function,))


def test_below_the_route() -> None:
    """A requirement below the decorator of the route is asked, whatever stands between."""
    app = App()

    @app.route
    @requires
    def one() -> None: ...

    @app.route
    @requires
    @around
    @requires
    @around
    def two() -> None: ...

    @app.route
    @around
    @requires
    def three() -> None: ...

    @app.route
    def four() -> None: ...

    app.endpoints.append(None)
    app.check()


def above(app: App) -> None:
    @requires
    @app.route
    def misplaced() -> None: ...


def above_another(app: App) -> None:
    @requires
    @around
    @app.route
    def misplaced() -> None: ...


def between_others(app: App) -> None:
    @around
    @requires
    @around
    @app.route
    def misplaced() -> None: ...


def above_and_below(app: App) -> None:
    @requires
    @app.route
    @requires
    def misplaced() -> None: ...


@pytest.mark.parametrize("make", [above, above_another, between_others, above_and_below])
def test_above_the_route(make: Callable[[App], None]) -> None:
    """One above it would never be asked: it is found, and the function is named."""
    app = App()
    make(app)
    # A factory has returned, and nobody but the app holds on to what it made.
    gc.collect()
    with pytest.raises(ConfigurationError) as info:
        app.check()
    assert "misplaced: requires(…) stands above the decorator of the route" in str(info.value)


def shared() -> None: ...


def test_one_function_twice() -> None:
    """A function may have a route of its own beside a guarded one, in this app or another."""
    one, two = App(), App()
    one.route(shared)
    one.route(requires(shared))
    two.route(shared)
    three = App()
    three.route(requires(around(shared)))
    for app in (one, two, three):
        app.check()

    def local() -> None: ...

    four = App()
    four.route(local)
    four.route(requires(local))
    four.check()


between = App()


@between.route
@requires
@between.route
def versions() -> None: ...


def test_of_a_thread() -> None:
    """Where it is written is found out in a thread, too, however few calls led there."""
    app = App()

    def guard_one() -> None:
        app.route(shared)
        app.route(requires(shared))

    for make in (guard_one, partial(above, app)):
        thread = Thread(target=make)
        thread.start()
        thread.join()
        if make is guard_one:
            app.check()
    with pytest.raises(ConfigurationError, match="misplaced: requires"):
        app.check()


def test_between_two_routes() -> None:
    """Between two routes of one function it guards one of them; the other one is found."""
    with pytest.raises(ConfigurationError, match="versions: requires"):
        between.check()


def test_what_takes_no_notes() -> None:
    """Methods of instances and what has no attributes are guarded without one."""

    class Slotted:
        __slots__ = ()

        def __call__(self) -> None: ...

    endpoints: list[Any] = [Slotted(), Silent().__init_subclass__, "abc".upper]
    for endpoint in endpoints:
        with pytest.raises(RefusalError):
            guarded(endpoint, Check(refuse=True), "dispatch")()
        check_registered([endpoint])


def test_circles() -> None:
    """Functions that say they wrap one another are looked at once."""
    one, two = around(shared), around(shared)
    one.__wrapped__, two.__wrapped__ = two, one
    check_registered([requires(one)])
