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


MIXING = """\
autolab: 1
name: electrolyte
space:
  stocks: {names: [ec_emc, pc, salt], total: 1, bounds: {salt: [0.2, 0.8]}}
  temperature: {type: real, bounds: [25, 50], unit: degC}
objectives:
  conductivity: {goal: maximize, unit: mS/cm}
outcome_constraints:
  cost: "<= 0.9"
planner: {use: sobol}
protocol:
  use: formulation
  stocks: [ec_emc, pc, salt]
  batch_mL: 8
  replicates: 3
  composition: {EC: [0, 0.6], LiPF6: [0.28, 2.3]}
  with:
    ec_emc: pump_ec_emc
    pc: pump_pc
    salt: pump_salt
    rinse: pump_rinse
    transfer: transfer
    waste: waste
    balance: balance
    heater: plate.heater
    stirrer: plate.stirrer
    cell: probe
lab: lab.yaml
budget: {trials: 40, consumables: {PC: 200}, target: {conductivity: ">= 14"}}
notify: {webhook: "https://example.org/hook?key=1", on: [finish, question]}
"""

MIXING_LAB = """\
autolab: 1
stocks:
  EC_EMC: {solvents: {EC: 0.5, EMC: 0.5}, density: 1.142, price_per_mL: 0.45, loaded_mL: 500}
  PC: {solvents: {PC: 1.0}, density: 1.205, price_per_mL: 0.4}
  salt:
    solvents: {EC: 0.3, EMC: 0.7}
    salts: {LiPF6: 2.0}
    density: 1.290
  rinse: {solvents: {EMC: 1.0}, density: 1.006}
instruments:
  pump_ec_emc: {driver: new_era.NE1000, address: "serial:///dev/ttyUSB0?bus=0", syringe_mm: 26.7, volume_mL: 50, stock: EC_EMC, refill: check_valve}
  pump_pc: {driver: new_era.NE1000, address: "serial:///dev/ttyUSB0?bus=1", syringe_mm: 26.7, volume_mL: 50, stock: PC, refill: check_valve}
  pump_salt: {driver: new_era.NE1000, address: "serial:///dev/ttyUSB0?bus=3", syringe_mm: 26.7, volume_mL: 50, stock: salt, refill: check_valve}
  pump_rinse: {driver: new_era.NE1000, address: "serial:///dev/ttyUSB0?bus=4", syringe_mm: 26.7, volume_mL: 50, stock: rinse, refill: check_valve}
  transfer: {driver: new_era.NE1000, address: "serial:///dev/ttyUSB0?bus=5", syringe_mm: 26.7, volume_mL: 50}
  waste: {driver: new_era.NE1000, address: "serial:///dev/ttyUSB0?bus=6", syringe_mm: 26.7, volume_mL: 50}
  balance: {driver: mettler_toledo.Balance, address: "serial:///dev/ttyUSB1"}
  plate: {driver: ika.RCT, address: "serial:///dev/ttyUSB2", watchdog_s: 600, limits: {heater: [15, 60]}, safe: {heater: "off"}}
  probe: {driver: atlas_ezo.EC, address: "serial:///dev/ttyUSB3", cell_constant: 1.0}
plumbing:
  pump_ec_emc: mixer
  pump_pc: mixer
  pump_salt: mixer
  pump_rinse: mixer
  transfer: [mixer, cell]
  waste: [cell, drain]
  balance: mixer
  plate: cell
  probe: cell
interlocks:
  - {if: "plate.heater > 65", then: make_safe}
safe_order: [plate, pumps, balance, probe]
virtual:
  world: electrolyte
  vessels:
    mixer: {volume_mL: 20}
    cell: {volume_mL: 20}
"""


def replaced(text: str, old: str, new: str) -> str:
    """Return `text` with its one `old` replaced; a test whose `old` is not there tests nothing."""
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
    return text.replace(old, new)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the two files, each with `(old, new)` replacements, and return the campaign file's path."""
    return _writer(tmp_path, CAMPAIGN, LAB)


@pytest.fixture
def write_mixing(tmp_path: Path) -> Write:
    """Do as `write` with the two files of a bench that mixes stocks."""
    return _writer(tmp_path, MIXING, MIXING_LAB)


def _writer(folder: Path, campaign_text: str, lab_text: str) -> Write:
    def _write(campaign: Sequence[Change] = (), lab: Sequence[Change] = ()) -> Path:
        for name, text, changes in (("campaign.yaml", campaign_text, campaign), ("lab.yaml", lab_text, lab)):
            for old, new in changes:
                text = replaced(text, old, new)
            (folder / name).write_text(text, encoding="utf-8")
        return folder / "campaign.yaml"

    return _write
