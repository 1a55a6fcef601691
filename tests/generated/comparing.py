"""What a guard decided about generated requests, and what it should have."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from jwt_guard.audit import audit
from tests.generated import asgi_apps, flask_apps
from tests.generated.asgi_apps import Reached
from tests.generated.asking import Asked, asgi_scope, plain_request, request_for, wsgi_environ
from tests.generated.guards import CALLERS
from tests.generated.making import METHODS, Maker
from tests.generated.plan import (
    Fence,
    Framework,
    Place,
    Tree,
    audited_path,
    filled,
    places,
)

Ask = Callable[[Asked, bytes | None], Coroutine[Any, Any, tuple[int, Reached | None]]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A wrong decision; *kind* says of which sort."""

    kind: str
    text: str


@dataclass(slots=True)
class Outcome:
    """What many requests have shown."""

    requests: int = 0
    reached: int = 0
    audited: int = 0
    faults: list[Fault] = field(default_factory=list[Fault])
    seen: Counter[str] = field(default_factory=Counter[str])


# What a client sees of the first answer to its handshake.
_OF_SOCKETS = {"websocket.accept": 101, "websocket.close": 403}


def asking(app: asgi_apps.App | flask_apps.App) -> Ask:
    return _asking_asgi(app) if isinstance(app, asgi_apps.App) else _asking_wsgi(app)


def _asking_asgi(app: asgi_apps.App) -> Ask:
    async def receive() -> dict[str, Any]:
        # No app reads a body.
        return {"type": "websocket.connect"}

    async def ask(asked: Asked, authorization: bytes | None) -> tuple[int, Reached | None]:
        statuses: list[int] = []

        async def send(message: Any) -> None:
            if "status" in message:
                statuses.append(message["status"])
            elif message["type"] in _OF_SOCKETS:
                statuses.append(_OF_SOCKETS[message["type"]])

        app.reached.clear()
        await app.answer(asgi_scope(asked, authorization), receive, send)
        return statuses[0], app.reached[0] if app.reached else None

    return ask


def _asking_wsgi(app: flask_apps.App) -> Ask:
    async def ask(asked: Asked, authorization: bytes | None) -> tuple[int, Reached | None]:
        statuses: list[int] = []

        def start_response(status: str, _headers: Any, _error: Any = None) -> Callable[..., object]:
            statuses.append(int(status[:3]))
            return statuses.append

        app.reached.clear()
        body = app.answer(wsgi_environ(asked, authorization), start_response)
        b"".join(body)
        return statuses[0], app.reached[0] if app.reached else None

    return ask


def build(tree: Tree, *, guarded: bool) -> asgi_apps.App | flask_apps.App:
    kind = flask_apps.App if tree.framework == "flask" else asgi_apps.App
    return kind(tree, guarded=guarded)


class Comparison:
    """One plan, built with its guards and without, and asked the same."""

    def __init__(self, seed: int, maker: Maker, outcome: Outcome) -> None:
        self.seed = seed
        self.tree = maker.plan()
        self.places = {place.endpoint.number: place for place in places(self.tree)}
        self._random = maker.random
        self._outcome = outcome
        self.plain = asking(build(self.tree, guarded=False))
        self._app = build(self.tree, guarded=True)
        self.guarded = asking(self._app)

    async def run(self, requests: int) -> None:
        everything = list(self.places.values())
        for _ in range(requests):
            asked = request_for(self._random.choice(everything), self._random)
            await self.compare(asked, self._random.choice(list(CALLERS)))
        await self.compare_audit()

    async def compare(self, asked: Asked, caller: str) -> None:
        """Ask both apps, and note what differs from what should be."""
        authorization, _ = CALLERS[caller]
        status, reached = await self.guarded(asked, authorization)
        before, led_to = await self.plain(asked, authorization)
        self._outcome.requests += 1
        self._outcome.reached += led_to is not None
        self._outcome.seen[f"{status}"] += 1
        fault = self._fault(asked, caller, (status, reached), (before, led_to))
        if fault is not None:
            place = self._place(led_to or reached)
            text = (
                f"seed {self.seed}: {caller} asks {asked}: {status}, "
                f"reached {reached and reached.endpoint}; without a guard {before}, "
                f"{led_to}; {place}"
            )
            self._outcome.faults.append(Fault(fault, text))

    def _place(self, reached: Reached | None) -> Place | None:
        return None if reached is None else self.places[reached.endpoint.number]

    def _fault(
        self,
        asked: Asked,
        caller: str,
        found: tuple[int, Reached | None],
        plain: tuple[int, Reached | None],
    ) -> str | None:
        (status, reached), (before, led_to) = found, plain
        if led_to is not None and not self.places[led_to.endpoint.number].fences:
            # Nothing stands in front of it: the audit has to say so.
            return None
        if status >= 500 > before:
            return "a failure"
        if reached is not None:
            return self._fault_of_access(asked, caller, reached, led_to)
        return "refused" if self._is_owed(asked, caller, led_to) else None

    def _fault_of_access(
        self, asked: Asked, caller: str, reached: Reached, led_to: Reached | None
    ) -> str | None:
        if led_to is None or reached.endpoint != led_to.endpoint:
            return "reached another endpoint"
        if caller == "a stranger":
            return self._fault_of_stranger(reached)
        scopes = CALLERS[caller][1]
        if not self._allows(reached, scopes, asked):
            return f"reached by {'nobody' if scopes is None else 'too little'}"
        return "wrong identity" if (reached.subject is None) != (scopes is None) else None

    def _is_owed(self, asked: Asked, caller: str, led_to: Reached | None) -> bool:
        """Return whether a request should have led where it leads without a guard."""
        if led_to is None or caller == "a stranger" or not asked.plain:
            return False
        place = self.places[led_to.endpoint.number]
        # What several apps on the way may each read differently, all of them have to open.
        prefixed = bool(place.root_paths)
        # What answers a preflight, a guard of no framework need not see.
        hidden = asked.preflight and not all(fence.reads_marks for fence, _ in place.fences)
        return not (prefixed or hidden) and self._allows(led_to, CALLERS[caller][1], asked)

    def _fault_of_stranger(self, reached: Reached) -> str | None:
        if reached.subject is not None:
            return "a stranger's identity"
        open_to_all = all(
            fence.is_public(reached.endpoint, reached.method.upper(), path)
            for fence, path in self._readings(reached)
        )
        if open_to_all and self._allows(reached, None):
            return None
        return "reached by a stranger"

    def _allows(self, led_to: Reached, scopes: set[str] | None, asked: Asked | None = None) -> bool:
        endpoint = led_to.endpoint
        if endpoint.needed and (scopes is None or endpoint.needed not in scopes):
            return False
        # A preflight brings no token, and no bad one.
        preflight = asked is not None and asked.preflight and scopes is None
        return all(
            (preflight and fence.passes_preflight(endpoint))
            or fence.lets_in(endpoint, led_to.method.upper(), path, scopes)
            for fence, path in self._readings(led_to)
        )

    def _readings(self, reached: Reached) -> list[tuple[Fence, str]]:
        """Return the guards on the way, with the path as the app has taken it."""
        place = self.places[reached.endpoint.number]
        rest = self._rest(reached)
        return [(fence, filled(path, reached.params) + rest) for fence, path in place.fences]

    @staticmethod
    def _rest(reached: Reached) -> str:
        return reached.rest if reached.endpoint.kind == "app" else ""

    async def compare_audit(self) -> None:
        """Ask every route as the audit names it, and note where it is wrong about one."""
        found = audit(self._app.answer)
        paths = Counter(place.audited_path for place in self.places.values())
        rows = Counter(
            (audited_path(one.path), name) for one in found.routes for name in one.methods
        )
        for place in self.places.values():
            path = place.audited_path
            # Of two at one path the audit's rows do not say which is which.
            if paths[path] > 1 or any(
                rows[path, name] > 1 for name in (*METHODS, "WEBSOCKET", "*")
            ):
                continue
            for route in found.routes:
                if audited_path(route.path) != place.audited_path:
                    continue
                for method in route.methods:
                    await self._compare_route(place, method.replace("*", "PATCH"), route.access)

    async def _compare_route(self, place: Place, method: str, access: str) -> None:
        asked = plain_request(place, method)
        _, led_to = await self.plain(asked, None)
        if led_to is None or led_to.endpoint != place.endpoint:
            return
        self._outcome.audited += 1
        for caller, expected in promised(access).items():
            authorization, _ = CALLERS[caller]
            if expected and place.root_paths:
                continue
            status, reached = await self.guarded(asked, authorization)
            if (reached is not None) != expected and (access != "UNGUARDED" or status < 500):
                text = f"seed {self.seed}: {asked} is {access}, but {caller} {status}; {place}"
                self._outcome.faults.append(Fault("the audit is wrong", text))


def promised(access: str) -> dict[str, bool]:
    """Return who gets in, by what the audit says."""
    first, _, part = access.partition(", ")
    if first in ("UNGUARDED", "public", "optional"):
        return {"nobody": True, "joe": True, "all": True}
    found = {"all": first != "denied"}
    return found if part else {"nobody": False, "joe": first == "token", **found}


def run(comparison: Comparison, requests: int) -> None:
    """Ask so many requests of one plan, and about all of its routes."""
    if comparison.tree.framework == "flask":
        # It waits for nothing, and Flask's async views want no event loop around them.
        with suppress(StopIteration):
            comparison.run(requests).send(None)
    else:
        asyncio.run(comparison.run(requests))


def compare(seed: int, frameworks: tuple[Framework, ...], requests: int, outcome: Outcome) -> None:
    """Make the plan of a seed, and ask it so many requests."""
    run(Comparison(seed, Maker(seed, frameworks=frameworks), outcome), requests)
