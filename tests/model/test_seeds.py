import json

from hypothesis import given
from hypothesis import strategies as st

from autolab.model.seeds import decision_seed, noise_seed

whole = st.integers(0, 10_000)


def test_seeds_are_pinned_for_journals_that_exist() -> None:
    assert decision_seed(7, 0) == 4775185378078296
    assert noise_seed(7, "balance", 3, 1) == 423109349234597


def test_seeds_of_neighbouring_decisions_and_campaigns_differ() -> None:
    assert len({decision_seed(7, i) for i in range(1000)} | {decision_seed(8, i) for i in range(1000)}) == 2000


@given(whole, whole)
def test_a_seed_is_exact_in_json(campaign: int, decision: int) -> None:
    seed = decision_seed(campaign, decision)
    assert 0 <= seed < 2**53
    assert int(float(seed)) == seed
    assert json.loads(json.dumps(seed)) == seed


@given(whole, st.sampled_from(["balance", "pump"]), whole, st.integers(1, 9))
def test_noise_depends_on_each_of_its_parts(campaign: int, instrument: str, trial: int, attempt: int) -> None:
    seed = noise_seed(campaign, instrument, trial, attempt)
    assert seed == noise_seed(campaign, instrument, trial, attempt)
    assert seed != noise_seed(campaign + 1, instrument, trial, attempt)
    assert seed != noise_seed(campaign, instrument + "2", trial, attempt)
    assert seed != noise_seed(campaign, instrument, trial + 1, attempt)
    assert seed != noise_seed(campaign, instrument, trial, attempt + 1)
    assert seed != decision_seed(campaign, trial)
