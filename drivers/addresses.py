"""Addresses of instruments: which port, how it is set, and who is meant on a shared bus."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import SplitResult, parse_qsl, urlsplit

from autolab.model.errors import InputError

FORMS = "serial:///dev/ttyUSB0?baud=9600&bus=1, serial://COM4, tcp://host:port, socket://host:port, rfc2217://host:port, epics://NAME"
_PTY = re.compile(r"/dev/(pts/\d+|ttys\d+)")  # Linux; macOS
_SCHEMES = ("serial", "tcp", "socket", "rfc2217", "memory", "people", "epics")
_INTEGERS = {"baud": range(50, 4_000_001), "bits": range(5, 9), "bus": range(256)}
_CHOICES = {"parity": ("N", "E", "O", "M", "S"), "stop": ("1", "1.5", "2"), "flow": ("none", "rtscts", "xonxoff")}


@dataclass(frozen=True)
class Address:
    """Where an instrument is reached.

    Attributes:
        text: As the person wrote it.
        scheme: `serial`, `tcp`, `socket`, `rfc2217`, `memory`, `people` or `epics`.
        port: The physical port alone (`serial:///dev/ttyUSB0`): instruments of one bus share it.
        target: What the scheme opens: a device (`/dev/ttyUSB0`, `COM4`), `host:port`, or a record's name.
        settings: Line settings that were given: baud, bits, parity, stop, flow; of EPICS, server.
        bus: Address on a shared bus; None where the instrument is alone.
    """

    text: str
    scheme: str
    port: str
    target: str
    settings: Mapping[str, str] = field(default_factory=dict)
    bus: int | None = None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read an address.

        Raises:
            InputError: A scheme, device, port number or setting that does not exist.

        >>> address = Address.parse("serial:///dev/ttyUSB0?bus=1&baud=9600")
        >>> address.port, address.target, address.bus
        ('serial:///dev/ttyUSB0', '/dev/ttyUSB0', 1)
        """
        parts = urlsplit(text)
        if parts.scheme not in _SCHEMES:
            raise _wrong(text, f"unknown scheme {parts.scheme!r}")
        target = _target(text, parts)
        settings = _server(text, parts.query) if parts.scheme == "epics" else _settings(text, parts.query)
        bus = settings.pop("bus", None)
        return cls(
            text, parts.scheme, f"{parts.scheme}://{target}", target, settings, None if bus is None else int(bus)
        )

    def __str__(self) -> str:
        return self.text

    def usually(self, settings: Mapping[str, str]) -> Address:
        """Return the address with `settings` where the person gave none.

        Only for serial ports: a network has none, and a pseudo-terminal (a simulator's) no line that has them.

        >>> dict(Address.parse("serial://COM4?parity=N").usually({"bits": "7", "parity": "E"}).settings)
        {'bits': '7', 'parity': 'N'}
        """
        if self.scheme not in ("serial", "rfc2217") or _PTY.match(self.target):
            return self
        return replace(self, settings={**settings, **self.settings})


def _target(text: str, parts: SplitResult) -> str:
    if parts.scheme in ("tcp", "socket", "rfc2217"):
        try:
            number = parts.port
        except ValueError:
            number = None
        if not parts.hostname or not number or parts.path not in ("", "/"):
            raise _wrong(text, "a host and a port number (1..65535) are needed")
        return f"[{parts.hostname}]:{number}" if ":" in parts.hostname else f"{parts.hostname}:{number}"
    target = parts.netloc + parts.path  # `serial://COM4` has its device where a URL has its host
    if not target.strip("/"):
        raise _wrong(text, "no device is named")
    return target


def _server(text: str, query: str) -> dict[str, str]:
    """Return where the names of an EPICS address are served, if that is told."""
    settings = dict(parse_qsl(query, keep_blank_values=True))
    host, _, port = settings.get("server", "").rpartition(":")
    right = host and port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if set(settings) - {"server"} or (settings and not right):
        raise _wrong(text, "EPICS takes one setting, ?server=host:port, with a port number (1..65535)")
    return settings


def _settings(text: str, query: str) -> dict[str, str]:
    settings: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key in settings:
            raise _wrong(text, f"{key!r} is given twice")
        if key in _INTEGERS:
            allowed = _INTEGERS[key]
            if not (value.isascii() and value.isdigit() and int(value) in allowed):
                raise _wrong(text, f"{key}={value!r} must be a whole number from {allowed.start} to {allowed.stop - 1}")
        elif key in _CHOICES:
            if value not in _CHOICES[key]:
                raise _wrong(text, f"{key}={value!r} must be one of {', '.join(_CHOICES[key])}")
        else:
            raise _wrong(text, f"unknown setting {key!r}; known: {', '.join([*_INTEGERS, *_CHOICES])}")
        settings[key] = value
    return settings


def _wrong(text: str, problem: str) -> InputError:
    return InputError(f"address {text!r}: {problem}. Allowed forms: {FORMS}")
