"""Clients by other people work with the simulators, over a pseudo-terminal and over TCP.

They run in environments of their own, `cross-env/<list>`, one for each list in third_party/requirements:
`make cross-env/.ready`.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autolab.model.actions import JSON
from autolab.model.clock import Clock
from autolab.simulators.bench import Bench

pytestmark = pytest.mark.slow  # each client starts a process

HERE = Path(__file__).parent / "third_party"
ROOT = Path(__file__).parents[2]
PYTHON = "Scripts/python.exe" if sys.platform == "win32" else "bin/python"
LISTEN = {
    "tcp": "tcp://127.0.0.1:0",
    "pty": "pty",
}
PUMP, BALANCE, PLATE, PROBE = "new_era.NE1000", "mettler_toledo.Balance", "ika.RCT", "atlas_ezo.EC"
CAVRO, NUMBERED = "tecan.XCalibur", "tecan.XCalibur numbered"
ML600 = "hamilton.ML600"
ALICAT, BRONKHORST = "alicat.FlowController", "bronkhorst.FlowController"
SOURCE_METER, MULTIMETER, POTENTIOSTAT = "scpi.SourceMeter", "scpi.Multimeter", "rodeostat.Rodeostat"
CASES = [
    ("nesp_lib", PUMP, "pty", "first"),
    ("nesp_lib", PUMP, "tcp", "first"),
    ("labmcp_new_era", PUMP, "pty", "first"),
    ("labmcp_new_era", PUMP, "tcp", "first"),
    ("yaqd_new_era", PUMP, "pty", "first"),
    ("mettler_toledo_device", BALANCE, "pty", "first"),
    ("pylabrobot", BALANCE, "pty", "first"),
    ("pylabrobot", BALANCE, "tcp", "first"),
    ("labmcp_mettler_toledo", BALANCE, "pty", "first"),
    ("labmcp_mettler_toledo", BALANCE, "tcp", "first"),
    ("ika", PLATE, "pty", "first"),
    ("ika", PLATE, "tcp", "first"),
    ("labmcp_ika", PLATE, "tcp", "first"),
    ("ezo_driver", PROBE, "pty", "first"),
    ("julabo", "julabo.Circulator", "pty", "temperature"),
    ("julabo", "julabo.Circulator", "tcp", "temperature"),
    ("labmcp_julabo", "julabo.Circulator", "pty", "temperature"),
    ("labmcp_julabo", "julabo.Circulator", "tcp", "temperature"),
    ("flowchem_huber", "huber.Circulator", "pty", "flowchem"),
    ("flowchem_huber", "huber.Circulator", "tcp", "flowchem"),
    ("minimalmodbus", "modbus.Controller", "pty", "temperature"),
    ("minimalmodbus", "modbus.Controller", "tcp", "temperature"),
    ("pymodbus", "modbus.Controller", "pty", "temperature"),
    ("pymodbus", "modbus.Controller", "tcp", "temperature"),
    ("nomad_camels_eurotherm", "eurotherm.Controller", "pty", "temperature"),
    ("nomad_camels_eurotherm", "eurotherm.Controller", "tcp", "temperature"),
    ("labmcp_cavro", CAVRO, "pty", "flowchem"),
    ("labmcp_cavro", CAVRO, "tcp", "flowchem"),
    ("matterlab_pumps", NUMBERED, "pty", "flowchem"),
    ("flowchem_ml600", ML600, "pty", "flowchem"),
    ("alicat", ALICAT, "pty", "first"),
    ("alicat", ALICAT, "tcp", "first"),
    ("labmcp_alicat", ALICAT, "tcp", "first"),
    ("propar", BRONKHORST, "pty", "first"),
    ("propar", BRONKHORST, "tcp", "first"),
    ("flowchem_cvc3000", "vacuubrand.CVC3000", "pty", "flowchem"),
    ("ezo_driver_ph", "atlas_ezo.PH", "pty", "first"),
    ("ezo_driver_do", "atlas_ezo.DO", "pty", "first"),
    ("ezo_driver_rtd", "atlas_ezo.RTD", "pty", "first"),
    ("labmcp_atlas_ezo_ph", "atlas_ezo.PH", "tcp", "first"),
    ("labmcp_atlas_ezo_do", "atlas_ezo.DO", "tcp", "first"),
    ("labmcp_atlas_ezo_rtd", "atlas_ezo.RTD", "tcp", "first"),
    ("flowchem_heidolph", "heidolph.HeiConnect", "pty", "flowchem"),
    ("sartorius", "sartorius.Balance", "pty", "first"),
    ("sartorius", "sartorius.Balance", "tcp", "first"),
    ("labmcp_sartorius", "sartorius.Balance", "tcp", "first"),
    ("flowchem_elite11", "harvard.Elite11", "pty", "flowchem"),
    ("syringe_pump", "harvard.Elite11", "pty", "flowchem"),
    ("ismatec", "ismatec.RegloICC", "pty", "first"),
    ("pymeasure_2400", SOURCE_METER, "tcp", "electrics"),
    ("pymeasure_2400", SOURCE_METER, "pty", "electrics"),
    ("pymeasure_2450", SOURCE_METER, "tcp", "electrics"),
    ("labmcp_keithley", SOURCE_METER, "tcp", "electrics"),
    ("pymeasure_2000", MULTIMETER, "tcp", "electrics"),
    ("pymeasure_2000", MULTIMETER, "pty", "electrics"),
    ("pymeasure_34410a", MULTIMETER, "tcp", "electrics"),
    ("iorodeo", POTENTIOSTAT, "pty", "electrics"),
    ("flowchem_vici", "vici.Valve", "pty", "flowchem"),
    ("yaqd_vici", "vici.Valve", "pty", "flowchem"),
    ("vicivalve", "vici.Valve", "pty", "flowchem"),
    ("vicivalve", "vici.Valve", "tcp", "flowchem"),
    ("matterlab_vici", "vici.Valve", "pty", "flowchem"),
    ("flowchem_runze", "runze.Valve", "pty", "flowchem"),
    ("matterlab_runze", "runze.Valve", "pty", "flowchem"),
    ("zaber_serial", "zaber.Stage", "pty", "motion"),
    ("zaber_serial", "zaber.Stage", "tcp", "motion"),
    ("zaber_motion", "zaber.Stage", "pty", "motion"),
    ("zaber_motion", "zaber.Stage", "tcp", "motion"),
    ("pygrbl_streamer", "grbl.Gantry", "pty", "motion"),
    ("grbl_link", "grbl.Gantry", "pty", "motion"),
    ("grbl_link", "grbl.Gantry", "tcp", "motion"),
    ("marlin_host", "marlin.Gantry", "pty", "motion"),
    ("marlin_host", "marlin.Gantry", "tcp", "motion"),
]
"""Client (`third_party/<client>_client.py`), simulator, over what, list of requirements."""
SETTINGS: dict[str, dict[str, JSON]] = {
    PUMP: {"syringe_mm": 20.0, "volume_mL": 20.0, "contents_mL": 5.0},
    "modbus.Controller": {"map": "eurotherm_2400"},
    CAVRO: {"volume_mL": 1.0},
    ML600: {"volume_mL": 1.0},
    NUMBERED: {"volume_mL": 1.0, "valve_ports": {"in": "2", "out": "3", "waste": "6"}, "inlet": "in", "outlet": "out"},
    ALICAT: {"unit": "SCCM"},
    "harvard.Elite11": {"syringe_mm": 14.43, "volume_mL": 10.0, "contents_mL": 5.0},
    "zaber.Stage": {"microstep_um": 0.047625},
    "pymeasure_2450": {"model": "2450"},
    "labmcp_keithley": {"model": "2450"},
    "pymeasure_2000": {"model": "2000"},
    "vici.Valve": {"positions": 2},
    "matterlab_vici": {"positions": 10},
    "runze.Valve": {"positions": 10},
    "matterlab_runze": {"positions": 6},
}
"""Of simulators that need some, or for one client. What stands behind a blank in a key tells settings of one simulator
apart."""


@pytest.mark.parametrize(("client", "key", "over", "requirements"), CASES)
def test_client_works_with_the_simulator(client: str, key: str, over: str, requirements: str) -> None:
    python = ROOT / "cross-env" / requirements / PYTHON
    if not python.exists():
        pytest.skip(f"no {python.relative_to(ROOT)}: `make cross-env/.ready`")
    if over == "pty" and sys.platform == "win32":
        pytest.skip("this system has no pseudo-terminals")
    clock = Clock("real")
    try:
        settings = SETTINGS.get(client, SETTINGS.get(key))
        with Bench.single(key.partition(" ")[0], clock=clock, settings=settings) as bench:
            url = bench.serve(LISTEN[over])["instrument"]
            ran = subprocess.run(
                [python, HERE / f"{client}_client.py", url],
                capture_output=True,
                text=True,
                timeout=60,
                cwd=HERE,
                check=False,
            )
    finally:
        clock.close()
    assert (ran.returncode, ran.stdout.strip().splitlines()[-1:]) == (0, ["ok"]), ran.stderr
