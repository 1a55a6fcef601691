"""The command line: a server to play with, or a transcript that checks itself."""

import argparse
import errno
import shlex
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from argon2 import PasswordHasher
from starlette.types import ASGIApp

from . import serving, transcript
from .app import create_app
from .tokens import ALGORITHMS, SigningKey, TokenMaker
from .users import DEMO_ACCOUNTS, UserStore

# Long enough to click, short enough to see it expire.
_LIFETIME = 60
# `exp` counts whole seconds, so that a token lives up to one less than this. With
# one more there is time for two requests, and the transcript waits no longer.
_LIFETIME_ONCE = 3
# A signed token cannot be taken back: what is long-lived here is a mistake.
_MAX_LIFETIME = 3600
# What `jwt_guard.Issuer` tolerates.
_MAX_LEEWAY = 60


def main(
    argv: Sequence[str] | None = None,
    *,
    hasher: PasswordHasher | None = None,
    clock: Callable[[], float] = time.time,
    wait_until: Callable[[float], None] = transcript.sleep_until,
) -> int:
    """Run the workflow; return the exit status.

    Args:
        argv: Arguments without the program's name; by default the process's.
        hasher: Hashes the passwords; by default as slowly as it should.
        clock: Returns the seconds since the epoch.
        wait_until: Returns once *clock* shows an instant.
    """
    options = _parser().parse_args(argv)
    lifetime = options.lifetime or (_LIFETIME_ONCE if options.once else _LIFETIME)
    with closing(UserStore.with_demo_accounts(hasher)) as users:
        tokens = TokenMaker(SigningKey.generate(options.alg), lifetime, clock)
        app = create_app(users, tokens, leeway=options.leeway)
        if options.once:
            return _once(app, wait_until)
        return _serve(app, options.host, options.port, f"{options.alg}, {lifetime} s per token")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.workflow",
        description="Log in, get a token, call a route: the plain JWT story.",
    )
    add = parser.add_argument
    add("--once", action="store_true", help="print the story as a transcript, check it, and end")
    add("--host", default="127.0.0.1", help="to listen on; by default %(default)s")
    add(
        "--port",
        type=_between(0, 65535),
        default=8000,
        help="0 for a free one; by default %(default)s",
    )
    add(
        "--alg",
        choices=ALGORITHMS,
        default=ALGORITHMS[0],
        help="signs the tokens; by default %(default)s",
    )
    add(
        "--lifetime",
        type=_between(2, _MAX_LIFETIME),
        metavar="SECONDS",
        help=f"how long a token lasts; by default {_LIFETIME}, with --once {_LIFETIME_ONCE}",
    )
    add(
        "--leeway",
        type=_between(0, _MAX_LEEWAY),
        default=0,
        metavar="SECONDS",
        help="how much longer the guard accepts it; by default %(default)s",
    )
    return parser


def _between(least: int, most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not text.isdecimal() or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} to {most}")
        return int(text)

    return number


def _once(app: ASGIApp, wait_until: Callable[[float], None]) -> int:
    try:
        with serving.running(app) as url:
            transcript.write(url, _say, wait_until)
    except transcript.Difference as difference:
        sys.stderr.write(f"\nDIFFERENT: {difference}\n")
        return 1
    _say("\nEvery answer is as it should be.")
    return 0


def _serve(app: ASGIApp, host: str, port: int, what: str) -> int:
    try:
        listening = serving.listen(host, port)
    except OSError as error:
        sys.stderr.write(f"{_why_not(error, host, port)}\n")
        return 1
    with listening:
        _say(_banner(listening, what))
        try:
            serving.serve(app, listening)
        except KeyboardInterrupt:
            _say("stopped")
    return 0


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another one with --port"
    return f"cannot listen on {host}, port {port}: {error.strerror}"


def _banner(listening: socket.socket, what: str) -> str:
    url = serving.url_of(*listening.getsockname()[:2])
    accounts = [
        f"  {account.username:6} {account.password:14} {account.scope or '(no scope)'}"
        for account in DEMO_ACCOUNTS
    ]
    return "\n".join(
        [
            f"Open {url}/ ({what}), Ctrl-C to stop.",
            "",
            "Demo accounts: username, password, scope",
            *accounts,
            "",
            "Or in another terminal: log in, call a route, call another one",
            "",
            *_curl_lines(url),
            "",
        ]
    )


def _curl_lines(url: str) -> list[str]:
    """Return three commands for a POSIX shell; the second and third need the first."""
    account = DEMO_ACCOUNTS[0]
    body = f'{{"username": "{account.username}", "password": "{account.password}"}}'
    login = f"curl -s {url}/login -H 'Content-Type: application/json' -d {shlex.quote(body)}"
    take = r"""sed 's/.*"access_token":"\([^"]*\)".*/\1/'"""
    call = '-H "Authorization: Bearer $TOKEN"'
    return [
        f"TOKEN=$({login} | {take})",
        f"curl -i -w '\\n' {url}/api/me {call}",
        f"curl -i -w '\\n' {url}/api/admin {call}",
    ]


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
