"""A check that runs ahead of an endpoint, and a look whether it does.

What guards a function has to be registered in its place. What guards a class-based view
holds for its subclasses, too, whatever they override.
"""

import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import wraps
from inspect import currentframe, iscoroutinefunction
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast
from weakref import WeakSet

from ..errors import ConfigurationError
from .marks import name_of

_P = ParamSpec("_P")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., Any])

_WRAPPERS = "__jwt_guard_wrappers__"
_CHECKS = "__jwt_guard_checks__"
_GUARDS = "__jwt_guard_guards__"
_HOOK = "__init_subclass__"

Check = Callable[..., None]


@dataclass(frozen=True, slots=True, eq=False)
class _Note:
    """What is remembered about *of* alone: `wraps` copies it to whatever wraps *of*."""

    of: object
    about: Any


class _Guards(NamedTuple):
    """What guards a class, its subclasses included: *check*, ahead of *dispatch*."""

    check: Check
    dispatch: str


def _remembered(of: object, mark: str) -> Any:  # noqa: ANN401  each mark has a type of its own
    """Return what is noted about *of*, or None."""
    note = getattr(of, "__dict__", {}).get(mark)
    return note.about if isinstance(note, _Note) and note.of is of else None


def guarded(target: _F, check: Check, dispatch: str) -> _F:
    """Return *target* so that *check* runs first, with the same arguments.

    Args:
        target: A function, sync or async, or a class-based view.
        check: Takes the call's arguments; raises to refuse.
        dispatch: Name of the method of a class that handles every request. It is
            replaced in the class itself and in every subclass that has another one,
            now or later, so that they stay guarded.

    Raises:
        ConfigurationError: *target* is no endpoint.
    """
    if isinstance(target, type):
        if getattr(target, dispatch, None) is None:
            raise ConfigurationError(f"{target.__name__} is no class-based view: no {dispatch}()")
        _guard_class(target, _Guards(check, dispatch))
        return cast("_F", target)
    if not callable(target):
        raise ConfigurationError(f"{target!r} is no endpoint; requires(…) goes above a function")
    wrapper = _checked(target, check)
    for wrapped in _unwrapped(target):
        _note_wrapper(wrapped, wrapper)
    return cast("_F", wrapper)


def _guard_class(target: type, guards: _Guards) -> None:
    """Guard a class, the subclasses it has, and those that it will have."""
    before = _remembered(target, _GUARDS) or ()
    setattr(target, _GUARDS, _Note(target, (*before, guards)))
    _guard_dispatch(target, guards)
    _guard_later(target, guards)
    for subclass in dict.fromkeys(_subclasses(target)):
        _guard_subclass(subclass, guards)


def _subclasses(target: type[object]) -> Iterator[type[object]]:
    for subclass in target.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _guard_subclass(cls: type, guards: _Guards) -> None:
    _guard_dispatch(cls, guards)
    if _HOOK in cls.__dict__:
        # It need not call the one above.
        _guard_later(cls, guards)


def _guard_later(cls: type[object], guards: _Guards) -> None:
    """Guard the subclasses that *cls* will have, after its own hook has seen them."""
    own: Any = cls.__dict__.get(_HOOK)

    def created(new: type[Any], /, **options: Any) -> None:  # noqa: ANN401  whatever its own takes
        # An own one replaces what is above it, and may call that by super().
        hook = super(cls, new).__init_subclass__ if own is None else own.__get__(None, new)
        hook(**options)
        _guard_subclass(new, guards)

    setattr(cls, _HOOK, classmethod(created))


def _guard_dispatch(cls: type, guards: _Guards) -> None:
    """Guard what *cls* dispatches with: its own method, or one of another base."""
    method = getattr(cls, guards.dispatch)
    if not callable(method) or _is_checked(method, guards.check):
        return
    wrapper = _checked(method, guards.check)
    before = _remembered(method, _CHECKS) or ()
    setattr(wrapper, _CHECKS, _Note(wrapper, (*before, guards.check)))
    setattr(cls, guards.dispatch, wrapper)


def _is_checked(method: object, check: Check) -> bool:
    return any(one is check for one in _remembered(method, _CHECKS) or ())


def _note_wrapper(target: object, wrapper: object) -> None:
    """Remember on *target* who guards it, and whether that takes its place."""
    wrappers: _Wrappers | None = _remembered(target, _WRAPPERS)
    if wrappers is None:
        wrappers = _Wrappers(WeakSet())
        with suppress(AttributeError, TypeError):  # a method of an instance takes no notes
            setattr(target, _WRAPPERS, _Note(target, wrappers))
    wrappers.guarding.add(wrapper)
    wrappers.above = wrappers.above or _is_decorated(target)


@dataclass(slots=True)
class _Wrappers:
    """Who guards a function.

    Attributes:
        guarding: What `requires` made of it.
        above: Whether one was written above it as a decorator: its name stands for what
            is guarded from then on, and whoever has itself has it from below.
    """

    guarding: WeakSet[Any]
    above: bool = False


# Decorators that call `requires`, one in another.
_DEPTH = 16


def _is_decorated(target: object) -> bool:
    """Whether the call that we are in is written above the definition of *target*."""
    *_, innermost = _unwrapped(target)
    code = getattr(innermost, "__code__", None)
    if code is None:
        return False
    body = [line for *_, line in code.co_lines() if line and line > code.co_firstlineno]
    lines = range(code.co_firstlineno, min(body, default=code.co_firstlineno) + 1)
    frame = currentframe()
    for _ in range(_DEPTH):
        if frame is None:
            break
        if frame.f_lineno in lines and frame.f_code.co_filename == code.co_filename:
            return True
        frame = frame.f_back
    return False


def check_registered(endpoints: Iterable[object]) -> None:
    """Raise if an endpoint is one that `requires` guards, and what guards it is not there.

    That is `@requires` above the decorator of the route, which has registered the
    function below before; or a class with another base that keeps a guarded one from
    seeing its subclasses.

    Raises:
        ConfigurationError: It names the function or class.
    """
    for endpoint in endpoints:
        if isinstance(endpoint, type):
            _check_class(endpoint)
        elif _is_passed_by(endpoint):
            raise ConfigurationError(
                f"{name_of(endpoint)}: requires(…) stands above the decorator of the route, and so "
                f"does nothing; write it below"
            )


def _check_class(endpoint: type) -> None:
    for base in endpoint.__mro__:
        for check, dispatch in _remembered(base, _GUARDS) or ():
            if not _is_checked(getattr(endpoint, dispatch), check):
                raise ConfigurationError(
                    f"{name_of(endpoint)}: its {dispatch}() is not the one that requires(…) "
                    f"on {name_of(base)} guards; write requires(…) above it too"
                )


def _is_passed_by(endpoint: object) -> bool:
    """Whether *endpoint* is there in place of what guards it.

    One function may be registered bare and guarded, `requires(…)(view)`. But where it
    was written above it, or where the name in its module means what guards it, it was not.
    """
    wrappers: _Wrappers | None = _remembered(endpoint, _WRAPPERS)
    if wrappers is None:
        return False
    module = sys.modules.get(getattr(endpoint, "__module__", ""))
    named = getattr(module, name_of(endpoint), None)
    guarding = {id(wrapper) for wrapper in wrappers.guarding}
    return wrappers.above or any(id(one) in guarding for one in _unwrapped(named))


def _unwrapped(endpoint: object) -> Iterator[object]:
    """Yield an endpoint and what it wraps."""
    seen: set[int] = set()
    while endpoint is not None and id(endpoint) not in seen:
        seen.add(id(endpoint))
        yield endpoint
        endpoint = getattr(endpoint, "__wrapped__", None)


def _is_async(target: Callable[..., Any]) -> bool:
    return iscoroutinefunction(target) or iscoroutinefunction(getattr(target, "__call__", None))  # noqa: B004  an instance with an async __call__ is an endpoint too


def _checked(target: Callable[..., Any], check: Check) -> Callable[..., Any]:
    return _async_wrapper(target, check) if _is_async(target) else _wrapper(target, check)


def _wrapper(function: Callable[_P, _R], check: Callable[_P, None]) -> Callable[_P, _R]:
    @wraps(function)
    def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        check(*args, **kwargs)
        return function(*args, **kwargs)

    return wrapper


def _async_wrapper(
    function: Callable[_P, Awaitable[_R]], check: Callable[_P, None]
) -> Callable[_P, Awaitable[_R]]:
    @wraps(function)
    async def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        check(*args, **kwargs)
        return await function(*args, **kwargs)

    return wrapper
