"""`python -m benchmarks.export`: a million sessions out of the portal as XLSX, CSV and PDF, and what memory that takes.

Loads a scratch PostgreSQL of its own with the sessions of `benchmarks.volume`, starts `chargehouse serve` on it, signs
in and does what a person does: asks for the file, waits while its progress is shown, fetches it. Tells how long that
took, how big the file is and the most memory that the portal's process had meanwhile (the kernel's VmHWM, all that it
maps included). The workbook is read back whole by openpyxl, and by LibreOffice where there is one. `--write` puts the
table into docs/performance.md.
"""

from __future__ import annotations

import argparse
import csv
import http.client
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import openpyxl
import trio

from benchmarks import volume
from benchmarks.machine import free_port, python, running
from benchmarks.portal import DOCUMENT, Client, Processes
from csms.aio import open_door
from csms.storage.pool import open_database
from csms.storage.postgres import EmbeddedPostgres

BEGIN, END = "<!-- export:begin -->", "<!-- export:end -->"
EMAIL, PASSWORD = "bench@example.org", "correct-horse-7"
AIM_MIB: Final = 150
PATIENCE_S: Final = 3600.0


@dataclass(frozen=True)
class Made:
    """One file, and what it took."""

    ending: str
    path: Path
    seconds: float
    before_kib: int
    peak_kib: int


async def load(dsn: str, sessions: int) -> None:
    """Sessions of two years, without meter values."""
    async with open_door() as door, open_database(door, dsn, max_size=4, timeout=600) as database:
        await volume.load(database, sessions, 0, volume.DAYS)
        await database.execute("VACUUM ANALYZE", timeout=1200)


@contextmanager
def system(sessions: int) -> Iterator[tuple[Client, int]]:
    """Somebody who is signed in, and the portal's process."""
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        os.chmod(folder, 0o755)
        cluster = EmbeddedPostgres(Path(folder) / "pg")
        cluster.start()
        try:
            portal = free_port()
            flags = [f"--data-dir={folder}/data", f"--database-url={cluster.dsn}", "--files-listen=127.0.0.1:0"]
            flags += [f"--ocpp-listen=127.0.0.1:{free_port()}", f"--control-listen=127.0.0.1:{free_port()}"]
            flags += [f"--portal-listen=127.0.0.1:{portal}", "--log-level=warning"]
            first = {"CHARGEHOUSE_ADMIN_EMAIL": EMAIL, "CHARGEHOUSE_ADMIN_PASSWORD": PASSWORD}
            with running(python("csms", "serve", *flags), portal, environment=first) as pid:
                trio.run(load, cluster.dsn, sessions)  # after the first administrator was made: else there is none
                client = Client(f"http://127.0.0.1:{portal}")
                client.sign_in(EMAIL, PASSWORD)
                yield client, next(iter(Processes.of(pid).portal))
        finally:
            cluster.stop()


def memory(pid: int, line: str) -> int:
    """KiB of a line of a process's status: VmRSS now, VmHWM at most."""
    found = re.search(rf"{line}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) if found else 0


def forget_peak(pid: int) -> None:
    """What follows is measured."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def export(client: Client, portal: int, ending: str, folder: Path) -> Made:
    """Ask, wait, fetch, as the page does it."""
    forget_peak(portal)
    before, began = memory(portal, "VmRSS"), time.monotonic()
    job = _leads_to(client, f"/sessions.{ending}")
    while (done := _leads_to(client, f"{job}/file")) == job:
        if time.monotonic() - began > PATIENCE_S:
            sys.exit(f"{job} was not done within {PATIENCE_S:.0f} s.")
        time.sleep(1.0)
    path = folder / f"sessions.{ending}"
    _download(client, done, path)
    return Made(ending, path, time.monotonic() - began, before, memory(portal, "VmHWM"))


def _leads_to(client: Client, target: str) -> str:
    """Where a redirect points; the address itself when it answers with more than that."""
    to = _connection(client)
    to.request("GET", target, headers=_headers(client))
    answer = to.getresponse()
    to.close()
    if answer.status not in (200, 303):
        sys.exit(f"{target} was answered with {answer.status}.")
    return answer.headers.get("location") or target


def _download(client: Client, target: str, path: Path) -> None:
    to = _connection(client)
    to.request("GET", target, headers=_headers(client))
    with path.open("wb") as out:
        shutil.copyfileobj(to.getresponse(), out, 1 << 20)
    to.close()


def _connection(client: Client) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(client.address).netloc, timeout=600)


def _headers(client: Client) -> dict[str, str]:
    return {"cookie": "; ".join(f"{name}={value}" for name, value in client.cookies)}


def rows_of(made: Made) -> int:
    """Sessions that another program finds in the file; 0 for a PDF, of which only its end is looked at."""
    if made.ending == "pdf":
        with made.path.open("rb") as file:
            file.seek(-6, os.SEEK_END)
            if file.read() != b"%%EOF\n":
                sys.exit(f"{made.path} has no end.")
        return 0
    if made.ending == "csv":
        with made.path.open(newline="", encoding="utf-8-sig") as file:
            return sum(1 for _ in csv.reader(file)) - 1
    book = openpyxl.load_workbook(made.path, read_only=True)
    return sum(sum(1 for _ in sheet.iter_rows(values_only=True)) - 1 for sheet in book.worksheets)


def by_libreoffice(made: Made) -> str:
    """Rows that LibreOffice finds in the workbook."""
    program = shutil.which("soffice") or shutil.which("libreoffice")
    if program is None:
        return "LibreOffice is not installed here"
    with suppress(subprocess.TimeoutExpired):
        office = str(made.path.parent / "office")
        command = [program, "--headless", "--convert-to", "csv", "--outdir", office, str(made.path)]
        subprocess.run(command, capture_output=True, timeout=1800, check=True)
        with (made.path.parent / "office" / "sessions.csv").open(newline="", encoding="utf-8") as file:
            return f"LibreOffice found {sum(1 for _ in csv.reader(file)) - 1:,}"
    return "LibreOffice took longer than half an hour"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.export", description=__doc__)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    lines = ["| file | seconds | MB | portal before, MiB | at most, MiB | read back |", "| --- " + "| ---: " * 5 + "|"]
    peak, office = 0, ""
    with (
        tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder,
        system(options.sessions) as (client, portal),
    ):
        client.ask("/sessions")
        for ending in ("xlsx", "csv", "pdf"):
            made = export(client, portal, ending, Path(folder))
            found = f"{rows_of(made):,} sessions" if ending != "pdf" else "to its end"
            size = made.path.stat().st_size / 1e6
            lines.append(
                f"| {ending.upper()} | {made.seconds:.0f} | {size:.0f} | {made.before_kib / 1024:.0f} |"
                f" {made.peak_kib / 1024:.0f} | {found} |"
            )
            print(lines[-1], file=sys.stderr, flush=True)
            peak = max(peak, made.peak_kib)
            if ending == "xlsx":
                office = by_libreoffice(made)
    lines.append(
        f"\n{options.sessions:,} sessions, eight columns; the portal's process had {peak / 1024:.0f} MiB at most (aim:"
        f" {AIM_MIB}). {office}. Python {platform.python_version()}, {os.cpu_count()} cores shared with others."
    )
    result = "\n".join(lines)
    print(result)
    if options.write:
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{result}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
