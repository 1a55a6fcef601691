"""The attacked server, a process of its own, and what it costs the machine."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.keys.provider import Provider

ROOT = Path(__file__).parent.parent.parent

_APPS = "tests.attacks.apps"
_GUNICORN = ("gunicorn", "--log-level", "error", "-b", "127.0.0.1:{port}")
_WSGI, _ASGI = f"{_APPS}:make_wsgi()", f"{_APPS}:make_asgi"
_UVICORN = ("uvicorn", "--log-level", "warning", "--no-access-log", "--port", "{port}")
SERVERS: dict[str, Sequence[str]] = {
    "gunicorn": (*_GUNICORN, "-w", "4", _WSGI),
    "one gunicorn": (*_GUNICORN, "-w", "1", _WSGI),
    "gthread": (*_GUNICORN, "-w", "2", "-k", "gthread", "--threads", "4", _WSGI),
    "gevent": (*_GUNICORN, "-k", "gevent", _WSGI),
    "gevent, preload": (*_GUNICORN, "-k", "gevent", "--preload", _WSGI),
    "uvicorn": (*_UVICORN, "--factory", _ASGI),
}


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes:
        port: Where, on loopback.
        log: What it prints.
        folder: Has its key file and its clock.
    """

    process: "subprocess.Popen[bytes]"
    port: int
    folder: Path

    @property
    def log(self) -> str:
        """Return what it has printed."""
        return (self.folder / "log").read_text(errors="replace")

    def pass_time(self, seconds: int) -> None:
        """Move the clock of its guard."""
        clock = self.folder / "clock"
        os.truncate(clock, clock.stat().st_size + seconds)

    def worked(self) -> float:
        """Return the seconds of processor time that it has taken."""
        return sum(_worked(pid) for pid in (self.process.pid, *_children(self.process.pid)))

    def measured(self, name: str) -> int:
        """Return the sum of a figure of /proc/…/status over its processes."""
        return sum(_status(pid, name) for pid in (self.process.pid, *_children(self.process.pid)))


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]


def _worked(pid: int) -> float:
    # utime and stime (proc_pid_stat(5)); the name before them may have spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def serving(
    kind: str,
    provider: Provider,
    folder: Path,
    *,
    moves: bool = False,
    warm: bool = False,
    resolves: float = 0,
    ca_file: str = "",
    proxy: str = "",
) -> Generator[Server]:
    """Start a server whose guard asks *provider*; stop it in the end.

    Args:
        kind: One of `SERVERS`.
        provider: Publishes the keys.
        folder: An empty one; a key file `keys.json` in it is used.
        moves: Whether the guard's clock can be moved.
        warm: Whether each process has keys before the first request.
        resolves: How long the server's resolver takes; its fetches have one second then.
        ca_file: The authority of the provider's certificate.
        proxy: Named by the server's environment, for http.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    (folder / "clock").touch()
    program, *options = SERVERS[kind]
    environment = {
        "JWT_GUARD_ATTACKED_BY": provider.issuer,
        "JWT_GUARD_ATTACKED_CA": ca_file,
        "JWT_GUARD_ATTACKED_CLOCK": str(folder / "clock"),
        "JWT_GUARD_ATTACKED_FILE": str(folder / "keys.json"),
        "JWT_GUARD_ATTACKED_WARM": "1" if warm else "0",
        "JWT_GUARD_ATTACKED_MOVES": "1" if moves else "0",
        "JWT_GUARD_ATTACKED_RESOLVES": str(resolves),
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", program, *(one.format(port=port) for one in options)],
            cwd=ROOT,
            env=os.environ | environment | ({"http_proxy": proxy} if proxy else {}),
            stdout=log,
            stderr=log,
        )
    try:
        _await(process, port)
        yield Server(process, port, folder)
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)
        # A server that hangs does not listen to the polite word.
        for pid in (*_children_or_none(process.pid), process.pid) if process.poll() is None else ():
            os.kill(pid, signal.SIGKILL)
        process.wait()


def _children_or_none(pid: int) -> list[int]:
    with suppress(OSError):
        return _children(pid)
    return []


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise AssertionError(f"no server answers on port {port}")
