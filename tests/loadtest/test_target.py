"""Where stations knock, and whether this machine has room for them."""

from __future__ import annotations

import contextlib
import resource
import ssl
import sys
from functools import partial
from pathlib import Path

import pytest
import trio

from loadtest import target as target_module
from loadtest.target import (
    Dialler,
    loopback_sources,
    make_tls,
    parse_target,
    ports_per_address,
    raise_file_limit,
    too_few_ports,
)
from tests.kit.tls_authority import Authority


@pytest.fixture(autouse=True)
def _usual_ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "ip_local_port_range"
    file.write_text("32768\t60999\n")
    monkeypatch.setattr(target_module, "PORT_RANGE", file)


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "tls"),
    [
        ("ws://127.0.0.1:9000/ocpp", "127.0.0.1", 9000, "/ocpp", False),
        ("ws://csms.example/ocpp/", "csms.example", 80, "/ocpp", False),
        ("wss://csms.example", "csms.example", 443, "", True),
        ("ws://[::1]:9000/ocpp", "::1", 9000, "/ocpp", False),
    ],
)
def test_targets(url: str, host: str, port: int, path: str, tls: bool) -> None:
    target = parse_target(url)
    assert (target.host, target.port, target.path, target.tls) == (host, port, path, tls)


def test_identities_are_quoted_in_the_path() -> None:
    address = parse_target("ws://[::1]:9000/ocpp").address("A/B 1", None)
    assert (address.host, address.resource) == ("[::1]:9000", "/ocpp/A%2FB%201")


@pytest.mark.parametrize("url", ["http://x/", "127.0.0.1:9000", "ws:///ocpp", ""])
def test_a_target_that_is_none_is_told_in_words(url: str) -> None:
    with pytest.raises(ValueError, match="ws://127"):
        parse_target(url)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("ws://127.0.0.1", True),
        ("ws://127.3.0.1", True),
        ("ws://[::1]", True),
        ("ws://localhost", True),
        ("ws://10.0.0.1", False),
        ("ws://csms.example", False),
    ],
)
def test_this_machine_is_known_by_its_address(url: str, here: bool) -> None:
    assert parse_target(url).loopback is here


def test_the_file_limit_is_raised_or_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = {"now": (100, 1000)}
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits["now"])
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limits.update(now=new))
    assert raise_file_limit(10) is None
    assert limits["now"] == (100, 1000)
    assert raise_file_limit(500) is None
    assert limits["now"] == (564, 1000)
    sentence = raise_file_limit(2000)
    assert sentence is not None
    assert "--stations 936" in sentence
    assert "--processes" in sentence
    sentence = raise_file_limit(900, 0.5)
    assert sentence is not None
    assert "--stations 468" in sentence  # stations of 1.5 listen, and are connected to
    limits["now"] = (100, resource.RLIM_INFINITY)
    assert raise_file_limit(1_000_000) is None


def test_too_few_local_ports_are_told_with_the_cure() -> None:
    assert too_few_ports(28_000, ()) is None
    assert "127.0.0.1-127.0.0.3" in (too_few_ports(60_000, ()) or "")
    assert too_few_ports(60_000, ("127.0.0.1", "127.0.0.2", "127.0.0.3")) is None


def test_the_ports_of_a_machine_that_does_not_tell_are_the_usual_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    told = ports_per_address()
    monkeypatch.setattr(target_module, "PORT_RANGE", Path("/nowhere"))
    assert ports_per_address() == told


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on all of 127.0.0.0/8")
def test_stations_on_this_machine_come_from_as_many_addresses_as_they_need() -> None:
    here = parse_target("ws://127.0.0.1:9000")
    assert loopback_sources(10_000, here) == ()
    assert loopback_sources(18_000, here) == ("127.0.0.2", "127.0.0.3")
    assert len(loopback_sources(45_000, here)) == 4
    assert too_few_ports(45_000, loopback_sources(45_000, here)) is None
    assert loopback_sources(45_000, parse_target("ws://csms.example")) == ()


def test_certificates_are_trusted_blindly_only_on_this_machine() -> None:
    here = make_tls(parse_target("wss://127.0.0.1:9443"), None, insecure=True)
    assert here is not None
    assert here.verify_mode == ssl.CERT_NONE
    with pytest.raises(ValueError, match=r"only for this machine itself, not for csms\.example"):
        make_tls(parse_target("wss://csms.example"), None, insecure=True)
    usual = make_tls(parse_target("wss://csms.example"), None, insecure=False)
    assert usual is not None
    assert usual.verify_mode == ssl.CERT_REQUIRED
    assert make_tls(parse_target("ws://csms.example"), None, insecure=False) is None


def test_an_authority_that_is_none_is_told_in_words(tmp_path: Path) -> None:
    target = parse_target("wss://csms.example")
    with pytest.raises(ValueError, match="holds no certificates"):
        make_tls(target, str(tmp_path / "missing.pem"), insecure=False)
    (tmp_path / "poem.pem").write_text("roses are red")
    with pytest.raises(ValueError, match="holds no certificates"):
        make_tls(target, str(tmp_path / "poem.pem"), insecure=False)
    with pytest.raises(ValueError, match="begins with wss"):
        make_tls(parse_target("ws://x"), "ca.pem", insecure=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux answers on all of 127.0.0.0/8")
async def test_a_connection_begins_where_it_was_told_to(nursery: trio.Nursery) -> None:
    peers: list[str] = []

    async def greet(stream: trio.SocketStream) -> None:
        peers.append(stream.socket.getpeername()[0])
        await stream.send_all(b"hello")

    (listener, *_) = await nursery.start(partial(trio.serve_tcp, greet, 0, host="127.0.0.1"))
    port = listener.socket.getsockname()[1]
    dialler = Dialler(parse_target(f"ws://localhost:{port}"), None)
    for source in (None, "127.0.0.7"):
        async with await dialler.dial_from(source)() as stream:
            assert await stream.receive_some() == b"hello"
    assert peers == ["127.0.0.1", "127.0.0.7"]
    with pytest.raises(OSError, match="no address of the target"):
        await Dialler(parse_target(f"ws://127.0.0.1:{port}"), None).dial_from("::1")()
    nursery.cancel_scope.cancel()


async def test_nobody_at_the_door_is_an_oserror() -> None:
    with pytest.raises(ConnectionRefusedError):
        await Dialler(parse_target("ws://127.0.0.1:1"), None).dial_from(None)()


async def test_a_server_is_believed_by_its_certificate_or_not_at_all(nursery: trio.Nursery, tmp_path: Path) -> None:
    authority = Authority()
    chain, key = authority.server().files(tmp_path, "server")
    (tmp_path / "ca.pem").write_bytes(authority.pem)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(chain, key)

    async def greet(stream: trio.SSLStream[trio.SocketStream]) -> None:
        with contextlib.suppress(trio.BrokenResourceError):
            await stream.send_all(b"hello")

    (listener, *_) = await nursery.start(partial(trio.serve_ssl_over_tcp, greet, 0, server, host="127.0.0.1"))
    target = parse_target(f"wss://localhost:{listener.transport_listener.socket.getsockname()[1]}")
    for ca, insecure in ((str(tmp_path / "ca.pem"), False), (None, True)):
        dialler = Dialler(target, make_tls(target, ca, insecure=insecure))
        stream = await dialler.dial_from("127.0.0.1")()
        assert await stream.receive_some() == b"hello"
        await trio.aclose_forcefully(stream)
    with pytest.raises(ssl.SSLCertVerificationError):
        await Dialler(target, make_tls(target, None, insecure=False)).dial_from("127.0.0.1")()
    nursery.cancel_scope.cancel()
