"""Broken campaign and lab files: each fault with its line, key, value and remedy, and all of them at once."""

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
    (("autolab: 1", "autolab: 2"), 1, "autolab", "version 2, and this autolab reads version 1", "newer autolab"),
    (("autolab: 1", "autolab: one"), 1, "autolab", "got 'one'", "Allowed: 1"),
    (("name: dosing", "name: 7"), 2, "name", "must be a text, got 7", "Quote it"),
    (("name: dosing\n", ""), 1, "name", "is missing", "Add `name:`"),
    (("seed: 7", "seed: -1"), 3, "seed", "at least 0, got -1", "random"),
    (("seed: 7", "sede: 7"), 3, "sede", "unknown key 'sede'", "Did you mean 'seed'"),
    (("type: real, bounds: [0.5, 15]", "type: rael, bounds: [0.5, 15]"), 5, "space.rate.type", "'rael'", "'real'"),
    (("type: real, bounds: [0.5, 15]", "bounds: [0.5, 15]"), 5, "space.rate.type", "is missing", "categorical"),
    (("[0.5, 15]", "[15, 0.5]"), 5, "space.rate.bounds", "less than high, got [15.0, 0.5]", "[low, high]"),
    (("[0.5, 15]", "[0.5, 15, 20]"), 5, "space.rate.bounds", "at most 2 entries, got [0.5, 15, 20]", "[0.5, 15]"),
    (("[0.5, 15]", '["0.5", 15]'), 5, "space.rate.bounds[0]", "a number, got '0.5'", "without quotes"),
    (("[0.5, 15]", "[0.5, .inf]"), 5, "space.rate.bounds[1]", "a finite number, got inf", ""),
    (("[0.5, 15]", "[0, 15]"), 5, "space.rate.bounds", "above 0, got 0", "leave `log` out"),
    (("log: true", "lgo: true"), 5, "space.rate.lgo", "unknown key 'lgo'", "Did you mean 'log'"),
    (("unit: mL/min", "unit: L/h"), 5, "space.rate.unit", "in 'L/h' here", "`unit: mL/min`"),
    (("dwell: {", "pause: {"), 7, "space.pause", "does not use 'pause'", "Allowed: rate, suck_back, dwell"),
    (
        ("objectives:", '  constraints: ["rate + dwel <= 20"]\nobjectives:'),
        8,
        "space.constraints[0]",
        "no parameter 'dwel'",
        "Did you mean 'dwell'",
    ),
    (
        ("objectives:", '  constraints: ["rate @ dwell <= 20"]\nobjectives:'),
        8,
        "space.constraints[0]",
        "'rate @ dwell' is not allowed",
        "+ - * / **",
    ),
    (
        ("objectives:", '  constraints: ["rate * sqr(dwell) <= 20"]\nobjectives:'),
        8,
        "space.constraints[0]",
        "there is no function 'sqr'",
        "did you mean 'sqrt'",
    ),
    (
        ("objectives:", '  constraints: ["rate * dwel <= 20"]\nobjectives:'),
        8,
        "space.constraints[0]",
        "no parameter 'dwel'",
        "Did you mean 'dwell'",
    ),
    (
        ("objectives:", '  constraints: ["rate * dwell >= 301"]\nobjectives:'),
        8,
        "space.constraints",
        "points tried",
        "loosen one of these constraints",
    ),
    (("review: auto", "same_in_batch: [dwel]"), 18, "same_in_batch[0]", "no parameter 'dwel'", "Did you mean 'dwell'"),
    (("review: auto", "same_in_batch: [dwell, dwell]"), 18, "same_in_batch[1]", "stands here twice", "Remove one"),
    (("review: auto", "same_in_batch: dwell"), 18, "same_in_batch", "must be a list", "[temperature]"),
    (("review: auto", "cost: {base: 0}"), 18, "cost.base", "greater than 0, got 0", ""),
    (("review: auto", "cost: {change: {dwell: -1}}"), 18, "cost.change.dwell", "at least 0, got -1", ""),
    (("review: auto", "cost: {change: {rat: 1}}"), 18, "cost.change.rat", "no parameter 'rat'", "Did you mean 'rate'"),
    (("review: auto", "cost: {function: f}"), 18, "cost.function", "unknown key 'function'", "base, change, unit"),
    (
        ("objectives:", '  constraints: ["rate >= 10", "rate + dwell <= 5"]\nobjectives:'),
        8,
        "space.constraints",
        "rate",
        "",
    ),
    (("goal: minimize", "goal: minimise"), 9, "objectives.error.goal", "got 'minimise'", "Did you mean 'minimize'"),
    (("hours: 48", "hours: 48, gain: -1"), 17, "budget.gain", "greater than 0", ""),
    (("hours: 48", "hours: 48, regret: 0"), 17, "budget.regret", "greater than 0", ""),
    (("goal: minimize", "goal: match"), 9, "objectives.error.target", "needs a target", "Add `target:`"),
    (("goal: minimize", "goal: minimize, target: 3"), 9, "objectives.error.target", "a target of 3", "Remove it"),
    (("error: {", "eror: {"), 9, "objectives.eror", "does not measure 'eror'", "Did you mean 'error'"),
    (("error: {", "dwell: {"), 9, "objectives.dwell", "is a parameter", "Rename"),
    (('"<= 60"', '"< 60"'), 11, "outcome_constraints.seconds", "'< 60' cannot be read", "<= 0.9"),
    (('"<= 60"', '["<= 60", ">= 60"]'), 11, "outcome_constraints.seconds", "no value lies between", "a target"),
    (('seconds: "<= 60"', 'secs: "<= 60"'), 11, "outcome_constraints.secs", "does not measure 'secs'", "seconds"),
    (("{use: bayes}", "{use: byes}"), 12, "planner.use", "unknown planner 'byes'", "Did you mean 'bayes'"),
    (("{use: bayes}", "{use: bayes, foo: 3, initial: 0}"), 12, "planner.initial", "at least 2, got 0", ""),
    (("{use: bayes}", "{use: from_optimizer}"), 12, "planner.factory", "is missing", "Add `factory:`"),
    (("{use: bayes}", "{use: bayes, inital: 8}"), 12, "planner.inital", "no option 'inital'", "'initial'"),
    (("{use: bayes}", '{use: bayes, initial: "8"}'), 12, "planner.initial", "a whole number, got '8'", ""),
    (("{use: bayes}", "{use: bayes, initial: 1}"), 12, "planner.initial", "at least 2, got 1", ""),
    (("{use: bayes}", "{use: bayes, batch: 0}"), 12, "planner.batch", "at least 1, got 0", ""),
    (("use: gravimetric", "use: gravimetry"), 14, "protocol.use", "unknown protocol", "Did you mean 'gravimetric'"),
    (("use: gravimetric", "use: gravimetric\n  target: 1"), 15, "protocol.target", "unknown key 'target'", "target_mL"),
    (("use: gravimetric", "use: gravimetric\n  target_mL: -1"), 15, "protocol.target_mL", "than 0", "volume of a dose"),
    (
        ("use: gravimetric", "use: gravimetric\n  replicates: 3"),
        15,
        "protocol.replicates",
        "no replicates",
        "`repeats`",
    ),
    (("pump: dosing,", ""), 15, "protocol.with.pump", "needs a pump as 'pump'", "`pump: dosing`"),
    (("pump: dosing", "pump: dosin"), 15, "protocol.with.pump", "no instrument 'dosin'", "Did you mean 'dosing'"),
    (("pump: dosing", "pump: waste"), 15, "protocol.with.waste", "'waste' plays 'pump' already", "its own"),
    (("balance: balance", "balance: dosing.x"), 15, "protocol.with.balance", "no component 'x'", "balance"),
    (("pump: dosing", "pump: dosing, heater: waste"), 15, "protocol.with.heater", "no role 'heater'", "Allowed: pump"),
    (("lab: lab.yaml", "lab: lap.yaml"), 0, "", "No such file", "exists"),
    (("lab: lab.yaml\n", ""), 1, "lab", "is missing", "Add `lab:`"),
    (("trials: 30, hours: 48", "trials: 0"), 17, "budget.trials", "at least 1, got 0", ""),
    (("{trials: 30, hours: 48, failure_streak: 3}", "{}"), 17, "budget", "has no end", "`trials`, `hours`, or both"),
    (("review: auto", "review: maybe"), 18, "review", "got 'maybe'", "Allowed: auto, ask"),
    (("review: auto", "review: {after: soon}"), 18, "review.after", "a number, got 'soon'", ""),
    (("review: auto", "review: {aftre: 60}"), 18, "review.aftre", "unknown key 'aftre'", "Did you mean 'after'"),
    (("review: auto", "notify: notify-send"), 18, "notify", "must be a mapping", "{command: notify-send}"),
]

LABS = [
    (("autolab: 1", "autolab: 9"), 1, "autolab", "version 9", "newer autolab"),
    (("autolab: 1\n", ""), 1, "autolab", "is missing", "Add `autolab:`"),
    (("  dosing:\n", "  do-sing:\n"), 3, "instruments.do-sing", "cannot name an instrument", "letters"),
    (
        ("driver: mettler_toledo.Balance", "driver: mettler.Balance"),
        16,
        "instruments.balance.driver",
        "unknown driver 'mettler.Balance'",
        "Did you mean 'mettler_toledo.Balance'",
    ),
    (("syringe_mm: 14.5", "syringe: 14.5"), 6, "instruments.dosing.syringe", "unknown key 'syringe'", "syringe_mm"),
    (("    syringe_mm: 14.5\n", ""), 3, "instruments.dosing.syringe_mm", "is missing", "Add `syringe_mm:`"),
    (("syringe_mm: 14.5", "syringe_mm: 145"), 6, "instruments.dosing.syringe_mm", "at most 80, got 145", "mm"),
    (("refill: check_valve", "refill: valve"), 9, "instruments.dosing.refill", "got 'valve'", "check_valve"),
    (
        ("refill: check_valve", "limits: {rat: [1, 2]}"),
        9,
        "instruments.dosing.limits.rat",
        "got 'rat'",
        "Did you mean 'rate'",
    ),
    (
        ("refill: check_valve", "limits: {rate: [2, 1]}"),
        9,
        "instruments.dosing.limits.rate",
        "low must not be greater than high",
        "[low, high]",
    ),
    (
        ("volume_mL: 50", "volume_mL: 50\n    contents_mL: 51"),
        10,
        "instruments.waste",
        "contents_mL 51 is more than the syringe holds",
        "",
    ),
    (("ttyUSB0?bus=1", "ttyUSB0?bus=0"), 12, "instruments.waste.address", "taken by 'dosing'", "`?bus=1`"),
    (("ttyUSB0?bus=1", "ttyUSB0"), 12, "instruments.waste.address", "only one of them has a bus address", "`?bus=1`"),
    (("serial:///dev/ttyUSB1", "ttyUSB1"), 17, "instruments.balance.address", "unknown scheme ''", "serial://"),
    (("serial:///dev/ttyUSB1", "tcp://host"), 17, "instruments.balance.address", "a port number", "tcp://host:port"),
    (("  waste: [beaker, drain]", "  wast: [beaker, drain]"), 20, "plumbing.wast", "no instrument", "waste"),
    (("[beaker, drain]", "[baeker, drain]"), 20, "plumbing.waste", "'baeker'", "beaker"),
    (("[beaker, drain]", "[beaker, beaker]"), 20, "plumbing.waste", "itself", "different"),
    (("[beaker, drain]", "[beaker]"), 20, "plumbing.waste", "at least 2 entries, got ['beaker']", "[beaker, drain]"),
    (("balance.weight >= 190", "balance.weight is 190"), 23, "interlocks[0].if", "no condition", ""),
    (("balance.weight >= 190", "balence.weight >= 190"), 23, "interlocks[0].if", "'balence'", "balance"),
    (("then: make_safe", "then: stop"), 23, "interlocks[0].then", "got 'stop'", "make_safe"),
    (("[dosing, waste, balance]", "[dosing, wast]"), 24, "safe_order[1]", "'wast' is no instrument", "waste"),
    (("world: dosing", "world: dosin"), 26, "virtual.world", "unknown world 'dosin'", "Did you mean 'dosing'"),
    (("{volume_mL: 100}", "{volume_mL: big}"), 28, "virtual.vessels.beaker.volume_mL", "'big' is no volume", "mL"),
    (("world: dosing", "world: dosing\n  noise: -1"), 27, "virtual.noise", "at least 0, got -1", ""),
]


def one(faults: Sequence[Fault], line: int, key: str, problem: str, remedy: str) -> Fault:
    (fault,) = [each for each in faults if each.key == key]
    assert fault.line == line
    assert problem in f"{fault.problem}. {fault.remedy}"
    assert remedy in f"{fault.problem}. {fault.remedy}"
    return fault


@pytest.mark.parametrize(("change", "line", "key", "problem", "remedy"), CAMPAIGNS, ids=lambda value: str(value)[:40])
def test_a_broken_campaign_file(write: Write, change: Change, line: int, key: str, problem: str, remedy: str) -> None:
    path = write(campaign=[change])
    with pytest.raises(FaultyFile, match=re.escape(problem)) as caught:
        load_campaign(path)
    fault = one(caught.value.faults, line, key, problem, remedy)
    assert fault.file == str(path if line else path.parent / "lap.yaml")


@pytest.mark.parametrize(("change", "line", "key", "problem", "remedy"), LABS, ids=lambda value: str(value)[:40])
def test_a_broken_lab_file(write: Write, change: Change, line: int, key: str, problem: str, remedy: str) -> None:
    lab = write(lab=[change]).parent / "lab.yaml"
    with pytest.raises(FaultyFile, match=re.escape(problem)) as caught:
        load_lab(lab)
    assert one(caught.value.faults, line, key, problem, remedy).file == str(lab)


def test_one_broken_place_gives_one_fault(write: Write) -> None:
    """Faults that follow from another are noise: most broken places must not drag others along."""
    alone = 0
    for change, *_ in CAMPAIGNS:
        with pytest.raises(FaultyFile, match=r".") as caught:
            load_campaign(write(campaign=[change]))
        alone += len(caught.value.faults) == 1
    assert alone >= 0.85 * len(CAMPAIGNS)


def test_all_faults_of_both_files_are_told_at_once(write: Write) -> None:
    path = write(
        campaign=[
            ("goal: minimize", "goal: minimise"),
            ("{use: bayes}", "{use: bayes, batch: 0}"),
            ("hours: 48", "hours: -2"),
            ("seed: 7", "sede: 7"),
        ],
        lab=[
            ("syringe_mm: 14.5", "syringe_mm: 145"),
            ("world: dosing", "world: dosin"),
            ("ttyUSB0?bus=1", "ttyUSB0?bus=0"),
        ],
    )
    with pytest.raises(FaultyFile, match="sede") as caught:
        load_campaign(path)
    told = [(fault.file.rpartition("/")[2], fault.line, fault.key) for fault in caught.value.faults]
    assert told == [
        ("campaign.yaml", 3, "sede"),
        ("campaign.yaml", 9, "objectives.error.goal"),
        ("campaign.yaml", 12, "planner.batch"),
        ("campaign.yaml", 17, "budget.hours"),
        ("lab.yaml", 6, "instruments.dosing.syringe_mm"),
        ("lab.yaml", 12, "instruments.waste.address"),
        ("lab.yaml", 26, "virtual.world"),
    ]


def test_faults_of_meaning_are_collected_across_sections(write: Write) -> None:
    path = write(
        campaign=[
            ("error: {", "eror: {"),
            ("{use: bayes}", "{use: byes}"),
            ("pump: dosing", "pump: dosin"),
            ("unit: uL", "unit: mL"),
        ]
    )
    with pytest.raises(FaultyFile, match="eror") as caught:
        load_campaign(path)
    assert [fault.key for fault in caught.value.faults] == [
        "space.suck_back.unit",
        "objectives.eror",
        "planner.use",
        "protocol.with.pump",
    ]


def test_a_lab_file_that_is_not_yaml_does_not_hide_the_campaigns_faults(write: Write) -> None:
    path = write(campaign=[("goal: minimize", "goal: minimise")], lab=[("safe_order: [", "safe_order: [[")])
    with pytest.raises(FaultyFile, match="minimise") as caught:
        load_campaign(path)
    assert {fault.file.rpartition("/")[2] for fault in caught.value.faults} == {"campaign.yaml", "lab.yaml"}


def test_a_role_played_by_the_wrong_instrument_is_told_with_the_right_ones(write: Write) -> None:
    path = write(
        campaign=[("pump: dosing, waste: waste, balance: balance", "pump: balance, waste: waste, balance: dosing")]
    )
    with pytest.raises(FaultyFile, match="needs a pump here") as caught:
        load_campaign(path)
    told = {fault.key: fault for fault in caught.value.faults}
    assert "'balance' is a balance" in told["protocol.with.pump"].problem
    assert "Allowed: dosing, waste" in told["protocol.with.pump"].remedy
    assert "Allowed: balance" in told["protocol.with.balance"].remedy


def test_com_ports_are_the_same_in_any_case(write: Write) -> None:
    lab = write(
        lab=[
            ("serial:///dev/ttyUSB0?bus=0", "serial://COM4?bus=0"),
            ("serial:///dev/ttyUSB0?bus=1", "serial://com4?bus=0"),
        ]
    ).parent
    with pytest.raises(FaultyFile, match="taken by 'dosing'"):
        load_lab(lab / "lab.yaml")


@pytest.mark.parametrize("rule", ["gain", "regret"])
def test_a_stopping_rule_in_one_unit_and_several_objectives(write: Write, rule: str) -> None:
    more = ("objectives:\n", "objectives:\n  seconds: {goal: minimize, unit: s}\n")
    path = write(campaign=[more, ("hours: 48", f"hours: 48, {rule}: 0.5")])
    with pytest.raises(FaultyFile) as caught:
        load_campaign(path)
    one(caught.value.faults, 18, f"budget.{rule}", "there are several objectives", "keep one objective")


@pytest.mark.parametrize("rule", ["gain", "regret"])
def test_a_stopping_rule_reaches_the_budget(write: Write, rule: str) -> None:
    budget = load_campaign(write(campaign=[("hours: 48", f"hours: 48, {rule}: 0.5")])).budget
    assert getattr(budget, rule) == 0.5
