"""Promises of a space over random ones: parameters of every kind, constraints through a known point."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autolab.model.constraints import Linear
from autolab.model.errors import EmptySpace
from autolab.model.parameters import Categorical, Integer, Mixture, Ordinal, Parameter, Real
from autolab.model.space import Space

slow = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def parameters(draw: st.DrawFn) -> list[Parameter]:
    made: list[Parameter] = []
    for i in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["real", "log", "integer", "ordinal", "categorical"]))
        low = draw(st.integers(-5, 5))
        if kind == "real":
            made.append(Real(f"p{i}", low, low + draw(st.floats(0.1, 100))))
        elif kind == "log":
            made.append(Real(f"p{i}", 10.0**low, 10.0 ** (low + draw(st.integers(1, 3))), log=True))
        elif kind == "integer":
            made.append(Integer(f"p{i}", low, low + draw(st.integers(1, 12))))
        elif kind == "ordinal":
            steps = draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=1, max_size=4))
            made.append(Ordinal(f"p{i}", [float(v) for v in np.cumsum([low, *steps])]))
        else:
            made.append(Categorical(f"p{i}", list("uvw")[: draw(st.integers(2, 3))]))
    if draw(st.booleans()):
        count = draw(st.integers(2, 5))
        names = [f"m{i}" for i in range(count)]
        lows = draw(st.lists(st.sampled_from([0.0, 0.05, 0.1]), min_size=count, max_size=count))
        at_most = draw(st.one_of(st.none(), st.integers(1, count)))
        bounds = {name: (low, 1.0) for name, low in zip(names, lows, strict=True)}
        made.append(Mixture(names, bounds=bounds, at_most=at_most))
    return made


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    made = draw(parameters())
    plain = Space(made)
    (inside,) = plain.sample(1, draw(st.integers(0, 99)))
    numbers = [axis.name for axis in plain.axes if not isinstance(axis, Categorical)]
    constraints = []
    for _ in range(draw(st.integers(0, 2)) if numbers else 0):
        names = draw(st.lists(st.sampled_from(numbers), min_size=1, max_size=3, unique=True))
        weights = {name: float(draw(st.sampled_from([-2, -1, 1, 3]))) for name in names}
        total = sum(weight * float(inside[name]) for name, weight in weights.items())
        relation = draw(st.sampled_from(["<=", ">=", "=="]))
        slack = draw(st.sampled_from([0.0, 0.1, 1.0]))
        bound = total + {"<=": slack, ">=": -slack, "==": 0.0}[relation]
        constraints.append(Linear(weights, relation, bound))  # type: ignore[arg-type]
    return Space(made, constraints)  # never empty: `inside` satisfies it


@slow
@given(spaces(), st.integers(0, 2**53))
def test_samples_are_inside_and_distinct(space: Space, seed: int) -> None:
    points = space.sample(6, seed)
    assert 1 <= len(points) <= 6
    for point in points:
        assert space.faults(point) == []
        for row in space.rows:
            total = sum(weight * float(point[name]) for name, weight in row.weights.items())
            scale = max(1.0, *(abs(weight * float(point[name])) for name, weight in row.weights.items()))
            assert row.low - 1e-9 * scale <= total <= row.high + 1e-9 * scale
    assert len({space.key(point) for point in points}) == len(points)


@slow
@given(spaces(), st.integers(0, 2**32))
def test_encoding_goes_round(space: Space, seed: int) -> None:
    points = space.sample(4, seed)
    for point, back in zip(points, space.decode(space.encode(points)), strict=True):
        assert space.contains(back)
        np.testing.assert_allclose(space.encode([back]), space.encode([point]), atol=1e-7)


@slow
@given(spaces(), st.integers(0, 2**32))
def test_decoding_lands_inside_from_anywhere(space: Space, seed: int) -> None:
    wild = 2 * np.random.default_rng(seed).random((3, len(space.columns))) - 0.5
    for point in space.decode(wild):
        assert space.faults(point) == []


@slow
@given(parameters(), st.data())
def test_emptiness_agrees_with_brute_force_on_grids(made: list[Parameter], data: st.DataObject) -> None:
    grids = [one for one in made if isinstance(one, Integer | Ordinal)]
    if not grids:
        return
    table = np.array(np.meshgrid(*[np.array(one.grid, dtype=float) for one in grids])).reshape(len(grids), -1).T
    weights = [float(data.draw(st.sampled_from([-2, -1, 1, 3]))) for _ in grids]
    bound = float(data.draw(st.integers(-30, 30))) / 2
    names = [one.name for one in grids]
    exists = bool((np.abs(table @ weights - bound) < 1e-9).any())
    try:
        Space(grids, [Linear(dict(zip(names, weights, strict=True)), "==", bound)])
        found = True
    except EmptySpace:
        found = False
    assert found == exists
