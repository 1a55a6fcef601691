"""Flask: jwt_guard.flask, by Flask's own client."""

import inspect
from typing import Any

import pytest
from flask import Blueprint, Flask, Response
from flask.typing import ResponseReturnValue
from flask.views import MethodView, View
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client

from jwt_guard import AuthError, ConfigurationError, role, scope, wsgi
from jwt_guard.errors import InsufficientScope, KeysUnavailable
from jwt_guard.flask import FlaskGuard, current_identity, identity_or_none, public, requires
from tests.tokens import RSA, bearer, claims, guard, token

NO_TOKEN = b'{"title": "Unauthorized", "status": 401}'


def make_app(**options: Any) -> Flask:
    app = Flask(__name__, static_folder=".", static_url_path="/static")
    FlaskGuard(app, guard=guard(), **options)
    app.add_url_rule("/me", "me", lambda: f"{current_identity.subject}")
    return app


def headers(scopes: str = "", **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {token(claims(scope=scopes, **changes))}"}


def test_default_deny() -> None:
    """Routes, static files and what is not there: closed, with the same answer."""
    client = make_app().test_client()
    assert client.get("/me", headers=headers()).text == "joe"
    for path in ("/me", "/static/keys.py", "/nowhere", "/me/"):
        answer = client.get(path)
        assert (answer.status_code, answer.data) == (401, NO_TOKEN)
    for method in ("POST", "DELETE", "OPTIONS"):
        assert client.open("/me", method=method).status_code == 401
    assert client.head("/me").status_code == 401
    assert client.post("/me", headers=headers()).status_code == 405


def test_redirects_tell_nothing() -> None:
    """A slash that is missing is not mended for a stranger."""
    app = make_app()
    app.add_url_rule("/folder/", "folder", lambda: "x")
    assert app.test_client().get("/folder").status_code == 401
    assert app.test_client().get("/folder", headers=headers()).status_code == 308


def test_factory() -> None:
    """init_app guards an app made elsewhere."""
    extension = FlaskGuard(guard=guard())
    app = Flask(__name__)
    app.add_url_rule("/", "root", lambda: "x")
    extension.init_app(app)
    assert app.extensions["jwt_guard"] is extension
    assert app.test_client().get("/").status_code == 401


def test_earlier_functions_do_not_run() -> None:
    """A before_request function registered before the guard runs after it."""
    app, ran = Flask(__name__), list[str]()
    app.before_request(lambda: ran.append("early"))
    FlaskGuard(app, guard=guard())
    app.add_url_rule("/", "root", lambda: "x")
    app.test_client().get("/")
    assert ran == []
    app.test_client().get("/", headers=headers())
    assert ran == ["early"]


def test_public() -> None:
    """For a view marked public nobody is asked; a bad token counts as none."""
    app = make_app(public=["static"])

    @app.get("/health")
    @public
    def health() -> str:
        identity = identity_or_none()
        return "-" if identity is None else str(identity.subject)

    client = app.test_client()
    assert client.get("/health").text == "-"
    assert client.get("/health", headers=headers()).text == "joe"
    assert client.head("/health").status_code == 200
    bad = {"Authorization": f"Bearer {token(key=RSA)}"}
    assert client.get("/health", headers=bad).text == "-"
    static = client.get("/static/tokens.py")
    assert static.status_code == 200
    static.close()


def test_view_that_is_not_guarded() -> None:
    """A view whose other base keeps it from being guarded is found at the first request."""

    class Silent:
        def __init_subclass__(cls) -> None:
            """Call no other one."""

    @requires("admin")
    class Guarded(View):
        pass

    class Past(Silent, Guarded):
        def dispatch_request(self) -> str:
            return "reached"

    app = make_app()
    app.testing = True
    app.add_url_rule("/past", view_func=Past.as_view("past"))
    with pytest.raises(ConfigurationError, match="Past: its dispatch_request"):
        app.test_client().get("/past", headers=headers())
    assert Past().dispatch_request() == "reached"


def test_public_views() -> None:
    """A class may be public; its subclasses are views of their own."""

    @public
    class Open(MethodView):
        def get(self) -> str:
            return "open"

    class Closed(Open):
        pass

    app = make_app()
    app.add_url_rule("/open", view_func=Open.as_view("open"))
    app.add_url_rule("/closed", view_func=Closed.as_view("closed"))
    client = app.test_client()
    assert client.get("/open").text == "open"
    assert client.get("/closed").status_code == 401


def test_public_as_text() -> None:
    """A lone string is no list of endpoints."""
    with pytest.raises(ConfigurationError, match=r"\['static'\]"):
        FlaskGuard(guard=guard(), public="static")


def test_public_and_requires() -> None:
    """A view is not public and closed at once."""
    for first, second in ((public, requires("admin")), (requires("admin"), public)):
        with pytest.raises(ConfigurationError, match=r"lambda.* is marked as public or optional"):
            second(first(lambda: "x"))


def test_requires() -> None:
    """Functions, async ones too, keep their signature; decorators add up."""
    app = make_app()

    @app.get("/sync/<int:number>")
    @requires("a")
    @requires(scope("b") | role("c"))
    def sync(number: int) -> str:
        return f"{number}"

    @app.get("/async/<int:number>")
    @requires("a", "b")
    async def asynchronous(number: int) -> str:
        return f"{number}"

    client = app.test_client()
    assert list(inspect.signature(sync).parameters) == ["number"]
    assert sync.__name__ == "sync"
    for path in ("/sync/1", "/async/1"):
        assert client.get(path, headers=headers("a b")).text == "1"
        assert client.get(path, headers=headers("b")).status_code == 403
        assert client.get(path, headers=headers("a")).status_code == 403
        assert client.head(path, headers=headers("a")).data == b""
    assert client.get("/sync/1", headers=headers("a", roles=["c"])).text == "1"


def test_views() -> None:
    """Class-based views: the class, a method, the decorators list; subclasses too."""

    @requires("a")
    class Whole(View):
        def dispatch_request(self) -> ResponseReturnValue:
            return "x"

    class Inherited(Whole):
        pass

    class Listed(MethodView):
        decorators = [requires("a")]  # noqa: RUF012  as Flask has it

        def get(self) -> str:
            return "x"

    class One(MethodView):
        @requires("a")
        def get(self) -> str:
            return "x"

    app = make_app()
    for view in (Whole, Inherited, Listed, One):
        app.add_url_rule(f"/{view.__name__}", view_func=view.as_view(view.__name__))
    client = app.test_client()
    for view in (Whole, Inherited, Listed, One):
        assert client.get(f"/{view.__name__}", headers=headers()).status_code == 403
        assert client.get(f"/{view.__name__}", headers=headers("a")).text == "x"


@pytest.mark.parametrize("target", [int, "view", None])
def test_no_view(target: Any) -> None:
    """requires on what is no view is the operator's mistake."""
    with pytest.raises(ConfigurationError):
        requires("a")(target)


def test_empty_requirement() -> None:
    """A requirement that asks for nothing is the operator's mistake."""
    with pytest.raises(ConfigurationError, match="empty"):
        requires()


def test_blueprints() -> None:
    """A blueprint's routes are guarded, whatever handlers it has of its own."""
    blueprint = Blueprint("part", __name__, url_prefix="/part")
    blueprint.add_url_rule("/x", "x", requires("a")(lambda: "x"))
    blueprint.register_error_handler(Exception, lambda _: ("swallowed", 200))
    app = make_app()
    app.register_blueprint(blueprint)
    client = app.test_client()
    assert client.get("/part/x").text in (NO_TOKEN.decode(), "swallowed")
    assert client.get("/part/x", headers=headers("a")).text == "x"
    assert client.get("/part/x", headers=headers()).text != "x"


def test_error_handlers() -> None:
    """A handler of the app's own sees the refusal, and the AuthError behind it."""
    app, seen = make_app(), list[Any]()

    @app.errorhandler(HTTPException)
    def handle(error: HTTPException) -> ResponseReturnValue:
        seen.append(error.__cause__)
        return error.get_response()

    answer = app.test_client().get("/me")
    assert (answer.status_code, answer.data) == (401, NO_TOKEN)
    assert isinstance(seen[0], AuthError)
    other = make_app()
    other.register_error_handler(401, lambda error: ("mine", error.code))
    assert other.test_client().get("/me").text == "mine"


def test_catch_all_handler() -> None:
    """A handler for Exception sees the refusal as an HTTPException, and no route opens."""
    app = make_app()
    app.register_error_handler(Exception, lambda error: (str(error.code), 418))
    assert app.test_client().get("/me").text == "401"


def test_after_request() -> None:
    """What Flask-CORS does after a request happens to refusals too."""
    app = make_app()

    @app.after_request
    def add(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    answer = app.test_client().get("/me")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="api"'


def test_preflight() -> None:
    """A preflight gets Flask's own answer; it can be turned off; nothing less passes."""
    fields = {"Origin": "https://w.example", "Access-Control-Request-Method": "GET"}
    assert make_app().test_client().options("/me", headers=fields).status_code == 200
    closed = make_app(preflight=False).test_client()
    assert closed.options("/me", headers=fields).status_code == 401


def test_anonymous() -> None:
    """anonymous lets through who has no token; using the identity then answers 401."""
    app = make_app(optional=True)
    app.add_url_rule("/maybe", "maybe", lambda: str(identity_or_none()))
    client = app.test_client()
    assert client.get("/maybe").text == "None"
    assert client.get("/me").data == NO_TOKEN
    bad = {"Authorization": f"Bearer {token(key=RSA)}"}
    assert client.get("/maybe", headers=bad).status_code == 401


@pytest.mark.parametrize(
    ("error", "status"), [(InsufficientScope(["x"]), 403), (KeysUnavailable(7), 503)]
)
def test_refusal_by_a_view(error: AuthError, status: int) -> None:
    """An AuthError that a view raises by itself is answered."""
    app = make_app()

    @app.get("/x")
    def x() -> str:
        raise error

    answer = app.test_client().get("/x", headers=headers())
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == ("7" if status == 503 else None)


def test_dispatcher() -> None:
    """A guarded app mounted below a path is guarded there."""
    mounted = DispatcherMiddleware(Flask("outer"), {"/api": make_app()})
    assert Client(mounted).get("/api/me").data == NO_TOKEN
    assert Client(mounted).get("/api/me", headers=headers()).text == "joe"


def test_wsgi_middleware_around() -> None:
    """requires works behind the plain WSGI guard, too."""
    app = Flask(__name__)
    app.add_url_rule("/x", "x", requires("a")(lambda: f"{current_identity.subject}"))
    client = Client(wsgi.GuardMiddleware(app, guard=guard()))
    assert client.get("/x", headers=headers("a")).text == "joe"
    assert client.get("/x", headers=headers()).status_code == 403
    assert client.get("/x").status_code == 401


def test_no_guard() -> None:
    """Without a guard in front, a view that requires answers nobody."""
    app = Flask(__name__)
    app.testing = True
    app.add_url_rule("/x", "x", requires("a")(lambda: "x"))
    with pytest.raises(ConfigurationError, match="no guard"):
        app.test_client().get("/x", headers=headers("a"))
    with app.test_request_context(), pytest.raises(ConfigurationError):
        identity_or_none()


def test_blueprint_too_late() -> None:
    """A requirement that Flask would never run is refused."""
    app, late = Flask(__name__), Blueprint("late", __name__)
    FlaskGuard(app, guard=guard())
    app.register_blueprint(late)
    with pytest.raises(ConfigurationError, match="'late' is registered already"):
        requires("admin")(late)


def test_blueprint_first() -> None:
    """A blueprint's requirement comes before the blueprint's own functions."""
    app, reports = Flask(__name__), Blueprint("reports", __name__)
    FlaskGuard(app, guard=guard())
    seen: list[str] = []
    reports.before_request(lambda: seen.append("own"))
    requires("reports")(reports)
    reports.add_url_rule("/x", "x", lambda: "")
    app.register_blueprint(reports)
    header = {"Authorization": bearer(token(claims(scope=""))).decode()}
    assert app.test_client().get("/x", headers=header).status_code == 403
    assert seen == []
    header = {"Authorization": bearer(token(claims(scope="reports"))).decode()}
    assert app.test_client().get("/x", headers=header).status_code == 200
    assert seen == ["own"]


def test_text_for_handlers() -> None:
    """An error handler of the app's is told of a token, not of a password."""
    app = Flask(__name__)
    FlaskGuard(app, guard=guard())
    app.register_error_handler(401, lambda error: (str(error.description), 401))
    assert app.test_client().get("/").text == "An access token is needed"
