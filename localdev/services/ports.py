"""Ports to listen on."""

import secrets
import socket

LOOPBACK = "127.0.0.1"

# Below Linux's range for outgoing connections (32768 and up): a port chosen here cannot be taken by a client socket
# between the choice and the bind, nor while its service is down for the length of a restart.
FIRST, LAST = 15_000, 32_000


def is_free(port: int) -> bool:
    """Whether a server could listen on ``port`` of loopback now."""
    with socket.socket() as probe:
        # Servers set this too; without it a port whose last connections linger in TIME_WAIT would look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def accepts(port: int) -> bool:
    """Whether a server listens on ``port`` of loopback now."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0


# A port is chosen some time before a server binds it; until then only we know that it is taken.
_given_out: set[int] = set()


def choose(preferred: int | None = None) -> int:
    """Return a free port: ``preferred`` if it is free, otherwise a random one, and each of those only once.

    Random, so that stacks of several processes that start at the same moment do not race for the same numbers.

    :raises OSError: no free port was found.
    """
    if preferred is not None and is_free(preferred):
        return preferred
    for _ in range(1_000):
        port = FIRST + secrets.randbelow(LAST - FIRST)
        if port not in _given_out and is_free(port):
            _given_out.add(port)
            return port
    raise OSError(f"no free port between {FIRST} and {LAST} on {LOOPBACK}: stop some of the servers on this machine")
