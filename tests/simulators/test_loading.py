"""Loading simulators and worlds by their entry points: read once, and again only for a name that is not known."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from autolab.model.errors import UnknownPlugin
from autolab.simulators import simulator

GROUP = "autolab.simulators"


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[list[EntryPoint], list[str]]]:
    """What is installed, to be changed, and the groups that were read."""
    points, read = [EntryPoint("lib.Square", "math:sqrt", GROUP)], list[str]()

    def entry_points(group: str) -> list[EntryPoint]:
        read.append(group)
        return list(points)

    monkeypatch.setattr(simulator, "entry_points", entry_points)
    simulator._entry_points.cache_clear()
    yield points, read
    simulator._entry_points.cache_clear()


def test_a_group_is_read_once(installed: tuple[list[EntryPoint], list[str]]) -> None:
    assert [simulator.load(GROUP, "lib.Square")(9) for _time in range(3)] == [3.0] * 3
    assert installed[1] == [GROUP]


def test_what_was_installed_meanwhile_is_found(installed: tuple[list[EntryPoint], list[str]]) -> None:
    points, read = installed
    simulator.load(GROUP, "lib.Square")
    points.append(EntryPoint("lib.Floor", "math:floor", GROUP))
    assert simulator.load(GROUP, "lib.Floor")(2.5) == 2
    assert read == [GROUP] * 2


def test_a_name_that_nobody_has_is_refused_with_what_there_is(installed: tuple[list[EntryPoint], list[str]]) -> None:
    with pytest.raises(UnknownPlugin, match=r"no simulator is named 'lib\.Sqare'\. Did you mean 'lib\.Square'\?"):
        simulator.load(GROUP, "lib.Sqare")
    assert len(installed[1]) == 2
