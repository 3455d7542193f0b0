"""The conductivity probe's driver against its simulator, written by other hands: they agree, also in trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers.atlas_ezo import EC
from autolab.drivers.wire import Ports
from autolab.model.clock import Clock
from autolab.model.errors import InstrumentAlarm, LinkError, WrongInstrument
from autolab.simulators.bench import Bench
from autolab.simulators.wire import FaultKind

WATER = 0.001  # mS/cm, what a bench without a world has


class Rig:
    def __init__(self, options: dict[str, Any] | None = None, **settings: Any) -> None:
        self.clock = Clock("virtual")
        self.bench = Bench.single("atlas_ezo.EC", clock=self.clock, options={"noise": 0.0, **(options or {})})
        channel = self.bench.channel("instrument")
        self.probe = EC(
            "probe",
            address="memory://instrument",
            clock=self.clock,
            ports=Ports(self.clock),
            channel=channel,
            **settings,
        )

    def read(self, meanwhile: Callable[[], None] | None = None, after: float = 0.0) -> dict[str, Any]:
        async def done() -> Any:
            status = self.probe.trigger()
            event = asyncio.Event()
            status.add_callback(lambda _: event.set())
            if meanwhile is not None:
                self.clock.loop.call_later(after, meanwhile)
            await event.wait()
            return status

        status = self.clock.run(done())
        if status.exception() is not None:
            raise status.exception()
        return dict(status.result)

    def close(self) -> None:
        self.probe.disconnect()
        self.bench.close()
        self.clock.close()


@pytest.fixture
def make() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def one(options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        made.append(Rig(options, **settings))
        return made[-1]

    yield one
    for rig in made:
        rig.close()


@pytest.mark.parametrize(
    ("options", "settings"),
    [
        ({}, {}),
        ({"codes": False}, {}),
        ({"continuous": False}, {}),
        ({"name": "bath"}, {"device_name": "bath"}),
        ({"outputs": ["S"]}, {}),
        ({}, {"outputs": ["EC", "TDS", "S", "SG"], "tds_factor": 0.7}),
        ({"K": 10.0}, {"stability": "immediate"}),
    ],
)
def test_however_it_was_left_it_is_read(make: Callable[..., Rig], options: Any, settings: Any) -> None:
    rig = make(options, **settings)
    result = rig.read()
    assert result["conductivity_mS_cm"] == pytest.approx(WATER, abs=1e-4)
    assert result["stable"] is (settings.get("stability") != "immediate")
    assert rig.probe.identify()["model"] == "EZO-EC"


def test_a_circuit_of_another_name_is_refused(make: Callable[..., Rig]) -> None:
    with pytest.raises(WrongInstrument, match="is named 'bath' instead of 'cell'"):
        make({"name": "bath"}, device_name="cell").probe.connect()


@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
def test_after_a_fault_readings_are_right_again(make: Callable[..., Rig], kind: FaultKind, nth: int) -> None:
    rig = make()
    rig.probe.connect()
    rig.bench.inject("instrument", kind, nth=nth, **({"seconds": 5.0} if kind == "late" else {}))
    failures = 0
    while True:  # a lost *OK may cost nothing; an unplugged line costs two tries
        try:
            assert rig.read()["conductivity_mS_cm"] == pytest.approx(WATER, abs=1e-4)
        except LinkError:
            failures += 1
            assert failures <= 2
        else:
            break


@pytest.mark.parametrize("after", [0.3, 1.0, 2.0])
def test_a_power_cycle_in_the_middle_is_an_alarm_and_made_good(make: Callable[..., Rig], after: float) -> None:
    rig = make(temperature_compensation_C=20.0)
    rig.probe.connect()
    circuit = rig.bench.instrument("instrument")
    with pytest.raises(InstrumentAlarm, match="restarted"):
        rig.read(circuit.power_cycle, after)
    assert circuit.temperature == 25.0
    assert rig.read()["conductivity_mS_cm"] == pytest.approx(WATER * (1 / (1 - 0.019 * 5)), abs=1e-5)
    assert circuit.temperature == 20.0


def test_a_power_cycle_between_two_readings_is_made_good(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.read()
    rig.bench.instrument("instrument").power_cycle()
    rig.clock.run(asyncio.sleep(10.0))
    assert rig.read()["stable"] is True
