"""RFC 7519 §4.1, RFC 9068 §2.2: jwt_guard._core.claims."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from jwt_guard import ANY_AUDIENCE
from jwt_guard._core.token.claims import (
    Claims,
    check,
    check_actor,
    is_number_of_subject,
    lookup,
    numeric_date,
    peek,
    words,
)
from jwt_guard._core.token.jws import media_type
from jwt_guard._core.token.strictjson import loads_object
from jwt_guard._issuer import claim_rules
from jwt_guard.errors import InvalidToken, Reason
from tests.tokens import AUDIENCE, ISSUER, NOW, claims, issuer

LEEWAY = 10


def read(value: dict[str, Any]) -> Claims:
    """Return claims as they come out of a token."""
    return Claims(loads_object(json.dumps(value).encode()))


def verdict(
    changes: dict[str, Any], typ: str | None = "JWT", *, now: float = NOW, **options: Any
) -> tuple[Reason, str | None] | None:
    """Return the refusal of the valid claims with *changes*, or None.

    The option `more` has rules that are no options of the tests' issuer.
    """
    changed = read({**claims(), **changes})
    more: dict[str, Any] = options.pop("more", {})
    rules = replace(claim_rules(issuer(leeway=LEEWAY, **options)), **more)
    try:
        check(changed, typ if typ is None else media_type(typ), rules, now=now)
    except InvalidToken as error:
        return error.reason, error.hint
    return None


def found(
    value: dict[str, Any],
    *paths: str,
    separator: str | None = " ",
    required: tuple[str, ...] = (),
) -> tuple[Any, Any]:
    """Return the words at *paths*, and what was told of them."""
    told: list[str] = []
    here = words(read(value), paths, separator=separator, required=required, misread=told.append)
    return here, told


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
    assert verdict({"aud": None}, audience=ANY_AUDIENCE) is None
    rules = claim_rules(issuer(audience=ANY_AUDIENCE))
    check(read(claims(aud=None)), None, rules, now=NOW)


@pytest.mark.parametrize("name", ["aud", "exp"])
def test_always_required(name: str) -> None:
    """Audience and expiry are required without being asked for."""
    with pytest.raises(InvalidToken) as info:
        check(read(claims(**{name: None})), None, claim_rules(issuer()), now=NOW)
    assert info.value.reason is Reason.MISSING_CLAIM
    assert info.value.hint == f"the claim {name} is required"
    assert verdict({name: None}) == (Reason.MISSING_CLAIM, f"the claim {name} is required")


@pytest.mark.parametrize("name", ["nbf", "iat", "nonce", "act", "scope"])
def test_null(name: str) -> None:
    """Null counts as absent, where a claim is optional as where it is required."""
    assert verdict({name: None}, refuse_id_tokens=True) is None
    expected = (Reason.MISSING_CLAIM, f"the claim {name} is required")
    assert verdict({name: None}, required_claims=[name]) == expected


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
        *(True, False, "", str(NOW), f"{NOW}.0", "9_999_999_999", "٩٩٩٩٩٩٩٩٩٩"),
        *([], [NOW], {}, {"seconds": NOW}),
    ],
)
def test_malformed_time(name: str, value: Any) -> None:
    """A time is a number: no text, no boolean."""
    expected = (Reason.MALFORMED_CLAIM, f"the claim {name} is malformed")
    assert verdict({name: value}) == expected


@pytest.mark.parametrize("name", ["exp", "nbf", "iat"])
@pytest.mark.parametrize(
    "value",
    [-1, -0.001, 253_402_300_800, 253_402_300_799.5, NOW * 1000, 1e300, 10**400, -(10**400)],
)
def test_time_out_of_range(name: str, value: Any) -> None:
    """Milliseconds, times before 1970 and numbers without end are no instants."""
    hint = f"the claim {name} is out of range; it counts seconds, not ms"
    assert verdict({name: value}) == (Reason.MALFORMED_CLAIM, hint)


def test_latest_time() -> None:
    """The last instant that is accepted is the last second that datetime knows."""
    assert verdict({"exp": 253_402_300_799}) is None
    assert verdict({"exp": 253_402_300_799.0}) is None
    assert datetime.fromtimestamp(253_402_300_799, UTC).isoformat() == "9999-12-31T23:59:59+00:00"


def test_numeric_date() -> None:
    """A time is returned as it is; one that is absent is None."""
    assert numeric_date(read({"exp": 5}), "exp") == 5
    assert numeric_date(read({"exp": 5.5}), "exp") == 5.5
    assert numeric_date(read({}), "exp") is None
    assert numeric_date(read({"exp": None}), "exp") is None


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


IF_PRESENT = {"values_if_present": (("azp", frozenset({"app", "web"})),)}


@pytest.mark.parametrize("changes", [{}, {"azp": None}, {"azp": "web"}, {"azp": ["app", "web"]}])
def test_values_if_present(changes: dict[str, Any]) -> None:
    """A claim may have to have one of some values if it is there."""
    assert verdict(changes, more=IF_PRESENT) is None


@pytest.mark.parametrize("value", ["", "other", "APP", [], ["app", "other"], 5, False, {"app": 1}])
def test_other_values_if_present(value: Any) -> None:
    """If it is there, nothing else will do."""
    expected = (Reason.WRONG_VALUE, "the claim azp has another value")
    assert verdict({"azp": value}, more=IF_PRESENT) == expected


def test_tokens_without_issuer() -> None:
    """An issuer may say that its tokens name none; one that names any is not its."""
    nameless = {"names_issuer": False}
    assert verdict({"iss": None}, more=nameless) is None
    others: list[object] = [ISSUER, "", 0, False, []]
    for iss in others:
        assert verdict({"iss": iss}, more=nameless) == (Reason.UNKNOWN_ISSUER, None)


@pytest.mark.parametrize("name", ["nonce", "at_hash", "c_hash"])
def test_id_tokens(name: str) -> None:
    """The marks of an ID token are refused where that is configured."""
    assert verdict({name: "x"}) is None
    for value in ("x", "", 0, False):
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


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((0, True), (12345, True), (2**53 + 1, True), (2**64 - 1, True)),
        *((2**64, False), (-1, False), (10**4000, False), (1.0, False), (True, False)),
        *((None, False), ("1", False), ((), False)),
    ],
)
def test_number_of_subject(value: object, *, expected: bool) -> None:
    """A number for a subject is whole and of 64 bits at most."""
    assert is_number_of_subject(value) is expected


@pytest.mark.parametrize(
    ("act", "kind"),
    [(5, "a number"), ("joe", "text"), ([], "a list, not of text alone"), (["a"], "a list")],
)
def test_check_actor(act: Any, kind: str) -> None:
    """An `act` that is no object is told of, and refused where it is required."""
    told: list[str] = []
    rules = claim_rules(issuer())
    check_actor(read({"act": act}), rules, told.append)
    assert told == [f"the claim act says nothing here: it is {kind}"]
    with pytest.raises(InvalidToken) as info:
        check_actor(read({"act": act}), replace(rules, required=("act",)), told.append)
    assert info.value.reason is Reason.MALFORMED_CLAIM
    understood: list[dict[str, Any]] = [{"act": {"sub": "x"}}, {"act": {}}, {"act": None}, {}]
    for good in understood:
        check_actor(read(good), rules, told.append)
    assert len(told) == 1


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
    assert found({"scope": value}, "scope") == (expected, [])


def test_role_words() -> None:
    """Without a separator a string is one word; the separator may be any."""
    assert found({"roles": "the admin"}, "roles", separator=None)[0] == {"the admin"}
    assert found({"roles": "the admin,editor,"}, "roles", separator=",")[0] == {
        *("the admin", "editor")
    }


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (5, "a number"),
        (0.5, "a number"),
        (True, "a boolean"),
        (False, "a boolean"),
        ({}, "an object"),
        ({"a": 1}, "an object"),
        (["a", 5], "a list, not of text alone"),
        ([["a"]], "a list, not of text alone"),
        (["a", None], "a list, not of text alone"),
    ],
)
def test_misread_words(value: Any, kind: str) -> None:
    """Anything but a string or a list of strings gives none, and is told of by its kind."""
    claims_ = {"a": {"b": value}, "d": "x"}
    told = [f"the claim a.b says nothing here: it is {kind}"]
    assert found(claims_, "c", "a.b", "d") == ({"x"}, told)
    with pytest.raises(InvalidToken) as info:
        found({"scope": value}, "scope", required=("scope",))
    assert info.value.reason is Reason.MALFORMED_CLAIM
    assert info.value.hint == "the claim scope is malformed"


def test_null_words() -> None:
    """Null at a path gives no words, and nothing is told."""
    assert found({"scope": None, "a": {"b": None}}, "scope", "a.b", "a.b.*") == (set(), [])


def test_members_as_words() -> None:
    """With `.*` the names of an object's members are the words, of those that say something."""
    said: dict[str, Any] = {"admin": {"org": "example"}, "editor": True, "": True, "reader": ["x"]}
    unsaid: dict[str, Any] = {
        "no": False,
        "null": None,
        "zero": 0,
        "empty": {},
        "none": [],
        "blank": "",
    }
    roles = said | unsaid
    name = "urn:zitadel:iam:org:project:roles"
    expected = ({"admin", "editor", "reader"}, list[str]())
    assert found({name: roles}, f"{name}.*") == expected
    assert found({"a": {"b": roles}}, "a.b.*") == expected
    assert found({"a": roles}, "a")[0] == set()
    assert found({}, "a.*") == found({"a": {}}, "a.*") == (set(), [])
    assert found({"a.*": "x y", "a": roles}, "a.*") == ({"x", "y"}, [])


@pytest.mark.parametrize("value", [5, "admin", ["admin"], True])
def test_misread_members(value: Any) -> None:
    """Names of members are those of an object; anything else gives none."""
    words_, told = found({"a": value}, "a.*")
    assert words_ == set()
    assert [text.partition(":")[0] for text in told] == ["the claim a.* says nothing here"]
    with pytest.raises(InvalidToken):
        found({"a": value}, "a.*", required=("a",))


def test_words_of_several_paths() -> None:
    """All paths count together."""
    assert found({"scope": "a b", "scp": ["c"]}, "scope", "scp", "x") == ({"a", "b", "c"}, [])


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
    assert found(value, path) == (frozenset(), [])
