"""Messages on displays: what we put there, and what stations say is there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.display import (
    DISPLAY_MESSAGE_ITEM,
    ClearDisplayMessage,
    DisplayMessagesTold,
    GetDisplayMessages,
    MessageInfo,
    MessagePriority,
    MessageState,
    SetDisplayMessage,
)
from csms.domain.errors import DomainError, InvalidArgument
from csms.domain.facts import Reply
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import Inventory, Job
from csms.services.remote import CommandOutcome, Remote, Target

MAX_MESSAGE_ID: Final = 2**31 - 1
MAX_CONTENT: Final = 1_024
MAX_EXTRA: Final = 4
_MAYBE_HAPPENED: Final = "NO_ANSWER"
_GONE: Final = frozenset({"Accepted", "Unknown"})
_encode: Final = msgspec.json.Encoder().encode


class DisplayReport(msgspec.Struct, frozen=True):
    """The station's answer, and the job that follows the report."""

    outcome: CommandOutcome
    job: Job


class Displays:
    """Use cases of people. All raise PermissionDenied, Unavailable while the database is away, and what `Remote`
    raises. Messages are items `display_message` of the station."""

    def __init__(self, remote: Remote, inventory: Inventory, *, now: Callable[[], datetime]) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._now = now

    async def set_message(
        self, caller: Principal, target: Target, message: MessageInfo
    ) -> tuple[CommandOutcome, MessageInfo]:
        """Show a message; id 0: the next free one. The station's answer, and the message with its id.

        Raises InvalidArgument.
        """
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        _check(message)
        if message.id == 0:
            held = await self._inventory.items(target.station_id, DISPLAY_MESSAGE_ITEM)
            used = {int(item.key) for item in held if item.key.isdecimal()}
            free = next(number for number in range(1, len(used) + 2) if number not in used)
            message = msgspec.structs.replace(message, id=free)
        outcome = await self._remote.command(caller, target, SetDisplayMessage(message))
        if outcome.answer.accepted:
            await self._keep(target.station_id, message.id, _encode(message))
        return outcome, message

    async def get_messages(
        self,
        caller: Principal,
        target: Target,
        *,
        ids: tuple[int, ...] = (),
        priority: MessagePriority | None = None,
        state: MessageState | None = None,
    ) -> DisplayReport:
        """Ask which messages it has; what is given must match. They come in parts, followed as a job; Unknown: none
        matches, and the job is done. Raises NotFound."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        asked = {"ids": ids, "priority": priority, "state": state}
        request = _encode({name: value for name, value in asked.items() if value})
        job = await self._inventory.begin_job(target.station_id, JobKind.DISPLAY_MESSAGES, request, self._now())
        try:
            outcome = await self._remote.command(caller, target, GetDisplayMessages(job.id, ids, priority, state))
        except DomainError as error:
            if error.reason != _MAYBE_HAPPENED:  # else the station may yet tell
                await self._end(job, JobState.FAILED, error.reason, error.message)
            raise
        answer = outcome.answer
        if answer.accepted:
            return DisplayReport(outcome, await self._end(job, JobState.RUNNING, answer.status))
        if answer.status == "Unknown" and not answer.error_code:
            if not any(asked.values()):
                await self._inventory.drop_items(target.station_id, DISPLAY_MESSAGE_ITEM, before=job.created_at)
            return DisplayReport(outcome, await self._end(job, JobState.SUCCEEDED, answer.status))
        status, detail = answer.error_code or answer.status, answer.error_description or answer.additional_info
        return DisplayReport(outcome, await self._end(job, JobState.FAILED, status, detail))

    async def clear_message(self, caller: Principal, target: Target, message_id: int) -> CommandOutcome:
        """Take a message off. One that the station does not know is gone too. Raises InvalidArgument."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        _check_id(message_id)
        outcome = await self._remote.command(caller, target, ClearDisplayMessage(message_id))
        if outcome.answer.status in _GONE and not outcome.answer.error_code:
            await self._keep(target.station_id, message_id, None)
        return outcome

    async def saw_messages(self, station_id: int, fact: DisplayMessagesTold, _reply: Reply) -> None:
        """After the last part of a report about all messages: what was not in it is no longer there."""
        if fact.more:
            return
        job = await self._inventory.find_job(fact.request_id)
        if job is None or (job.station_id, job.kind) != (station_id, JobKind.DISPLAY_MESSAGES):
            return
        if not msgspec.json.decode(job.request):
            await self._inventory.drop_items(station_id, DISPLAY_MESSAGE_ITEM, before=job.created_at)

    async def _keep(self, station_id: int, message_id: int, body: bytes | None) -> None:
        await self._inventory.put_item(station_id, DISPLAY_MESSAGE_ITEM, str(message_id), body, self._now())

    async def _end(self, job: Job, state: JobState, status: str, detail: str = "") -> Job:
        return await self._inventory.change_job(job.id, state, self._now(), status=status, detail=detail)


def _check_id(message_id: int) -> None:
    if not 0 <= message_id <= MAX_MESSAGE_ID:
        raise InvalidArgument("A message has a number from 0 to 2³¹-1.", reason="INVALID_MESSAGE_ID")


def _check(message: MessageInfo) -> None:
    _check_id(message.id)
    if len(message.message_extra) > MAX_EXTRA:
        raise InvalidArgument(f"A message has at most {MAX_EXTRA} texts beside the first one.", reason="TOO_MANY_TEXTS")
    for text in (message.message, *message.message_extra):
        if not 0 < len(text.content) <= MAX_CONTENT:
            raise InvalidArgument(
                f"A message says something, in at most {MAX_CONTENT} characters (512 before OCPP 2.1).",
                reason="INVALID_TEXT",
            )
    start, end = message.start_date_time, message.end_date_time
    if start is not None and end is not None and end <= start:
        raise InvalidArgument("A message cannot end before it begins.", reason="INVALID_TIME")
