"""Ports that are given out can be listened on."""

import socket

from localdev.launcher.addresses import Addresses
from localdev.services import ports


def listener():
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server program does
    server.bind((ports.LOOPBACK, 0))
    server.listen()
    return server


def test_a_port_somebody_listens_on_is_not_free():
    with listener() as server:
        port = server.getsockname()[1]
        assert not ports.is_free(port)
        assert ports.accepts(port)
        assert ports.choose(preferred=port) != port
    assert ports.is_free(port)
    assert not ports.accepts(port)


def test_a_preferred_port_is_taken_when_free():
    port = ports.choose()
    assert ports.choose(preferred=port) == port


def test_no_two_endpoints_get_the_same_port():
    chosen = [port for _ in range(50) for port in Addresses.anywhere().to_wire().values()]
    assert len(set(chosen)) == len(chosen)


def test_a_port_whose_connections_linger_is_free():
    with listener() as server:
        port = server.getsockname()[1]
        with socket.create_connection((ports.LOOPBACK, port)):
            accepted, _ = server.accept()
            accepted.close()  # the side that closes first keeps the port in TIME_WAIT
    assert ports.is_free(port)
