"""What is imported, how long that takes, and what is public."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import jwt_guard
from jwt_guard import keys
from jwt_guard._extras import extra

PROGRAM = """
import sys
import jwt_guard, jwt_guard.asgi, jwt_guard.wsgi
found = {"flask", "werkzeug", "starlette", "fastapi", "pydantic"} & set(sys.modules)
sys.exit(", ".join(found) or 0)
"""

# What is not needed before somebody asks for it. jwt itself loads urllib of the standard
# library, and with it http.client; whatever that loads is nobody's to avoid.
LATE = {
    "asyncio",
    "concurrent.futures",
    "difflib",
    "sqlite3",
    "tomllib",
    "trio",
    "urllib3",
    "jwt_guard.asgi",
    "jwt_guard.audit",
    "jwt_guard.cli",
    "jwt_guard.configuration",
    "jwt_guard.hosts",
    "jwt_guard.presets",
    "jwt_guard.wrap",
    "jwt_guard.wsgi",
}

MODULES = [
    "jwt_guard",
    *(
        found.name
        for found in pkgutil.walk_packages(jwt_guard.__path__, "jwt_guard.")
        if not any(part.startswith("_") for part in found.name.split("."))
    ),
]


def seen(program: str, **environ: str) -> str:
    """Return what a fresh process that runs *program* prints."""
    environ = {**os.environ, **environ}
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, env=environ
    )
    return done.stdout.decode().strip()


def test_no_framework() -> None:
    """The package, WSGI and ASGI import no framework."""
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)


@pytest.mark.parametrize("name", ["flask", "starlette", "fastapi"])
def test_missing_extra(name: str) -> None:
    """A framework that is not installed is named, with the extra that installs it."""
    program = f"""
import sys
class Gone:
    def find_spec(self, name, *more):
        if name == {name!r}:
            raise ModuleNotFoundError(name=name)
sys.meta_path.insert(0, Gone())
try:
    import jwt_guard.{name}
except ModuleNotFoundError as error:
    print(error)
"""
    assert seen(program) == (
        f"jwt_guard.{name} needs {name}, which is not installed; pip install 'jwt-guard[{name}]'"
    )
    with pytest.raises(ModuleNotFoundError, match="nothing_like_it") as info, extra(name):
        importlib.import_module("nothing_like_it")
    assert info.value.name == "nothing_like_it"
    with pytest.raises(ModuleNotFoundError, match=f"pip install 'jwt-guard.{name}.'"), extra(name):
        raise ModuleNotFoundError(name=name)


def test_late() -> None:
    """The package imports nothing before it is needed; a guard with a key needs none of it."""
    loaded = set(seen("import sys, jwt_guard; print(*sys.modules)").split())
    assert loaded & LATE == set()
    guard = 'Guard(Issuer("a", audience="b", keys=Key.secret("x" * 32, alg="HS256")))'
    loaded = set(seen(f"import sys; from jwt_guard import *; {guard}; print(*sys.modules)").split())
    assert loaded & LATE == set()
    for name in ("asgi", "wsgi"):
        loaded = set(seen(f"import sys, jwt_guard.{name}; print(*sys.modules)").split())
        assert not loaded & {"asyncio", "tomllib", "urllib3", "jwt_guard.configuration"}


def test_public_names() -> None:
    """The public names are there, sorted, and not too many to remember."""
    assert sorted(jwt_guard.__all__) == jwt_guard.__all__
    assert len(jwt_guard.__all__) <= 30
    for module in (jwt_guard, keys):
        assert all(hasattr(module, name) for name in module.__all__)
        assert not hasattr(module, "nothing")


def names(body: list[ast.stmt]) -> tuple[set[str], set[str]]:
    """Return what a module's statements define, and what they import."""
    defined: set[str] = set()
    imported: set[str] = set()
    for statement in body:
        match statement:
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                defined.add(name)
            case ast.Assign(targets):
                defined |= {one.id for one in targets if isinstance(one, ast.Name)}
            case ast.AnnAssign(ast.Name(name)):
                defined.add(name)
            case ast.Import(aliases) | ast.ImportFrom(_, aliases):
                imported |= {one.asname or one.name for one in aliases}
            case ast.With(_, inner) | ast.If(ast.Name("TYPE_CHECKING"), inner):
                more = names(inner)
                defined |= more[0]
                imported |= more[1]
            case _:
                pass
    return defined, imported


@pytest.mark.parametrize("name", MODULES)
def test_all(name: str) -> None:
    """A public module's `__all__` is what it defines without underscore, and nothing private.

    Public is a module without an underscore in its name or a parent's. What it imports
    is public there only if `__all__` says so: a package that hands on what its inner
    modules define, or a host with the verbs of the others.
    """
    module = importlib.import_module(name)
    defined, imported = names(ast.parse(Path(str(module.__file__)).read_text("utf-8")).body)
    public = set(module.__all__)
    assert len(module.__all__) == len(public)
    assert {one for one in defined if not one.startswith("_")} <= public
    assert public <= defined | imported
    assert not any(one.startswith("_") for one in public)
    assert all(hasattr(module, one) for one in public)
