import pytest

from autolab.model.errors import InputError, InvalidSpace
from autolab.model.names import RESERVED, check_distinct, check_name, did_you_mean


@pytest.mark.parametrize("name", ["rate", "_x", "T1", "flow_rate", "température"])
def test_a_usable_name_passes(name: str) -> None:
    check_name(name, "parameter", InvalidSpace)


@pytest.mark.parametrize("name", ["", "2x", "a b", "a-b", "a.b", 3, None])
def test_a_name_that_is_no_identifier_is_refused_with_an_example(name: object) -> None:
    with pytest.raises(InvalidSpace, match=r"cannot name a parameter.*such as 'flow_rate'"):
        check_name(name, "parameter", InvalidSpace)


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_words_of_the_table_of_trials_are_reserved(name: str) -> None:
    with pytest.raises(InputError, match="cannot name an objective: the word is reserved"):
        check_name(name, "objective", InputError)


def test_a_name_given_twice_is_told() -> None:
    check_distinct(["a", "b"], "parameter", InvalidSpace)
    with pytest.raises(InvalidSpace, match="'a' names more than one parameter"):
        check_distinct(["a", "b", "a"], "parameter", InvalidSpace)


def test_a_remedy_lists_what_is_known() -> None:
    assert did_you_mean("presure", ["pressure", "rate"]).startswith("did you mean 'pressure'?")
    assert did_you_mean("zzz", ["pressure"]) == "known: pressure"
    assert did_you_mean("zzz", []) == "known: none"
    assert did_you_mean("zzz", [f"p{i}" for i in range(20)]).endswith(", ...")
