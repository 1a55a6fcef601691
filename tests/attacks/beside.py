"""Good requests at half of what the server can do, with and without an attack in turns."""

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attacks.load import Load, Outcome
from tests.attacks.serving import Server, serving
from tests.attacks.strangers import ATTACKS, Attack, good
from tests.keys.provider import Provider, running

# What good requests may lose to an attack.
MOST_RATIO = 2.0

# A turn is long enough for a 99th percentile, and short enough that a slow minute of the
# machine is in both kinds.
_TURN = 1.0
# An interpreter that starts costs more than a load; afterwards both begin.
_START = 0.6

# Of what the server can do: the good requests' half leaves room for an attack that costs
# the server as much as any other request does.
_GOOD, _ATTACK = 0.5, 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One attack; times in seconds, medians over the turns.

    Attributes:
        worked: Of the processor, by the server, in seconds a second.
        bad: Good requests that were not answered 200, by status.
        odd: Answers to the attack that were not the right ones, by status.
    """

    attack: str
    good_rate: float
    attack_rate: float
    p50: tuple[float, float]
    p99: tuple[float, float]
    worked: tuple[float, float]
    bad: dict[int, int]
    odd: dict[int, int]

    @property
    def holds(self) -> bool:
        """Whether the bounds are kept."""
        return not self.bad and not self.odd and self.p99[1] <= MOST_RATIO * self.p99[0]


def measure(server: str, names: Sequence[str], seconds: float) -> Iterator[Row]:
    """Yield a row for each attack on a server."""
    for name in names:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            provider = stack.enter_context(running())
            one = stack.enter_context(serving(server, provider, folder, warm=True))
            yield _attacked(name, provider, one, seconds)


def _attacked(name: str, provider: Provider, server: Server, seconds: float) -> Row:
    attack, requests, port = ATTACKS[name], good(provider, 500), server.port
    worked: tuple[list[float], list[float]] = [], []
    strangers = attack.requests(provider)
    # The first requests are cold, and an interpreter learns.
    Load(port, requests, seconds=1).outcome()
    calm, during, sent = list[Outcome](), list[Outcome](), list[Outcome]()
    for turn in range(max(1, round(seconds / _TURN))):
        # Asked each time: on a shared machine it is another one a moment later.
        capacity = Load(port, requests, seconds=_TURN / 2).outcome().rate
        for attacked in (False, True) if turn % 2 else (True, False):
            begin, before = time.time() + _START, server.worked()
            load = Load(port, requests, seconds=_TURN, rate=capacity * _GOOD, begin=begin)
            if attacked:
                provider.fault = attack.fault
                rate = attack.rate or capacity * _ATTACK
                sent.append(_send(attack, port, strangers, rate, begin))
                provider.fault = None
            (during if attacked else calm).append(load.outcome())
            worked[attacked].append((server.worked() - before) / _TURN)
    return Row(
        name,
        _rate(calm),
        _rate(sent),
        (_median(calm, 0.5), _median(during, 0.5)),
        (_median(calm, 0.99), _median(during, 0.99)),
        (statistics.median(worked[0]), statistics.median(worked[1])),
        _others([*calm, *during], (200,)),
        _others(sent, attack.answers),
    )


def _send(
    attack: Attack, port: int, requests: Sequence[bytes], rate: float, begin: float
) -> Outcome:
    # Who sends to a provider that hangs may wait for it, and goes on sending meanwhile.
    number = 16 if attack.fault is not None else 4
    load = Load(
        port,
        requests,
        seconds=_TURN,
        rate=rate,
        connections=number,
        begin=begin,
        elsewhere=True,
    )
    return load.outcome()


def _rate(outcomes: Sequence[Outcome]) -> float:
    return statistics.median(one.rate for one in outcomes)


def _median(outcomes: Sequence[Outcome], share: float) -> float:
    return statistics.median(one.quantile(share) for one in outcomes)


def _others(outcomes: Sequence[Outcome], expected: tuple[int, ...]) -> dict[int, int]:
    found: dict[int, int] = {}
    for one in outcomes:
        for status, number in one.statuses.items():
            if status not in expected:
                found[status] = found.get(status, 0) + number
    return found
