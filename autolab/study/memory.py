"""The greatest memory that this process has used."""

from __future__ import annotations

import sys
from pathlib import Path


def start_anew(process: Path = Path("/proc/self")) -> bool:
    """Forget the greatest memory so far where the system can do that (Linux); return whether it was done."""
    try:
        (process / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def peak_megabytes(status: Path = Path("/proc/self/status")) -> float | None:
    """Return the greatest resident memory since `start_anew`, MB; None where it cannot be known (Windows).

    Where `start_anew` does nothing (macOS) it is that since the process began.
    """
    try:
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass
    return _since_the_process_began()


def _since_the_process_began() -> float | None:
    try:
        import resource
    except ImportError:
        return None
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20, 1)
