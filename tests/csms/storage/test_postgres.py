"""The launcher: a cluster out of nothing, and after every kind of violent end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
import trio

from csms.storage.postgres import (
    DataFolderInUse,
    DataFolderUnusable,
    EmbeddedPostgres,
    PostgresError,
    PostgresFailed,
    PostgresNotFound,
    WrongPostgresVersion,
    find_programs,
)
from tests.kit.database import HASTY, temporary_folder

pytestmark = [pytest.mark.postgres, pytest.mark.system]

SETTINGS = {**HASTY, "fsync": "on"}
ROOT = Path(__file__).parents[3]
SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))

# A chargehouse of which only the database is left: it starts one, says so, and waits.
STARTER = """
import sys, time
from pathlib import Path
from csms.storage.postgres import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]), settings={"shared_buffers": "32MB"})
server.start()
print(server.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder / "pg"


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    yield server
    server.stop()


def execute(server: EmbeddedPostgres, sql: str) -> object:
    async def one() -> object:
        connection = await asyncpg.connect(server.dsn)
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(one())


def is_alive(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    return False


def is_ready(server: EmbeddedPostgres) -> bool:
    pid = server.pid
    return pid is not None and server._is_ready(pid)


def wait_dead(pid: int) -> None:
    deadline = time.monotonic() + 60
    while is_alive(pid):
        assert time.monotonic() < deadline, f"process {pid} lives on"
        time.sleep(0.01)


@contextlib.contextmanager
def starter(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen([sys.executable, "-c", STARTER, folder], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if line.strip().isdigit():
                yield process, int(line)
                break
        else:
            pytest.fail("the starter did not start")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_cluster_out_of_nothing_that_keeps_its_rows(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    assert execute(server, "SELECT current_user || '/' || current_database()") == "chargehouse/chargehouse"
    assert execute(server, "SHOW server_encoding") == "UTF8"
    assert execute(server, "SHOW data_checksums") == "on"
    assert execute(server, "SHOW synchronous_commit") == "on"
    assert execute(server, "SHOW timezone") == "UTC"
    assert execute(server, "SELECT upper('ä')") == "Ä"
    execute(server, "CREATE TABLE kept AS SELECT 1 AS n")
    pid = server.pid
    assert pid is not None
    server.stop()
    server.stop()
    assert server.returncode == 0
    assert not is_alive(pid)
    server.start()
    assert execute(server, "SELECT n FROM kept") == 1
    server.stop()


def test_a_second_one_on_the_same_folder_is_refused_and_the_first_goes_on(server: EmbeddedPostgres) -> None:
    with pytest.raises(DataFolderInUse, match="in use by another chargehouse"):
        EmbeddedPostgres(server.folder.path).start()
    assert execute(server, "SELECT 1") == 1


def test_the_cluster_is_closed_to_everybody_else(server: EmbeddedPostgres) -> None:
    assert server.folder.cluster.stat().st_mode & 0o077 == 0
    assert server.folder.socket_folder.stat().st_mode & 0o077 == 0
    assert execute(server, "SHOW listen_addresses") == ""


def test_no_postgres_outlives_a_killed_starter(folder: Path) -> None:
    with starter(folder) as (process, pid):
        assert is_alive(pid)
        process.kill()
        process.wait()
        wait_dead(pid)


def test_an_orphan_of_a_killed_starter_is_stopped_and_no_committed_row_is_lost(folder: Path) -> None:
    with starter(folder) as (process, orphan):
        mine = EmbeddedPostgres(folder, settings=SETTINGS)
        mine.folder.socket_folder = folder.resolve() / "run"
        execute(mine, "CREATE TABLE kept AS SELECT 1 AS n")
        os.kill(orphan, signal.SIGSTOP)  # it cannot hear yet that its starter has died
        process.kill()
        process.wait()
        assert is_alive(orphan)
        waker = subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -CONT {orphan}"])
        mine.start()
        waker.wait()
        try:
            assert mine.pid != orphan
            assert not is_alive(orphan)
            assert execute(mine, "SELECT n FROM kept") == 1
        finally:
            mine.stop()


def test_stale_lock_files_with_the_number_of_an_innocent_process_harm_neither(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    wait_dead(server.pid)
    server.stop()
    innocent = subprocess.Popen(["sleep", "60"])
    stale = folder / "pgdata" / "postmaster.pid"
    lines = stale.read_text().split("\n")
    stale.write_text("\n".join([str(innocent.pid), *lines[1:]]))
    try:
        server.start()
        assert execute(server, "SELECT 1") == 1
        assert innocent.poll() is None
    finally:
        server.stop()
        innocent.kill()
        innocent.wait()


@pytest.mark.parametrize("content", ["", "not a number\n"])
def test_a_torn_pid_file_is_no_obstacle(folder: Path, content: str) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    server.stop()
    (folder / "pgdata" / "postmaster.pid").write_text(content)
    server.start()
    assert execute(server, "SELECT 1") == 1
    server.stop()


async def test_a_killed_postmaster_is_restarted_with_its_rows_while_a_query_runs(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    try:
        execute(server, "CREATE TABLE kept AS SELECT 1 AS n")
        busy = subprocess.Popen(
            [sys.executable, "-c", BUSY, server.dsn], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert busy.stdout is not None
        assert busy.stdout.readline() == b"busy\n"
        first = server.pid
        assert first is not None
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.supervise)
                os.kill(first, signal.SIGKILL)
                while not is_ready(server) or server.pid == first:
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        busy.wait()
        busy.stdout.close()
        assert await trio.to_thread.run_sync(execute, server, "SELECT n FROM kept") == 1
    finally:
        server.stop()


BUSY = """
import asyncio, sys, asyncpg
async def main():
    connection = await asyncpg.connect(sys.argv[1])
    task = asyncio.ensure_future(connection.execute("SELECT count(*) FROM generate_series(1, 10000000000)"))
    await asyncio.sleep(0.2)
    print("busy", flush=True)
    await task
asyncio.run(main())
"""


async def test_a_cluster_that_cannot_be_restarted_is_tried_again_until_it_can(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    config = folder / "pgdata" / "postgresql.conf"
    good = config.read_text()
    try:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                config.write_text("nonsense = 1\n")
                assert server.pid is not None
                os.kill(server.pid, signal.SIGKILL)
                assert await server.wait_exit() == -signal.SIGKILL
                nursery.start_soon(lambda: server.supervise(first_pause=0.01))
                while "nonsense" not in server._last_words():
                    await trio.sleep(0.01)
                config.write_text(good)
                while not is_ready(server):
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()
        assert await trio.to_thread.run_sync(execute, server, "SELECT 1") == 1
    finally:
        server.stop()


def test_its_last_words_are_told_when_it_does_not_start(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings={**SETTINGS, "shared_buffers": "plenty"})
    with pytest.raises(PostgresFailed, match="shared_buffers"):
        server.start()
    server = EmbeddedPostgres(folder, settings=SETTINGS)  # and the folder is free again
    server.start()
    server.stop()


def test_a_path_too_long_for_a_socket_is_no_obstacle(folder: Path) -> None:
    server = EmbeddedPostgres(folder / ("long" * 30), settings=SETTINGS)
    server.start()
    try:
        assert execute(server, "SELECT 1") == 1
        assert not server.folder.socket_folder.is_relative_to(folder)
    finally:
        server.stop()


def test_odd_characters_in_the_path_are_no_obstacle(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "Ladehäuser & Söhne, 100%?", settings=SETTINGS)
    server.start()
    try:
        assert execute(server, "SELECT 1") == 1
    finally:
        server.stop()


def test_data_of_another_major_version_is_refused_untouched(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    server.stop()
    version = folder / "pgdata" / "PG_VERSION"
    original = version.read_text()
    version.write_text("9\n")
    with pytest.raises(WrongPostgresVersion, match="written by PostgreSQL 9"):
        server.start()
    version.write_text(original)
    server.start()
    server.stop()


@pytest.mark.skipif(not SYSTEM, reason="no PostgreSQL of the system")
def test_the_programs_of_the_system_do_as_well(folder: Path) -> None:
    server = EmbeddedPostgres(folder, bin_folder=SYSTEM[-1].parent, settings=SETTINGS)
    server.start()
    try:
        assert execute(server, "SELECT upper('ä')") == "Ä"
    finally:
        server.stop()


def test_missing_programs_are_said_clearly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PostgresNotFound, match=str(tmp_path)):
        find_programs(tmp_path)
    assert (find_programs() / "initdb").exists()
    monkeypatch.setattr("csms.storage.postgres._known_folders", lambda: iter([tmp_path]))
    with pytest.raises(PostgresNotFound, match="--database-url"):
        find_programs()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_root_drops_to_another_user_and_says_when_that_one_cannot_get_in(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    server.start()
    assert server.pid is not None
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    status = Path(f"/proc/{server.pid}/status").read_text()
    server.stop()
    groups = next(line for line in status.splitlines() if line.startswith("Groups:"))
    assert groups.split() == ["Groups:"]
    folder.parent.chmod(0o700)
    with pytest.raises(DataFolderUnusable, match=rf"cannot enter {folder.parent} \(mode 700\).*--data-dir"):
        server.start()


async def test_it_is_not_started_from_a_thread_whose_end_would_end_it(folder: Path) -> None:
    server = EmbeddedPostgres(folder, settings=SETTINGS)
    with pytest.raises(PostgresError, match="main thread"):
        await trio.to_thread.run_sync(server.start)
    with pytest.raises(PostgresError, match="not been started"):
        await server.wait_exit()
