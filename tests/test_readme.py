"""The code of the README, of the manual and of the map runs, as a newcomer would run it."""

import json
import logging
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from http.cookies import SimpleCookie
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webtest import TestApp
from werkzeug.test import Client

from jwt_guard import Cookie, Guard, Issuer, Key
from jwt_guard.wsgi import GuardMiddleware

ROOT = Path(__file__).parent.parent
SECRET = "a secret of the README's tests, long enough for HS256"
README, MANUAL, MAP = "README.md", "examples/README.md", "jwt_guard/README.md"
PAGES = [README, MANUAL, MAP, "tests/benchmarks/README.md"]
# Begins of the commands that a test below runs.
COMMANDS = {
    README: ["python -m pip", "python -m pip", "export APP_SECRET"],
    MANUAL: ["gunicorn", "JWT_GUARD_CONFIG", "python -m jwt_guard routes"],
}
PLAIN_APP = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"reports"]
"""
STARLETTE_APP = """
import os
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from jwt_guard import Guard, Issuer, Key
from jwt_guard.starlette import GuardMiddleware

key = Key.secret(os.environ["APP_SECRET"], alg="HS256")
guard = Guard(Issuer("my-app", audience="my-app", keys=key))
app = Starlette(
    routes=[Route("/reports/{name}", lambda request: PlainTextResponse("reports"))],
    middleware=[Middleware(GuardMiddleware, guard=guard)],
)
"""


def text(page: str) -> str:
    return (ROOT / page).read_text()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text(page), re.MULTILINE | re.DOTALL)


def the_block(page: str, language: str, begin: str) -> str:
    (found,) = [block for block in blocks(page, language) if block.startswith(begin)]
    return found


def public_pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    assert name
    return rsa.generate_private_key(65537, 2048)


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": "my-app", "aud": "my-app", "sub": "joe", "exp": now + 60} | more


def bearer(**more: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {jwt.encode(claims(**more), SECRET, 'HS256')}"}


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """Put the files that the pages name into the working directory; return a token of my-app."""
    public = rsa_key("files").public_key()
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(public, as_dict=True)
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "jwks.json").write_text(json.dumps({"keys": [jwk | {"kid": "1"}]}))
    for month in ("2026-10", "2026-11"):
        (folder / f"{month}.pem").write_bytes(public_pem(rsa_key(month)))
    own = ec.generate_private_key(ec.SECP256R1())
    for name in ("billing", "my-app"):
        (folder / f"{name}.pem").write_bytes(public_pem(own))
    (toml,) = blocks(MANUAL, "toml")
    (tmp_path / "guard.toml").write_text(toml)
    (tmp_path / "myapp.py").write_text(PLAIN_APP)
    (tmp_path / "myasgi.py").write_text(STARLETTE_APP)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APP_SECRET", SECRET)
    return jwt.encode(claims(), own, "ES256").encode()


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Undo what the pages do to logging."""
    logger, root = logging.getLogger("jwt_guard"), logging.getLogger()
    handlers, level = root.handlers[:], logger.level
    yield
    root.handlers[:] = handlers
    logger.setLevel(level)


def run_python(page: str, **names: object) -> dict[str, Any]:
    """Run every Python block of *page*, in order, in one namespace, and return that."""
    namespace: dict[str, Any] = {"__name__": "readme", **names}
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), namespace)  # noqa: S102  our own page
    return namespace


def test_blocks() -> None:
    """Every block has a language that is run here, and every command is one that is run."""
    for page in PAGES:
        fences = re.findall(r"^```(.*)$", text(page), re.MULTILINE)
        assert set(fences[::2]) <= {"python", "sh", "toml", "http", ""}, page
        begins = COMMANDS.get(page, [])
        commands = blocks(page, "sh")
        assert len(commands) == len(begins), page
        assert all(map(str.startswith, commands, begins)), page


@pytest.mark.usefixtures("logging_as_before")
def test_readme(token: bytes) -> None:
    """The README's Python runs: the token names its subject, what is opened is open."""
    namespace = run_python(README, token=token)
    assert namespace["identity"].subject == "joe"
    assert namespace["app"].title == "FastAPI"


@pytest.mark.usefixtures("token", "logging_as_before")
def test_manual() -> None:
    """The manual's Python runs, and its guards answer as they say."""
    namespace = run_python(MANUAL)
    table = TestApp(namespace["legacy"])
    assert table.get("/feed").text == "hello stranger"
    table.get("/files/a", status=401)
    table.get("/files/a", headers=bearer(), status=403)
    assert table.get("/files/a", headers=bearer(scope="files")).text == "welcome back"
    by_file = TestApp(namespace["wrapped"])
    by_file.get("/reports/1", headers=bearer(scope="admin"), status=403)
    by_file.get("/reports/1", headers=bearer(scope="admin", roles=["editor"]))
    by_file.get("/else", headers=bearer(scope="admin", roles=["editor"]), status=403)
    assert namespace["audit"](namespace["timed"]).routes[0].access == "public"


@pytest.mark.usefixtures("token", "logging_as_before")
def test_socketio() -> None:
    """Socket.IO answers before Flask, and only who brings a token to the guard around it."""
    client = Client(run_python(MANUAL)["chat"])
    handshake = "/socket.io/?EIO=4&transport=polling"
    assert client.get(handshake).status_code == 401
    opened = client.get(handshake, headers=bearer())
    sid = json.loads(opened.text[1:])["sid"]
    session = f"{handshake}&sid={sid}"
    assert client.post(session, data="40").status_code == 401
    client.post(session, data="40", headers=bearer())
    client.get(session, headers=bearer())
    client.post(session, data='420["whoami"]', headers=bearer())
    assert "joe" in client.get(session, headers=bearer()).text


def test_cookies() -> None:
    """What the login sets, in the manual's words, opens what it should, and nothing more."""
    (fields,) = blocks(MANUAL, "http")
    cookie = SimpleCookie()
    for field in fields.splitlines():
        plain = field.replace("eyJ…", "e30").replace("<random>", "0123456789abcdef")
        cookie.load(plain.removeprefix("Set-Cookie: "))
    assert {name for name, one in cookie.items() if one["httponly"]} == {"__Host-token"}
    # What browsers ask of names that begin with __Host-.
    assert all(one["secure"] and one["path"] == "/" for one in cookie.values())
    assert not any(one["domain"] for one in cookie.values())
    key = Key.secret(SECRET, alg="HS256")
    guard = Guard(
        Issuer("my-app", audience="my-app", keys=key), credentials=[Cookie("__Host-token")]
    )
    namespace: dict[str, Any] = {}
    exec(PLAIN_APP, namespace)  # noqa: S102  our own
    app = TestApp(GuardMiddleware(namespace["app"], guard=guard))
    sent = {name: one.value for name, one in cookie.items()}
    sent["__Host-token"] = jwt.encode(claims(), SECRET, "HS256")
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in sent.items())}
    assert app.get("/", headers=headers).text == "reports"
    app.post("/", headers=headers, status=403)
    same = {"Sec-Fetch-Site": "same-origin", "X-CSRF-Token": sent["__Host-csrf"]}
    assert app.post("/", headers=headers | same).text == "reports"


def environ(**more: str) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)} | more


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.mark.parametrize("command", [block for block in blocks(README, "sh") if "pip" in block])
def test_set_up(command: str) -> None:
    """The commands at the top install extras that there are, and run what there is.

    `.ci/run` runs the second one to the end, in new environments, and what the first one
    runs.
    """
    found = re.fullmatch(r"python -m pip install '\.\[(\w+)\]' && python -m ([\w.]+)\n", command)
    assert found is not None
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert found[1] in project["optional-dependencies"]
    assert find_spec(f"{found[2]}.__main__") is not None


@pytest.mark.needs("bash", "curl", "seq")
def test_twelve_lines(tmp_path: Path) -> None:
    """The first example is twelve lines of code and answers 401 and 200 over a socket."""
    example = blocks(README, "python")[0]
    shell = the_block(README, "sh", "export APP_SECRET")
    assert len([line for line in example.splitlines() if line]) <= 14
    port = free_port()
    (tmp_path / "app.py").write_text(example.replace("8000", port))
    # A failing line must not leave the server behind; a slow machine needs longer.
    listening = (
        f"for i in $(seq 100); do curl -so /dev/null localhost:{port} && break; sleep .1; done"
    )
    shell = "trap 'kill $(jobs -p) || true' EXIT\n" + shell.replace("sleep 1", listening)
    shell = shell.replace("8000", port).replace("kill $!\n", "")
    result = subprocess.run(
        ["bash", "-ec", shell],  # noqa: S607  the shell of the PATH
        cwd=tmp_path,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "401 Unauthorized" in result.stdout, result.stderr
    assert 'WWW-Authenticate: Bearer realm="api"' in result.stdout
    assert result.stdout.rstrip().endswith("Hello joe"), result.stderr


def status(url: str, headers: dict[str, str]) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as ok:  # noqa: S310  http, to this machine
            return int(ok.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.fixture
def serve(token: bytes, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """Start a server by its command in the working directory; return its URL."""
    running: list[subprocess.Popen[bytes]] = []

    def start(command: str) -> str:
        port = free_port()
        # Both servers take options from the environment: the command is run as it is written.
        options = {
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port} --log-level error",
            "UVICORN_PORT": port,
            "UVICORN_LOG_LEVEL": "error",
        }
        running.append(
            subprocess.Popen(
                ["bash", "-c", command],  # noqa: S607  the shell of the PATH
                cwd=tmp_path,
                env=environ(**options),
                start_new_session=True,
            )
        )
        for _ in range(200):
            assert running[-1].poll() is None, f"{command} has ended"
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    return f"http://127.0.0.1:{port}"
            time.sleep(0.05)
        raise AssertionError(f"{command} does not listen")

    assert token
    yield start
    for process in running:
        # The shell and the server that it started.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)


@pytest.mark.needs("bash")
@pytest.mark.parametrize("begin", ["gunicorn", "JWT_GUARD_CONFIG"])
def test_targets(begin: str, serve: Callable[[str], str]) -> None:
    """Servers take the file and an app that nobody has touched, as the manual writes it."""
    url = serve(the_block(MANUAL, "sh", begin))
    editor = bearer(scope="reports", roles=["editor"])
    assert status(f"{url}/reports/1", {}) == 401
    assert status(f"{url}/reports/1", bearer()) == 403
    assert status(f"{url}/reports/1", editor) == 200
    assert status(f"{url}/else", editor) == 403


@pytest.mark.usefixtures("token")
def test_routes(tmp_path: Path) -> None:
    """The command that lists routes lists them, and finds nothing to complain of."""
    command = shlex.split(the_block(MANUAL, "sh", "python -m jwt_guard routes"))
    result = subprocess.run(
        [sys.executable, *command[1:]],
        cwd=tmp_path,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "/reports/{name}" in result.stdout
    assert result.stderr == ""


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {slug(one) for one in re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    """Every relative link leads to a file, and every anchor to a heading."""
    targets = re.findall(r"\]\((?!http)([^)#]*)(?:#([^)]+))?\)", text(page))
    assert targets
    for target, anchor in targets:
        file = (ROOT / page).parent / target if target else ROOT / page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


def test_every_example() -> None:
    """The manual names every example, so that none is forgotten."""
    examples = {file.name for file in (ROOT / "examples").iterdir()}
    examples -= {"README.md", "__init__.py", "__pycache__"}
    assert examples == {name for name in examples if f"]({name})" in text(MANUAL)}


def rows() -> Iterator[tuple[str, list[str]]]:
    """Yield each line of the map outside of blocks, with what it writes as code."""
    prose = re.sub(r"^```.*?^```$", "", text(MAP), flags=re.MULTILINE | re.DOTALL)
    for line in prose.splitlines():
        yield line, re.findall(r"`([^`]+)`", line)


def is_file(name: str) -> bool:
    return re.fullmatch(r"[\w./]+(\.py|\.typed|/|/run)", name) is not None


def find(name: str, names: list[str]) -> Path | None:
    """Return the file that the map means by *name*, in a line with *names*, folders among them."""
    folders = ["", *(folder for folder in names if folder.endswith("/"))]
    places = [*(ROOT / "jwt_guard" / folder for folder in folders), ROOT]
    return next((place / name for place in places if (place / name).exists()), None)


def test_map_names_files() -> None:
    """Each file that the map names is there."""
    for line, names in rows():
        assert [one for one in names if is_file(one) and not find(one, names)] == [], line


def test_map_says_where() -> None:
    """What the map says is decided in a file is defined in that file."""
    table = text(MAP).partition("## Where is it decided")[2].partition("To add")[0]
    asked = 0
    for _, places in re.findall(r"^\| (.+?) \| (`.+) \|$", table, re.MULTILINE):
        names = re.findall(r"`([^`]+)`", places)
        files = [file for name in names if is_file(name) and (file := find(name, names))]
        source = "\n".join(file.read_text() for file in files)
        for name in names:
            for part in () if is_file(name) else name.split("."):
                asked += 1
                assert re.search(rf"^ *(async )?(def|class) {part}\b", source, re.MULTILINE), part
    assert asked > 10


def test_map_is_whole() -> None:
    """No file and room of the package is missing on the map, and it is short enough to read."""
    assert len(text(MAP).splitlines()) <= 150
    said = [(one, names) for _, names in rows() for one in names if re.fullmatch(r"[\w./]+", one)]
    # A module may be named without its suffix, as a room may be without its slash.
    there = {find(form, names) for one, names in said for form in (one, f"{one}.py")}
    house = ROOT / "jwt_guard"
    files = [*house.iterdir(), *house.joinpath("_core").rglob("*.py")]
    missing = {file for file in files if file not in there and file.name != "__init__.py"}
    assert missing <= {house / "README.md", house / "__pycache__", house / "_core"}


def test_host_of_the_map() -> None:
    """The host that the map shows is the one that passes the table of all hosts."""
    (example,) = blocks(MAP, "python")
    host = example[example.index("class ") :]
    assert host in text("tests/test_hosts.py")
    assert len([line for line in example.splitlines() if line]) <= 40
    namespace = run_python(MAP)
    key = Key.secret(SECRET, alg="HS256")
    guard = Guard(Issuer("my-app", audience="my-app", keys=key))

    def fine(_store: object) -> tuple[int, list[object], bytes]:
        return 200, [], b"fine"

    served = namespace["EventGuard"](fine, guard, public=["/open"])
    event: dict[str, object] = {"method": "GET", "path": "/", "headers": []}
    assert served(event)[0] == 401
    assert served({**event, "path": "/open"})[0] == 200


def test_wheel() -> None:
    """What is installed has no map: a wheel holds code, and the mark of its annotations."""
    built = tomllib.loads(text("pyproject.toml"))["tool"]["setuptools"]
    assert built["package-data"] == {"jwt_guard": ["py.typed"]}
    # It would add what it names to every package.
    assert not (ROOT / "MANIFEST.in").exists()
