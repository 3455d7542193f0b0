"""Lab files: from YAML to a declaration, with every fault."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from autolab.drivers.addresses import Address
from autolab.lab import plugins
from autolab.lab.checks import lab_faults
from autolab.lab.declaration import LabDeclaration
from autolab.model.errors import Fault, FaultyFile, InputError
from autolab.spec.document import read_document
from autolab.spec.explain import validate
from autolab.spec.findings import Findings, one_of
from autolab.spec.lab_model import InstrumentModel, LabModel
from autolab.spec.salvage import sound_parts
from autolab.spec.version import readable

if TYPE_CHECKING:
    from autolab.model.actions import JSON
    from autolab.spec.document import Key


def load_lab(path: Path | str) -> LabDeclaration:
    """Read and check a lab file.

    Raises:
        FaultyFile: With all its faults.
    """
    faults: list[Fault] = []
    declaration = read_lab(path, faults)
    if faults or declaration is None:
        raise FaultyFile(sorted(faults, key=lambda fault: fault.line))
    return declaration


def read_lab(path: Path | str, faults: list[Fault]) -> LabDeclaration | None:
    """Read and check a lab file; append its faults to `faults`.

    Returns:
        The declaration where it could be made at all, also when it has faults: its instruments can be named.
    """
    document = read_document(path, faults)
    if document is None:
        return None
    findings = Findings(document, faults)
    if not readable(document.data, findings):
        return None
    model = validate(LabModel, document.data, findings) or _salvaged(document.data)
    if model is None:
        return None
    _check_instruments(model, findings)
    _check_ports(model, findings)
    _check_virtual(model, findings)
    given = document.data.get("instruments")
    if not isinstance(given, dict) or len(given) > len(model.instruments):
        return None  # some instrument could not be read: what names it is not to blame
    declaration = _declaration(model, findings)
    if declaration is not None:
        _check_whole(model, declaration, findings)
    return declaration


def _salvaged(data: Mapping[str, JSON]) -> LabModel | None:
    """Return what is right in itself of a faulty lab file: its meaning can be checked, too."""
    parts = sound_parts(data, LabModel)
    if "instruments" not in parts:
        return None
    missing = {
        name: field.get_default(call_default_factory=True)
        for name, field in LabModel.model_fields.items()
        if name not in parts and not field.is_required()
    }
    return LabModel.model_construct(**missing, **parts)


def _declaration(model: LabModel, findings: Findings) -> LabDeclaration | None:
    mapping = model.model_dump(by_alias=True, exclude={"autolab"}, exclude_none=True)
    with findings.at(()):
        return LabDeclaration.from_json(mapping)
    return None


def _check_instruments(model: LabModel, findings: Findings) -> None:
    for name, one in model.instruments.items():
        key = ("instruments", name)
        if one.driver not in plugins.names("drivers"):
            findings.unknown((*key, "driver"), "driver", one.driver, plugins.names("drivers"))
            continue
        _check_settings(key, one, findings)


def _check_settings(key: Key, one: InstrumentModel, findings: Findings) -> None:
    declared: Any = None
    with findings.at((*key, "driver")):
        declared = plugins.settings_model(one.driver)
    if not (isinstance(declared, type) and issubclass(declared, BaseModel)):
        return
    given: dict[str, Any] = dict(one.settings)
    if "limits" in declared.model_fields and one.limits:
        given["limits"] = one.limits
    validate(declared, given, findings, key)


def _check_ports(model: LabModel, findings: Findings) -> None:
    """Note addresses that cannot be read, and two instruments that would answer at once."""
    taken: dict[tuple[str, int | None], str] = {}
    ports: dict[str, list[tuple[str, int | None]]] = {}
    for name, one in model.instruments.items():
        key = ("instruments", name, "address")
        try:
            address = Address.parse(one.address)
        except InputError as error:
            findings.add(key, str(error))
            continue
        port = address.port.lower() if address.target.upper().startswith("COM") else address.port
        place = (port, address.bus)
        if place in taken:
            who = "without `bus`" if address.bus is None else f"with bus address {address.bus}"
            problem = f"{one.address!r} is taken by {taken[place]!r}: both are on {address.port} {who}"
            findings.add(key, problem, "Give each its own port, or its own address on the bus (`?bus=1`)")
            continue
        alone = next((other for other, bus in ports.get(port, []) if (bus is None) != (address.bus is None)), None)
        if alone is not None:
            problem = f"{one.address!r} shares {address.port} with {alone!r}, and only one of them has a bus address"
            findings.add(key, problem, "Give each instrument on a shared bus its address, such as `?bus=1`")
        taken[place] = name
        ports.setdefault(port, []).append((name, address.bus))


def _check_whole(model: LabModel, declaration: LabDeclaration, findings: Findings) -> None:
    """Note what contradicts between the parts of a lab: plumbing, vessels, interlocks, order of making safe."""
    roles = {name: role_of(one.driver) for name, one in declaration.instruments.items()}
    parts = {name: component_roles(one.driver) for name, one in declaration.instruments.items()}
    faulty = {key for key in ("stocks", "plumbing", "virtual", "interlocks", "safe_order") if findings.under((key,))}
    for fault in lab_faults(declaration, roles, parts):
        if _follows(fault.key, faulty):
            continue
        key: Key = tuple(int(part) if part.isdigit() else part for part in fault.key.split("."))
        if key == ("safe_order",):
            places = [index for index, word in enumerate(model.safe_order) if repr(word) in fault.problem]
            key = ("safe_order", *places[:1])
        findings.add(key, fault.problem, fault.remedy)


def _follows(key: str, faulty: set[str]) -> bool:
    """Return whether a fault may come of another one, in a part that could not be read whole."""
    return key.partition(".")[0] in faulty or ("stocks" in faulty and key.endswith(".stock"))


def _check_virtual(model: LabModel, findings: Findings) -> None:
    if model.virtual is None:
        return
    if model.virtual.world not in plugins.names("worlds"):
        findings.unknown(("virtual", "world"), "world", model.virtual.world, plugins.names("worlds"))
    for index, fault in enumerate(model.virtual.faults or ()):
        if fault.instrument is not None and fault.instrument not in model.instruments:
            key = ("virtual", "faults", index, "instrument")
            findings.add(key, f"{fault.instrument!r} is no instrument", one_of(fault.instrument, model.instruments))
    simulated = plugins.names("simulators")
    for name, one in model.instruments.items():
        if one.driver in plugins.names("drivers") and one.driver not in simulated:
            problem = f"{one.driver!r} has no simulator, so this lab has no virtual form"
            findings.add(
                ("instruments", name, "driver"), problem, f"Leave `virtual` out. {one_of(one.driver, simulated)}"
            )


def component_roles(driver: str) -> dict[str, str]:
    """Return the roles of a driver's components, by name; empty where none are known."""
    try:
        told = getattr(plugins.settings_model(driver), "components", None)
    except InputError:
        return {}
    return dict(told) if isinstance(told, Mapping) else {}


def role_of(driver: str) -> str | None:
    """Return the role that a driver plays, or None where it is unknown or left to its components."""
    try:
        return plugins.role_of(driver)
    except InputError:
        return None
