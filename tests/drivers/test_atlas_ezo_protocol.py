"""EZO lines, byte for byte, from the fact sheet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.drivers import atlas_ezo_protocol as wire
from autolab.drivers.query import Query, ReadUntil, Write
from autolab.drivers.testing import play
from autolab.model.errors import GarbledReply, InstrumentTimeout, Refused


def quiet() -> wire.Manners:
    """Return those of a circuit that says no *OK behind data."""
    return wire.Manners(usual=False)


def talking(transcript: list[str]) -> list[tuple[str, bytes]]:
    """Return a transcript of `>sent` and `<said`."""
    return [(line[0], line[1:].encode() + b"\r") for line in transcript]


@pytest.mark.parametrize(
    ("query", "transcript", "finding"),
    [
        (wire.read(1, quiet()), [">R", "<1413"], (1413.0,)),
        (wire.read(1, quiet()), [">R", "<0.00"], (0.0,)),
        (wire.read(4, quiet()), [">R", "<1413,763,0.7,1.000"], (1413.0, 763.0, 0.7, 1.0)),
        (wire.read(1, quiet(), "RT,19.5"), [">RT,19.5", "<7.001"], (7.001,)),
        (wire.read(1, quiet()), [">R", "<-1.5"], (-1.5,)),
        (wire.inquire("K,?", quiet()), [">K,?", "<?K,1.0"], ("1.0",)),
        (wire.inquire("T,?", quiet()), [">T,?", "<?T,19.5"], ("19.5",)),
        (wire.inquire("Cal,?", quiet()), [">Cal,?", "<?Cal,2"], ("2",)),
        (wire.inquire("Cal,?", quiet()), [">Cal,?", "<?CAL,2"], ("2",)),
        (wire.inquire("Status", quiet()), [">Status", "<?Status,P,5.038"], ("P", "5.038")),
        (wire.inquire("Status", quiet()), [">Status", "<?STATUS,P,5.038"], ("P", "5.038")),
        (wire.inquire("O,?", quiet()), [">O,?", "<?O,EC,TDS,S,SG"], ("EC", "TDS", "S", "SG")),
        (wire.inquire("O,?", quiet()), [">O,?", "<?,O,EC,TDS,S,SG"], ("EC", "TDS", "S", "SG")),
        (wire.inquire("O,?", quiet()), [">O,?", "<?O"], ()),
        (wire.inquire("Name,?", quiet()), [">Name,?", "<?Name,cell 1"], ("cell 1",)),
        (wire.info(), [">i", "<?I,EC,2.10"], ("EC", "2.10")),
        (wire.info(), [">i", "<*OK", "<1413", "<?i,ec,2.10"], ("EC", "2.10")),
        (wire.put("C,0"), [">C,0", "<*OK"], None),
        (wire.put("C,0"), [">C,0", "<*ok"], None),
        (wire.put("Cal,one,12880", wire.CALIBRATION), [">Cal,one,12880", "<*OK"], None),
        (wire.read(1, quiet()), [">R", "<*OK", "<1413"], (1413.0,)),
    ],
)
def test_a_query_says_and_understands_this(query: Query[Any], transcript: list[str], finding: object) -> None:
    assert play(query, talking(transcript)) == finding


def test_it_is_woken_and_told_to_be_silent() -> None:
    assert play(wire.hush(), [(">", b"C,0\r")]) is None


@pytest.mark.parametrize(
    ("query", "said", "error", "match"),
    [
        (wire.put("X"), "*ER", wire.NotUnderstood, "does not understand 'X', or does not allow its argument"),
        (wire.put("C,0"), "1413", GarbledReply, r"the reply to 'C,0' is '1413' and not \*OK"),
        (wire.read(1, quiet()), "*ER", Refused, "does not understand 'R'"),
        (wire.read(1, quiet()), "14x3", GarbledReply, "the reply to 'R' is '14x3'"),
        (wire.read(1, quiet()), "1413,", GarbledReply, "the reply to 'R' is '1413,'"),
        (wire.read(1, quiet()), "nan", GarbledReply, "the reply to 'R' is 'nan'"),
        (wire.read(2, quiet()), "1413", GarbledReply, "1 numbers instead of 2: its outputs were changed"),
        (wire.inquire("K,?", quiet()), "?T,1.0", GarbledReply, "the reply to 'K,.' is '.T,1.0'"),
        (wire.inquire("K,?", quiet()), "*ER", Refused, "K,"),
        (wire.read(1, quiet()), "\x80\x81", GarbledReply, "no line of an EZO circuit"),
        (wire.read(1, quiet()), "", GarbledReply, "no line of an EZO circuit"),
    ],
)
def test_each_trouble_is_typed(query: Query[Any], said: str, error: type[Exception], match: str) -> None:
    assert isinstance(query.send(None), Write)
    assert isinstance(query.send(None), ReadUntil)
    with pytest.raises(error, match=match):
        query.send(said.encode("latin-1") + b"\r")


def test_one_that_never_answers_times_out_and_one_that_only_talks_is_garbled() -> None:
    with pytest.raises(InstrumentTimeout):
        play(wire.read(1, quiet()), talking([">R"]))
    with pytest.raises(GarbledReply, match="talks without answering 'R'"):
        play(wire.read(1, quiet()), talking([">R", *["<*OK"] * 5]))
    with pytest.raises(GarbledReply, match="does not say what it is"):
        play(wire.info(), talking([">i", *["<1413"] * 5]))


def test_whether_ok_stands_behind_data_is_learned() -> None:
    manners = wire.Manners()
    assert manners.says_ok("i") is None
    play(wire.inquire("i", manners), talking([">i", "<?I,EC,2.10", "<*OK"]))
    assert (manners.says_ok("i"), manners.says_ok("K")) == (True, None)
    play(wire.inquire("K,?", manners), talking([">K,?", "<?K,1.0"]))  # this one says none
    assert manners.says_ok("K") is False
    assert play(wire.inquire("K,?", manners), talking([">K,?", "<?K,1.0"])) == ("1.0",)


def test_a_circuit_that_says_no_ok_behind_its_name_is_not_waited_for_again() -> None:
    manners = wire.Manners()
    play(wire.inquire("i", manners), talking([">i", "<?I,EC,2.10"]))
    assert manners.usual is False
    assert play(wire.read(1, manners), talking([">R", "<1413"])) == (1413.0,)


def test_behind_data_stands_ok_or_nothing() -> None:
    manners = wire.Manners(usual=True, learned={"R": True})
    with pytest.raises(GarbledReply, match=r"behind the reply to 'R' stands '1420' and not \*OK"):
        play(wire.read(1, manners), talking([">R", "<1413", "<1420"]))
    with pytest.raises(InstrumentTimeout):
        play(wire.read(1, manners), talking([">R", "<1413"]))


@given(st.lists(st.floats(0, 500_000), min_size=1, max_size=4))
def test_every_reading_is_read(values: list[float]) -> None:
    told = [f"{value:.2f}" for value in values]
    found = play(wire.read(len(values), quiet()), talking([">R", "<" + ",".join(told)]))
    assert found == pytest.approx([float(text) for text in told])


@given(st.binary(max_size=30))
def test_any_bytes_are_a_line_or_garbled(data: bytes) -> None:
    try:
        said = wire.text(data + b"\r")
    except GarbledReply:
        return
    assert said.isprintable()
    assert "\r" not in said


@pytest.mark.parametrize(("said", "fine"), [("5.038", True), ("5", True), ("five", False), ("", False), ("1e5", False)])
def test_numbers_are_numbers(said: str, fine: bool) -> None:
    if fine:
        assert wire.number(said, "voltage") == float(said)
    else:
        with pytest.raises(GarbledReply, match=f"voltage: '{said}' is no number"):
            wire.number(said, "voltage")
