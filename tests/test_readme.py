"""The README's code runs, as a newcomer would run it."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
SECRET = "a secret of the README's tests, long enough for HS256"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def public_pem(private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PrivateKeyTypes:
    """Put the key files that the README names into the working directory."""
    private = rsa.generate_private_key(65537, 2048)
    jwk = jwt.get_algorithm_by_name("RS256").to_jwk(private.public_key(), as_dict=True)
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/jwks.json").write_text(json.dumps({"keys": [jwk | {"kid": "1"}]}))
    billing = ec.generate_private_key(ec.SECP256R1())
    (tmp_path / "keys/billing.pem").write_bytes(public_pem(billing))
    for month in ("2026-10", "2026-11"):
        (tmp_path / f"keys/{month}.pem").write_bytes(
            public_pem(rsa.generate_private_key(65537, 2048))
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("APP_SECRET", SECRET)
    return private


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """Undo what the README does to logging."""
    logger, root = logging.getLogger("jwt_guard"), logging.getLogger()
    handlers, level = root.handlers[:], logger.level
    yield
    root.handlers[:] = handlers
    logger.setLevel(level)


@pytest.mark.usefixtures("keys", "logging_as_before")
def test_python_blocks() -> None:
    """Every Python block runs, in order, in one namespace."""
    now = int(time.time())
    claims = {"iss": "my-app", "aud": "my-app", "sub": "joe", "exp": now + 60}
    token = jwt.encode(claims, SECRET, "HS256").encode()
    namespace: dict[str, object] = {"token": token, "__name__": "readme"}
    ran = 0
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)  # noqa: S102  our own README
        ran += 1
    assert ran >= 8
    assert getattr(namespace["identity"], "subject") == "joe"  # noqa: B009  typed as object


@pytest.mark.needs("bash", "curl", "seq")
def test_twelve_lines(tmp_path: Path) -> None:
    """The first example is twelve lines of code and answers 401 and 200 over a socket."""
    example = blocks("python")[0]
    shell = next(block for block in blocks("sh") if "app.py" in block)
    assert len([line for line in example.splitlines() if line]) <= 14
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    (tmp_path / "app.py").write_text(example.replace("8000", port))
    # A failing line must not leave the server behind; a slow machine needs longer.
    listening = (
        f"for i in $(seq 100); do curl -so /dev/null localhost:{port} && break; sleep .1; done"
    )
    shell = "trap 'kill $(jobs -p) || true' EXIT\n" + shell.replace("sleep 1", listening)
    shell = shell.replace("8000", port).replace("kill $!\n", "")
    environ = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    result = subprocess.run(
        ["bash", "-ec", shell],  # noqa: S607  the shell of the PATH
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "401 Unauthorized" in result.stdout, result.stderr
    assert 'WWW-Authenticate: Bearer realm="api"' in result.stdout
    assert result.stdout.rstrip().endswith("Hello joe"), result.stderr


def test_links() -> None:
    """Every relative link of the README leads to a file."""
    targets = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if not (ROOT / target).exists()] == []
