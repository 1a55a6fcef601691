"""What of a request a requirement may depend on, beside the caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the request a condition may depend on.

    Attributes:
        params: The parameters of the matched route, by name.
        now: Seconds since the epoch.
    """

    params: Mapping[str, object] = field(default_factory=dict[str, object])
    # Without a clock nothing is recent.
    now: float = inf
