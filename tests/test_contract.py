"""One table of requests and answers; every surface gives the same octets."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from jwt_guard import Guard, Issuer, KeySet
from tests.contract.surfaces import CREDENTIALS, SURFACES, Answer, Asked, Send
from tests.tokens import (
    AUDIENCE,
    EC256,
    EC384,
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
    raw_token,
    secret_pair,
    token,
)

# Several keys of different algorithms; two of one, where a token without kid is
# ambiguous; and a single secret.
KEYS = KeySet(EC256.key, RSA.key, ED25519.key, EC384.key)
SECOND = secret_pair("HS256", b"another secret of the tests, long enough", "second")
THIRD = secret_pair("HS256", b"a third secret of the tests, long enough", "third")


def make_guard(cache_size: int) -> Guard:
    return Guard(
        Issuer(ISSUER, audience=AUDIENCE, keys=KEYS, role_paths=["roles", "realm_access.roles"]),
        Issuer("shared", audience=["a", "b"], keys=SECRET.key, leeway=0),
        Issuer("doubled", audience="a", keys=[SECOND.key, THIRD.key]),
        clock=lambda: NOW,
        cache_size=cache_size,
        credentials=CREDENTIALS,
    )


def refusal(status: int, title: str, challenge: str, **members: str) -> Answer:
    body = json.dumps({"title": title, "status": status, **members}).encode()
    return Answer(
        status,
        (
            ("cache-control", "no-store"),
            ("content-length", str(len(body))),
            ("content-type", "application/problem+json"),
            ("www-authenticate", challenge),
        ),
        body,
    )


NO_TOKEN = refusal(401, "Unauthorized", 'Bearer realm="api"')
BAD_REQUEST = refusal(
    400,
    "Bad Request",
    'Bearer realm="api", error="invalid_request", '
    'error_description="The credentials are malformed, repeated or too long"',
    error="invalid_request",
    detail="The credentials are malformed, repeated or too long",
)
INVALID = refusal(
    401,
    "Unauthorized",
    'Bearer realm="api", error="invalid_token", '
    'error_description="The access token is not valid here"',
    error="invalid_token",
    detail="The access token is not valid here",
)
EXPIRED = refusal(
    401,
    "Unauthorized",
    'Bearer realm="api", error="invalid_token", error_description="The access token expired"',
    error="invalid_token",
    detail="The access token expired",
)
LACKING = "The request requires higher privileges than the access token grants"


def forbidden(scopes: str | None = None) -> Answer:
    parameter = "" if scopes is None else f', scope="{scopes}"'
    challenge = (
        f'Bearer realm="api", error="insufficient_scope", error_description="{LACKING}"{parameter}'
    )
    return refusal(403, "Forbidden", challenge, error="insufficient_scope", detail=LACKING)


def signed(_key: Pair = EC256, **changes: Any) -> bytes:
    return bearer(token(claims(**changes), _key))


def headed(_key: Pair = EC256, **parameters: Any) -> bytes:
    return bearer(token(None, _key, parameters))


def payload(octets: bytes) -> bytes:
    header = json.dumps({"alg": "ES256", "kid": EC256.key.kid}).encode()
    return bearer(raw_token(header, octets))


def header(octets: bytes) -> bytes:
    return bearer(raw_token(octets, json.dumps(claims()).encode()))


def changed(value: bytes, part: int, edit: Callable[[bytes], bytes]) -> bytes:
    parts = value.split(b".")
    parts[part] = edit(parts[part])
    return b".".join(parts)


def flip(segment: bytes) -> bytes:
    return (b"B" if segment[:1] == b"A" else b"A") + segment[1:]


GOOD = signed()
TOKEN = GOOD.removeprefix(b"Bearer ")
KID = json.dumps(EC256.key.kid).encode()
CLAIMS = json.dumps(claims()).encode()
shared: dict[str, Any] = {"iss": "shared", "aud": "a"}

Case = tuple[str, Asked, Answer | str]


def headers() -> Iterator[Case]:
    """The Authorization header itself."""
    yield "nothing", Asked(), NO_TOKEN
    yield "good", Asked((GOOD,)), "joe"
    for name, value in {
        "lower case": b"bearer " + TOKEN,
        "upper case": b"BEARER " + TOKEN,
        "two spaces": b"Bearer  " + TOKEN,
    }.items():
        yield f"scheme, {name}", Asked((value,)), "joe"
    for name, value in {
        "Basic": b"Basic am9lOnNlY3JldA==",
        "Negotiate alone": b"Negotiate",
        "Digest": b'Digest username="joe, a", realm="x", nc=00000001',
        "DPoP": b"DPoP " + TOKEN,
        "Bearers": b"Bearers " + TOKEN,
        "Bearer%20": b"Bearer%20" + TOKEN,
    }.items():
        yield f"scheme {name}", Asked((value,)), NO_TOKEN
    for name, value in {
        "empty": b"",
        "Bearer alone": b"Bearer",
        "Bearer and a space": b"Bearer ",
        "tab": b"Bearer\t" + TOKEN,
        "NBSP": b"Bearer\xa0" + TOKEN,
        "unit separator": b"Bearer\x1f" + TOKEN,
        "vertical tab": b"Bearer\x0b" + TOKEN,
        "leading space": b" Bearer " + TOKEN,
        "trailing space": b"Bearer " + TOKEN + b" ",
        "trailing newline": b"Bearer " + TOKEN + b"\n",
        "two tokens": b"Bearer " + TOKEN + b" " + TOKEN,
        "colon": b"Bearer: " + TOKEN,
        "quoted": b'Bearer "' + TOKEN + b'"',
        "parameter": b"Bearer token=" + TOKEN + b"; x",
        "token alone": TOKEN + b",",
        "not ASCII": "Bearer ü".encode(),
        "scheme not ASCII": "Bärer x".encode(),
        "comma": b"Bearer " + TOKEN + b",",
        "NUL": b"Bearer " + TOKEN + b"\0",
        "padding inside": b"Bearer a=b",
        "over-long": b"Bearer " + b"a" * 8193,
        "over-long Basic": b"Basic " + b"a" * 9000,
        "Basic joined": b"Basic am9l, Bearer " + TOKEN,
    }.items():
        yield f"header, {name}", Asked((value,)), BAD_REQUEST
    yield "as long as may be", Asked((b"Bearer " + b"a" * 8192,)), INVALID
    yield "twice the same", Asked((GOOD, GOOD)), BAD_REQUEST
    yield "good and another", Asked((GOOD, signed(STRANGER))), BAD_REQUEST
    yield "another and good", Asked((signed(STRANGER), GOOD)), BAD_REQUEST
    yield "Basic and good", Asked((b"Basic am9l", GOOD)), BAD_REQUEST
    yield "good and Basic", Asked((GOOD, b"Basic am9l")), BAD_REQUEST
    yield "twice Basic", Asked((b"Basic am9l", b"Basic am9l")), BAD_REQUEST


def tokens() -> Iterator[Case]:
    """The token's form, its key and its signature."""
    for alg in (EC256, RSA, ED25519, EC384):
        yield f"signed with {alg.alg}", Asked((signed(alg),)), "joe"
    yield "secret without kid", Asked((signed(SECRET, **shared),)), "joe"
    yield "secret with kid", Asked((signed(SECOND, iss="doubled", aud="a"),)), "joe"
    yield "kid missing, one key fits", Asked((headed(kid=None),)), "joe"
    second = bearer(token(claims(iss="doubled", aud="a"), SECOND, {"kid": None}))
    yield "kid missing, two keys fit", Asked((second,)), "joe"
    for name, value in {
        "a stranger's key": signed(STRANGER),
        "a stranger's key, our kid": headed(STRANGER, kid=EC256.key.kid),
        "another issuer's key": signed(SECRET),
        "unknown kid": headed(kid="unknown"),
        "kid of another alg": headed(kid=RSA.key.kid),
        "kid null": header(b'{"alg":"ES256","kid":null}'),
        "kid number": header(b'{"alg":"ES256","kid":1}'),
        "kid over-long": headed(kid="k" * 257),
        "alg none": b"Bearer "
        + b64(b'{"alg":"none"}').encode()
        + b"."
        + b64(CLAIMS).encode()
        + b".",
        "alg none, signed": headed(alg="none"),
        "alg lower case": headed(alg="es256"),
        "alg of another key": headed(alg="RS256"),
        "alg fully specified": headed(alg="ESP256"),
        "alg number": header(b'{"alg":1,"kid":' + KID + b"}"),
        "alg list": header(b'{"alg":["ES256"],"kid":' + KID + b"}"),
        "alg missing": header(b'{"kid":' + KID + b"}"),
        "alg twice": header(b'{"alg":"none","alg":"ES256","kid":' + KID + b"}"),
        "HMAC with the public key": bearer(
            token(None, secret_pair("HS256", b"x" * 40), {"kid": RSA.key.kid})
        ),
        "crit": headed(crit=["exp"]),
        "crit empty": headed(crit=[]),
        "b64": headed(b64=False, crit=["b64"]),
        "b64 alone": headed(b64=True),
        "zip": headed(zip="DEF"),
        "typ number": headed(typ=1),
        "header list": header(b"[]"),
        "header no JSON": header(b"{"),
        "header NaN": header(b'{"alg":"ES256","x":NaN}'),
        "header empty": b"Bearer ." + TOKEN.split(b".", 1)[1],
        "payload changed": changed(GOOD, 1, flip),
        "signature changed": changed(GOOD, 2, flip),
        "signature empty": changed(GOOD, 2, lambda _: b""),
        "signature cut": changed(GOOD, 2, lambda s: s[:-4]),
        "signature longer": changed(GOOD, 2, lambda s: s + b"AAAA"),
        "signature padded": b"Bearer " + TOKEN + b"==",
        "payload not base64url": changed(GOOD, 1, lambda s: s + b"~"),
        "payload of other bits": changed(signed(sub="joel"), 1, lambda s: s[:-1] + b"B"),
        "header standard base64": changed(GOOD, 0, lambda s: s[:-1] + b"+"),
        "one part": b"Bearer abc",
        "two parts": b"Bearer " + TOKEN.rpartition(b".")[0],
        "four parts": GOOD + b".AAAA",
        "five parts": b"Bearer " + b".".join([b"AAAA"] * 5),
        "dots": b"Bearer ..",
        "JSON serialisation": b"Bearer eyJ",
    }.items():
        yield f"token, {name}", Asked((value,)), INVALID
    for name in ("jku", "x5u", "x5c", "jwk"):
        yield (
            f"header {name} is not followed",
            Asked((headed(EC256, **{name: "https://x/"}),)),
            "joe",
        )


def claim_sets() -> Iterator[Case]:
    """The claims."""
    for name, octets in {
        "no JSON": b"joe",
        "list": b"[]",
        "empty": b"",
        "BOM": b"\xef\xbb\xbf" + CLAIMS,
        "UTF-16": json.dumps(claims()).encode("utf-16"),
        "not UTF-8": CLAIMS.replace(b"joe", b"j\xff"),
        "surrogate": CLAIMS.replace(b"joe", b"\\ud800"),
        "NaN": CLAIMS[:-1] + b',"x":NaN}',
        "Infinity": CLAIMS[:-1] + b',"x":-Infinity}',
        "overflow": CLAIMS[:-1] + b',"x":1e999}',
        "name twice": CLAIMS[:-1] + b',"sub":"ann"}',
        "name twice inside": CLAIMS[:-1] + b',"x":{"a":1,"a":2}}',
        "deep": CLAIMS[:-1] + b',"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        "deep objects": CLAIMS[:-1] + b',"x":' + b'{"a":' * 500 + b"1" + b"}" * 501,
        "huge integer": CLAIMS.replace(str(NOW + 300).encode(), b"9" * 4000),
        "trailing text": CLAIMS + b"x",
        "control character": CLAIMS.replace(b"joe", b"j\x01"),
    }.items():
        yield f"payload, {name}", Asked((payload(octets),)), INVALID
    refused: dict[str, dict[str, Any]] = {
        "iss missing": {"iss": None},
        "iss unknown": {"iss": "https://elsewhere.example/"},
        "iss without slash": {"iss": ISSUER.rstrip("/")},
        "iss list": {"iss": [ISSUER]},
        "iss upper case": {"iss": ISSUER.upper()},
        "aud missing": {"aud": None},
        "aud another": {"aud": "https://other.example"},
        "aud longer": {"aud": f"{AUDIENCE}/v1"},
        "aud empty": {"aud": []},
        "aud mixed": {"aud": [AUDIENCE, 1]},
        "aud object": {"aud": {AUDIENCE: 1}},
        "exp missing": {"exp": None},
        "exp text": {"exp": str(NOW + 300)},
        "exp boolean": {"exp": True},
        "exp in ms": {"exp": (NOW + 300) * 1000},
        "exp huge": {"exp": 10**400},
        "exp negative": {"exp": -1},
        "exp list": {"exp": [NOW + 300]},
        "nbf future": {"nbf": NOW + 11},
        "nbf text": {"nbf": "0"},
        "iat future": {"iat": NOW + 11},
        "iat boolean": {"iat": False},
        "iat huge": {"iat": -(10**400)},
        "sub number": {"sub": 1},
        "jti number": {"jti": 1},
        "client_id list": {"client_id": ["x"]},
        "azp number": {"azp": 1},
    }
    for name, changes in refused.items():
        yield f"claim, {name}", Asked((signed(**changes),)), INVALID
    yield "claim, sub null", Asked((payload(CLAIMS.replace(b'"joe"', b"null")),)), "None"
    yield "claim, exp passed", Asked((signed(exp=NOW - 10),)), EXPIRED
    yield "claim, exp long ago", Asked((signed(exp=0),)), EXPIRED
    yield "claim, exp now, no leeway", Asked((signed(SECRET, **shared, exp=NOW),)), EXPIRED
    accepted: dict[str, dict[str, Any]] = {
        "exp within leeway": {"exp": NOW - 9},
        "exp float": {"exp": NOW + 0.5},
        "nbf at leeway": {"nbf": NOW + 10},
        "iat at leeway": {"iat": NOW + 10},
        "iat missing": {"iat": None},
        "aud list": {"aud": ["x", AUDIENCE]},
        "realm_access text": {"realm_access": "x"},
        "scope number": {"scope": 1},
        "scope mixed": {"scope": ["a", 1]},
        "scp object": {"scp": {"a": 1}},
        "roles number": {"roles": 7},
        "nested roles number": {"realm_access": {"roles": 7}},
    }
    for name, changes in accepted.items():
        yield f"claim, {name}", Asked((signed(**changes),)), "joe"
    yield "claim, sub missing", Asked((signed(sub=None),)), "None"
    yield "claim, sub not ASCII", Asked((signed(sub="zoë"),)), "zoë"
    for typ in (None, "JWT", "jwt", "at+jwt", "at+JWT", "application/at+jwt", "Application/JWT"):
        yield f"typ {typ}", Asked((headed(typ=typ),)), "joe"
    for typ in ("", "JOSE", "dpop+jwt", "logout+jwt", "application/", "at+jwt "):
        yield f"typ {typ!r}", Asked((headed(typ=typ),)), INVALID


def requirements() -> Iterator[Case]:
    """What routes require."""

    def ask(path: str, **changes: Any) -> Asked:
        return Asked((signed(EC256, **{"scope": "", **changes}),), path)

    yield "scope", ask("/read", scope="x messages:read"), "joe"
    yield "scope as list", ask("/read", scope=["messages:read"]), "joe"
    yield "scp as text", ask("/read", scp="messages:read"), "joe"
    yield "scp as list", ask("/read", scp=["messages:read"]), "joe"
    for name, value in {
        "none": "",
        "longer": "messages:read2",
        "upper case": "Messages:Read",
        "NBSP": "x\xa0messages:read",
        "unit separator": "x\x1fmessages:read",
        "tab": "x\tmessages:read",
        "comma": "x,messages:read",
        "list of words": ["x messages:read"],
    }.items():
        yield f"scope, {name}", ask("/read", scope=value), forbidden("messages:read")
    both = "messages:read messages:write"
    yield "both scopes", ask("/both", scope=both), "joe"
    yield "one of both", ask("/both", scope="messages:read"), forbidden(both)
    yield "scope and role", ask("/edit", scope="messages:read", roles=["editor"]), "joe"
    yield "role as text", ask("/edit", scope="messages:read", roles="editor"), "joe"
    nested = {"realm_access": {"roles": ["editor"]}}
    yield "nested role", ask("/edit", scope="messages:read", **nested), "joe"
    yield "literal role path", ask("/alt", **{"realm_access.roles": ["editor"]}), "joe"
    yield "role missing", ask("/edit", scope="messages:read"), forbidden()
    yield "scope missing", ask("/edit", roles=["editor"]), forbidden("messages:read")
    yield "any, first", ask("/any", scope="admin"), "joe"
    yield "any, second", ask("/any", scope="messages:write"), "joe"
    yield "any, none", ask("/any", scope="x"), forbidden("admin")
    yield "alternative scope", ask("/alt", scope="admin"), "joe"
    yield "alternative role", ask("/alt", roles=["editor"]), "joe"
    yield "no alternative", ask("/alt", scope="editor", roles=["admin"]), forbidden("admin")
    for path in ("/read", "/both", "/edit", "/any", "/alt"):
        yield f"{path} without token", Asked((), path), NO_TOKEN
        yield f"{path} with a bad token", Asked((signed(STRANGER),), path), INVALID


def methods_and_paths() -> Iterator[Case]:
    """Public paths, methods, preflights, and routes that are not there."""
    yield "public", Asked((), "/open"), "-"
    yield "public, token", Asked((GOOD,), "/open"), "joe"
    yield "public, another scheme", Asked((b"Basic am9l",), "/open"), "-"
    yield "public, bad token", Asked((signed(STRANGER),), "/open"), "-"
    yield "public, expired token", Asked((signed(exp=NOW - 100),), "/open"), "-"
    yield "public, bad header", Asked((b"Bearer",), "/open"), "-"
    yield "public, two headers", Asked((GOOD, GOOD), "/open"), "-"
    yield "optional", Asked((), "/maybe"), "-"
    yield "optional, token", Asked((GOOD,), "/maybe"), "joe"
    yield "optional, another scheme", Asked((b"Basic am9l",), "/maybe"), "-"
    yield "optional, bad token", Asked((signed(STRANGER),), "/maybe"), INVALID
    yield "optional, expired token", Asked((signed(exp=NOW - 100),), "/maybe"), EXPIRED
    yield "optional, bad header", Asked((b"Bearer",), "/maybe"), BAD_REQUEST
    yield "optional, two headers", Asked((GOOD, GOOD), "/maybe"), BAD_REQUEST
    for path in ("/open/", "/open/x", "/openx", "/./open", "/x/../open", "/open;x"):
        yield f"not public, {path}", Asked((), path), NO_TOKEN
    for path in ("/nowhere", "/", "/OPEN", "/open%2f"):
        yield f"no such route, {path}", Asked((), path), NO_TOKEN
    for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
        expected = Answer(NO_TOKEN.status, NO_TOKEN.headers, b"") if method == "HEAD" else NO_TOKEN
        yield f"{method} without token", Asked((), "/me", method), expected
    empty = Answer(INVALID.status, INVALID.headers, b"")
    yield "HEAD, bad token", Asked((signed(STRANGER),), "/me", "HEAD"), empty
    lacking = forbidden("messages:read")
    empty = Answer(lacking.status, lacking.headers, b"")
    yield "HEAD, scope missing", Asked((signed(scope=""),), "/read", "HEAD"), empty
    origin = ("Origin", "https://web.example")
    wanted = ("Access-Control-Request-Method", "GET")
    for name, fields in {"no method": (origin,), "no origin": (wanted,), "nothing": ()}.items():
        yield f"no preflight, {name}", Asked((), "/me", "OPTIONS", fields), NO_TOKEN
    yield "no preflight, GET", Asked((), "/me", "GET", (origin, wanted)), NO_TOKEN
    bad = (signed(STRANGER),)
    yield "preflight, bad token", Asked(bad, "/me", "OPTIONS", (origin, wanted)), INVALID


NOT_OURS = refusal(
    403,
    "Forbidden",
    "none",
    detail="The request was not shown to come from this site's own pages",
)
# No other credentials would help, so that none are asked for.
CROSS_SITE = Answer(403, NOT_OURS.headers[:-1], NOT_OURS.body)


def cookies() -> Iterator[Case]:
    """The token in a cookie, and whose page sends it."""
    kept = f"a=b; __Host-token={TOKEN.decode()}; __Host-csrf=0123; c=d"
    ours, here = ("Origin", "https://app.example"), ("Sec-Fetch-Site", "same-origin")
    again = ("X-CSRF-Token", "0123")

    def ask(cookie: str, *fields: tuple[str, str], **changes: Any) -> Asked:
        return Asked(headers=(("Cookie", cookie), *fields), **changes)

    yield "cookie", ask(kept), "joe"
    yield "cookie, other", ask("a=b"), NO_TOKEN
    yield "cookie, other case", ask(kept.replace("__H", "__h")), NO_TOKEN
    yield "cookie, empty", ask("__Host-token="), BAD_REQUEST
    yield "cookie, quoted", ask(f'__Host-token="{TOKEN.decode()}"'), BAD_REQUEST
    yield "cookie, bad token", ask(f"__Host-token={'x' * 20}"), INVALID
    yield "cookie, stranger's", ask(f"__Host-token={signed(STRANGER)[7:].decode()}"), INVALID
    yield "cookie twice", ask(f"{kept}; {kept}"), BAD_REQUEST
    yield "cookie and header", ask(kept, authorization=(GOOD,)), BAD_REQUEST
    yield "cookie and another scheme", ask(kept, authorization=(b"Basic am9l",)), "joe"
    yield "cookie, scope missing", ask(kept, path="/edit"), forbidden()
    yield "cookie, public", ask(kept, path="/open"), "joe"
    yield "cookie, public, bad", ask("__Host-token=x", path="/open"), "-"
    yield "cookie, public, empty", ask("__Host-token=", path="/open"), "-"
    yield "cookie, public, both", ask(kept, authorization=(GOOD,), path="/open"), "-"
    yield "cookie, optional", ask(kept, path="/maybe"), "joe"
    yield "cookie, optional, bad", ask("__Host-token=x", path="/maybe"), INVALID
    yield "cookie, optional, both", ask(kept, authorization=(GOOD,), path="/maybe"), BAD_REQUEST
    yield "cookie, cross-site GET", ask(kept, ("Sec-Fetch-Site", "cross-site")), "joe"
    for name, fields in {"listed": (ours, again), "same origin": (here, again)}.items():
        yield f"cookie, POST, {name}", ask(kept, *fields, method="POST"), "joe"
    suspects: dict[str, tuple[tuple[str, str], ...]] = {
        "nothing": (),
        "no proof": (ours, here),
        "wrong proof": (ours, ("X-CSRF-Token", "0124")),
        "longer proof": (ours, ("X-CSRF-Token", "01234")),
        "empty proof": (ours, ("X-CSRF-Token", "")),
        "no origin": (again,),
        "another origin": (("Origin", "https://evil.example"), again),
        "null": (("Origin", "null"), again),
        "prefix": (("Origin", "https://app.example.evil.example"), again),
        "another port": (("Origin", "https://app.example:444"), again),
        "plain http": (("Origin", "http://app.example"), again),
        "cross-site": (("Sec-Fetch-Site", "cross-site"), again),
        "same-site": (("Sec-Fetch-Site", "same-site"), again),
        "by nobody": (("Sec-Fetch-Site", "none"), again),
        "capitals": (("Sec-Fetch-Site", "Same-Origin"), again),
    }
    for name, suspect in suspects.items():
        yield f"cookie, POST, {name}", ask(kept, *suspect, method="POST"), CROSS_SITE
        opened = ask(kept, *suspect, method="POST", path="/open")
        yield f"cookie, public POST, {name}", opened, "-"
        maybe = ask(kept, *suspect, method="POST", path="/maybe")
        yield f"cookie, optional POST, {name}", maybe, "-"
    without = kept.replace("__Host-csrf=0123", "__Host-csrf=")
    empty = ("X-CSRF-Token", "")
    yield "cookie, POST, both empty", ask(without, ours, empty, method="POST"), CROSS_SITE
    twice = f"{kept}; __Host-csrf=0123"
    yield "cookie, POST, two to repeat", ask(twice, ours, again, method="POST"), CROSS_SITE
    yield "cookie, POST, by header", Asked((GOOD,), "/me", "POST"), "joe"
    yield "cookie, DELETE", ask(kept, method="DELETE"), CROSS_SITE
    yield "cookie, PATCH", ask(kept, method="PATCH"), CROSS_SITE


CASES = [
    *headers(),
    *tokens(),
    *claim_sets(),
    *requirements(),
    *methods_and_paths(),
    *cookies(),
]


# With a cache, the tokens of all cases are seen again and again, by every surface.
CACHES = {"cached": 4096, "uncached": 0}


@pytest.fixture(
    scope="module",
    params=[(surface, cache) for surface in SURFACES for cache in CACHES],
    ids=" ".join,
)
def send(request: pytest.FixtureRequest) -> Send:
    surface, cache = request.param
    sender: Send = SURFACES[surface](make_guard(CACHES[cache]))
    return sender


def test_size() -> None:
    """The table has at least 120 cases, each with a name of its own."""
    assert len(CASES) >= 120
    assert len({name for name, _, _ in CASES}) == len(CASES)
    assert {asked.path for _, asked, _ in CASES} > {"/open", "/me", "/read", "/edit"}


@pytest.mark.parametrize(("asked", "expected"), [pytest.param(*c[1:], id=c[0]) for c in CASES])
def test_contract(send: Send, asked: Asked, expected: Answer | str) -> None:
    """The surface answers as the table says, octet by octet; and again, remembered or not."""
    for _ in range(2):
        answer = send(asked)
        if isinstance(expected, str):
            assert (answer.status, answer.body.decode()) == (200, expected)
        else:
            assert answer == expected


@pytest.mark.parametrize("surface", SURFACES)
def test_preflight(surface: str) -> None:
    """A preflight passes where something answers OPTIONS by itself: Flask's routes here."""
    fields = (("Origin", "https://web.example"), ("Access-Control-Request-Method", "GET"))
    send = SURFACES[surface](make_guard(0))
    answer = send(Asked((), "/read", "OPTIONS", fields))
    if surface == "Flask":
        assert (answer.status, answer.body) == (200, b"")
    else:
        assert answer == NO_TOKEN
    assert send(Asked((), "/nowhere", "OPTIONS", fields)) == NO_TOKEN


def test_with_token_other_answers_are_the_apps(send: Send) -> None:
    """With a token, a route that is not there is the app's to answer."""
    assert send(Asked((GOOD,), "/nowhere")).status == 404
