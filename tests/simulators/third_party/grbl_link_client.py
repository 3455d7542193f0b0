# mypy: ignore-errors
"""The package grbl-link unlocks a gantry, jogs it, and reads what it says."""

import sys
import time

from ports import device


def main(url: str) -> None:
    import serial
    from grbl_link.interface import Grbl

    with serial.serial_for_url(device(url), 115200, timeout=1) as port:
        grbl = Grbl(port)

        def until(what) -> None:  # noqa: ANN001
            for _ in range(100):
                if what():
                    return
                time.sleep(0.05)
            raise AssertionError(grbl.status)

        grbl.soft_reset()
        until(lambda: grbl.version == "1.1h")
        grbl.unlock()
        grbl.query_settings()
        until(lambda: grbl.state.settings.get("132") == "80.000")
        grbl.jog(1200, x=-5)
        until(lambda: grbl.send(b"?") or grbl.status["mode"] == "Jog")
        until(lambda: grbl.send(b"?") or grbl.status["MPos"] == [-5.0, 0.0, 0.0])
        until(lambda: grbl.send(b"?") or grbl.status["mode"] == "Idle")
        grbl.jog(60, x=-5)
        until(lambda: grbl.send(b"?") or grbl.status["MPos"][0] < -5.1)
        grbl.jog_cancel()
        until(lambda: grbl.send(b"?") or grbl.status["mode"] == "Idle")
        assert grbl.status["MPos"][0] > -9
        grbl.stop()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
