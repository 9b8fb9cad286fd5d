"""Listening sockets."""

from __future__ import annotations

import pytest

from csms.transport.sockets import host_of, open_listen_socket


def test_a_port_that_is_taken_is_refused_with_a_sentence() -> None:
    with open_listen_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(OSError, match=f"Cannot listen for stations on 127.0.0.1:{port} .*another"):
            open_listen_socket("127.0.0.1", port)


def test_two_workers_share_a_port() -> None:
    with open_listen_socket("127.0.0.1", 0, reuse_port=True) as first:
        port = first.getsockname()[1]
        open_listen_socket("127.0.0.1", port, reuse_port=True).close()


@pytest.mark.parametrize(
    ("address", "host"),
    [
        (("192.0.2.1", 5), "192.0.2.1"),
        (("::ffff:192.0.2.1", 5, 0, 0), "192.0.2.1"),
        (("2001:db8::1", 5, 0, 0), "2001:db8::1"),
        ("", "local"),
    ],
)
def test_who_is_at_the_other_end(address: object, host: str) -> None:
    assert host_of(address) == host
