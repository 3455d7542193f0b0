"""Register maps of Modbus temperature controllers: another make is another file."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from autolab.model.errors import GarbledReply, InputError

_FOLDER: Final = files("autolab.drivers") / "modbus_maps"
_FORMS: Final = {"int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "float32": "f"}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Register(_Part):
    """One value in one or two registers.

    Attributes:
        address: As it goes over the wire, from 0.
        type: How its bits are read.
        scale: One step of it, in the value's unit.
        table: Where it lies.
    """

    address: int = Field(ge=0, le=0xFFFF)
    type: Literal["int16", "uint16", "int32", "uint32", "float32"] = "int16"
    scale: float = Field(default=1.0, gt=0)
    table: Literal["holding", "input"] = "holding"

    @property
    def count(self) -> int:
        """How many registers it takes."""
        return 1 if self.type.endswith("16") else 2

    def read(self, words: Sequence[int], order: str) -> float:
        """Return the value in its registers.

        Raises:
            GarbledReply: It is no number.
        """
        ordered = words if order == "high_first" else list(reversed(words))
        data = struct.pack(f">{len(ordered)}H", *ordered)
        value = float(struct.unpack(f">{_FORMS[self.type]}", data)[0]) * self.scale
        if not math.isfinite(value):
            raise GarbledReply(f"register {self.address} holds {value}, which is no number")
        return round(value, 6)

    def written(self, value: float, order: str) -> list[int]:
        """Return what goes into its registers.

        Raises:
            InputError: It does not fit.
        """
        steps: float = value / self.scale
        try:
            data = struct.pack(f">{_FORMS[self.type]}", steps if self.type == "float32" else round(steps))
        except struct.error:
            msg = f"{value:g} does not fit into register {self.address} ({self.type}, steps of {self.scale:g})"
            raise InputError(msg) from None
        words = list(struct.unpack(f">{len(data) // 2}H", data))
        return words if order == "high_first" else words[::-1]


@dataclass(frozen=True)
class Block:
    """Registers that follow one another, read at once: one reply holds them all, and by its length is like few others.

    Attributes:
        table: Where they lie.
        address: Of the first.
        count: How many.
    """

    table: Literal["holding", "input"]
    address: int
    count: int


def blocks(registers: Sequence[Register]) -> list[Block]:
    """Return the blocks that hold some values.

    >>> [(block.address, block.count) for block in blocks([Register(address=n) for n in (2, 1, 273, 3)])]
    [(1, 3), (273, 1)]
    """
    wanted = {(one.table, one.address + more) for one in registers for more in range(one.count)}
    found: list[Block] = []
    for table, address in sorted(wanted):
        last = found[-1] if found else None
        if last is not None and (last.table, last.address + last.count) == (table, address):
            found[-1] = Block(last.table, last.address, last.count + 1)
        else:
            found.append(Block(table, address, 1))
    return found


class Mark(_Part):
    """Registers that are read at both ends of every query: so many as no other read has.

    Attributes:
        address: Of the first.
        count: How many.
        table: Where they lie.
        constant: Whether they never change, so that they tell one controller from another.
    """

    address: int = Field(ge=0, le=0xFFFF)
    count: int = Field(ge=1, le=32)
    table: Literal["holding", "input"] = "holding"
    constant: bool = True


class Order(_Part):
    """A value for a register."""

    register_: Register = Field(alias="register")
    value: float


class Alarm(_Part):
    """What a register holds when something is wrong: one of `values`, or any bit of `mask`."""

    register_: Register = Field(alias="register")
    values: tuple[float, ...] = ()
    mask: int = 0
    words: str

    def stands(self, value: float) -> bool:
        """Say whether it stands."""
        return value in self.values or bool(int(value) & self.mask)


class ModbusMap(_Part):
    """What a make has in which register.

    Attributes:
        make: Maker and series.
        source: Where the addresses are from.
        from_memory: What of it has no source.
        degrees: Of all temperatures on the wire.
        resolution: Step of the set point, degC.
        word_order: Of values in two registers.
        mark: See `Mark`.
        temperature: Process value.
        setpoint: Can be written.
        output: Power, %.
        lowest: Set point that it takes.
        highest: Set point that it takes.
        state: Tells whether it controls.
        on_when: Values of `state` with which it does.
        switch_on: What is written to have it control.
        switch_off: What is written to have it heat no more.
        alarms: What is looked at besides.
    """

    make: str
    source: str
    from_memory: tuple[str, ...] = ()
    degrees: Literal["C", "F"] = "C"
    resolution: float = Field(default=0.1, gt=0)
    word_order: Literal["high_first", "low_first"] = "high_first"
    mark: Mark
    temperature: Register
    setpoint: Register
    output: Register | None = None
    lowest: Register | None = None
    highest: Register | None = None
    state: Register
    on_when: tuple[float, ...] = Field(min_length=1)
    switch_on: tuple[Order, ...] = ()
    switch_off: tuple[Order, ...] = Field(min_length=1)
    alarms: tuple[Alarm, ...] = ()

    @property
    def looked_at(self) -> tuple[Register, ...]:
        """What is read at each look: temperature, set point, state, output where there is one, alarms."""
        output = (self.output,) if self.output is not None else ()
        return (self.temperature, self.setpoint, self.state, *output, *(alarm.register_ for alarm in self.alarms))

    @model_validator(mode="after")
    def _mark_is_unlike_any_reading(self) -> Self:
        if (self.lowest is None) != (self.highest is None):
            msg = "lowest and highest are given both or not at all"
            raise ValueError(msg)
        output = [self.output] if self.output is not None else []
        limits = [[part] for part in (self.lowest, self.highest) if part is not None]
        queries = (self.looked_at, [self.setpoint], [self.setpoint, self.state], [self.state, *output], *limits)
        if any(block.count == self.mark.count for query in queries for block in blocks(query)):
            msg = f"mark.count {self.mark.count} is also the count of a reading: take another number of registers"
            raise ValueError(msg)
        return self

    def celsius(self, degrees: float) -> float:
        """Return a temperature of the wire in degC."""
        return degrees if self.degrees == "C" else round((degrees - 32.0) / 1.8, 4)

    def on_wire(self, celsius: float) -> float:
        """Return a temperature as the wire has it."""
        return celsius if self.degrees == "C" else celsius * 1.8 + 32.0


def names() -> list[str]:
    """Return the maps that come along."""
    return sorted(entry.name.removesuffix(".yaml") for entry in _FOLDER.iterdir() if entry.name.endswith(".yaml"))


def load(name: str) -> ModbusMap:
    """Return a map that comes along, by its name, or one's own, by its path.

    Raises:
        InputError: There is none, or it has faults.
    """
    own = name.endswith((".yaml", ".yml"))
    try:
        text = (Path(name) if own else _FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    except OSError:
        msg = f"no Modbus map {name!r}. There is {', '.join(names())}; your own is given by its path, ending in .yaml"
        raise InputError(msg) from None
    try:
        return ModbusMap.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        msg = f"{name}: no YAML: {error}"
        raise InputError(msg) from None
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        msg = f"{name}: {faults}"
        raise InputError(msg) from None
