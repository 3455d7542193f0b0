"""What is said to one channel of a Reglo ICC, and how numbers are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from autolab.simulators.ismatec_channel import MODES, TUBES, Channel, most_flow

Answer = Callable[[Channel, str], str]

# ---- numbers -----------------------------------------------------------------------------------------------------------


def data(text: str) -> str:
    """Return a data response."""
    return f"{text}\r\n"


def scientific(value: float) -> str:
    """Return a volume or flow in mL (type 1): m.mmm x 10^e, without its point.

    >>> scientific(0.012), scientific(0.0), scientific(1234.56)
    ('1200E-2', '0000E+0', '1235E+3')
    """
    mantissa, _, exponent = f"{value:.3e}".partition("e")
    return f"{mantissa.replace('.', '')}E{exponent[0]}{int(exponent[1:])}"


def from_scientific(text: str) -> float | None:
    """Return what a volume or flow (type 2) says, mL, or None.

    >>> from_scientific("1200-2"), from_scientific("1200E-2"), from_scientific("12-2")
    (0.012, None, None)
    """
    found = re.fullmatch(r"(\d{4})([+-]\d)", text)
    return None if found is None else float(f"{found[1]}e{int(found[2]) - 3}")


def trip(volume: float) -> str:
    """Return the total volume in uL, mL or litres, with four digits.

    >>> trip(4.983), trip(0.05), trip(1500.0), trip(0.0)
    ('4.983 ml', '50.00 ul', '1.500 l', '0.000 ul')
    """
    value, unit = (volume / 1e3, "l") if volume >= 1000 else (volume, "ml") if volume >= 1 else (volume * 1e3, "ul")
    decimals = 3 if value < 10 else 2 if value < 100 else 1
    return f"{value:.{decimals}f} {unit}"


# ---- what a channel does ---------------------------------------------------------------------------------------------


def _yes(channel: Channel, rest: str) -> str:
    return "*"


def _stop(channel: Channel, rest: str) -> str:
    channel.stop()
    return "*"


def _turn(channel: Channel, rest: str, *, clockwise: bool) -> str:
    channel.settings.clockwise = clockwise
    return "*"


def _mode(channel: Channel, rest: str, *, mode: str) -> str:
    channel.settings.mode = mode
    return "*"


def _by_flow(channel: Channel, rest: str) -> str:
    if not rest:
        return data("1" if channel.settings.by_flow else "0")
    channel.settings.by_flow = rest == "1"
    return "*" if rest in ("0", "1") else "#"


def _rpm(channel: Channel, rest: str) -> str:
    if not rest:
        return data(f"{channel.settings.rpm:.2f}")
    if not (rest.isdigit() and len(rest) == 6):
        return "#"
    channel.settings.rpm = int(rest) / 100
    return "*"


def _volume(channel: Channel, rest: str, *, name: str) -> str:
    if rest:
        value = from_scientific(rest)
        if value is None:
            return "#"
        setattr(channel.settings, name, value)
    return data(scientific(getattr(channel.settings, name)))


def _time(channel: Channel, rest: str, *, name: str, digits: int) -> str:
    if not rest:
        return data(f"{10 * getattr(channel.settings, name):.0f}")
    if not (rest.isdigit() and len(rest) == digits):
        return "#"
    setattr(channel.settings, name, int(rest) / 10)
    return "*"


def _long(channel: Channel, rest: str, *, name: str, unit: int) -> str:
    if not (rest.isdigit() and len(rest) == 3):
        return "#"
    setattr(channel.settings, name, float(int(rest) * unit))
    return "*"


def _count(channel: Channel, rest: str, *, name: str) -> str:
    if not rest:
        return data(str(getattr(channel.settings, name)))
    if not (rest.isdigit() and len(rest) == 4):
        return "#"
    setattr(channel.settings, name, int(rest))
    return "*"


def _tube(channel: Channel, rest: str) -> str:
    if not rest:
        return data(f"{channel.settings.tube:.2f} mm")
    if not (rest.isdigit() and len(rest) == 4 and int(rest) / 100 in TUBES) or channel.running:
        return "#"
    channel.settings.tube, channel.settings.factor = int(rest) / 100, 1.0
    return "*"


def _calibrate(channel: Channel, rest: str) -> str:
    """Take the volume that was measured where the target was pumped."""
    if not rest:
        return data(scientific(channel.settings.target * channel.settings.factor))
    value = from_scientific(rest)
    if not value:
        return "#"
    channel.settings.factor = value / channel.settings.target
    return "*"


def _clear(channel: Channel, rest: str) -> str:
    channel.hose.total = 0.0
    return "*"


COMMANDS: dict[str, Answer] = {
    "H": lambda channel, rest: channel.start(), "I": _stop, "xI": _stop,
    "J": partial(_turn, clockwise=True), "K": partial(_turn, clockwise=False),
    "xD": lambda channel, rest: data("J" if channel.settings.clockwise else "K"),
    "xe": lambda channel, rest: data(f"{channel.cause[0]} {scientific(channel.cause[1])}"),
    "xM": lambda channel, rest: data(channel.settings.mode), **{mode: partial(_mode, mode=mode) for mode in MODES},
    "xf": _by_flow, "S": _rpm, "f": partial(_volume, name="flow"), "v": partial(_volume, name="volume"),
    "xU": partial(_volume, name="target"), "xT": partial(_time, name="run_s", digits=8),
    "xP": partial(_time, name="pause_s", digits=8), "xW": partial(_time, name="calibration_s", digits=8),
    "V": partial(_time, name="run_s", digits=4), "T": partial(_time, name="pause_s", digits=4),
    "VM": partial(_long, name="run_s", unit=60), "VH": partial(_long, name="run_s", unit=3600),
    "TM": partial(_long, name="pause_s", unit=60), "TH": partial(_long, name="pause_s", unit=3600),
    '"': partial(_count, name="cycles"), "%": partial(_count, name="backsteps"), "+": _tube,
    "?": lambda channel, rest: data(f"{most_flow(channel.settings.tube):.4g} ml/min"),
    "!": lambda channel, rest: data(f"{channel.most:.4g} ml/min"), "xV": _calibrate,
    "xR": lambda channel, rest: "*" if rest in ("J", "K") else data("J") if not rest else "#",
    "xX": lambda channel, rest: data("0"), "xY": _yes, "xZ": _yes, "xB": lambda channel, rest: data("8"),
    "xC": lambda channel, rest: data("0"), "xJ": lambda channel, rest: data("0"),
    "xG": lambda channel, rest: data(f"{channel.hose.total:.0f}"), "r": lambda channel, rest: data(scientific(77.0)),
    "xv": lambda channel, rest: data(f"{600 * channel.settings.volume / (channel.settings.flow or 1):.0f}"),
    "xw": lambda channel, rest: data("0"), "E": lambda channel, rest: "+" if channel.running else "-",
    ":": lambda channel, rest: data(trip(channel.hose.total)), "W": _clear,
}  # fmt: skip
