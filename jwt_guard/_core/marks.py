"""What decorators write on endpoints, and a check that runs before them.

A mark opens the endpoint that it is written on, and no other: not a subclass, not a
function that wraps it, unless `functools.wraps` says that it is the same.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import wraps
from inspect import currentframe, iscoroutinefunction, unwrap
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakSet

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
    _guard_method(target, check, dispatch, inherited=True)
    for subclass in _subclasses(target):
        _guard_method(subclass, check, dispatch)
    created = target.__init_subclass__

    def created_too(cls: type, **options: Any) -> None:  # noqa: ANN401  whatever its own takes
        # Bound to the class that was decorated; what it calls is bound to the new one.
        getattr(created, "__func__", lambda _cls, **_options: None)(cls, **options)
        _guard_method(cls, check, dispatch)

    setattr(target, "__init_subclass__", classmethod(created_too))  # noqa: B010  no type knows it


def _subclasses(target: type) -> Iterator[type]:
    for subclass in target.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _guard_method(
    target: type, check: Callable[..., None], dispatch: str, *, inherited: bool = False
) -> None:
    method = getattr(target, dispatch) if inherited else target.__dict__.get(dispatch)
    if method is not None:
        wrapper = _async_wrapper(method, check) if _is_async(method) else _wrapper(method, check)
        setattr(target, dispatch, wrapper)


def _note_wrapper(target: object, wrapper: object) -> None:
    """Remember on *target* who guards it, if that takes its place.

    It does where `requires` is written as a decorator: the name stands for the guarded
    function from then on, and whoever has the one below has it from below.
    """
    # `wraps` has copied the names of the target's own wrappers; these are its alone.
    getattr(wrapper, "__dict__", {}).pop(_WRAPPERS, None)
    if hasattr(target, "__dict__") and _is_decorated(target):
        wrappers: WeakSet[Any] = target.__dict__.get(_WRAPPERS) or WeakSet()
        wrappers.add(wrapper)
        setattr(target, _WRAPPERS, wrappers)


def _is_decorated(target: object) -> bool:
    """Whether the call that we are in is written above the definition of *target*."""
    code = getattr(unwrap(cast("Any", target)), "__code__", None)
    frame = currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").startswith("jwt_guard."):
        frame = frame.f_back
    if code is None or frame is None or frame.f_code.co_filename != code.co_filename:
        return False
    body = [line for *_, line in code.co_lines() if line and line > code.co_firstlineno]
    return bool(code.co_firstlineno <= frame.f_lineno <= min(body, default=code.co_firstlineno))


def check_registered(endpoints: Iterable[object]) -> None:
    """Raise if an endpoint is one that `requires` guards, and what guards it is not there.

    That is `@requires` above the decorator of the route, which has registered the
    function below before.

    Raises:
        ConfigurationError: It names the function.
    """
    every = list(endpoints)
    known = {id(one) for endpoint in every for one in _unwrapped(endpoint)}
    for endpoint in every:
        wrappers: Iterable[object] = getattr(endpoint, "__dict__", {}).get(_WRAPPERS, ())
        if wrappers and not any(id(wrapper) in known for wrapper in wrappers):
            raise ConfigurationError(
                f"{name_of(endpoint)}: requires(…) stands above the decorator of the route, and so "
                f"does nothing; write it below"
            )


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
