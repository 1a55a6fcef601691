"""Starts the certified provider, gets tokens from it, and commands it."""

import base64
import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

AUDIENCE = "https://api.example"


class OidcProvider:
    """A running provider; `issuer` is its name."""

    def __init__(self, folder: Path, alg: str, port: int = 0) -> None:
        shutil.copy(Path(__file__).with_name("provider.mjs"), folder)
        self._process = subprocess.Popen(
            ["node", "provider.mjs", alg, str(port)],  # noqa: S607  the node of the PATH
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.issuer: str = self._read("issuer")
        self.port = int(self.issuer.rpartition(":")[2])

    def _read(self, member: str) -> Any:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # The provider prints advice for production among our lines.
            if line.startswith("{"):
                return json.loads(line)[member]
        raise AssertionError("the provider has ended")

    def command(self, word: str) -> list[str]:
        """Send *word* and return the ids of the keys that are published then."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        kids: list[str] = self._read("kids")
        return kids

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.communicate()

    def token(self, scope: str = "messages:read", resource: str = AUDIENCE) -> bytes:
        """Return the Authorization value of a token by client credentials."""
        form = urllib.parse.urlencode(
            {"grant_type": "client_credentials", "scope": scope, "resource": resource}
        )
        client = base64.b64encode(b"machine:machine-secret-of-the-tests").decode()
        request = urllib.request.Request(  # noqa: S310  loopback
            f"{self.issuer}/token", form.encode(), {"Authorization": f"Basic {client}"}
        )
        with urllib.request.urlopen(request) as response:  # noqa: S310  loopback
            token: str = json.load(response)["access_token"]
        return f"Bearer {token}".encode()


def install(folder: Path) -> Path:
    """Install the provider into *folder* by npm."""
    npm = shutil.which("npm")
    assert npm is not None, "the provider needs Node.js and npm"
    options = ["--no-audit", "--no-fund", "--prefix", str(folder)]
    command = [npm, "install", *options, "oidc-provider@9"]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@contextmanager
def running(folder: Path, alg: str, port: int = 0) -> Generator[OidcProvider]:
    """Run a provider that signs with *alg*."""
    provider = OidcProvider(folder, alg, port)
    try:
        yield provider
    finally:
        provider.stop()
