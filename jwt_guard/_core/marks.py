"""Mark endpoints, and run a check before a function or every method of a class."""

from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, cast

from ..errors import ConfigurationError
from .policy.requirement import Requirement

_P = ParamSpec("_P")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., Any])

_PUBLIC = "__jwt_guard_public__"
_REQUIRED = "__jwt_guard_required__"
_IDENTIFYING = "__jwt_guard_identifying__"


def public(endpoint: _F) -> _F:
    """Mark an endpoint, function, class or app, as one that needs no token.

    A token that is sent all the same must be valid. `requires` on the same endpoint
    still asks for one.
    """
    setattr(endpoint, _PUBLIC, True)
    return endpoint


def is_public(endpoint: object) -> bool:
    """Tell whether *endpoint* itself is marked; a subclass of a marked class is not."""
    return _PUBLIC in getattr(endpoint, "__dict__", ())


def identifying(dependency: _F) -> _F:
    """Mark a function that returns the caller, or refuses where there is none."""
    setattr(dependency, _IDENTIFYING, True)
    return dependency


def identifies(dependency: object) -> bool:
    """Tell whether *dependency* is marked as `identifying`."""
    return getattr(dependency, _IDENTIFYING, False) is True


def required_of(endpoint: object) -> Requirement | None:
    """Return what decorators on *endpoint* ask for together, or None."""
    found: Requirement | None = getattr(endpoint, _REQUIRED, None)
    return found


def require(endpoint: object, needed: Requirement) -> None:
    """Note on *endpoint* that it asks for *needed* too."""
    before = required_of(endpoint)
    setattr(endpoint, _REQUIRED, needed if before is None else before & needed)


def guarded(target: _F, check: Callable[..., None], dispatch: str) -> _F:
    """Return *target* so that *check* runs first, with the same arguments.

    Args:
        target: A function, sync or async, or a class-based view.
        check: Takes the call's arguments; raises to refuse.
        dispatch: Name of the method of a class that handles every request. It is
            replaced in the class itself, so that subclasses stay guarded.
    """
    if isinstance(target, type):
        method = getattr(target, dispatch, None)
        if method is None:
            raise ConfigurationError(f"{target.__name__} is no class-based view: no {dispatch}()")
        setattr(target, dispatch, guarded(method, check, dispatch))
        return cast("_F", target)
    if not callable(target):
        raise ConfigurationError(f"{target!r} is no endpoint; requires(…) goes above a function")
    if _is_async(target):
        return cast("_F", _async_wrapper(target, check))
    return cast("_F", _wrapper(target, check))


def _is_async(target: Callable[..., Any]) -> bool:
    return iscoroutinefunction(target) or iscoroutinefunction(getattr(target, "__call__", None))  # noqa: B004  an instance with an async __call__ is an endpoint too


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
