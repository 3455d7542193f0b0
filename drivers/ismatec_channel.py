"""One channel of an Ismatec Reglo ICC: a pump of its own."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from ophyd import Component as Cpt
from ophyd import Kind

from autolab.drivers import ismatec_protocol as wire
from autolab.drivers.component import RoleComponent
from autolab.drivers.pump_command import pump_command
from autolab.drivers.pump_run import Run
from autolab.drivers.signals import Reading
from autolab.model.actions import JSON, ActionClass, Intent, Reconciled, Verb
from autolab.model.errors import InstrumentAlarm, InstrumentTimeout, LinkError, Refused
from autolab.model.roles import Dispense, Role, Withdraw, command_from_json

if TYPE_CHECKING:
    from autolab.drivers.acting import ActionStatus
    from autolab.drivers.ismatec import RegloICC
    from autolab.drivers.ismatec_settings import ChannelSettings

_log = logging.getLogger("autolab.drivers.ismatec")
_NEAR: Final = 1e-3  # of the volume: its counter agrees when it is so near, besides two of its last digits


class Channel(RoleComponent):
    """A channel: `set(Dispense(volume, rate))`, `set(Withdraw(volume, rate))`.

    A hose has no contents: nothing is known of what stands in it. The channel's counter is cleared in `do_prepare` and
    nowhere else; volumes are the pump's, by its calibration.

    Attributes:
        volume: Moved by the last command by the pump's counter, mL.
        rate: As last commanded, mL/min.
        running: Whether it runs, by the last look or event.
        most: Highest rate with this hose, mL/min; 0 before it was read.
    """

    role: ClassVar[Role] = "pump"

    volume = Cpt(Reading, value=0.0, units="mL", precision=4, kind=Kind.hinted)
    rate = Cpt(Reading, value=0.0, units="mL/min", precision=4, kind=Kind.normal)
    running = Cpt(Reading, value=False, dtype="boolean", kind=Kind.normal)
    most = Cpt(Reading, value=0.0, units="mL/min", kind=Kind.config)
    tubing = Cpt(Reading, value=0.0, units="mm", kind=Kind.config)

    def __init__(self, prefix: str = "", **kwargs: Any) -> None:  # noqa: ANN401  ophyd's own
        super().__init__(prefix, **kwargs)
        self.index = int(self.attr_name.removeprefix("ch"))
        self._prepared = False
        self._target = 0.0

    @property
    def pump(self) -> RegloICC:
        """The instrument, as the class that it is."""
        pump: RegloICC = self.parent
        return pump

    @property
    def hose(self) -> ChannelSettings:
        """What is known of this channel."""
        told: ChannelSettings = self.settings.of(self.attr_name)
        return told

    # ---- what may be asked of it -------------------------------------------------------------------------------

    def action_class(self, verb: Verb, value: object) -> ActionClass:
        """What was moved can be asked of the pump; `trigger` only reads."""
        return "read" if verb == "trigger" else "queryable"

    def check_value(self, value: object) -> None:
        """Check a command against channel, hose and limits.

        Raises:
            OutsideLimits: It must not be sent.
        """
        value = pump_command(self, value)
        for quantity, number, unit in (("rate", value.rate, "mL/min"), ("volume", value.volume, "mL")):
            try:
                wire.pack(number)
            except ValueError as error:
                raise self.outside(f"{quantity}: {error}") from None
            bounds = self.settings.limits.get(quantity)
            if bounds is not None and not bounds[0] <= number <= bounds[1]:
                raise self.outside(
                    f"{quantity} {number:g} {unit} is outside the limits {bounds[0]:g}..{bounds[1]:g} {unit}"
                )
        self._check_pump(value.rate)

    def _check_pump(self, rate: float) -> None:
        """Refuse what the pump has told that it cannot do, as far as it was asked."""
        if self.pump.count and self.index > self.pump.count:
            raise self.outside(f"the pump has {self.pump.count} channels")
        most = float(self.most.get())
        if most and rate > most * (1 + 1e-4):
            raise self.outside(f"rate {rate:g} mL/min is more than the {most:g} mL/min of this hose")

    def samples(self) -> Sequence[object]:
        """Return a small movement each way."""
        return (Withdraw(0.05, 0.1), Dispense(0.05, 0.1))

    def locate(self) -> Mapping[str, Any]:
        """Return the volume of the last command, and what was moved, mL."""
        return {"setpoint": self._target, "readback": float(self.volume.get())}

    # ---- commands ----------------------------------------------------------------------------------------------

    async def look(self) -> bool:
        """Say whether it runs, and tell the signal."""
        runs = await self.pump.again(lambda: wire.running(self.index, self.pump.serial))
        self.running.tell(runs)
        return runs

    async def learn(self) -> None:
        """Read hose and highest rate."""
        pump = self.pump
        self.tubing.tell(await pump.again(lambda: wire.tubing(self.index, pump.serial)))
        self.most.tell(await pump.again(lambda: wire.most(self.index, pump.serial)))

    async def do_prepare(self, verb: Verb, value: object) -> Mapping[str, JSON]:
        """See that the channel rests, set its hose, direction, flow and volume, and clear its counter.

        Raises:
            Refused: It is running.
            OutsideLimits: The rate is none for this hose.
            InstrumentAlarm: Its counter does not clear.
        """
        if verb != "set" or not isinstance(value, Dispense | Withdraw):
            return {}
        await self.ready()
        self._check_pump(0.0)
        if await self.look():
            raise Refused("runs though nobody asked: halt it first", instrument=self.name, port=self.address.port)
        await self._put_hose()
        self._check_pump(value.rate)
        volume, _ = await self._put(value)
        pump, ch = self.pump, self.index
        await pump.again(lambda: wire.order(f"{ch}W"))
        total, _ = await self._counter()
        if total:
            raise self._alarm(f"its counter does not clear: {total:g} mL")
        pump.lost.discard(ch)
        self._prepared = True
        return {"counter_mL": 0.0, "commanded_mL": volume}

    async def do_set(self, value: Dispense | Withdraw, status: ActionStatus) -> Mapping[str, JSON]:
        """Run the channel once until the counter agrees."""
        if not self._prepared:
            await self.do_prepare("set", value)
        self._prepared = False
        begun = self.clock.now()
        volume, rate = await self._load(value)
        self._target = volume
        self.rate.tell(rate)
        self.running.tell(True)
        await self.pump.query(wire.start(self.index, self.pump.serial), command=f"{self.index}H".encode())
        run = Run(volume, rate, self.settings.poll_s, self.settings.watch_s)
        if not await run.over(self.clock, self.look, status):
            await self._stop()
            msg = f"still ran well after {run.seconds:.1f} s; stopped. Do its rollers turn?"
            raise InstrumentTimeout(msg, command=f"{self.index}H", instrument=self.name, port=self.address.port)
        moved = await self._counted(volume)
        return {
            "volume_mL": moved,
            "requested_mL": value.volume,
            "commanded_mL": volume,
            "rate_mL_min": rate,
            "seconds": round(self.clock.now() - begun, 3),
        }

    async def do_trigger(self, status: ActionStatus) -> Mapping[str, JSON]:
        """Read whether it runs, and its counter."""
        runs = await self.look()
        total, _ = await self._counter()
        return {"running": runs, "counter_mL": total}

    async def do_halt(self) -> None:
        """Stop this channel; its counter stays."""
        self.end_action()
        self._prepared = False
        await self.ready()
        await self._stop()

    async def do_reconcile(self, intent: Intent) -> Reconciled:
        """Compare the counter with that before the action; the channel must have been halted."""
        command = command_from_json(intent.value)
        wanted = intent.context.get("commanded_mL")
        if not isinstance(command, Dispense | Withdraw) or not isinstance(wanted, int | float):
            return Reconciled("unknown", why=f"the intent is no pump command with its counter: {intent.value!r}")
        await self.ready()
        if await self.look():
            return Reconciled("unknown", why="the channel still runs")
        total, digit = await self._counter()
        if why := await self._doubt(float(wanted)):
            return Reconciled("unknown", why=f"the counter says nothing: {why}")
        told = f"counter: {total:g} mL since the intent; asked: {command!r}"
        result: dict[str, JSON] = {"volume_mL": total}
        if total == 0:
            return Reconciled("not", 0.0, result, told)
        if total > wanted + self._exactly(wanted, digit):
            return Reconciled("unknown", why=f"somebody else has used the channel; {told}")
        return Reconciled(
            "happened" if total >= wanted - self._exactly(wanted, digit) else "partial", total, result, told
        )

    # ---- talking -----------------------------------------------------------------------------------------------

    async def _doubt(self, wanted: float) -> str:
        """Say why the counter may mean nothing: a pump that lost its power has forgotten what was set and not saved."""
        pump, ch = self.pump, self.index
        if ch in pump.lost:
            return "channel addressing was off: the power of the pump was interrupted"
        volume = await pump.again(lambda: wire.number(f"{ch}v", pump.serial))
        same = math.isclose(volume, wanted, rel_tol=1e-6)
        return "" if same else "its volume is no longer that of the action: the power of the pump was interrupted"

    async def _put_hose(self) -> None:
        """Set the diameter of the hose where it differs (that ends a calibration), and learn the highest rate."""
        pump, ch, wanted = self.pump, self.index, self.hose.tubing_mm
        await self.learn()
        if wanted is None or math.isclose(float(self.tubing.get()), wanted, abs_tol=0.005):
            return
        reads = f"{wanted:.2f} mm"
        await pump.again(lambda: wire.put(f"{ch}+", f"{round(wanted * 100):04d}", reads, pump.serial))
        await self.learn()

    async def _put(self, value: Dispense | Withdraw) -> tuple[float, float]:
        """Set mode, direction, flow and volume, and return volume and flow as they read (mL, mL/min)."""
        pump, ch = self.pump, self.index
        pushes = isinstance(value, Dispense) == (self.hose.dispense == "cw")
        await pump.again(lambda: wire.mode(ch, "O", pump.serial))
        await pump.again(lambda: wire.put(f"{ch}xf", "1", "1", pump.serial))
        await pump.again(lambda: wire.turn(ch, "J" if pushes else "K", pump.serial))
        rate = await pump.again(lambda: wire.put_number(ch, "f", value.rate, pump.serial))
        volume = await pump.again(lambda: wire.put_number(ch, "v", value.volume, pump.serial))
        return volume, rate

    async def _load(self, value: Dispense | Withdraw) -> tuple[float, float]:
        """Set everything again, and see that nobody has used the channel since it was prepared.

        Raises:
            Refused: Anything went wrong: nothing was started.
        """
        try:
            volume, rate = await self._put(value)
            total, _ = await self._counter()
            await self.pump.query(self.pump.identify_query())  # with addressing off, H would start every channel
        except LinkError as error:
            msg = f"was not started: {error.message}"
            raise Refused(msg, instrument=self.name, port=self.address.port, command=error.command) from error
        if total or self.index in self.pump.lost:
            msg = f"was not started: its counter stands at {total:g} mL, or its power was interrupted"
            raise Refused(msg, instrument=self.name, port=self.address.port)
        return volume, rate

    async def _counter(self) -> tuple[float, float]:
        """Return what was moved since the counter was cleared, and its last digit; mL."""
        return await self.pump.again(lambda: wire.trip(self.index, self.pump.serial))

    async def _counted(self, wanted: float) -> float:
        """Return the volume moved by the counter, mL.

        Raises:
            InstrumentAlarm: It is not what was wanted.
        """
        moved, digit = await self._counter()
        if why := await self._doubt(wanted):
            raise self._alarm(f"what it moved is not known: {why}")
        self.volume.tell(moved)
        if abs(moved - wanted) > self._exactly(wanted, digit):
            raise self._alarm(f"moved {moved:g} of {wanted:g} mL: it was halted, or used by somebody else")
        return moved

    async def _stop(self) -> None:
        """Stop it and see that it stands.

        Raises:
            InstrumentAlarm: It does not.
        """
        await self.pump.again(lambda: wire.order(f"{self.index}I"), urgent=True)
        if await self.look():
            raise self._alarm("does not stop: switch it off")

    def _exactly(self, wanted: float, digit: float) -> float:
        return _NEAR * wanted + 2 * digit

    def _alarm(self, message: str) -> InstrumentAlarm:
        return InstrumentAlarm(message, instrument=self.name, port=self.address.port)
