"""Settings of the property tests, and of the log; what is skipped where a program is missing."""

import os
import shutil

import pytest
from hypothesis import HealthCheck, settings

from jwt_guard import _logging

# Signing with real keys takes its time on a slow machine, and differs from run to run.
settings.register_profile(
    "jwt_guard", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("jwt_guard")

# What a process logs at its first refusal would come in whichever test is first.
_logging._advised[os.getpid()] = None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not there; the summary names it."""
    programs = [one for mark in item.iter_markers("needs") for one in mark.args]
    missing = [one for one in programs if shutil.which(one) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
