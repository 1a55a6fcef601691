"""Starts headless Chromium and drives one tab of it over the DevTools protocol."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

# Seconds; a start takes some on a busy machine, an answer hardly any.
_START, _ANSWER = 60, 30
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    # A proxy that the environment names is not for servers on this machine.
    "--no-proxy-server",
)
# Third-party cookies are sent: where a browser blocks them, no cookie test can fail.
_PREFERENCES = {"profile": {"cookie_controls_mode": 0}}


class Chromium:
    """A running browser with one tab."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._calls = 0
        self._events: list[str] = []
        self._session: dict[str, str] = {}
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = {"sessionId": attached["sessionId"]}
        self._call("Page.enable")

    def forget(self) -> None:
        """Leave the page, and lose all cookies."""
        self.open("about:blank")
        self._call("Network.clearBrowserCookies")

    def open(self, url: str) -> None:
        """Go to *url*, as typed by the user, and wait until it is loaded."""
        self._events.clear()
        gone = self._call("Page.navigate", url=url)
        assert "errorText" not in gone, gone
        self._wait_for("Page.loadEventFired")

    def follow(self, script: str) -> None:
        """Run *script*, and wait until the page that it leads to is loaded."""
        self._events.clear()
        self.run(script)
        self._wait_for("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """Return what *script* comes to, an expression that may be a promise."""
        options = {"awaitPromise": True, "returnByValue": True}
        answer = self._call("Runtime.evaluate", expression=script, **options)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._calls += 1
        command = {"id": self._calls, "method": method, "params": params, **self._session}
        self._connection.send(json.dumps(command))
        deadline = time.monotonic() + _ANSWER
        while (answer := self._receive(deadline)).get("id") != self._calls:
            self._events.append(answer["method"])
        assert "error" not in answer, (method, answer["error"])
        result: dict[str, Any] = answer["result"]
        return result

    def _wait_for(self, event: str) -> None:
        deadline = time.monotonic() + _ANSWER
        while event not in self._events:
            self._events.append(self._receive(deadline)["method"])

    def _receive(self, deadline: float) -> dict[str, Any]:
        message = self._connection.recv(deadline - time.monotonic())
        decoded: dict[str, Any] = json.loads(message)
        return decoded


@contextmanager
def running() -> Generator[Chromium]:
    """Run Debian's Chromium, which has never been anywhere, and end it in any case."""
    program = shutil.which("chromium")
    assert program is not None, "these tests need Debian's package chromium"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        preferences = Path(home, "Default", "Preferences")
        preferences.parent.mkdir()
        preferences.write_text(json.dumps(_PREFERENCES))
        where = ["--remote-debugging-port=0", f"--user-data-dir={home}"]
        with (
            Path(home, "log").open("w") as log,
            subprocess.Popen(
                [program, *_FLAGS, *where, "about:blank"],
                env=os.environ | {"HOME": home},
                stdout=log,
                stderr=log,
            ) as process,
        ):
            try:
                address = _devtools(process, Path(home))
                with connect(address, proxy=None, max_size=None) as connection:
                    yield Chromium(connection)
            finally:
                process.terminate()
                try:
                    process.wait(20)
                finally:
                    process.kill()


def _devtools(process: subprocess.Popen[bytes], home: Path) -> str:
    """Wait for the file in which Chromium writes a port and a path, one a line."""
    written, deadline = home / "DevToolsActivePort", time.monotonic() + _START
    while not written.exists() or "\n/" not in written.read_text():
        assert process.poll() is None, (home / "log").read_text()
        assert time.monotonic() < deadline, (home / "log").read_text()
        time.sleep(0.02)
    port, path = written.read_text().split()
    return f"ws://127.0.0.1:{port}{path}"
