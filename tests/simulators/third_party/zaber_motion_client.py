# mypy: ignore-errors
"""The maker's own library finds a stage, homes it and moves it; its data base of devices, which is on line, is not asked."""

import sys
from urllib.parse import urlsplit


def main(url: str) -> None:
    from zaber_motion import CommandFailedException
    from zaber_motion.ascii import Connection

    parts = urlsplit(url)
    if parts.scheme == "serial":
        connection = Connection.open_serial_port(parts.path)
    else:
        connection = Connection.open_tcp(parts.hostname, parts.port)
    with connection:
        (stage,) = connection.detect_devices(identify_devices=False)
        assert stage.device_address == 1
        axis = stage.get_axis(1)
        assert axis.warnings.get_flags() == {"WR"}
        assert stage.generic_command("get system.serial").data == "73412"
        try:
            axis.generic_command("move abs 1000")
        except CommandFailedException as error:
            assert error.details.response_data == "BADDATA"  # noqa: PT017  what it is rejected with
        else:
            raise AssertionError
        axis.home()
        axis.wait_until_idle()
        axis.generic_command("move abs 20000")
        axis.wait_until_idle()
        assert axis.generic_command("get pos").data == "20000"
        assert axis.warnings.get_flags() == set()
        axis.generic_command("move max")
        assert axis.is_busy()
        axis.stop()
        assert not axis.is_busy()
        assert axis.warnings.clear_flags() <= {"NI"}


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
