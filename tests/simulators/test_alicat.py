"""The simulated Alicat, byte for byte after the fact sheet and the maker's primer, and in time."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from autolab.model.clock import Clock
from autolab.model.errors import InputError
from autolab.simulators.bench import Bench

KEY = "alicat.FlowController"
Made = Callable[..., tuple[Bench, Any]]


@pytest.fixture
def alicat(clock: Clock, talk: Callable[[Bench, str], Any]) -> Made:
    def make(settings: dict[str, Any] | None = None, **options: Any) -> tuple[Bench, Any]:
        bench = Bench.single(KEY, clock=clock, settings={"unit": "SCCM", **(settings or {})}, options=options)
        return bench, talk(bench, "instrument")

    return make


def test_a_letter_alone_polls(alicat: Made) -> None:
    _, line = alicat()
    assert line.say(b"A\r") == b"A +014.62 +021.89 +000.00 +000.00 +000.00     N2\r"
    assert line.say(b"a\r").startswith(b"A +014.62")


def test_a_meter_has_no_set_point_and_a_totaliser_adds_a_value(alicat: Made) -> None:
    _, line = alicat({"kind": "meter"})
    assert line.say(b"A\r").split() == [b"A", b"+014.62", b"+021.89", b"+000.00", b"+000.00", b"N2"]
    _, line = alicat(totaliser=True, decimals=3)
    assert line.say(b"A\r").split()[3:] == [b"+000.000", b"+000.000", b"+000.000", b"+000.000", b"N2"]


def test_other_letters_are_not_answered(alicat: Made) -> None:
    _, line = alicat()
    for frame in (b"B\r", b"BS100\r", b"\r", b"7\r"):
        assert line.say(frame) == b""


def test_two_units_share_a_line(clock: Clock, talk: Callable[[Bench, str], Any]) -> None:
    lab: Any = {
        "instruments": {
            name: {"driver": KEY, "address": f"serial:///dev/ttyUSB0?bus={bus}", "unit": "SCCM"}
            for name, bus in (("first", 0), ("third", 2))
        }
    }
    line = talk(Bench(lab, clock=clock), "first")
    assert line.say(b"C\r").startswith(b"C +014.62")
    assert line.say(b"A\r").startswith(b"A +014.62")


def test_a_set_point_is_answered_by_a_frame_and_the_flow_follows(alicat: Made) -> None:
    _, line = alicat()
    assert line.say(b"AS12.50\r", 0.1).split()[5] == b"+012.50"
    line.wait(5.0)
    assert line.say(b"A\r").split()[4:6] == [b"+012.50", b"+012.50"]
    assert line.say(b"AS 20\r").split()[5] == b"+020.00"
    assert line.say(b"A32000\r").split()[5] == b"+250.00"  # of 64000


def test_a_set_point_out_of_range_ends_at_the_range(alicat: Made) -> None:
    _, line = alicat()
    assert line.say(b"AS9999\r").split()[5] == b"+500.00"
    assert line.say(b"AS-5\r").split()[5] == b"+000.00"


def test_nonsense_is_answered_with_a_question_mark(alicat: Made) -> None:
    _, line = alicat()
    for frame in (b"AQQ\r", b"ASabc\r", b"AR999\r", b"A!\r", b"AT\r", b"AG99\r", b"AGS 99\r", b"AW122\r"):
        assert line.say(frame) == b"?\r", frame


def test_registers(alicat: Made) -> None:
    _, line = alicat()
    assert line.say(b"AR122\r") == b"A   122 = 37\r"
    assert line.say(b"AW122=34\r") == b"A   122 = 34\r"
    assert line.say(b"A$$W46=4\r") == b"A   046 = 4\r"
    assert line.say(b"A$$R46\r") == b"A   046 = 4\r"
    assert line.say(b"A\r").split()[6] == b"CO2"
    assert line.say(b"A$$W46=400\r") == b"A   046 = 4\r"
    assert line.say(b"A$$r21\r") == b"A   021 = 450\r"
    assert line.say(b"A$$w21=300\r") == b"A   021 = 300\r"


def test_a_meter_passes_over_what_needs_a_valve(alicat: Made) -> None:
    _, line = alicat({"kind": "meter"})
    for frame in (b"AS10\r", b"AR122\r", b"A$$H\r", b"ALS\r", b"A32000\r"):
        assert line.say(frame) == b"", frame


def test_versions_tables_and_full_scale(alicat: Made) -> None:
    _, line = alicat()
    assert line.say(b"AVE\r") == b"A   10v20.0-R24 Jan  9 2025,15:04:07\r"
    assert line.say(b"AFPF 5\r") == b"A +500.00 12 SCCM\r"
    assert line.say(b"ALS 78.95\r") == b"A +078.95 +078.95 12 SCCM\r"
    assert line.say(b"ALSS\r") == b"A S\r"
    maker = line.say(b"A??M*\r").split(b"\r")
    assert (maker[4], maker[5], len(maker)) == (b"A  M04 Model Number MC-500SCCM-D", b"A  M05 Serial Number 521641", 11)
    table = line.say(b"A??D*\r").split(b"\r")
    assert table[5] == b"A D05 005 Mass Flow                  s decimal     7/2 012 02 SCCM"
    assert table[-2:] == [b"", b""]
    assert b"A G08       N2\r" in line.say(b"A??G*\r", 1.0)
    assert line.say(b"AGS 8 1\r") == b"A 8 N2 N2\r"


def test_old_firmware_knows_none_of_these(alicat: Made) -> None:
    _, line = alicat(modern=False)
    for frame in (b"AFPF 5\r", b"A??M*\r", b"ALS\r", b"AGS\r"):
        assert line.say(frame) == b"?\r"
    assert line.say(b"AVE\r").startswith(b"A   5v12")


def test_ramps(alicat: Made) -> None:
    _, line = alicat()
    assert line.say(b"ALSRC 1 0 1 0\r") == b"A 1 0 1 0\r"
    assert line.say(b"ALSRC\r") == b"A 1 0 1 0\r"
    assert line.say(b"ASR 25.00 4\r") == b"A 25.0000000 12 4 SCCM/s\r"


def test_keys_are_locked_and_freed(alicat: Made) -> None:
    _, line = alicat()
    assert line.say(b"A$$L\r").endswith(b"N2 LCK\r")
    assert line.say(b"A$$U\r").endswith(b"N2\r")


def test_a_hold_keeps_the_valve_whatever_the_set_point(alicat: Made) -> None:
    _, line = alicat()
    line.say(b"AS100\r", 5.0)
    assert line.say(b"A$$H\r").endswith(b"HLD\r")
    line.say(b"AS0\r", 5.0)
    assert line.say(b"A\r").split()[4:6] == [b"+100.00", b"+000.00"]
    line.say(b"A$$C\r", 5.0)
    assert line.say(b"A\r").split()[4] == b"+000.00"
    line.say(b"AS100\r", 5.0)
    line.say(b"AHC\r", 5.0)
    assert line.say(b"A\r").split()[4] == b"+000.00"


def test_a_drifting_zero_is_tared_away(alicat: Made) -> None:
    _, line = alicat(drift=1.0)
    line.wait(120.0)
    assert float(line.say(b"A\r").split()[4]) == pytest.approx(2.0, abs=0.05)
    line.say(b"A$$V\r", 0.1)
    assert float(line.say(b"A\r").split()[4]) == pytest.approx(0.0, abs=0.02)


def test_the_totaliser_counts_and_is_reset(alicat: Made) -> None:
    _, line = alicat(totaliser=True)
    line.say(b"AS60\r", 60.3)
    assert float(line.say(b"A\r").split()[6]) == pytest.approx(60.0, abs=0.6)
    assert float(line.say(b"AT\r", 0.1).split()[6]) < 0.1
    line.wait(60)
    assert float(line.say(b"AT 1\r", 0.1).split()[6]) < 0.1
    assert line.say(b"AT 9\r") == b"?\r"


def test_the_supply_ends_the_flow_and_the_range_is_told(alicat: Made) -> None:
    _, line = alicat(supply=30.0)
    line.say(b"AS100\r", 5.0)
    assert line.say(b"A\r").split()[4] == b"+030.00"
    bench, line = alicat()
    bench.instrument("instrument").body.offset = 700.0
    assert line.say(b"A\r").endswith(b"MOV\r")
    _, line = alicat(broken=True)
    assert line.say(b"A\r").endswith(b"ADC\r")


def test_an_analog_set_point_source_does_not_listen(alicat: Made) -> None:
    _, line = alicat(analog=True)
    assert line.say(b"AS100\r").split()[5] == b"+000.00"
    assert line.say(b"ALSS\r") == b"A A\r"


def test_power_closes_the_valve(alicat: Made) -> None:
    bench, line = alicat()
    line.say(b"AS100\r", 5.0)
    line.say(b"A$$L\r")
    assert not bench.instrument("instrument").is_safe()
    bench.instrument("instrument").power_cycle()
    assert bench.instrument("instrument").is_safe()
    line.wait(5.0)
    assert line.say(b"A\r").split()[4:] == [b"+000.00", b"+000.00", b"N2", b"LCK"]


def test_it_goes_on_from_a_snapshot(alicat: Made) -> None:
    bench, line = alicat()
    line.say(b"AS100\r", 5.0)
    kept = json.loads(json.dumps([bench.world.snapshot(), bench.instrument("instrument").snapshot()]))
    line.say(b"AS0\r", 5.0)
    bench.world.restore(kept[0])
    bench.instrument("instrument").restore(kept[1])
    assert line.say(b"A\r").split()[4:6] == [b"+100.00", b"+100.00"]


def test_an_option_that_nobody_knows_is_refused(alicat: Made) -> None:
    with pytest.raises(InputError, match="colour"):
        alicat(colour="red")
