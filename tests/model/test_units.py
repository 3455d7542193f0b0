"""Units: what is the same, what can be converted, and how."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.model.units import _SCALES, conversion, plain_unit, same_unit

PAIRS = [(a, b) for scale in _SCALES.values() for a in scale for b in scale]


@pytest.mark.parametrize(
    ("old", "new", "value", "expected"),
    [
        ("K", "degC", 298.15, 25.0),
        ("degF", "degC", 212.0, 100.0),
        ("degC", "K", 0.0, 273.15),
        ("uS/cm", "mS/cm", 9340.0, 9.34),
        ("µS/cm", "mS/cm", 9340.0, 9.34),
        ("S/m", "mS/cm", 0.934, 9.34),
        ("uL", "mL", 250.0, 0.25),
        ("L", "mL", 0.002, 2.0),
        ("mL/h", "mL/min", 30.0, 0.5),
        ("h", "s", 1.5, 5400.0),
        ("mg", "g", 12.0, 0.012),
        ("%", "", 25.0, 0.25),
        ("mbar", "bar", 1013.25, 1.01325),
    ],
)
def test_known_conversions(old: str, new: str, value: float, expected: float) -> None:
    way = conversion(old, new)
    assert way is not None
    assert way(value) == expected


@pytest.mark.parametrize(
    ("old", "new"), [("mL", "g"), ("furlong", "mm"), ("degC", "s"), ("mol/L", "mol/kg"), ("", "V")]
)
def test_where_no_way_is_known(old: str, new: str) -> None:
    assert conversion(old, new) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("°C", "degC"), ("C", "degC"), ("ml/min", "mL/min"), ("μL", "uL"), ("µL", "uL"), ("percent", "%"), ("-", "")],
)
def test_ways_of_writing(one: str, other: str) -> None:
    assert same_unit(one, other)
    assert plain_unit(plain_unit(one)) == plain_unit(one)


def test_an_error_has_no_offset_and_no_sign() -> None:
    way = conversion("degF", "degC")
    assert way is not None
    assert way.error(9.0) == pytest.approx(5.0, rel=1e-12)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("K", "degC", "degC = K - 273.15"),
        ("degC", "K", "K = degC + 273.15"),
        ("uS/cm", "mS/cm", "mS/cm = uS/cm * 0.001"),
        ("%", "", "fraction = % * 0.01"),
    ],
)
def test_a_conversion_says_what_it_does(old: str, new: str, told: str) -> None:
    assert str(conversion(old, new)) == told


@given(st.sampled_from(PAIRS), st.floats(-1e6, 1e6))
def test_there_and_back_again(pair: tuple[str, str], value: float) -> None:
    there, back = conversion(*pair), conversion(pair[1], pair[0])
    assert there is not None
    assert back is not None
    kept = max(abs(value), abs(back.offset), 1e-6)  # digits are lost against an offset, not against the value
    assert back(there(value)) == pytest.approx(value, abs=1e-9 * kept)
