"""`autolab simulate`, with a hand in the lab: each line on standard input is something that a person does there.

    python tests/loop/troubled_bench.py LAB.yaml --listen pty --speed 300 --addresses FILE

    clog pump_pc 1.0            let a line pass this share
    fill PC 500                 pour so many mL into a bottle
    drain PC pump_pc 1.0        leave so many mL in a bottle and in a pump's syringe
    strength plate 1.0          exchange the heater: the part of its power that it gives
    trend probe 0               calibrate the probe, and let it drift so fast from now on, relative an hour
    babble probe 3c 20          pull the plug, let it lose its settings, and send these bytes (hexadecimal) so many times
    look plate                  answer `plate: heater off, motor off, panel 'ER 2'`

Every line is answered by one on standard output, when it was done.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable
from typing import Any

from autolab.cli import main as autolab
from autolab.simulators.bench import Bench
from autolab.simulators.fluids import Fluid


def clog(bench: Any, pump: str, share: str) -> str:
    """Let a pump's line pass only a share."""
    bench.world.clog(pump, float(share))
    return f"{pump} passes {share}"


def fill(bench: Any, stock: str, volume: str) -> str:
    """Pour into a bottle."""
    bench.world.advance()
    bench.world.stock[stock].add(Fluid.of(bench.world.parts.stocks[stock], float(volume)))
    return f"{stock} has {bench.world.stock[stock].volume:.1f} mL"


def drain(bench: Any, stock: str, pump: str, volume: str) -> str:
    """Leave little in a bottle, and let air be in the syringe instead of what was drawn before."""
    bench.world.advance()
    bottle, barrel = bench.world.stock[stock], bench.world.lines[pump].barrel
    bottle.fluid.take(bottle.volume - float(volume))
    air = barrel.liquid.volume - float(volume)
    barrel.liquid.take(air)
    barrel.air += max(0.0, air)
    return f"{stock} has {bottle.volume:.1f} mL"


def strength(bench: Any, plate: str, share: str) -> str:
    """Exchange a heater."""
    bench.world.advance()
    bench.instrument(plate).heater.strength = float(share)
    return f"{plate} heats with {share}"


def trend(bench: Any, probe: str, per_hour: str) -> str:
    """Calibrate a probe, and let it drift from now on."""
    one = bench.instrument(probe)
    bench.world.advance()
    one._steady = (0.0, float(per_hour), bench.world.time)
    return f"{probe} drifts by {per_hour}"


def babble(bench: Any, name: str, junk: str, times: str) -> str:
    """Pull an instrument's plug; it comes back as after power-up, on a disturbed line."""
    wire, data = bench.wire(name), bytes.fromhex(junk)
    wire._hang_up()
    bench.instrument(name).power_cycle()
    for count in range(int(times)):
        bench.clock.loop.call_later(2.0 * count, wire._reply, name, data)
    return f"{name} babbles"


def look(bench: Any, plate: str) -> str:
    """Say what a person sees at the plate."""
    one = bench.instrument(plate)
    states = (
        f"{what} {'on' if is_on else 'off'}" for what, is_on in (("heater", one.heater.on), ("motor", one.motor.on))
    )
    return f"{plate}: {', '.join(states)}, panel {one.panel!r}"


HAND: dict[str, Callable[..., str]] = {
    "clog": clog, "fill": fill, "drain": drain, "strength": strength, "trend": trend, "babble": babble, "look": look,
}  # fmt: skip


def listen(bench: Bench) -> None:
    """Do what comes on standard input, on the clock's loop."""
    for line in sys.stdin:
        word, *rest = line.split()

        async def act(word: str = word, rest: list[str] = rest) -> str:
            return HAND[word](bench, *rest)

        try:
            told = asyncio.run_coroutine_threadsafe(act(), bench.clock.loop).result(10)
        except Exception as error:  # told to whoever asked
            told = f"{type(error).__name__}: {error}"
        sys.stdout.write(f"done: {told}\n")
        sys.stdout.flush()


def main() -> None:
    """Serve as `autolab simulate` does, and listen."""
    serve = Bench.serve

    def served(self: Bench, *arguments: Any, **keywords: Any) -> dict[str, str]:
        urls = serve(self, *arguments, **keywords)
        threading.Thread(target=listen, args=(self,), daemon=True).start()
        return urls

    Bench.serve = served  # type: ignore[method-assign]  # the seam of this script
    sys.argv = ["autolab", "simulate", *sys.argv[1:]]
    autolab()


if __name__ == "__main__":
    main()
