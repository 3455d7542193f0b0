# mypy: ignore-errors
"""The simulator of labmcp-julabo, on a TCP port; its bath is so fast that a test need not wait."""

from labmcp_julabo.simulator import JulaboSimulator
from serve_lines import serve

simulator = JulaboSimulator(time_scale=60.0)


def handle(command: bytes) -> bytes:
    answer = simulator.handle(command.decode().strip())
    return b"" if answer is None else answer.encode() + b"\r\n"


if __name__ == "__main__":
    serve(handle, lambda held: held.find(b"\r") + 1)
