# mypy: ignore-errors
"""What clients of SCPI instruments need: a PyVISA resource and its settings for an address."""

from urllib.parse import urlsplit


def resource(url: str) -> str:
    """Return PyVISA's name.

    >>> resource("tcp://127.0.0.1:4001"), resource("serial:///dev/pts/3")
    ('TCPIP::127.0.0.1::4001::SOCKET', 'ASRL/dev/pts/3::INSTR')
    """
    parts = urlsplit(url)
    if parts.scheme == "serial":
        return f"ASRL{parts.path}::INSTR"
    return f"TCPIP::{parts.hostname}::{parts.port}::SOCKET"


SETTINGS = {"visa_library": "@py", "read_termination": "\n", "write_termination": "\n", "timeout": 5000}
