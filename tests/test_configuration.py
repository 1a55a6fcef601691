"""TOML 1.0: jwt_guard.configuration, with real files, keys and tokens."""

import json
import logging
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jwt_guard import (
    Bearer,
    ConfigurationError,
    Cookie,
    Discovery,
    Issuer,
    Jwks,
    KeySet,
    Query,
    Requirement,
    Subprotocol,
    acr,
    all_scopes,
    amr,
    any_scope,
    asgi,
    claim,
    issued_by,
    role,
    scope,
    wsgi,
)
from jwt_guard._core.request.credentials import CredentialSource
from jwt_guard._issuer import origins
from jwt_guard.configuration import Configuration, from_environ, json_schema, load
from jwt_guard.configuration._names import PRESET_NAMES, TABLES
from jwt_guard.errors import InvalidToken
from jwt_guard.keys import HttpFetcher
from tests.contract.surfaces import Asked, Send, through_asgi, through_wsgi
from tests.tokens import AUDIENCE, EC256, ISSUER, RSA, SECRET, Pair, bearer, claims, shown, token

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

SECRET_TEXT = SECRET.secret.decode()
PLAIN = f'[[issuer]]\nname = "{ISSUER}"\naudience = "{AUDIENCE}"\n'
KEYED = f'{PLAIN}key_file = "keys/api.pem"\nalg = "ES256"\n'
HIDDEN = f'{PLAIN}secret_env = "APP_SECRET"\nalg = "HS256"\n'


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo what a file does to logging."""
    logger = logging.getLogger("jwt_guard")
    level, handlers = logger.level, logger.handlers[:]
    yield
    logger.setLevel(level)
    logger.handlers[:] = handlers


def write(folder: Path, text: str, key: bytes = EC256.public_pem) -> Path:
    """Write the file, and the public key beside it."""
    (folder / "keys").mkdir(exist_ok=True)
    (folder / "keys" / "api.pem").write_bytes(key)
    path = folder / "guard.toml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str, **environ: str) -> Configuration:
    return load(write(folder, text), environ=environ)


def refusal(make: Callable[[], object]) -> str:
    """Return the error's text, after looking for secrets in all that is shown of it."""
    with pytest.raises(ConfigurationError) as caught:
        make()
    assert SECRET_TEXT not in shown(caught.value)
    return str(caught.value)


def wrong(folder: Path, text: str, **environ: str) -> str:
    """Return what is wrong with the file, without its folder."""
    environ = environ or {"APP_SECRET": SECRET_TEXT}
    message = refusal(lambda: loaded(folder, text, **environ).asgi())
    return message.replace(f"{folder}/", "")


def fresh(key: Pair = EC256, **changes: Any) -> bytes:
    """Return the header of a token that is valid now."""
    now = int(time.time())
    return bearer(token(claims(**{"iat": now, "exp": now + 300} | changes), key))


def subject(configuration: Configuration, authorization: bytes) -> str | None:
    return configuration.asgi()["guard"].authenticate([authorization]).subject


def wsgi_app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"fine"]


async def asgi_app(_scope: asgi.Scope, _receive: asgi.Receive, send: asgi.Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


def surfaces(configuration: Configuration) -> tuple[Send, Send]:
    return (
        through_wsgi(wsgi.GuardMiddleware(wsgi_app, **configuration.wsgi())),
        through_asgi(asgi.GuardMiddleware(asgi_app, **configuration.asgi())),
    )


def status(configuration: Configuration, asked: Asked) -> int:
    """Return the status, which is the same on both surfaces."""
    first, second = (send(asked).status for send in surfaces(configuration))
    assert first == second
    return first


def needed(folder: Path, requires: str) -> Requirement | None:
    rules = f'{KEYED}[[rule]]\npath = "/"\nrequires = {requires}\n'
    (rule,) = list(loaded(folder, rules).middleware.get("rules", ()))
    return rule.needed


WHOLE = f"""
[guard]
realm = "shop"
max_token_bytes = 4096
cache_size = 16

{KEYED}kid = "2026-10"
leeway = 5
required_claims = ["sub"]
claim_values = {{ sub = ["joe", "amy"] }}
max_age = 3600
token_types = ["JWT"]
refuse_id_tokens = true
scope_paths = ["scope"]
role_paths = ["realm_access.roles"]

[middleware]
public = ["/health"]
optional = ["/feed"]
preflight = false
prefix = "/shop"
unmatched = "token"

[[rule]]
path = "/open/*"
public = true

[[rule]]
path = "/news"
optional = true

[[rule]]
path = "/files/*"
encoded = "allow"

[log]
level = "WARNING"

[[rule]]
path = "/reports/*"
methods = ["GET"]
requires = "messages:read"

[[rule]]
path = "/edit"
requires = {{ all_scopes = ["messages:read", "messages:write"], role = "editor" }}

[[rule]]
path = "/me"
"""


# From a file


def test_authenticate(tmp_path: Path) -> None:
    """A guard out of a file accepts a good token and its issuer's rules refuse others."""
    configuration = loaded(tmp_path, WHOLE.replace('kid = "2026-10"', ""))
    assert subject(configuration, fresh()) == "joe"
    with pytest.raises(InvalidToken, match="wrong_value"):
        subject(configuration, fresh(sub="eve"))
    (issuer,) = configuration.issuers
    assert issuer.leeway == 5


@pytest.mark.parametrize(
    ("path", "changes", "expected"),
    [
        ("/health", None, 200),
        ("/open/door", None, 200),
        ("/shop/open/door", None, 200),
        ("/feed", None, 200),
        ("/news", None, 200),
        ("/files/a", None, 401),
        ("/me", None, 401),
        ("/me", {}, 200),
        ("/reports/1", {}, 200),
        ("/reports/1", {"scope": "other"}, 403),
        ("/edit", {}, 403),
        ("/edit", {"realm_access": {"roles": ["editor"]}}, 200),
    ],
)
def test_middleware(
    tmp_path: Path, path: str, changes: dict[str, Any] | None, expected: int
) -> None:
    """Rules and public paths out of a file count in both middlewares."""
    configuration = loaded(tmp_path, WHOLE.replace('kid = "2026-10"', ""))
    authorization = () if changes is None else (fresh(**changes),)
    assert status(configuration, Asked(authorization, path)) == expected


def test_unmatched(tmp_path: Path) -> None:
    """A path that no rule of the file covers is refused where the file says so."""
    text = f'{KEYED}[middleware]\nunmatched = "deny"\n[[rule]]\npath = "/me"\n'
    configuration = loaded(tmp_path, text)
    assert status(configuration, Asked((fresh(),), "/me")) == 200
    assert status(configuration, Asked((fresh(),), "/elsewhere")) == 403


def test_realm(tmp_path: Path) -> None:
    """The realm out of a file is in the challenge."""
    for send in surfaces(loaded(tmp_path, WHOLE)):
        assert ("www-authenticate", 'Bearer realm="shop"') in send(Asked()).headers


def test_options(tmp_path: Path) -> None:
    """Options are those that the file says, and no others."""
    assert loaded(tmp_path, KEYED).middleware == {}
    assert loaded(tmp_path, KEYED).options == {}
    optional = loaded(tmp_path, KEYED + "[middleware]\noptional = true")
    assert optional.middleware == {"optional": True}
    assert status(optional, Asked(path="/any")) == 200
    assert status(optional, Asked((b"Bearer x",), "/any")) == 401
    closed = loaded(tmp_path, KEYED + "[middleware]\noptional = false")
    assert status(closed, Asked(path="/any")) == 401
    assert sorted(loaded(tmp_path, WHOLE).middleware) == [
        "optional",
        "prefix",
        "preflight",
        "public",
        "rules",
        "unmatched",
    ]


def test_asgi_alone(tmp_path: Path) -> None:
    """WSGI has no lifespan and no WebSockets, so it refuses what is said of them."""
    text = KEYED + "[middleware]\n{}"
    for option in ("warm_up = false", "expiry_code = 4401"):
        configuration = loaded(tmp_path, text.format(option))
        name = option.split()[0]
        assert name in configuration.asgi()
        with pytest.raises(ConfigurationError, match=f"middleware: {name} is for ASGI alone"):
            configuration.wsgi()
    assert "middleware: expiry_code is 1008" in wrong(tmp_path, text.format("expiry_code = 1"))
    assert "middleware: prefix is a path like '/api'" in wrong(
        tmp_path, text.format('prefix = "api"')
    )


@pytest.mark.parametrize("option", ["public", "optional", "preflight", "warm_up"])
@pytest.mark.parametrize("value", ['"false"', '"true"', "1", '[["/"]]'])
def test_strict(tmp_path: Path, option: str, value: str) -> None:
    """Text or a number never opens anything."""
    text = f"{KEYED}[middleware]\n{option} = {value}"
    assert wrong(tmp_path, text).startswith(f"guard.toml: middleware: {option}: expected")
    rule = f'{KEYED}[[rule]]\npath = "/"\n{{}} = {value}'
    for name in ("public", "optional"):
        assert wrong(tmp_path, rule.format(name)).startswith(f"guard.toml: rule 1: {name}: exp")


def test_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A refusal is shown from the level on that the file says."""
    text = KEYED + '[log]\nlevel = "INFO"'
    assert status(loaded(tmp_path, text), Asked(path="/me")) == 401
    assert "refused GET /me: 401 no_credentials" in caplog.text
    assert logging.getLogger("jwt_guard").level == logging.INFO
    assert wrong(tmp_path, KEYED + '[log]\nlevel = "info"') == (
        "guard.toml: log: level: expected one of 'DEBUG', 'INFO', 'WARNING', 'ERROR'"
    )


def test_log_by_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable wins over the file, for it is nearer to whoever looks."""
    monkeypatch.setenv("JWT_GUARD_LOG", "DEBUG")
    loaded(tmp_path, KEYED + '[log]\nlevel = "ERROR"').guard()
    assert logging.getLogger("jwt_guard").level == logging.DEBUG


def test_kid(tmp_path: Path) -> None:
    """The kid of a key file is the key's."""
    (issuer,) = loaded(tmp_path, WHOLE).issuers
    (keys,) = origins(issuer)
    assert isinstance(keys, KeySet)
    assert [key.kid for key in keys] == ["2026-10"]


def test_several_issuers(tmp_path: Path) -> None:
    """Each issuer has its own key; a secret comes from the environment."""
    other = HIDDEN.replace(ISSUER, "billing")
    configuration = loaded(tmp_path, KEYED + other, APP_SECRET=SECRET_TEXT)
    assert subject(configuration, fresh()) == "joe"
    assert subject(configuration, fresh(SECRET, iss="billing")) == "joe"
    with pytest.raises(InvalidToken, match="unknown_key"):
        subject(configuration, fresh(SECRET))


def test_symmetric_file(tmp_path: Path) -> None:
    """A key file with a secret is taken if the file says so."""
    (tmp_path / "secret.jwk").write_text(json.dumps(SECRET.private_jwk))
    text = f'{PLAIN}key_file = "secret.jwk"\n'
    assert "is a secret among public keys" in wrong(tmp_path, text)
    assert subject(loaded(tmp_path, text + "allow_symmetric = true"), fresh(SECRET)) == "joe"


def test_inline_secret(tmp_path: Path) -> None:
    """A secret in the file is refused, unless the file allows it."""
    text = f'{PLAIN}secret = "{SECRET_TEXT}"\nalg = "HS256"\n'
    assert wrong(tmp_path, text) == (
        "guard.toml: issuer 1: a secret does not belong in a file; put it into an environment "
        'variable and name that, secret_env = "APP_SECRET" (or say allow_inline_secrets = true '
        "above all tables)"
    )
    allowed = loaded(tmp_path, f"allow_inline_secrets = true\n{text}")
    assert subject(allowed, fresh(SECRET)) == "joe"
    assert SECRET_TEXT not in repr(allowed)


def test_any_audience(tmp_path: Path) -> None:
    """Any audience is accepted only where the file spells it out."""
    spelled = KEYED.replace(f'audience = "{AUDIENCE}"', "any_audience = true")
    assert subject(loaded(tmp_path, spelled), fresh(aud="somebody")) == "joe"
    with pytest.raises(InvalidToken, match="wrong_audience"):
        subject(loaded(tmp_path, KEYED + "any_audience = false"), fresh(aud="somebody"))


def test_several_audiences(tmp_path: Path) -> None:
    """An audience may be a list."""
    text = KEYED.replace(f'"{AUDIENCE}"', f'["other", "{AUDIENCE}"]')
    assert subject(loaded(tmp_path, text), fresh()) == "joe"


def origin_of(folder: Path, text: str) -> Discovery | Jwks:
    """Return where the one issuer's keys come from, as the file says beside its name."""
    (issuer,) = loaded(folder, PLAIN + text).issuers
    (origin,) = origins(issuer)
    assert isinstance(origin, Discovery | Jwks)
    return origin


def test_fetched_keys(tmp_path: Path) -> None:
    """An issuer without a key has its keys fetched, as the file says."""
    text = 'algorithms = ["ES256"]\nmax_stale = 60\nwait = 0.5\n'
    options: Any = {"algorithms": ["ES256"], "max_stale": 60, "wait": 0.5}
    assert origin_of(tmp_path, "") == Discovery()
    assert origin_of(tmp_path, text) == Discovery(**options)
    jwks = 'jwks_url = "https://keys.example/"\n'
    assert origin_of(tmp_path, jwks) == Jwks("https://keys.example/")
    assert origin_of(tmp_path, jwks + text) == Jwks("https://keys.example/", **options)
    found = 'discovery_url = "https://keys.example/"\n'
    assert origin_of(tmp_path, found + text) == Discovery("https://keys.example/", **options)
    (state,) = loaded(tmp_path, PLAIN + jwks + text).guard().health()
    assert (state["issuer"], state["ready"]) == (ISSUER, False)
    message = wrong(tmp_path, PLAIN + jwks + found)
    assert message == "guard.toml: issuer 1: jwks_url and discovery_url exclude each other"


def test_fetcher(tmp_path: Path) -> None:
    """How keys are fetched can be said; files are found from the configuration's folder."""
    (tmp_path / "ca.pem").write_text("-----BEGIN CERTIFICATE-----")
    text = 'ca_file = "ca.pem"\ntoken_file = "token"\nallow_http = ["keycloak"]\n'
    url = 'jwks_url = "http://keycloak/keys"\n'
    assert origin_of(tmp_path, text + url).fetcher == HttpFetcher(
        ca_file=str(tmp_path / "ca.pem"),
        token_file=str(tmp_path / "token"),
        allow_http=["keycloak"],
    )
    assert "'http://keycloak/keys' is no URL to fetch keys from" in wrong(tmp_path, PLAIN + url)
    gone = PLAIN + 'ca_file = "gone.pem"'
    assert "cannot read the authorities in 'gone.pem'" in wrong(tmp_path, gone)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("discovery = true", Discovery()),
        ("discovery = true\nwait = 1", Discovery(wait=1)),
        (f'discovery_url = "{ISSUER}x"', Discovery(f"{ISSUER}x")),
        (f'jwks_url = "{ISSUER}x"', Jwks(f"{ISSUER}x")),
    ],
)
def test_migration(tmp_path: Path, text: str, expected: Discovery | Jwks) -> None:
    """Keys that are fetched stand beside those that are given."""
    (issuer,) = loaded(tmp_path, HIDDEN + text, APP_SECRET=SECRET_TEXT).issuers
    assert origins(issuer) == (SECRET.key, expected)


def test_given_beside_fetched(tmp_path: Path) -> None:
    """What is for fetched keys is not dropped silently where only some are given."""
    assert wrong(tmp_path, KEYED + "wait = 1\nallow_http = []") == (
        "guard.toml: issuer 1: wait, allow_http: for fetched keys, and a key is given; say "
        "discovery = true to have both"
    )


def test_several_keys(tmp_path: Path) -> None:
    """An issuer may have several keys, a table each, and all of them count."""
    text = (
        f'{KEYED}[[issuer.key]]\nsecret_env = "APP_SECRET"\nalg = "HS256"\n'
        f'[[issuer.key]]\nkey_file = "keys/other.pem"\nalg = "RS256"\n'
    )
    write(tmp_path, text)
    (tmp_path / "keys/other.pem").write_bytes(RSA.public_pem)
    configuration = load(tmp_path / "guard.toml", environ={"APP_SECRET": SECRET_TEXT})
    guard = configuration.guard()
    for key in (EC256, SECRET, RSA):
        assert guard.authenticate([fresh(key)]).subject == "joe"
    alone = loaded(tmp_path, PLAIN + '[[issuer.key]]\nkey_file = "keys/api.pem"\nalg = "ES256"')
    assert subject(alone, fresh()) == "joe"
    assert wrong(tmp_path, PLAIN + "[[issuer.key]]").startswith(
        "guard.toml: issuer 1: key 1: a table beside no key: say key_file or secret_env"
    )
    assert "key 1: unknown name 'file', did you mean 'key_file'?" in wrong(
        tmp_path, PLAIN + '[[issuer.key]]\nfile = "a"'
    )


def test_issuers_of_one_name(tmp_path: Path) -> None:
    """Several issuers may have one name: the first whose rules hold counts."""
    clients = [f'{KEYED}claim_values = {{ client = ["{one}"] }}\n' for one in ("a", "b")]
    guard = loaded(tmp_path, "".join(clients)).guard()
    assert guard.authenticate([fresh(client="b")]).subject == "joe"
    with pytest.raises(InvalidToken, match="wrong_value"):
        guard.authenticate([fresh(client="c")])


def test_options_of_issuers(tmp_path: Path) -> None:
    """Every option of an issuer that is data does what it says from the file, too."""
    text = (
        KEYED
        + """
claim_values_if_present = { azp = ["web"] }
role_paths = ["roles"]
role_separator = ","
numeric_subject = true
"""
    )
    guard = loaded(tmp_path, text).guard()
    identity = guard.authenticate([fresh(sub=7, azp="web", roles="a,b")])
    assert identity.subject == "7"
    assert set(identity.roles) == {"a", "b"}
    with pytest.raises(InvalidToken, match="wrong_value"):
        guard.authenticate([fresh(azp="other")])
    (issuer,) = loaded(tmp_path, KEYED + "names_issuer = false").issuers
    assert not issuer.names_issuer


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("APP_SECRET", True),
        ("A" * 31, True),
        ("A" * 32, False),
        ("hunter2", False),
        ("aGVsbG8=", False),
        ("", False),
    ],
)
def test_secret_env(tmp_path: Path, name: str, shown: bool) -> None:  # noqa: FBT001  a parameter of the test's
    """A variable that is not set is named, unless it might be a secret itself."""
    message = wrong(tmp_path, HIDDEN.replace("APP_SECRET", name or "-"), OTHER="")
    expected = f"a variable of the environment, {name}, that" if shown else "environment that is"
    assert expected in message
    assert shown or not name or name not in message


def test_profile(tmp_path: Path) -> None:
    """The profile of RFC 9068 refuses a token that does not follow it."""
    with pytest.raises(InvalidToken, match="token_type"):
        subject(loaded(tmp_path, KEYED + 'profile = "rfc9068"'), fresh())


KEYCLOAK = """
[[issuer]]
preset = "keycloak"
base = "https://id.example"
realm = "shop"
clients = ["web"]
key_file = "keys/api.pem"
alg = "ES256"
leeway = 0
"""


@pytest.mark.parametrize("audience", ['audience = "api"', "any_audience = true"])
def test_preset(tmp_path: Path, audience: str) -> None:
    """A preset takes its arguments, and the options of an issuer, from the file."""
    configuration = loaded(tmp_path, KEYCLOAK + audience)
    identity = configuration.asgi()["guard"].authenticate(
        [
            fresh(
                iss="https://id.example/realms/shop",
                aud="api",
                typ="Bearer",
                resource_access={"web": {"roles": ["editor"]}},
            )
        ]
    )
    assert identity.roles == {"editor"}


ARGUMENTS = {
    "adfs": 'host = "sts.example.com"\naudience = "api"',
    "auth0": 'domain = "example.eu.auth0.com"\naudience = "api"',
    "authentik": 'base = "https://id.example"\napplication = "shop"\nclient_id = "a"',
    "clerk": 'domain = "clerk.example.com"\norigins = ["https://app.example.com"]',
    "cloudflare_access": 'team = "example"\naudience = "tag"',
    "cognito": 'region = "eu-central-1"\npool = "eu-central-1_AbCdEf"\nclient_id = ["web"]',
    "entra": 'tenant = "8f5b1b1e-7a30-4a9e-9a55-3d1f2a0c4b11"\naudience = "api"',
    "firebase": 'project = "shop-12345"',
    "github_actions": 'audience = "api"\nowner_id = "65"',
    "google": 'audience = "api"\nhosted_domain = "example.com"',
    "google_iap": 'audience = "/projects/1/apps/shop"',
    "keycloak": 'base = "https://id.example"\nrealm = "shop"\naudience = "api"',
    "kubernetes": 'audience = "api"\naccounts = ["shop/web"]\nfolder = "{folder}"',
    "okta": 'domain = "example.okta.com"\nserver = "main"',
    "spiffe": 'trust_domain = "example.org"\naudience = "api"\nworkloads = ["/web"]\n'
    'issuer = "https://oidc.example.org"',
    "supabase": 'project = "abcdefghijklmnopqrst"',
    "zitadel": 'domain = "example.zitadel.cloud"\nproject = "1"',
}


@pytest.mark.parametrize("preset", PRESET_NAMES)
def test_every_preset(tmp_path: Path, preset: str) -> None:
    """Every preset there is can be named in a file, and its keys be fetched another way."""
    (tmp_path / "ca.crt").write_text("-----BEGIN CERTIFICATE-----")
    arguments = ARGUMENTS[preset].format(folder=tmp_path)
    text = f'[[issuer]]\npreset = "{preset}"\n{arguments}\n'
    assert len(loaded(tmp_path, text).guard().health()) == 1
    (plain,) = loaded(tmp_path, text).issuers
    (patient,) = loaded(tmp_path, text + 'wait = 7\nca_file = "ca.crt"').issuers
    (before,), (after,) = origins(plain), origins(patient)
    assert isinstance(before, Discovery | Jwks)
    assert after == replace(before, wait=7)
    assert isinstance(after, Discovery | Jwks)
    assert isinstance(after.fetcher, HttpFetcher)
    token_file = before.fetcher.token_file if isinstance(before.fetcher, HttpFetcher) else None
    assert after.fetcher == HttpFetcher(ca_file=f"{tmp_path}/ca.crt", token_file=token_file)


def test_preset_in_migration(tmp_path: Path) -> None:
    """A key that is given stands beside those that a preset fetches, if the file says so."""
    text = f'[[issuer]]\npreset = "firebase"\n{ARGUMENTS["firebase"]}\n'
    key = 'key_file = "keys/api.pem"\nalg = "ES256"\n'
    (alone,) = loaded(tmp_path, text + key).issuers
    (both,) = loaded(tmp_path, text + key + "discovery = true").issuers
    assert len(origins(alone)) == 1
    given, fetched = origins(both)
    assert isinstance(given, KeySet)
    assert isinstance(fetched, Jwks)


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ('"a"', scope("a")),
        ('["a", "b"]', all_scopes("a", "b")),
        ('{ all_scopes = ["a", "b"] }', all_scopes("a", "b")),
        ('{ any_scope = ["a", "b"] }', any_scope("a", "b")),
        ('{ role = "editor", any_scope = ["a"] }', role("editor") & scope("a")),
        ('{ claim = { path = "plan", value = "pro" } }', claim("plan", "pro")),
        ('{ claim = { path = "level", value = 3 } }', claim("level", 3)),
        ('{ claim = { path = "vip", value = false } }', claim("vip", accepted=False)),
        ('{ claim = { path = "plan", values = ["pro", 1.5] } }', claim("plan", {"pro", 1.5})),
        ('{ issued_by = "billing" }', issued_by("billing")),
        ('{ acr = ["gold", "silver"] }', acr(["gold", "silver"])),
        ('{ acr = ["gold"], max_age = 60 }', acr("gold") & acr(max_age=60)),
        ('{ amr = ["pwd", "otp"] }', amr("pwd", "otp")),
        ('{ any = ["a", { role = "b" }] }', scope("a") | role("b")),
        (
            '{ all = [["a", "b"], { any = ["c", "d"] }] }',
            all_scopes("a", "b") & any_scope("c", "d"),
        ),
        ('{ any = ["a", "b"], role = "c" }', any_scope("a", "b") & role("c")),
    ],
)
def test_requires(tmp_path: Path, requires: str, expected: Requirement) -> None:
    """What a rule requires equals the expression that Python would write."""
    assert needed(tmp_path, requires) == expected


def test_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file is found from the configuration's folder, wherever the process is."""
    path = write(tmp_path, KEYED)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert subject(load(str(path)), fresh()) == "joe"
    monkeypatch.chdir(tmp_path)
    assert subject(load("guard.toml"), fresh()) == "joe"


# What is wrong, and where


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('isuer = "x"', "unknown name 'isuer', did you mean 'issuer'?"),
        (
            "colour = 1",
            "unknown name 'colour'; known are guard, issuer, credential, middleware, rule, log, ",
        ),
        ("", "'issuer' is missing: A trusted issuer each."),
        ("issuer = []", "guard: a guard needs issuers: Guard(Issuer("),
        ('[issuer]\nname = "a"', "issuer: expected tables [[issuer]]"),
        ("guard = 1", "guard: expected a table [guard]"),
        ("allow_inline_secrets = 1", "allow_inline_secrets: expected true or false"),
        (KEYED + "[guard]\nrelm = 1", "guard: unknown name 'relm', did you mean 'realm'?"),
        (KEYED + "[guard]\nrealm = 1", "guard: realm: expected a string"),
        (KEYED + "[guard]\ncache_size = true", "guard: cache_size: expected a whole number"),
        (KEYED + "[guard]\ncache_size = -1", "guard: cache_size is a number of tokens, not -1"),
        (KEYED + KEYED, "guard: two issuers 'https://login.example/' differ in nothing"),
        (
            KEYED + PLAIN + 'audiance = "x"',
            "issuer 2: unknown name 'audiance', did you mean 'audience'?",
        ),
        ("[[issuer]]", "issuer 1: 'name' is missing: The exact value of iss."),
        ('[[issuer]]\nname = "a"', "issuer 1: 'audience' is missing: What aud must contain"),
        (
            '[[issuer]]\nname = "a"\naudience = 1',
            "issuer 1: audience: expected a string or an array of strings",
        ),
        ('[[issuer]]\nname = "a"\naudience = ["a", 1]', "issuer 1: audience: expected a string or"),
        (PLAIN + "any_audience = true", "issuer 1: any_audience excludes audience"),
        (
            '[[issuer]]\nname = "a"\naudience = "ANY"',
            "issuer 1: to accept any audience, say any_audience = true",
        ),
        (KEYED + "leeway = 61", f"issuer 1: issuer {ISSUER!r}: leeway is 0 to 60 seconds, not 61"),
        (KEYED + 'leeway = "5"', "issuer 1: leeway: expected a number"),
        (KEYED + "max_age = nan", "issuer 1: max_age: expected a number"),
        (KEYED + "max_age = inf", "issuer 1: max_age: expected a number"),
        (KEYED + f"max_age = 1{'0' * 400}", "issuer 1: max_age: expected a number"),
        (KEYED + "claim_values = { a = 1 }", "issuer 1: claim_values: expected a table of arrays"),
        (KEYED + 'profile = "x"', "issuer 1: profile: expected one of 'rfc9068'"),
        (PLAIN + 'algorithms = ["none"]', "issuer 1: algorithms: expected an array of algorithms"),
        (
            PLAIN + 'key_file = "gone.pem"\nalg = "ES256"',
            "issuer 1: cannot read the key file 'gone.pem': No such file or directory",
        ),
        (
            PLAIN + 'key_file = "keys/api.pem"',
            "issuer 1: key file 'keys/api.pem': PEM names no alg",
        ),
        (PLAIN + 'alg = "ES256"', "issuer 1: alg beside no key: say key_file or secret_env"),
        (
            KEYED + 'secret_env = "APP_SECRET"',
            "issuer 1: key_file and secret_env exclude each other; write a table [[issuer.key]] f",
        ),
        (PLAIN + 'secret_env = "APP_SECRET"', 'issuer 1: a secret needs alg = "HS256"'),
        (HIDDEN + "allow_symmetric = true", 'issuer 1: a secret needs alg = "HS256"'),
        (HIDDEN.replace("HS256", "ES256"), "issuer 1: ES256 does not use a shared secret"),
        (HIDDEN.replace("HS256", "HS512"), "issuer 1: the secret for HS512 has 42 bytes"),
        (
            HIDDEN.replace("APP_SECRET", "GONE"),
            "issuer 1: secret_env names a variable of the environment, GONE, ",
        ),
        (
            '[[issuer]]\npreset = "keyclock"\nbase = "x"',
            "issuer 1: preset: expected one of 'adfs', 'auth0', '",
        ),
        ("[[issuer]]\npreset = []", "issuer 1: preset: expected one of 'adfs', 'auth0', '"),
        (
            '[[issuer]]\npreset = "keycloak"\nbaze = "x"',
            "issuer 1: unknown name 'baze', did you mean 'base'?",
        ),
        (
            '[[issuer]]\npreset = "keycloak"\nbase = "x"',
            "issuer 1: 'realm' is missing: An argument of the preset keycloak.",
        ),
        ('[[issuer]]\nname = "a"\nrealm = "x"', "issuer 1: unknown name 'realm'"),
        (
            KEYCLOAK + 'audience = "a"\nname = "a"',
            "issuer 1: the preset 'keycloak' says the name itself; drop it",
        ),
        (
            '[[issuer]]\npreset = "entra"\ntenant = "common"\naudience = "a"',
            "issuer 1: 'common' is",
        ),
        (KEYED + "[middleware]\npublic = [1]", "middleware: public: expected an array of strings"),
        (KEYED + '[middleware]\npublic = ["x"]', "middleware: 'x' is no path pattern"),
        (
            KEYED + "[middleware]\npublik = []",
            "middleware: unknown name 'publik', did you mean 'pub",
        ),
        (
            KEYED + '[middleware]\nunmatched = "open"',
            "middleware: unmatched: expected one of 'token', 'deny'",
        ),
        (KEYED + '[[rule]]\npth = "/"', "rule 1: unknown name 'pth', did you mean 'path'?"),
        (KEYED + "[[rule]]", "rule 1: 'path' is missing: The pattern, by whole segments"),
        (KEYED + '[[rule]]\npath = "/"\n[[rule]]\npath = "x"', "rule 2: 'x' is no path pattern"),
        (
            KEYED + '[[rule]]\npath = "/"\nmethods = ["get"]',
            "rule 1: rule '/': methods is a list of",
        ),
        (
            KEYED + '[[rule]]\npath = "/"\npublic = true\nrequires = "a"',
            "rule 1: rule '/': public, optional and requires exclude each other",
        ),
    ],
)
def test_wrong(tmp_path: Path, text: str, expected: str) -> None:
    """An error names the file, the place in it, and what is wrong there."""
    message = wrong(tmp_path, text).replace(f"{tmp_path}/", "")
    assert message.startswith(f"guard.toml: {expected}")


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ("1", "requires: expected a string or an array of one string or more or a table"),
        ("[]", "requires: expected a string or"),
        ('""', "requires: a scope is a string that is not empty, not ''"),
        ('["a b"]', "requires: 'a b' is no scope value"),
        ("{}", "requires: an empty requirement protects nothing"),
        ('{ scope = "a" }', "requires: unknown name 'scope', did you mean 'any_scope'?"),
        ("{ role = 1 }", "requires: role: expected a string"),
        ('{ role = "" }', "requires: role: a role is a string that is not empty, not ''"),
        ("{ any = [] }", "requires: any: expected an array of what requires may be"),
        (
            '{ any = ["a", { al = ["b"] }] }',
            "requires: any: member 2: unknown name 'al', did you mean 'all'?",
        ),
        ('{ claim = { path = "a" } }', "requires: claim: say either value or values"),
        (
            '{ claim = { path = "a", value = 1, values = [1] } }',
            "requires: claim: say either value",
        ),
        ("{ claim = { value = 1 } }", "requires: claim: 'path' is missing: The claim; dots lead"),
        ('{ claim = { path = "a", value = nan } }', "requires: claim: value: expected a string or"),
        ("{ max_age = -1 }", "requires: max_age: max_age is a whole number of seconds"),
        ("{ max_age = 1.5 }", "requires: max_age: expected a whole number"),
    ],
)
def test_wrong_requires(tmp_path: Path, requires: str, expected: str) -> None:
    """An error in what a rule requires names the place down to the member."""
    text = f'{KEYED}[[rule]]\npath = "/"\nrequires = {requires}\n'
    assert wrong(tmp_path, text).startswith(f"guard.toml: rule 1: {expected}")


@pytest.mark.parametrize(
    "text",
    [
        f'secret = "{SECRET_TEXT}',
        f"{PLAIN}secret = {SECRET_TEXT}",
        f'{PLAIN}secret = ["{SECRET_TEXT}"]',
        f'{PLAIN}secert = "{SECRET_TEXT}"',
        f'{PLAIN}secret_env = "{SECRET_TEXT}"\nalg = "HS256"',
        f'{PLAIN}secret_env = "APP_SECRET"\nalg = "{SECRET_TEXT}"',
        f'{PLAIN}secret = "{SECRET_TEXT}"\nkey_file = "a"\nalg = "HS256"',
        f'allow_inline_secrets = true\n{PLAIN}secret = "{SECRET_TEXT}"',
        f'allow_inline_secrets = true\n{PLAIN}secret = "{SECRET_TEXT}"\nalg = "HS512"',
        f'{PLAIN}key_file = \'\'\'{{"kty": "oct", "k": "{SECRET_TEXT}"}}\'\'\'',
        f"{PLAIN}key_file = '''-----BEGIN PRIVATE KEY-----{SECRET_TEXT}'''",
    ],
)
def test_no_secret_is_shown(tmp_path: Path, text: str) -> None:
    """No error shows a secret, wherever in the file it stands."""
    assert wrong(tmp_path, text).startswith("guard.toml: ")


def test_not_toml(tmp_path: Path) -> None:
    """A file that is no TOML is refused with the line and the column."""
    assert wrong(tmp_path, "[guard\n") == (
        "guard.toml: not TOML: Expected ']' at the end of a table declaration (at line 1, column 7)"
    )
    path = tmp_path / "guard.toml"
    path.write_bytes(b"\xff")
    assert "guard.toml: not TOML: 'utf-8' codec can't decode" in refusal(lambda: load(path))
    path.write_text("a = " + "[" * 10_000)
    assert "guard.toml: not TOML: " in refusal(lambda: load(path))


def test_unreadable(tmp_path: Path) -> None:
    """A file that cannot be read is refused with the reason."""
    gone = tmp_path / "gone.toml"
    assert refusal(lambda: load(gone)) == f"{gone}: cannot be read: No such file or directory"
    assert refusal(lambda: load(tmp_path)) == f"{tmp_path}: cannot be read: Is a directory"


def test_one_error(tmp_path: Path) -> None:
    """A traceback shows the error with its place once, and none that led to it."""
    with pytest.raises(ConfigurationError) as caught:
        loaded(tmp_path, KEYED + "leeway = 61")
    assert shown(caught.value).count("leeway is 0 to 60") == 2  # the error and its repr


def test_text_for_a_path() -> None:
    """The text of a file in the place of its path is refused, and not shown."""
    message = refusal(lambda: load(f'{PLAIN}secret = "{SECRET_TEXT}"'))
    assert message == "load takes the path of a file, not its text"


# From the environment

FEW = {"JWT_GUARD_ISSUER": ISSUER, "JWT_GUARD_AUDIENCE": f"other, {AUDIENCE}"}
SECRETIVE = FEW | {"JWT_GUARD_SECRET": SECRET_TEXT, "JWT_GUARD_ALG": "HS256"}


def test_environ_secret() -> None:
    """A secret and its alg out of the environment accept a good token."""
    configuration = from_environ(SECRETIVE | {"PATH": "/bin"})
    assert subject(configuration, fresh(SECRET)) == "joe"
    assert configuration.middleware == configuration.options == {}


def test_environ_key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All other variables count, and a key file is relative to the working folder."""
    write(tmp_path, "")
    monkeypatch.chdir(tmp_path)
    configuration = from_environ(
        FEW
        | {
            "JWT_GUARD_KEY_FILE": "keys/api.pem",
            "JWT_GUARD_ALG": "ES256",
            "JWT_GUARD_REALM": "shop",
            "JWT_GUARD_LEEWAY": "2.5",
            "JWT_GUARD_CACHE_SIZE": "0",
            "JWT_GUARD_PUBLIC": "/health, /docs/*",
        }
    )
    assert subject(configuration, fresh()) == "joe"
    assert status(configuration, Asked(path="/docs/a")) == 200
    assert status(configuration, Asked(path="/health")) == 200
    assert status(configuration, Asked(path="/")) == 401
    (issuer,) = configuration.issuers
    assert issuer.leeway == 2.5
    assert configuration.asgi()["guard"]._remembered is None


def test_environ_fetched() -> None:
    """Without a key, the keys are fetched."""
    url = {"JWT_GUARD_JWKS_URL": "https://keys.example/"}
    assert len(from_environ(FEW | url).guard().health()) == 1


def test_environ_is_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the environment is that of the process, also for a file's secrets."""
    monkeypatch.setenv("JWT_GUARD_CONFIG", str(write(tmp_path, HIDDEN)))
    monkeypatch.setenv("APP_SECRET", SECRET_TEXT)
    monkeypatch.delenv("JWT_GUARD_VECTORS", raising=False)
    assert subject(from_environ(), fresh(SECRET)) == "joe"


def test_environ_file(tmp_path: Path) -> None:
    """A named file is loaded, with the secrets of the same environment."""
    environ = {"JWT_GUARD_CONFIG": str(write(tmp_path, HIDDEN)), "APP_SECRET": SECRET_TEXT}
    assert subject(from_environ(environ), fresh(SECRET)) == "joe"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "environment: set JWT_GUARD_ISSUER and JWT_GUARD_AUDIENCE, or JWT_GUARD_CONFIG"),
        ({"JWT_GUARD_ISSUER": "a"}, "environment: set JWT_GUARD_ISSUER and JWT_GUARD_AUDIENCE"),
        (
            {"JWT_GUARD_AUDIANCE": "a"},
            "environment: unknown name 'JWT_GUARD_AUDIANCE', did you mean 'JWT_GUARD_AUDIENCE'?",
        ),
        (
            {"JWT_GUARD_XYZ": "a"},
            "environment: unknown name 'JWT_GUARD_XYZ'; known are JWT_GUARD_C",
        ),
        (
            SECRETIVE | {"JWT_GUARD_CONFIG": "guard.toml"},
            "environment: JWT_GUARD_CONFIG names a file that says it all; unset JWT_GUARD_ALG, JWT",
        ),
        (FEW | {"JWT_GUARD_PUBLIC": ""}, "environment: JWT_GUARD_PUBLIC is set, and empty"),
        ({"JWT_GUARD_CONFIG": ""}, "environment: JWT_GUARD_CONFIG is set, and empty"),
        ({"JWT_GUARD_CONFIG": "gone.toml"}, "gone.toml: cannot be read: No such file"),
        (FEW | {"JWT_GUARD_LEEWAY": "ten"}, "environment: JWT_GUARD_LEEWAY: expected a number"),
        (
            FEW | {"JWT_GUARD_LEEWAY": "[" * 10**5},
            "environment: JWT_GUARD_LEEWAY: expected a number",
        ),
        (FEW | {"JWT_GUARD_LEEWAY": "NaN"}, "environment: JWT_GUARD_LEEWAY: expected a number"),
        (FEW | {"JWT_GUARD_CACHE_SIZE": "1.5"}, "environment: JWT_GUARD_CACHE_SIZE: expected a wh"),
        (FEW | {"JWT_GUARD_PUBLIC": "/a,,/b"}, "environment: middleware: '' is no path pattern"),
        (FEW | {"JWT_GUARD_ALG": "HS256"}, "environment: issuer 1: alg beside no key"),
        (
            FEW | {"JWT_GUARD_ALG": SECRET_TEXT},
            "environment: JWT_GUARD_ALG: expected one of 'HS256'",
        ),
        (FEW | {"JWT_GUARD_SECRET": SECRET_TEXT}, "environment: issuer 1: a secret needs alg"),
        (SECRETIVE | {"JWT_GUARD_ALG": "HS512"}, "environment: issuer 1: the secret for HS512 has"),
        (
            SECRETIVE | {"JWT_GUARD_LEEWAY": "90"},
            f"environment: issuer 1: issuer {ISSUER!r}: leeway is 0 to 60 seconds, not 90",
        ),
        (
            FEW | {"JWT_GUARD_KEY_FILE": RSA.public_pem.decode()},
            "environment: issuer 1: key_file is the path of a file, not the text of a key",
        ),
    ],
)
def test_wrong_environ(environ: dict[str, str], expected: str) -> None:
    """An error names the variable, and never shows a secret."""
    assert refusal(lambda: from_environ(environ)).startswith(expected)


# The schema

# Keywords that refuse nothing.
SAID = {"$schema", "$defs", "title", "description"}
TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def accepts(schema: dict[str, Any], value: Any) -> bool:
    """Tell whether *value* is valid, by the few keywords that are used."""
    known: dict[str, Callable[[Any], object]] = {
        "$ref": lambda ref: accepts(json_schema()["$defs"][ref.rpartition("/")[2]], value),
        "anyOf": lambda schemas: any(accepts(one, value) for one in schemas),
        "enum": lambda words: value in words,
        "type": lambda name: type(value) in TYPES[name],
        "items": lambda one: all(accepts(one, member) for member in value),
        "minItems": lambda least: len(value) >= least,
        "minimum": lambda least: value >= least,
        "maximum": lambda most: value <= most,
        "required": lambda names: set(names) <= value.keys(),
        "properties": lambda names: all(accepts(names[n], value[n]) for n in value if n in names),
        "additionalProperties": lambda one: all(
            one is not False and accepts(one, value[name])
            for name in value
            if name not in schema.get("properties", ())
        ),
    }
    rules = sorted(schema.items(), key=lambda rule: rule[0] != "type")
    return all(known[keyword](said) for keyword, said in rules if keyword not in SAID)


def test_accepts() -> None:
    """The validator of these tests refuses what a schema does not allow."""
    assert accepts({"type": "array", "items": {"type": "string"}, "minItems": 1}, ["a"])
    assert not accepts({"type": "array", "minItems": 1}, [])
    assert not accepts({"type": "integer"}, True)
    assert not accepts({"type": "number", "minimum": 0, "maximum": 2}, 3)
    assert not accepts({"type": "object", "additionalProperties": {"enum": ["a"]}}, {"x": "b"})


def test_schema_has_every_name() -> None:
    """The schema has every name of the tables, with its description, and is JSON."""
    schema = json.loads(json.dumps(json_schema()))
    objects = {"file": schema} | schema["$defs"]
    assert objects.keys() == TABLES.keys()
    for table, names in TABLES.items():
        properties = objects[table]["properties"]
        assert names.keys() <= properties.keys()
        for name, row in names.items():
            assert properties[name]["description"] == row.description
            assert row.description.endswith(".")
        assert objects[table]["required"] == [name for name in names if names[name].required]
    arguments = {name for names in PRESET_NAMES.values() for name in names}
    assert objects["issuer"]["properties"].keys() == arguments | TABLES["issuer"].keys()


MINIMAL: dict[str, Any] = {"issuer": [{"name": "a", "audience": "b"}]}
GOOD: list[dict[str, Any]] = [
    {},
    {"rule": [{"path": "/", "requires": {"any": ["a", {"all": [["b"]]}]}}]},
    {"guard": {"realm": "a", "cache_size": 1}},
    {"issuer": [{"preset": "okta", "domain": "a", "leeway": 1.5}]},
]
BAD: list[dict[str, Any]] = [
    {"issuer": [{"preset": "octa"}]},
    {"issuer": [{"audiance": "a"}]},
    {"issuer": {}},
    {"guard": {"cache_size": 1.5}},
    {"guard": {"cache_size": 10**400}},
    {"rule": [{}]},
    {"rule": [{"path": "/", "requires": []}]},
    {"rule": [{"path": "/", "requires": {"claim": {"value": 1}}}]},
    {"rulez": []},
]


@pytest.mark.parametrize("change", GOOD)
def test_schema_accepts(change: dict[str, Any]) -> None:
    """The schema accepts good documents."""
    assert accepts(json_schema(), MINIMAL | change)


@pytest.mark.parametrize("change", BAD)
def test_schema_refuses(change: dict[str, Any]) -> None:
    """The schema refuses bad documents."""
    assert not accepts(json_schema(), MINIMAL | change)


def test_schema_accepts_the_file() -> None:
    """The file of these tests is valid by the schema too."""
    assert accepts(json_schema(), tomllib.loads(WHOLE))
    assert not accepts(json_schema(), tomllib.loads(WHOLE.replace("realm", "relm", 1)))


def test_every_option_of_an_issuer() -> None:
    """Every option of an issuer that is data has a name in the file."""
    options = {one.name for one in fields(Issuer) if one.init} - {"keys"}
    assert options <= TABLES["issuer"].keys()


def credentials(folder: Path, text: str) -> tuple[CredentialSource, ...]:
    return loaded(folder, KEYED + text).options.get("credentials", ())


def test_credentials(tmp_path: Path) -> None:
    """Where requests bring tokens is a table for each place, in order."""
    text = """
[[credential]]
kind = "bearer"
[[credential]]
kind = "cookie"
name = "t"
origins = ["https://a.example"]
csrf_header = "X"
[[credential]]
kind = "query"
name = "token"
paths = ["/events/*"]
[[credential]]
kind = "subprotocol"
"""
    found = credentials(tmp_path, text)
    assert found == (
        Bearer(),
        Cookie("t", csrf_header="X", origins=["https://a.example"]),
        Query("token", ["/events/*"]),
        Subprotocol(),
    )
    assert loaded(tmp_path, KEYED + text).guard().credentials == found
    by_variable = from_environ(SECRETIVE | {"JWT_GUARD_COOKIE": "t"})
    assert by_variable.options == {"credentials": (Bearer(), Cookie("t"))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "credential 1: 'kind' is missing"),
        ('kind = "basic"', "credential 1: kind: expected one of 'bearer', 'cookie', 'query', "),
        ('kind = "cookie"\nnam = "t"', "credential 1: unknown name 'nam', did you mean 'name'?"),
        ('kind = "cookie"', "credential 1: 'name' is missing: The cookie, or the query parameter"),
        ('kind = "cookie"\nname = "a b"', "credential 1: 'a b' is no name of a cookie"),
        ('kind = "query"\nname = "t"', "credential 1: 'paths' is missing: The paths for which"),
        ('kind = "query"\nname = "t"\npaths = []', "credential 1: paths: expected an array of "),
        ('kind = "bearer"\nname = "t"', "credential 1: unknown name 'name'"),
        ('kind = "subprotocol"\npaths = ["/"]', "credential 1: unknown name 'paths'"),
    ],
)
def test_wrong_credentials(tmp_path: Path, text: str, expected: str) -> None:
    """A place has its own options and no others."""
    message = wrong(tmp_path, f"{KEYED}[[credential]]\n{text}")
    assert message.startswith(f"guard.toml: {expected}")


def test_guard(tmp_path: Path) -> None:
    """A file that describes a guard alone makes one."""
    text = KEYED + '[guard.resource]\nurl = "https://api.example"\nscopes = ["a"]'
    guard = loaded(tmp_path, text).guard()
    assert guard.authenticate([fresh()]).subject == "joe"
    document = guard.metadata("GET")
    assert document is not None
    assert b'"scopes_supported": ["a"]' in document.body
    plain = loaded(tmp_path, KEYED + '[guard]\nresource = "https://api.example"')
    assert plain.options == {"resource": "https://api.example"}
    bad = KEYED + '[guard.resource]\nurl = "http://api.example"'
    assert "guard: resource: resource is the https URL" in wrong(tmp_path, bad)
    configuration = loaded(tmp_path, KEYED + "[guard]\nmax_token_bytes = 0")
    with pytest.raises(ConfigurationError, match=r"guard\.toml: guard: max_token_bytes"):
        configuration.guard()


def test_functions(tmp_path: Path) -> None:
    """What no file can say is said beside it, for a guard alone and for middleware."""
    configuration = loaded(tmp_path, KEYED)
    guards = (
        configuration.guard(revoked=lambda identity: identity.subject == "joe"),
        configuration.asgi(revoked=lambda _: True)["guard"],
        configuration.wsgi(clock=lambda: 0)["guard"],
    )
    for guard, reason in zip(guards, ("revoked", "revoked", "not_yet_valid|future"), strict=True):
        with pytest.raises(InvalidToken, match=reason):
            guard.authenticate([fresh()])


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ('[middleware]\npublic = ["/x"]', "public"),
        ("[middleware]\nexpiry_code = 4401", "expiry_code"),
        ('[[rule]]\npath = "/x"\nrequires = "a"', "rules"),
    ],
)
def test_guard_alone_would_not_enforce(tmp_path: Path, more: str, name: str) -> None:
    """What only a middleware enforces is no guard's to drop silently."""
    with pytest.raises(ConfigurationError, match=f"a guard alone does not enforce {name}; write"):
        loaded(tmp_path, KEYED + more).guard()
    with pytest.raises(ConfigurationError, match="environment: a guard alone does not enforce pu"):
        from_environ(SECRETIVE | {"JWT_GUARD_PUBLIC": "/x"}).guard()


# What Kubernetes sets in each container, for Services called jwt-guard and jwt-guard-api.
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
SERVICES = {
    f"{name}_{variable}": value
    for name in ("JWT_GUARD", "JWT_GUARD_API")
    for variable, value in {
        "SERVICE_HOST": "10.0.0.11",
        "SERVICE_PORT": "8000",
        "SERVICE_PORT_HTTP": "8000",
        "PORT": "tcp://10.0.0.11:8000",
        "PORT_8000_TCP": "tcp://10.0.0.11:8000",
        "PORT_8000_TCP_PROTO": "tcp",
        "PORT_8000_TCP_PORT": "8000",
        "PORT_8000_TCP_ADDR": "10.0.0.11",
        "PORT_53_UDP": "udp://10.0.0.11:53",
    }.items()
}


def test_kubernetes_service(tmp_path: Path) -> None:
    """The variables of a Service that is called jwt-guard are no mistake."""
    assert subject(from_environ(SECRETIVE | SERVICES), fresh(SECRET)) == "joe"
    path = str(write(tmp_path, KEYED))
    assert subject(from_environ({"JWT_GUARD_CONFIG": path} | SERVICES), fresh()) == "joe"
    elsewhere = {"JWT_GUARD_APP": "myapp:app", "JWT_GUARD_LOG": "INFO"}
    assert subject(from_environ(SECRETIVE | elsewhere), fresh(SECRET)) == "joe"


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("JWT_GUARD_ISSUR", "ISSUER"),
        ("JWT_GUARD_PUBLI", "PUBLIC"),
        ("JWT_GUARD_LOGS", "LOG"),
        ("JWT_GUARD_PORTAL", None),
        ("JWT_GUARD_PORT_8000", None),
        ("JWT_GUARD_SERVICE", None),
    ],
)
def test_mistyped_variable(name: str, near: str | None) -> None:
    """A mistyped variable is an error, and the near one is suggested."""
    message = refusal(lambda: from_environ(SECRETIVE | {name: "x"}))
    assert message.startswith(f"environment: unknown name {name!r}")
    assert near is None or f"did you mean 'JWT_GUARD_{near}'?" in message


def test_several_audiences_by_variable() -> None:
    """A comma separates audiences, of which one suffices."""
    environ = SECRETIVE | {"JWT_GUARD_AUDIENCE": "urn:api, v2"}
    configuration = from_environ(environ)
    for audience in ("urn:api", "v2"):
        assert subject(configuration, fresh(SECRET, aud=audience)) == "joe"
    with pytest.raises(InvalidToken, match="wrong_audience"):
        subject(configuration, fresh(SECRET, aud="urn:api, v2"))
    assert "audience is the name of this API" in refusal(
        lambda: from_environ(SECRETIVE | {"JWT_GUARD_AUDIENCE": "urn:api,"})
    )
