"""A campaign and a lab that have no fault, to be broken in one place at a time."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

Change = tuple[str, str]
Write = Callable[..., Path]

CAMPAIGN = """\
autolab: 1
name: dosing
seed: 7
space:
  rate: {type: real, bounds: [0.5, 15], unit: mL/min, log: true}
  suck_back: {type: real, bounds: [0, 60], unit: uL}
  dwell: {type: real, bounds: [0, 20], unit: s}
objectives:
  error: {goal: minimize, unit: "%"}
outcome_constraints:
  seconds: "<= 60"
planner: {use: bayes}
protocol:
  use: gravimetric
  with: {pump: dosing, waste: waste, balance: balance}
lab: lab.yaml
budget: {trials: 30, hours: 48, failure_streak: 3}
review: auto
"""

LAB = """\
autolab: 1
instruments:
  dosing:
    driver: new_era.NE1000
    address: "serial:///dev/ttyUSB0?bus=0"
    syringe_mm: 14.5
    volume_mL: 10
    stock: water
    refill: check_valve
  waste:
    driver: new_era.NE1000
    address: "serial:///dev/ttyUSB0?bus=1"
    syringe_mm: 26.7
    volume_mL: 50
  balance:
    driver: mettler_toledo.Balance
    address: "serial:///dev/ttyUSB1"
plumbing:
  dosing: beaker
  waste: [beaker, drain]
  balance: beaker
interlocks:
  - {if: "balance.weight >= 190", then: make_safe}
safe_order: [dosing, waste, balance]
virtual:
  world: dosing
  vessels:
    beaker: {volume_mL: 100}
"""


def replaced(text: str, old: str, new: str) -> str:
    """Return `text` with its one `old` replaced; a test whose `old` is not there tests nothing."""
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    return text.replace(old, new)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the two files, each with `(old, new)` replacements, and return the campaign file's path."""

    def _write(campaign: Sequence[Change] = (), lab: Sequence[Change] = ()) -> Path:
        for name, text, changes in (("campaign.yaml", CAMPAIGN, campaign), ("lab.yaml", LAB, lab)):
            for old, new in changes:
                text = replaced(text, old, new)
            (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / "campaign.yaml"

    return _write
