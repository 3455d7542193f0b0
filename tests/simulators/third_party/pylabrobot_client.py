# mypy: ignore-errors
"""PyLabRobot's backend of the WXS205SDU weighs, zeroes, tares and writes on the display."""

import asyncio
import sys

from ports import device, let_serial_take_urls


def main(url: str) -> None:
    let_serial_take_urls()
    from pylabrobot.scales.mettler_toledo_backend import MettlerToledoWXS205SDUBackend

    async def weigh() -> None:
        scale = MettlerToledoWXS205SDUBackend(port=device(url))
        await scale.setup()
        assert scale.serial_number == "B207696838"
        await scale.zero("stable")
        assert abs(await scale.read_weight("stable")) < 0.01
        assert abs(await scale.read_weight(0)) < 0.01
        assert abs(await scale.read_weight(0.5)) < 0.01
        await scale.tare("stable")
        assert abs(await scale.request_tare_weight()) < 0.01
        await scale.tare(0)
        await scale.tare(0.5)
        await scale.zero(0)
        await scale.zero(0.5)
        await scale.clear_tare()
        assert await scale.request_tare_weight() == 0.0
        await scale.set_display_text("hello")
        await scale.set_weight_display()
        await scale.stop()

    asyncio.run(weigh())


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.write("ok\n")
