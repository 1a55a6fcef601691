"""RFC 7009 §1: tokens that were withdrawn, as far as a function of the app's knows."""

from collections.abc import Awaitable, Callable
from typing import cast

from ._call import Call
from ._core.token.identity import Identity
from ._verified import Verified
from ._wait import Wait
from .errors import InvalidToken, Reason, StoreUnavailable


class Revoked:
    """A lookup that asks a function whether a caller's token was revoked."""

    def __init__(self, function: Callable[[Identity], bool | Awaitable[bool]]) -> None:
        """Ask *function*, plain or async; see `Guard`."""
        self._function = function

    def check(self, verified: Verified, /, *, waited: Wait | None = None) -> Wait | None:
        """Refuse a caller whose token was revoked."""
        call = cast("Call[bool, bool] | None", waited)
        if call is None:
            call = Call("revoked=", _unavailable, then=_told)
            call.begin(self._function, verified.identity)
            if not call.over:
                return call
        if call.answer():
            raise InvalidToken(Reason.REVOKED)
        return None


def _told(answer: bool) -> bool:  # noqa: FBT001  what the app's function returned
    """Return *answer*, which must be one: None is what a forgotten return gives."""
    if type(answer) is not bool:
        raise TypeError("revoked= returns True or False")
    return answer


def _unavailable(hint: str) -> StoreUnavailable:
    return StoreUnavailable(hint=hint)
