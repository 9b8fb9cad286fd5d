"""Reports of things that a station holds, without numbered parts: charging profiles, DER controls. Ordered as a job;
what a whole report does not name is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.commands import Command
from csms.domain.errors import DomainError
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import Inventory, Job
from csms.services.remote import CommandOutcome, Remote, Target

_NOTHING: Final = frozenset({"NoProfiles", "NotFound"})
"""Answers that mean: there is nothing to report."""


class ReportOrdered(msgspec.Struct, frozen=True):
    """The station's answer, and the job that its report ends."""

    outcome: CommandOutcome
    job: Job


class _Request(msgspec.Struct):
    whole: bool = False


class StationReports:
    """Of one kind of job, and the kind of items that it brings."""

    def __init__(
        self, remote: Remote, inventory: Inventory, kind: JobKind, item: str, *, now: Callable[[], datetime]
    ) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._kind = kind
        self._item = item
        self._now = now

    async def order(
        self,
        caller: Principal,
        target: Target,
        command_of: Callable[[int], Command],
        *,
        asked: dict[str, object],
    ) -> ReportOrdered:
        """Begin a job and send `command_of(its id)`. `asked`: what the report is narrowed to; nothing: it is whole.

        Raises what `Remote` raises; the job has then FAILED, but for NO_ANSWER: the report may come after all.
        """
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        narrowed = {name: value for name, value in asked.items() if value not in (None, (), [])}
        request = msgspec.json.encode({**narrowed, "whole": not narrowed})
        begun = self._now()
        job = await self._inventory.begin_job(target.station_id, self._kind, request, begun)
        try:
            outcome = await self._remote.command(caller, target, command_of(job.id))
        except DomainError as error:
            if error.reason != "NO_ANSWER":
                await self._inventory.change_job(
                    job.id, JobState.FAILED, self._now(), status=error.reason, detail=error.message
                )
            raise
        answer = outcome.answer
        if answer.accepted:
            state = JobState.RUNNING
        elif answer.status in _NOTHING:
            state = JobState.SUCCEEDED
            if not narrowed:
                await self._inventory.drop_items(target.station_id, self._item, before=begun)
        else:
            state = JobState.FAILED
        changed = await self._inventory.change_job(
            job.id,
            state,
            self._now(),
            status=answer.error_code or answer.status,
            detail=answer.error_description or answer.additional_info,
        )
        return ReportOrdered(outcome, changed)

    async def ended(self, station_id: int, request_id: int) -> None:
        """The last part of a report is there: if it was whole, forget what it did not name."""
        job = await self._inventory.find_job(request_id)
        if job is None or (job.station_id, job.kind) != (station_id, self._kind):
            return
        if msgspec.json.decode(job.request, type=_Request).whole:
            await self._inventory.drop_items(station_id, self._item, before=job.created_at)
