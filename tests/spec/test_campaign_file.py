"""A campaign file without fault: what it becomes, what its digests see, and what they do not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from autolab.campaign import Campaign
from autolab.loop.budget import Budget, Review
from autolab.model.errors import FaultyFile
from autolab.planners.bayes import Bayes
from autolab.protocols.gravimetric import Gravimetric
from autolab.spec.campaign_file import load_campaign
from autolab.spec.lab import load_lab, role_of

Change = tuple[str, str]
Write = Callable[..., Path]


def test_a_campaign_file_becomes_objects(write: Write) -> None:
    file = load_campaign(write())
    assert (file.name, file.seed, file.batch) == ("dosing", 7, 1)
    assert file.problem.space.names == ("rate", "suck_back", "dwell")
    assert file.planner == Bayes()
    assert isinstance(file.protocol, Gravimetric)
    assert file.protocol.settings.target_mL == 1.0
    assert file.roles == {"pump": "dosing", "waste": "waste", "balance": "balance"}
    assert file.budget == Budget(30, 48, 3)
    assert file.review == Review("auto")
    assert file.notify is None
    assert file.lab is not None
    assert list(file.lab.instruments) == ["dosing", "waste", "balance"]
    assert file.journal_path == file.path.with_suffix(".sqlite")
    assert file.lab_path == file.path.parent / "lab.yaml"


def test_options_of_planner_and_protocol_reach_them(write: Write) -> None:
    file = load_campaign(
        write(
            campaign=[
                ("{use: bayes}", "{use: bayes, batch: 2, initial: 8}"),
                ("use: grav", "target_mL: 2\n  use: grav"),
            ]
        )
    )
    assert (file.planner, file.batch) == (Bayes(initial=8), 2)
    assert isinstance(file.protocol, Gravimetric)
    assert file.protocol.settings.target_mL == 2.0


@pytest.mark.parametrize(
    ("written", "review"),
    [("ask", Review("ask")), ("{after: 600}", Review("after", 600)), ("auto", Review("auto"))],
)
def test_review(write: Write, written: str, review: Review) -> None:
    assert load_campaign(write(campaign=[("review: auto", f"review: {written}")])).review == review


def test_notify(write: Write) -> None:
    file = load_campaign(write(campaign=[("review: auto", "notify: {command: notify-send}")]))
    assert file.notify == {"command": "notify-send", "webhook": None, "on": ["finish", "failure", "question"]}


def pinned(path: Path) -> dict[str, str]:
    """Return what a journal of this campaign would pin."""
    return dict(Campaign.from_file(path)._declared().digests)


CHANGES = [
    # what a campaign file may change, and which parts' digests see it
    ([("trials: 30", "trials: 31")], [], set()),
    ([("review: auto", "review: ask")], [], set()),
    ([("name: dosing", "name: other")], [], set()),
    ([("autolab: 1", "# words\nautolab: 1")], [], set()),
    ([("[0.5, 15]", "[5.0e-1, 15.0]")], [], set()),
    ([], [("ttyUSB1", "ttyS3")], set()),
    ([], [("refill: check_valve", "refill: check_valve  # words")], set()),
    ([("[0.5, 15]", "[0.5, 16]")], [], {"problem"}),
    ([("unit: uL", "unit: uL, log: false")], [], set()),
    ([('"<= 60"', '"<= 61"')], [], {"problem"}),
    ([("{use: bayes}", "{use: sobol}")], [], {"planner"}),
    ([("{use: bayes}", "{use: bayes, batch: 2}")], [], {"batch"}),
    ([("use: gravimetric", "use: gravimetric\n  target_mL: 2")], [], {"protocol"}),
    ([], [("syringe_mm: 14.5", "syringe_mm: 14.6")], {"lab"}),
    (
        [],
        [("driver: mettler_toledo.Balance", "driver: mettler_toledo.Balance\n    limits: {weight: [0, 100]}")],
        {"lab"},
    ),
    ([], [('  - {if: "balance.weight >= 190", then: make_safe}', "  []")], {"lab"}),
]


@pytest.mark.parametrize(("campaign", "lab", "seen"), CHANGES, ids=lambda value: str(value)[:50])
def test_digests_see_what_matters_and_nothing_else(
    write: Write, campaign: list[Change], lab: list[Change], seen: set[str]
) -> None:
    before = pinned(write())
    after = pinned(write(campaign=campaign, lab=lab))
    assert set(before) >= {"problem", "planner", "protocol", "protocol source", "roles", "lab", "seed"}
    assert {part for part in before if before[part] != after[part]} == seen


def test_the_order_of_parameters_is_part_of_the_problem(write: Write) -> None:
    rate = "  rate: {type: real, bounds: [0.5, 15], unit: mL/min, log: true}\n"
    before = pinned(write())
    after = pinned(write(campaign=[(rate, ""), ("objectives:", f"{rate}objectives:")]))
    assert before["problem"] != after["problem"]


def test_bus_addresses_are_no_part_of_the_labs_digest_but_are_kept(write: Write) -> None:
    path = write(lab=[("ttyUSB0?bus=1", "ttyUSB0?bus=5")])
    lab = load_campaign(path).lab
    assert lab is not None
    assert lab.instruments["waste"].address == "serial:///dev/ttyUSB0?bus=5"


def test_a_campaign_without_a_lab_needs_a_protocol_without_roles(write: Write) -> None:
    with pytest.raises(FaultyFile, match="the protocol needs instruments"):
        load_campaign(write(campaign=[("lab: lab.yaml\n", "")]))


def test_a_lab_file_becomes_a_declaration(write: Write) -> None:
    lab = load_lab(write().parent / "lab.yaml")
    assert lab.instruments["dosing"].settings["syringe_mm"] == 14.5
    assert lab.plumbing == {"dosing": "beaker", "waste": ("beaker", "drain"), "balance": "beaker"}
    assert [one.condition for one in lab.interlocks] == ["balance.weight >= 190"]
    assert lab.virtual is not None
    assert lab.virtual.world == "dosing"
    assert lab.virtual.noise == 1.0


def test_off_stays_a_text_where_a_lab_says_what_is_safe(write: Write) -> None:
    lab = load_lab(
        write(
            lab=[("driver: mettler_toledo.Balance", "driver: mettler_toledo.Balance\n    safe: {heater: off}")]
        ).parent
        / "lab.yaml"
    )
    assert lab.instruments["balance"].safe == {"heater": "off"}


def test_roles_in_the_plural_may_order_making_safe(write: Write) -> None:
    lab = load_lab(write(lab=[("[dosing, waste, balance]", "[balances, pumps]")]).parent / "lab.yaml")
    assert list(lab.safe_order) == ["balances", "pumps"]


def test_the_role_of_a_driver_that_nobody_knows_is_unknown() -> None:
    assert role_of("nobody.Nothing") is None


def test_the_example_has_no_fault() -> None:
    folder = Path(__file__).parents[2] / "examples" / "dosing"
    file = load_campaign(folder / "campaign.yaml")
    assert file.budget == Budget(30, 48, 3)
    assert file.lab is not None


def test_faults_of_grammar_and_of_meaning_are_told_together(write: Write) -> None:
    campaign = [
        ("trials: 30", "trials: -3"),
        ("{use: bayes}", "{use: bays}"),
        ("pump: dosing", "pump: dosin"),
        ("rate: {type: real", "rate: {type: reel"),
        ("goal: minimize", "goal: match"),
    ]
    with pytest.raises(FaultyFile) as caught:
        load_campaign(write(campaign=campaign))
    keys = {fault.key for fault in caught.value.faults}
    assert {"budget.trials", "planner.use", "protocol.with.pump", "space.rate.type"} <= keys
    assert any(key.startswith("objectives.error") for key in keys)


def test_a_constraint_on_a_faulty_parameter_is_no_second_fault(write: Write) -> None:
    campaign = [
        ("rate: {type: real", "rate: {type: reel"),
        ("objectives:", '  constraints: ["rate + dwell <= 25"]\nobjectives:'),
    ]
    with pytest.raises(FaultyFile) as caught:
        load_campaign(write(campaign=campaign))
    assert [fault.key for fault in caught.value.faults] == ["space.rate.type"]


@pytest.mark.parametrize(("batch", "told"), [(1, True), (4, False)])
def test_what_a_batch_of_one_shares_is_worth_a_note(write: Write, batch: int, told: bool) -> None:
    changes = [("review: auto", "same_in_batch: [dwell]"), ("{use: bayes}", f"{{use: sobol, batch: {batch}}}")]
    file = load_campaign(write(campaign=changes))
    assert file.problem.same_in_batch == ("dwell",)
    assert any("a batch is one point here" in note for note in file.notes) == told


def test_constraints_batches_and_cost_are_seen_by_the_digest(write: Write) -> None:
    def digest(*changes: Change) -> object:
        return Campaign.from_file(write(campaign=list(changes)))._declared().digests["problem"]

    plain = digest()
    changed = [
        digest(("review: auto", "same_in_batch: [dwell]")),
        digest(("review: auto", "cost: {change: {dwell: 1}}")),
        digest(("review: auto", "cost: {change: {dwell: 2}}")),
        digest(("objectives:", '  constraints: ["rate * dwell <= 200"]\nobjectives:')),
        digest(("objectives:", '  constraints: ["rate * dwell <= 201"]\nobjectives:')),
    ]
    assert len({plain, *changed}) == 6
    assert digest(("objectives:", '  constraints: ["rate*dwell<=200"]  # as before\nobjectives:')) == changed[3]
