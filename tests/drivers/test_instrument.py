"""The drivers as ophyd devices: the contract kit, anybody's RunEngine, a bus, and real sockets."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import bluesky.plan_stubs as bps
import bluesky.plans as bp
import pytest
from bluesky import FailedStatus, RunEngine
from event_model import DocumentNames, schema_validators
from ophyd.utils import ReadOnlyError

from autolab.drivers.instrument import OphydInstrument, default_clock
from autolab.drivers.mettler_toledo import Balance
from autolab.drivers.new_era import NE1000
from autolab.drivers.testing import DriverContract, ScriptedChannel
from autolab.drivers.wire import Ports, ports_of
from autolab.model.clock import Clock
from autolab.model.errors import InDoubt, InputError, InstrumentDisconnected, InstrumentTimeout, OutsideLimits
from autolab.model.roles import Dispense


def pump_on(
    channel: ScriptedChannel, clock: Clock, name: str = "pump", bus: int = 0, ports: Ports | None = None
) -> NE1000:
    return NE1000(
        name, address=f"memory://b?bus={bus}", clock=clock, ports=ports, channel=channel,
        syringe_mm=26.7, volume_mL=50, contents_mL=50, poll_s=0.02,
    )  # fmt: skip


def balance_on(channel: ScriptedChannel, clock: Clock) -> Balance:
    return Balance("balance", address="memory://b", clock=clock, channel=channel)


class TestNE1000(DriverContract):
    @pytest.fixture(params=["virtual", "scaled"])
    def instrument(self, request: pytest.FixtureRequest, pump_model: Any) -> Iterator[OphydInstrument]:
        clock: Clock = request.getfixturevalue(request.param)
        made = pump_on(ScriptedChannel(pump_model(clock).answer, clock=clock), clock)
        with clock.running():  # status.wait does not let virtual time pass by itself
            clock.start()
            yield made
        made.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return Dispense(1.0, 20.0)


class TestBalance(DriverContract):
    @pytest.fixture(params=["virtual", "real"])
    def instrument(self, request: pytest.FixtureRequest, balance_model: Any) -> Iterator[OphydInstrument]:
        clock: Clock = request.getfixturevalue(request.param)
        made = balance_on(ScriptedChannel(balance_model().answer, clock=clock), clock)
        with clock.running():
            clock.start()
            yield made
        made.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return "tare"


@pytest.fixture
def engine() -> Iterator[tuple[RunEngine, dict[str, list[Any]]]]:
    """Anybody's RunEngine, with what it emitted, validated."""
    documents: dict[str, list[Any]] = defaultdict(list)

    def keep(name: str, document: dict[str, Any]) -> None:
        schema_validators[DocumentNames[name]].validate(document)
        documents[name].append(document)

    run = RunEngine(context_managers=[])
    run.subscribe(keep)  # type: ignore[no-untyped-call]  # bluesky's own
    yield run, documents
    run.loop.call_soon_threadsafe(run.loop.stop)
    run._th.join(5)
    run.loop.close()


Engine = tuple[RunEngine, dict[str, list[Any]]]


def test_a_balance_is_counted_in_anybodys_engine(engine: Engine, real: Clock, balance_model: Any) -> None:
    balance = balance_on(ScriptedChannel(balance_model().answer), real)
    engine[0](bp.count([balance], num=3))
    events = engine[1]["event"]
    assert [event["data"]["balance_weight"] for event in events] == [100.0012] * 3
    assert engine[1]["descriptor"][0]["data_keys"]["balance_weight"]["units"] == "g"
    assert engine[1]["descriptor"][0]["configuration"]["balance"]["data"]["balance_capacity"] == 220.009
    assert engine[1]["descriptor"][0]["hints"]["balance"] == {"fields": ["balance_weight"]}
    assert engine[1]["stop"][0]["exit_status"] == "success"
    balance.disconnect()


def test_a_pump_is_moved_in_anybodys_engine_and_left_alone_at_its_end(
    engine: Engine,
    scaled: Clock,
    pump_model: Any,
) -> None:
    far = pump_model(scaled)
    pump = pump_on(ScriptedChannel(far.answer), scaled)

    def plan() -> Any:
        yield from bps.open_run()
        yield from bps.mv(pump, Dispense(2.0, 20.0))
        yield from bps.create()
        yield from bps.read(pump)
        yield from bps.save()
        yield from bps.close_run()

    engine[0](plan())
    data = engine[1]["event"][0]["data"]
    assert data["pump_volume"] == 2.0
    assert data["pump_contents_mL"] == 48.0
    assert "STP" not in far.heard
    pump.disconnect()


def test_a_refused_value_fails_the_plan_with_its_reason(engine: Engine, scaled: Clock, pump_model: Any) -> None:
    pump = pump_on(ScriptedChannel(pump_model(scaled).answer), scaled)
    with pytest.raises(OutsideLimits, match="volume 51 mL is more than the 50 mL"):
        engine[0](bps.mv(pump, Dispense(51.0, 20.0)))


def test_a_failed_status_fails_the_plan_with_its_cause(engine: Engine, real: Clock, balance_model: Any) -> None:
    channel = ScriptedChannel(balance_model().answer)
    balance = balance_on(channel, real)
    balance.connect()
    channel.die()
    with pytest.raises(FailedStatus) as caught:
        engine[0](bp.count([balance]))
    assert isinstance(caught.value.__cause__, InstrumentDisconnected)
    balance.disconnect()


def test_two_pumps_share_a_bus_and_run_at_once(scaled: Clock, pump_model: Any) -> None:
    far = [pump_model(scaled, address) for address in (0, 1)]
    channel = ScriptedChannel(lambda data: far[0].answer(data) + far[1].answer(data))
    ports = Ports(scaled)
    pumps = [pump_on(channel, scaled, name, bus, ports) for bus, name in enumerate(("one", "two"))]
    for pump in pumps:
        pump.connect()
    assert len(ports) == 1
    statuses = [pump.set(Dispense(volume, 20.0)) for pump, volume in zip(pumps, (2.0, 3.0), strict=True)]
    for status, volume in zip(statuses, (2.0, 3.0), strict=True):
        status.wait(10)
        assert status.result["volume_mL"] == volume
    pumps[0].disconnect()
    assert pumps[1].identify()["model"] == "NE1000"
    pumps[1].disconnect()
    assert len(ports) == 0
    assert channel.opened == 1


def test_a_silent_pump_does_not_disturb_its_neighbour(virtual: Clock, pump_model: Any) -> None:
    far = [pump_model(virtual, address) for address in (0, 1)]
    channel = ScriptedChannel(lambda data: far[0].answer(data) + far[1].answer(data), clock=virtual)
    ports = Ports(virtual)
    deaf, sound = (pump_on(channel, virtual, name, bus, ports) for bus, name in enumerate(("deaf", "sound")))
    deaf.connect()
    sound.connect()
    far[0].fault = lambda command, reply: [(1.15, reply)]  # late, and heard while the other one is asked
    with virtual.running():
        failing, status = deaf.trigger(), sound.set(Dispense(1.0, 20.0))
        status.wait(10)
        assert status.result["volume_mL"] == 1.0
        assert isinstance(failing.exception(20), InstrumentTimeout)
    ports.close()


def test_virtual_and_wall_time_give_the_same_result(virtual: Clock, scaled: Clock, pump_model: Any) -> None:
    results = []
    for clock in (virtual, scaled):
        pump = pump_on(ScriptedChannel(pump_model(clock).answer, clock=clock), clock)
        with clock.running():
            status = pump.set(Dispense(1.234, 5.0))
            status.wait(20)
        results.append({key: value for key, value in status.result.items() if key != "seconds"})
        pump.disconnect()
    assert results[0] == results[1]


def test_an_action_cut_short_by_disposal_of_the_clock_is_in_doubt(virtual: Clock, pump_model: Any) -> None:
    pump = pump_on(ScriptedChannel(pump_model(virtual).answer, clock=virtual), virtual)
    pump.connect()
    status = pump.set(Dispense(5.0, 5.0))  # and nobody lets virtual time pass
    while not pump._tasks or pump._action is None:
        time.sleep(0)
    virtual.close()
    assert isinstance(status.exception(5), InDoubt)


def test_a_blocking_call_on_the_loop_is_refused(virtual: Clock, balance_model: Any) -> None:
    balance = balance_on(ScriptedChannel(balance_model().answer, clock=virtual), virtual)

    async def wrong() -> None:
        balance.identify()

    with pytest.raises(RuntimeError, match="await the coroutine instead"):
        virtual.run(wrong())


def test_the_processs_own_clock_and_ports_serve_those_who_give_none() -> None:
    pump = NE1000("pump", address="serial:///dev/autolab-has-no-such-port?bus=0", syringe_mm=10, volume_mL=5)
    again = NE1000("other", address="serial:///dev/autolab-has-no-such-port?bus=1", syringe_mm=10, volume_mL=5)
    assert pump.clock is again.clock is default_clock()
    assert pump._ports is ports_of(default_clock())
    with pytest.raises(InstrumentDisconnected, match=r"pump on serial:///dev/autolab-has-no-such-port: cannot open"):
        pump.connect()
    assert len(pump._ports) == 0


def test_a_fresh_reading_reaches_who_has_subscribed(real: Clock, balance_model: Any) -> None:
    balance = balance_on(ScriptedChannel(balance_model().answer), real)
    told: list[float] = []
    balance.weight.subscribe(lambda value, **_: told.append(value), run=False)
    balance.trigger().wait(10)
    assert told == [100.0012]
    balance.disconnect()


def test_a_reading_is_not_written_by_others(real: Clock, balance_model: Any) -> None:
    balance = balance_on(ScriptedChannel(balance_model().answer), real)
    with pytest.raises(ReadOnlyError):
        balance.weight.put(1.0)


def test_limits_of_what_does_not_exist_are_refused(real: Clock) -> None:
    with pytest.raises(InputError, match=r"limits\.colour"):
        NE1000("pump", address="serial://COM1", clock=real, limits={"colour": [0, 1]}, syringe_mm=10, volume_mL=5)


def test_over_a_real_socket_with_a_restart_of_the_far_end(
    balance_model: Any,
    real: Clock,
    serve: Callable[..., Any],
) -> None:
    far = serve(balance_model().answer)
    balance = Balance("balance", address=far.address, clock=real)
    status = balance.trigger()
    status.wait(10)
    assert status.result == {"weight_g": 100.0012, "stable": True}
    far.hang_up()
    status = balance.trigger()  # nothing was sent yet on the dead line: it connects again by itself
    status.wait(10)
    assert status.result["stable"] is True
    balance.disconnect()


class Served:
    """Answers on a real socket, one connection after the other."""

    def __init__(self, answer: Callable[[bytes], list[bytes]]) -> None:
        import socket

        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._answer = answer
        self._peer: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                self._peer, _ = self._server.accept()
                while data := self._peer.recv(1000):
                    for piece in self._answer(data):
                        self._peer.sendall(piece)
            except OSError:
                pass
            if self._server.fileno() < 0:
                return

    def hang_up(self) -> None:
        import socket

        if self._peer is not None:
            self._peer.shutdown(socket.SHUT_RDWR)
            self._peer.close()

    def close(self) -> None:
        import socket

        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        if self._peer is not None:
            self._peer.close()
        self._thread.join(2)


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def one(answer: Callable[[bytes], list[bytes]]) -> Served:
        made.append(Served(answer))
        return made[-1]

    yield one
    for served in made:
        served.close()


def test_settings_and_addresses_load_no_ophyd() -> None:
    modules = "new_era_settings mettler_toledo_settings addresses query new_era_protocol mettler_toledo_sics wire"
    code = "import sys\n" + "".join(f"import autolab.drivers.{name}\n" for name in modules.split())
    code += (
        "print([name for name in ('ophyd', 'bluesky', 'torch', 'pandas', 'numpy', 'serial') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_module_imports_where_posix_modules_are_missing() -> None:
    code = (
        "import sys\n"
        "for name in ('fcntl', 'termios', 'tty', 'pty'): sys.modules[name] = None\n"
        "import autolab.drivers.channels, autolab.drivers.wire, autolab.drivers.runners\n"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
