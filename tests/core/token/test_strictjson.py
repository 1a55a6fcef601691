"""JSON that is not repaired: jwt_guard._core.strictjson."""

import copy
import json
import pickle
from typing import Any

import pytest

from jwt_guard._core.token.strictjson import FrozenDict, loads_object

# The deepest that is accepted: the object itself and 63 more inside it.
DEEPEST = 64


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b' \t\r\n{"a" : 1}\r\n', {"a": 1}),
        ('{"é": "\U0001f600"}'.encode(), {"é": "\U0001f600"}),
        (rb'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        (rb'{"a": "\\ud800"}', {"a": r"\ud800"}),
        (rb'{"a": "\u00e9"}', {"a": "é"}),
        (rb'{"a": "\u0000"}', {"a": "\0"}),
        (b'{"a": -0}', {"a": 0}),
        (b'{"a": 1e3}', {"a": 1000.0}),
        (b'{"a": [1.5, true, null]}', {"a": (1.5, True, None)}),
        (b'{"a": %d}' % 10**400, {"a": 10**400}),
        (b'{"a": {"b": [{"c": []}]}}', {"a": {"b": ({"c": ()},)}}),
        (b'{"A": 1, "a": 2}', {"A": 1, "a": 2}),
    ],
)
def test_valid(data: bytes, value: dict[str, Any]) -> None:
    """An object in UTF-8 is read for what it is, its lists as tuples."""
    assert loads_object(data) == value


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"a"',
        b"1",
        b"[{}]",
        b"{} {}",
        b"{},",
        b"{}x",
        b"{} \x00",
        b"{\x00}",
        b"\x0b{}",
        b"\xc2\xa0{}",
        b'{"a": 1,}',
        b"{'a': 1}",
        b"{a: 1}",
        b'{"a": 01}',
        b'{"a": +1}',
        b'{"a": 1.}',
        b'{"a": 0x1}',
        b'{"a": True}',
        b'{"a": "\n"}',
        b'{"a": 1 /* */}',
    ],
)
def test_not_an_object(data: bytes) -> None:
    """Anything but one JSON object (RFC 7519 §7.2) is refused."""
    with pytest.raises(ValueError, match=r"."):
        loads_object(data)


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        "{}".encode("utf-16-be"),
        "{}".encode("utf-32"),
        "{}".encode("utf-32-le"),
        b'{"a": "\xff"}',
        b'{"a": "\xe9"}',
        b'{"a": "\xc0\xaf"}',
        b'{"a": "\xed\xa0\x80"}',
        b'{"a": "\xed\xa0\xbd\xed\xb8\x80"}',
        b'{"a": "\xf4\x90\x80\x80"}',
    ],
)
def test_not_utf8(data: bytes) -> None:
    """A BOM, UTF-16, UTF-32, overlong forms and raw surrogates are no UTF-8."""
    with pytest.raises(ValueError, match=r"."):
        loads_object(data)


@pytest.mark.parametrize(
    "text",
    [
        r'{"sub": "\ud800"}',
        r'{"sub": "\uDFFF"}',
        r'{"sub": "\uDBFFx"}',
        r'{"sub": "\ude00\ud83d"}',
        r'{"sub": "\ud83d\\ude00"}',
        r'{"\ud800": 1}',
        r'{"a": [{"b": ["\udc00"]}]}',
        r'{"a": "\\\ud800"}',
    ],
)
def test_lone_surrogates(text: str) -> None:
    """A lone surrogate, which no response could carry, is refused wherever it stands."""
    with pytest.raises(ValueError, match="surrogates not allowed"):
        loads_object(text.encode())


@pytest.mark.parametrize(
    "data",
    [
        b'{"alg": "none", "alg": "HS256"}',
        b'{"alg": "HS256", "alg": "HS256"}',
        rb'{"alg": "HS256", "\u0061lg": "none"}',
        b'{"a": {"b": 1, "b": 2}}',
        b'{"a": [{"b": 1, "b": 2}]}',
    ],
)
def test_duplicate_names(data: bytes) -> None:
    """A name that occurs twice in an object is refused, however it is spelt."""
    with pytest.raises(ValueError, match="occurs twice"):
        loads_object(data)


@pytest.mark.parametrize("constant", [b"NaN", b"Infinity", b"-Infinity"])
def test_constants(constant: bytes) -> None:
    """Python's additions to JSON are refused."""
    with pytest.raises(ValueError, match="NaN and Infinity are not JSON"):
        loads_object(b'{"a": %s}' % constant)


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1.5e308000"])
def test_overflow(number: bytes) -> None:
    """A number that would become an infinity is refused."""
    with pytest.raises(ValueError, match="overflows"):
        loads_object(b'{"exp": %s}' % number)


def test_huge_integer() -> None:
    """An integer that Python would not turn into text again is refused."""
    with pytest.raises(ValueError, match=r"4300 digits"):
        loads_object(b'{"a": 1%s}' % (b"0" * 4300))


def nested(opening: bytes, closing: bytes, levels: int) -> bytes:
    return b'{"a": ' + opening * levels + b"1" + closing * levels + b"}"


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth(opening: bytes, closing: bytes) -> None:
    """64 levels are accepted and 65 are not."""
    loads_object(nested(opening, closing, DEEPEST - 1))
    with pytest.raises(ValueError, match="nested too deeply"):
        loads_object(nested(opening, closing, DEEPEST))


def test_depth_counts_levels() -> None:
    """Many brackets side by side, or inside text, are not depth."""
    text = "[" * DEEPEST
    assert loads_object(json.dumps({"a": [[]] * DEEPEST, "b": text}).encode())["b"] == text


@pytest.mark.parametrize("levels", [500, 1000, 3000, 100_000])
@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")]
)
def test_thousands_of_levels(opening: bytes, closing: bytes, levels: int) -> None:
    """No depth is answered with a RecursionError."""
    with pytest.raises(ValueError, match="nested too deeply"):
        loads_object(nested(opening, closing, levels))


def test_thousands_of_levels_in_a_list() -> None:
    """A deep document that is no object, or no JSON, is refused like a shallow one."""
    for data in (b"[" * 3000 + b"]" * 3000, b"[" * 100_000, b'{"a":' * 100_000):
        with pytest.raises(ValueError, match=r"not a JSON object|nested too deeply|Expecting"):
            loads_object(data)


def mutations(value: Any) -> list[Any]:
    return [
        lambda: value.__setitem__("a", 2),
        lambda: value.__delitem__("a"),
        lambda: value.__ior__({"a": 2}),
        value.clear,
        lambda: value.pop("a"),
        value.popitem,
        lambda: value.setdefault("b", 2),
        lambda: value.update(a=2),
    ]


@pytest.mark.parametrize("number", range(8))
def test_read_only(number: int) -> None:
    """No method of the objects, outer or inner, changes them."""
    outer = loads_object(b'{"a": {"a": 1}}')
    for value in (outer, outer["a"]):
        with pytest.raises(TypeError, match="read-only"):
            mutations(value)[number]()
    assert outer == {"a": {"a": 1}}


def test_read_only_lists() -> None:
    """Lists, and lists in lists, are tuples."""
    value = loads_object(b'{"a": [[1], {"b": [2]}]}')["a"]
    assert value == ((1,), {"b": (2,)})


def test_copies() -> None:
    """A plain copy can be changed; a deep copy and a pickle are as read-only as before."""
    value = loads_object(b'{"a": {"b": [1]}}')
    plain = dict(value)
    plain["c"] = 1
    assert type(value | {"c": 1}) is dict
    for copied in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301  our own pickle
        assert copied == value
        assert type(copied) is type(copied["a"]) is FrozenDict


def test_json_knows_it() -> None:
    """What was read can be written by `json.dumps` as it is."""
    text = '{"a": {"b": [1, {"c": "é"}]}}'
    assert json.dumps(loads_object(text.encode()), ensure_ascii=False) == text
