"""The probes for pH, oxygen and temperature: bytes from the fact sheet, and the drivers on their simulators."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.atlas_ezo_do import DO
from autolab.drivers.atlas_ezo_family import EZO
from autolab.drivers.atlas_ezo_ph import PH
from autolab.drivers.atlas_ezo_rtd import RTD
from autolab.drivers.testing import TRIGGER, DriverContract, ScriptedChannel, play
from autolab.drivers.wire import Ports
from autolab.model.clock import Clock
from autolab.model.errors import (
    AutolabError,
    GarbledReply,
    InputError,
    InstrumentAlarm,
    LinkError,
    OutsideLimits,
    Refused,
    WrongInstrument,
)
from autolab.simulators.bench import Bench

KINDS: dict[type[EZO], str] = {PH: "atlas_ezo.PH", DO: "atlas_ezo.DO", RTD: "atlas_ezo.RTD"}
FIRST: dict[type[EZO], str] = {PH: "pH", DO: "oxygen_mg_L", RTD: "temperature_C"}
TRUE: dict[type[EZO], float] = {PH: 6.5, DO: 7.0, RTD: 37.0}


class Rig:
    """A probe in a liquid, on a bench in virtual time."""

    def __init__(self, clock: Clock, kind: type[EZO], options: dict[str, Any], settings: dict[str, Any]) -> None:
        self.clock, self.kind = clock, kind
        options = {"noise": 0.0, "drift_per_h": 0.0, **options}
        if kind is DO:
            settings = {"temperature_compensation_C": 25.0, **settings}
        self.bench = Bench.single(KINDS[kind], clock=clock, options=options, settings=settings, seed=3)
        self.far: Any = self.bench.instrument("instrument")
        self.liquid = {"conductivity": 1.0, "temperature": 25.0, "pH": 6.5, "oxygen": 7.0}
        if kind is RTD:
            self.liquid["temperature"] = 37.0
        self.far.site.truth = lambda: self.liquid
        self.far.site.seen = dict(self.liquid)
        self.heard: list[str] = []
        told, take = self.far.receive, self.heard

        def receive(data: bytes) -> None:
            take.extend(line for line in data.decode().split("\r")[:-1])
            told(data)

        self.far.receive = receive
        channel = self.bench.channel("instrument")
        self.probe: Any = kind(
            "probe", address="memory://instrument", channel=channel, clock=clock, ports=Ports(clock), **settings
        )

    def read(self, meanwhile: Callable[[], None] | None = None, after: float = 0.0) -> dict[str, Any]:
        """Trigger and return the result, or raise what it failed with."""

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

    def dip(self, **liquid: float) -> None:
        """Put the probe into another liquid, and wait until it has come to it."""
        self.liquid.update(liquid)
        self.clock.run(asyncio.sleep(600.0))

    def do(self, act: Callable[[], object]) -> None:
        async def acted() -> None:
            act()

        self.clock.run(acted())


@pytest.fixture
def make(virtual: Clock) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def one(kind: type[EZO], options: dict[str, Any] | None = None, **settings: Any) -> Rig:
        made.append(Rig(virtual, kind, options or {}, settings))
        return made[-1]

    yield one
    for rig in made:
        rig.probe.disconnect()
        rig.bench.close()


class ProbeContract(DriverContract):
    kind: type[EZO]

    @pytest.fixture
    def instrument(self, scaled: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[EZO]:
        monkeypatch.setattr(wire, "WAKING", 0.02)  # the kit's replies come in lab time, these waits are wall time
        monkeypatch.setattr(wire, "BEHIND", 0.1)
        bench = Bench.single(KINDS[self.kind], clock=scaled)
        channel = bench.channel("instrument")
        probe = self.kind("probe", address="memory://instrument", channel=channel, clock=scaled, ports=Ports(scaled))
        yield probe
        probe.disconnect()
        bench.close()

    @pytest.fixture
    def command(self) -> object:
        return TRIGGER


class TestPH(ProbeContract):
    kind = PH


class TestDO(ProbeContract):
    kind = DO


class TestRTD(ProbeContract):
    kind = RTD


# ---- bytes, from the fact sheet ------------------------------------------------------------------------------------


def lines(*transcript: str) -> list[tuple[str, bytes]]:
    return [(line[0], line[1:].encode("latin-1") + b"\r") for line in transcript]


@pytest.mark.parametrize(
    ("query", "transcript", "finding"),
    [
        (wire.info(), [">i", "<?I,pH,2.15"], ("PH", "2.15")),
        (wire.info(), [">i", "<?i,D.O.,1.98"], ("DO", "1.98")),
        (wire.info(), [">i", "<?I,RTD,2.01"], ("RTD", "2.01")),
        (wire.read(1, wire.Manners(usual=False)), [">R", "<7.001"], (7.001,)),
        (wire.read(2, wire.Manners(usual=False)), [">R", "<8.26,100.0"], (8.26, 100.0)),
        (wire.inquire("Slope,?", wire.Manners(usual=False)), [">Slope,?", "<?Slope,99.7,100.3,0.0"], ("99.7", "100.3", "0.0")),
        (wire.inquire("S,?", wire.Manners(usual=False)), [">S,?", "<?S,50000,\xb5S"], ("50000", "uS")),
        (wire.inquire("S,?", wire.Manners(usual=False)), [">S,?", "<?S,50000,\xc2\xb5S"], ("50000", "uS")),
        (wire.inquire("S,?", wire.Manners(usual=False)), [">S,?", "<?S,37.5,ppt"], ("37.5", "ppt")),
        (wire.inquire("P,?", wire.Manners(usual=False)), [">P,?", "<?,P,90.25"], ("90.25",)),
        (wire.inquire("O,?", wire.Manners(usual=False)), [">O,?", "<?,O,%,mg"], ("%", "mg")),
        (wire.inquire("S,?", wire.Manners(usual=False)), [">S,?", "<?S,c"], ("c",)),
        (wire.put("Cal,mid,7.000"), [">Cal,mid,7.000", "<*OK"], None),
    ],
)  # fmt: skip
def test_a_query_says_and_understands_this(query: Any, transcript: list[str], finding: object) -> None:
    assert play(query, lines(*transcript)) == finding


def test_a_micro_sign_anywhere_else_is_noise() -> None:
    with pytest.raises(GarbledReply, match="no line of an EZO circuit"):
        wire.text(b"12\xb5S4\r")


def test_a_circuit_with_older_firmware_is_read(virtual: Clock) -> None:
    """It knows neither the extended range nor the electrode's zero, and says no *OK behind data."""
    answers = {
        "i": "?I,pH,1.98", "T,?": "?T,25.00", "Cal,?": "?Cal,2", "Status": "?Status,B,3.3", "R": "6.999",
        "Slope,?": "?Slope,99.7,100.3", "pHext,?": "*ER",
    }  # fmt: skip
    channel = ScriptedChannel(
        lambda data: [answers.get(data.decode().strip(), "*OK").encode() + b"\r"] if data.strip() else [], clock=virtual
    )
    probe = PH("probe", address="memory://bench", clock=virtual, ports=Ports(virtual), channel=channel)
    assert probe.identify() == {"model": "EZO-PH", "firmware": "1.98", "serial_number": None}
    assert (probe.acid_slope.get(), probe.base_slope.get()) == (99.7, 100.3)
    assert math.isnan(probe.zero_offset.get())
    assert probe.slope() == {"acid_percent": 99.7, "base_percent": 100.3, "zero_mV": None}
    answers["Slope,?"] = "?Slope,99.7"
    with pytest.raises(GarbledReply, match="holds 1 fields instead of 3"):
        probe.slope()
    probe.disconnect()
    strict = PH(
        "strict", address="memory://other", clock=virtual, ports=Ports(virtual), channel=channel, extended_range=True
    )
    with pytest.raises(wire.NotUnderstood, match=r"'pHext,\?'"):
        strict.connect()


# ---- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_met_hushed_and_read(make: Callable[..., Rig], kind: type[EZO]) -> None:
    rig = make(kind)
    told = {PH: ("EZO-PH", "2.15"), DO: ("EZO-DO", "1.98"), RTD: ("EZO-RTD", "2.01")}[kind]
    assert rig.probe.identify() == {"model": told[0], "firmware": told[1], "serial_number": None}
    assert rig.heard[:3] == ["C,0", "i", "*OK,1"]
    assert rig.far.every == 0.0
    result = rig.read()
    assert result[FIRST[kind]] == pytest.approx(TRUE[kind], abs=0.01)
    assert (result["stable"], result["readings"]) == (True, 3)
    json.dumps([result, rig.probe.read(), rig.probe.read_configuration()])
    assert rig.probe.locate()["readback"] == result[FIRST[kind]]
    assert rig.probe.calibration() == {PH: 3, DO: 2, RTD: 1}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_circuit_of_another_kind_is_refused(make: Callable[..., Rig], kind: type[EZO]) -> None:
    rig = make(kind)
    rig.far.kind = "ORP"
    with pytest.raises(
        WrongInstrument, match=f"says that it is an EZO-ORP circuit; the lab file has an EZO-{kind.circuit}"
    ):
        rig.probe.connect()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["drop", "late", "garble", "hang", "disconnect"])
def test_a_fault_of_the_line_is_typed_and_the_next_reading_is_right(
    make: Callable[..., Rig], kind: type[EZO], fault: Any
) -> None:
    rig = make(kind, stability="immediate")
    before = rig.read()[FIRST[kind]]
    rig.dip(**{PH: {"pH": 8.0}, DO: {"oxygen": 3.0}, RTD: {"temperature": 60.0}}[kind])
    rig.bench.inject("instrument", fault, seconds=5.0)
    with pytest.raises(LinkError):
        rig.read()
    rig.bench.wire("instrument").mend()
    if fault == "late":
        rig.clock.run(asyncio.sleep(6.0))  # it comes in between
    after = rig.read()[FIRST[kind]]
    assert before == pytest.approx(TRUE[kind], abs=0.01)
    assert after == pytest.approx({PH: 8.0, DO: 3.0, RTD: 60.0}[kind], abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_a_restart_between_readings_is_made_good_and_one_in_the_middle_is_an_alarm(
    make: Callable[..., Rig], kind: type[EZO]
) -> None:
    settings = {} if kind is RTD else {"temperature_compensation_C": 30.0}
    rig = make(kind, **settings)
    rig.read()
    rig.do(rig.far.power_cycle)
    rig.clock.run(asyncio.sleep(5.0))
    assert rig.far.every == 1.0
    rig.read()
    assert rig.far.every == 0.0
    assert kind is RTD or rig.far.temperature == 30.0
    with pytest.raises(InstrumentAlarm, match=r"restarted \(\*RS.* while it was read"):
        rig.read(rig.far.power_cycle, after=1.5)
    rig.clock.run(asyncio.sleep(5.0))
    assert rig.read()["stable"] is True


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_nothing_to_set_and_it_is_always_safe(make: Callable[..., Rig], kind: type[EZO]) -> None:
    rig = make(kind)
    with pytest.raises(OutsideLimits, match=f"an EZO-{kind.circuit} probe has nothing to set"):
        rig.probe.set(1.0)
    assert rig.probe.samples() == ()
    rig.probe.halt()
    rig.probe.make_safe()


@pytest.mark.parametrize(
    ("kind", "limits", "match"),
    [
        (PH, {"pH": [6.8, 7.2]}, r"pH 6\.5 is outside the limits 6\.8\.\.7\.2"),
        (DO, {"oxygen": [8, 9]}, r"oxygen 7 mg/L is outside the limits 8\.\.9 mg/L"),
        (RTD, {"temperature": [10, 30]}, r"temperature 37 degC is outside the limits 10\.\.30 degC"),
    ],
)
def test_a_reading_outside_the_limits_is_an_alarm(
    make: Callable[..., Rig], kind: type[EZO], limits: Any, match: str
) -> None:
    rig = make(kind, limits=limits)
    with pytest.raises(InstrumentAlarm, match=match):
        rig.read()


@pytest.mark.parametrize(
    ("kind", "settings", "match"),
    [
        (PH, {"within_pH": 0}, "within_pH"),
        (PH, {"within_percent": 1}, "Settings: .*within_pH"),
        (PH, {"limits": {"pH": [8, 2]}}, "low <= high"),
        (DO, {"outputs": []}, "outputs"),
        (DO, {"outputs": ["mg", "mg"]}, "at most once"),
        (DO, {"salinity_PSU": -1}, "salinity_PSU"),
        (DO, {"pressure_bar": 101.3}, "pressure_bar"),
        (RTD, {"temperature_compensation_C": 25}, "Settings: .*within_C"),
    ],
)
def test_settings_that_cannot_be_are_named(virtual: Clock, kind: type[EZO], settings: Any, match: str) -> None:
    with pytest.raises(InputError, match=match):
        kind("probe", address="memory://x", clock=virtual, **settings)


@pytest.mark.parametrize("kind", [PH, DO])
def test_it_compensates_for_what_it_is_told_also_after_a_restart(make: Callable[..., Rig], kind: type[EZO]) -> None:
    rig = make(kind, stability="immediate")
    assert rig.probe.compensate(37.25) == 37.25
    assert rig.far.temperature == 37.25
    assert rig.read()["temperature_C"] == 37.25
    rig.do(rig.far.power_cycle)
    rig.clock.run(asyncio.sleep(5.0))
    assert rig.read()["temperature_C"] == 37.25
    assert rig.far.temperature == 37.25
    for impossible in (200, -20, math.nan, True, "warm"):
        with pytest.raises(
            OutsideLimits, match=r"no temperature to compensate for; it must lie in -20\.\.200; nothing"
        ):
            rig.probe.compensate(impossible)


# ---- pH ------------------------------------------------------------------------------------------------------------


def test_ph_is_calibrated_in_the_middle_first(make: Callable[..., Rig]) -> None:
    rig = make(PH, {"calibrated": False})
    assert rig.probe.calibration() == 0
    raw = rig.read()["pH"]
    assert abs(raw - 6.5) > 0.1
    for early in (rig.probe.calibrate_low, rig.probe.calibrate_high):
        with pytest.raises(Refused, match=r"comes after the middle one, which would forget it: calibrate_mid\(7.0\)"):
            early()
    for buffer, calibrate, points in (
        (7.0, rig.probe.calibrate_mid, 1), (4.0, rig.probe.calibrate_low, 2), (10.0, rig.probe.calibrate_high, 3),
    ):  # fmt: skip
        rig.dip(pH=buffer)
        assert calibrate(buffer) == points
    said = [text for text in rig.heard if text.startswith("Cal,") and "?" not in text]
    assert said == ["Cal,mid,7.000", "Cal,low,4.000", "Cal,high,10.000"]
    assert rig.probe.slope() == {"acid_percent": 98.2, "base_percent": 97.6, "zero_mV": -9.0}
    told = rig.probe.read_configuration()
    assert (told["probe_acid_slope"]["value"], told["probe_zero_offset"]["value"]) == (98.2, -9.0)
    for true in (2.0, 5.5, 8.8, 12.0):
        rig.dip(pH=true)
        assert rig.read()["pH"] == pytest.approx(true, abs=0.002)
    rig.dip(pH=7.0)
    assert rig.probe.calibrate_mid() == 1  # forgets the others
    assert rig.probe.clear_calibration() == 0


@pytest.mark.parametrize(
    ("point", "buffer"), [("mid", 4.0), ("low", 7.5), ("high", 4.0), ("low", math.nan), ("mid", True)]
)
def test_buffers_that_do_not_fit_their_point_are_refused(make: Callable[..., Rig], point: str, buffer: Any) -> None:
    rig = make(PH)
    rig.probe.connect()
    heard = len(rig.heard)
    with pytest.raises(OutsideLimits, match=f"is no buffer for the {point} point; it must lie in .*; nothing was sent"):
        getattr(rig.probe, f"calibrate_{point}")(buffer)
    assert len(rig.heard) == heard


def test_an_end_of_the_range_is_no_reading(make: Callable[..., Rig]) -> None:
    rig = make(PH)
    rig.dip(pH=14.5)
    with pytest.raises(InstrumentAlarm, match="reads 14, an end of its range, which stands for all beyond"):
        rig.read()
    wide = make(PH, extended_range=True)
    wide.dip(pH=14.5)
    assert wide.read()["pH"] == pytest.approx(14.5, abs=0.01)
    assert wide.far.extended
    wide.far.measure = lambda: "17.000"
    with pytest.raises(GarbledReply, match=r"17 is no pH of -1\.6\.\.15\.6"):
        wide.read()


def test_a_range_that_somebody_has_left_extended_is_put_back(make: Callable[..., Rig]) -> None:
    rig = make(PH)
    rig.far.extended = True
    rig.probe.connect()
    assert not rig.far.extended
    assert "pHext,0" in rig.heard


# ---- oxygen --------------------------------------------------------------------------------------------------------


def test_oxygen_is_told_in_both_units_where_that_is_wanted(make: Callable[..., Rig]) -> None:
    rig = make(DO, outputs=["%", "mg"], temperature_compensation_C=25.0)
    result = rig.read()
    assert result["oxygen_mg_L"] == pytest.approx(7.0, abs=0.01)
    assert result["saturation_percent"] == pytest.approx(100 * 7.0 / 8.26, abs=0.2)
    assert rig.probe.hints == {"fields": ["probe_oxygen", "probe_saturation"]}
    assert rig.probe.describe()["probe_oxygen"]["units"] == "mg/L"


def test_saturation_alone_is_never_taken_for_a_concentration(make: Callable[..., Rig]) -> None:
    rig = make(DO, outputs=["%"], temperature_compensation_C=25.0)
    result = rig.read()
    assert "oxygen_mg_L" not in result
    assert result["saturation_percent"] == pytest.approx(84.7, abs=0.2)
    assert math.isnan(rig.probe.oxygen.get())
    assert "probe_oxygen" not in rig.probe.read()
    assert rig.probe.locate()["readback"] == result["saturation_percent"]


def test_outputs_that_somebody_changes_void_the_reading(make: Callable[..., Rig]) -> None:
    rig = make(DO)
    assert rig.read()["oxygen_mg_L"] < 20
    rig.do(lambda: setattr(rig.far, "outputs", ["%"]))
    with pytest.raises(InstrumentAlarm, match="its outputs were changed to %: the reading is void"):
        rig.read()
    assert rig.probe.oxygen.get() < 20
    assert rig.read()["oxygen_mg_L"] == pytest.approx(7.0, abs=0.01)


def test_compensations_are_set_in_the_circuits_units(make: Callable[..., Rig]) -> None:
    rig = make(DO, salinity_PSU=35.0, pressure_bar=0.9025, temperature_compensation_C=15.5)
    rig.probe.connect()
    assert (rig.far.salinity, rig.far.salinity_unit) == (35.0, "ppt")
    assert (rig.far.pressure, rig.far.temperature) == (90.25, 15.5)
    told = rig.probe.read_configuration()
    assert (told["probe_salinity"]["value"], told["probe_pressure"]["value"]) == (35.0, 0.9025)


def test_a_salinity_in_conductivity_is_not_taken_for_one_in_psu(make: Callable[..., Rig]) -> None:
    rig = make(DO, salinity_PSU=35.0)
    rig.far.salinity, rig.far.salinity_unit = 35.0, "uS"
    rig.probe.connect()
    assert (rig.far.salinity, rig.far.salinity_unit) == (35.0, "ppt")
    other = make(DO)
    other.far.salinity, other.far.salinity_unit = 35.0, "ppt"
    other.far._set_salinity = lambda value, unit: []
    with pytest.raises(GarbledReply, match=r"the salinity reads back '35\.0 ppt' after it was set to 0 ppt"):
        other.probe.connect()


def test_oxygen_is_calibrated_in_air_and_without_any(make: Callable[..., Rig]) -> None:
    rig = make(DO, {"calibrated": False}, temperature_compensation_C=25.0)
    rig.dip(oxygen=0.0)
    assert rig.probe.calibrate_zero() == 2
    rig.dip(oxygen=8.263)
    assert rig.probe.calibrate_air() == 2
    for true in (8.2, 4.0, 0.5):
        rig.dip(oxygen=true)
        assert rig.read()["oxygen_mg_L"] == pytest.approx(true, abs=0.02)
    assert [text for text in rig.heard if text.startswith("Cal") and "?" not in text] == ["Cal,0", "Cal"]


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [("-0.5", GarbledReply, "negative: -0.5 mg/L"), ("101", InstrumentAlarm, r"101 mg/L of oxygen is beyond its range, 0\.\.100")],
)  # fmt: skip
def test_oxygen_that_cannot_be(make: Callable[..., Rig], said: str, error: type[AutolabError], match: str) -> None:
    rig = make(DO)
    rig.far.measure = lambda: said
    with pytest.raises(error, match=match):
        rig.read()


# ---- temperature ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", ["k", "f"])
def test_a_circuit_in_another_scale_is_set_to_degrees_celsius(make: Callable[..., Rig], scale: str) -> None:
    rig = make(RTD, {"scale": scale})
    assert rig.read()["temperature_C"] == pytest.approx(37.0, abs=0.01)
    assert rig.far.scale == "c"


@pytest.mark.parametrize(("scale", "unit"), [("k", "K"), ("f", "degF")])
def test_a_scale_that_somebody_changes_voids_the_reading(make: Callable[..., Rig], scale: str, unit: str) -> None:
    rig = make(RTD)
    rig.read()
    rig.do(lambda: setattr(rig.far, "scale", scale))
    with pytest.raises(InstrumentAlarm, match=f"its scale was changed to {unit}: the reading is void"):
        rig.read()
    assert rig.probe.temperature.get() == pytest.approx(37.0, abs=0.01)
    assert rig.read()["temperature_C"] == pytest.approx(37.0, abs=0.01)


def test_a_scale_that_cannot_be_changed_is_told(make: Callable[..., Rig]) -> None:
    rig = make(RTD, {"scale": "f"})
    rig.far.own = _without(rig.far.own, "S", "c")
    with pytest.raises(GarbledReply, match=r"its scale reads back 'f' \(degF\) after it was set to 'c'"):
        rig.probe.connect()


def _without(own: Any, word: str, argument: str) -> Any:
    """Return a circuit's commands of which one does nothing."""

    def most(said: str, arguments: list[str]) -> Any:
        task = own(said, arguments)
        return type(task)(lambda: []) if (said, arguments) == (word, [argument]) else task

    return most


def test_a_missing_probe_is_an_alarm(make: Callable[..., Rig]) -> None:
    rig = make(RTD, {"probe": False})
    with pytest.raises(InstrumentAlarm, match="has no probe: plug it in"):
        rig.read()
    assert math.isnan(rig.probe.temperature.get())


@pytest.mark.parametrize(
    ("said", "error", "match"),
    [("2500", GarbledReply, "2500 is no temperature"), ("1300", InstrumentAlarm, "1300 degC is beyond its range")],
)
def test_temperatures_that_cannot_be(
    make: Callable[..., Rig], said: str, error: type[AutolabError], match: str
) -> None:
    rig = make(RTD)
    rig.far.measure = lambda: said
    with pytest.raises(error, match=match):
        rig.read()


def test_a_temperature_is_calibrated_in_degrees_celsius(make: Callable[..., Rig]) -> None:
    rig = make(RTD, {"calibrated": False})
    assert rig.read()["temperature_C"] == pytest.approx(37.12, abs=0.001)
    rig.do(lambda: setattr(rig.far, "scale", "k"))
    assert rig.probe.calibrate(37.0) == 1
    assert rig.heard[-4:] == ["S,c", "S,?", "Cal,37.000", "Cal,?"]
    assert rig.read()["temperature_C"] == pytest.approx(37.0, abs=0.001)
    for impossible in (-200, 2000, True, math.nan, "hot"):
        with pytest.raises(
            OutsideLimits, match=r"no temperature to calibrate at; it must lie in -126\.\.1254; nothing"
        ):
            rig.probe.calibrate(impossible)
