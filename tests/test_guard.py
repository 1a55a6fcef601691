"""The straight line, the clock and the log line: jwt_guard.guard."""

import asyncio
import json
import logging
import threading
import time
from collections.abc import Sequence
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from jwt_guard import Answer, Guard, Identity, Issuer, Key, KeySet
from jwt_guard.errors import (
    AuthError,
    ConfigurationError,
    InsufficientScope,
    InvalidRequest,
    InvalidToken,
    KeysUnavailable,
    MissingToken,
    Reason,
)
from jwt_guard.keys import Document, FetchError, Jwks
from jwt_guard.observing import Event, KeysFailed, Refused
from tests.tokens import (
    AUDIENCE,
    BY_ALG,
    EC256,
    ED25519,
    ISSUER,
    NOW,
    RSA,
    SECRET,
    STRANGER,
    Pair,
    b64,
    bearer,
    claims,
    guard,
    issuer,
    key_pair,
    raw_token,
    token,
)

# Texts of a token that must never get into a log; none is part of another.
SUBJECT = "subject-0b9d"
FOREIGN = "https://foreign-5e21.example/"
FOREIGN_KID = "kid-77af"


def refused(values: Sequence[bytes], by: Guard | None = None) -> AuthError:
    with pytest.raises(AuthError) as info:
        (by or guard()).authenticate(values)
    return info.value


def verdict(compact: str, by: Guard | None = None) -> tuple[Reason, str | None]:
    error = refused([bearer(compact)], by)
    assert type(error) is InvalidToken
    return error.reason, error.hint


@pytest.mark.parametrize("alg", BY_ALG)
def test_accepted(alg: str) -> None:
    """A valid token of each algorithm gives the verified caller."""
    pair = BY_ALG[alg]
    caller = guard(issuer(keys=pair.key)).authenticate([bearer(token(key=pair))])
    assert isinstance(caller, Identity)
    assert caller.claims == claims()
    assert (caller.issuer, caller.subject, caller.key_id) == (ISSUER, "joe", pair.key.kid)


def test_async() -> None:
    """The line is the same for async callers, refusals included."""
    mine = guard()
    values = [bearer(token())]
    assert asyncio.run(mine.authenticate_async(values)) == mine.authenticate(values)
    with pytest.raises(InvalidToken) as info:
        asyncio.run(mine.authenticate_async([bearer(token(key=STRANGER))]))
    assert info.value.reason is Reason.UNKNOWN_KEY


EVIL = claims(sub=SUBJECT)
NO_KID = {"kid": None}
OWN_KID = {"kid": EC256.key.kid}
INVALID: dict[str, tuple[str, Reason, str | None]] = {
    "no token at all": ("abc", Reason.MALFORMED_TOKEN, None),
    "five segments": (f"{token(EVIL)}.AA.AA", Reason.MALFORMED_TOKEN, None),
    "padded": (f"{token(EVIL)}==", Reason.MALFORMED_TOKEN, None),
    "duplicate alg": (
        raw_token(b'{"alg":"none","alg":"ES256"}', b"{}"),
        Reason.MALFORMED_TOKEN,
        None,
    ),
    "crit": (token(EVIL, headers={"crit": ["exp"]}), Reason.UNSUPPORTED_HEADER, None),
    "no claims": (token(b"[]"), Reason.MALFORMED_TOKEN, "the payload is no JSON object"),
    "duplicate claim": (
        token(b'{"iss":"a","iss":"b"}'),
        Reason.MALFORMED_TOKEN,
        "the payload is no JSON object",
    ),
    "nested token": (
        token(token().encode(), headers={"cty": "JWT"}),
        Reason.MALFORMED_TOKEN,
        "the payload is no JSON object",
    ),
    "foreign issuer": (
        token({**EVIL, "iss": FOREIGN}),
        Reason.UNKNOWN_ISSUER,
        f"configured issuers: {ISSUER}",
    ),
    "no trailing slash": (
        token({**EVIL, "iss": ISSUER[:-1]}),
        Reason.UNKNOWN_ISSUER,
        f"the token's iss differs from {ISSUER!r} only by a trailing slash",
    ),
    "two trailing slashes": (
        token({**EVIL, "iss": f"{ISSUER}/"}),
        Reason.UNKNOWN_ISSUER,
        f"the token's iss differs from {ISSUER!r} only by a trailing slash",
    ),
    "no issuer": (
        token(claims(iss=None)),
        Reason.UNKNOWN_ISSUER,
        "the token has no iss that is a string",
    ),
    "issuer in a list": (
        token({**EVIL, "iss": [ISSUER]}),
        Reason.UNKNOWN_ISSUER,
        "the token has no iss that is a string",
    ),
    "issuer as an object": (
        token({**EVIL, "iss": {ISSUER: 1}}),
        Reason.UNKNOWN_ISSUER,
        "the token has no iss that is a string",
    ),
    "foreign kid": (
        token(EVIL, headers={"kid": FOREIGN_KID}),
        Reason.UNKNOWN_KEY,
        f"the token's kid fits no single key; configured kids: {EC256.key.kid} for ES256",
    ),
    "foreign key": (token(EVIL, STRANGER, OWN_KID), Reason.BAD_SIGNATURE, None),
    "foreign key without kid": (token(EVIL, STRANGER, NO_KID), Reason.BAD_SIGNATURE, None),
    "alg none": (
        ".".join([b64(b'{"alg":"none"}'), token(EVIL).split(".")[1], ""]),
        Reason.UNKNOWN_KEY,
        f"no key carries the token's alg; configured kids: {EC256.key.kid} for ES256",
    ),
    "another alg": (
        token(EVIL, RSA, NO_KID),
        Reason.UNKNOWN_KEY,
        f"no key carries the token's alg; configured kids: {EC256.key.kid} for ES256",
    ),
    "other type": (
        token(EVIL, headers={"typ": "dpop+jwt"}),
        Reason.TOKEN_TYPE,
        "add the type to token_types= if it is meant",
    ),
    "other audience": (
        token({**EVIL, "aud": [FOREIGN]}),
        Reason.WRONG_AUDIENCE,
        f"the token was issued for another audience than {AUDIENCE}",
    ),
    "audience with a number": (
        token({**EVIL, "aud": [AUDIENCE, 5]}),
        Reason.MALFORMED_CLAIM,
        "the claim aud is malformed",
    ),
    "expired": (token({**EVIL, "exp": NOW - 3600}), Reason.EXPIRED, "expired 3600 s ago"),
    "expiry as text": (
        token({**EVIL, "exp": str(NOW + 60)}),
        Reason.MALFORMED_CLAIM,
        "the claim exp is malformed",
    ),
    "expiry as boolean": (
        token({**EVIL, "exp": True}),
        Reason.MALFORMED_CLAIM,
        "the claim exp is malformed",
    ),
    "expiry without end": (
        token({**EVIL, "exp": 10**400}),
        Reason.MALFORMED_CLAIM,
        "the claim exp is out of range; it counts seconds, not ms",
    ),
    "no expiry": (token(claims(exp=None)), Reason.MISSING_CLAIM, "the claim exp is required"),
    "too early": (
        token({**EVIL, "nbf": NOW + 120}),
        Reason.NOT_YET_VALID,
        "the issuer's clock is ahead of ours by 120 s",
    ),
    "from the future": (
        token({**EVIL, "iat": NOW + 90}),
        Reason.ISSUED_IN_FUTURE,
        "the issuer's clock is ahead of ours by 90 s",
    ),
    "subject as a list": (
        token({**EVIL, "sub": [SUBJECT]}),
        Reason.MALFORMED_CLAIM,
        "the claim sub is malformed",
    ),
}

# Refused before the issuer is chosen, and after it but before the key is.
WITHOUT_ISSUER = {Reason.MALFORMED_TOKEN, Reason.UNSUPPORTED_HEADER, Reason.UNKNOWN_ISSUER}
WITHOUT_KEY = {*WITHOUT_ISSUER, Reason.UNKNOWN_KEY}


@pytest.mark.parametrize("case", INVALID)
def test_invalid(case: str) -> None:
    """A bad token is 401 with the reason and the hint that an operator needs."""
    compact, reason, hint = INVALID[case]
    assert verdict(compact) == (reason, hint)


@pytest.mark.parametrize("case", INVALID)
def test_one_record(case: str, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is one record with reason, issuer, kid and path, and no text of the token."""
    caplog.set_level(logging.DEBUG, "jwt_guard")
    compact, reason, hint = INVALID[case]
    mine = guard()
    error = refused([bearer(compact)], mine)
    assert caplog.records == []
    mine.refuse(error, method="GET", path="/inbox")
    (record,) = caplog.records
    members = cast("Any", record)
    assert (record.name, record.levelno) == ("jwt_guard", logging.INFO)
    assert members.reason == reason.value
    assert members.issuer == (None if reason in WITHOUT_ISSUER else ISSUER)
    assert members.kid == (None if reason in WITHOUT_KEY else EC256.key.kid)
    assert members.path == "/inbox"
    assert members.hint == hint
    expected = f"refused GET /inbox: 401 {reason}" + (f" ({hint})" if hint else "")
    assert record.getMessage() == expected
    everything = repr(vars(record)) + logging.Formatter().format(record)
    segments = [segment for segment in compact.split(".") if len(segment) > 3]
    for text in (*segments, SUBJECT, FOREIGN, FOREIGN_KID, "token-1", "messages:read"):
        assert text not in everything


@pytest.mark.parametrize(
    ("error", "level", "text"),
    [
        (MissingToken(), logging.INFO, "refused GET /: 401 no_credentials"),
        (
            InvalidRequest(Reason.REPEATED_HEADER),
            logging.INFO,
            "refused GET /: 400 repeated_header",
        ),
        (InsufficientScope(["a"], "h"), logging.INFO, "refused GET /: 403 not_permitted (h)"),
        (KeysUnavailable(), logging.WARNING, "refused GET /: 503 no_keys"),
    ],
)
def test_levels(error: AuthError, level: int, text: str, caplog: pytest.LogCaptureFixture) -> None:
    """The client's mistakes are INFO; that keys are missing is a WARNING."""
    caplog.set_level(logging.DEBUG, "jwt_guard")
    guard().refuse(error, method="GET", path="/")
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [(level, text)]


def test_log_lines_stay_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Method and path are the client's: they are cut, and cannot begin another line."""
    caplog.set_level(logging.INFO)
    path = "/\n\r\x1b[31m\u2028é'\"" + "x" * 1000
    guard().refuse(MissingToken(), method="G\nET" + "x" * 1000, path=path)
    (record,) = caplog.records
    message = record.getMessage()
    assert message.isascii()
    assert message.isprintable()
    assert message.startswith(r"refused G\nETx")
    assert len(message) < 500
    # As a formatter that writes attributes shows it: cut first, and then escaped.
    assert cast("Any", record).path == ascii(path[:200])[1:-1]


def test_silent_by_default(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged of requests that are accepted."""
    caplog.set_level(logging.DEBUG, "jwt_guard")
    guard().authenticate([bearer(token())])
    assert caplog.records == []


@pytest.mark.parametrize(
    ("values", "error", "reason"),
    [
        ([], MissingToken, Reason.NO_CREDENTIALS),
        ([b"Basic eA=="], MissingToken, Reason.OTHER_SCHEME),
        ([b"Bearer"], InvalidRequest, Reason.MALFORMED_HEADER),
        ([b"Bearer a", b"Bearer a"], InvalidRequest, Reason.REPEATED_HEADER),
    ],
)
def test_header(values: list[bytes], error: type[AuthError], reason: Reason) -> None:
    """What the header fields are decides first."""
    refusal = refused(values)
    assert (type(refusal), refusal.reason) == (error, reason)
    assert (refusal.issuer, refusal.kid) == (None, None)


def test_observer(caplog: pytest.LogCaptureFixture) -> None:
    """The observer is told of refusals in words that are safe to print."""
    events: list[Event] = []
    mine = guard(observer=events.append)
    error = refused([bearer(token(key=STRANGER))], mine)
    mine.refuse(error, method="G\nET", path="/\n" + "x" * 1000)
    (event,) = events
    assert isinstance(event, Refused)
    assert (event.error, event.method) == (error, r"G\nET")
    assert event.path.startswith(r"/\nxxx")
    assert len(event.path) <= 201

    def fail(_event: Event) -> None:
        raise RuntimeError

    mine = guard(observer=fail)
    assert mine.refuse(error, method="GET", path="/").status == 401
    assert "an observer failed when told of Refused" in caplog.text


def test_observer_of_keys() -> None:
    """It is told of the issuers' keys, too."""

    class Down:
        def fetch(self, url: str, etag: str | None) -> Document:
            raise FetchError(f"down: {url} {etag}")

    events: list[Event] = []
    told = threading.Event()

    def note(event: Event) -> None:
        events.append(event)
        told.set()

    keys = Jwks("https://login.example/jwks", fetcher=Down())
    mine = guard(issuer(keys=keys), observer=note)
    assert type(refused([bearer(token())], mine)) is KeysUnavailable
    assert told.wait(5)
    (event,) = events
    assert isinstance(event, KeysFailed)
    assert event.issuer == ISSUER
    Guard(issuer(keys=keys), clock=lambda: NOW)._tell(event)


@pytest.mark.parametrize("authorization", ["Bearer a", b"Bearer a", "", b"", None, 5, ["Bearer a"]])
def test_wrong_type(authorization: Any) -> None:
    """One value in place of a list, and text in place of octets, is the caller's mistake."""
    with pytest.raises(TypeError):
        guard().authenticate(authorization)
    with pytest.raises(TypeError):
        asyncio.run(guard().authenticate_async(authorization))


def test_signature_before_claims() -> None:
    """A sender who cannot sign learns nothing from the claims' errors."""
    for changes in ({"exp": 0}, {"aud": "x"}, {"exp": "x"}, {"sub": 5}):
        forged = token({**claims(), **changes}, STRANGER, NO_KID)
        assert verdict(forged)[0] is Reason.BAD_SIGNATURE


def test_issuers() -> None:
    """The token's `iss` chooses among the issuers; each has its own keys and rules."""
    mine = guard(
        issuer(name="a", keys=EC256.key, audience="api-a"),
        issuer(name="b", keys=ED25519.key, audience="api-b"),
    )
    for name, pair in (("a", EC256), ("b", ED25519)):
        good = claims(iss=name, aud=f"api-{name}")
        assert mine.authenticate([bearer(token(good, pair))]).issuer == name
    crossed: list[tuple[str, str, Pair, Reason]] = [
        ("a", "api-b", EC256, Reason.WRONG_AUDIENCE),
        ("a", "api-a", ED25519, Reason.UNKNOWN_KEY),
        ("b", "api-b", EC256, Reason.UNKNOWN_KEY),
        ("c", "api-a", EC256, Reason.UNKNOWN_ISSUER),
    ]
    for name, audience, pair, reason in crossed:
        assert verdict(token(claims(iss=name, aud=audience), pair), mine)[0] is reason


def test_one_issuers_key_is_not_anothers() -> None:
    """An issuer cannot speak for another one, though both use the same kid and algorithm."""
    ours = Key.from_jwk(EC256.public_jwk, kid="1")
    theirs = Key.from_jwk(STRANGER.public_jwk, kid="1")
    mine = guard(issuer(name="ours", keys=ours), issuer(name="theirs", keys=theirs))
    forged = token(claims(iss="ours"), STRANGER, {"kid": "1"})
    assert verdict(forged, mine)[0] is Reason.BAD_SIGNATURE
    assert mine.authenticate([bearer(token(claims(iss="theirs"), STRANGER, {"kid": "1"}))])


def ring(size: int) -> list[Key]:
    """Return keys of ES256, of which the last is the tests' own."""
    pairs = [key_pair("ES256", ec.generate_private_key(ec.SECP256R1())) for _ in range(size - 1)]
    return [*(pair.key for pair in pairs), EC256.key]


def test_without_kid() -> None:
    """For a token without kid up to eight keys of its alg are tried, and not one more."""
    mine = guard(issuer(keys=ring(8)))
    for _ in range(2):
        assert mine.authenticate([bearer(token(headers=NO_KID))]).key_id == EC256.key.kid
    assert verdict(token(key=STRANGER, headers=NO_KID), mine)[0] is Reason.BAD_SIGNATURE
    mine = guard(issuer(keys=ring(9)))
    assert verdict(token(headers=NO_KID), mine)[0] is Reason.AMBIGUOUS_KEY
    assert mine.authenticate([bearer(token())]).key_id == EC256.key.kid


def test_key_without_kid() -> None:
    """A key that nobody gave a kid fits any; one that has a kid fits no other."""
    unnamed = Key.from_pem(EC256.public_pem, alg="ES256")
    mine = guard(issuer(keys=[unnamed, STRANGER.key]))
    for headers in (NO_KID, OWN_KID, {"kid": FOREIGN_KID}):
        assert mine.authenticate([bearer(token(headers=headers))]).key_id == unnamed.key_id
    forged = token(key=STRANGER, headers={"kid": FOREIGN_KID})
    assert verdict(forged, mine)[0] is Reason.BAD_SIGNATURE


def test_shape_that_is_not_understood(caplog: pytest.LogCaptureFixture) -> None:
    """A scope that is a number gives none; that is said once, and closes no door."""
    mine = guard(cache_size=0)
    for _ in range(2):
        assert mine.authenticate([bearer(token({**EVIL, "scope": 5}))]).scopes == frozenset()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == "the claim scope says nothing here: it is a number"
    mine = guard(issuer(required_claims=["scope"]))
    assert verdict(token({**EVIL, "scope": 5}), mine)[0] is Reason.MALFORMED_CLAIM


def test_hmac_with_the_public_key() -> None:
    """HMAC with a public key as the secret opens no door, also where HMAC is in use."""
    named = Key.secret(SECRET.secret, alg="HS256", kid="s")
    mine, strict = guard(issuer(keys=[RSA.key, SECRET.key])), guard(issuer(keys=[RSA.key, named]))
    for secret in (RSA.public_pem, RSA.public_pem.strip(), json.dumps(RSA.public_jwk).encode()):
        forged = token(key=Pair("HS256", secret, SECRET.key))
        assert verdict(forged, mine)[0] is Reason.BAD_SIGNATURE
        # Its kid is that of the public key; one without kid fits any, a named one no other.
        forged = token(key=Pair("HS256", secret, RSA.key))
        assert verdict(forged, mine)[0] is Reason.BAD_SIGNATURE
        assert verdict(forged, strict)[0] is Reason.UNKNOWN_KEY


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


def test_clock() -> None:
    """The guard asks its clock for each request."""
    clock = Clock()
    mine = guard(clock=clock)
    values = [bearer(token(claims(exp=NOW + 1)))]
    assert mine.authenticate(values)
    clock.now = NOW + 11
    assert refused(values, mine).reason is Reason.EXPIRED
    clock.now = NOW + 10.999
    assert mine.authenticate(values)


def test_real_clock() -> None:
    """By default the clock is the system's."""
    mine = Guard(issuer())
    assert mine.authenticate([bearer(token(claims(iat=None, exp=int(time.time()) + 60)))])
    expired = token(claims(iat=None, exp=int(time.time()) - 60))
    assert verdict(expired, mine)[0] is Reason.EXPIRED


@pytest.mark.parametrize(
    ("name", "earliest", "latest"),
    [("exp", None, 4.999), ("nbf", -5, None), ("iat", -5, None)],
)
@pytest.mark.parametrize("offset", [-5.001, -5, 0, 4.999, 5])
def test_leeway(name: str, earliest: float | None, latest: float | None, offset: float) -> None:
    """The leeway stretches a token's time by itself at both ends, to the instant."""
    mine = guard(issuer(leeway=5), clock=lambda: NOW + offset)
    values = [bearer(token({**claims(iat=None), name: NOW}))]
    if (earliest is None or offset >= earliest) and (latest is None or offset <= latest):
        assert mine.authenticate(values).subject == "joe"
    else:
        refused(values, mine)


def test_no_leeway() -> None:
    """Without leeway a token has expired at the very instant of its `exp` (RFC 7519 §4.1.4)."""
    values = [bearer(token(claims(exp=NOW, iat=None)))]
    assert guard(issuer(leeway=0), clock=lambda: NOW - 0.001).authenticate(values)
    error = refused(values, guard(issuer(leeway=0)))
    assert (error.reason, error.description) == (Reason.EXPIRED, "The access token expired")


def test_size() -> None:
    """A token up to the limit is read; one byte more is not."""
    compact = token()
    exact = guard(max_token_bytes=len(compact))
    assert exact.authenticate([bearer(compact)])
    error = refused([bearer(compact)], guard(max_token_bytes=len(compact) - 1))
    assert (type(error), error.reason) == (InvalidRequest, Reason.TOKEN_TOO_LONG)


def test_default_size() -> None:
    """By default a token may have 8 KiB."""
    padding = len(token(claims(x="")))
    longest = token(claims(x="x" * ((8192 - padding) * 3 // 4)))
    assert 8189 <= len(longest) <= 8192
    assert guard().authenticate([bearer(longest)])
    assert refused([b"Bearer " + b"a" * 8193]).reason is Reason.TOKEN_TOO_LONG
    assert refused([b"Bearer " + b"a" * 8192]).reason is Reason.MALFORMED_TOKEN


@pytest.mark.parametrize(
    ("arguments", "options", "text"),
    [
        ((), {}, "a guard needs issuers"),
        (("https://login.example/",), {}, "a guard needs issuers"),
        (([issuer()],), {}, "a guard needs issuers"),
        ((issuer(), None), {}, "a guard needs issuers"),
        ((issuer(), issuer(keys=RSA.key)), {}, "differ in nothing that a token says"),
        ((issuer(),), {"realm": "a\r\nX: y"}, "cannot stand in a header"),
        ((issuer(),), {"realm": "é"}, "cannot stand in a header"),
        ((issuer(),), {"realm": None}, "cannot stand in a header"),
        ((issuer(),), {"max_token_bytes": 0}, "max_token_bytes is positive, not 0"),
        ((issuer(),), {"max_token_bytes": "8192"}, "max_token_bytes is positive, not '8192'"),
        ((issuer(),), {"max_token_bytes": 1e4}, r"max_token_bytes is positive, not 10000\.0"),
        ((issuer(),), {"clock": time.time()}, r"clock is a function, for example clock=time\.time"),
        ((issuer(),), {"render_body": ("text/plain", b"")}, "render_body is a function"),
        ((issuer(),), {"issuers": {}}, "issuers is a function"),
        ((issuer(),), {"revoked": ["jti"]}, "revoked is a function"),
        ((issuer(),), {"observer": "log"}, "observer is a function"),
    ],
)
def test_configuration(arguments: tuple[Any, ...], options: dict[str, Any], text: str) -> None:
    """The operator's mistakes are told at construction."""
    with pytest.raises(ConfigurationError, match=text):
        Guard(*arguments, **options)


def test_challenge() -> None:
    """The answer names the realm; the default body is the error's."""
    challenge = guard(realm='the "api"').challenge(MissingToken())
    assert challenge.status == 401
    assert ("WWW-Authenticate", r'Bearer realm="the \"api\""') in challenge.headers
    assert json.loads(challenge.body) == {"title": "Unauthorized", "status": 401}


def test_head() -> None:
    """The answer to HEAD is that to GET without its body; the length stays."""
    mine = guard()
    get = mine.refuse(MissingToken(), method="GET", path="/")
    head = mine.refuse(MissingToken(), method="HEAD", path="/")
    assert get.body
    assert head == Answer(get.status, get.headers, b"")
    assert mine.refuse(MissingToken(), method="head", path="/") == get


def test_other_body(caplog: pytest.LogCaptureFixture) -> None:
    """A hook renders another body; status and challenge stay, and nothing is logged."""

    def render(error: AuthError) -> tuple[str, bytes]:
        return "text/plain", f"no: {error.reason}".encode()

    challenge = guard(render_body=render).challenge(InvalidToken(Reason.EXPIRED))
    default = guard().challenge(InvalidToken(Reason.EXPIRED))
    assert challenge.body == b"no: expired"
    assert challenge.headers[:2] == (("Content-Type", "text/plain"), ("Content-Length", "11"))
    assert challenge.headers[2:] == default.headers[2:]
    assert challenge.status == default.status
    assert caplog.records == []


@pytest.mark.parametrize(
    "result",
    [
        *(None, 5, b"body", ("text/plain",), ("text/plain", "text"), (None, b"")),
        *(("text/plain\r\nX: y", b""), ("", b""), ("text/plain", b"", 1)),
    ],
)
def test_bad_hook(result: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A hook that returns something else is logged, and the default body is sent."""

    def render(_error: AuthError) -> Any:
        return result

    mine = guard(render_body=render)
    assert mine.challenge(MissingToken()) == guard().challenge(MissingToken())
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "render_body failed; the default body is sent"


def test_raising_hook(caplog: pytest.LogCaptureFixture) -> None:
    """A hook that raises is no 500: it is logged, and the default body is sent."""

    def render(error: AuthError) -> tuple[str, bytes]:
        raise RuntimeError(error.reason)

    mine = guard(render_body=render)
    assert mine.refuse(MissingToken(), method="GET", path="/") == guard().challenge(MissingToken())
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "RuntimeError: no_credentials" in caplog.text


def test_trailing_slash_of_the_right_one() -> None:
    """The hint names the issuer that was meant, among several."""
    mine = guard(issuer(name="https://a.example"), issuer(name="https://b.example/"))
    _, hint = verdict(token(claims(iss="https://b.example")), mine)
    assert hint == "the token's iss differs from 'https://b.example/' only by a trailing slash"
    _, hint = verdict(token(claims(iss="https://c.example")), mine)
    assert hint == "configured issuers: https://a.example, https://b.example/"


def test_rotation() -> None:
    """Old and new keys listed together verify side by side; a dropped one no longer does."""
    both = guard(issuer(keys=KeySet(STRANGER.key, EC256.key)))
    one = guard(issuer(keys=KeySet(EC256.key)))
    old, new = token(key=STRANGER), token()
    assert both.authenticate([bearer(old)])
    assert both.authenticate([bearer(new)])
    assert one.authenticate([bearer(new)])
    assert verdict(old, one)[0] is Reason.UNKNOWN_KEY


def test_shared_between_threads_of_requests() -> None:
    """What one request gets cannot be changed for the next."""
    mine = guard()
    values = [bearer(token(claims(x={"y": [1]})))]
    first: Any = mine.authenticate(values).claims
    with pytest.raises(TypeError):
        first["x"]["y"] = ()
    assert mine.authenticate(values).claims["x"]["y"] == (1,)


def test_scope_separator() -> None:
    """Scopes are separated by SP alone; a NBSP does not smuggle one in."""
    for character in ("\u00a0", "\x0b", "\x1f", "\t", "\n", "\u2003"):
        caller = guard().authenticate([bearer(token(claims(scope=f"a{character}admin")))])
        assert caller.scopes == {f"a{character}admin"}


def test_options_of_issuers() -> None:
    """An issuer's own rules hold on the whole line."""
    strict = guard(
        Issuer(
            ISSUER,
            audience=AUDIENCE,
            keys=EC256.key,
            profile="rfc9068",
            max_age=60,
            role_paths=["realm_access.roles"],
        )
    )
    good = claims(client_id="app", realm_access={"roles": ["admin"]})
    typ = {"typ": "at+jwt"}
    assert strict.authenticate([bearer(token(good, headers=typ))]).roles == {"admin"}
    assert verdict(token(good), strict)[0] is Reason.TOKEN_TYPE
    old = {**good, "iat": NOW - 70}
    assert verdict(token(old, headers=typ), strict) == (Reason.TOO_OLD, "issued 70 s ago")
    del good["jti"]
    assert verdict(token(good, headers=typ), strict)[0] is Reason.MISSING_CLAIM
