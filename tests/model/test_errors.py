import inspect
import re

import pytest

from autolab.model import errors
from autolab.model.errors import (
    AutolabError,
    Fault,
    FaultyFile,
    InputError,
    InstrumentTimeout,
    OutsideLimits,
    TrialFailed,
)

TREE = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, Exception)]


def test_every_error_is_in_one_tree_and_documented() -> None:
    for one in TREE:
        assert issubclass(one, AutolabError)
        assert one.__doc__


def test_the_tree_at_the_head_of_the_module_names_every_error() -> None:
    drawn = set(re.findall(r"\b[A-Z]\w+", errors.__doc__ or ""))
    assert {one.__name__ for one in TREE} <= drawn


def test_a_fault_says_where_what_and_what_to_do() -> None:
    fault = Fault("campaign.yaml", 7, "space.rate.bounds", "low 5 is not below high 1", "Give low first")
    assert str(fault) == "campaign.yaml:7: space.rate.bounds: low 5 is not below high 1. Give low first"
    assert str(Fault("a.yaml", 0, "", "it is empty")) == "a.yaml: it is empty"


def test_a_faulty_file_tells_all_of_its_faults() -> None:
    faults = [Fault("a.yaml", line, "k", "wrong") for line in (1, 2)]
    error = FaultyFile(faults)
    assert isinstance(error, InputError)
    assert error.faults == tuple(faults)
    assert str(error).splitlines() == ["a.yaml:1: k: wrong", "a.yaml:2: k: wrong"]


def test_an_instrument_error_names_port_command_and_bytes() -> None:
    error = InstrumentTimeout(
        "no reply in 1 s", instrument="pump", port="serial:///dev/ttyUSB0", command=b"VOL\r", seen=b"\x02"
    )
    assert str(error) == "pump on serial:///dev/ttyUSB0: no reply in 1 s (sent b'VOL\\r', saw b'\\x02')"
    assert str(OutsideLimits("60 degC is above 50")) == "60 degC is above 50"
    assert str(InstrumentTimeout("late", command=b"S")) == "late (sent b'S', saw b'')"


def test_a_failed_trial_keeps_its_reason() -> None:
    with pytest.raises(TrialFailed, match="clogged") as caught:
        raise TrialFailed("clogged")
    assert caught.value.reason == "clogged"
