"""What is imported, and what is public."""

import subprocess
import sys

import jwt_guard

PROGRAM = """
import sys
import jwt_guard, jwt_guard.asgi, jwt_guard.wsgi
found = {"flask", "werkzeug", "starlette", "fastapi", "pydantic"} & set(sys.modules)
sys.exit(", ".join(found) or 0)
"""


def test_no_framework() -> None:
    """The package, WSGI and ASGI import no framework."""
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


def test_public_names() -> None:
    """The public names are there, sorted, and not too many to remember."""
    assert sorted(jwt_guard.__all__) == jwt_guard.__all__
    assert len(jwt_guard.__all__) <= 25
    assert all(hasattr(jwt_guard, name) for name in jwt_guard.__all__)
