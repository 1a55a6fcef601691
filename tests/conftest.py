"""Settings of the property tests, and of the log, for every run."""

import os

from hypothesis import HealthCheck, settings

from jwt_guard import _logging

# Signing with real keys takes its time on a slow machine, and differs from run to run.
settings.register_profile(
    "jwt_guard", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("jwt_guard")

# What a process logs at its first refusal would come in whichever test is first.
_logging._advised[os.getpid()] = None
