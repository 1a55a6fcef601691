"""A Flask app: every route guarded, one public, one for editors.

APP_SECRET=$(openssl rand -hex 32) flask --app examples.flask_app run
"""

import os

from flask import Flask

from jwt_guard import Guard, Issuer, Key, role, scope
from jwt_guard.flask import FlaskGuard, current_identity, public, requires


def create_app() -> Flask:
    app = Flask(__name__)
    key = Key.secret(os.environ["APP_SECRET"], alg="HS256")
    FlaskGuard(app, guard=Guard(Issuer("my-app", audience="my-app", keys=key)))

    @app.get("/health")
    @public
    def health() -> str:
        return "fine\n"

    @app.get("/messages")
    @requires("messages:read")
    def messages() -> dict[str, str | None]:
        return {"hello": current_identity.subject}

    @app.post("/messages")
    @requires(scope("messages:write") & role("editor"))
    def write() -> tuple[str, int]:
        return "", 204

    return app
