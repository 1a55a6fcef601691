"""Plans as Flask apps, with their guards or without."""

import re
from collections.abc import Callable
from typing import Any, cast
from wsgiref.types import WSGIApplication

from flask import Blueprint, Flask, request
from flask.views import MethodView, View
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from jwt_guard import flask, wsgi
from tests.generated.asgi_apps import Reached
from tests.generated.guards import GUARD, guard_options
from tests.generated.plan import Branch, Endpoint, Tree

_PARAMETER = re.compile(r"\{(\w+)(?::(\w+))?\}")


def flask_path(pattern: str) -> str:
    """Return a pattern as Flask writes it."""
    return _PARAMETER.sub(
        lambda found: f"<{found[2]}:{found[1]}>" if found[2] else f"<{found[1]}>", pattern
    )


MARKS: dict[str, Callable[[Any], Any]] = {
    "public": flask.public,
    "optional": flask.optional,
}


class App:
    """A plan that is built; `reached` grows as requests come in."""

    def __init__(self, tree: Tree, *, guarded: bool) -> None:
        self.reached: list[Reached] = []
        self._guarded = guarded
        self._names = 0
        self.flask, self.answer = self._tree(tree)

    def _name(self) -> str:
        self._names += 1
        return f"n{self._names}"

    def _tree(self, tree: Tree) -> tuple[Flask, Any]:
        app = Flask(self._name(), static_folder=None)
        for endpoint in tree.endpoints:
            self._add(app, endpoint)
        mounts: dict[str, WSGIApplication] = {}
        for branch in tree.branches:
            if branch.how == "include":
                app.register_blueprint(self._blueprint(branch))
            else:
                mounts[branch.at] = self._tree(branch.below)[1]
        fence = tree.fence if self._guarded else None
        if fence is not None and fence.place == "inside":
            options = guard_options(fence)
            flask.FlaskGuard(app, guard=GUARD, **options)
        inner: Any = DispatcherMiddleware(app.wsgi_app, mounts) if mounts else app.wsgi_app
        if fence is not None and fence.place == "outside":
            options = guard_options(fence)
            inner = wsgi.GuardMiddleware(inner, guard=GUARD, **options)
        setattr(app, "wsgi_app", inner)  # noqa: B010  Flask's way, which type checkers refuse
        return app, app

    def _blueprint(self, branch: Branch) -> Blueprint:
        blueprint = Blueprint(self._name(), __name__, url_prefix=flask_path(branch.at))
        for endpoint in branch.below.endpoints:
            self._add(blueprint, endpoint)
        for below in branch.below.branches:
            blueprint.register_blueprint(self._blueprint(below))
        return blueprint

    def _add(self, app: Flask | Blueprint, endpoint: Endpoint) -> None:
        view = self._view(endpoint)
        if endpoint.mark:
            view = MARKS[endpoint.mark](view)
        if endpoint.needed and self._guarded:
            view = flask.requires(endpoint.needed)(view)
        name = self._name()
        methods = list(endpoint.methods) if endpoint.methods is not None else None
        if isinstance(view, type):
            view = cast("type[View]", view).as_view(name)
        app.add_url_rule(flask_path(endpoint.path), name, view, methods=methods)

    def _view(self, endpoint: Endpoint) -> Any:
        def answer(**params: Any) -> str:
            identity = request.environ.get("jwt_guard.identity")
            subject = None if identity is None else identity.subject
            self.reached.append(Reached(endpoint, params, "", request.method, subject))
            return "reached"

        async def answer_async(**params: Any) -> str:
            return answer(**params)

        if endpoint.kind == "sync":
            return answer
        if endpoint.kind == "function":
            return answer_async if endpoint.number % 5 == 0 else answer

        def method(_view: View, **params: Any) -> str:
            return answer(**params)

        if endpoint.number % 2:
            return type("V", (View,), {"dispatch_request": method, "methods": endpoint.methods})
        names = endpoint.methods or ("GET", "DELETE")
        return type("V", (MethodView,), {name.lower(): method for name in names})
