"""Who needs a token: jwt_guard._core.request.openings."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jwt_guard._core.policy.expressions import any_scope, issued_by, scope
from jwt_guard._core.policy.requirement import Requirement
from jwt_guard._core.request.openings import Openings, Outcome
from jwt_guard._core.request.request import Access, Endpoint
from jwt_guard._core.request.table import Rule
from jwt_guard.errors import ConfigurationError, InvalidRequest, Reason

from .asked import Asked, at, preflight

GUARDED, OPTIONAL, PUBLIC = Access

MARKED_PUBLIC, MARKED_OPTIONAL = Endpoint(PUBLIC), Endpoint(OPTIONAL)


def compiled(**options: Any) -> Openings:
    return Openings.compile(**options)


def access(openings: Openings, *paths: str, **more: Any) -> Access:
    return openings.outcome(Asked(paths, **more)).access


# Paths


@pytest.mark.parametrize(("option", "word"), [("public", PUBLIC), ("optional", OPTIONAL)])
def test_paths(option: str, word: Access) -> None:
    """A path is guarded by default, public or optional where a pattern matches it whole."""
    openings = compiled(**{option: ["/health", "/docs/*"]})
    for path in ("/health", "/docs/a", "/docs/a/b"):
        assert access(openings, path) is word
        assert access(openings, path, raw_path=path.encode()) is word
        assert access(Openings.compile(), path) is GUARDED
    for path in ("/", "/healthy", "/health/", "/Health", "/docs", "/docs/", "/docs/../admin"):
        assert access(openings, path) is GUARDED
    assert access(openings, "/docs/a", raw_path=b"/docs%2Fa") is GUARDED


@pytest.mark.parametrize(
    "path", ["", "*", "//", "/a/../b", "/a;b", "/a?", "/a#", "/a\x85", "/a\xa0"]
)
def test_ambiguous(path: str) -> None:
    """A path whose meaning depends on who reads it is not open, whatever is public."""
    openings = Openings.compile(public=["/", "/*"], optional=["/*"])
    assert access(openings, path) is GUARDED


def test_public_wins() -> None:
    """What is public and optional is public: nobody is asked."""
    assert access(Openings.compile(public=["/a"], optional=["/a"]), "/a") is PUBLIC
    assert access(Openings.compile(public=["/a"], optional=True), "/a") is PUBLIC


@pytest.mark.parametrize("path", ["/", "/any/path", "/any//path", "*", "/a;b"])
def test_all_optional(path: str) -> None:
    """With optional=True every path is optional, ambiguous or not."""
    for raw_path in (None, b"/a%2fb"):
        assert access(Openings.compile(optional=True), path, raw_path=raw_path) is OPTIONAL
    assert access(Openings.compile(optional=False), path) is GUARDED


def test_methods_of_a_path() -> None:
    """A public path is so for every method, however it is written."""
    for method in ("GET", "DELETE", "get", "M-SEARCH", ""):
        assert access(Openings.compile(public=["/a"]), "/a", method=method) is PUBLIC


def test_several_readings() -> None:
    """A path is closed if one of its readings is, and open only if all of them are."""
    openings = Openings.compile(public=["/p", "/q"], optional=["/o"])
    assert access(openings, "/p", "/q") is PUBLIC
    assert access(openings, "/p", "/o") is access(openings, "/o", "/p") is OPTIONAL
    assert access(openings, "/p", "/x") is access(openings, "/x", "/p") is GUARDED
    assert access(openings, "/p", "/q//") is GUARDED
    assert access(openings) is GUARDED


# Marks


def test_marks() -> None:
    """A mark opens the endpoint that the router will reach; the wider of both words holds."""
    openings = Openings.compile(public=["/p"], optional=["/o"])
    assert access(openings, "/x", known=MARKED_PUBLIC) is PUBLIC
    assert access(openings, "/x", known=MARKED_OPTIONAL) is OPTIONAL
    assert access(openings, "/o", known=MARKED_PUBLIC) is PUBLIC
    assert access(openings, "/p", known=MARKED_OPTIONAL) is PUBLIC
    assert access(openings, "/x//", known=MARKED_PUBLIC) is PUBLIC


@pytest.mark.parametrize("method", ["get", "Get", "delete", "", "GET ", "G\xc9T"])
def test_marks_of_other_methods(method: str) -> None:
    """No mark opens for a method that the router may read as another one."""
    for known in (MARKED_PUBLIC, MARKED_OPTIONAL):
        assert access(Openings.compile(), "/x", method=method, known=known) is GUARDED


def test_needed() -> None:
    """What the endpoint requires is known beforehand."""
    known = Endpoint(GUARDED, scope("e"))
    assert Openings.compile().outcome(at("/x", known=known)) == Outcome(GUARDED, scope("e"))


# Tables


def ruled(*rows: Rule, **options: Any) -> Openings:
    return Openings.compile(rules=rows, **options)


def test_row_alone_decides() -> None:
    """Where a row covers a request, no path and no mark opens or closes it."""
    openings = ruled(
        Rule("/s", requires="s"),
        Rule("/o", optional=True),
        Rule("/p", public=True),
        public=["/s", "/o"],
        optional=True,
    )
    for known in (Endpoint(), MARKED_PUBLIC, Endpoint(GUARDED, scope("e"))):
        assert openings.outcome(at("/s", known=known)) == Outcome(GUARDED, scope("s"))
        assert openings.outcome(at("/o", known=known)) == Outcome(OPTIONAL)
        assert openings.outcome(at("/p", known=known)) == Outcome(PUBLIC)


def test_unmatched_token() -> None:
    """With "token", paths and marks decide about what no row covers."""
    openings = ruled(Rule("/s"), public=["/p"])
    assert access(openings, "/p") is PUBLIC
    assert access(openings, "/x", known=MARKED_OPTIONAL) is OPTIONAL
    assert openings.outcome(at("/x")) == Outcome(GUARDED)


def test_unmatched_deny() -> None:
    """With "deny", nobody gets through to what no row covers, by no path and no mark."""
    openings = ruled(Rule("/s", requires="s"), public=["/x"], optional=True, unmatched="deny")
    assert openings.outcome(at("/x", known=MARKED_PUBLIC)) == Outcome(GUARDED, denied=True)
    assert openings.outcome(at("/s")) == Outcome(GUARDED, scope("s"))
    assert Openings.compile(unmatched="deny").outcome(at("/")).denied
    assert openings.outcome(Asked(())).denied


@pytest.mark.parametrize("path", ["//", "/a/../b", "/a;b", "/a?b", "*", ""])
@pytest.mark.parametrize("options", [{}, {"optional": True}, {"public": ["/*"]}])
def test_ambiguous_under_a_table(path: str, options: dict[str, Any]) -> None:
    """Under a table an ambiguous path and an ambiguous method are refused, whatever is open."""
    for openings in (ruled(Rule("/x"), **options), Openings.compile(unmatched="deny", **options)):
        for asked, reason in (
            (at(path, known=MARKED_PUBLIC), Reason.AMBIGUOUS_PATH),
            (at("/a", "get", known=MARKED_PUBLIC), Reason.AMBIGUOUS_METHOD),
        ):
            with pytest.raises(InvalidRequest) as info:
                openings.outcome(asked)
            assert info.value.reason is reason


def test_readings_under_a_table() -> None:
    """Of several readings the strictest row counts, and what all rows require."""
    openings = ruled(
        Rule("/s", requires="s"), Rule("/t", requires="t"), Rule("/p", public=True), public=["/x"]
    )

    def outcome(*paths: str) -> Outcome:
        found = openings.outcome(Asked(paths))
        assert openings.outcome(Asked(paths[::-1])) == found
        return found

    assert outcome("/s", "/t") == Outcome(GUARDED, scope("s") & scope("t"))
    assert outcome("/s", "/p") == Outcome(GUARDED, scope("s"))
    assert outcome("/s", "/x") == Outcome(GUARDED, scope("s"))
    # The row speaks of one reading, and so opens neither.
    assert outcome("/p", "/x") == outcome("/p", "/y") == Outcome(GUARDED)
    assert outcome("/p", "/p") == Outcome(PUBLIC)
    assert outcome("/s", "/s") == Outcome(GUARDED, scope("s"))


def test_reading_without_a_row() -> None:
    """With "deny" one reading that no row covers suffices to refuse."""
    openings = ruled(Rule("/p", public=True), Rule("/s", requires="s"), unmatched="deny")
    assert openings.outcome(Asked(("/p", "/x"))) == Outcome(GUARDED, denied=True)
    assert openings.outcome(Asked(("/s", "/x"))) == Outcome(GUARDED, scope("s"), denied=True)


def test_part_of_a_row_and_an_endpoint() -> None:
    """Where a reading has no row, what the endpoint requires is required besides."""
    openings = ruled(Rule("/s", requires="s"))
    asked = Asked(("/s", "/x"), known=Endpoint(PUBLIC, scope("e")))
    assert openings.outcome(asked) == Outcome(GUARDED, scope("s") & scope("e"))


MANY = any_scope(*map(str, range(100)))


@pytest.mark.parametrize(
    ("one", "other"),
    [(issued_by("i"), issued_by("j")), (MANY, any_scope(*"abcdefgh"))],
)
def test_nobody_can_be_both(one: Requirement, other: Requirement) -> None:
    """Readings that ask for what no caller can be are refused to all, and are no 500."""
    openings = ruled(Rule("/s", requires=one), Rule("/t", requires=other))
    assert openings.outcome(Asked(("/s", "/t"))) == Outcome(GUARDED, denied=True)
    asked = Asked(("/s", "/x"), known=Endpoint(GUARDED, other))
    assert openings.outcome(asked) == Outcome(GUARDED, one)


patterns = st.sampled_from(["/", "/a", "/a/", "/a/*", "/*", "/b"])
some = st.lists(patterns, max_size=3)
rows = st.lists(
    st.builds(Rule, patterns, requires=st.sampled_from([None, "s"]))
    | st.builds(Rule, patterns, public=st.just(True))
    | st.builds(Rule, patterns, optional=st.just(True)),
    max_size=4,
)
readings = st.lists(
    st.sampled_from(["/", "/a", "/a/", "/a/b", "/a/b/", "/b", "/c"]), min_size=1, max_size=3
)


@given(rows, some, some, st.sampled_from(["token", "deny"]), readings, st.sampled_from(Access))
def test_no_wider_than_each(
    table: list[Rule],
    public: list[str],
    optional: list[str],
    unmatched: Any,
    paths: list[str],
    marked: Access,
) -> None:
    """Several readings are together never more open than the strictest of them alone."""
    openings = Openings.compile(public, optional, None, table, unmatched)
    known = Endpoint(marked)
    together = openings.outcome(Asked(paths, known=known))
    each = [openings.outcome(Asked((path,), known=known)) for path in paths]
    assert together.access <= min(one.access for one in each)
    assert together.denied == any(one.denied for one in each)
    assert (together.needed is None) == all(one.needed is None for one in each)


# Preflights


def answers(openings: Openings, asked: Asked, *, behind: bool) -> bool:
    asked.known = Endpoint(answers_options=behind)
    return openings.passes_preflight(asked)


@pytest.mark.parametrize("behind", [False, True])
def test_preflight(behind: bool) -> None:  # noqa: FBT001  a column
    """By default a preflight passes where something behind answers it; else as is said."""
    assert answers(Openings.compile(), preflight(), behind=behind) is behind
    assert answers(Openings.compile(preflight=True), preflight(), behind=behind)
    assert not answers(Openings.compile(preflight=False), preflight(), behind=behind)


@pytest.mark.parametrize("options", [{"rules": [Rule("/x")]}, {"unmatched": "deny"}])
@pytest.mark.parametrize("behind", [False, True])
def test_preflight_under_a_table(options: dict[str, Any], behind: bool) -> None:  # noqa: FBT001  a column
    """Under a table none passes unless that is asked for."""
    assert not answers(compiled(**options), preflight(), behind=behind)
    assert not answers(Openings.compile(preflight=False, **options), preflight(), behind=behind)
    assert answers(Openings.compile(preflight=True, **options), preflight(), behind=behind)


@pytest.mark.parametrize(
    "asked",
    [
        lambda: at("/", "OPTIONS"),
        lambda: preflight(headers=["origin"]),
        lambda: Asked(("/",), "GET", preflight().headers),
        lambda: Asked(("/",), "options", preflight().headers),
    ],
)
def test_no_preflight(asked: Callable[[], Asked]) -> None:
    """What is no preflight does not pass as one."""
    assert not answers(Openings.compile(preflight=True), asked(), behind=True)


# What an audit asks


def test_open_patterns() -> None:
    """The patterns for which a method needs no token are those of rows and of options."""
    table = (
        Rule("/p", ["GET"], public=True),
        Rule("/o/*", optional=True),
        Rule("/s", requires="s"),
    )
    openings = ruled(*table, public=["/a"], optional=["/b"])
    assert openings.open_patterns("GET") == [("p",), ("o", "*"), ("a",), ("b",)]
    assert openings.open_patterns("POST") == [("o", "*"), ("a",), ("b",)]
    denying = ruled(*table, public=["/a"], optional=["/b"], unmatched="deny")
    assert denying.open_patterns("GET") == [("p",), ("o", "*")]
    assert Openings.compile(optional=True).open_patterns("GET") == [("",), ("*",)]
    assert ruled(*table, optional=True, unmatched="deny").open_patterns("POST") == [("o", "*")]


# The configuration


@pytest.mark.parametrize("value", ["false", "0", 0, 1, "", [], 0.0])
def test_flags(value: Any) -> None:
    """preflight= is True, False or None, and nothing that counts as one of them."""
    with pytest.raises(ConfigurationError) as info:
        Openings.compile(preflight=value)
    assert str(info.value) == f"preflight is True or False, not {value!r}"


@pytest.mark.parametrize("option", ["public", "optional"])
@pytest.mark.parametrize("value", ["false", "/a", "", 0, 1, None, {"/a": True}, iter(["/a"])])
def test_no_paths(option: str, value: Any) -> None:
    """Paths are a list of paths; nothing else opens, and no text is read as a yes."""
    with pytest.raises(ConfigurationError, match=f"{option} is a list of paths"):
        compiled(**{option: value})


@pytest.mark.parametrize("value", [True, False])
def test_nothing_opens_all(value: bool) -> None:  # noqa: FBT001  a column
    """public= has no word for all paths."""
    with pytest.raises(ConfigurationError, match="public is a list of paths"):
        Openings.compile(public=value)


@pytest.mark.parametrize("pattern", ["a", "/a*", "/a//b", "/a;b", "/a?b", "/a ", None])
def test_bad_pattern(pattern: Any) -> None:
    """A pattern is absolute and plain."""
    for option in ("public", "optional"):
        with pytest.raises(ConfigurationError, match="is no path pattern"):
            compiled(**{option: [pattern]})


def test_bad_table() -> None:
    """Rows and what becomes of the rest are checked too."""
    rows: Any = ["/a"]
    with pytest.raises(ConfigurationError, match="rules are rows"):
        Openings.compile(rules=rows)
    word: Any = "allow"
    with pytest.raises(ConfigurationError, match="unmatched is 'token' or 'deny'"):
        Openings.compile(unmatched=word)
