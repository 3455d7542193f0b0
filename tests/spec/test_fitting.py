"""Whether a campaign's parts fit together: notes, targets, consumables, what a protocol is told of its lab."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autolab.campaign import Campaign
from autolab.model.errors import FaultyFile
from autolab.model.objectives import OutcomeConstraint
from autolab.spec.campaign_file import load_campaign
from autolab.spec.fitting import facts_of
from autolab.spec.lab import load_lab

Write = Callable[..., Path]
LIMITS = "composition: {EC: [0, 0.6], LiPF6: [0.28, 2.3]}"


def test_a_protocol_sees_the_lab_by_its_own_roles(write_mixing: Write) -> None:
    lab = load_lab(write_mixing().parent / "lab.yaml")
    facts = facts_of(lab, {"pc": "pump_pc", "heater": "plate.heater", "waste": "waste", "ghost": "nobody"})
    assert facts.stocks == {"pc": lab.stocks["PC"]}
    assert facts.places == {"pc": ("mixer",), "heater": ("cell",), "waste": ("cell", "drain")}
    assert facts.vessels == {"mixer": 20.0, "cell": 20.0}
    assert facts.volume("pc") == 50.0
    assert facts.volume("heater") is None
    assert facts.volume("ghost") is None
    assert facts.settings["heater"]["watchdog_s"] == 600


def test_a_space_partly_outside_the_composition_is_a_note_and_no_fault(write_mixing: Write) -> None:
    path = write_mixing(campaign=[(LIMITS, "composition: {LiPF6: [0.5, 1.2]}")])
    (note,) = load_campaign(path).notes
    assert note.startswith("protocol.composition.LiPF6: the space gives LiPF6 0.3")
    assert note in Campaign.from_file(path).check()
    constraints = ", ".join(f'"{text}"' for text in note.split('"')[1::2])
    inside = write_mixing(
        campaign=[
            (LIMITS, "composition: {LiPF6: [0.5, 1.2]}"),
            ("objectives:\n", f"  constraints: [{constraints}]\nobjectives:\n"),
        ]
    )
    assert load_campaign(inside).notes == ()


def test_needs_and_parameters_are_those_that_the_settings_make(write_mixing: Write) -> None:
    loaded = load_campaign(write_mixing())
    assert set(loaded.roles) == set(loaded.protocol.needs)
    assert loaded.protocol.needs["ec_emc"] == "pump"


def test_a_wrong_setting_keeps_roles_from_being_blamed_and_players_from_being_missed(write_mixing: Write) -> None:
    changes = [("batch_mL: 8", "batch_mL: -8"), ("pc: pump_pc", "pc: pump_p"), ("salt: pump_salt", "salt: balance")]
    with pytest.raises(FaultyFile, match="batch_mL") as caught:
        load_campaign(write_mixing(campaign=changes))
    assert [fault.key for fault in caught.value.faults] == ["protocol.batch_mL", "protocol.with.pc"]


def test_budget_of_consumables_and_target_are_read(write_mixing: Write) -> None:
    change = ('target: {conductivity: ">= 14"}', 'target: {conductivity: ">= 14", LiPF6: ["<= 1.2", ">= 0.8"]}')
    budget = load_campaign(write_mixing(campaign=[change])).budget
    assert budget.consumables == {"PC": 200}
    assert budget.target == (
        OutcomeConstraint("conductivity", ">=", 14.0),
        OutcomeConstraint("LiPF6", "<=", 1.2),
        OutcomeConstraint("LiPF6", ">=", 0.8),
    )


def test_consumables_alone_end_a_budget(write_mixing: Write) -> None:
    loaded = load_campaign(write_mixing(campaign=[("trials: 40, ", "")]))
    assert loaded.budget.trials is None


def test_consumables_of_a_lab_without_stocks_are_told_what_to_do(write: Write) -> None:
    with pytest.raises(FaultyFile, match="the lab has no stock 'water'") as caught:
        load_campaign(write(campaign=[("failure_streak: 3", "consumables: {water: 9}")]))
    (fault,) = caught.value.faults
    assert fault.remedy == "Declare it among the lab file's `stocks`"


def test_all_faults_of_the_new_grammar_are_told_at_once(write_mixing: Write) -> None:
    path = write_mixing(
        campaign=[
            ('">= 14"', '"> 14"'),
            ("{PC: 200}", "{PC: 0}"),
            ("[finish, question]", "[end]"),
            ("unit: degC", "unit: K"),
        ],
        lab=[
            ("{EC: 0.5, EMC: 0.5}", "{EC: 0.5, EMC: 0.6}"),
            ("{LiPF6: 2.0}", "{LiPF5: 2.0}"),
            ("watchdog_s: 600", "watchdog_s: 5"),
            ("world: electrolyte", "world: electrolytes"),
            ("probe: cell", "prob: cell"),
        ],
    )
    with pytest.raises(FaultyFile, match="LiPF5") as caught:
        load_campaign(path)
    assert [(fault.file.rpartition("/")[2], fault.key) for fault in caught.value.faults] == [
        ("campaign.yaml", "space.temperature.unit"),
        ("campaign.yaml", "budget.consumables.PC"),
        ("campaign.yaml", "notify.on[0]"),
        ("lab.yaml", "stocks.EC_EMC.solvents"),
        ("lab.yaml", "stocks.salt.salts.LiPF5"),
        ("lab.yaml", "instruments.plate.watchdog_s"),
        ("lab.yaml", "plumbing"),
        ("lab.yaml", "plumbing.prob"),
        ("lab.yaml", "virtual.world"),
    ]


def test_what_a_webhook_is_told_is_read(write_mixing: Write) -> None:
    notify = load_campaign(write_mixing()).notify
    assert notify == {"command": None, "webhook": "https://example.org/hook?key=1", "on": ["finish", "question"]}
