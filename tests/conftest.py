"""Settings of the property tests, for every run."""

from hypothesis import HealthCheck, settings

# Signing with real keys takes its time on a slow machine, and differs from run to run.
settings.register_profile(
    "jwt_guard", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("jwt_guard")
