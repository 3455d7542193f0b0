import asyncio
from collections.abc import Callable, Generator
from types import SimpleNamespace
from typing import Any

import pytest
from bluesky import plan_stubs as bps

from autolab.model.errors import InstrumentAlarm
from autolab.protocols import stubs

Plan = Generator[Any, Any, Any]


@pytest.mark.parametrize(
    ("stub", "wanted"),
    [
        (lambda device: stubs.heat(device, 40), 40.0),
        (lambda device: stubs.begin_heating(device, 40), 40.0),
        (stubs.heat_off, "off"),
        (lambda device: stubs.stir(device, 400), 400.0),
        (stubs.stir_off, "off"),
    ],
)
def test_each_is_one_set(stub: Callable[[Any], Plan], wanted: object) -> None:
    device = SimpleNamespace(name="x")
    sets = [message for message in stub(device) if message.command == "set"]
    assert [(message.obj, message.args) for message in sets] == [(device, (wanted,))]
    assert [type(message.args[0]) for message in sets] == [type(wanted)]


def test_what_was_begun_goes_on_while_others_are_used(mixing_bench: Any) -> None:
    def plan() -> Plan:
        begun = yield from stubs.begin_heating(mixing_bench.heater, 45.0)
        yield from stubs.stir(mixing_bench.stirrer, 300.0)
        yield from stubs.wait(100.0)
        early = (yield from stubs.sense(mixing_bench.heater, "readback")).value
        yield from stubs.until_reached(begun)
        return early, (yield from stubs.sense(mixing_bench.heater, "readback")).value

    began = mixing_bench.clock.now()
    assert mixing_bench.run(plan()) == (21.0, 45.0)
    assert mixing_bench.clock.now() - began == pytest.approx(300 + 0.1)


def test_what_is_reached_by_then_is_not_waited_for(mixing_bench: Any) -> None:
    def plan() -> Plan:
        begun = yield from stubs.begin_heating(mixing_bench.heater, 45.0)
        yield from stubs.wait(400.0)
        yield from stubs.until_reached(begun)

    began = mixing_bench.clock.now()
    mixing_bench.run(plan())
    assert mixing_bench.clock.now() - began == pytest.approx(400.0)


@pytest.mark.parametrize("wait", [0.0, 50.0])
def test_a_heater_that_fails_meanwhile_ends_the_plan(mixing_bench: Any, wait: float) -> None:
    mixing_bench.heater.fault = InstrumentAlarm("went off", instrument="plate")

    def plan() -> Plan:
        begun = yield from stubs.begin_heating(mixing_bench.heater, 45.0)
        yield from stubs.wait(wait)
        yield from stubs.until_reached(begun)

    with pytest.raises(InstrumentAlarm, match="plate: went off"):
        mixing_bench.run(plan())


def everything(bench: Any) -> Plan:
    """Yield every stub of this family and those that go with it once, in one run, and return what was sensed."""
    yield from bps.open_run()
    yield from stubs.phase("heat")
    yield from stubs.stir(bench.stirrer, 300.0)
    begun = yield from stubs.begin_heating(bench.heater, 45.0)
    yield from stubs.wait(20.0)
    yield from stubs.refill_together(bench.pumps, {"solvent": 5.0, "salt": 1.0, "blend": 0.0}, 15.0)
    yield from stubs.until_reached(begun)
    sensed = yield from stubs.sense(bench.probe, "conductivity", stream="seen", beside=[bench.heater])
    yield from stubs.heat_off(bench.heater)
    yield from stubs.heat(bench.heater, 30.0)
    yield from stubs.stir_off(bench.stirrer)
    yield from bps.close_run()
    return sensed.value


ALL = 61
"""How many messages `everything` has; compared below."""


def done_once(bench: Any) -> bool:
    """Return whether each action was done once, and in order where there is one."""
    plate = [what for who, what in bench.done if who.startswith("plate")]
    pumps = sorted(who for who, _what in bench.movements())
    return plate == [300.0, 45.0, "off", 30.0, "off"] and pumps == ["pump_salt", "pump_solvent"]


def test_the_count_of_messages_is_right(mixing_bench: Any) -> None:
    seen: list[Any] = []
    mixing_bench.engine.msg_hook = seen.append
    mixing_bench.cell.volumes = {"salt": 10.0}
    assert mixing_bench.run(everything(mixing_bench)) == pytest.approx(20 * 1.4)
    assert done_once(mixing_bench)
    assert len(seen) == ALL


@pytest.mark.parametrize("turns", [0, 1])
@pytest.mark.parametrize("index", range(ALL - 2))  # the last two end the run
def test_a_pause_at_any_message_repeats_nothing_and_loses_nothing(mixing_bench: Any, index: int, turns: int) -> None:
    tasks, seen = [], []

    async def pause() -> None:
        for _turn in range(turns):
            await asyncio.sleep(0)
        if mixing_bench.engine.state == "running":
            await mixing_bench.engine._request_pause_coro()

    def hook(message: Any) -> None:
        seen.append(message)
        if len(seen) == index + 1:
            tasks.append(mixing_bench.clock.loop.create_task(pause()))

    mixing_bench.engine.msg_hook = hook
    mixing_bench.cell.volumes = {"salt": 10.0}
    assert mixing_bench.run(everything(mixing_bench)) == pytest.approx(20 * 1.4)
    assert done_once(mixing_bench)
    events = {document["seq_num"]: document["data"] for name, document in mixing_bench.documents if name == "event"}
    assert events == {
        1: {"probe_conductivity": pytest.approx(28.0), "probe_stable": True, "plate_heater_readback": 45.0}
    }


@pytest.mark.parametrize("seconds", [1.0, 10.0, 100.0, 250.0, 290.0])
def test_a_pause_while_it_is_heated_waits_for_its_end(mixing_bench: Any, seconds: float) -> None:
    started: list[Any] = []

    async def pause() -> None:
        await asyncio.sleep(seconds)
        await mixing_bench.engine._request_pause_coro()

    def hook(_message: Any) -> None:
        if not started:
            started.append(mixing_bench.clock.loop.create_task(pause()))

    mixing_bench.engine.msg_hook = hook
    mixing_bench.cell.volumes = {"salt": 10.0}
    assert mixing_bench.run(everything(mixing_bench)) == pytest.approx(20 * 1.4)
    assert done_once(mixing_bench)
