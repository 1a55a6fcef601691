"""A guard in front of an unmodified app, by strings alone: targets for servers.

gunicorn 'jwt_guard.wrap:wsgi("myapp:app", config="guard.toml")'
JWT_GUARD_APP=myapp:app uvicorn --factory jwt_guard.wrap:asgi
"""

import importlib
import os
import sys
from collections.abc import Callable
from inspect import Parameter, iscoroutinefunction, signature
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import asgi as asgi_
from . import wsgi as wsgi_
from .configuration import Configuration, from_environ, load
from .errors import ConfigurationError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["asgi", "load_app", "wsgi"]

_APP = "JWT_GUARD_APP"

# What an app takes: environ, start_response; or scope, receive, send.
_KINDS = {2: "WSGI", 3: "ASGI"}


def asgi(target: str | None = None, *, config: str | None = None) -> asgi_.ASGIApp:
    """Return an ASGI app behind the guard that the environment describes.

    Args:
        target: The app, as module:attribute; by default what JWT_GUARD_APP says.
        config: A TOML file that describes guard and middleware, instead of the
            environment.

    Raises:
        ConfigurationError: No such app, or as `jwt_guard.configuration.from_environ`.
    """
    app, configuration = _configured(target, config, "ASGI")
    return asgi_.GuardMiddleware(app, **configuration.asgi())


def wsgi(target: str | None = None, *, config: str | None = None) -> "WSGIApplication":
    """Return a WSGI app behind the guard that the environment describes; see `asgi`."""
    app, configuration = _configured(target, config, "WSGI")
    return wsgi_.GuardMiddleware(app, **configuration.wsgi())


def _configured(target: str | None, config: str | None, kind: str) -> tuple[Any, Configuration]:
    target = target or os.environ.get(_APP)
    if target is None:
        raise ConfigurationError(
            f"name the app that is to be guarded in {_APP}, as module:attribute"
        )
    app = load_app(target)
    _check(app, target, kind)
    return app, from_environ() if config is None else load(config)


def load_app(target: str) -> object:
    """Import what *target* names, as servers do: module:attribute.

    With () at its end the attribute is a function that returns the app.

    Raises:
        ConfigurationError: Not of that form, or there is no such attribute.
        ImportError: There is no such module.
    """
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise ConfigurationError(f"write the app as module:attribute, not {target!r}")
    # As servers do: the folder in which the command is given is one of the places.
    if "" not in sys.path:
        sys.path.insert(0, "")
    app: object = importlib.import_module(module)
    for name in attribute.removesuffix("()").split("."):
        try:
            app = getattr(app, name)
        except AttributeError:
            raise ConfigurationError(f"{module} has no attribute {attribute!r}") from None
    return app() if attribute.endswith("()") and callable(app) else app


def _check(app: object, target: str, kind: str) -> None:
    """Raise if *app* is surely none of its *kind*."""
    if isinstance(app, ModuleType) or not callable(app):
        raise ConfigurationError(f"{target} is no {kind} app: it cannot be called")
    found = _kind_of(app)
    if found == "":
        raise ConfigurationError(f"{target} takes no arguments: to call it for the app, add ()")
    if found not in (kind, None):
        raise ConfigurationError(
            f"{target} is an app for {found}; give it to jwt_guard.wrap:{found.lower()}"
        )


def _kind_of(app: Callable[..., object]) -> str | None:
    """Return the kind of *app* as its signature shows it, "" for a function that makes one."""
    if iscoroutinefunction(app) or iscoroutinefunction(getattr(app, "__call__", None)):  # noqa: B004  whether that is async
        return "ASGI"
    try:
        parameters = signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is Parameter.VAR_POSITIONAL for one in parameters):
        return None
    if isinstance(app, type):
        return None
    needed = [one for one in parameters if one.default is Parameter.empty]
    return _KINDS.get(len(needed)) if parameters else ""
