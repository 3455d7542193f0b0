"""Collecting faults, and the names meant by names that are wrong."""

from autolab.model.errors import Fault, InputError
from autolab.spec.document import parse_document
from autolab.spec.findings import Findings, one_of


def findings() -> Findings:
    faults: list[Fault] = []
    document = parse_document("a: 1\nb:\n  c: 2\n", "f.yaml", faults)
    assert document is not None
    return Findings(document, faults)


def test_a_fault_stands_at_its_key_or_the_nearest_around_it() -> None:
    found = findings()
    found.add(("b", "c"), "is wrong.", "Right it.")
    found.add(("b", "d"), "is missing")
    assert [str(fault) for fault in found.faults] == [
        "f.yaml:3: b.c: is wrong. Right it",
        "f.yaml:2: b.d: is missing",
    ]


def test_a_fault_is_told_once() -> None:
    found = findings()
    found.add(("a",), "is wrong")
    found.add(("a",), "is wrong")
    assert len(found.faults) == 1


def test_errors_of_the_library_become_faults() -> None:
    found = findings()
    with found.at(("a",), "Do better"):
        raise InputError("7 is too much")
    assert str(found.faults[0]) == "f.yaml:1: a: 7 is too much. Do better"


def test_the_nearest_name_is_offered_whatever_its_case() -> None:
    assert one_of("New_Era.ne1000", ["new_era.NE1000"]) == "Did you mean 'new_era.NE1000'? Allowed: new_era.NE1000"
    assert one_of("zzz", ["a", "b", "a"]) == "Allowed: a, b"
    assert one_of("a", []) == "None is available"
