"""RFC 7519 §4.1, RFC 9068 §2.2: jwt_guard._core.claims."""

import json
from typing import Any

import pytest

from jwt_guard import ANY_AUDIENCE
from jwt_guard._core.token.claims import (
    Claims,
    check,
    check_text,
    lookup,
    numeric_date,
    peek,
    words,
)
from jwt_guard._core.token.jws import media_type
from jwt_guard._core.token.strictjson import loads_object
from jwt_guard._issuer import claim_rules
from jwt_guard.errors import InvalidToken, Reason
from tests.tokens import AUDIENCE, NOW, claims, issuer

LEEWAY = 10


def read(value: dict[str, Any]) -> Claims:
    """Return claims as they come out of a token."""
    return Claims(loads_object(json.dumps(value).encode()))


def verdict(
    changes: dict[str, Any], typ: str | None = "JWT", *, now: float = NOW, **rules: Any
) -> tuple[Reason, str | None] | None:
    """Return the refusal of the valid claims with *changes*, or None."""
    changed = read({**claims(), **changes})
    try:
        check(
            changed,
            typ if typ is None else media_type(typ),
            claim_rules(issuer(leeway=LEEWAY, **rules)),
            now=now,
        )
    except InvalidToken as error:
        return error.reason, error.hint
    return None


def test_valid() -> None:
    """The claims of the other tests are valid as they are."""
    assert verdict({}) is None


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"\xff", b'{"a":1,"a":1}', b"not JSON"])
def test_peek(payload: bytes) -> None:
    """A payload that is no strict JSON object is no claims set (RFC 7519 §7.2)."""
    assert peek(b'{"a": 1}') == {"a": 1}
    with pytest.raises(InvalidToken) as info:
        peek(payload)
    assert info.value.reason is Reason.MALFORMED_TOKEN
    assert info.value.hint == "the payload is no JSON object"


@pytest.mark.parametrize("typ", [None, "JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt"])
def test_type(typ: str | None) -> None:
    """No type, JWT and at+jwt are accepted."""
    assert verdict({}, typ) is None


@pytest.mark.parametrize(
    "typ", ["", "JOSE", "dpop+jwt", "logout+jwt", "id+jwt", "text/jwt", "JWT ", "at+jwt\0", "JWE"]
)
def test_other_type(typ: str) -> None:
    """A token of another type is refused (RFC 8725 §3.11)."""
    assert verdict({}, typ) == (
        Reason.TOKEN_TYPE,
        "add the type to token_types= if it is meant",
    )


def test_configured_types() -> None:
    """The configured types replace the default ones; None stands for no type."""
    assert verdict({}, "AT+JWT", token_types=["application/at+jwt"]) is None
    for typ in (None, "JWT"):
        refused = verdict({}, typ, token_types=["at+jwt"])
        assert refused is not None
        assert refused[0] is Reason.TOKEN_TYPE
    assert verdict({}, None, token_types=[None]) is None


@pytest.mark.parametrize(
    "iss",
    [
        *("https://login.example", "https://login.example//", "HTTPS://login.example/", ""),
        *(None, 5, True, ["https://login.example/"], {"https://login.example/": 1}),
    ],
)
def test_issuer(iss: Any) -> None:
    """The issuer is compared again, exactly."""
    assert verdict({"iss": iss}) == (Reason.UNKNOWN_ISSUER, None)


@pytest.mark.parametrize(
    "aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE], [AUDIENCE, AUDIENCE], ["", AUDIENCE]]
)
def test_audience(aud: Any) -> None:
    """The audience is a string or a list of strings, one of which must be ours."""
    assert verdict({"aud": aud}) is None


@pytest.mark.parametrize(
    "aud",
    ["other", "", f"{AUDIENCE}/", AUDIENCE.upper(), AUDIENCE[:-1], f"{AUDIENCE} other", [], ["x"]],
)
def test_other_audience(aud: Any) -> None:
    """A token for somebody else is refused; the hint names who we are."""
    assert verdict({"aud": aud}) == (
        Reason.WRONG_AUDIENCE,
        f"the token was issued for another audience than {AUDIENCE}",
    )


@pytest.mark.parametrize(
    "aud",
    [
        None,
        5,
        True,
        {},
        {AUDIENCE: 1},
        [AUDIENCE, 5],
        [AUDIENCE, None],
        [[AUDIENCE]],
        [{}, AUDIENCE],
    ],
)
@pytest.mark.parametrize("audience", [AUDIENCE, ANY_AUDIENCE])
def test_malformed_audience(aud: Any, audience: Any) -> None:
    """An audience that is no string or list of strings is refused, also where any will do."""
    expected = (Reason.MALFORMED_CLAIM, "the claim aud is malformed")
    assert verdict({"aud": aud}, audience=audience) == expected


def test_several_audiences() -> None:
    """One of our names suffices; all of them are in the hint."""
    assert verdict({"aud": "b"}, audience=["a", "b"]) is None
    refused = verdict({"aud": "c"}, audience=["b", "a"])
    assert refused is not None
    assert refused[1] == "the token was issued for another audience than a, b"


def test_any_audience() -> None:
    """With ANY_AUDIENCE any will do, and none."""
    assert verdict({"aud": "anybody"}, audience=ANY_AUDIENCE) is None
    assert verdict({"aud": []}, audience=ANY_AUDIENCE) is None
    rules = claim_rules(issuer(audience=ANY_AUDIENCE))
    check(read(claims(aud=None)), None, rules, now=NOW)


@pytest.mark.parametrize("name", ["aud", "exp"])
def test_always_required(name: str) -> None:
    """Audience and expiry are required without being asked for."""
    with pytest.raises(InvalidToken) as info:
        check(read(claims(**{name: None})), None, claim_rules(issuer()), now=NOW)
    assert info.value.reason is Reason.MISSING_CLAIM
    assert info.value.hint == f"the claim {name} is required"


@pytest.mark.parametrize(
    ("changes", "offset", "refused"),
    [
        ({"exp": NOW}, LEEWAY - 1, None),
        ({"exp": NOW}, LEEWAY - 0.001, None),
        ({"exp": NOW}, LEEWAY, (Reason.EXPIRED, "expired 10 s ago")),
        ({"exp": NOW}, LEEWAY + 0.4, (Reason.EXPIRED, "expired 10 s ago")),
        ({"exp": NOW}, 3600, (Reason.EXPIRED, "expired 3600 s ago")),
        ({"exp": NOW + 0.5}, LEEWAY + 0.499, None),
        ({"exp": NOW + 0.5}, LEEWAY + 0.5, (Reason.EXPIRED, "expired 10 s ago")),
        ({"exp": 0}, 0, (Reason.EXPIRED, f"expired {NOW} s ago")),
        ({"exp": -0.0}, 0, (Reason.EXPIRED, f"expired {NOW} s ago")),
        ({"nbf": NOW + LEEWAY}, 0, None),
        (
            {"nbf": NOW + LEEWAY},
            -0.001,
            (Reason.NOT_YET_VALID, "the issuer's clock is ahead of ours by 10 s"),
        ),
        (
            {"nbf": NOW + 120},
            0,
            (Reason.NOT_YET_VALID, "the issuer's clock is ahead of ours by 120 s"),
        ),
        ({"iat": NOW + LEEWAY}, 0, None),
        (
            {"iat": NOW + LEEWAY},
            -0.001,
            (Reason.ISSUED_IN_FUTURE, "the issuer's clock is ahead of ours by 10 s"),
        ),
        (
            {"iat": NOW + 90},
            0,
            (Reason.ISSUED_IN_FUTURE, "the issuer's clock is ahead of ours by 90 s"),
        ),
        ({"nbf": 0, "iat": 0}, 0, None),
    ],
)
def test_times(changes: dict[str, Any], offset: float, refused: tuple[Reason, str] | None) -> None:
    """A token is valid from `nbf` and `iat` until before `exp`, to the instant, plus leeway."""
    assert verdict(changes, now=NOW + offset) == refused


@pytest.mark.parametrize(
    ("age", "refused"),
    [
        (0, None),
        (60 + LEEWAY - 0.001, None),
        (60 + LEEWAY, (Reason.TOO_OLD, "issued 70 s ago")),
        (200, (Reason.TOO_OLD, "issued 200 s ago")),
    ],
)
def test_max_age(age: float, refused: tuple[Reason, str] | None) -> None:
    """A token may be refused by its age, though it has not expired."""
    assert verdict({}, now=NOW + age, max_age=60) == refused


def test_max_age_needs_iat() -> None:
    """An age can be told only of a token that says when it was issued."""
    rules = claim_rules(issuer(max_age=60))
    with pytest.raises(InvalidToken) as info:
        check(read(claims(iat=None)), None, rules, now=NOW)
    assert info.value.reason is Reason.MISSING_CLAIM
    assert info.value.hint == "the claim iat is required by max_age="


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    [
        *(None, True, False, "", str(NOW), f"{NOW}.0", "9_999_999_999", "٩٩٩٩٩٩٩٩٩٩"),
        *([], [NOW], {}, {"seconds": NOW}),
    ],
)
def test_malformed_time(name: str, value: Any) -> None:
    """A time is a number: no text, no boolean, no null."""
    expected = (Reason.MALFORMED_CLAIM, f"the claim {name} is malformed")
    assert verdict({name: value}) == expected


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value", [-1, -0.001, 250_000_000_001, NOW * 1000, 1e300, 10**400, -(10**400)]
)
def test_time_out_of_range(name: str, value: Any) -> None:
    """Milliseconds, times before 1970 and numbers without end are no instants."""
    hint = f"the claim {name} is out of range; it counts seconds, not ms"
    assert verdict({name: value}) == (Reason.MALFORMED_CLAIM, hint)


def test_latest_time() -> None:
    """The last instant that is accepted still is a date to Python's datetime."""
    assert verdict({"exp": 250_000_000_000}) is None
    assert verdict({"exp": 250e9}) is None


def test_numeric_date() -> None:
    """A time is returned as it is; one that is absent is None."""
    assert numeric_date(read({"exp": 5}), "exp") == 5
    assert numeric_date(read({"exp": 5.5}), "exp") == 5.5
    assert numeric_date(read({}), "exp") is None


def test_required_claims() -> None:
    """A configured claim must be there; null is not there."""
    assert verdict({"tenant": ""}, required_claims=["tenant", "sub"]) is None
    assert verdict({"tenant": 0}, required_claims=["tenant"]) is None
    expected = (Reason.MISSING_CLAIM, "the claim tenant is required")
    assert verdict({}, required_claims=["sub", "tenant"]) == expected
    assert verdict({"tenant": None}, required_claims=["tenant"]) == expected


@pytest.mark.parametrize("name", ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"])
def test_profile(name: str) -> None:
    """An RFC 9068 token has seven claims and says at+jwt."""
    rules = claim_rules(issuer(profile="rfc9068", audience=ANY_AUDIENCE))
    full = {**claims(), "client_id": "c"}
    check(read(full), "at+jwt", rules, now=NOW)
    with pytest.raises(InvalidToken) as info:
        check(read(full), "JWT", rules, now=NOW)
    assert info.value.reason is Reason.TOKEN_TYPE
    del full[name]
    with pytest.raises(InvalidToken) as info:
        check(read(full), "at+jwt", rules, now=NOW)
    expected = Reason.UNKNOWN_ISSUER if name == "iss" else Reason.MISSING_CLAIM
    assert info.value.reason is expected


@pytest.mark.parametrize("value", ["access", ["access"], ["other", "access"]])
def test_claim_values(value: Any) -> None:
    """A claim may have to have one of some values; of a list nothing beyond them."""
    values = {"token_use": ["access", "other"], "sub": ["joe"]}
    assert verdict({"token_use": value}, claim_values=values) is None


@pytest.mark.parametrize(
    "value", [None, "", "id", "Access", "access ", [], ["id"], 5, True, {}, [5], ["access", "id"]]
)
def test_other_claim_values(value: Any) -> None:
    """Another value, and no value, is refused."""
    expected = (Reason.WRONG_VALUE, "the claim token_use has no accepted value")
    assert verdict({"token_use": value}, claim_values={"token_use": ["access"]}) == expected
    assert verdict({}, claim_values={"token_use": ["access"]}) == expected


@pytest.mark.parametrize("name", ["nonce", "at_hash", "c_hash"])
def test_id_tokens(name: str) -> None:
    """The marks of an ID token are refused where that is configured, null too."""
    assert verdict({name: "x"}) is None
    for value in ("x", "", None):
        assert verdict({name: value}, refuse_id_tokens=True) == (
            Reason.ID_TOKEN,
            "the client sent an ID token for an access token",
        )


def test_order() -> None:
    """The first failure is the answer: type, issuer, audience, times, the rest."""
    wrong = {"iss": "x", "aud": "x", "exp": 0}
    order = [
        (verdict(wrong, "x"), Reason.TOKEN_TYPE),
        (verdict(wrong), Reason.UNKNOWN_ISSUER),
        (verdict({"aud": "x", "exp": 0}), Reason.WRONG_AUDIENCE),
        (verdict({"exp": 0, "nonce": ""}, required_claims=["x"]), Reason.EXPIRED),
        (
            verdict({"nonce": ""}, required_claims=["x"], refuse_id_tokens=True),
            Reason.MISSING_CLAIM,
        ),
    ]
    assert [refused and refused[0] for refused, _ in order] == [reason for _, reason in order]


def test_check_text() -> None:
    """A claim that is text if present is refused as anything else."""
    check_text(read({"sub": ""}), ("sub", "jti"))
    others: list[object] = [None, 5, True, [], ["joe"], {}]
    for value in others:
        with pytest.raises(InvalidToken) as info:
            check_text(read({"sub": value}), ("jti", "sub"))
        assert info.value.reason is Reason.MALFORMED_CLAIM
        assert info.value.hint == "the claim sub is malformed"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b", {"a", "b"}),
        (" a  b ", {"a", "b"}),
        ("", set[str]()),
        ("a\u00a0b", {"a\u00a0b"}),
        ("a\x0bb", {"a\x0bb"}),
        ("a\x1fb", {"a\x1fb"}),
        ("a\tb\nc", {"a\tb\nc"}),
        ("a\u2003b", {"a\u2003b"}),
        (["a", "b"], {"a", "b"}),
        (["a b"], {"a b"}),
        (["", "a"], {"a"}),
        ([], set[str]()),
    ],
)
def test_scope_words(value: Any, expected: set[str]) -> None:
    """A string's words are separated by SP alone (RFC 6749 §3.3); a list's are whole."""
    assert words(read({"scope": value}), ("scope",), separator=" ") == expected


def test_role_words() -> None:
    """Without a separator a string is one word."""
    assert words(read({"roles": "the admin"}), ("roles",), separator=None) == {"the admin"}


@pytest.mark.parametrize("value", [None, 5, True, {}, {"a": 1}, ["a", 5], [["a"]], ["a", None]])
def test_malformed_words(value: Any) -> None:
    """Words are a string or a list of strings; anything else is refused, not ignored."""
    with pytest.raises(InvalidToken) as info:
        words(read({"a": {"b": value}}), ("c", "a.b"), separator=" ")
    assert info.value.reason is Reason.MALFORMED_CLAIM
    assert info.value.hint == "the claim a.b is malformed"


def test_words_of_several_paths() -> None:
    """All paths count together."""
    found = words(read({"scope": "a b", "scp": ["c"]}), ("scope", "scp", "x"), separator=" ")
    assert found == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("value", "path", "expected"),
    [
        ({"a": 1}, "a", 1),
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a": {"b": {"c": 1}}}, "a.b.c", 1),
        ({"a.b": 1, "a": {"b": 2}}, "a.b", 1),
        ({"a.b": {"c": 1}, "a": {"b": {"c": 2}}}, "a.b.c", 1),
        ({"a.b": {"d": 1}, "a": {"b": {"c": 2}}}, "a.b.c", 2),
        ({"a.b": 5, "a": {"b.c": 2}}, "a.b.c", 2),
        ({"https://x.example/roles": 1}, "https://x.example/roles", 1),
        ({"https://x.example/": {"roles": 1}}, "https://x.example/.roles", 1),
        ({"a": {"b": None}}, "a.b", None),
        ({"": {"": 1}}, ".", 1),
    ],
)
def test_lookup(value: dict[str, Any], path: str, expected: object) -> None:
    """Dots lead into nested objects; a literal name with dots wins."""
    assert lookup(read(value), path) == expected


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({}, "a"),
        ({}, "a.b"),
        ({"a": 5}, "a.b"),
        ({"a": "b"}, "a.b"),
        ({"a": ["b"]}, "a.b"),
        ({"a": [{"b": 1}]}, "a.b"),
        ({"a": {"c": 1}}, "a.b"),
        ({"a": {"b": 1}}, "a.b.c"),
        ({"b": 1}, "a.b"),
    ],
)
def test_lookup_nothing(value: dict[str, Any], path: str) -> None:
    """A path that leads nowhere finds no words, and no error."""
    assert words(read(value), (path,), separator=" ") == frozenset()
