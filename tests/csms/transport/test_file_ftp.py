"""The file door for FTP and FTPS with Python's own client: one file, one way, and nothing else."""

from __future__ import annotations

import ftplib
import io
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from csms.domain.transfers import FileLimits
from csms.services.transfers import FileProtocol
from csms.transport.file_ftp import FtpLimits, FtpRules
from csms.transport.tls import TlsMaterial
from tests.kit.file_doors import FileWorld, file_doors
from tests.kit.tls_authority import Authority, client_context

pytestmark = pytest.mark.feature("F-FILE-1")
T = TypeVar("T")
PLAIN = FtpRules(plain=True, limits=FtpLimits(login_delay=0.01))


async def client(work: Callable[[], T]) -> T:
    """In a thread, as a station would; within ten seconds."""
    with trio.fail_after(60):
        return await trio.to_thread.run_sync(work, abandon_on_cancel=True)


def session(world: FileWorld, token: str) -> ftplib.FTP:
    ftp = ftplib.FTP(timeout=8)
    ftp.connect("127.0.0.1", world.ftp_port)
    try:
        ftp.login("station", token)
    except BaseException:
        ftp.close()
        raise
    return ftp


def store(ftp: ftplib.FTP, name: str, content: bytes) -> str:
    """The last answer, whether good or bad. (ftplib's own leaves sockets open when it is refused.)"""
    try:
        with ftp.transfercmd(f"STOR {name}") as data:
            data.sendall(content)
    except ftplib.error_perm as error:
        return str(error)
    except OSError:  # it was closed while we sent; why is in the answer
        pass
    try:
        return ftp.voidresp()
    except ftplib.Error as error:
        return str(error)


async def test_a_log_arrives_and_the_address_is_used_up(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        offer = await world.upload(FileProtocol.FTP)
        token = world.token(offer)
        assert offer.url.startswith(f"ftp://station:{token}@127.0.0.1:{world.ftp_port}/")

        def send() -> str:
            with session(world, token) as ftp:
                ftp.cwd("/")
                return ftp.storbinary("STOR diagnostics.zip", io.BytesIO(b"PK" * 100_000))

        assert (await client(send)).startswith("226")
        ((file, content),) = world.kept()
        assert (file.filename, file.job_id, content) == ("diagnostics.zip", 7, b"PK" * 100_000)

        def again() -> None:
            with session(world, token):
                pass

        with pytest.raises(ftplib.error_perm, match="530"):
            await client(again)
        assert len(world.kept()) == 1


async def test_within_one_session_nothing_is_overwritten(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        token = world.token(await world.upload(FileProtocol.FTP))

        def twice() -> str:
            with session(world, token) as ftp:
                store(ftp, "log", b"first")
                return store(ftp, "log", b"second")

        assert (await client(twice)).startswith("550")
        assert [content for _, content in world.kept()] == [b"first"]
        assert len(world.on_disk()) == 1


async def test_what_a_session_may_not_do(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        token = world.token(await world.upload(FileProtocol.FTP))
        refused = [
            *("LIST", "NLST", "MLSD", "STAT /", "DELE log", "RNFR log", "RNTO x", "MKD x", "RMD x", "MDTM log"),
            *("SITE CHMOD 777 log", "STOU", "APPE log", "CWD x", "CWD ../../etc", "SIZE log", "RETR log", "MFMT 1 log"),
            *("RETR /etc/passwd", "RETR ../../../../etc/passwd", "SIZE /etc/passwd", "STOR a\0b"),
        ]

        def attack() -> list[str]:
            answers = []
            with session(world, token) as ftp:
                for line in refused:
                    ftp.sock.sendall(line.encode() + b"\r\n")
                    answers.append(f"{line}: {ftp.getmultiline()}")
            return answers

        answers = await client(attack)
        assert [line for line in answers if ": 5" not in line] == []
        assert world.on_disk() == []


async def test_resuming_an_upload_is_refused_and_names_are_only_names(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        token = world.token(await world.upload(FileProtocol.FTP))

        def send() -> str:
            with session(world, token) as ftp:
                ftp.sendcmd("REST 5")
                refused = store(ftp, "log", b"x")
                store(ftp, "../../../etc/cron.d/evil", b"harmless")
                return refused + ftp.pwd()

        assert "beginning" in (answer := await client(send))
        assert answer.endswith("/")
        ((file, content),) = world.kept()
        assert (file.filename, content) == ("evil", b"harmless")


async def test_firmware_is_fetched_and_resumed(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        content = bytes(range(256)) * 2_000 + b"\n\r\n"
        offer = await world.download(content, FileProtocol.FTP)
        assert offer.url.endswith("/fw%201.bin")

        def fetch() -> tuple[bytes, bytes, int | None]:
            whole, rest = bytearray(), bytearray()
            with session(world, world.token(offer)) as ftp:
                ftp.sendcmd("TYPE A")  # as careless clients do
                ftp.retrbinary("RETR fw 1.bin", whole.extend)
                ftp.retrbinary("RETR fw 1.bin", rest.extend, rest=1_000)
                size = ftp.size("fw 1.bin")
                assert store(ftp, "fw 1.bin", b"evil").startswith("550")
            return bytes(whole), bytes(rest), size

        assert await client(fetch) == (content, content[1_000:], len(content))


async def test_too_large_is_told_by_552_and_kept_nowhere(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        await world.store.set_limits(FileLimits(log_max_bytes=1_000))
        token = world.token(await world.upload(FileProtocol.FTP))

        def send(size: int) -> str:
            with session(world, token) as ftp:
                return store(ftp, "log", b"x" * size)

        assert (await client(lambda: send(3_000_000))).startswith("552")
        while world.transfers._under_way:
            await trio.sleep(0.01)
        assert world.on_disk() == []

        assert (await client(lambda: send(1_001))).startswith("552")
        assert (await client(lambda: send(1_000))).startswith("226")


async def test_data_connections_go_to_the_client_only(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        token = world.token(await world.upload(FileProtocol.FTP))

        def bounce() -> list[str]:
            answers = []
            with session(world, token) as ftp:
                for line in ("PORT 10,0,0,1,200,10", "EPRT |1|10.0.0.1|50000|", "PORT 127,0,0,1,0,25"):
                    ftp.sock.sendall(line.encode() + b"\r\n")
                    answers.append(ftp.getmultiline())
            return answers

        assert all(answer.startswith("5") for answer in await client(bounce))


async def test_active_mode_works_for_stations_that_know_only_that(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN) as world:
        token = world.token(await world.upload(FileProtocol.FTP))

        def send() -> str:
            with session(world, token) as ftp:
                ftp.set_pasv(False)
                return ftp.storbinary("STOR log", io.BytesIO(b"active"))

        assert (await client(send)).startswith("226")


async def test_guessing_is_slowed_down(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=PLAIN, wrong_tokens=2) as world:
        token = world.token(await world.upload(FileProtocol.FTP))

        def guess() -> str:
            try:
                with session(world, "A" * 43):
                    return ""
            except ftplib.error_perm as error:
                return str(error)

        assert "530" in await client(guess)
        assert "530" in await client(guess)
        assert "Too many" in await client(guess)
        with pytest.raises(ftplib.error_perm, match="Too many"):
            await client(lambda: session(world, token))


async def test_passive_ports_are_those_that_were_set(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    rules = FtpRules(plain=True, passive_ports=range(port, port + 1), public_address="192.0.2.9")
    async with file_doors(tmp_path, rules=rules) as world:
        token = world.token(await world.upload(FileProtocol.FTP))

        def ask() -> str:
            with session(world, token) as ftp:
                return ftp.sendcmd("PASV")

        assert f"192,0,2,9,{port // 256},{port % 256}" in await client(ask)


def material(authority: Authority) -> TlsMaterial:
    pair = authority.server()
    return TlsMaterial(pair.chain_pem, pair.key_pem)


async def test_explicit_ftps(tmp_path: Path) -> None:
    authority = Authority()
    async with file_doors(tmp_path, rules=FtpRules(), tls=material(authority)) as world:
        token = world.token(await world.upload(FileProtocol.FTPS))

        def send() -> str:
            ftp = ftplib.FTP_TLS(context=client_context(authority), timeout=8)
            ftp.connect("127.0.0.1", world.ftp_port)
            ftp.host = "localhost"
            ftp.login("station", token)
            ftp.prot_p()
            answer = ftp.storbinary("STOR log", io.BytesIO(b"secret" * 50_000))
            ftp.close()
            return answer

        assert (await client(send)).startswith("226")
        assert world.kept()[0][1] == b"secret" * 50_000


async def test_implicit_ftps_on_the_same_port(tmp_path: Path) -> None:
    authority = Authority()
    async with file_doors(tmp_path, rules=FtpRules(), tls=material(authority)) as world:
        content = b"firmware" * 50_000
        token = world.token(await world.download(content, FileProtocol.FTPS))

        def fetch() -> bytes:
            context = client_context(authority)
            ftp = ftplib.FTP_TLS(context=context, timeout=8)
            ftp.sock = context.wrap_socket(
                socket.create_connection(("127.0.0.1", world.ftp_port), 8), server_hostname="localhost"
            )
            ftp.host, ftp.af = "localhost", socket.AF_INET
            ftp.file = ftp.sock.makefile("r", encoding="utf-8")
            assert ftp.getresp().startswith("220")
            ftplib.FTP.login(ftp, "station", token)
            ftp.prot_p()
            out = bytearray()
            ftp.retrbinary("RETR fw 1.bin", out.extend)
            ftp.close()
            return bytes(out)

        assert await client(fetch) == content


async def test_without_tls_nobody_logs_in_where_it_is_required(tmp_path: Path) -> None:
    async with file_doors(tmp_path, rules=FtpRules(), tls=material(Authority())) as world:
        token = world.token(await world.upload(FileProtocol.FTPS))
        with pytest.raises(ftplib.error_perm, match="TLS required"):
            await client(lambda: session(world, token))


async def test_who_only_connects_is_sent_away(tmp_path: Path) -> None:
    rules = FtpRules(plain=True, limits=FtpLimits(idle_timeout=1, stall_timeout=1))
    async with file_doors(tmp_path, rules=rules) as world:
        token = world.token(await world.upload(FileProtocol.FTP))

        def dawdle() -> str:
            with session(world, token) as ftp:
                data = ftp.transfercmd("STOR log")
                try:
                    data.sendall(b"x")
                    return ftp.voidresp()
                except (ftplib.Error, EOFError) as error:
                    return str(error)
                finally:
                    data.close()

        assert (await client(dawdle)).startswith("421")
        while world.transfers._under_way:
            await trio.sleep(0.01)
        assert world.on_disk() == []
