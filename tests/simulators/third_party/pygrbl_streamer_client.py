# mypy: ignore-errors
"""The package pygrbl_streamer homes a gantry and streams a program by counting characters."""

import sys

from ports import device


def main(url: str) -> None:
    from pygrbl_streamer import GrblStreamer

    grbl = GrblStreamer(device(url), auto_unlock=False)
    grbl.connect(reset=True)
    assert not grbl.command("G0 X-1")  # locked
    assert grbl.home(timeout=30, wait_idle=True)
    assert grbl.last_status["raw"].startswith("<Idle|MPos:-1.000,-1.000,-1.000|")
    program = ["G21 G90", "G1 F3000", *(f"X-{1 + n % 5} Y-{1 + n % 3} (step {n})" for n in range(40)), "X-7 Y-8 Z-2"]
    assert grbl.stream(program)
    grbl.sync()
    assert "|MPos:-7.000,-8.000,-2.000|" in grbl.last_status["raw"]
    assert not grbl.command("G2 X1")
    assert grbl.command("G1 F60 X-20")
    grbl.stop()
    assert grbl.reset(unlock=False)  # held before: its position is known
    assert grbl.command("$J=G91 X-1 F600")
    grbl.disconnect()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
