"""Ranges of ratios over spaces: against closed forms, brute force, and the space itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autolab.model.candidates import Candidates
from autolab.model.constraints import Linear
from autolab.model.parameters import Integer, Mixture, Real
from autolab.model.reachable import Ratio, amount_of, reach
from autolab.model.space import Space
from autolab.model.stocks import Composition, Stock, grams_of

SALT = Stock("salt", {"EC": 0.3, "EMC": 0.7}, {"LiPF6": 2.0}, density=1.29)
PC = Stock("PC", {"PC": 1.0}, density=1.205)
STOCKS = {"salt": SALT, "pc": PC}
MIXTURE = Mixture(["salt", "pc"], bounds={"salt": [0.2, 0.8]})

weights = st.dictionaries(st.sampled_from("abc"), st.floats(-5, 5), min_size=1)
positive = st.fixed_dictionaries({name: st.floats(0.1, 5) for name in "abc"})


def test_an_amount_is_that_of_the_mixed_solution() -> None:
    volumes = {"salt": 3.0, "pc": 5.0}
    made = Composition.of(grams_of(volumes, STOCKS))
    for species in ("EC", "PC", "EMC", "LiPF6"):
        assert amount_of(species, STOCKS).at(volumes) == pytest.approx(made.amount(species), rel=1e-12)


def test_a_species_that_no_stock_holds_has_the_amount_zero() -> None:
    assert reach(Space([MIXTURE]), amount_of("DMC", STOCKS)) == (0.0, 0.0)


def test_two_stocks_reach_what_their_ends_give() -> None:
    """Between two stocks every amount is monotonic in the share, so that the bounds' ends are the range's."""
    ends = [Composition.of(grams_of({"salt": share, "pc": 1 - share}, STOCKS)) for share in (0.2, 0.8)]
    assert reach(Space([MIXTURE]), amount_of("LiPF6", STOCKS)) == pytest.approx([one.salts["LiPF6"] for one in ends])
    assert reach(Space([MIXTURE]), amount_of("PC", STOCKS)) == pytest.approx([one.solvents["PC"] for one in ends[::-1]])


def test_other_parameters_and_constraints_between_them_count() -> None:
    space = Space([MIXTURE, Real("temperature", 20, 50)], ["salt + 0.01 * temperature <= 0.6"])
    assert reach(space, Ratio({"salt": 1.0}, {"salt": 1.0, "pc": 1.0})) == pytest.approx((0.2, 0.4))


def test_the_scale_of_a_mixture_does_not_matter() -> None:
    percent = Space([Mixture(["salt", "pc"], total=100, bounds={"salt": [20, 80]})])
    ratio = amount_of("LiPF6", STOCKS)
    assert reach(percent, ratio) == pytest.approx(reach(Space([MIXTURE]), ratio))


def test_components_may_be_absent_in_every_way() -> None:
    three = ["a", "b", "c"]
    ratio = Ratio({"a": 1.0, "b": 2.0, "c": 3.0}, dict.fromkeys(three, 1.0))
    assert reach(Space([Mixture(three, at_most=1)]), ratio) == pytest.approx((1, 3))
    pairs = Space([Mixture(three, bounds=dict.fromkeys(three, (0.4, 0.6)), at_most=2)])
    assert reach(pairs, ratio) == pytest.approx((1.4, 2.6))


def test_candidates_are_looked_at_one_by_one() -> None:
    pool = Candidates({"salt": [0.2, 0.5], "pc": [0.8, 0.5]})
    values = [amount_of("LiPF6", STOCKS).at(point) for point in pool.points]
    assert reach(pool, amount_of("LiPF6", STOCKS)) == (min(values), max(values))


def test_whole_numbers_are_taken_as_continuous() -> None:
    space = Space([Integer("a", 1, 3), Integer("b", 1, 3)])
    assert reach(space, Ratio({"a": 1.0}, {"a": 1.0, "b": 1.0})) == pytest.approx((0.25, 0.75))


def test_what_is_no_parameter_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'acid' is no parameter of the space: salt, pc"):
        reach(Space([MIXTURE]), Ratio({"acid": 1.0}, {"salt": 1.0}))


@settings(deadline=None, max_examples=40)
@given(weights, positive, st.integers(0, 2**32 - 1))
def test_no_point_lies_outside_the_range_and_the_ends_are_reached(
    above: dict[str, float], below: dict[str, float], seed: int
) -> None:
    """A ratio is quasi-linear: its ends lie at vertices, which for a simplex with bounds are found by brute force."""
    bounds = {"a": (0.1, 0.7), "b": (0.0, 0.5), "c": (0.2, 0.9)}
    low, high = reach(Space([Mixture(list("abc"), bounds=bounds)]), Ratio(above, below))
    vertices = []
    for free in "abc":
        first, second = (name for name in "abc" if name != free)
        for x in bounds[first]:
            for y in bounds[second]:
                point = {first: x, second: y, free: 1 - x - y}
                if bounds[free][0] - 1e-12 <= point[free] <= bounds[free][1] + 1e-12:
                    vertices.append(Ratio(above, below).at(point))
    assert low == pytest.approx(min(vertices), abs=1e-7)
    assert high == pytest.approx(max(vertices), abs=1e-7)
    shares = np.random.default_rng(seed).dirichlet(np.ones(3), 20)
    for point in (dict(zip("abc", row, strict=True)) for row in shares):
        if all(bounds[name][0] <= share <= bounds[name][1] for name, share in point.items()):
            assert low - 1e-7 <= Ratio(above, below).at(point) <= high + 1e-7


@given(positive, positive, st.floats(0.05, 3), positive)
def test_a_told_constraint_keeps_the_limit_and_is_hardly_stricter(
    above: dict[str, float], below: dict[str, float], limit: float, point: dict[str, float]
) -> None:
    ratio = Ratio(above, below)
    value, scale = ratio.at(point), sum(point.values())
    for side, kept in ((ratio.at_most(limit), value <= limit), (ratio.at_least(limit), value >= limit)):
        if side is None:
            continue
        assert Linear.parse(str(side)) == side
        excess = side.excess(point)
        if excess <= 0:
            assert kept or value == pytest.approx(limit, rel=1e-9)
        elif kept:
            assert excess <= 1.001e-4 * scale


def test_no_constraint_is_told_where_nothing_is_weighed() -> None:
    assert Ratio({"a": 0.0}, {"a": 0.0}).at_most(1.0) is None
    assert Ratio({"a": 2.0}, {"a": 1.0}).at_least(2.0) is None
