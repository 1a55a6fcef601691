"""RFC 3986 §3.3, RFC 9110 §9.1: jwt_guard._core.request.table: rows, and the first that covers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_guard._core.policy.expressions import claim, path_param, scope
from jwt_guard._core.request.request import Access
from jwt_guard._core.request.table import METHOD, Rule, Table, flag
from jwt_guard.errors import ConfigurationError, InvalidRequest, Reason

from .asked import Asked, at


def table(*rows: Rule) -> Table:
    return Table.compile(rows, "token")


def row(one: Table, path: str, method: str = "GET", raw_path: bytes | None = None) -> Rule | None:
    """Return the row that decides about a request."""
    (found,) = one.rows_for(at(path, method, raw_path))
    return found


def needs(one: Table, path: str, method: str = "GET") -> str | None:
    """Return what the table requires, or None."""
    found = row(one, path, method)
    return None if found is None or found.needed is None else str(found.needed)


def refusal(one: Table, asked: Asked) -> Reason:
    with pytest.raises(InvalidRequest) as info:
        one.rows_for(asked)
    return info.value.reason


OPEN: list[dict[str, Any]] = [{"public": True}, {"optional": True}]
EVERY: list[dict[str, Any]] = [{}, {"requires": "s"}, *OPEN]


# What a row covers


def test_first_match_wins() -> None:
    """The first row that covers a request decides, and no later one."""
    rows = Rule("/a/b", requires="first"), Rule("/a/*", requires="second"), Rule("/*", public=True)
    assert needs(table(*rows), "/a/b") == "scope('first')"
    assert needs(table(*rows), "/a/c") == "scope('second')"
    assert row(table(*rows), "/b") is rows[2]
    assert row(table(*rows[::-1]), "/a/b") is rows[2]


def test_first_match_by_method() -> None:
    """A row for other methods is passed over."""
    one = table(Rule("/a", ["POST"], "write"), Rule("/a", ["GET"], "read"), Rule("/a", None, "x"))
    for method, name in (("POST", "write"), ("GET", "read"), ("HEAD", "read"), ("PUT", "x")):
        assert needs(one, "/a", method) == f"scope('{name}')"


def test_first() -> None:
    """The row that decides can be asked for, and is None where none covers the request."""
    one, other = Rule("/a", ["GET"]), Rule("/*")
    assert table(one, other).first("GET", "/a") is one
    assert table(one, other).first("POST", "/a") is other
    assert table(one).first("GET", "/") is None


@pytest.mark.parametrize("access", EVERY)
@pytest.mark.parametrize(
    ("pattern", "path"),
    [("/", "/"), ("/a", "/a"), ("/a/", "/a/"), ("/a/*", "/a/b/c/"), ("/*/b", "/x/b"), ("/é", "/é")],
)
def test_covered(pattern: str, path: str, access: dict[str, Any]) -> None:
    """A row of any kind covers what its pattern stands for."""
    one = Rule(pattern, **access)
    assert one.covers("GET", path[1:].split("/"))
    assert row(table(one), path, raw_path=path.encode()) is one


@pytest.mark.parametrize("access", EVERY)
@pytest.mark.parametrize(
    ("pattern", "path"),
    [("/", "/a"), ("/a", "/ab"), ("/a", "/A"), ("/a", "/a/b"), ("/*/b", "/x/y/b"), ("/a/*", "/b")],
)
def test_not_covered(pattern: str, path: str, access: dict[str, Any]) -> None:
    """No row covers a longer name, another case, or a segment more or less."""
    assert row(table(Rule(pattern, **access)), path) is None


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("/a", "/a/"), ("/a/", "/a"), ("/*/b", "/x/b/"), ("/a/*", "/a"), ("/a/*", "/a/"), ("/*", "/")],
)
def test_closed_covers_more(pattern: str, path: str) -> None:
    """What protects holds with a slash more or less, and above a "*"; what opens does not."""
    for access in EVERY:
        found = row(table(Rule(pattern, **access)), path)
        assert (found is not None) is (access not in OPEN)


def test_admin() -> None:
    """A closed row for all below a path closes the path itself, ahead of what is open."""
    admin, rest = Rule("/admin/*", requires="admin"), Rule("/*", public=True)
    for path in ("/admin", "/admin/", "/admin/x", "/admin/x/"):
        assert row(table(admin, rest), path) is admin
    assert row(table(admin, rest), "/administrator") is rest


def test_slash_goes_to_the_next_row() -> None:
    """A path that an open row misses by a slash is the next row's."""
    for access in OPEN:
        one = table(Rule("/a", **access), Rule("/*", requires="s"))
        assert row(one, "/a") is one.rows[0]
        assert row(one, "/a/") is one.rows[1]


segment = st.sampled_from(["a", "b"])


@given(
    st.lists(segment | st.just("*"), min_size=1, max_size=3),
    st.lists(segment, min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
    st.sampled_from(OPEN),
)
def test_closed_is_never_narrower(
    pattern: list[str], path: list[str], slash: str, access: dict[str, Any]
) -> None:
    """A row that closes covers whatever it would cover if it opened, and that with a slash."""
    asked = "/" + "/".join(path) + slash
    closed, opened = (Rule("/" + "/".join(pattern), **kind) for kind in ({}, access))
    bare = asked.rstrip("/")
    if table(opened).first("GET", asked) is not None:
        assert [table(closed).first("GET", one) for one in (bare, bare + "/")] == [closed] * 2


def test_methods() -> None:
    """A row is for its methods alone, as they are written; by default for all."""
    some, every = Rule("/a", ["POST", "PUT"]), Rule("/a")
    assert [some.covers(one, ["a"]) for one in ("POST", "PUT")] == [True] * 2
    for method in ("GET", "HEAD", "post", "", "OPTIONS"):
        assert not some.covers(method, ["a"])
        assert every.covers(method, ["a"])
    assert not some.covers("POST", ["b"])


def test_get_covers_head() -> None:
    """GET stands for HEAD too, and HEAD not for GET."""
    for access in EVERY:
        assert Rule("/a", {"GET"}, **access).covers("HEAD", ["a"])
        assert not Rule("/a", ["HEAD"], **access).covers("GET", ["a"])


def test_shared_methods() -> None:
    """Two rows share a method unless the lists of both are apart."""
    get, head, post, every = (Rule("/a", one) for one in (["GET"], ["HEAD"], ["POST"], None))
    for one, other in ((get, get), (get, head), (get, every), (every, post), (every, every)):
        assert one.shares_methods(other)
        assert other.shares_methods(one)
    assert not get.shares_methods(post)
    assert not post.shares_methods(head)


# What can be read in two ways


@pytest.mark.parametrize("rows", [(), (Rule("/x"),), (Rule("/*", requires="s"),), (Rule("/*"),)])
@pytest.mark.parametrize("unmatched", ["token", "deny"])
@pytest.mark.parametrize("path", ["", "*", "a", "//", "/a/../b", "/a;b", "/a//", "/a?b", "/a\x85"])
def test_ambiguous_path(rows: tuple[Rule, ...], unmatched: Any, path: str) -> None:
    """No table says anything about a path that can be read in two ways."""
    assert refusal(Table.compile(rows, unmatched), at(path)) is Reason.AMBIGUOUS_PATH


@pytest.mark.parametrize("raw_path", [b"/a%2fb", b"/a%3bx", b"/%2e%2E/a", b"/a%252fb", b"/a%0a"])
def test_ambiguous_as_sent(raw_path: bytes) -> None:
    """An encoded delimiter makes a path ambiguous, however harmless it is decoded."""
    one = table(Rule("/*", public=True))
    assert row(one, "/a/b", raw_path=b"/a/b") is one.rows[0]
    assert refusal(one, at("/a/b", raw_path=raw_path)) is Reason.AMBIGUOUS_PATH


@pytest.mark.parametrize(
    "method",
    ["get", "Get", "delete", "gEt", "", "GET ", " GET", "GET\n", "G\xc9T", "G/T", "1", "_"],
)
def test_ambiguous_method(method: str) -> None:
    """A method not in capitals is DELETE to some and delete to others, and is refused."""
    for one in (table(Rule("/*", public=True)), table(Rule("/x")), Table.compile([], "deny")):
        assert refusal(one, at("/a", method)) is Reason.AMBIGUOUS_METHOD


@pytest.mark.parametrize("method", ["GET", "DELETE", "M-SEARCH", "VERSION-CONTROL", "X_1"])
def test_plain_method(method: str) -> None:
    """Methods in capitals are plain, registered or not."""
    assert METHOD.fullmatch(method)
    one = table(Rule("/*", [method]))
    assert row(one, "/a", method) is one.rows[0]


def test_one_row_each() -> None:
    """Each reading of a path has its row, or none."""
    one = table(Rule("/a"), Rule("/b/*", public=True))
    assert one.rows_for(Asked(("/a", "/b/x", "/c"))) == [*one.rows, None]
    assert refusal(one, Asked(("/a", "/b//x"))) is Reason.AMBIGUOUS_PATH


# Ids with unusual characters


FILES = Rule("/files/*", requires="files", encoded="allow")
OPEN_FILES = Rule("/files/*", ["GET"], public=True, encoded="allow")


@pytest.mark.parametrize("access", EVERY)
def test_encoded(access: dict[str, Any]) -> None:
    """A row may allow an encoded slash in an id, and so it decides."""
    one = Rule("/files/*", encoded="allow", **access)
    assert row(table(Rule("/x"), one), "/files/a/b", raw_path=b"/files/a%2Fb") is one
    assert row(table(one), "/files/a%2Fb", raw_path=b"/files/a%252Fb") is one
    assert row(table(one), "/files/a;b") is one


@pytest.mark.parametrize(
    ("path", "raw_path"),
    [
        ("/files/../b", b"/files/%2e%2e/b"),
        ("/files/..", b"/files/.."),
        ("/files/a/..", b"/files/a%2F.."),
        ("/files/%2e%2e/b", b"/files/%252e%252e/b"),
        ("/files/..;/b", b"/files/..;/b"),
        ("/files/a", b"/files%2Fa"),
        ("/x/a", b"/x%2Fa"),
        ("/x;y", None),
        ("/files//", None),
        ("/files/\0", None),
    ],
)
def test_never_encoded(path: str, raw_path: bytes | None) -> None:
    """Dot segments, and what is encoded elsewhere, are refused all the same."""
    for one in (table(FILES), table(OPEN_FILES), table(Rule("/y"), FILES)):
        assert refusal(one, at(path, raw_path=raw_path)) is Reason.AMBIGUOUS_PATH


def test_encoded_by_method() -> None:
    """A row allows unusual characters for its own methods; each of several is the first."""
    write = Rule("/files/*", ["POST"], "write", encoded="allow")
    one = table(OPEN_FILES, write)
    assert row(one, "/files/a;b", "HEAD") is OPEN_FILES
    assert row(one, "/files/a;b", "POST") is write
    assert refusal(one, at("/files/a;b", "PUT")) is Reason.AMBIGUOUS_PATH
    assert refusal(one, at("/files/a;b", "post")) is Reason.AMBIGUOUS_METHOD


@pytest.mark.parametrize(
    "rows",
    [
        (Rule("/files/secret", requires="s"), FILES),
        (Rule("/files/secret/*", requires="s", encoded="allow"), FILES),
        (FILES, Rule("/files/secret/*", requires="s", encoded="allow")),
        (FILES, Rule("/files/secret", requires="s")),
        (Rule("/files", requires="s"), FILES),
        (Rule("/files/", requires="s"), FILES),
        (FILES, Rule("/files", requires="s")),
        (Rule("/*/", requires="s"), FILES),
        (Rule("/*/x", requires="s"), FILES),
        (Rule("/*"), FILES),
        (Rule("/files/*"), FILES),
        (Rule("/files/*", ["HEAD"]), OPEN_FILES),
        (Rule("/files/*/", requires="s"), Rule("/files/x/*", public=True, encoded="allow")),
        (Rule("/*", public=True, encoded="allow"), FILES),
    ],
)
def test_encoded_beside_another_row(rows: tuple[Rule, ...]) -> None:
    """No row allows unusual characters where another one might mean the same path."""
    with pytest.raises(ConfigurationError, match=r"encoded='allow', and another row may mean"):
        table(*rows)


@pytest.mark.parametrize(
    "rows",
    [
        (FILES, Rule("/*", requires="s")),
        (OPEN_FILES, Rule("/*")),
        (OPEN_FILES, Rule("/files/*")),
        (Rule("/files/*", ["POST"]), OPEN_FILES),
        (Rule("/x/*"), Rule("/y"), FILES, Rule("/z/*", public=True)),
        (FILES, FILES),
        (FILES, Rule("/pages/*", encoded="allow")),
    ],
)
def test_encoded_beside_others(rows: tuple[Rule, ...]) -> None:
    """Rows of other paths or methods, and a later one for more, are no other meaning."""
    assert table(*rows).rows == rows


@pytest.mark.parametrize("path", ["/files", "/files/*/x", "/", "/files/"])
def test_encoded_needs_a_star(path: str) -> None:
    """Unusual characters have their place at the end, where the "*" is."""
    with pytest.raises(ConfigurationError, match=r"encoded='allow' is for a '\*' at the end"):
        Rule(path, encoded="allow")


@pytest.mark.parametrize("encoded", [True, False, None, "", "Allow", "yes", ["allow"]])
def test_bad_encoded(encoded: Any) -> None:
    """There are two words for it."""
    with pytest.raises(ConfigurationError) as info:
        Rule("/files/*", encoded=encoded)
    assert str(info.value) == "rule '/files/*': encoded is 'refuse' or 'allow'"


hostile = st.text(st.sampled_from("ab./\\;?#%25eEfF3b \n\x85\ufffd"), max_size=9)


@given(hostile, hostile)
def test_open_encoded_row_stays_shut_elsewhere(start: str, tail: str) -> None:
    """What an open row with unusual characters decides begins with its own segments."""
    one = table(OPEN_FILES)
    try:
        (found,) = one.rows_for(at(f"/{start}/{tail}", raw_path=f"/{start}/{tail}".encode()))
    except InvalidRequest:
        return
    assert found is None or f"/{start}/{tail}".startswith("/files/")


# What there is to check


def test_truth() -> None:
    """A table without rows that denies nothing has nothing to check."""
    assert not Table.compile([], "token")
    assert Table.compile([], "deny")
    assert Table.compile([Rule("/a")], "token")


# The configuration


def test_rule_is_a_value() -> None:
    """Rows are compared by what was written, and show it."""
    assert Rule("/a", ("GET",), "s") == Rule("/a", ("GET",), "s")
    assert Rule("/a") != Rule("/a", public=True) != Rule("/a", optional=True)
    assert repr(Rule("/a")) == (
        "Rule(path='/a', methods=None, requires=None, public=False, optional=False, "
        "encoded='refuse')"
    )
    assert Rule("/a", requires="s").needed == scope("s")
    assert Rule("/a").needed is None


def test_access() -> None:
    """A row is guarded by default, optional or public where it says so."""
    assert Rule("/a").access is Rule("/a", requires="s").access is Access.GUARDED
    assert Rule("/a", optional=True).access is Access.OPTIONAL
    assert Rule("/a", public=True).access is Access.PUBLIC


@pytest.mark.parametrize(
    "words",
    [
        {"public": True, "requires": "s"},
        {"public": True, "requires": ""},
        {"optional": True, "requires": scope("s")},
        {"public": True, "optional": True},
        {"public": True, "optional": True, "requires": "s"},
    ],
)
def test_contradictions(words: dict[str, Any]) -> None:
    """A row is public, or optional, or requires something."""
    with pytest.raises(ConfigurationError) as info:
        Rule("/a", **words)
    assert str(info.value) == "rule '/a': public, optional and requires exclude each other"


NO_FLAGS: list[Any] = ["false", "true", "", 0, 1, None, [], ["/a"], 0.0]


@pytest.mark.parametrize("value", NO_FLAGS)
@pytest.mark.parametrize("option", ["public", "optional"])
def test_flags(option: str, value: Any) -> None:
    """What opens is True or False, and nothing that counts as one of them."""
    with pytest.raises(ConfigurationError) as info:
        Rule("/a", **{option: value})
    assert str(info.value) == f"rule '/a': {option} is True or False, not {value!r}"


@pytest.mark.parametrize("value", NO_FLAGS)
def test_flag(value: Any) -> None:
    """The same of any other option."""
    with pytest.raises(ConfigurationError) as info:
        flag("preflight", value)
    assert str(info.value) == f"preflight is True or False, not {value!r}"
    assert flag("preflight", True) is True
    assert flag("preflight", False) is False


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
    """What a row requires is a scope value or an expression."""
    with pytest.raises(ConfigurationError, match=text):
        Rule("/a", requires=requires)


@pytest.mark.parametrize("rows", ["/a", ["/a"], [("/a", "s")], [Rule("/a"), None], {"/a": "s"}])
def test_no_rules(rows: Any) -> None:
    """A table has rows."""
    with pytest.raises(ConfigurationError, match=r'rules are rows: rules=\[Rule\("/reports/\*", '):
        Table.compile(rows, "token")


@pytest.mark.parametrize("unmatched", [None, "", "allow", "Deny", True, ["deny"]])
def test_bad_unmatched(unmatched: Any) -> None:
    """What no rule covers needs a token or is denied, and nothing else."""
    with pytest.raises(ConfigurationError) as info:
        Table.compile([Rule("/a")], unmatched)
    assert str(info.value) == f"unmatched is 'token' or 'deny', not {unmatched!r}"


def test_rows_of_any_iterable() -> None:
    """The rows are taken once, and stay as they were."""
    rows = [Rule("/a", requires="s")]
    one = Table.compile(iter(rows), "token")
    rows.clear()
    assert needs(one, "/a") == needs(one, "/a") == "scope('s')"


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
        Table.compile(rules, "token")


def test_hash() -> None:
    """Rows can be members of sets, lists of methods or not."""
    assert len({Rule("/a", ["GET"]), Rule("/a", ["GET"]), Rule("/b", ["GET"])}) == 2
