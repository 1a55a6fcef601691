"""A table of paths: jwt_guard._core.rules."""

from typing import Any

import pytest

from jwt_guard import Identity, Requirement, Rule, claim, path_param, role, scope
from jwt_guard._core.request.table import Rules
from jwt_guard._core.token.strictjson import FrozenDict
from jwt_guard.errors import (
    AuthError,
    ConfigurationError,
    InsufficientScope,
    InvalidRequest,
    MissingToken,
    Reason,
)
from tests.tokens import bearer, guard, token


def caller(scopes: str = "", roles: str = "") -> Identity:
    held = frozenset(scopes.split()), frozenset(roles.split())
    return Identity("issuer", *held, FrozenDict(), "k")


def authorise(identity: Identity, needed: Requirement) -> None:
    needed.check(identity)


def table(*rows: Rule) -> Rules:
    return Rules.of(rows, "token")


def needs(
    rules: Rules, path: str, method: str = "GET", raw_path: bytes | None = None
) -> str | None:
    """Return the requirement that the rules ask a request for, or None."""
    asked: list[str] = []
    rules.check(caller(), method, path, raw_path, lambda _caller, needed: asked.append(str(needed)))
    return asked[0] if asked else None


def refusal(rules: Rules, identity: Identity | None, path: str, method: str = "GET") -> AuthError:
    with pytest.raises(AuthError) as info:
        rules.check(identity, method, path, None, authorise)
    return info.value


AMBIGUOUS = [
    "",
    "*",
    "a",
    "http://host/a",
    "//",
    "//a",
    "/a//b",
    "/a//",
    "/.",
    "/..",
    "/./a",
    "/a/.",
    "/a/..",
    "/a/../b",
    "/a/./b",
    "/a;x",
    "/a;x=1/b",
    "/..;/a",
    "/a\\b",
    "/a\\..\\b",
    "/a%",
    "/a%2fb",
    "/%2e%2e/a",
    "/a\0",
    "/a\t",
    "/a\r\n",
    "/a\x1f",
    "/a\x7f",
]
AMBIGUOUS_RAW = [
    b"/a%2fb",
    b"/a%2Fb",
    b"/a%3bx",
    b"/a%3Bx",
    b"/a%5cb",
    b"/a%5Cb",
    b"/%2e%2E/a",
    b"/a%252fb",
    b"/a%00",
    b"/a%0a",
    b"/a%1F",
    b"/a%7f",
]


# What a rule covers


def test_first_match_wins() -> None:
    """The first rule that covers a request decides, and no later one."""
    rows = Rule("/a/b", requires="first"), Rule("/a/*", requires="second"), Rule("/*", public=True)
    rules = table(*rows)
    assert needs(rules, "/a/b") == "scope('first')"
    assert needs(rules, "/a/c") == "scope('second')"
    assert rules.admit("GET", "/b", None)
    assert needs(table(*rows[::-1]), "/a/b") is None


def test_first_match_by_method() -> None:
    """A rule for other methods is passed over."""
    rules = table(Rule("/a", ["POST"], "write"), Rule("/a", ["GET"], "read"), Rule("/a", None, "x"))
    for method, name in (("POST", "write"), ("GET", "read"), ("HEAD", "read"), ("PUT", "x")):
        assert needs(rules, "/a", method) == f"scope('{name}')"


def test_first() -> None:
    """The rule that decides can be asked for, and is None where none covers the request."""
    one, other = Rule("/a", ["GET"]), Rule("/*")
    rules = table(one, other)
    assert rules.first("GET", "/a") is one
    assert rules.first("POST", "/a") is other
    assert rules.first("GET", "/") is None


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("/a/b", "/a/b"),
        ("/*", "/a"),
        ("/*", "/a/b/c"),
        ("/*", "/a/"),
        ("/a/*", "/a/b"),
        ("/a/*", "/a/b/c/d"),
        ("/a/*", "/a/b/"),
        ("/a/*", "/a/..."),
        ("/*/b", "/x/b"),
        ("/a/*/c", "/a/b/c"),
        ("/a/*/c/*", "/a/b/c/d/e"),
        ("/é", "/é"),
    ],
)
def test_covered(pattern: str, path: str, public: bool) -> None:  # noqa: FBT001  both kinds
    """A pattern stands for whole segments; "*" is one, at the end one or more."""
    assert Rule(pattern, public=public).covers("GET", path[1:].split("/"))
    assert table(Rule(pattern, public=public)).admit("GET", path, path.encode()) is public


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/", "/a"),
        ("/a", "/"),
        ("/a", "/ab"),
        ("/a", "/a-b"),
        ("/a", "/A"),
        ("/a", "/a/b"),
        ("/a", "/b/a"),
        ("/a/", "/a"),
        ("/a/b", "/a"),
        ("/*", "/"),
        ("/a/*", "/a"),
        ("/a/*", "/a/"),
        ("/a/*", "/ab/c"),
        ("/*/b", "/x/y/b"),
        ("/*/b", "/x/b/c"),
        ("/a/*/c", "/a/c"),
        ("/a/*/c", "/a/b/d"),
        ("/a/*/c/*", "/a/b/c"),
    ],
)
def test_not_covered(pattern: str, path: str, public: bool) -> None:  # noqa: FBT001  both kinds
    """A prefix, another case, and a segment more or less are other paths."""
    assert not Rule(pattern, public=public).covers("GET", path[1:].split("/"))
    assert not table(Rule(pattern, public=public)).admit("GET", path, None)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("/a", "/a/"), ("/a/b", "/a/b/"), ("/*/b", "/x/b/"), ("/a/*/c", "/a/b/c/")],
)
def test_slash_at_the_end(pattern: str, path: str) -> None:
    """What protects holds for one more slash at the end too; what is public does not."""
    assert needs(table(Rule(pattern, requires="s")), path) == "scope('s')"
    assert isinstance(refusal(table(Rule(pattern)), None, path), MissingToken)
    assert not table(Rule(pattern, public=True)).admit("GET", path, None)


def test_slash_goes_to_the_next_rule() -> None:
    """A path that a public rule misses by a slash is the next rule's."""
    rules = table(Rule("/a", public=True), Rule("/*", requires="s"))
    assert rules.admit("GET", "/a", None)
    assert not rules.admit("GET", "/a/", None)
    assert needs(rules, "/a/") == "scope('s')"


def test_slash_alone() -> None:
    """The root is one path, and its slash none too many."""
    assert needs(table(Rule("/", requires="s")), "/") == "scope('s')"
    assert needs(table(Rule("/a", requires="s")), "/") is None


def test_methods() -> None:
    """A rule is for its methods alone, as they are written; by default for all."""
    some, every = Rule("/a", ["POST", "PUT"]), Rule("/a")
    assert [some.covers(one, ["a"]) for one in ("POST", "PUT")] == [True] * 2
    assert [some.covers(one, ["a"]) for one in ("GET", "HEAD", "post", "", "OPTIONS")] == [
        False
    ] * 5
    assert [every.covers(one, ["a"]) for one in ("GET", "get", "", "QUERY")] == [True] * 4
    assert not some.covers("POST", ["b"])


def test_get_covers_head() -> None:
    """GET stands for HEAD too, and HEAD not for GET."""
    for public in (False, True):
        assert Rule("/a", ["GET"], public=public).covers("HEAD", ["a"])
        assert not Rule("/a", ["HEAD"], public=public).covers("GET", ["a"])
    assert table(Rule("/a", {"GET"}, public=True)).admit("HEAD", "/a", None)
    assert not table(Rule("/a", {"GET"}, public=True)).admit("POST", "/a", None)


# Ambiguous paths


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_ambiguous(path: str) -> None:
    """A path that can be read in two ways matches no public rule, and is refused."""
    rules = table(Rule("/*", public=True), Rule("/", public=True))
    assert not rules.admit("GET", path, None)
    for identity in (None, caller("s")):
        refused = refusal(rules, identity, path)
        assert isinstance(refused, InvalidRequest)
        assert refused.reason is Reason.AMBIGUOUS_PATH


@pytest.mark.parametrize("raw_path", AMBIGUOUS_RAW)
def test_ambiguous_as_sent(raw_path: bytes) -> None:
    """An encoded delimiter makes a path ambiguous, however harmless it is decoded."""
    rules = table(Rule("/*", public=True))
    assert rules.admit("GET", "/a/b", b"/a/b")
    assert not rules.admit("GET", "/a/b", raw_path)
    with pytest.raises(InvalidRequest) as info:
        rules.check(caller(), "GET", "/a/b", raw_path, authorise)
    assert info.value.reason is Reason.AMBIGUOUS_PATH


@pytest.mark.parametrize("raw_path", [b"/a%20b", b"/%C3%A9", b"/a%2Db", b"/a%3Ab", b"/a%40b", None])
def test_encoded_text(raw_path: bytes | None) -> None:
    """Any other character may be encoded."""
    rules = table(Rule("/*", public=True))
    assert rules.admit("GET", "/a", raw_path)
    rules.check(None, "GET", "/a", raw_path, authorise)


@pytest.mark.parametrize("rows", [(), (Rule("/x"),), (Rule("/*", requires="s"),)])
@pytest.mark.parametrize("unmatched", ["token", "deny"])
def test_ambiguous_under_any_table(rows: tuple[Rule, ...], unmatched: Any) -> None:
    """No table lets an ambiguous path through, not even for a caller with every right."""
    for path in ("/a/../b", "//", "/a;b"):
        refused = refusal(Rules.of(rows, unmatched), caller("s"), path)
        assert refused.reason is Reason.AMBIGUOUS_PATH


def test_ambiguous_description() -> None:
    """The answer says that the path is at fault, and does not blame the header."""
    refused = refusal(table(Rule("/a")), caller(), "/a//")
    assert refused.status == 400
    assert refused.description == "The path can be read in more than one way"
    challenge = dict(guard().challenge(refused).headers)["WWW-Authenticate"]
    assert challenge == (
        'Bearer realm="api", error="invalid_request", '
        'error_description="The path can be read in more than one way"'
    )
    header = InvalidRequest(Reason.MALFORMED_HEADER).description
    assert header == "The credentials are malformed, repeated or too long"


# What becomes of a request


def test_public() -> None:
    """A public path needs no caller, and takes any."""
    rules = table(Rule("/a", public=True))
    assert rules.admit("GET", "/a", None)
    for identity in (None, caller(), caller("s")):
        rules.check(identity, "GET", "/a", None, authorise)


def test_requires() -> None:
    """Who meets the rule passes; who does not is told what would help."""
    rules = table(Rule("/a", requires=scope("s") & role("r") | scope("t")))
    rules.check(caller("s", "r"), "GET", "/a", None, authorise)
    rules.check(caller("t"), "GET", "/a", None, authorise)
    refused = refusal(rules, caller("s"), "/a")
    assert isinstance(refused, InsufficientScope)
    assert refused.scopes == ("t",)
    assert not rules.admit("GET", "/a", None)


def test_requires_nothing() -> None:
    """A rule that requires nothing asks for a token alone."""
    rules = table(Rule("/a"))
    rules.check(caller(), "GET", "/a", None, authorise)
    assert not rules.admit("GET", "/a", None)


@pytest.mark.parametrize("rule", [Rule("/a"), Rule("/a", requires="s")])
def test_no_caller(rule: Rule) -> None:
    """Without a caller a rule that protects asks for a token."""
    refused = refusal(table(rule), None, "/a")
    assert isinstance(refused, MissingToken)
    assert refused.reason is Reason.NO_CREDENTIALS


def test_authorised_by_the_guard() -> None:
    """Real tokens meet rules by what they grant."""
    one = guard()
    joe = one.authenticate([bearer(token())])
    rules = table(Rule("/r", requires="messages:read"), Rule("/x", requires=claim("sub", "ann")))
    rules.check(joe, "GET", "/r", None, one.authorise)
    with pytest.raises(InsufficientScope):
        rules.check(joe, "GET", "/x", None, one.authorise)


def test_unmatched_token() -> None:
    """With "token", what no rule covers needs a token and nothing else."""
    rules = Rules.of([Rule("/a", requires="s")], "token")
    rules.check(caller(), "GET", "/b", None, authorise)
    assert not rules.admit("GET", "/b", None)


def test_unmatched_with_another_opening() -> None:
    """With "token", what no rule covers stays open where another opening let it through."""
    Rules.of([Rule("/a")], "token").check(None, "GET", "/b", None, authorise)


def test_unmatched_deny() -> None:
    """With "deny", what no rule covers is refused, whoever asks."""
    rules = Rules.of([Rule("/a", ["GET"]), Rule("/p", public=True)], "deny")
    rules.check(caller(), "GET", "/a", None, authorise)
    rules.check(None, "GET", "/p", None, authorise)
    for identity, path, method in (
        (caller("s"), "/b", "GET"),
        (caller(), "/a", "POST"),
        (caller(), "/p/", "GET"),
    ):
        refused = refusal(rules, identity, path, method)
        assert isinstance(refused, InsufficientScope)
        assert refused.scopes == ()
        assert refused.hint == "no rule covers the request, and unmatched='deny'"
    assert not rules.admit("GET", "/b", None)
    assert isinstance(refusal(rules, None, "/b", "GET"), MissingToken)


def test_truth() -> None:
    """A table without rows that denies nothing has nothing to check."""
    assert not Rules.of([], "token")
    assert Rules.of([], "deny")
    assert Rules.of([Rule("/a")], "token")
    assert not Rules.of([], "deny").admit("GET", "/", None)
    assert not Rules.of([], "token").admit("GET", "/", None)


# The configuration


def test_rule_is_a_value() -> None:
    """Rules are compared by what was written, and show it."""
    assert Rule("/a", ("GET",), "s") == Rule("/a", ("GET",), "s")
    assert Rule("/a") != Rule("/a", public=True)
    assert repr(Rule("/a")) == "Rule(path='/a', methods=None, requires=None, public=False)"
    assert Rule("/a", requires="s").needed == scope("s")
    assert Rule("/a").needed is None


@pytest.mark.parametrize("requires", ["s", scope("s"), ""])
def test_public_and_required(requires: Any) -> None:
    """A rule is public, or requires something."""
    with pytest.raises(ConfigurationError) as info:
        Rule("/a", requires=requires, public=True)
    assert str(info.value) == "rule '/a': public, and yet it requires something"


@pytest.mark.parametrize(
    "methods", ["GET", "", [], (), ["get"], ["Get"], ["GET", "post"], [""], [5]]
)
def test_bad_methods(methods: Any) -> None:
    """Methods are a list, not empty, and in capitals."""
    with pytest.raises(ConfigurationError) as info:
        Rule("/a", methods)
    assert str(info.value) == (
        f"rule '/a': methods is a list of capitals, for example ['GET'], not {methods!r}"
    )


@pytest.mark.parametrize(
    "path",
    ["", "a", "*", "/a*", "/a/**", "/a/*.html", "/a//b", "/../a", "/a/.", "/a;b", "/a%20", "/\\"],
)
def test_bad_path(path: str) -> None:
    """A pattern is absolute and plain, with whole segments for stars."""
    for public in (False, True):
        with pytest.raises(ConfigurationError, match="is no path pattern; write whole segments"):
            Rule(path, public=public)


@pytest.mark.parametrize("path", [None, 5, b"/a", ["/a"]])
def test_path_no_text(path: Any) -> None:
    """A pattern is text."""
    with pytest.raises(ConfigurationError, match="is no path pattern; write whole segments"):
        Rule(path)


@pytest.mark.parametrize(
    ("requires", "text"),
    [
        ("a b", "is no scope value"),
        ("", "a scope is a string that is not empty"),
        (["a"], "is no requirement; write requires"),
        (claim("plan"), "a claim is compared with something"),
    ],
)
def test_bad_requirement(requires: Any, text: str) -> None:
    """What a rule requires is a scope value or an expression."""
    with pytest.raises(ConfigurationError, match=text):
        Rule("/a", requires=requires)


@pytest.mark.parametrize("rows", ["/a", ["/a"], [("/a", "s")], [Rule("/a"), None], {"/a": "s"}])
def test_no_rules(rows: Any) -> None:
    """A table has rules for rows."""
    with pytest.raises(ConfigurationError, match=r'rules are rows: rules=\[Rule\("/reports/\*", '):
        Rules.of(rows, "token")


@pytest.mark.parametrize("unmatched", [None, "", "allow", "Deny", True, ["deny"]])
def test_bad_unmatched(unmatched: Any) -> None:
    """What no rule covers needs a token or is denied, and nothing else."""
    with pytest.raises(ConfigurationError) as info:
        Rules.of([Rule("/a")], unmatched)
    assert str(info.value) == f"unmatched is 'token' or 'deny', not {unmatched!r}"


def test_rows_of_any_iterable() -> None:
    """The rows are taken once, and stay as they were."""
    rows = [Rule("/a", requires="s")]
    rules = Rules.of(iter(rows), "token")
    rows.clear()
    assert needs(rules, "/a") == "scope('s')"
    assert needs(rules, "/a") == "scope('s')"


@pytest.mark.parametrize(
    "method", ["GET, POST", "GET ", "GET\n", "G\u00c9T", "G/", "get", "", "1", 5]
)
def test_no_method(method: Any) -> None:
    """A method that no request has would make a rule that never holds."""
    with pytest.raises(ConfigurationError, match="methods is a list of capitals"):
        Rule("/a", methods=[method])


def test_params_in_a_table() -> None:
    """A table of paths knows no parameters, so that a rule with one could never be met."""
    with pytest.raises(ConfigurationError, match="knows no parameters of routes"):
        Rule("/a/*", requires=claim("tenant") == path_param("tenant"))


@pytest.mark.parametrize("rules", [None, 5, Rule("/a")])
def test_no_table(rules: Any) -> None:
    """What is no list of rules is the operator's mistake."""
    with pytest.raises(ConfigurationError, match="rules are rows"):
        Rules.of(rules, "token")


def test_hash() -> None:
    """Rules can be members of sets, lists of methods or not."""
    assert len({Rule("/a", ["GET"]), Rule("/a", ["GET"]), Rule("/b", ["GET"])}) == 2
