"""The conductivity probe in virtual time, against a circuit written from the fact sheet for these tests alone."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo import EC
from autolab.drivers.atlas_ezo_family import EZO
from autolab.drivers.testing import TRIGGER, DriverContract, ScriptedChannel
from autolab.drivers.wire import Ports
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InputError,
    InstrumentAlarm,
    InstrumentDisconnected,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)

DELAY = 0.3  # s that a command takes; a reading takes twice as long


class Circuit:
    """An EZO circuit; `answer` is the far end of its line.

    Attributes:
        heard: Commands as received.
        values: What the next readings say; the last one stays.
        replies: Said instead, by command; used up one after the other.
        ok_behind: Whether *OK follows data.
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.channel: ScriptedChannel | None = None
        self.heard: list[str] = []
        self.values: list[str] = ["1413"]
        self.replies: dict[str, list[list[Any]]] = {}
        self.ok_behind, self.codes, self.continuous = True, True, False
        self.kind, self.firmware, self.name = "EC", "2.10", "cell"
        self.numbers = {"K": "1.0", "T": "25.0", "TDS": "0.54"}
        self.outputs = ["EC"]
        self.points, self.old = 0, False
        self.deaf: tuple[str, ...] = ()
        self._held = b""
        self._ticking = False

    def factory(self) -> None:
        self.continuous, self.codes, self.numbers = True, False, {"K": "1.0", "T": "25.0", "TDS": "0.54"}
        self.outputs = ["EC"]
        self.tick()

    def tick(self) -> None:
        if not self.continuous:
            self._ticking = False
        elif self.channel is not None and self.channel.is_open:
            self._ticking = True
            self.channel.say(0.0, self.values[0].encode() + b"\r")
            self.clock.loop.call_later(1.0, self.tick)

    def restart(self) -> None:
        assert self.channel is not None
        self.numbers["T"] = "25.0"
        self.channel.say(0.0, b"*RS\r")
        self.channel.say(0.0, b"*RE\r")
        if self.continuous:
            self.tick()

    def answer(self, data: bytes) -> list[Any]:
        self._held += data
        out: list[Any] = []
        if self.continuous and not self._ticking:
            self.tick()
        while b"\r" in self._held:
            line, _, self._held = self._held.partition(b"\r")
            command = line.decode()
            self.heard.append(command)
            delay = 2 * DELAY if command == "R" else DELAY
            said = self.replies[command].pop(0) if self.replies.get(command) else self._say(command)
            for text in said:
                delay += 0.004  # what a line takes; timers that are due together may come in any order
                out.append((delay, text if isinstance(text, bytes) else text.encode() + b"\r"))
        return out

    def _say(self, command: str) -> list[str]:
        word, _, argument = command.upper().partition(",")
        data = self._data(word, argument)
        if data is not None:
            return [data, "*OK"] if self.codes and self.ok_behind else [data]
        done = self._do(word, argument, command)
        if not done:
            return ["*ER"]
        return ["*OK"] if self.codes else []

    def _data(self, word: str, argument: str) -> str | None:
        match word, argument:
            case "R", "":
                return self.values.pop(0) if len(self.values) > 1 else self.values[0]
            case "I", "":
                return f"?I,{self.kind},{self.firmware}"
            case "STATUS", "":
                return "?Status,P,5.038"
            case "CAL", "?":
                return f"?Cal,{self.points}"
            case "NAME", "?":
                return f"?Name,{self.name}"
            case "O", "?":
                return ",".join(["?O", *self.outputs])
            case (("K" | "T" | "TDS"), "?"):
                return f"?{word},{self.numbers[word]}"
        return None

    def _do(self, word: str, argument: str, command: str) -> bool:
        if word in self.deaf:
            return True
        match word, argument:
            case "C", number:
                self.continuous = number != "0"
            case "*OK", number:
                self.codes = number == "1"
            case (("K" | "T" | "TDS"), number) if number:
                self.numbers[word] = number
            case "O", argument:
                output, _, on = argument.partition(",")
                kept = [one for one in self.outputs if one != output] + [output] * (on == "1")
                self.outputs = [one for one in ("EC", "TDS", "S", "SG") if one in kept]
            case "CAL", argument if argument:
                if self.old and argument.startswith("ONE"):
                    return False
                self.points = 0 if argument in ("CLEAR", "DRY") else self.points + 1
            case ("L", "0" | "1") | ("FIND", ""):
                pass
            case _:
                return False
        return True


class Rig:
    def __init__(
        self, clock: Clock, kind: type[EZO] = EC, prepare: Callable[[Circuit], None] | None = None, **settings: Any
    ) -> None:
        self.clock, self.far = clock, Circuit(clock)
        if prepare is not None:
            prepare(self.far)
        self.channel = self.far.channel = ScriptedChannel(self.far.answer, clock=clock)
        self.probe: Any = kind(
            "probe", address="memory://bench", clock=clock, ports=Ports(clock), channel=self.channel, **settings
        )

    def run(self, meanwhile: Callable[[], None] | None = None, after: float = 0.0) -> dict[str, Any]:
        """Trigger and return the result; let something happen `after` s of it."""

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

    def wait(self, seconds: float) -> None:
        self.clock.run(asyncio.sleep(seconds))


@pytest.fixture
def make(virtual: Clock) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def one(**settings: Any) -> Rig:
        made.append(Rig(virtual, **settings))
        return made[-1]

    yield one
    for rig in made:
        rig.far.continuous = False
        rig.probe.disconnect()


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    """Return one that has been met and takes single readings."""
    made = make(stability="immediate")
    made.probe.connect()
    made.far.heard.clear()
    return made


class TestEC(DriverContract):
    @pytest.fixture
    def instrument(self, real: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[EC]:
        monkeypatch.setattr(wire, "WAKING", 0.02)  # the kit works in wall time
        monkeypatch.setattr(wire, "BEHIND", 0.04)
        far = Circuit(real)
        channel = ScriptedChannel(lambda data: [piece for _, piece in far.answer(data)], clock=real)
        probe = EC("probe", address="memory://bench", clock=real, ports=Ports(real), channel=channel, readings_s=0.01)
        yield probe
        probe.disconnect()

    @pytest.fixture
    def command(self) -> object:
        return TRIGGER


# ---- meeting it ----------------------------------------------------------------------------------------------------


def test_it_is_hushed_identified_and_set_up(make: Callable[..., Rig]) -> None:
    rig = make()
    assert rig.probe.identify() == {"model": "EZO-EC", "firmware": "2.10", "serial_number": None}
    assert rig.far.heard[:3] == ["C,0", "i", "*OK,1"]
    assert rig.far.heard[3:7] == ["C,0", "K,?", "T,?", "O,?"]
    told = {name: value["value"] for name, value in rig.probe.read_configuration().items()}
    assert told["probe_cell_constant"] == 1.0
    assert told["probe_restart_reason"] == "power was switched off"
    assert (told["probe_supply"], told["probe_calibration_points"]) == (5.038, 0)
    json.dumps(told)


@pytest.mark.parametrize("ok_behind", [True, False])
def test_a_circuit_fresh_from_the_factory_is_understood(make: Callable[..., Rig], ok_behind: bool) -> None:
    def fresh(far: Circuit) -> None:
        far.continuous, far.codes, far.ok_behind = True, False, ok_behind

    rig = make(prepare=fresh, stability="immediate")
    assert rig.probe.identify()["firmware"] == "2.10"
    assert not rig.far.continuous
    rig.far.values = ["84"]
    assert rig.run()["conductivity_mS_cm"] == 0.084


def test_what_is_set_already_is_left_alone(make: Callable[..., Rig]) -> None:
    def prepared(far: Circuit) -> None:
        far.numbers |= {"K": "0.10", "T": "20.0"}
        far.outputs = ["EC", "S"]

    rig = make(prepare=prepared, cell_constant=0.1, temperature_compensation_C=20, outputs=["S", "EC"])
    rig.probe.connect()
    assert not [command for command in rig.far.heard if command[0:2] in ("K,", "T,", "O,") and "?" not in command]


def test_what_differs_is_set_and_read_back(make: Callable[..., Rig]) -> None:
    rig = make(cell_constant=10, temperature_compensation_C=30.5, outputs=["EC", "TDS", "SG"], tds_factor=0.6)
    rig.probe.connect()
    assert rig.far.numbers == {"K": "10.0", "T": "30.5", "TDS": "0.6"}
    assert rig.far.outputs == ["EC", "TDS", "SG"]
    assert (rig.probe.cell_constant.get(), rig.probe.temperature.get()) == (10.0, 30.5)


@pytest.mark.parametrize(
    ("deaf", "settings", "match"),
    [
        ("K", {"cell_constant": 0.1}, "K reads back '1.0' after it was set to 0.1"),
        ("O", {"outputs": ["EC", "S"]}, "outputs S do not change: it has EC"),
    ],
)
def test_what_does_not_take_is_told(make: Callable[..., Rig], deaf: str, settings: Any, match: str) -> None:
    rig = make(**settings)
    rig.far.deaf = (deaf,)
    with pytest.raises(GarbledReply, match=match):
        rig.probe.connect()


def test_another_circuit_is_refused(make: Callable[..., Rig]) -> None:
    rig = make(prepare=lambda far: setattr(far, "kind", "pH"))
    with pytest.raises(WrongInstrument, match="says that it is an EZO-PH circuit; the lab file has an EZO-EC here"):
        rig.probe.connect()


def test_a_circuit_of_another_name_is_refused(make: Callable[..., Rig]) -> None:
    make(device_name="cell").probe.connect()
    with pytest.raises(WrongInstrument, match="is named 'cell' instead of 'bath'"):
        make(device_name="bath").probe.connect()


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"outputs": ["TDS"]}, "must hold EC"),
        ({"outputs": ["EC", "EC"]}, "at most once"),
        ({"outputs": ["EC", "pH"]}, "outputs.1"),
        ({"cell_constant": 0}, "cell_constant: .*greater than or equal to 0.1"),
        ({"limits": {"conductivity": [5, 1]}}, "low <= high"),
        ({"limits": {"weight": [1, 5]}}, "conductivity"),
        ({"agreeing": 1}, "agreeing"),
        ({"K": 1}, "Settings: .*cell_constant"),
    ],
)
def test_settings_that_cannot_be_are_named(make: Callable[..., Rig], settings: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        make(**settings)


# ---- reading -------------------------------------------------------------------------------------------------------


def test_one_reading_is_taken_where_that_is_wanted(rig: Rig) -> None:
    assert rig.run() == {"conductivity_mS_cm": 1.413, "temperature_C": 25.0, "stable": False, "readings": 1}
    assert rig.far.heard == ["R", "O,?"]
    assert rig.probe.hints == {"fields": ["probe_conductivity"]}
    assert rig.probe.describe()["probe_conductivity"]["units"] == "mS/cm"
    assert rig.probe.locate() == {"setpoint": None, "readback": 1.413}


def test_readings_are_taken_until_they_agree(make: Callable[..., Rig]) -> None:
    rig = make()
    rig.far.values = ["5000", "8000", "9000", "9990", "10000", "10010", "12000"]
    result = rig.run()
    assert result == {"conductivity_mS_cm": 10.0, "temperature_C": 25.0, "stable": True, "readings": 6}
    assert (rig.probe.stable.get(), rig.probe.readings.get()) == (True, 6)


def test_what_does_not_agree_in_time_is_told_as_unstable(make: Callable[..., Rig]) -> None:
    rig = make(timeout_s=10, readings_s=2)
    rig.probe.connect()
    rig.far.values = [str(1000 + 100 * number) for number in range(50)]
    begun = rig.clock.now()
    result = rig.run()
    assert (result["stable"], result["conductivity_mS_cm"]) == (False, 1.0 + 0.1 * (result["readings"] - 1))
    assert 8 <= rig.clock.now() - begun <= 11.5


def test_small_conductivities_agree_by_the_absolute_bound(make: Callable[..., Rig]) -> None:
    rig = make(within_percent=0.1, within_mS_cm=0.002, timeout_s=20)
    rig.far.values = ["10", "11", "12"]
    assert rig.run()["stable"] is True
    rig = make(within_percent=0.1, within_mS_cm=0.0, timeout_s=20)
    rig.far.values = ["10", "11"] * 20
    assert rig.run()["stable"] is False


def test_further_outputs_are_told_by_their_own_signals(make: Callable[..., Rig]) -> None:
    rig = make(stability="immediate", outputs=["SG", "EC", "S", "TDS"])
    rig.far.values = ["1413,763,0.71,1.002"]
    assert rig.run() == {
        "conductivity_mS_cm": 1.413, "temperature_C": 25.0, "dissolved_ppm": 763.0, "salinity_PSU": 0.71,
        "relative_density": 1.002, "stable": False, "readings": 1,
    }  # fmt: skip
    reading = rig.probe.read()
    assert (reading["probe_salinity"]["value"], reading["probe_gravity"]["value"]) == (0.71, 1.002)
    assert reading["probe_dissolved"]["value"] == 763.0


def test_outputs_that_are_off_are_not_in_the_documents(rig: Rig) -> None:
    assert set(rig.probe.read()) == {"probe_conductivity", "probe_stable", "probe_readings", "probe_temperature"}
    assert set(rig.probe.describe()) == set(rig.probe.read())


def test_outputs_that_somebody_changes_void_the_reading(rig: Rig) -> None:
    rig.far.outputs, rig.far.values = ["TDS"], ["763"]
    with pytest.raises(InstrumentAlarm, match="its outputs were changed to TDS: the reading is void"):
        rig.run()
    assert math.isnan(rig.probe.conductivity.get())
    rig.far.values = ["1413"]
    assert rig.run()["conductivity_mS_cm"] == 1.413
    assert rig.far.outputs == ["EC"]


def test_a_dry_probe_reads_nothing_and_that_is_a_value(rig: Rig) -> None:
    rig.far.values = ["0.00"]
    assert rig.run()["conductivity_mS_cm"] == 0.0


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [
        ("-3", GarbledReply, "a reading is negative: -3"),
        ("500001", InstrumentAlarm, r"conductivity 500001 uS/cm is beyond its range, 0\.07\.\.500000 uS/cm"),
        ("12,13", GarbledReply, "2 numbers instead of 1"),
        ("?I,EC,2.10", GarbledReply, "the reply to 'R' is '.I,EC,2.10'"),
        ("*ER", Refused, "does not understand 'R'"),
    ],
)
def test_what_is_no_reading_is_never_a_value(rig: Rig, said: str, error: type[Exception], match: str) -> None:
    rig.far.replies["R"] = [[said]]
    with pytest.raises(error, match=match):
        rig.run()
    assert math.isnan(rig.probe.conductivity.get())
    assert rig.run()["conductivity_mS_cm"] == 1.413


def test_a_reading_outside_the_limits_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make(stability="immediate", limits={"conductivity": [2, 20]})
    with pytest.raises(InstrumentAlarm, match=r"conductivity 1.413 mS/cm is outside the limits 2\.\.20 mS/cm"):
        rig.run()
    assert rig.probe.conductivity.get() == 1.413
    rig.far.values = ["2000"]
    assert rig.run()["conductivity_mS_cm"] == 2.0


@pytest.mark.parametrize("value", [1.0, "read", None, {"set": 1}])
def test_there_is_nothing_to_set(rig: Rig, value: Any) -> None:
    with pytest.raises(
        OutsideLimits, match="an EZO-EC probe has nothing to set; `trigger` takes a reading; nothing was"
    ):
        rig.probe.set(value)
    assert rig.far.heard == []


def test_classes_and_reconciling(rig: Rig) -> None:
    assert rig.probe.role == "sensor"
    assert rig.probe.action_class("trigger", None) == "read"
    found = rig.clock.run(rig.probe.do_reconcile(Intent("probe", "trigger", None, "read")))
    assert found.verdict == "unknown"
    assert math.isnan(rig.probe.conductivity.get())


# ---- what can go wrong on the line ---------------------------------------------------------------------------------

FAULTS: dict[str, list[Any]] = {
    "dropped": [],
    "truncated": [b"141"],
    "garbled": [b"\xbe\xcb\xce\x33\r"],
    "half a line before": [b"3,\xff1413\r"],
    "of another command": ["?K,1.0"],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_typed_and_the_next_reading_is_right(rig: Rig, fault: str) -> None:
    rig.far.replies["R"] = [FAULTS[fault]]
    with pytest.raises(LinkError) as caught:
        rig.run()
    assert (caught.value.instrument, caught.value.command) == ("probe", b"R\r")
    rig.far.values = ["5550"]
    assert rig.run()["conductivity_mS_cm"] == 5.55


def test_a_late_reading_is_not_the_next_one(rig: Rig) -> None:
    assert rig.far.channel is not None
    rig.far.replies["R"] = [[]]
    with pytest.raises(LinkError):
        rig.run(lambda: rig.channel.say(0.0, b"1413\r*OK\r"), after=3.0)
    rig.wait(5.0)
    rig.far.values = ["5550"]
    assert rig.run()["conductivity_mS_cm"] == 5.55


def test_a_duplicated_reading_is_not_the_next_one(rig: Rig) -> None:
    rig.far.replies["R"] = [["1413", "*OK", "1413", "*OK"]]
    assert rig.run()["conductivity_mS_cm"] == 1.413
    rig.wait(0.1)
    rig.far.values = ["5550"]
    assert rig.run()["conductivity_mS_cm"] == 5.55


def test_continuous_mode_in_between_is_ended_and_never_an_answer(rig: Rig) -> None:
    rig.far.values = ["7777"]
    rig.far.continuous = True
    rig.far.tick()
    rig.wait(3.5)
    rig.far.heard.clear()
    assert rig.run()["conductivity_mS_cm"] == 7.777
    assert not rig.far.continuous
    assert rig.far.heard.index("C,0") < rig.far.heard.index("R")


def test_a_restart_between_readings_is_made_good(make: Callable[..., Rig]) -> None:
    rig = make(stability="immediate", temperature_compensation_C=20)
    rig.probe.connect()
    assert rig.far.numbers["T"] == "20.0"
    rig.far.continuous = True
    rig.far.restart()
    rig.wait(2.5)
    assert rig.run()["conductivity_mS_cm"] == 1.413
    assert rig.far.numbers["T"] == "20.0"
    assert not rig.far.continuous


@pytest.mark.parametrize("after", [0.2, 1.0, 2.5])  # in the first reading, between two, in a later one
def test_a_restart_in_the_middle_is_an_alarm(make: Callable[..., Rig], after: float) -> None:
    rig = make(temperature_compensation_C=20)
    rig.probe.connect()
    rig.far.values = [str(1000 * number) for number in range(1, 50)]
    if after < 0.6:
        rig.far.replies["R"] = [[]]  # the reading that it was at is lost
    with pytest.raises(InstrumentAlarm, match=r"restarted \(\*RS, \*RE\) while it was read"):
        rig.run(rig.far.restart, after=after)
    rig.far.values = ["1413"]
    assert rig.run()["stable"] is True
    assert rig.far.numbers["T"] == "20.0"


def test_one_that_restarts_on_and_on_is_an_alarm(rig: Rig) -> None:
    rig.far.replies["R"] = [["*RS", "*RE", "1413", "*OK"]] * 5
    with pytest.raises(InstrumentAlarm, match="goes on to send readings that nobody asked for, or to restart"):
        rig.run()
    rig.far.replies.clear()
    assert rig.run()["conductivity_mS_cm"] == 1.413


@pytest.mark.parametrize("code", ["*OV", "*UV", "*SL", "*WA"])
def test_other_codes_are_taken_and_never_an_answer(rig: Rig, code: str) -> None:
    rig.far.replies["R"] = [[code, "1413", "*OK"]]
    assert rig.run()["conductivity_mS_cm"] == 1.413


def test_babble_after_reconnecting_is_drained_and_its_settings_are_checked(rig: Rig) -> None:
    rig.channel.die()
    with pytest.raises(InstrumentDisconnected):
        rig.run()
    rig.channel.revive()
    rig.far.factory()
    rig.far.replies["i"] = [[b"\xff\x00\x81", b"14", "1413", "?I,EC,2.10"]]
    rig.far.values = ["5550"]
    assert rig.run()["conductivity_mS_cm"] == 5.55
    assert (rig.far.continuous, rig.far.codes) == (False, True)


def test_another_circuit_after_a_reconnect_is_refused(rig: Rig) -> None:
    rig.channel.die()
    with pytest.raises(InstrumentDisconnected):
        rig.run()
    rig.channel.revive()
    rig.far.firmware = "9.9"
    with pytest.raises(WrongInstrument, match="another instrument answers"):
        rig.run()


# ---- for people ----------------------------------------------------------------------------------------------------


def test_it_is_calibrated_dry_and_at_one_solution(rig: Rig) -> None:
    assert rig.probe.calibrate_dry() == 0
    assert rig.probe.calibrate_one(12880) == 1
    assert rig.far.heard == ["Cal,dry", "Cal,?", "Cal,one,12880", "Cal,?"]
    assert rig.probe.calibration_points.get() == 1


def test_it_is_calibrated_at_two_solutions_and_forgets_them(rig: Rig) -> None:
    assert (rig.probe.calibrate_low(84.5), rig.probe.calibrate_high(1413)) == (1, 2)
    assert rig.probe.calibration() == 2
    assert rig.probe.clear_calibration() == 0
    assert [text for text in rig.far.heard if "?" not in text] == ["Cal,low,84.5", "Cal,high,1413", "Cal,clear"]


def test_older_firmware_is_calibrated_in_its_own_words(rig: Rig) -> None:
    rig.far.old = True
    assert rig.probe.calibrate_one(1413) == 1
    assert rig.far.heard == ["Cal,one,1413", "Cal,1413", "Cal,?"]


def test_a_calibration_that_is_not_understood_is_told(rig: Rig) -> None:
    rig.far.replies = {"Cal,low,84": [["*ER"]], "Cal,one,84": [["*ER"]], "Cal,84": [["*ER"]]}
    with pytest.raises(wire.NotUnderstood, match="'Cal,low,84'"):
        rig.probe.calibrate_low(84)
    with pytest.raises(wire.NotUnderstood, match="'Cal,one,84'"):
        rig.probe.calibrate_one(84)


@pytest.mark.parametrize("solution", [0.0, -5, 600_000, True, float("nan")])
def test_impossible_solutions_are_refused_before_anything_is_sent(rig: Rig, solution: Any) -> None:
    for calibrate in (rig.probe.calibrate_one, rig.probe.calibrate_low, rig.probe.calibrate_high):
        with pytest.raises(OutsideLimits, match=r"is no calibration solution; it must lie in 0\.07\.\.500000; nothing"):
            calibrate(solution)
    assert rig.far.heard == []


def test_it_shows_itself(rig: Rig) -> None:
    rig.probe.show_led(on=False)
    rig.probe.find()
    assert rig.far.heard == ["L,0", "Find"]


def test_nobody_calibrates_in_the_middle_of_a_reading(rig: Rig) -> None:
    async def both() -> None:
        status = rig.probe.trigger()
        await asyncio.sleep(0.1)
        with pytest.raises(Refused, match="is being read"):
            await rig.probe.do_calibrate("Cal,dry")
        while not status.done:
            await asyncio.sleep(0.1)

    rig.clock.run(both())
    assert "Cal,dry" not in rig.far.heard
