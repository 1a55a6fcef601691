"""What decorators write on endpoints, and a check that runs before them.

A mark opens the endpoint that it is written on, and no other: not a subclass, not a
function that wraps it, unless `functools.wraps` says that it is the same.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar, cast

from ..errors import ConfigurationError
from .policy.requirement import Requirement
from .request.request import Access

_P = ParamSpec("_P")
_R = TypeVar("_R")
_F = TypeVar("_F", bound=Callable[..., Any])

_ACCESS = "__jwt_guard_access__"
_REQUIRED = "__jwt_guard_required__"
_IDENTIFYING = "__jwt_guard_identifying__"
_WRAPPERS = "__jwt_guard_wrappers__"
_CHECKS = "__jwt_guard_checks__"
_CHECKING = "__jwt_guard_checking__"


def public(endpoint: _F) -> _F:
    """Mark an endpoint, function, class or app, as one for which nobody is asked.

    A bad token that is sent all the same counts as none.

    Raises:
        ConfigurationError: It is marked as optional, or requires something.
    """
    return _marked(endpoint, Access.PUBLIC)


def optional(endpoint: _F) -> _F:
    """Mark an endpoint as one that is for callers with a valid token, or with none.

    A bad token is refused.

    Raises:
        ConfigurationError: It is marked as public, or requires something.
    """
    return _marked(endpoint, Access.OPTIONAL)


def _marked(endpoint: _F, access: Access) -> _F:
    if accessible(endpoint) not in (Access.GUARDED, access):
        raise ConfigurationError(f"{name_of(endpoint)} is marked as public and as optional")
    if required_of(endpoint) is not None:
        raise _contradiction(endpoint)
    setattr(endpoint, _ACCESS, access)
    return endpoint


def _contradiction(endpoint: object) -> ConfigurationError:
    return ConfigurationError(
        f"{name_of(endpoint)} is marked as public or optional, and yet it requires something; "
        f"requires(…) alone asks for a token too"
    )


def name_of(endpoint: object) -> str:
    """Return the name of *endpoint* as its source says it."""
    return getattr(endpoint, "__qualname__", type(endpoint).__qualname__)


def accessible(endpoint: object) -> Access:
    """Return who needs a token by the marks of *endpoint* itself."""
    access: Access = getattr(endpoint, "__dict__", {}).get(_ACCESS, Access.GUARDED)
    return access


def identifying(dependency: _F) -> _F:
    """Mark a function that returns the caller, or refuses where there is none."""
    setattr(dependency, _IDENTIFYING, True)
    return dependency


def identifies(dependency: object) -> bool:
    """Whether *dependency* is marked as `identifying`."""
    return getattr(dependency, _IDENTIFYING, False) is True


def required_of(endpoint: object) -> Requirement | None:
    """Return what decorators on *endpoint* ask for together, or None."""
    found = getattr(endpoint, _REQUIRED, None)
    return found if isinstance(found, Requirement) else None


def require(endpoint: object, needed: Requirement) -> None:
    """Note on *endpoint* that it asks for *needed* too.

    Raises:
        ConfigurationError: It is marked as public or optional.
    """
    if accessible(endpoint) is not Access.GUARDED:
        raise _contradiction(endpoint)
    before = required_of(endpoint)
    setattr(endpoint, _REQUIRED, needed if before is None else before & needed)


def guarded(target: _F, check: Callable[..., None], dispatch: str) -> _F:
    """Return *target* so that *check* runs first, with the same arguments.

    Args:
        target: A function, sync or async, or a class-based view.
        check: Takes the call's arguments; raises to refuse.
        dispatch: Name of the method of a class that handles every request. It is
            replaced in the class itself and in every subclass that overrides it, now
            or later, so that they stay guarded.

    Raises:
        ConfigurationError: *target* is no endpoint.
    """
    if isinstance(target, type):
        if getattr(target, dispatch, None) is None:
            raise ConfigurationError(f"{target.__name__} is no class-based view: no {dispatch}()")
        _guard_class(target, check, dispatch)
        return cast("_F", target)
    if not callable(target):
        raise ConfigurationError(f"{target!r} is no endpoint; requires(…) goes above a function")
    wrapper = _async_wrapper(target, check) if _is_async(target) else _wrapper(target, check)
    _note_wrapper(target, wrapper)
    return cast("_F", wrapper)


def _guard_class(target: type, check: Callable[..., None], dispatch: str) -> None:
    """Guard a class, the subclasses it has, and those that it will have."""
    setattr(target, _CHECKS, (*_checks_of(target), (check, dispatch)))
    for cls in (target, *_subclasses(target)):
        _guard_method(cls, check, dispatch)
    created = target.__init_subclass__

    def created_too(cls: type[Any], /, **options: Any) -> None:  # noqa: ANN401  whatever its own takes
        # Bound to the class that was decorated; what it calls is bound to the new one.
        getattr(created, "__func__", _nothing)(cls, **options)
        _guard_method(cls, check, dispatch)

    setattr(target, "__init_subclass__", classmethod(created_too))  # noqa: B010  no type knows it


def _nothing(_cls: type) -> None:
    """Do nothing, as `object.__init_subclass__` does, and take no options either."""


def _checks_of(endpoint: object) -> tuple[tuple[Callable[..., None], str], ...]:
    """Return the checks of a class, with those of the classes it is a subclass of."""
    checks: dict[tuple[Callable[..., None], str], None] = {}
    for cls in endpoint.__mro__ if isinstance(endpoint, type) else ():
        checks |= dict.fromkeys(cls.__dict__.get(_CHECKS, ()))
    return tuple(checks)


def _subclasses(target: type) -> Iterator[type]:
    below: list[type] = target.__subclasses__()
    for subclass in below:
        yield subclass
        yield from _subclasses(subclass)


def _guard_method(target: type, check: Callable[..., None], dispatch: str) -> None:
    """Guard the method that *target* has, unless it is guarded: its own, or a mixin's."""
    method = getattr(target, dispatch)
    # Whose checks they are stands beside them, for `wraps` copies what it finds.
    owner, checks = getattr(method, _CHECKING, (None, ()))
    if owner is not method or check not in checks:
        before = checks if owner is method else ()
        wrapper = _async_wrapper(method, check) if _is_async(method) else _wrapper(method, check)
        setattr(wrapper, _CHECKING, (wrapper, (*before, check)))
        setattr(target, dispatch, wrapper)


def _note_wrapper(target: object, wrapper: object) -> None:
    """Remember on *target* who guards it: to be registered in its place."""
    wrappers: tuple[object, ...] = getattr(target, "__dict__", {}).get(_WRAPPERS, ())
    # `wraps` has copied the names of the target's own wrappers; these are its alone.
    getattr(wrapper, "__dict__", {}).pop(_WRAPPERS, None)
    if hasattr(target, "__dict__"):
        setattr(target, _WRAPPERS, (*wrappers, wrapper))


def check_registered(endpoints: Iterable[object]) -> None:
    """Raise if an endpoint is one that `requires` guards, and what guards it is not there.

    That is `@requires` above the decorator of the route, which has registered the
    function below before. A class that has got another method since is guarded again.

    Raises:
        ConfigurationError: It names the function.
    """
    every = list(endpoints)
    known = {id(one) for endpoint in every for one in _unwrapped(endpoint)}
    for endpoint in every:
        for check, dispatch in _checks_of(endpoint):
            _guard_method(cast("type", endpoint), check, dispatch)
        wrappers: Iterable[object] = getattr(endpoint, "__dict__", {}).get(_WRAPPERS, ())
        if wrappers and not any(id(wrapper) in known for wrapper in wrappers):
            if _has_its_name(endpoint):
                continue
            raise ConfigurationError(
                f"{name_of(endpoint)}: requires(…) stands above the decorator of the route, and so "
                f"does nothing; write it below"
            )


def _has_its_name(endpoint: object) -> bool:
    """Whether the module of a function knows it by its name, and not what guards it.

    Such a one has been guarded by a call, for another route, and is meant as it is.
    """
    name = getattr(endpoint, "__qualname__", "")
    return bool(getattr(endpoint, "__globals__", {}).get(name) is endpoint)


def _unwrapped(endpoint: object) -> Iterator[object]:
    """Yield an endpoint and what it wraps."""
    seen: set[int] = set()
    while endpoint is not None and id(endpoint) not in seen:
        seen.add(id(endpoint))
        yield endpoint
        endpoint = getattr(endpoint, "__wrapped__", None)


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
