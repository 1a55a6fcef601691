"""A Flask app of blueprints: what each asks for, and refusals in the app's own words.

APP_SECRET=$(openssl rand -hex 32) flask --app examples.blueprints run
"""

import os

from flask import Blueprint, Flask, jsonify, render_template_string, request
from flask.views import MethodView
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from jwt_guard import Guard, Issuer, Key, role
from jwt_guard.flask import FlaskGuard, current_identity, public, requires

REFUSED = "<!doctype html><title>{{ name }}</title><h1>{{ name }}</h1>"

pages = Blueprint("pages", __name__)
# For everything in a blueprint, and in those that are nested in it.
reports = requires("reports")(Blueprint("reports", __name__, url_prefix="/reports"))
archive = requires(role("auditor"))(Blueprint("archive", __name__, url_prefix="/archive"))


@pages.get("/")
@public
def home() -> str:
    return "<h1>Reports</h1>"


@reports.get("/")
def overview() -> dict[str, str | None]:
    return {"reader": current_identity.subject}


@archive.get("/<int:year>")
def of_year(year: int) -> dict[str, int]:
    return {"year": year}


class Report(MethodView):
    """One report: whoever reads reports reads it, and not all of them delete it."""

    def get(self, name: str) -> dict[str, str]:
        """Show it."""
        return {"report": name}

    @requires("reports:write")
    def delete(self, name: str) -> dict[str, str]:
        """Delete it."""
        return {"deleted": name}


reports.add_url_rule("/<name>", view_func=Report.as_view("report"))
reports.register_blueprint(archive)


def refused(error: HTTPException) -> Response:
    """Change the body alone: status and challenge are what clients need."""
    answer = error.get_response()
    if request.accept_mimetypes.best == "text/html":
        answer.content_type = "text/html; charset=utf-8"
        answer.data = render_template_string(REFUSED, name=error.name)
    else:
        answer.content_type = "application/json"
        answer.data = jsonify(error=error.name).data
    return answer


def create_app() -> Flask:
    # Its static files are closed, as all that nobody marks as public.
    app = Flask(__name__, static_folder="workflow/static")
    key = Key.secret(os.environ["APP_SECRET"], alg="HS256")
    FlaskGuard(app, guard=Guard(Issuer("my-app", audience="my-app", keys=key)))
    app.register_blueprint(pages)
    app.register_blueprint(reports)
    app.register_error_handler(401, refused)
    app.register_error_handler(403, refused)
    return app
