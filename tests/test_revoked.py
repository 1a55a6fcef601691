"""RFC 7009: a function of the app's that knows revoked tokens: jwt_guard._revoked."""

from typing import Any

import pytest

from jwt_guard import Identity
from jwt_guard.errors import InvalidToken, Reason, StoreUnavailable
from tests.test_line import DRIVES, Drive, by_hand, refusal
from tests.tokens import claims, guard, token

GONE = {"eve"}


def plain(identity: Identity) -> bool:
    return identity.subject in GONE


async def awaited(identity: Identity) -> bool:
    return identity.subject in GONE


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize("function", [plain, awaited])
def test_revoked(drive: Drive, function: Any) -> None:
    """A revoked token is 401, from the very next request on, remembered or not."""
    one = guard(revoked=function)
    compact = token(claims(sub="ann"))
    for _ in range(2):
        assert drive(one, compact).subject == "ann"
        error = refusal(drive, one, token(claims(sub="eve")))
        assert (type(error), error.reason) == (InvalidToken, Reason.REVOKED)
    GONE.add("ann")
    try:
        assert refusal(drive, one, compact).reason is Reason.REVOKED
    finally:
        GONE.discard("ann")
    assert drive(one, compact).subject == "ann"


def failing(identity: Identity) -> bool:
    raise ConnectionError(identity.subject)


async def failing_later(identity: Identity) -> bool:
    raise ConnectionError(identity.subject)


def forgetful(_identity: Identity) -> Any:
    """Return nothing, as a function does whose return was forgotten."""


@pytest.mark.parametrize("drive", DRIVES)
@pytest.mark.parametrize(
    ("function", "name"),
    [(failing, "ConnectionError"), (failing_later, "ConnectionError"), (forgetful, "TypeError")],
)
def test_failing(drive: Drive, function: Any, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """A function that does not tell is 503: logged by type and place, without any text."""
    error = refusal(drive, guard(revoked=function), token())
    assert type(error) is StoreUnavailable
    assert error.hint == f"revoked= raised {name}"
    (record,) = caplog.records
    assert record.getMessage().startswith(f"revoked= raised {name}, ")
    assert record.exc_info is None
    assert "joe" not in caplog.text


def test_asked_once_for_each_request() -> None:
    """It is asked last, of callers alone who would get in."""
    asked: list[str | None] = []

    def note(identity: Identity) -> bool:
        asked.append(identity.subject)
        return False

    one = guard(revoked=note)
    by_hand(one, token())
    by_hand(one, token())
    refusal(by_hand, one, token(claims(exp=1)))
    assert asked == ["joe", "joe"]
