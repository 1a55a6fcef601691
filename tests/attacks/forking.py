"""python -m tests.attacks.forking: a server's parent that verifies while it forks, again and
again; prints how many children answer. A process of its own, for its threads run to its end."""

import os
import random
import signal
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress

from jwt_guard import AuthError, Guard, Issuer, Jwks, Key
from tests.keys.provider import AUDIENCE, running

_CHILDREN = 150

# From Python 3.12 on a fork of a process with threads is warned of.
warnings.simplefilter("ignore", DeprecationWarning)


def forked(call: Callable[[], object]) -> bool:
    """Whether a forked child has done *call* within five seconds."""
    child = os.fork()
    if child == 0:
        signal.alarm(5)
        call()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def main() -> None:
    """Fork while four threads come for what has a lock: cache, tenants, keys."""
    with running() as provider:
        secret = Key.secret("a secret of the forking tests, 32 octets", alg="HS256")
        guard = Guard(
            Issuer(provider.issuer, audience=AUDIENCE, keys=Jwks(f"{provider.issuer}/jwks")),
            issuers=lambda name: Issuer(name, audience=AUDIENCE, keys=secret),
            cache_size=64,
        )
        own = [provider.token("1", jti=str(one)) for one in range(1000)]
        tenants = [provider.token("1", iss=f"tenant {one}") for one in range(1000)]
        strange = [provider.token("1", header_kid=f"made up {one}") for one in range(100)]
        guard.authenticate([own[0]])
        stop = threading.Event()

        def verify() -> None:
            draw = random.Random()  # noqa: S311  no secrets
            while not stop.is_set():
                with suppress(AuthError):
                    guard.authenticate([draw.choice(draw.choice([own, tenants, strange]))])

        threads = [threading.Thread(target=verify) for _ in range(4)]
        for thread in threads:
            thread.start()

        def ask() -> None:
            for one in (provider.token("1", jti="new"), *own[:3]):
                guard.authenticate([one])
            for one in (tenants[0], provider.token("1", iss="tenant of the child")):
                with suppress(AuthError):
                    guard.authenticate([one])
            guard.health()

        answered = sum(forked(ask) for _ in range(_CHILDREN))
        stop.set()
        for thread in threads:
            thread.join()
    sys.stdout.write(f"{answered} of {_CHILDREN}\n")


if __name__ == "__main__":
    main()
