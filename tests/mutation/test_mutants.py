"""Defects are where they are said to be, and the tests are run that should notice."""

import ast
from pathlib import Path

import pytest

from tests.mutation.__main__ import GUARDING, ROOT
from tests.mutation.mutants import mutants
from tests.mutation.workshop import mirrors

SOURCE = '''"""A docstring."""

def check(é: int = 1, *, on: bool = False) -> int | None:
    """Another one."""
    if é < 3 and not on:
        raise ValueError(f"{é + 1}")
    é += 1
    return é
'''


def test_defects(tmp_path: Path) -> None:
    """Each is a change of one piece of the text, and leaves a program behind."""
    (tmp_path / "one.py").write_text(SOURCE)
    found = mutants(tmp_path, "one.py")
    assert [f"{one.before} -> {one.after}" for one in found] == [
        "1 -> (0)",
        "1 -> (2)",
        "False -> (True)",
        "é < 3 -> (é <= 3)",
        "é < 3 and not on -> (not (é < 3 and (not on)))",
        "é < 3 and not on -> (é < 3 or not on)",
        "3 -> (2)",
        "3 -> (4)",
        "not on -> (on)",
        'raise ValueError(f"{é + 1}") -> pass',
        "é += 1 -> pass",
        "1 -> (0)",
        "1 -> (2)",
        "return é -> return None",
    ]
    assert {one.function for one in found} == {"check"}
    assert all(one.line >= 3 for one in found)
    for one in found:
        ast.parse(one.applied(SOURCE.encode()))


def test_all_of_the_package() -> None:
    """Whatever can be put into the guarding files is Python still."""
    files = {str(path.relative_to(ROOT)) for one in GUARDING for path in ROOT.glob(one)}
    assert len(files) > 20
    for file in sorted(files):
        source = (ROOT / file).read_bytes()
        for one in mutants(ROOT, file)[::40]:
            ast.parse(one.applied(source))


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("jwt_guard/_core/token/jws.py", ["tests/core/token/test_jws.py"]),
        ("jwt_guard/_cache.py", ["tests/test_cache.py"]),
        ("jwt_guard/_core/token/new.py", ["tests/core/token"]),
        ("jwt_guard/_new.py", []),
    ],
)
def test_mirrors(file: str, expected: list[str]) -> None:
    """The nearest tests are those of the same name, else those of the folder."""
    assert mirrors(ROOT, file) == expected
