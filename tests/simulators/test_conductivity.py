"""The conductivity of LiPF6 in EC/PC/EMC: limits, shape, and the data behind it."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from autolab.simulators import fit_conductivity
from autolab.simulators.conductivity import FITTED, HULL, KELVIN, SATURATED, conductivity, outside_hull
from autolab.simulators.fit_conductivity import Data

TABLE = Path(__file__).parents[3] / "shared" / "data" / "electrolyte_conductivity.csv"

shares = st.tuples(*3 * [st.floats(0.0, 1.0)]).filter(lambda told: sum(told) > 0.01)
molalities = st.floats(0.0, 2.3)
temperatures = st.floats(-79.0, 60.0)


@pytest.fixture(scope="module")
def data() -> Data:
    if not TABLE.exists():
        pytest.skip(f"the measured values are not part of autolab; {TABLE} is not there")
    return Data.read(TABLE)


def normed(told: tuple[float, ...]) -> tuple[float, float, float]:
    ec, pc, emc = (share / sum(told) for share in told)
    return ec, pc, emc


def best_molality(ec: float, pc: float, emc: float, temperature: float) -> float:
    return float(minimize_scalar(lambda m: -conductivity(m, ec, pc, emc, temperature), bounds=(0.01, 3.0)).x)


# --- what is known of these solutions -------------------------------------------------------------------------------


def test_the_usual_electrolyte_has_its_maximum_where_batteries_are_filled() -> None:
    best = best_molality(0.3, 0.0, 0.7, 25.0)

    assert 0.7 < best < 1.6
    assert 8.0 < conductivity(best, 0.3, 0.0, 0.7, 25.0) < 10.0


def test_in_pc_the_maximum_is_where_others_found_it() -> None:
    # "about 0.8 M" at 25 degC (Kondo et al., J. Phys. Chem. B 104 (2000) 5040, not among the data); 1 L holds 1.16 kg of PC
    assert best_molality(0.0, 1.0, 0.0, 25.0) == pytest.approx(0.8 / 1.16, rel=0.1)


def test_pc_alone_conducts_less_and_wants_less_salt() -> None:
    assert conductivity(1.0, 0.0, 1.0, 0.0, 25.0) < 0.75 * conductivity(1.0, 0.3, 0.0, 0.7, 25.0)
    assert best_molality(0.0, 1.0, 0.0, 25.0) < best_molality(0.3, 0.0, 0.7, 25.0)


def test_in_the_cold_the_linear_carbonate_helps_and_warmth_wants_more_salt() -> None:
    assert conductivity(1.0, 0.0, 1.0, 0.0, -40.0) < 0.3 * conductivity(1.0, 0.3, 0.0, 0.7, -40.0)
    assert best_molality(0.3, 0.0, 0.7, 50.0) > best_molality(0.3, 0.0, 0.7, 0.0) + 0.1


def test_emc_alone_hardly_dissolves_ions_until_there_is_much_salt() -> None:
    per_mol = [conductivity(m, 0.0, 0.0, 1.0, 25.0) / m for m in (0.1, 0.5, 1.0)]

    assert per_mol[0] < per_mol[1] < per_mol[2]
    assert conductivity(0.5, 0.3, 0.0, 0.7, 25.0) > 4.0 * conductivity(0.5, 0.0, 0.0, 1.0, 25.0)


# --- limits ---------------------------------------------------------------------------------------------------------


def test_the_formula_in_pc_alone_by_hand() -> None:
    above = 25.0 + KELVIN - FITTED.t[1] - FITTED.g
    exponent = FITTED.a[1] + FITTED.b[1] + FITTED.c[1] - FITTED.pairing / (64.9 + FITTED.dipoles) - FITTED.vogel / above

    assert conductivity(1.0, 0.0, 1.0, 0.0, 25.0) == pytest.approx(math.exp(exponent), rel=1e-12)


@pytest.mark.parametrize("molality", [0.0, -1e-12, -1.0])
def test_without_salt_nothing_conducts(molality: float) -> None:
    assert conductivity(molality, 0.3, 0.0, 0.7, 25.0) == 0.0


def test_without_solvent_nothing_conducts() -> None:
    assert conductivity(1.0, 0.0, 0.0, 0.0, 25.0) == 0.0


@given(shares, temperatures)
def test_the_last_traces_of_salt_conduct_in_proportion(told: tuple[float, float, float], temperature: float) -> None:
    ec, pc, emc = normed(told)
    little, less = (conductivity(m, ec, pc, emc, temperature) for m in (1e-8, 1e-9))

    assert little == pytest.approx(10.0 * less, rel=1e-2)


@given(shares, st.floats(1e-6, 0.28), st.floats(15.0, 60.0))
def test_a_rinse_that_dilutes_lowers_the_conductivity(
    told: tuple[float, float, float], molality: float, temperature: float
) -> None:
    assert conductivity(0.9 * molality, *told, temperature) < conductivity(molality, *told, temperature)


@given(shares, molalities.filter(lambda m: m > 1e-9), temperatures, st.floats(0.1, 20.0))
def test_warmer_conducts_better(
    told: tuple[float, float, float], molality: float, temperature: float, more: float
) -> None:
    colder, warmer = (conductivity(molality, *told, at) for at in (temperature, temperature + more))

    assert colder < warmer or colder == warmer < 1e-13  # stiff as glass


@given(shares, st.floats(-1.0, 1e6), st.floats(-273.0, 1000.0))
def test_it_is_finite_and_not_negative_anywhere(
    told: tuple[float, float, float], molality: float, temperature: float
) -> None:
    assert 0.0 <= conductivity(molality, *told, temperature) < 1e4


@given(shares, st.floats(0.3, 2.3), st.floats(15.0, 60.0))
def test_within_the_bench_s_reach_it_stays_near_what_was_measured(
    told: tuple[float, float, float], molality: float, temperature: float
) -> None:
    ec, pc, emc = normed(told)

    assert 0.2 < conductivity(molality, min(ec, 0.6), pc, emc, temperature) < 18.0


@given(shares, molalities, temperatures, st.floats(0.1, 10.0))
def test_only_proportions_of_the_solvents_count(
    told: tuple[float, float, float], molality: float, temperature: float, factor: float
) -> None:
    ec, pc, emc = (factor * share for share in told)

    assert conductivity(molality, ec, pc, emc, temperature) == pytest.approx(conductivity(molality, *told, temperature))


def test_beyond_saturation_more_salt_changes_nothing() -> None:
    at, beyond = (conductivity(m, 0.3, 0.0, 0.7, 25.0) for m in (SATURATED, 2.0 * SATURATED))

    assert at == beyond > 0.0


def test_it_is_smooth_along_the_salt() -> None:
    molality = np.linspace(0.0, 2.9, 2901)
    slope = np.diff([conductivity(m, 0.2, 0.3, 0.5, 30.0) for m in molality]) / 1e-3

    assert np.max(np.abs(np.diff(slope[100:]))) < 0.2  # no jump of the slope; it is about 30 where the salt begins
    assert np.sum(np.diff(np.sign(slope)) != 0) == 1  # up, and down again


# --- the hull -------------------------------------------------------------------------------------------------------


def test_the_hull_is_the_data_s() -> None:
    assert HULL["EC"] == (0.0, 0.6)
    assert HULL["LiPF6"] == (0.28, 2.3)
    assert outside_hull(1.0, 0.3, 0.0, 0.7, 25.0) == []
    assert outside_hull(2.3, 0.6, 0.4, 0.0, 60.0) == []


@pytest.mark.parametrize(
    ("solution", "fault"),
    [
        ((1.0, 0.61, 0.0, 0.39, 25.0), "EC 0.61 lies outside 0 to 0.6"),
        ((0.2, 0.3, 0.0, 0.7, 25.0), "LiPF6 0.2 mol/kg lies outside 0.28 to 2.3 mol/kg"),
        ((2.4, 0.3, 0.0, 0.7, 25.0), "LiPF6 2.4 mol/kg lies outside 0.28 to 2.3 mol/kg"),
        ((1.0, 0.3, 0.0, 0.7, 61.0), "temperature 61 degC lies outside -79 to 60 degC"),
        ((1.0, 0.3, 0.0, 0.5, 25.0), "EC, PC and EMC add up to 0.8"),
    ],
)
def test_what_lies_outside_is_named(solution: tuple[float, float, float, float, float], fault: str) -> None:
    (told,) = outside_hull(*solution)

    assert told.startswith(fault)


def test_every_fault_is_told() -> None:
    assert len(outside_hull(0.0, 0.7, -0.1, 0.4, 90.0)) == 4


# --- the fit --------------------------------------------------------------------------------------------------------


def test_both_writings_of_the_formula_agree() -> None:
    random = np.random.default_rng(0)
    solvents = random.dirichlet(np.ones(3), 200)
    molality, celsius = random.uniform(0.01, 3.5, 200), random.uniform(-79.0, 60.0, 200)
    none = np.zeros(200)
    rows = Data(solvents, molality, celsius + KELVIN, none, none)

    told = [
        conductivity(m, ec, pc, emc, t)
        for m, (ec, pc, emc), t in zip(molality, solvents.tolist(), celsius, strict=True)
    ]

    assert fit_conductivity.predict(fit_conductivity.written(), rows) == pytest.approx(told, rel=1e-9)


def test_the_fit_finds_the_coefficients_that_made_the_values() -> None:
    random = np.random.default_rng(1)
    solvents = random.dirichlet(np.ones(3), 400)
    salt, kelvin = random.uniform(0.3, 2.3, 400), random.uniform(230.0, 333.0, 400)
    blank = Data(solvents, salt, kelvin, np.zeros(400), np.full(400, ""))
    true = fit_conductivity.written()

    fitted = fit_conductivity.fit(Data(solvents, salt, kelvin, fit_conductivity.predict(true, blank), blank.paper))

    assert fitted == pytest.approx(true, rel=1e-3)


def test_scores_are_those_of_the_closed_forms() -> None:
    told = fit_conductivity.scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))

    assert told == pytest.approx({"R2": 0.5, "RMSE": math.sqrt(1 / 3), "mean": 1 / 9, "median": 0.0})


def test_folds_keep_groups_together() -> None:
    groups = np.repeat(np.arange(50), 3)
    dealt = fit_conductivity.folds(groups).reshape(50, 3)

    assert (dealt == dealt[:, :1]).all()
    assert np.bincount(dealt[:, 0]).tolist() == [5] * 10


def test_no_solution_is_in_two_folds(data: Data) -> None:
    solutions = data.solution
    dealt = fit_conductivity.folds(solutions)

    assert all(len(set(dealt[solutions == one])) == 1 for one in set(solutions))
    assert len(data) == 1091


@pytest.mark.slow
def test_the_coefficients_are_those_of_the_data(data: Data) -> None:
    assert fit_conductivity.apart(data, fit_conductivity.fit(data)) < fit_conductivity.SAME


@pytest.mark.slow
def test_unseen_solutions_are_predicted(data: Data) -> None:
    told = fit_conductivity.scores(
        data.measured, fit_conductivity.left_out(data, fit_conductivity.folds(data.solution))
    )

    assert told["R2"] >= 0.97
    assert told["median"] < 0.03


def errors_in(lines: list[str]) -> dict[str, list[float]]:
    """Read a table of errors: what was predicted from what -> values, R2, RMSE, mean and median relative error."""
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {row[0]: [float(cell.rstrip("%")) for cell in row[1:]] for row in cells if row[1].isdigit()}


@pytest.mark.slow
def test_the_table_of_errors_in_the_docs_is_what_the_script_tells(data: Data) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "worlds" / "electrolyte.md").read_text(encoding="utf-8")
    shown = errors_in(page.split("## Conductivity")[1].split("\n## ")[0].splitlines())
    told = errors_in(list(fit_conductivity.report(data, fit_conductivity.fit(data))))

    assert len(told) == 22
    assert shown.keys() == told.keys()
    for what, row in told.items():
        assert shown[what] == pytest.approx(row, rel=0.01, abs=0.11), what  # the last digit may differ elsewhere


@pytest.mark.slow
def test_the_script_checks(data: Data, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit_conductivity.main([str(TABLE), "--check"]) == 0
    assert "accepted" in capsys.readouterr().out

    lines = TABLE.read_text(encoding="utf-8").splitlines()
    other = tmp_path / "without_emc.csv"
    other.write_text("\n".join([lines[0], *(line for line in lines[1:] if line.endswith(",0.0"))]), encoding="utf-8")

    assert fit_conductivity.main([str(other), "--check"]) == 1
