"""Settings for all tests."""

import os

from hypothesis import settings

# Examples are searched anew each time at a desk; a gate must not change its mind about the same commit. No deadlines:
# a busy machine is no fault.
settings.register_profile("desk", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "desk")
