"""What decorators write on endpoints: who needs a token, and what is required.

A mark opens the endpoint that it is written on, and no other: not a subclass, not a
function that wraps it, unless `functools.wraps` says that it is the same.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import ConfigurationError
from .policy.requirement import Requirement
from .request.request import Access

_F = TypeVar("_F", bound=Callable[..., Any])

_ACCESS = "__jwt_guard_access__"
_REQUIRED = "__jwt_guard_required__"
_IDENTIFYING = "__jwt_guard_identifying__"


def public(endpoint: _F) -> _F:
    """Mark an endpoint, function, class or app, as one for which nobody is asked.

    A bad token that is sent all the same counts as none.

    Raises:
        ConfigurationError: It is marked as optional, or requires something, or
            nothing can be written on it.
    """
    return _marked(endpoint, Access.PUBLIC)


def optional(endpoint: _F) -> _F:
    """Mark an endpoint as one that is for callers with a valid token, or with none.

    A bad token is refused.

    Raises:
        ConfigurationError: It is marked as public, or requires something, or
            nothing can be written on it.
    """
    return _marked(endpoint, Access.OPTIONAL)


def _marked(endpoint: _F, access: Access) -> _F:
    if accessible(endpoint) not in (Access.GUARDED, access):
        raise ConfigurationError(f"{name_of(endpoint)} is marked as public and as optional")
    if required_of(endpoint) is not None:
        raise _contradiction(endpoint)
    try:
        setattr(endpoint, _ACCESS, access)
    except (AttributeError, TypeError):
        raise ConfigurationError(
            f"{name_of(endpoint)} cannot be marked, as a method of an instance cannot; "
            f"mark the function"
        ) from None
    return endpoint


def _contradiction(endpoint: object) -> ConfigurationError:
    return ConfigurationError(
        f"{name_of(endpoint)} is marked as public or optional, and yet it requires something; "
        f"requires(…) alone asks for a token too"
    )


def name_of(endpoint: object) -> str:
    """Return the name of *endpoint* as its source says it."""
    return str(getattr(endpoint, "__qualname__", type(endpoint).__qualname__))


def accessible(endpoint: object) -> Access:
    """Return who needs a token by the marks of *endpoint* itself."""
    found = getattr(endpoint, "__dict__", {}).get(_ACCESS)
    return found if isinstance(found, Access) else Access.GUARDED


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
