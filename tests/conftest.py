"""How much hypothesis tries: `pytest --hypothesis-profile=thorough` before a release, little every day."""

import os

from hypothesis import HealthCheck, settings

# A first call compiles its kernel: time per example says nothing.
_always = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("daily", max_examples=40, **_always)
settings.register_profile("ci", max_examples=40, derandomize=True, print_blob=True, **_always)
settings.register_profile("thorough", max_examples=2000, **_always)
# A change must not fail for an example that it did not cause: there the examples are always the same.
settings.load_profile("ci" if os.environ.get("CI") else "daily")
