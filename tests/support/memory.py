"""How much memory a process has had."""

from pathlib import Path


def peak_mib() -> float:
    """The most resident memory of this process so far.

    Not ``ru_maxrss``, which survives exec: in a child it is at least what the process had that started it.
    """
    status = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in status if line.startswith("VmHWM:"))) / 1024
