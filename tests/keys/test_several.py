"""Several places of one issuer's keys: static ones first, one union."""

from collections.abc import Mapping

import pytest

from jwt_guard import Key, KeySet
from jwt_guard._wait import Fetch, Together, Wait
from jwt_guard.errors import AuthError, InvalidToken, KeysUnavailable, Reason
from jwt_guard.keys import several


def key(kid: str | None, alg: str = "HS256", letter: str = "x") -> Key:
    return Key.secret(letter * 64, alg=alg, kid=kid)


class Elsewhere:
    """A source whose answers the test sets, by kid; counts its calls."""

    def __init__(
        self,
        answers: Mapping[str | None, tuple[Key, ...] | Wait | AuthError],
        keys: KeySet | None = None,
    ) -> None:
        self.answers, self.keys, self.asked = answers, keys, list[bool]()

    def find(self, alg: str, kid: str | None, *, waited: bool = False) -> tuple[Key, ...] | Wait:
        del alg
        self.asked.append(waited)
        answer = self.answers.get(kid, InvalidToken(Reason.UNKNOWN_KEY))
        if isinstance(answer, AuthError):
            raise answer
        return answer

    def current(self) -> KeySet | None:
        return self.keys


def test_one() -> None:
    """One source stands for itself; a set that never changes is a source, too."""
    elsewhere = Elsewhere({})
    assert several([elsewhere]) is elsewhere
    keys = KeySet(key("1"))
    fixed = several([keys])
    assert fixed.find("HS256", "1") == fixed.find("HS256", "1", waited=True) == (key("1"),)
    assert fixed.current() is keys
    with pytest.raises(InvalidToken):
        fixed.find("HS256", "2")


def test_static_first() -> None:
    """A key that never changes is found without asking anybody."""
    elsewhere = Elsewhere({"1": Fetch(0)})
    source = several([elsewhere, KeySet(key("1"))])
    assert source.find("HS256", "1") == (key("1"),)
    assert elsewhere.asked == []


def test_key_before_wait() -> None:
    """A key that one source has wins over what another is waiting for."""
    waiting, knowing = Elsewhere({"1": Fetch(0)}), Elsewhere({"1": (key("1"),)})
    assert several([waiting, knowing]).find("HS256", "1") == (key("1"),)


def test_keys_without_kid() -> None:
    """A key that is called so wins; else those of all sources are tried, up to eight."""
    unnamed = [key(None, letter=letter) for letter in "abcdefg"]
    source = several([KeySet(*unnamed), KeySet(key("1")), KeySet(*unnamed, key("2"))])
    assert source.find("HS256", "1") == (key("1"),)
    assert source.find("HS256", "z") == tuple(unnamed)
    assert source.find("HS256", None) == (*unnamed, key("1"))
    # The one that is fetched may be called so.
    fetch = Fetch(0)
    elsewhere = Elsewhere({"z": fetch})
    source = several([KeySet(*unnamed), elsewhere])
    assert source.find("HS256", "z") is fetch
    elsewhere.answers = {}
    assert source.find("HS256", "z", waited=True) == tuple(unnamed)


def test_waits() -> None:
    """What several sources fetch is waited for together, and asked for once more."""
    one, two = Fetch(0), Fetch(0)
    first, second = Elsewhere({"1": one}), Elsewhere({"1": two})
    source = several([first, second, KeySet(key("2"))])
    found = source.find("HS256", "1")
    assert isinstance(found, Together)
    assert found.waits == [one, two]
    second.answers = {}
    assert source.find("HS256", "1", waited=True) is one
    assert (first.asked, second.asked) == ([False, True], [False, True])


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("one", "two", "best"),
    [("no", "several", 1), ("no", "unavailable", 1), ("several", "unavailable", 1)],
)
def test_refusals(order: int, one: str, two: str, best: int) -> None:
    """The refusal that got furthest is it: who cannot tell outweighs a no."""
    refusals = {
        "no": InvalidToken(Reason.UNKNOWN_KEY),
        "several": InvalidToken(Reason.AMBIGUOUS_KEY),
        "unavailable": KeysUnavailable(),
    }
    pair = [refusals[one], refusals[two]]
    with pytest.raises(AuthError) as refused:
        several([Elsewhere({"1": refusal}) for refusal in pair[::order]]).find("HS256", "1")
    assert refused.value is pair[best]


def test_union() -> None:
    """The union has all keys, of one name the first one's, and is one object meanwhile."""
    fetched = Elsewhere({}, None)
    source = several([fetched, KeySet(key("1"), key(None))])
    cold = source.current()
    assert cold is source.current()
    assert [known.kid for known in cold or ()] == ["1", None]
    fetched.keys = KeySet(key("1", letter="y"), key("2"))
    warm = source.current()
    assert warm is source.current()
    assert warm is not cold
    assert list(warm or ()) == [key("1"), key("2"), key(None)]


def test_no_union() -> None:
    """Without any keys in use there are none."""
    assert several([Elsewhere({}), Elsewhere({})]).current() is None
