import subprocess
import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest
from pydantic import BaseModel

from autolab.lab import plugins
from autolab.model.errors import InputError, UnknownPlugin


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """Entry points of the test's own: key -> value, the same in every group."""
    values: dict[str, str] = {}
    monkeypatch.setattr(
        plugins, "entry_points", lambda group: [EntryPoint(key, value, group) for key, value in values.items()]
    )
    plugins._entries.cache_clear()
    yield values
    plugins._entries.cache_clear()


def module(monkeypatch: pytest.MonkeyPatch, name: str, **contents: object) -> None:
    made = types.ModuleType(name)
    made.__spec__ = types.SimpleNamespace(name=name)  # type: ignore[assignment]  # all that find_spec looks at
    vars(made).update(contents)
    monkeypatch.setitem(sys.modules, name, made)


def test_the_names_are_known_without_importing_any() -> None:
    code = (
        "import sys; from autolab.lab.plugins import names, settings_model\n"
        "assert 'new_era.NE1000' in names('drivers') and 'dosing' in names('worlds')\n"
        "assert settings_model('new_era.NE1000').__name__ == 'NE1000Settings'\n"
        "assert settings_model('gravimetric', 'protocols').__name__ == 'GravimetricSettings'\n"
        "heavy = {'ophyd', 'bluesky', 'torch', 'pandas', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_unknown_key_is_told_with_what_exists(entries: dict[str, str]) -> None:
    entries.update({"new_era.NE1000": "a:B", "ika.RCT": "c:D"})
    with pytest.raises(
        UnknownPlugin, match=r"no driver is called 'new_era.NE100': did you mean 'new_era.NE1000'\?.*ika"
    ):
        plugins.resolve("drivers", "new_era.NE100")


def test_an_unknown_group_is_refused() -> None:
    with pytest.raises(InputError, match="'driver' is no group of plug-ins: did you mean 'drivers'"):
        plugins.names("driver")  # type: ignore[arg-type]  # what is tested


@pytest.mark.parametrize("value", ["no_such_module_anywhere:Thing", "autolab.lab.plugins:NoSuchThing"])
def test_a_broken_plug_in_says_which_and_why(entries: dict[str, str], value: str) -> None:
    entries["x.Y"] = value
    with pytest.raises(UnknownPlugin, match=rf"world 'x.Y' \({value}\) cannot be loaded: .*[Nn]o"):
        plugins.resolve("worlds", "x.Y")


def test_settings_come_from_the_module_beside(entries: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    class PumpSettings(BaseModel):
        bore_mm: float = 1.0

    entries["x.Pump"] = "lab_plugin_x:Pump"
    module(monkeypatch, "lab_plugin_x_settings", PumpSettings=PumpSettings)
    assert plugins.settings_model("x.Pump") is PumpSettings


def test_a_settings_module_without_the_class_is_told(entries: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    entries["x.Pump"] = "lab_plugin_x:Pump"
    module(monkeypatch, "lab_plugin_x_settings")
    with pytest.raises(InputError, match="lab_plugin_x_settings must hold a class PumpSettings"):
        plugins.settings_model("x.Pump")


def test_without_such_a_module_the_class_tells_its_settings(
    entries: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = type("Model", (BaseModel,), {})
    entries.update({"x.Pump": "lab_plugin_x:Pump", "x.Bare": "lab_plugin_x:Bare"})
    module(monkeypatch, "lab_plugin_x", Pump=type("Pump", (), {"Settings": model}), Bare=type("Bare", (), {}))
    assert plugins.settings_model("x.Pump") is model
    assert plugins.settings_model("x.Bare") is None


def test_the_role_of_each_driver_is_known() -> None:
    assert plugins.role_of("new_era.NE1000") == "pump"
    assert plugins.role_of("mettler_toledo.Balance") == "balance"
    assert plugins.role_of("ika.RCT") is None  # its parts have the roles
    assert plugins.role_of("tecan.XCalibur") == "pump"  # beside its valve


def test_a_driver_may_leave_its_role_to_its_components(
    entries: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    entries["x.Plate"] = "lab_plugin_x:Plate"
    module(monkeypatch, "lab_plugin_x", Plate=type("Plate", (), {}))
    assert plugins.role_of("x.Plate") is None
