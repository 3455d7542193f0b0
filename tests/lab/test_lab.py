import asyncio
import logging
from collections.abc import Callable

import pytest

from autolab.lab.declaration import InterlockDeclaration
from autolab.lab.lab import Lab
from autolab.lab.safety import GRACE, PATIENCE, SafeEntry, SafeReport, patience, safe_sequence
from autolab.model.clock import Clock
from autolab.model.errors import (
    GarbledReply,
    InputError,
    InstrumentAlarm,
    InstrumentDisconnected,
    InstrumentTimeout,
    LabNotReady,
    WrongInstrument,
)


def test_an_instrument_and_its_parts_are_found(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("plate", "b")
    plate = lab.instruments["plate"]
    assert lab.find("plate") is plate
    assert lab.find("plate.heater") is plate.heater
    assert lab.find("plate_heater") is plate.heater
    assert lab.find("plate.heater.readback") is plate.heater.readback
    assert repr(lab) == "<virtual lab: plate, b>"


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("plat", "no instrument 'plat': did you mean 'plate'"),
        ("plate.heatr", r"'plate' has no part 'heatr' \('plate.heatr'\): did you mean 'heater'"),
        ("plate_heatr", "no instrument 'plate_heatr'"),
        ("plate.told", "'plate' has no part 'told'"),
    ],
)
def test_what_is_not_there_is_told(make_lab: Callable[..., Lab], name: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        make_lab("plate").find(name)


# ---- connecting


def test_all_instruments_are_connected_at_the_same_time(
    make_lab: Callable[..., Lab], told: list[str], clock: Clock
) -> None:
    make_lab("a", "b", "c").connect()
    assert sorted(told) == ["a.connect", "b.connect", "c.connect"]
    assert clock.now() == 0.0


def test_one_report_tells_all_that_is_wrong(make_lab: Callable[..., Lab], told: list[str]) -> None:
    troubles = {
        "a": WrongInstrument("is a NE-500, expected a NE-1000", instrument="a", port="COM1", seen=b"00SNE500V3.9"),
        "b": InstrumentTimeout("no reply within 0.5 s", instrument="b", port="COM2"),
        "c": InstrumentDisconnected("the port is gone", instrument="c", port="COM3"),
        "d": GarbledReply("means nothing", instrument="d", port="COM4", seen=b"\xff\xfe"),
        "e": InstrumentAlarm("stalled", instrument="e"),
        "f": RuntimeError("a fault of the driver"),
        "g": "hang",
        "h": None,
    }
    lab = make_lab(*troubles, trouble={name: {"connect": trouble} for name, trouble in troubles.items()})
    with pytest.raises(LabNotReady) as caught:
        lab.connect()
    heading, *lines = str(caught.value).splitlines()
    assert heading == "7 of 8 instruments are not ready; nothing was started:"
    assert "a on COM1: WrongInstrument: is a NE-500, expected a NE-1000 (saw b'00SNE500V3.9'). Try: compare" in lines[0]
    assert "b on COM2: InstrumentTimeout: no reply within 0.5 s. Try: is it switched on" in lines[1]
    assert "c on COM3: InstrumentDisconnected: the port is gone. Try: check cable" in lines[2]
    assert "saw b'\\xff\\xfe'). Try: check baud rate" in lines[3]
    assert "e on its port: InstrumentAlarm: stalled. Try: clear the alarm" in lines[4]
    assert lines[5].strip() == "f on its port: RuntimeError: a fault of the driver"
    assert "g on its port: TimeoutError: no end within 30 s. Try: it opened" in lines[6]
    assert {f"{name}.disconnect" for name in troubles} <= set(told)


def test_a_cancelled_connection_gives_the_ports_back(
    make_lab: Callable[..., Lab], told: list[str], clock: Clock
) -> None:
    lab = make_lab("a", trouble={"a": {"connect": "hang"}})

    async def cancel_soon() -> None:
        task = asyncio.ensure_future(lab.do_connect())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    clock.run(cancel_soon())
    assert told == ["a.connect", "a.disconnect"]


def test_every_port_is_given_back(
    make_lab: Callable[..., Lab], told: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    lab = make_lab("a", "b", trouble={"a": {"disconnect": OSError("gone")}})
    with caplog.at_level(logging.CRITICAL, "autolab"):
        lab.disconnect()
    assert told == ["a.disconnect", "b.disconnect"]


# ---- making safe


def test_making_safe_follows_the_lab_files_order_then_the_rest(make_lab: Callable[..., Lab], told: list[str]) -> None:
    report = make_lab("a", "b", "c", "d", safe_order=("c", "b")).make_safe()
    assert told == [f"{name}.make_safe" for name in "cbad"]
    assert report.ok
    assert report.to_json() == {"ok": True, "order": ["c", "b", "a", "d"], "faults": {}}


def test_every_instrument_is_tried_even_if_others_fail(make_lab: Callable[..., Lab], told: list[str]) -> None:
    trouble = {
        "a": {"make_safe": InstrumentTimeout("no reply", instrument="a", port="COM1")},
        "b": {"make_safe": ValueError("x")},
    }
    report = make_lab("a", "b", "c", trouble=trouble).make_safe()
    assert told == ["a.make_safe", "b.make_safe", "c.make_safe"]
    assert not report.ok
    assert [entry.ok for entry in report.entries] == [False, False, True]
    assert report.to_json()["faults"] == {"a": "InstrumentTimeout: a on COM1: no reply", "b": "ValueError: x"}
    assert str(report) == "a: InstrumentTimeout: a on COM1: no reply; b: ValueError: x; c: ok"


def test_an_instrument_that_hangs_delays_the_next_a_little_and_is_reported(
    make_lab: Callable[..., Lab], told: list[str], clock: Clock
) -> None:
    lab = make_lab("a", "b", trouble={"a": {"make_safe": "hang"}})
    began = clock.now()
    report = lab.make_safe()
    assert clock.now() - began == pytest.approx(PATIENCE)
    assert told == ["a.make_safe", "b.make_safe"]
    assert report.entries[0].error == "did not answer within 30 s: go and look at it"
    assert report.entries[0].seconds == pytest.approx(PATIENCE)
    assert report.entries[1].ok


def test_the_next_instrument_does_not_wait_for_one_that_hangs(make_lab: Callable[..., Lab], clock: Clock) -> None:
    lab = make_lab("a", "b", trouble={"a": {"make_safe": "hang"}})
    when: list[float] = []

    async def note() -> None:
        when.append(clock.now())

    lab.instruments["b"].do_make_safe = note
    lab.make_safe()
    assert when == [pytest.approx(GRACE)]


def test_making_safe_runs_to_its_end_when_the_one_who_waits_gives_up(
    make_lab: Callable[..., Lab], told: list[str], clock: Clock
) -> None:
    lab = make_lab("a", "b", trouble={"a": {"make_safe": "hang"}})

    async def give_up() -> None:
        task = asyncio.ensure_future(lab.do_make_safe())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert told == ["a.make_safe"]
        await asyncio.sleep(GRACE)

    clock.run(give_up())
    assert told == ["a.make_safe", "b.make_safe"]


def test_motion_is_stopped_everywhere_at_once(make_lab: Callable[..., Lab], told: list[str], clock: Clock) -> None:
    trouble = {"a": {"halt": "hang"}, "b": {"halt": InstrumentTimeout("no reply")}}
    report = make_lab("a", "b", "c", trouble=trouble).halt()
    assert told == ["a.halt", "b.halt", "c.halt"]
    assert [entry.ok for entry in report.entries] == [False, False, True]
    assert clock.now() == pytest.approx(PATIENCE)


def test_declared_safe_values_are_reached_after_the_drivers_own(make_lab: Callable[..., Lab], told: list[str]) -> None:
    lab = make_lab("a", "b", safe={"a": {"heater": 25}, "b": {"heater": "off"}})
    report = lab.make_safe()
    assert report.ok
    assert lab.instruments["a"].heater.readback.get() == 25
    assert lab.instruments["b"].heater.readback.get() == 20.0


@pytest.mark.parametrize(
    ("safe", "match"),
    [
        ({"heatr": "off"}, "has no part 'heatr'"),
        ({"heater": 80}, r"instruments\.a\.safe\.heater: 80 cannot be: a_heater: 80 degC is above 60 degC"),
    ],
)
def test_a_safe_state_that_cannot_be_is_refused_when_the_lab_is_made(
    make_lab: Callable[..., Lab], safe: dict[str, object], match: str
) -> None:
    with pytest.raises(InputError, match=match):
        make_lab("a", safe={"a": safe})


def test_a_faulty_declaration_makes_no_lab(make_lab: Callable[..., Lab]) -> None:
    with pytest.raises(InputError, match=r"(?s)plumbing\.x: is no instrument.*interlocks\.0\.if.*is no condition"):
        make_lab("a", plumbing={"x": "y", "a": ("b", "c")}, interlocks=(InterlockDeclaration("a"),))


def test_patience_is_no_shorter_than_wall_time() -> None:
    real, fast, slow = Clock("real"), Clock("scaled", scale=200), Clock("scaled", scale=0.5)
    try:
        assert [patience(clock, 30) for clock in (real, fast, slow)] == [30, 6000, 30]
    finally:
        for clock in (real, fast, slow):
            clock.close()


def test_roles_in_the_plural_stand_for_all_that_play_them() -> None:
    roles = {"plate": "heater", "p1": "pump", "scale": "balance", "p2": "pump"}
    assert safe_sequence(["p2", "pumps", "plate"], roles) == ["p2", "p1", "plate", "scale"]
    with pytest.raises(InputError, match="safe_order: 'pump' is no instrument: did you mean 'pumps'"):
        safe_sequence(["pump"], roles)


def test_an_empty_report_is_well() -> None:
    assert SafeReport().ok
    assert str(SafeReport()) == "no instruments"
    assert not SafeReport((SafeEntry("a", "late"),)).ok


# ---- roles


def test_a_protocols_needs_are_compared_with_the_lab(make_lab: Callable[..., Lab]) -> None:
    lab = make_lab("a", "b")
    lab.check_roles({"pump": "pump", "oven": "heater"}, {"pump": "a", "oven": "b.heater"})
    with pytest.raises(InputError) as caught:
        lab.check_roles(
            {"pump": "pump", "scale": "balance", "oven": "heater"}, {"pmp": "a", "scale": "a", "oven": "a.volume"}
        )
    text = str(caught.value)
    assert "'pmp' is no need of the protocol: did you mean 'pump'" in text
    assert "nothing plays 'pump' (a pump): name an instrument of a, b" in text
    assert "'scale' must be a balance, but 'a' is a pump" in text
    assert "'oven' must be a heater, but 'a.volume' is a part without a role" in text
