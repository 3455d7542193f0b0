"""Broken files of a bench that mixes stocks: stocks, compositions, consumables, target, notify, new instruments."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from autolab.model.errors import Fault, FaultyFile
from autolab.spec.campaign_file import load_campaign
from autolab.spec.lab import load_lab

Change = tuple[str, str]
Write = Callable[..., Path]

CAMPAIGNS = [
    # (old, new), line, key, problem, remedy
    (
        ("stocks: [ec_emc, pc, salt]", "stocks: [ec_emc, pc, salts]"),
        17,
        "protocol.with.salts",
        "needs a pump",
        "salts: ",
    ),
    (("    salt: pump_salt\n", ""), 17, "protocol.with.salt", "needs a pump as 'salt'", "`salt: pump_ec_emc`"),
    (
        ("    pc: pump_pc\n", "    pc: pump_pc\n    emc: waste\n"),
        20,
        "protocol.with.emc",
        "no role 'emc'",
        "Allowed: ec_emc, pc",
    ),
    (
        ("heater: plate.heater", "heater: plate.heather"),
        25,
        "protocol.with.heater",
        "no component 'heather'",
        "a heater",
    ),
    (
        ("heater: plate.heater", "heater: plate"),
        25,
        "protocol.with.heater",
        "'plate' (ika.RCT) plays no role itself",
        "plate.heater",
    ),
    (("heater: plate.heater", "heater: probe.heater"), 25, "protocol.with.heater", "no component 'heater'", "a heater"),
    (("cell: probe", "cell: balance2"), 27, "protocol.with.cell", "no instrument 'balance2'", "Allowed: probe"),
    (("stirrer: plate.stirrer", "stirrer: probe"), 26, "protocol.with.stirrer", "'probe' is a sensor", "plate.stirrer"),
    (("batch_mL: 8", "batch_ml: 8"), 14, "protocol.batch_ml", "unknown key 'batch_ml'", "Did you mean 'batch_mL'"),
    (("batch_mL: 8", "batch_mL: 8 mL"), 14, "protocol.batch_mL", "must be a number, got '8 mL'", ""),
    (("replicates: 3", "replicates: many"), 15, "protocol.replicates", "a whole number, got 'many'", ""),
    (
        ("EC: [0, 0.6]", "EX: [0, 0.6]"),
        16,
        "protocol.composition.EX",
        "no stock in use holds 'EX'",
        "EC, EMC, PC, LiPF6",
    ),
    (("EC: [0, 0.6]", "EC: [0.55, 0.6]"), 16, "protocol.composition.EC", "cannot be reached", "bounds of the stocks"),
    (("EC: [0, 0.6]", "EC: [0.6, 0.1]"), 16, "protocol.composition", "[0.6, 0.1]", "low <= high"),
    (
        ("EC: [0, 0.6]", "EC: [0.42, 0.6], PC: [0.5, 1]"),
        16,
        "protocol.composition",
        "no point keeps all limits at once",
        "Widen a limit",
    ),
    (
        ("salt: [0.2, 0.8]", "salt: [0.2, 0.8], acid: [0, 1]"),
        4,
        "space.stocks",
        "no component 'acid'",
        "known: ec_emc, pc, salt",
    ),
    (("temperature: {type: real", "temp: {type: real"), 5, "space.temp", "does not use 'temp'", "temperature"),
    (("unit: degC", "unit: K"), 5, "space.temperature.unit", "in 'K' here", "`unit: degC`"),
    (('cost: "<= 0.9"', 'costs: "<= 0.9"'), 9, "outcome_constraints.costs", "does not measure 'costs'", "'cost'"),
    (("unit: mS/cm", "unit: S/m"), 7, "objectives.conductivity.unit", "in 'S/m' here", "`unit: mS/cm`"),
    (("{PC: 200}", "{PCC: 200}"), 29, "budget.consumables.PCC", "the lab has no stock 'PCC'", "Did you mean 'PC'"),
    (("{PC: 200}", "{PC: 0}"), 29, "budget.consumables.PC", "greater than 0, got 0", ""),
    (("{PC: 200}", "PC"), 29, "budget.consumables", "must be a mapping", "{PC: 200}"),
    (
        ('{PC: 200}, target: {conductivity: ">= 14"}', "{PC: 200, target: 3}"),
        29,
        "budget.consumables.target",
        "the lab has no stock 'target'",
        "Allowed: EC_EMC, PC",
    ),
    (('">= 14"', '"> 14"'), 29, "budget.target.conductivity", "'> 14' cannot be read", ">= 0.9"),
    (('">= 14"', "14"), 29, "budget.target.conductivity", "a text", ""),
    (('">= 14"', '[">= 14", "~ 15"]'), 29, "budget.target.conductivity[1]", "'~ 15' cannot be read", "<= 0.9"),
    (
        ('{conductivity: ">= 14"}', '{conductvity: ">= 14"}'),
        29,
        "budget.target.conductvity",
        "nothing measures",
        "'conductivity'",
    ),
    (("trials: 40, consumables: {PC: 200}, ", ""), 29, "budget", "has no end", "a target may never be reached"),
    (
        ("https://example.org/hook?key=1", "example.org/hook"),
        30,
        "notify.webhook",
        "no web address",
        "https://host/path",
    ),
    (("https://example.org/hook?key=1", "ftp://example.org"), 30, "notify.webhook", "'ftp://example.org'", "https://"),
    (("[finish, question]", "[finish, questions]"), 30, "notify.on[1]", "got 'questions'", "Did you mean 'question'"),
    (("[finish, question]", "[]"), 30, "notify.on", "at least 1 entries, got []", "[finish, failure, question]"),
    (
        ('webhook: "https://example.org/hook?key=1", ', ""),
        30,
        "notify",
        "nobody is told",
        "Give `command`, `webhook`, or both",
    ),
    (("webhook:", "url:"), 30, "notify.url", "unknown key 'url'", "Allowed: command, webhook, on"),
]

LABS = [
    (("{EC: 0.5, EMC: 0.5}", "{EC: 0.5, EMC: 0.6}"), 3, "stocks.EC_EMC.solvents", "add up to 1, not 1.1", "Correct"),
    (("{EC: 0.5, EMC: 0.5}", "{}"), 3, "stocks.EC_EMC.solvents", "at least 1 entries", "{EC: 0.5, EMC: 0.5}"),
    (
        ("{EC: 0.5, EMC: 0.5}", "{EC: 1.5, EMC: -0.5}"),
        3,
        "stocks.EC_EMC.solvents.EC",
        "at most 1, got 1.5",
        "mass fraction",
    ),
    (
        ("{PC: 1.0}", "{PC: 0.9, LiPF6: 0.1}"),
        4,
        "stocks.PC.solvents.LiPF6",
        "is a salt, got 0.1",
        "`salts: {LiPF6: <mol/kg>}`",
    ),
    (("{LiPF6: 2.0}", "{LiPF5: 2.0}"), 7, "stocks.salt.salts.LiPF5", "unknown salt 'LiPF5'", "Did you mean 'LiPF6'"),
    (("{LiPF6: 2.0}", "{LiPF6: -2.0}"), 7, "stocks.salt.salts.LiPF6", "at least 0, got -2.0", "mol per kg"),
    (("    density: 1.290\n", ""), 5, "stocks.salt.density", "is missing", "`density: 1.142`"),
    (("density: 1.290", "density: 1290"), 8, "stocks.salt.density", "less than 5, got 1290", "g/mL"),
    (("loaded_mL: 500", "loaded: 500"), 3, "stocks.EC_EMC.loaded", "unknown key 'loaded'", "Did you mean 'loaded_mL'"),
    (("price_per_mL: 0.45", "price_per_mL: -1"), 3, "stocks.EC_EMC.price_per_mL", "at least 0, got -1", "currency"),
    (("stock: PC", "stock: PCC"), 12, "instruments.pump_pc.stock", "'PCC' is none of the lab's stocks", "'PC'"),
    (("  plate: cell\n", ""), 20, "plumbing", "'plate' is a heater and stirrer and stands at no vessel", "'plate: "),
    (("  probe: cell\n", ""), 20, "plumbing", "'probe' is a sensor and stands at no vessel", "'probe: "),
    (("probe: cell", "probe: [cell, drain]"), 29, "plumbing.probe", "stands at one vessel", "'probe: cell'"),
    (("plate: cell", "plate: sell"), 28, "plumbing.plate", "'sell' is no vessel", "cell"),
    (("  pump_pc: mixer\n", ""), 20, "plumbing", "'pump_pc' is a pump and is joined to nothing", "pump_pc: "),
    (("watchdog_s: 600", "watchdog_s: 5"), 18, "instruments.plate.watchdog_s", "at least 20, got 5", "silence"),
    (
        ("watchdog_s: 600", "watchdog: bark"),
        18,
        "instruments.plate.watchdog",
        "got 'bark'",
        "Allowed: off, stop, fallback",
    ),
    (
        ("{heater: [15, 60]}", "{heater: [60, 15]}"),
        18,
        "instruments.plate.limits.heater",
        "low must not be greater",
        "[low, high]",
    ),
    (("{heater: [15, 60]}", "{heat: [15, 60]}"), 18, "instruments.plate.limits.heat", "got 'heat'", "heater"),
    (
        ("cell_constant: 1.0", "cell_constant: 100"),
        19,
        "instruments.probe.cell_constant",
        "at most 10, got 100",
        "1/cm",
    ),
    (
        ("cell_constant: 1.0", "constant: 1.0"),
        19,
        "instruments.probe.constant",
        "unknown key 'constant'",
        "cell_constant",
    ),
    (("plate.heater > 65", "plat.heater > 65"), 31, "interlocks[0].if", "'plat' is no instrument", "plate"),
    (("world: electrolyte", "world: electrolytes"), 34, "virtual.world", "unknown world", "'electrolyte'"),
]


def one(faults: Sequence[Fault], line: int, key: str, problem: str, remedy: str) -> Fault:
    (fault,) = [each for each in faults if each.key == key]
    assert fault.line == line
    assert problem in f"{fault.problem}. {fault.remedy}"
    assert remedy in f"{fault.problem}. {fault.remedy}"
    return fault


def test_the_files_have_no_fault_unless_broken(write_mixing: Write) -> None:
    loaded = load_campaign(write_mixing())
    assert loaded.budget.consumables == {"PC": 200}
    assert loaded.notes == ()


@pytest.mark.parametrize(("change", "line", "key", "problem", "remedy"), CAMPAIGNS, ids=lambda value: str(value)[:40])
def test_a_broken_campaign_file(
    write_mixing: Write, change: Change, line: int, key: str, problem: str, remedy: str
) -> None:
    path = write_mixing(campaign=[change])
    with pytest.raises(FaultyFile, match=re.escape(problem)) as caught:
        load_campaign(path)
    assert one(caught.value.faults, line, key, problem, remedy).file == str(path)


@pytest.mark.parametrize(("change", "line", "key", "problem", "remedy"), LABS, ids=lambda value: str(value)[:40])
def test_a_broken_lab_file(write_mixing: Write, change: Change, line: int, key: str, problem: str, remedy: str) -> None:
    path = write_mixing(lab=[change])
    with pytest.raises(FaultyFile, match=re.escape(problem)) as caught:
        load_lab(path.parent / "lab.yaml")
    assert one(caught.value.faults, line, key, problem, remedy).file == str(path.parent / "lab.yaml")
    with pytest.raises(FaultyFile, match=re.escape(problem)) as seen:
        load_campaign(path)
    assert [each.key for each in seen.value.faults] == [each.key for each in caught.value.faults]


def test_a_wrong_setting_does_not_hide_a_player_that_is_not_there(write_mixing: Write) -> None:
    path = write_mixing(campaign=[("batch_mL: 8", "batch_mL: 30"), ("salt: pump_salt", "salt: pump_slat")])
    with pytest.raises(FaultyFile, match="does not fit") as caught:
        load_campaign(path)
    (player,) = [fault for fault in caught.value.faults if fault.key == "protocol.with.salt"]
    assert player.problem == "the lab has no instrument 'pump_slat'"
    assert "'pump_salt'" in player.remedy
