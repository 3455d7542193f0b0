"""`autolab lab wire`: the log of what passed over the ports, for people."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from autolab.cli.console import say, say_json
from autolab.cli.failures import command, refuse
from autolab.cli.targets import AsJson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autolab.drivers.wirelog import WireRecord

NAMES = {
    0: "NUL", 1: "SOH", 2: "STX", 3: "ETX", 4: "EOT", 5: "ENQ", 6: "ACK", 8: "BS", 9: "TAB", 10: "LF", 13: "CR",
    16: "DLE", 17: "XON", 19: "XOFF", 21: "NAK", 24: "CAN", 27: "ESC", 127: "DEL",
}  # fmt: skip
STYLES = {"out": "cyan", "in": "green", "note": "yellow"}
POLL = 0.2  # s between two looks at a file that is followed


@command
def wire(
    log: Annotated[Path, typer.Argument(help="File that `--wire-log` wrote.")],
    port: Annotated[str | None, typer.Option(help="Only ports whose address holds this.")] = None,
    matching: Annotated[str | None, typer.Option(help="Only where this regular expression is found.")] = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only the last so many.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on as the file grows, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what passed over the ports: who said what, how long after the piece before, with control characters named."""
    from autolab.drivers.wirelog import read_log

    try:
        pattern = re.compile(matching or "")
    except re.error as error:
        raise refuse(f"--matching {matching!r} is no regular expression: {error}") from None
    if not log.is_file():
        raise refuse(f"{log}: there is no such file. `autolab run --wire-log FILE` and `lab doctor` write one")

    def wanted(record: WireRecord) -> bool:
        return (port is None or port in record.port) and pattern.search(shown(record.data)) is not None

    found = [record for record in read_log(log) if wanted(record)]
    found = found[-last:] if last else found
    if as_json:
        say_json([_told(record) for record in found])
        return
    before = None
    for record in found:
        before = _say(record, before)
    for record in _more(log) if follow else ():
        if wanted(record):
            before = _say(record, before)


def shown(data: bytes) -> str:
    r"""Return bytes as people read them: control characters by name, others that are no ASCII in hexadecimal.

    >>> shown(b"\x0200S\x03"), shown(b"VER\r\n"), shown(b"\xff<CR>")
    ('<STX>00S<ETX>', 'VER<CR><LF>', '<FF><3C>CR>')
    """
    return "".join(
        f"<{NAMES[byte]}>" if byte in NAMES else chr(byte) if 32 <= byte < 127 and byte != 60 else f"<{byte:02X}>"
        for byte in data
    )


def _say(record: WireRecord, before: WireRecord | None) -> WireRecord:
    stamp = time.strftime("%H:%M:%S", time.localtime(record.wall)) + f"{record.wall % 1:.4f}"[1:]
    gap = "" if before is None else f"+{1000 * (record.wall - before.wall):.1f} ms"
    arrow = {"out": "->", "in": "<-", "note": "##"}[record.direction]
    text = record.data.decode("ascii", "replace") if record.direction == "note" else shown(record.data)
    say(f"{stamp} {gap:>12}  {record.port}  {arrow} {text}", style=STYLES[record.direction])
    return record


def _told(record: WireRecord) -> dict[str, object]:
    text = record.data.decode("latin-1")
    return {"wall": record.wall, "lab": record.lab, "port": record.port, "direction": record.direction, "data": text}


def _more(log: Path) -> Iterator[WireRecord]:
    from autolab.drivers.wirelog import parse_record

    with log.open(encoding="utf-8") as file:
        file.seek(0, 2)
        held = ""
        while True:
            held += file.readline()
            if held.endswith("\n"):
                record = parse_record(held)
                held = ""
                if record is not None:
                    yield record
            else:
                time.sleep(POLL)
