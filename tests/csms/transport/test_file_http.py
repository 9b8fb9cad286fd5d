"""The file door for HTTP on real sockets: what it keeps, what it gives out, and what it lets nobody do."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest
import trio

from csms.domain.transfers import FileLimits
from csms.services.transfers import FileProtocol
from csms.transport.file_http import FileDoorLimits
from csms.transport.tls import TlsMaterial
from tests.kit.file_doors import FileWorld, file_doors
from tests.kit.tls_authority import Authority, client_context

pytestmark = pytest.mark.feature("F-FILE-1")
QUICK = FileDoorLimits(patience=0.4, slowest=100_000, head_timeout=0.4, idle_timeout=0.4)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[FileWorld]:
    async with file_doors(tmp_path / "files") as made:
        yield made


async def put(url: str, content: bytes = b"a log", **more: object) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.put(url, content=content, **more)  # type: ignore[arg-type]


async def get(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as client:
        return await client.get(url, headers=headers)


async def test_a_log_arrives_under_any_name_and_by_any_method(world: FileWorld) -> None:
    for method, name, told in (("PUT", "", "log-7"), ("POST", "diag%20.tar.gz", "diag .tar.gz")):
        offer = await world.upload()
        assert offer.url.endswith("/")
        assert world.token(offer) not in offer.shown
        async with httpx.AsyncClient() as client:
            answer = await client.request(method, offer.url + name, content=b"x" * 300_000)
        assert answer.status_code == 201, answer.text
        file, content = world.kept()[-1]
        assert (file.filename, content) == (told, b"x" * 300_000)
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert (file.station_id, file.job_id) == (world.station_id, 7)


async def test_the_first_file_of_a_form_is_taken(world: FileWorld) -> None:
    offer = await world.upload()
    async with httpx.AsyncClient() as client:
        files = {"other": (None, b"word"), "file": ("../../etc/log.txt", b"of a form" * 50_000, "text/plain")}
        answer = await client.post(offer.url, files=files)
    assert answer.status_code == 201, answer.text
    ((file, content),) = world.kept()
    assert (file.filename, file.content_type, content) == ("log.txt", "text/plain", b"of a form" * 50_000)


async def test_a_form_without_a_file_is_refused_and_can_be_sent_again(world: FileWorld) -> None:
    offer = await world.upload()
    async with httpx.AsyncClient() as client:
        answer = await client.post(
            offer.url, content=b"nonsense", headers={"Content-Type": "multipart/form-data; boundary=x"}
        )
    assert answer.status_code == 400
    assert world.on_disk() == []
    assert (await put(offer.url)).status_code == 201


async def test_an_address_works_once(world: FileWorld) -> None:
    offer = await world.upload()
    assert (await put(offer.url, b"first")).status_code == 201
    assert (await put(offer.url, b"second")).status_code == 404
    assert (await get(offer.url)).status_code == 404
    assert [content for _, content in world.kept()] == [b"first"]


async def test_two_at_once_do_not_mix(world: FileWorld) -> None:
    offer = await world.upload()
    slow = trio.Event()

    async def dawdling() -> AsyncIterator[bytes]:
        yield b"first"
        await slow.wait()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(put, offer.url, dawdling())
        while not world.transfers._under_way:
            await trio.sleep(0.01)
        assert (await put(offer.url, b"second")).status_code == 409
        slow.set()
    assert [content for _, content in world.kept()] == [b"first"]


async def test_too_large_is_refused_before_and_while_it_comes(world: FileWorld) -> None:
    await world.store.set_limits(FileLimits(log_max_bytes=1_000))
    offer = await world.upload()
    assert (await put(offer.url, b"x" * 1_001)).status_code == 413

    async def unknown_length() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 10_000

    assert (await put(offer.url, unknown_length())).status_code == 413  # type: ignore[arg-type]
    assert (world.kept(), world.on_disk()) == ([], [])
    assert (await put(offer.url, b"x" * 1_000)).status_code == 201


async def test_no_room_is_said_so(world: FileWorld) -> None:
    await world.store.set_limits(FileLimits(quota_bytes=2_000))
    offer, other = await world.upload(), await world.upload()
    assert (await put(offer.url, b"x" * 1_500)).status_code == 201
    assert (await put(other.url, b"x" * 1_500)).status_code == 507
    await world.store.set_limits(FileLimits(free_bytes=2**60))
    assert (await put(other.url, b"x")).status_code == 507


async def test_what_is_packed_stays_packed(world: FileWorld) -> None:
    offer = await world.upload()
    assert (await put(offer.url, b"\x1f\x8b bomb", headers={"Content-Encoding": "gzip"})).status_code == 201
    assert world.kept()[0][1] == b"\x1f\x8b bomb"


async def test_an_expired_address_is_none(world: FileWorld) -> None:
    offer = await world.upload()
    transfer = world.store.transfers[offer.transfer.id]
    world.store.transfers[transfer.id] = msgspec.structs.replace(transfer, expires_at=transfer.created_at)
    assert (await put(offer.url)).status_code == 404


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/files/x", "/", "/%00"])
async def test_there_is_no_way_to_other_files(world: FileWorld, path: str) -> None:
    offer = await world.download(b"firmware")
    reply = await raw(world, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert reply.startswith(b"HTTP/1.1 404")
    reply = await raw(
        world, f"GET /{world.token(offer)}{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    assert reply.endswith(b"firmware")  # whatever the name: there is only this one


async def test_strange_names_are_only_names(world: FileWorld) -> None:
    for name in ("..%2f..%2fetc%2fpasswd", "a%00b", "%ff%fe", "C:%5Cx.log", "x" * 3_000, "%0d%0aSet-Cookie:x"):
        offer = await world.upload()
        answer = await put(offer.url + name)
        assert answer.status_code == 201, name
        file, _ = world.kept()[-1]
        assert file.filename.isprintable()
        assert not set(file.filename) & set('/\\\0\r\n"')
        assert 0 < len(file.filename) <= 120


async def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    async with file_doors(tmp_path, wrong_tokens=3) as world:
        good = await world.upload()
        for _ in range(3):
            assert (await put(f"http://127.0.0.1:{world.http_port}/{'A' * 43}/")).status_code == 404
        refused = await put(good.url)
        assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)


async def test_firmware_is_given_whole_and_in_parts(world: FileWorld) -> None:
    content = bytes(range(256)) * 5_000
    offer = await world.download(content)
    assert offer.url.endswith("/fw%201.bin")
    whole = await get(offer.url)
    assert (whole.status_code, whole.content, whole.headers["accept-ranges"]) == (200, content, "bytes")
    for wanted, part in (
        ("bytes=1000-", content[1000:]),
        ("bytes=0-9", content[:10]),
        ("bytes=-5", content[-5:]),
        ("bytes=10-99999999999", content[10:]),
    ):
        answer = await get(offer.url, Range=wanted, **{"If-Range": whole.headers["etag"]})
        assert (answer.status_code, answer.content) == (206, part), wanted
    assert answer.headers["content-range"] == f"bytes 10-{len(content) - 1}/{len(content)}"
    assert (await get(offer.url, Range="bytes=99999999-")).status_code == 416
    assert (await get(offer.url, Range="bytes=5-", **{"If-Range": '"another"'})).status_code == 200
    assert (await get(offer.url, Range="lines=5-")).status_code == 200


async def test_a_download_takes_nothing_in(world: FileWorld) -> None:
    offer = await world.download(b"firmware")
    assert (await put(offer.url, b"evil")).status_code == 404
    assert (await get(offer.url)).content == b"firmware"
    async with httpx.AsyncClient() as client:
        assert (await client.delete(offer.url)).status_code == 405
        head = await client.head(offer.url)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "8", b"")


async def test_a_connection_serves_one_request_after_another(world: FileWorld) -> None:
    offers = [await world.upload() for _ in range(3)]
    async with httpx.AsyncClient() as client:
        for offer in offers:
            assert (await client.put(offer.url, content=b"x")).status_code == 201
        assert (await client.get(f"http://127.0.0.1:{world.http_port}/healthz")).text == "ok\n"


async def test_who_breaks_off_can_begin_again(world: FileWorld) -> None:
    offer = await world.upload()
    head = f"PUT /{world.token(offer)}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
    stream = await trio.open_tcp_stream("127.0.0.1", world.http_port)
    await stream.send_all(head + b"only this")
    while not world.transfers._under_way:
        await trio.sleep(0.01)
    await stream.aclose()
    while world.transfers._under_way:
        await trio.sleep(0.01)
    assert world.on_disk() == []
    assert (await put(offer.url)).status_code == 201


async def test_who_dawdles_is_sent_away(tmp_path: Path) -> None:
    async with file_doors(tmp_path, limits=QUICK) as world:
        offer = await world.upload()
        head = f"PUT /{world.token(offer)}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n".encode()
        with trio.fail_after(60):
            assert (await raw(world, head + b"slow")).startswith(b"HTTP/1.1 408")
            assert await raw(world, b"PUT /") == b""
        assert world.on_disk() == []


async def test_one_address_cannot_take_all_connections(tmp_path: Path) -> None:
    async with file_doors(tmp_path, limits=FileDoorLimits(connections_of_one=2)) as world:
        held = [await trio.open_tcp_stream("127.0.0.1", world.http_port) for _ in range(2)]
        await trio.sleep(0.05)
        assert await raw(world, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == b""
        for stream in held:
            await stream.aclose()


async def test_nonsense_is_answered_with_400(world: FileWorld) -> None:
    assert (await raw(world, b"\x00\x01\x02 nonsense\r\n\r\n")).startswith(b"HTTP/1.1 400")
    assert (await raw(world, b"GET / HTTP/1.1\r\nA: " + b"x" * 20_000 + b"\r\n\r\n")).startswith(b"HTTP/1.1 4")


async def test_tls_shares_the_port(tmp_path: Path) -> None:
    authority = Authority()
    pair = authority.server()
    async with file_doors(tmp_path, tls=TlsMaterial(pair.chain_pem, pair.key_pem)) as world:
        offer = await world.upload(FileProtocol.HTTPS)
        async with httpx.AsyncClient(verify=client_context(authority)) as client:
            url = offer.url.replace("127.0.0.1", "localhost")
            assert (await client.put(url, content=b"secret log")).status_code == 201
        plain = await world.upload()
        assert (await put(plain.url)).status_code == 201
    assert [content for _, content in world.kept()] == [b"secret log", b"a log"]


async def raw(world: FileWorld, request: bytes) -> bytes:
    """What is answered until the end."""
    out = bytearray()
    stream = await trio.open_tcp_stream("127.0.0.1", world.http_port)
    async with stream:
        try:
            await stream.send_all(request)
            with trio.move_on_after(2):
                while data := await stream.receive_some():
                    out += data
        except trio.BrokenResourceError:
            pass
    return bytes(out)
