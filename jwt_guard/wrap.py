"""A guard in front of an unmodified app, by strings alone: targets for servers.

gunicorn 'jwt_guard.serve:wsgi("myapp:app", config="guard.toml")'
JWT_GUARD_APP=myapp:app uvicorn --factory jwt_guard.serve:asgi
"""

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from . import asgi as asgi_
from . import wsgi as wsgi_
from ._guard import Guard
from .configuration import Configuration, from_environ, load
from .errors import ConfigurationError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["asgi", "wsgi"]

_APP = "JWT_GUARD_APP"


def asgi(target: str | None = None, *, config: str | None = None) -> asgi_.ASGIApp:
    """Return an ASGI app behind the guard that the environment describes.

    Args:
        target: The app, as module:attribute; by default what JWT_GUARD_APP says.
        config: A TOML file that describes guard and middleware, instead of the
            environment.

    Raises:
        ConfigurationError: No such app, or as `jwt_guard.configuration.from_environ`.
    """
    app, configuration = _configured(target, config)
    return asgi_.GuardMiddleware(app, guard=Guard.of(configuration), **configuration.options)


def wsgi(target: str | None = None, *, config: str | None = None) -> "WSGIApplication":
    """Return a WSGI app behind the guard that the environment describes; see `asgi`."""
    app, configuration = _configured(target, config)
    if "websockets" in configuration.options:
        raise ConfigurationError(f"{configuration.place}: WSGI knows no websockets")
    return wsgi_.GuardMiddleware(app, guard=Guard.of(configuration), **configuration.options)


def _configured(target: str | None, config: str | None) -> tuple[Any, Configuration]:
    target = target or os.environ.get(_APP)
    if target is None:
        raise ConfigurationError(
            f"name the app that is to be guarded in {_APP}, as module:attribute"
        )
    environ = {name: text for name, text in os.environ.items() if name != _APP}
    return load_app(target), from_environ(environ) if config is None else load(config)


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
