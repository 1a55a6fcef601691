"""python -m tests.attacks.faults [--only NAME]: what a fault of a provider costs a server, in
numbers with their bounds; exits 1 if one is broken.
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attacks.load import Load
from tests.attacks.serving import Server, serving
from tests.attacks.strangers import ATTACKS, bearing, good
from tests.keys import provider as faults
from tests.keys.certificates import tls_for
from tests.keys.provider import Handler, Provider, answering, running


@dataclass(frozen=True, slots=True)
class Figure:
    """What was seen, and what may be: not more than a number, or exactly these statuses."""

    name: str
    seen: float | list[int]
    bound: float | list[int]

    @property
    def holds(self) -> bool:
        """Whether it is within its bound."""
        if isinstance(self.seen, list) or isinstance(self.bound, list):
            return self.seen == self.bound
        return self.seen <= self.bound


@contextmanager
def _world(
    kind: str, *, tls: bool = False, moves: bool = False, resolves: float = 0, proxy: str = ""
) -> Generator[tuple[Provider, Server]]:
    """Run a provider and a server that trusts it, and a key file with the same key."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        context, ca_file = tls_for("localhost", folder) if tls else (None, "")
        with running(context) as provider:
            write_keys(folder, provider)
            with serving(
                kind,
                provider,
                folder,
                moves=moves,
                resolves=resolves,
                ca_file=ca_file,
                proxy=proxy,
            ) as server:
                yield provider, server


def write_keys(folder: Path, provider: Provider) -> None:
    """Write the provider's keys to the key file, in one step."""
    (folder / "new.json").write_text(json.dumps({"keys": provider.keys}))
    (folder / "new.json").rename(folder / "keys.json")


def _ask(server: Server, token: bytes) -> int:
    """Return the status that a token is answered with."""
    outcome = Load(server.port, [bearing(token)], seconds=40, connections=1, most=1).outcome()
    return next(iter(outcome.statuses))


def made_up_tenants() -> Iterator[Figure]:
    """400 tokens name 400 tenants that nobody has heard of, and the provider hangs."""
    with _world("uvicorn", tls=True) as (provider, server):
        assert _ask(server, provider.token("1")) == 200
        threads, fetches = server.measured("Threads"), len(provider.fetches)
        forged = ATTACKS["made-up tenants"].requests(provider)[:400]
        provider.fault = faults.hang
        load = Load(server.port, forged, seconds=30, connections=400, most=400)
        time.sleep(1.5)
        calm = Load(server.port, good(provider, 50), seconds=1, rate=50).outcome()
        outcome = load.outcome()
        yield Figure("threads more", server.measured("Threads") - threads, 20)
        yield Figure("fetches", len(provider.fetches) - fetches, 16)
        yield Figure("answers other than 503", outcome.other_than(503), 0)
        yield Figure("p99 of good ones beside it, ms", calm.quantile(0.99) * 1e3, 200)


def forged_kids() -> Iterator[Figure]:
    """Three forged tokens a second beside good ones on four workers; the provider hangs."""
    with _world("gunicorn", tls=True) as (provider, server):
        requests = good(provider, 200)
        Load(server.port, requests, seconds=2).outcome()
        provider.fault = faults.hang
        forged = ATTACKS["forged kids"].requests(provider)
        load = Load(server.port, forged, seconds=20, rate=3, connections=64)
        outcome = Load(server.port, requests, seconds=20, rate=40, connections=32).outcome()
        load.outcome()
        yield Figure("p90, ms", outcome.quantile(0.9) * 1e3, 100)
        yield Figure("p99, ms", outcome.quantile(0.99) * 1e3, 500)
        yield Figure("longest, ms", outcome.seconds[-1] * 1e3, 2500)
        yield Figure("answers other than 200", outcome.other_than(200), 0)


def other_algorithm() -> Iterator[Figure]:
    """A token of an algorithm that the issuer's keys never have; the provider hangs."""
    with _world("one gunicorn") as (provider, server):
        assert _ask(server, provider.token("1")) == 200
        provider.fault = faults.hang
        forged = ATTACKS["public key as a secret"].requests(provider)[:20]
        outcome = Load(server.port, forged, seconds=60, connections=1, most=20).outcome()
        yield Figure("longest answer, ms", outcome.seconds[-1] * 1e3, 500)
        yield Figure("statuses", sorted(outcome.statuses), [401])


@lru_cache(maxsize=1)
def _bomb() -> bytes:
    return gzip.compress(gzip.compress(b"\0" * (400 << 20)))


def gzip_bomb() -> Iterator[Figure]:
    """A key set that is compressed twice, and has 400 MiB."""
    for name, body, coding in (
        ("twice", _bomb(), "gzip, gzip"),
        ("once", gzip.decompress(_bomb()), "gzip"),
    ):
        with _world("one gunicorn") as (provider, server):
            assert _ask(server, provider.token("1")) == 200
            before = server.measured("VmHWM")
            provider.fault = answering(body, Content_Encoding=coding)
            status = _ask(server, provider.token("1", header_kid="new"))
            yield Figure(f"MiB more, {name}", (server.measured("VmHWM") - before) / 1024, 20)
            yield Figure("status", [status], [503])


def slow_resolver() -> Iterator[Figure]:
    """The resolver takes longer than the whole fetch may, and then the body drips."""
    ended = list[float]()

    def drip(handler: Handler) -> None:
        start = time.monotonic()
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        with suppress(OSError):
            while time.monotonic() < start + 10:
                handler.wfile.write(b" ")
                time.sleep(0.05)
        ended.append(time.monotonic() - start)

    with _world("one gunicorn", resolves=1.5) as (provider, server):
        provider.fault = drip
        status = _ask(server, provider.token("1"))
        time.sleep(10)
        yield Figure("seconds that a fetch of one second dripped", max(ended, default=0), 1.5)
        yield Figure("status", [status], [503])


def withdrawn_key() -> Iterator[Figure]:
    """A key is withdrawn while nobody asks for an hour; the provider is up."""
    with _world("one gunicorn", moves=True) as (provider, server):
        old = provider.token("1")
        assert _ask(server, old) == 200
        provider.add_key("2")
        provider.remove_key("1")
        server.pass_time(3800)
        yield Figure("its token", [_ask(server, old)], [401])
        yield Figure("the new key's", [_ask(server, provider.token("2"))], [200])


def emptied_set() -> Iterator[Figure]:
    """A provider withdraws all its keys: it publishes {"keys": []}."""
    with _world("one gunicorn", moves=True) as (provider, server):
        token = provider.token("1")
        assert _ask(server, token) == 200
        provider.keys = []
        for seconds in (400, 1200, 1800):
            server.pass_time(seconds)
            _ask(server, token)
            time.sleep(0.3)
            yield Figure(f"{seconds} s later", [_ask(server, token)], [401])


def key_file() -> Iterator[Figure]:
    """A key goes out of a file, and then the file itself."""
    with _world("one gunicorn", moves=True) as (provider, server):
        token = provider.token("1", iss="file")
        assert _ask(server, token) == 200
        keys = provider.keys
        provider.add_key("2")
        provider.remove_key("1")
        write_keys(server.folder, provider)
        server.pass_time(6)
        yield Figure("withdrawn, 6 s later", [_ask(server, token)], [401])
        provider.keys = keys
        write_keys(server.folder, provider)
        server.pass_time(6)
        yield Figure("back, 6 s later", [_ask(server, token)], [200])
        provider.keys = []
        write_keys(server.folder, provider)
        server.pass_time(30 * 86_400)
        yield Figure("emptied, a month of silence later", [_ask(server, token)], [401])
        provider.keys = keys
        write_keys(server.folder, provider)
        server.pass_time(60)
        assert _ask(server, token) == 200
        (server.folder / "keys.json").unlink()
        server.pass_time(6)
        yield Figure("deleted, 6 s later: stale", [_ask(server, token)], [200])
        server.pass_time(4000)
        yield Figure("deleted, an hour later", [_ask(server, token)], [503])


def moved_address() -> Iterator[Figure]:
    """The metadata name another address, and the old one goes on answering."""
    with _world("one gunicorn", moves=True) as (provider, server):
        name = f"{provider.issuer}/tenants/1"
        documents = {"/jwks": {"keys": [*provider.keys]}}

        def serve(handler: Handler) -> None:
            found = documents.get(handler.path)
            where = provider.issuer + [*documents][-1]
            metadata = {"issuer": name, "jwks_uri": where}
            handler.answer(json.dumps(found or metadata).encode())

        provider.fault = serve
        assert _ask(server, provider.token("1", iss=name)) == 200
        provider.add_key("2")
        documents["/elsewhere"] = {"keys": provider.keys[1:]}
        server.pass_time(700)
        yield Figure("the new key's", [_ask(server, provider.token("2", iss=name))], [200])
        yield Figure("the old key's", [_ask(server, provider.token("1", iss=name))], [401])


def glitch() -> Iterator[Figure]:
    """A new key is published a second after its first token."""
    with _world("one gunicorn") as (provider, server):
        assert _ask(server, provider.token("1")) == 200
        before = provider.keys
        provider.add_key("2")
        token, after, provider.keys = provider.token("2"), provider.keys, before[:1]
        _ask(server, token)
        time.sleep(1)
        provider.keys, start = after, time.monotonic()
        while _ask(server, token) != 200 and time.monotonic() < start + 40:
            time.sleep(0.2)
        yield Figure("seconds until it is known", time.monotonic() - start, 3)


def outage_log() -> Iterator[Figure]:
    """20,000 requests while there are no keys."""
    with _world("uvicorn") as (provider, server):
        provider.fault = answering(b"", 500)
        requests = [bearing(provider.token("1", jti=str(one))) for one in range(50)]
        outcome = Load(server.port, requests, seconds=120, most=20_000).outcome()
        yield Figure("lines in the log", len(server.log.splitlines()), 60)
        yield Figure("statuses", sorted(outcome.statuses), [503])
        yield Figure("fetches", len(provider.fetches), 20)


def proxy() -> Iterator[Figure]:
    """The environment names a proxy, and the provider is on this machine."""
    with running() as trap:
        trap.fault = answering(b"", 502)
        with _world("one gunicorn", proxy=f"http://127.0.0.1:{trap.port}") as (provider, server):
            yield Figure("status", [_ask(server, provider.token("1"))], [200])
            yield Figure("questions by the proxy", len(trap.fetches), 0)


FAULTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "made-up tenants": made_up_tenants,
    "forged kids": forged_kids,
    "other algorithm": other_algorithm,
    "gzip bomb": gzip_bomb,
    "slow resolver": slow_resolver,
    "withdrawn key": withdrawn_key,
    "emptied set": emptied_set,
    "key file": key_file,
    "moved address": moved_address,
    "glitch": glitch,
    "outage log": outage_log,
    "proxy": proxy,
}


def main() -> int:
    """Measure as the command line says, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.faults", description=__doc__)
    parser.add_argument("--only", choices=FAULTS, action="append", help="this fault")
    options = parser.parse_args()
    broken = 0
    for name in options.only or FAULTS:
        for figure in FAULTS[name]():
            broken += not figure.holds
            seen = f"{figure.seen:.1f}" if isinstance(figure.seen, float) else figure.seen
            mark = "" if figure.holds else "  <-- broken"
            sys.stdout.write(f"{name:<18}{figure.name:<46}{seen!s:>12}{figure.bound!s:>10}{mark}\n")
            sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
