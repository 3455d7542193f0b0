# mypy: ignore-errors
"""The package zaber.serial homes a stage and moves it."""

import sys

from ports import device


def main(url: str) -> None:
    from zaber.serial import AsciiAxis, AsciiCommand, AsciiDevice, AsciiSerial

    port = AsciiSerial(device(url))
    stage = AsciiDevice(port, 1)
    axis = AsciiAxis(stage, 1)
    assert stage.send("get system.serial").data == "73412"
    assert stage.send("get pos").warning_flag == "WR"
    assert stage.send("move abs 1000").reply_flag == "RJ"
    assert axis.home().reply_flag == "OK"
    assert stage.get_position() == 0
    axis.move_abs(20000)
    axis.move_rel(-5000)
    assert axis.get_position() == 15000
    assert axis.get_status() == "IDLE"
    axis.move_vel(40000)
    assert axis.get_status() == "BUSY"
    axis.stop()
    assert stage.send(AsciiCommand(1, 1, 42, "get pos")).message_id == 42
    assert stage.send("get pos").warning_flag == "NI"
    assert axis.send("dance").data == "BADCOMMAND"
    port.close()


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
