"""Settings for all tests."""

import os
from collections.abc import Sequence

import pytest
from hypothesis import settings

# Examples are searched anew each time at a desk; a gate must not change its mind about the same commit. No deadlines:
# a busy machine is no fault.
settings.register_profile("desk", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "desk")


def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Tell which tests share a process when several run them (with pytest-xdist).

    The tests of one file do, for they share what is dear to set up; those of programs by other people and those of pages
    share nothing.
    """
    if not config.pluginmanager.hasplugin("xdist"):
        return
    for item in items:
        alone = item.path.name in {"test_third_party.py", "test_docs.py"}
        item.add_marker(pytest.mark.xdist_group(item.nodeid if alone else str(item.path)))
