"""What people may rely on, pinned: a change here is a change for them, and goes into the CHANGELOG."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
import typer

import autolab as al

NAMES = [
    "AutolabError",
    "Budget",
    "Campaign",
    "Candidates",
    "Categorical",
    "Cost",
    "InputError",
    "Integer",
    "Linear",
    "Measurement",
    "Mixture",
    "Nonlinear",
    "Objective",
    "Ordinal",
    "OutcomeConstraint",
    "Problem",
    "Real",
    "Review",
    "Space",
    "Suggestion",
    "Trial",
    "TrialFailed",
    "load",
    "planners",
]
COMMANDS = {
    "answer",
    "approve",
    "check",
    "drivers list",
    "drivers test",
    "export",
    "import",
    "init",
    "invalidate",
    "lab doctor",
    "lab list",
    "lab probe",
    "lab safe",
    "lab wire",
    "prefer",
    "rehearse",
    "reject",
    "replay",
    "report",
    "resolve",
    "run",
    "schema",
    "simulate",
    "status",
    "stop",
    "study",
}
INSTRUMENTS = {
    "alicat.FlowController",
    "atlas_ezo.DO",
    "atlas_ezo.EC",
    "atlas_ezo.PH",
    "atlas_ezo.RTD",
    "bronkhorst.FlowController",
    "epics.Motor",
    "epics.PV",
    "eurotherm.Controller",
    "generic.Query",
    "grbl.Gantry",
    "hamilton.ML600",
    "harvard.Elite11",
    "heidolph.HeiConnect",
    "huber.Circulator",
    "ika.RCT",
    "ismatec.RegloICC",
    "julabo.Circulator",
    "marlin.Gantry",
    "mettler_toledo.Balance",
    "modbus.Controller",
    "new_era.NE1000",
    "operator.Person",
    "rodeostat.Rodeostat",
    "runze.Valve",
    "sartorius.Balance",
    "scpi.Multimeter",
    "scpi.SourceMeter",
    "tecan.XCalibur",
    "vacuubrand.CVC3000",
    "vici.Valve",
    "zaber.Stage",
}
PLANNERS = {
    "ax",
    "baybe",
    "bayes",
    "box_behnken",
    "central_composite",
    "d_optimal",
    "factorial",
    "farthest",
    "forest",
    "from_optimizer",
    "i_optimal",
    "k_medoids",
    "learn",
    "level_set",
    "lhs",
    "optuna",
    "plackett_burman",
    "preference",
    "repeating",
    "simplex_centroid",
    "simplex_lattice",
    "sobol",
}
PLUGINS = {
    "autolab.drivers": INSTRUMENTS,
    "autolab.simulators": INSTRUMENTS,
    "autolab.worlds": {"dosing", "electrolyte"},
    "autolab.planners": PLANNERS,
    "autolab.protocols": {"formulation", "gravimetric"},
}


def test_public_names() -> None:
    assert al.__all__ == NAMES
    assert dir(al) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_there_and_documented(name: str) -> None:
    assert getattr(al, name).__doc__


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="module 'autolab' has no attribute 'Campain'"):
        _ = al.Campain


def test_planners() -> None:
    assert al.planners.__all__ == [
        "Ax",
        "BayBE",
        "Bayes",
        "BoxBehnken",
        "CentralComposite",
        "DOptimal",
        "Factorial",
        "FarthestPoint",
        "Forest",
        "FromOptimizer",
        "IOptimal",
        "KMedoids",
        "LatinHypercube",
        "Learn",
        "LevelSet",
        "Optuna",
        "PlackettBurman",
        "Preference",
        "Repeating",
        "SimplexCentroid",
        "SimplexLattice",
        "Sobol",
        "as_optimizer",
    ]


def test_commands() -> None:
    from autolab.cli.app import app

    assert set(_commands(typer.main.get_command(app))) == COMMANDS


def _commands(command: object, path: str = "") -> list[str]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [path]
    return [name for key, one in inner.items() for name in _commands(one, f"{path} {key}".strip())]


@pytest.mark.parametrize("group", PLUGINS)
def test_plug_ins(group: str) -> None:
    ours = [one for one in entry_points(group=group) if one.value.startswith("autolab.")]

    assert {one.name for one in ours} == PLUGINS[group]
    assert all(callable(one.load()) for one in ours)
