"""Big exports: written to a file while the reader sees how far it is, then fetched. Small ones go out directly."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from starlette.applications import Starlette

from webui import export, sentences
from webui.api import Client
from webui.session_list import SessionList
from webui.values import ApiError
from webui.words import _

KEPT_S: Final = 900.0
"""How long a finished file waits to be fetched."""
AT_ONCE: Final = 2
"""Exports of one person that may be under way."""
BIG: Final = 20_000
"""From so many rows on, a file is written first and its progress is shown."""
MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}


@dataclass(slots=True)
class Job:
    """One export. `path` is there when it is done; `problem` says why it failed."""

    key: str
    owner: str
    ending: str
    filename: str
    total: int
    started: float = field(default_factory=time.monotonic)
    rows: int = 0
    path: Path | None = None
    problem: str = ""
    task: asyncio.Task[None] | None = None

    @property
    def over(self) -> bool:
        """Done, or failed."""
        return self.path is not None or bool(self.problem)

    @property
    def percent(self) -> int:
        """How far it is; 100 only when it is done."""
        if self.path is not None:
            return 100
        return min(99, 100 * self.rows // max(1, self.total))

    def counted(self, rows: int) -> None:
        """So many rows are written."""
        self.rows = rows


class Exports:
    """The exports of this portal. A key is known only to who started the export, and counts only for them."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        atexit.register(self.clear)

    def start(self, owner: str, job: Job, write: Callable[[Job], Awaitable[Path]]) -> Job:
        """Begin. Raises ApiError when too many are under way."""
        self._forget_old()
        mine = [each for each in self._jobs.values() if each.owner == owner and not each.over]
        if len(mine) >= AT_ONCE:
            raise ApiError("RESOURCE_EXHAUSTED", "", _("Two exports are under way already. Wait for one of them."))
        self._jobs[job.key] = job
        job.task = asyncio.create_task(self._run(job, write), name=f"export {job.ending}")
        return job

    def get(self, owner: str, key: str) -> Job:
        """Raises ApiError for another's, and for one that is gone."""
        job = self._jobs.get(key)
        if job is None or job.owner != owner:
            raise ApiError("NOT_FOUND", "", _("This export is over. Start it again from the list."))
        return job

    def drop(self, job: Job) -> None:
        """Cancel, or throw the file away."""
        self._jobs.pop(job.key, None)
        if job.task is not None:
            job.task.cancel()
        if job.path is not None:
            job.path.unlink(missing_ok=True)

    def clear(self) -> None:
        """Leave no file behind."""
        for job in list(self._jobs.values()):
            if job.path is not None:
                job.path.unlink(missing_ok=True)
        self._jobs.clear()

    def _forget_old(self) -> None:
        for job in list(self._jobs.values()):
            if job.over and time.monotonic() - job.started > KEPT_S:
                self.drop(job)

    async def _run(self, job: Job, write: Callable[[Job], Awaitable[Path]]) -> None:
        try:
            job.path = await write(job)
            job.started = time.monotonic()
        except ApiError as error:
            job.problem = sentences.of_error(error)
        except OSError as error:
            job.problem = _("The file could not be written: %(why)s.") % {"why": error.strerror or str(error)}


def of_app(app: Starlette) -> Exports:
    """The exports of this portal."""
    if not hasattr(app.state, "exports"):
        app.state.exports = Exports()
    found: Exports = app.state.exports
    return found


def owner_of(token: str) -> str:
    """Whose an export is, without keeping the token."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_job(owner: str, ending: str, filename: str, total: int) -> Job:
    """A job that has not begun."""
    return Job(secrets.token_urlsafe(16), owner, ending, filename, total)


async def write_sessions(client: Client, wanted: SessionList, title: str, job: Job) -> Path:
    """The file of a job. Raises ApiError, OSError."""
    batches = export.resuming(client, wanted)
    if job.ending == "xlsx":
        return await export.xlsx_file(batches, job.total, wanted.columns, count=job.counted)
    if job.ending == "pdf":
        return await to_file(export.pdf_stream(batches, wanted.columns, title, job.counted), "pdf")
    return await to_file(export.csv_stream(batches, wanted.columns, job.counted), "csv")


async def to_file(pieces: AsyncIterator[bytes], ending: str) -> Path:
    """The pieces in a temporary file; nothing stays when they break."""
    path = export.empty_file(ending)
    done = False
    try:
        with path.open("wb") as out:
            async for piece in pieces:
                await asyncio.to_thread(out.write, piece)
        done = True
    finally:
        if not done:
            with contextlib.suppress(OSError):
                path.unlink()
    return path
