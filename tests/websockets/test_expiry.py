"""The close at expiry reaches a client that says nothing, whatever serves."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import jwt
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.websockets.app import ENDED, SECRET

pytestmark = pytest.mark.servers

SERVERS = {
    "uvicorn": ["uvicorn", "--port", "{port}", "--ws", "websockets-sansio", "--lifespan", "off"],
    "hypercorn": ["hypercorn", "--bind", "127.0.0.1:{port}"],
    "granian": ["granian", "--port", "{port}", "--no-log", "--interface", "asginl"],
}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start")


@pytest.mark.parametrize("name", SERVERS)
def test_idle_client(name: str, tmp_path: Path) -> None:
    """A client that is silent is closed with the code, and the app is told, and goes on."""
    port, ended = free_port(), tmp_path / "ended"
    command = [part.format(port=port) for part in SERVERS[name]]
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", *command, "tests.websockets.app:app"],
        env={**os.environ, ENDED: str(ended)},
    )
    try:
        wait_for(port)
        claims = {"iss": "me", "aud": "me", "sub": "joe", "exp": int(time.time()) + 3}
        token = jwt.encode(claims, SECRET, "HS256")
        fields = {"Authorization": f"Bearer {token}"}
        with connect(f"ws://127.0.0.1:{port}/", additional_headers=fields) as client:
            assert client.recv(timeout=5) == "hello"
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=10)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        # The app notes it at its leisure.
        time.sleep(2)
        assert ended.read_text() == "websocket.disconnect websocket.disconnect"
    finally:
        process.terminate()
        process.wait(10)
