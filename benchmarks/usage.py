"""What the kernel says a process uses. Asked from outside, of the process itself: a child's ``ru_maxrss`` counts its parent."""

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the processor seconds a process has used so far, its own and the kernel's for it; to 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def tree_cpu_s(pid: int) -> float:
    """Return the same of a process and all it has started, those that have ended and were waited for included."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    own = sum(map(int, fields[11:15])) / _TICKS_PER_SECOND
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    total = own
    for child in children:
        try:
            total += tree_cpu_s(int(child))
        except FileNotFoundError:
            continue  # ended meanwhile; it is counted in its parent next time
    return total


def rss_mib(pid: int, *, peak: bool = False) -> float:
    """Return a process' resident memory now, or the most it ever had.

    :raises OSError: it has ended.
    """
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(f"process {pid} has ended: the kernel no longer says {wanted}")


def load() -> float:
    """Return the machine's load average of the last minute."""
    return os.getloadavg()[0]
