"""What is skipped where a program is missing: tests.conftest."""

from typing import Any

import pytest

from tests.conftest import pytest_runtest_setup


class Item:
    """As much of a test as is asked."""

    def __init__(self, *programs: str) -> None:
        self.programs = programs

    def iter_markers(self, name: str) -> list[pytest.Mark]:
        return [getattr(pytest.mark, name)(*self.programs).mark]


def test_missing_program() -> None:
    """A test that needs a program which is not there is skipped, and the program named."""
    there: Any = Item("sh")
    pytest_runtest_setup(there)
    missing: Any = Item("sh", "no-such-program")
    with pytest.raises(pytest.skip.Exception, match="not installed: no-such-program"):
        pytest_runtest_setup(missing)
