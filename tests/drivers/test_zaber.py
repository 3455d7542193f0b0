"""The Zaber driver: bytes against transcripts, and the stage on its simulator in virtual time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import zaber_protocol as wire
from autolab.drivers.instrument import ActionStatus
from autolab.drivers.testing import DriverContract, play
from autolab.drivers.wire import Ports
from autolab.drivers.zaber import Stage
from autolab.drivers.zaber_settings import StageSettings
from autolab.model.actions import Intent
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InDoubt,
    InputError,
    InstrumentAlarm,
    InstrumentTimeout,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

if TYPE_CHECKING:
    from tests.drivers.conftest import Rig

MICROSTEP: Any = {"microstep_um": 0.047625}
PLAIN = wire.Talk(1, checksum=False)

# ---- bytes ---------------------------------------------------------------------------------------------------------


def test_a_move_by_the_sheet() -> None:
    reply = play(
        PLAIN.ask("move abs 20000", 5, axis=1),
        [(">", b"/1 1 05 move abs 20000\r\n"), ("<", b"@01 1 05 OK BUSY -- 0\r\n")],
    )
    assert reply == wire.Reply(busy=True, warning="--", data="0", checked=False)


def test_checksums_both_ways() -> None:
    asked = [(">", b"/1 0 07 get pos:26\r\n"), ("<", b"@01 0 07 OK IDLE WR 0:B7\r\n")]
    reply = play(wire.Talk(1).ask("get pos", 7), asked)
    assert (reply.warning, reply.data, reply.checked, reply.fault) == ("WR", "0", True, False)


@pytest.mark.parametrize(
    "line",
    [
        b"@01 0 07 OK IDLE WR 0:B8\r\n",
        b"@01 0 07 OK IDLE WR 1:B7\r\n",
        b"@02 0 07 OK IDLE -- 0\r\n",
        b"@01 1 07 OK IDLE -- 0\r\n",
        b"@01 0 OK IDLE -- 0\r\n",
        b"@01 0 07 OK IDLE -- \r\n",
        b"@01 0 07 OK IDEL -- 0\r\n",
        b"@01 0 07 OK IDLE - 0\r\n",
        b"@1 0 07 OK IDLE -- 0\r\n",
        b"\r\n",
        b"@01 0 07 OK IDLE -- 0\xff\r\n",
    ],
)
def test_damaged_replies_are_no_replies(line: bytes) -> None:
    with pytest.raises(GarbledReply):
        play(PLAIN.ask("get pos", 7), [(">", b"/1 0 07 get pos\r\n"), ("<", line)])


def test_a_checksum_that_was_there_must_stay() -> None:
    with pytest.raises(GarbledReply, match="has no checksum"):
        play(
            wire.Talk(1, checksum=False, strict=True).ask("get pos", 7),
            [(">", b"/1 0 07 get pos\r\n"), ("<", b"@01 0 07 OK IDLE -- 0\r\n")],
        )


def test_a_late_reply_is_known_by_its_id() -> None:
    reply = play(
        PLAIN.ask("get pos", 7),
        [(">", b"/1 0 07 get pos\r\n"), ("<", b"@01 1 06 OK IDLE -- 999\r\n"), ("<", b"@01 0 07 OK IDLE -- 4\r\n")],
    )
    assert reply.data == "4"
    late = [("<", b"@01 0 06 OK IDLE -- 999\r\n")]
    with pytest.raises(InstrumentTimeout):
        play(PLAIN.ask("get pos", 7), [(">", b"/1 0 07 get pos\r\n"), *late])
    with pytest.raises(GarbledReply, match="5 times to other commands"):
        play(PLAIN.ask("get pos", 7), [(">", b"/1 0 07 get pos\r\n"), *late * 5])


@pytest.mark.parametrize(("reason", "words"), [("BADDATA", "outside its range"), ("ODD", "see the manual")])
def test_a_rejection_in_words(reason: str, words: str) -> None:
    with pytest.raises(Refused, match=f"rejects 'move abs 1': {reason}: .*{words}.*no reference position"):
        play(
            PLAIN.ask("move abs 1", 7, axis=1),
            [(">", b"/1 1 07 move abs 1\r\n"), ("<", f"@01 1 07 RJ IDLE WR {reason}\r\n".encode())],
        )


@pytest.mark.parametrize("data", ["1.5", "1,5", "", "0x10", "1 2", "99999999999"])
def test_whole_numbers_only(data: str) -> None:
    with pytest.raises(GarbledReply, match="no whole number"):
        wire.integer(wire.Reply(busy=False, warning="--", data=data, checked=False), "the position")


@given(st.binary(max_size=60).filter(lambda text: b"\r" not in text and b"\n" not in text))
def test_checksums_hold_and_any_change_of_a_byte_breaks_them(text: bytes) -> None:
    line = b"@" + text + b":" + wire.checksum(text).encode() + b"\r\n"
    assert wire.opened(line) == (b"@" + text, True)
    if text:
        broken = b"@" + bytes([text[0] ^ 0x01]) + text[1:] + line[len(text) + 1 :]
        with pytest.raises(GarbledReply, match="checksum"):
            wire.opened(broken)


@given(st.integers(-(10**9), 10**9), st.integers(0, 99), st.integers(1, 99), st.integers(0, 9), st.booleans())
def test_a_reply_round_trips(value: int, marker: int, address: int, axis: int, checked: bool) -> None:
    talk = wire.Talk(address, checksum=checked)
    text = f"{address:02d} {axis} {marker:02d} OK IDLE -- {value}"
    line = f"@{text}{':' + wire.checksum(text.encode()) if checked else ''}\r\n".encode()
    reply = play(
        talk.ask("get pos", marker, axis=axis), [(">", talk.encode("get pos", marker, axis=axis)), ("<", line)]
    )
    assert (wire.integer(reply, "it"), reply.checked) == (value, checked)


# ---- on the simulator ----------------------------------------------------------------------------------------------


def met(rigs: Callable[..., Rig], clock: Clock, options: Any = None, **settings: Any) -> Rig:
    return rigs("zaber.Stage", Stage, clock, name="stage", settings=MICROSTEP | settings, options=options)


def said(rig: Rig) -> list[str]:
    """The commands sent so far, without address, id and checksum."""
    return [line.decode().split(" ", 3)[-1].partition(":")[0].strip() for line in rig.sent()]


@pytest.fixture
def make(virtual: Clock, rigs: Callable[..., Rig]) -> Callable[..., Rig]:
    def one(options: Any = None, **settings: Any) -> Rig:
        rig = met(rigs, virtual, options, **settings)
        rig.device.connect()
        return rig

    return one


@pytest.fixture
def rig(make: Callable[..., Rig]) -> Rig:
    return make({"homed": True})


def test_meeting_it_moves_nothing(make: Callable[..., Rig]) -> None:
    rig = make()
    assert rig.device.identify() == {"model": "device 50081", "firmware": "7.34", "serial_number": "73412"}
    assert not any(line.split()[0] in ("home", "move", "set", "stop") for line in said(rig) if line)
    assert rig.far.axis.position == 30.0
    assert (rig.device.warning.get(), rig.device.readback.get()) == ("WR", 0.0)


def test_firmware_6_calls_its_id_otherwise(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, {"firmware": "6.28"})
    del rig.far.settings["device.id"]
    assert rig.device.identify()["model"] == "device 50081"
    rig.device.disconnect()


def test_another_serial_number_is_another_stage(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, serial_number=5)
    with pytest.raises(WrongInstrument, match="serial number 73412 answers, wanted is 5"):
        rig.device.connect()


@pytest.mark.parametrize(
    ("settings", "match"),
    [
        ({"microstep_um": 0}, "microstep_um"),
        ({"axis": 0}, "axis"),
        ({"limits": {"position": [5, 1]}}, "limits of position must be low <= high"),
        ({"speed": 3}, "speed"),
    ],
)
def test_settings_that_cannot_be(virtual: Clock, settings: dict[str, Any], match: str) -> None:
    with pytest.raises(InputError, match=match):
        Stage("stage", address="memory://x", clock=virtual, **(MICROSTEP | settings))


def test_usual_line(virtual: Clock) -> None:
    stage = Stage("stage", address="serial:///dev/ttyUSB2?bus=3", clock=virtual, **MICROSTEP)
    assert (stage.address.settings, stage.address.bus) == ({"baud": "115200"}, 3)
    assert (Stage.role, StageSettings.role) == ("stage", "stage")


def test_a_move_is_done_when_it_stands_there(rig: Rig) -> None:
    seen = list[dict[str, Any]]()

    def begin() -> ActionStatus:
        status: ActionStatus = rig.device.set(50.0)
        status.watch(lambda **told: seen.append(told))
        return status

    begun = rig.clock.now()
    told = rig.run(begin)
    assert told == {"position_mm": pytest.approx(50.0, abs=1e-4), "commanded_mm": 50.0}
    assert rig.clock.now() - begun == pytest.approx(20 / 20 + 0.1, abs=0.2)
    assert rig.far.axis.position == pytest.approx(50.0, abs=1e-4)
    assert rig.device.locate() == {"setpoint": 50.0, "readback": told["position_mm"]}
    assert seen[0]["current"] < seen[-1]["current"]
    assert (seen[0]["target"], seen[0]["unit"]) == (50.0, "mm")
    assert rig.device.describe()["stage_readback"]["units"] == "mm"
    assert sum(line.startswith("move abs") for line in said(rig)) == 1


def test_home_then_move(make: Callable[..., Rig]) -> None:
    rig = make()
    with pytest.raises(Refused, match=r'no reference position \(WR\).*Home it first: set\("home"\); nothing was moved'):
        rig.set(10)
    assert rig.far.axis.position == 30.0
    assert rig.set("home") == {"position_mm": 0.0, "homed": True}
    assert rig.far.axis.position == 0.0
    assert rig.set(10)["position_mm"] == pytest.approx(10, abs=1e-4)


def test_trigger_reads(rig: Rig) -> None:
    told = rig.run(rig.device.trigger)
    assert told == {"position_mm": pytest.approx(30, abs=1e-4), "moving": False, "warning": "--"}
    assert rig.device.action_class("trigger", None) == "read"
    assert rig.device.action_class("set", 5.0) == "queryable"


def test_a_speed_that_is_wanted_is_set(make: Callable[..., Rig]) -> None:
    rig, begun = make({"homed": True}, speed_mm_s=2.0), 0.0
    begun = rig.clock.now()
    rig.set(40)
    assert rig.clock.now() - begun == pytest.approx(5.0, abs=0.3)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (61, r"position 61 mm is outside the limits 0\.\.60 mm; nothing was sent"),
        (-1, "outside the limits"),
        (float("nan"), "a position in mm, or 'home'"),
        ("center", "a position in mm, or 'home'"),
        (True, "a position in mm, or 'home'"),
    ],
)
def test_what_must_not_be_sent(make: Callable[..., Rig], value: Any, match: str) -> None:
    rig = make({"homed": True}, limits={"position": [0, 60]})
    before = len(said(rig))
    with pytest.raises(OutsideLimits, match=match):
        rig.device.set(value)
    assert len(said(rig)) == before


def test_its_own_range(rig: Rig) -> None:
    with pytest.raises(OutsideLimits, match=r"100\.1 mm is outside its range 0\.\.100 mm"):
        rig.device.set(100.1)


def test_its_range_is_known_before_the_first_move(virtual: Clock, rigs: Callable[..., Rig]) -> None:
    rig = met(rigs, virtual, {"homed": True})
    with pytest.raises(OutsideLimits, match="outside its range"):
        rig.set(200)
    assert rig.far.axis.position == 30.0
    rig.device.disconnect()


def test_something_in_the_way_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make({"homed": True, "stuck": True})
    with pytest.raises(InstrumentAlarm, match=r"stopped at 30 on its way to 50 mm: it stalled and stopped \(FS\)"):
        rig.set(50)
    with pytest.raises(InstrumentAlarm, match="does not move: it stalled"):
        rig.set(50)
    rig.far.axis.blocked = False
    rig.device.make_safe()
    assert rig.set(50)["position_mm"] == pytest.approx(50, abs=1e-4)


def test_a_move_that_takes_too_long_is_stopped(make: Callable[..., Rig]) -> None:
    rig = make({"homed": True}, speed_mm_s=0.1, timeout_s=20)
    with pytest.raises(InstrumentAlarm, match="on its way to 60 mm after 20 s and was stopped"):
        rig.set(60)
    assert rig.bench.is_safe() == {"instrument": True}


@pytest.mark.parametrize("verb", ["halt", "make_safe"])
def test_halting_in_the_middle_of_a_move(rig: Rig, verb: str) -> None:
    status = rig.begin(100.0, 0.8)
    getattr(rig.device, verb)()
    assert isinstance(status.exception(1), InDoubt)
    assert rig.bench.is_safe() == {"instrument": True}
    assert 30 < rig.far.axis.position < 99
    rig.wait(20)
    assert rig.far.axis.position < 99
    assert rig.device.warning.get() == ("--" if verb == "make_safe" else "NI")
    assert rig.set(40)["position_mm"] == pytest.approx(40, abs=1e-4)


def test_power_that_goes_in_the_middle_of_a_move(rig: Rig) -> None:
    status = rig.begin(100.0, 0.8)
    rig.far.power_cycle()
    rig.wait(1)
    error = status.exception(1)
    assert isinstance(error, InstrumentAlarm)
    assert "no reference position (WR)" in str(error)
    with pytest.raises(Refused, match="Home it first"):
        rig.set(10)


def test_a_stage_that_somebody_else_moves(rig: Rig) -> None:
    rig.far.receive(b"/1 move min\n")
    with pytest.raises(Refused, match="moves already"):
        rig.set(10)


def test_alerts_are_no_answers(make: Callable[..., Rig]) -> None:
    rig = make({"homed": True, "alerts": True})
    for place in (29.9, 30.0, 29.9):
        assert rig.set(place)["position_mm"] == pytest.approx(place, abs=1e-4)


def test_without_checksums(make: Callable[..., Rig]) -> None:
    rig = make({"homed": True}, checksum=False)
    assert rig.set(31)["position_mm"] == pytest.approx(31, abs=1e-4)
    assert not any(b":" in line for line in rig.sent())


@pytest.mark.parametrize("kind", ["drop", "late", "garble", "hang", "disconnect"])
def test_a_fault_behind_a_move_leaves_it_in_doubt_and_the_next_command_is_right(rig: Rig, kind: Any) -> None:
    rig.bench.inject("instrument", kind, nth=2, seconds=0.8)  # the first answers the look before
    with pytest.raises(LinkError):
        rig.set(50)
    rig.bench.wire("instrument").mend()
    rig.wait(3)
    assert sum(line.startswith("move abs") for line in said(rig)) == 1
    told = rig.run(rig.device.trigger)
    assert told["position_mm"] == pytest.approx(50, abs=1e-4)
    assert rig.set(20)["position_mm"] == pytest.approx(20, abs=1e-4)


@pytest.mark.parametrize("checksum", [True, False])
@pytest.mark.parametrize("kind", ["drop", "late", "garble", "disconnect"])
@pytest.mark.parametrize("nth", [1, 2, 3, 4, 8, 11, 12])
def test_a_fault_anywhere_moves_once_or_says_so(make: Callable[..., Rig], checksum: bool, kind: Any, nth: int) -> None:
    rig = make({"homed": True}, checksum=checksum)
    rig.bench.inject("instrument", kind, nth=nth, seconds=0.8)
    try:
        assert rig.set(50)["position_mm"] == pytest.approx(50, abs=1e-4)
    except LinkError:
        rig.wait(3)
        intent = Intent("stage", "set", 50.0, "queryable", {"position_mm": 30.0})
        assert rig.clock.run(rig.device.do_reconcile(intent)).verdict in ("happened", "not")
    assert sum(line.startswith("move abs 1049") for line in said(rig)) <= 1
    rig.bench.wire("instrument").mend()  # one that has not come yet does not come any more
    assert rig.set(20)["position_mm"] == pytest.approx(20, abs=1e-4)
    assert rig.far.axis.position == pytest.approx(20, abs=1e-4)


@pytest.mark.parametrize("kind", ["drop", "late", "garble"])
def test_a_fault_behind_a_reading_is_overcome(rig: Rig, kind: Any) -> None:
    rig.bench.inject("instrument", kind, seconds=0.8)
    assert rig.run(rig.device.trigger)["position_mm"] == pytest.approx(30, abs=1e-4)


@pytest.mark.parametrize(
    ("at", "value", "context", "verdict"),
    [
        (50, 50.0, {"position_mm": 30.0}, "happened"),
        (30, 50.0, {"position_mm": 30.0}, "not"),
        (41, 50.0, {"position_mm": 30.0}, "partial"),
        (41, 50.0, {}, "partial"),
        (0, "home", {"position_mm": 30.0}, "happened"),
    ],
)
def test_reconciling_by_position(rig: Rig, at: float, value: Any, context: Any, verdict: str) -> None:
    rig.far.axis.position = at
    found = rig.clock.run(rig.device.do_reconcile(Intent("stage", "set", value, "queryable", context)))
    assert (found.verdict, found.amount) == (verdict, pytest.approx(at, abs=1e-4) if verdict == "partial" else None)


def test_nothing_to_reconcile_by(make: Callable[..., Rig]) -> None:
    rig, intent = make(), Intent("stage", "set", 5.0, "queryable", {"position_mm": 0.0})
    found = rig.clock.run(rig.device.do_reconcile(intent))
    assert (found.verdict, found.why) == ("unknown", "it has no reference position any more: home it")
    rig.set("home")
    rig.far.receive(b"/1 move max\n")
    assert rig.clock.run(rig.device.do_reconcile(intent)).verdict == "unknown"
    assert rig.clock.run(rig.device.do_prepare("trigger", None)) == {}


def test_prepare_notes_where_it_stands(rig: Rig) -> None:
    noted = rig.clock.run(rig.device.do_prepare("set", 5.0))
    assert noted == {"position_mm": pytest.approx(30, abs=1e-4), "referenced": True}


def test_one_that_does_not_stop(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.far.receive(b"/1 set maxspeed 30000\n/1 move max\n")
    monkeypatch.setattr(rig.far, "_halt", lambda: None)
    monkeypatch.setattr(rig.far.axis, "run", lambda *_: None)
    with pytest.raises(InstrumentAlarm, match=r"still moves .* cut its power"):
        rig.device.halt()


def test_samples_are_carried_out(make: Callable[..., Rig]) -> None:
    rig = make()
    for value in rig.device.samples():
        rig.set(value)


class TestStage(DriverContract):
    @pytest.fixture
    def instrument(self, scaled: Clock, rigs: Callable[..., Rig]) -> Iterator[Any]:
        rig = met(rigs, scaled, {"homed": True})
        yield rig.device
        rig.device.disconnect()
        rig.bench.close()

    @pytest.fixture
    def command(self) -> float:
        return 12.5


@pytest.mark.slow
@pytest.mark.parametrize("listen", ["tcp://127.0.0.1:0", "pty"])
def test_over_a_real_port(real: Clock, listen: str) -> None:
    with Bench.single("zaber.Stage", clock=real, settings=MICROSTEP) as bench:
        stage = Stage("stage", address=bench.serve(listen)["instrument"], clock=real, ports=Ports(real), **MICROSTEP)
        for value in ("home", 3.0, 1.0):
            status = stage.set(value)
            status.wait(20)
        assert stage.locate()["readback"] == pytest.approx(1.0, abs=1e-3)
        stage.make_safe()
        stage.disconnect()
