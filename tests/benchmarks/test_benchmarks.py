"""The benchmarks run; what they measure is for people to read."""

import json

import pytest

from tests.benchmarks import __main__ as benchmarks


def test_benchmarks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A short run prints a table, and figures as JSON in its last line."""
    monkeypatch.setattr(benchmarks, "ROUNDS", 2)
    monkeypatch.setattr(benchmarks, "REQUESTS_PER_ROUND", 2)
    benchmarks.main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(figures) == {"medians_us", "overhead_us", "ratio"}
    assert all(value > 0 for value in figures["medians_us"].values())
