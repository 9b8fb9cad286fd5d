"""Reports that stations bring in parts: ordered, kept as a job, and given up when parts stay away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import structlog
import trio

from csms.domain.access import Action, Principal
from csms.domain.commands import Command
from csms.domain.device_model import missing_parts
from csms.domain.errors import DomainError, Unavailable
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import Inventory, Job
from csms.services.remote import CommandOutcome, Remote, Target

_log = structlog.get_logger("csms.reports")

REPORT_KINDS: Final = (JobKind.DEVICE_REPORT, JobKind.MONITORING_REPORT, JobKind.CUSTOMER_INFORMATION)
SILENCE: Final = timedelta(minutes=10)
"""So long after the last part (or the order) a report that is not whole is given up."""
LOOK_SECONDS: Final = 60.0
INCOMPLETE: Final = "incomplete"
_PAGE, _MAX_NUMBERS = 500, 20
_encode = msgspec.json.Encoder().encode


class Ordered(msgspec.Struct, frozen=True):
    """The station's answer to an order, and the job that it began."""

    outcome: CommandOutcome
    job: Job


class Reports:
    """Orders reports and watches over them."""

    def __init__(self, remote: Remote, inventory: Inventory, *, now: Callable[[], datetime]) -> None:
        self._remote = remote
        self._inventory = inventory
        self._now = now

    async def order(
        self,
        caller: Principal | None,
        target: Target,
        kind: JobKind,
        request: dict[str, object],
        command_of: Callable[[int], Command],
        *,
        parts_follow: bool = True,
        action: Action = Action.CONFIGURE_STATIONS,
    ) -> Ordered:
        """Begin a job, send `command_of(its id)`, and note the answer. `caller` None: the server itself asks; else the
        caller has been checked for `action`. Without parts that follow, an Accepted is the end.

        Raises what `Remote` raises. The job then FAILED, but for NO_ANSWER: the parts may come after all.
        """
        job = await self._inventory.begin_job(target.station_id, kind, _encode(request), self._now())
        command = command_of(job.id)
        try:
            if caller is None:
                outcome = await self._remote.command_of_ours(target, command)
            else:
                outcome = await self._remote.command(caller, target, command, action)
        except DomainError as error:
            if error.reason != "NO_ANSWER":
                await self._note(job, JobState.FAILED, status=error.reason, detail=error.message)
            raise
        answer = outcome.answer
        if answer.error_code:
            state, status, detail = JobState.FAILED, answer.error_code, answer.error_description
        elif answer.accepted:
            state = JobState.RUNNING if parts_follow else JobState.SUCCEEDED
            status, detail = answer.status, ""
        else:
            state = JobState.SUCCEEDED if answer.status == "EmptyResultSet" else JobState.FAILED
            status, detail = answer.status, answer.additional_info or answer.reason_code
        return Ordered(outcome, await self._note(job, state, status=status, detail=detail))

    async def complete(self, station_id: int, job_id: int, kind: JobKind) -> Job | None:
        """The job, if it is this station's, of this kind, and all its parts are there."""
        job = await self._inventory.find_job(job_id)
        if job is None or (job.station_id, job.kind) != (station_id, kind):
            return None
        return job if job.state is JobState.SUCCEEDED and job.last_part is not None else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Give up what is overdue, for ever."""
        task_status.started()
        while True:
            await trio.sleep(LOOK_SECONDS)
            try:
                await self.give_up_overdue()
            except Unavailable as error:
                _log.info("reports are looked after later", reason=error.message)

    async def give_up_overdue(self) -> int:
        """End the reports whose parts stay away, and say which. How many."""
        ended, before = 0, None
        while True:
            page = await self._inventory.page_jobs(None, REPORT_KINDS, unfinished=True, size=_PAGE, before=before)
            for job in page:
                if self._now() - job.updated_at >= SILENCE:
                    detail = ("\n" if job.detail else "") + overdue(job.parts, job.last_part)
                    await self._inventory.change_job(
                        job.id, JobState.FAILED, self._now(), status=INCOMPLETE, detail=detail
                    )
                    ended += 1
            if len(page) < _PAGE:
                return ended
            before = page[-1].id

    async def _note(self, job: Job, state: JobState, *, status: str, detail: str) -> Job:
        """Whatever becomes of the note, the station has answered."""
        try:
            return await self._inventory.change_job(job.id, state, self._now(), status=status, detail=detail)
        except DomainError as error:
            _log.warning("a job could not be kept", job_id=job.id, reason=error.message)
            return job


def overdue(parts: Sequence[int], last_part: int | None) -> str:
    """What is missing, for people. Parts are counted from 0, as stations do."""
    minutes = int(SILENCE.total_seconds() // 60)
    if not parts:
        return f"No part of it came within {minutes} minutes. Ask for it again."
    missing = missing_parts(parts, last_part)
    told = f"After part {max(parts)} nothing came, though more were to come"
    if missing:
        numbers = ", ".join(str(number) for number in missing[:_MAX_NUMBERS])
        more = " …" if len(missing) > _MAX_NUMBERS else ""
        told = f"{'Part' if len(missing) == 1 else 'Parts'} {numbers}{more} did not come"
        told += ", nor did the last" if last_part is None else ""
    return f"{told}; nothing was heard for {minutes} minutes. Ask for it again."
