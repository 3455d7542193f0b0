"""Modbus frames by pymodbus, without its I/O: its requests, decoder and framers inside our queries.

Only here pymodbus is imported, so that everything else works without it. Its client is not used: it has its own
transport, threads and retries, and a retry of its own is a command sent twice behind our back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    WriteMultipleRegistersRequest,
    WriteSingleRegisterRequest,
)

from autolab.drivers.query import Query, ReadUntil, Sleep, Write
from autolab.model.errors import GarbledReply, Refused

GAP: Final = 0.005
"""Silence between two RTU frames, s: 3.5 characters at 9600 baud, and some."""
_FUNCTIONS: Final = (3, 4, 6, 16)
EXCEPTIONS: Final = {
    1: "it does not know this function", 2: "it has no such register", 3: "it does not take this value",
    4: "it has a fault", 5: "it needs longer", 6: "it is busy", 10: "the gateway has no way there",
    11: "nobody answers behind the gateway",
}  # fmt: skip


class ModbusRefused(Refused):
    """An exception reply.

    Attributes:
        code: Modbus exception code.
    """

    code: int = 0


class Frames:
    """Exchanges with one unit.

    Args:
        framing: `rtu`, or `tcp` with the header that numbers requests.
        unit: Its address.
        gap: Silence before each request, s.
    """

    def __init__(self, framing: Literal["rtu", "tcp"], unit: int, gap: float = GAP) -> None:
        self.unit, self.gap = unit, gap
        self._decoder = DecodePDU(is_server=False)
        self._framer = FramerRTU(self._decoder) if framing == "rtu" else FramerSocket(self._decoder)
        self._numbered = framing == "tcp"
        self._number = 0

    def read(self, address: int, count: int, table: Literal["holding", "input"] = "holding") -> Query[list[int]]:
        """Read registers.

        Raises:
            GarbledReply: The reply is none, of another unit, or of another length.
            ModbusRefused: There are no such registers.
        """
        kind = ReadHoldingRegistersRequest if table == "holding" else ReadInputRegistersRequest
        reply, data = yield from self._exchange(kind(address=address, count=count, dev_id=self.unit))
        if len(data) != 2 + 2 * count or len(reply.registers) != count:
            raise GarbledReply(f"{len(reply.registers)} registers were answered instead of {count}", seen=data)
        return list(reply.registers)

    def write(self, address: int, words: Sequence[int]) -> Query[None]:
        """Write registers: one by function 6, more by function 16.

        Raises:
            GarbledReply: The reply is none, or echoes something else.
            ModbusRefused: It does not take the value.
        """
        request: ModbusPDU
        if len(words) == 1:
            request = WriteSingleRegisterRequest(address=address, registers=list(words), dev_id=self.unit)
        else:
            request = WriteMultipleRegistersRequest(address=address, registers=list(words), dev_id=self.unit)
        reply, data = yield from self._exchange(request)
        echo = list(reply.registers) if len(words) == 1 else reply.count
        if reply.address != address or echo != (list(words) if len(words) == 1 else len(words)) or len(data) != 5:
            raise GarbledReply(f"{data!r} echoes something else than what was written to {address}", seen=data)

    def _exchange(self, request: ModbusPDU) -> Query[tuple[ModbusPDU, bytes]]:
        self._number = self._number % 0xFFFF + 1
        request.transaction_id = self._number if self._numbered else 0
        yield Sleep(self.gap)
        yield Write(self._framer.buildFrame(request))
        reply = yield ReadUntil(self._end)
        return self._parsed(reply or b"", request)

    def _end(self, received: bytes) -> int:
        """Return the length of the frame that begins here; of all there is, where none can begin so."""
        if self._numbered:
            size = 6 + int.from_bytes(received[4:6], "big") if len(received) >= 6 else 0
        elif len(received) < 3:
            return 0
        elif received[1] & 0x7F not in _FUNCTIONS:
            size = len(received)
        else:
            kind = self._decoder.lookupPduClass(received)
            size = len(received) if kind is None else kind.calculateRtuFrameSize(received)
        return size if 0 < size <= len(received) else 0

    def _parsed(self, frame: bytes, request: ModbusPDU) -> tuple[ModbusPDU, bytes]:
        """Return a reply and its bytes between header and check sum; every byte of the frame is accounted for."""
        try:
            used, unit, number, data = self._framer.decode(frame)
        except ModbusException:  # it looks for a frame in what is none, and finds what it cannot read
            used, unit, number, data = 0, 0, 0, b""
        if used != len(frame) or not data or self._framer.encode(data, unit, number) != frame:
            raise GarbledReply("no Modbus frame, or its check sum is wrong", seen=frame)
        if unit != self.unit or number != request.transaction_id:
            raise GarbledReply(f"the reply is of unit {unit} to request {number}: another one's, or late", seen=frame)
        try:
            reply = self._decoder.decode(data)
        except ModbusException:
            reply = None
        if reply is None or reply.function_code & 0x7F != request.function_code:
            raise GarbledReply(f"no reply to function {request.function_code}", seen=frame)
        if isinstance(reply, ExceptionResponse):
            raise _refused(reply.exception_code, request, frame)
        return reply, data


def _refused(code: int, request: ModbusPDU, frame: bytes) -> ModbusRefused:
    why = EXCEPTIONS.get(code, "see its manual")
    error = ModbusRefused(f"refuses register {request.address}: {why} (Modbus exception {code})", seen=frame)
    error.code = code
    return error
