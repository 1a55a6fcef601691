"""The guard of all generated apps, its tokens, and a plan's options as they are written."""

from typing import Any

from jwt_guard import Rule
from tests.generated.plan import Fence
from tests.tokens import STRANGER, bearer, claims, guard, token

GUARD = guard()
# What is sent, and the scopes that it grants; None grants nothing.
CALLERS: dict[str, tuple[bytes | None, set[str] | None]] = {
    "nobody": (None, None),
    "a stranger": (bearer(token(key=STRANGER)), None),
    "joe": (bearer(token(claims(scope=""))), set()),
    "one": (bearer(token(claims(scope="one"))), {"one"}),
    "all": (bearer(token(claims(scope="one two"))), {"one", "two"}),
}


def guard_options(fence: Fence) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if fence.optional:
        options["optional"] = True
    if fence.public:
        options["public"] = list(fence.public)
    if fence.rows:
        options["rules"] = [
            Rule(row.path, methods=row.methods, requires=row.needed or None, public=row.public)
            for row in fence.rows
        ]
        options["unmatched"] = fence.unmatched
    return options
