# mypy: ignore-errors
"""A controller whose messages are framed, chained, read and built by the maker's own package propar; mode by argument.

The package holds both ends of the protocol, but no instrument: its parameters are a table here, and the flow is where it
was told to be at once.
"""

import contextlib
import socket
import struct
import sys
import threading
import time
from typing import Any

FLOAT, TABLE = (
    "f",
    {
        (0, 0): "SN",
        (1, 4): 0,
        (1, 13): 500.0,
        (1, 17): "N2",
        (1, 20): 0,
        (1, 31): "mln/min",
        (33, 0): 0.0,
        (33, 3): 0.0,
        (113, 2): "F-201CV",
        (113, 3): "M123",
        (113, 5): "V1.00",
        (114, 1): 0x800000,
    },
)


class Port:
    """A socket as the package uses a serial port."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer, self.held = peer, b""
        peer.settimeout(0.001)

    @property
    def in_waiting(self) -> int:
        with contextlib.suppress(TimeoutError):
            self.held += self.peer.recv(1000)
        return len(self.held)

    def read(self, count: int) -> bytes:
        said, self.held = self.held[:count], self.held[count:]
        return said

    def write(self, data: bytes) -> None:
        self.peer.sendall(data)


def answer(propar: Any, builder: Any, message: dict[str, Any]) -> dict[str, Any]:
    """Return the message that answers another."""
    if message["data"][0] == propar.PP_COMMAND_REQUEST_PARM:
        parameters = list(builder.read_pp_request_parameter_message(message))
        for one in parameters:
            value = TABLE.get((one["proc_nr"], one["parm_nr"]))
            if value is None:
                return builder.create_pp_status_message(message, propar.PP_STATUS_PARM_NUMBER, one["status_pos"])
            is_text = isinstance(value, str)
            one["data"] = value
            one["parm_type"] = propar.PP_TYPE_FLOAT if isinstance(value, float) else one["parm_type"]
            one["parm_size"] = max(one["parm_size"], len(value)) if is_text and one["parm_size"] else one["parm_size"]
            one["proc_nr"], one["parm_nr"] = one["proc_index"], one["parm_index"]
        return builder.build_pp_send_parameter_message(message, parameters)
    for one in builder.read_pp_send_parameter_message(message):
        key = (one["proc_nr"], one["parm_nr"])
        if key not in TABLE:
            return builder.create_pp_status_message(message, propar.PP_STATUS_PARM_NUMBER, one["status_pos"])
        is_float = isinstance(TABLE[key], float)
        TABLE[key] = struct.unpack(">f", struct.pack(">I", one["data"]))[0] if is_float else one["data"]
    TABLE[33, 0] = TABLE[33, 3]
    return builder.create_pp_status_message(message, propar.PP_STATUS_OK, message["len"] - 1)


def serve(server: socket.socket, mode: str) -> None:
    import propar

    while True:
        peer, _ = server.accept()
        port = Port(peer)
        provider = propar._propar_provider(
            38400,
            "memory",
            mode=propar.PP_MODE_ASCII if mode == "ascii" else propar.PP_MODE_BINARY,
            serial_class=lambda *given, port=port, **more: port,
        )
        provider.last_seq = 0
        builder = propar._propar_builder()
        while True:
            message = provider.read_propar_message()
            if message is None:
                time.sleep(0.001)
            else:
                provider.write_propar_message(answer(propar, builder, message))


def main(mode: str) -> None:
    server = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(server, mode), daemon=True).start()
    sys.stdout.write(f"listening on tcp://127.0.0.1:{server.getsockname()[1]}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "binary")
