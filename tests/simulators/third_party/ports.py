"""What the clients need to reach a simulator: a device's path, or a pyserial URL for a TCP port."""

from urllib.parse import urlsplit


def device(url: str) -> str:
    """Return what pyserial's `serial_for_url` takes.

    >>> device("serial:///dev/pts/3"), device("tcp://127.0.0.1:4001")
    ('/dev/pts/3', 'socket://127.0.0.1:4001')
    """
    parts = urlsplit(url)
    return parts.path if parts.scheme == "serial" else f"socket://{parts.netloc}"


def let_serial_take_urls() -> None:
    """Let `serial.Serial(port=...)` take a URL: the clients below know paths only."""
    import serial

    plain = serial.Serial

    def any_port(port=None, *arguments, **settings):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN202
        if port is not None and "://" in port:
            return serial.serial_for_url(port, *arguments, **settings)
        return plain(port, *arguments, **settings)

    serial.Serial = any_port  # type: ignore[assignment, misc]  # on purpose
