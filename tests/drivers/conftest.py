"""Far ends of scripted lines, written from the fact sheet for these tests alone; a driver on its simulator; clocks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers.instrument import ActionStatus
from autolab.drivers.testing import Answer, ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent, Reconciled
from autolab.model.clock import Clock
from autolab.model.errors import InstrumentError
from autolab.model.roles import Dispense, Withdraw, command_to_json
from autolab.simulators.bench import Bench


class PumpModel:
    """A pump that moves by the clock it is given; `answer` is the far end of its line.

    Attributes:
        heard: Commands as received, without address.
        alarm: Reported (and thereby cleared) instead of the next status.
        stall_at: mL of a run at which the motor stalls.
        fault: Called with (command, reply bytes) -> what is sent instead.
    """

    def __init__(self, clock: Clock, address: int = 0) -> None:
        self.clock, self.address = clock, address
        self.heard: list[str] = []
        self.alarm = ""
        self.stall_at: float | None = None
        self.fault: Callable[[str, bytes], list[Any]] | None = None
        self.diameter, self.unit, self.version = 10.0, "UL", "NE1000V3.928"
        self.volume, self.rate, self.direction = "0.000", ("1.000", "MM"), "INF"
        self.counters = {"INF": 0.0, "WDR": 0.0}  # in mL
        self.state = "S"
        self._begun = 0.0
        self._before = 0.0
        self._held = b""

    def power_cycle(self) -> None:
        self.counters = {"INF": 0.0, "WDR": 0.0}
        self.state, self.alarm = "S", "R"

    def answer(self, data: bytes) -> list[Any]:
        self._held += data
        replies: list[Any] = []
        while b"\r" in self._held:
            line, _, self._held = self._held.partition(b"\r")
            replies += self._line(line)
        return replies

    def _line(self, line: bytes) -> list[Any]:
        found = re.fullmatch(r"(\d*)([A-Z]*)([0-9.]*)([A-Z]*)", line.decode().replace(" ", ""))
        if found is None or found[1] == "" or int(found[1]) != self.address:
            return []
        command = "".join(found.groups()[1:])
        self.heard.append(command)
        self._move()
        said = self._obey(found[2], found[3], found[4])
        status = f"A?{self.alarm}" if self.alarm else self.state
        self.alarm = ""
        reply = f"\x02{self.address:02d}{status}{said}\x03".encode()
        return [reply] if self.fault is None else self.fault(command, reply)

    def _move(self) -> None:
        if self.state not in "IW":
            return
        number, unit = self.rate
        speed = float(number) * {"MM": 1.0, "UM": 1e-3, "MH": 1 / 60, "UH": 1e-3 / 60}[unit] / 60
        target = float(self.volume) / (1.0 if self.unit == "ML" else 1000.0)
        moved = min(target, (self.clock.now() - self._begun) * speed + 1e-9)
        if self.stall_at is not None and moved >= self.stall_at:
            moved, self.state, self.alarm = self.stall_at, "S", "S"
        elif moved >= target:
            self.state = "S"
        self.counters[self.direction] = self._before + moved

    def _obey(self, word: str, number: str, unit: str) -> str:
        if self.alarm and word not in ("", "VER", "DIS"):
            return ""
        if self.state in "IW" and word in ("CLDINF", "CLDWDR", "DIA", "RUN"):
            return "?NA"
        per_ml = 1.0 if self.unit == "ML" else 1000.0
        match word:
            case "":
                return ""
            case "VER":
                return self.version
            case "DIS":
                inf, wdr = (_four_digits(self.counters[way] * per_ml) for way in ("INF", "WDR"))
                return f"I{inf}W{wdr}{self.unit}"
            case "DIA":
                if not number:
                    return _four_digits(self.diameter)
                self.diameter = float(number)
                self.unit = "UL" if self.diameter <= 14 else "ML"
            case "VOL":
                if not number:
                    return f"{self.volume}{self.unit}"
                self.volume = number
            case "VOLUL" | "VOLML":
                self.unit = word[3:]
            case "RAT":
                if not number:
                    return "".join(self.rate)
                self.rate = (number, unit or self.rate[1])
            case "DIR":
                return self.direction
            case "DIRINF" | "DIRWDR":
                self.direction = word[3:]
            case "CLDINF" | "CLDWDR":
                self.counters[word[3:]] = 0.0
            case "RUN":
                self.state = "I" if self.direction == "INF" else "W"
                self._begun, self._before = self.clock.now(), self.counters[self.direction]
            case "STP":
                if self.state == "S":
                    return "?NA"
                self.state = "S" if self.state == "P" else "P"
            case _:
                return "?"
        return ""


def _four_digits(value: float) -> str:
    for decimals in (3, 2, 1):
        if round(value, decimals) < 10 ** (4 - decimals):
            return f"{value:.{decimals}f}"
    return f"{value:.0f}."


class BalanceModel:
    """A balance with what is on its pan; `answer` is the far end of its line.

    Attributes:
        heard: Commands as received.
        grams: On the pan.
        stable: Whether it is stable now.
        lists: The commands that it knows, for I0.
        replies: Command -> lines to say instead.
    """

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.grams, self.tare, self.stable = 100.0012, 0.0, True
        self.serial = "B123456789"
        self.lists = [
            "@",
            "I0",
            "I1",
            "I2",
            "I3",
            "I4",
            "I5",
            "S",
            "SI",
            "SIR",
            "SC",
            "Z",
            "ZI",
            "ZC",
            "T",
            "TI",
            "TC",
            "TA",
            "TAC",
            "C",
            "M21",
            "D",
            "DW",
        ]
        self.replies: dict[str, list[Any]] = {}
        self._held = b""

    def answer(self, data: bytes) -> list[Any]:
        self._held += data
        out: list[Any] = []
        while b"\r\n" in self._held:
            line, _, self._held = self._held.partition(b"\r\n")
            command = line.decode()
            self.heard.append(command)
            said = self.replies[command] if command in self.replies else self._say(command)
            out += [piece if isinstance(piece, tuple | bytes) else f"{piece}\r\n".encode() for piece in said]
        return out

    def _say(self, command: str) -> list[str]:
        word = command.partition(" ")[0]
        flag = "S" if self.stable else "D"
        net = f"{self.grams - self.tare:10.4f} g"
        if word not in self.lists:
            return ["ES"]
        match word:
            case "I0":
                ends = ["B"] * (len(self.lists) - 1) + ["A"]
                return [f'I0 {end} 0 "{name}"' for end, name in zip(ends, self.lists, strict=True)]
            case "I2":
                return ['I2 A "WXS205SDU WXA-Bridge 220.00900 g"']
            case "I3":
                return ['I3 A "2.10 10.28.0.493.142"']
            case "I4" | "@":
                return [f'I4 A "{self.serial}"']
            case "S":
                return [f"S S {net}"] if self.stable else []
            case "SI" | "SC":
                return [f"S {flag} {net}"]
            case "T" | "TI" | "TC":
                self.tare = self.grams
                return [f"{word} {'S' if word == 'T' else flag} {self.tare:10.4f} g"]
            case "Z":
                self.grams = 0.0
                return ["Z A"]
            case "ZI" | "ZC":
                self.grams = 0.0
                return [f"{word} {flag}"]
            case "C":
                return ["C B", "C A"]
            case "TAC":
                self.tare = 0.0
                return ["TAC A"]
        return [f"{word} A"]


def carry_out(clock: Clock, begin: Callable[[], ActionStatus], within: float | None = None) -> ActionStatus:
    """Begin an action on the clock's loop, and return its status when it is done: in time, or `TimeoutError`."""

    async def done() -> ActionStatus:
        status, over = begin(), asyncio.Event()
        status.add_callback(lambda _: clock.loop.call_soon_threadsafe(over.set))
        await asyncio.wait_for(over.wait(), within)
        return status

    return clock.run(done())


def result_of(status: ActionStatus) -> dict[str, Any]:
    """Return what an action gave that is done, or raise what it failed with."""
    error = status.exception(0)
    if error is not None:
        raise error
    return dict(status.result)


class Rig:
    """A driver on its simulator, and a person who acts in lab time.

    Commands go to the instrument, or to the component of it that is named as `part`.

    Args:
        key: Of driver and simulator.
        driver: The driver's class.
        clock: Lab time.
        name: Of the device.
        settings: Of the driver.
        far_settings: Of the simulator, where they are not the driver's.
        options: Of the simulator.
        bus: The address on the bus, where there is one.
        seed: Of the simulator's noise.

    Attributes:
        far: The simulator, which knows what is true.
        heard: The commands that it has heard.
        device: The driver.
    """

    def __init__(
        self,
        key: str,
        driver: Callable[..., Any],
        clock: Clock,
        *,
        name: str = "device",
        settings: dict[str, Any] | None = None,
        far_settings: dict[str, Any] | None = None,
        options: dict[str, Any] | None = None,
        bus: int | None = None,
        seed: int = 0,
    ) -> None:
        self.clock, self.driver, self.name, self.settings = clock, driver, name, settings or {}
        self.address = "memory://instrument" + ("" if bus is None else f"?bus={bus}")
        known = self.settings if far_settings is None else far_settings
        self.bench = Bench.single(
            key, clock=clock, seed=seed, settings={**known, "address": self.address}, options=options or {}
        )
        self.far: Any = self.bench.instrument("instrument")
        self.channel = self.bench.channel("instrument")
        self.heard: list[str] = []
        self._listen()
        self.device = self.another()

    def _listen(self) -> None:
        hear = self.far.hear

        def noted(frame: bytes) -> None:
            self.heard.append(frame.decode("latin-1"))
            hear(frame)

        self.far.hear = noted

    def another(self) -> Any:
        """Return the driver of a process that begins anew."""
        return self.driver(
            self.name, address=self.address, clock=self.clock, ports=Ports(self.clock), channel=self.channel,
            **self.settings,
        )  # fmt: skip

    def part(self, name: str = "") -> Any:
        """Return a component, or the device."""
        return getattr(self.device, name) if name else self.device

    # ---- acting ------------------------------------------------------------------------------------------------

    def run(
        self,
        begin: Callable[[], ActionStatus],
        meanwhile: Callable[[], object] | None = None,
        after: float = 0.0,
        within: float | None = None,
    ) -> dict[str, Any]:
        """Begin an action and return its result when it is done, or raise what it failed with.

        Args:
            begin: Begins it.
            meanwhile: Done on the clock's loop
            after: so many s of lab time after the beginning.
            within: It must be done within so many s of lab time.
        """

        def both() -> ActionStatus:
            status = begin()
            if meanwhile is not None:
                self.clock.loop.call_later(after, meanwhile)
            return status

        return result_of(carry_out(self.clock, both, within))

    def done(self, status: ActionStatus) -> dict[str, Any]:
        """Wait for an action that was begun, and return its result or raise what it failed with."""
        return self.run(lambda: status)

    def act(self, value: Any, part: str = "") -> ActionStatus:
        """Carry a command out (None: a reading) and return its status, however it ended."""
        device = self.part(part)
        return carry_out(self.clock, lambda: device.trigger() if value is None else device.set(value))

    def set(self, value: Any, part: str = "") -> dict[str, Any]:
        return self.run(lambda: self.part(part).set(value))

    def read(self, part: str = "") -> dict[str, Any]:
        return self.run(self.part(part).trigger)

    def failed(self, value: Any, part: str = "") -> Exception:
        """Return what a command (None: a reading) failed with."""
        error = self.act(value, part).exception(0)
        assert isinstance(error, Exception)
        return error

    def begin(self, value: Any, seconds: float = 0.0, part: str = "") -> ActionStatus:
        """Begin a command, and let so much lab time pass."""

        async def begun() -> ActionStatus:
            status: ActionStatus = self.part(part).set(value)
            if seconds:
                await asyncio.sleep(seconds)
            return status

        return self.clock.run(begun())

    def wait(self, seconds: float) -> None:
        """Let lab time pass."""
        self.clock.run(asyncio.sleep(seconds))

    def do(self, act: Callable[[], Any]) -> Any:
        """Do something on the clock's loop."""

        async def acted() -> Any:
            return act()

        return self.clock.run(acted())

    def intend(self, value: Dispense | Withdraw, part: str = "") -> Intent:
        """Prepare a pump's command, and return the intent that the loop would have written."""
        device = self.part(part)
        context = self.clock.run(device.do_prepare("set", value))
        name = ".".join(filter(None, (self.name, part)))
        return Intent(name, "set", command_to_json(value), device.action_class("set", value), context)

    def reconcile(self, intent: Intent) -> Reconciled:
        """Settle what became of it."""
        found: Reconciled = self.clock.run(self.part(intent.instrument.partition(".")[2]).do_reconcile(intent))
        return found

    def settle(self, status: ActionStatus, intent: Intent, volume: float, exact: float) -> None:
        """Assert of a pump's command behind a fault that it was done, or that reconciling finds what was truly moved.

        Args:
            status: Of the command, which is over.
            intent: Of the command, the first on this bench.
            volume: That was asked for, mL.
            exact: mL.
        """
        error = status.exception()
        if error is None:
            assert status.result["volume_mL"] == volume
            return
        assert isinstance(error, InstrumentError)
        self.device.halt()
        found = self.reconcile(intent)
        assert found.verdict in ("not", "partial", "happened")
        assert found.amount == pytest.approx(sum(entry.volume for entry in self.bench.ledger), abs=exact)

    def double(self, nth: int, delay: float) -> None:
        """Have the simulator say something twice: the nth of what it says, so many s later once more."""
        say, count = self.far.say, iter(range(nth, -1, -1))

        def doubled(data: bytes) -> None:
            say(data)
            if next(count, 0) == 1:
                self.far.later(delay, lambda: say(data))

        self.far.say = doubled

    # ---- looking -----------------------------------------------------------------------------------------------

    def look(self) -> Any:
        """Return the simulator as it is now."""
        self.bench.world.advance()
        return self.far

    def sent(self) -> list[bytes]:
        """Return what the driver has sent so far, as its log has it."""
        log = self.device._ports.log.tail("memory://instrument", 9999)
        return [entry.data for entry in log if entry.direction == "out"]

    def close(self) -> None:
        """Give back the port and what the simulator holds open."""
        self.device.disconnect()
        self.bench.close()


@pytest.fixture
def virtual() -> Iterator[Clock]:
    clock = Clock("virtual")
    yield clock
    clock.close()


@pytest.fixture
def real() -> Iterator[Clock]:
    clock = Clock("real")
    yield clock
    clock.close()


@pytest.fixture
def scaled() -> Iterator[Clock]:
    clock = Clock("scaled", scale=200.0)
    yield clock
    clock.close()


@pytest.fixture(params=["virtual", "real"])
def clock(request: pytest.FixtureRequest) -> Clock:
    """Both runners: the loop's task and the port's thread."""
    made: Clock = request.getfixturevalue(request.param)
    return made


@pytest.fixture(params=["virtual", "scaled"])
def lab_clock(request: pytest.FixtureRequest) -> Clock:
    """Both kinds of lab time that are not the wall's."""
    made: Clock = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def rigs() -> Iterator[Callable[..., Rig]]:
    """Make rigs, on clocks that were asked for before this; all are closed in the end."""
    made: list[Rig] = []

    def make(key: str, driver: Callable[..., Any], clock: Clock, **given: Any) -> Rig:
        made.append(Rig(key, driver, clock, **given))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def rig_class() -> type[Rig]:
    """For rigs on a clock that may be closed first: who makes one closes it."""
    return Rig


@pytest.fixture
def scripted_device() -> Iterator[Callable[..., Any]]:
    """Make drivers on scripted lines: `(driver, answer, clock, name, address, **settings)`; all are disconnected."""
    made: list[Any] = []

    def make(driver: Callable[..., Any], answer: Answer, clock: Clock, name: str, address: str, **settings: Any) -> Any:
        channel = ScriptedChannel(answer, clock=clock)
        made.append(driver(name, address=address, clock=clock, ports=Ports(clock), channel=channel, **settings))
        return made[-1]

    yield make
    for one in made:
        one.disconnect()


@pytest.fixture
def do() -> Callable[[Any, object], dict[str, Any]]:
    """Carry out a command of a device that stands on no rig (None: a reading), and return its result."""

    def carried_out(device: Any, value: object) -> dict[str, Any]:
        begin = device.trigger if value is None else lambda: device.set(value)
        return result_of(carry_out(device.clock, begin))

    return carried_out


@pytest.fixture
def ports() -> Iterator[Callable[[Clock], Ports]]:
    """Make the ports of a clock; all are closed in the end."""
    made: list[Ports] = []

    def make(clock: Clock) -> Ports:
        made.append(Ports(clock))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def scripted() -> Callable[..., ScriptedChannel]:
    return ScriptedChannel


@pytest.fixture
def pump_model() -> type[PumpModel]:
    return PumpModel


@pytest.fixture
def balance_model() -> type[BalanceModel]:
    return BalanceModel
