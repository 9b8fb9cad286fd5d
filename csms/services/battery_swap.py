"""Battery swaps that we order; what comes of them the station tells."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.battery_swap import RequestBatterySwap
from csms.domain.errors import DomainError
from csms.domain.ids import parse_id_token
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import Inventory, Job
from csms.services.remote import CommandOutcome, Remote, Target

_MAYBE_HAPPENED: Final = "NO_ANSWER"
_encode: Final = msgspec.json.Encoder().encode


class SwapOrder(msgspec.Struct, frozen=True):
    """The station's answer, and the job that follows the swap."""

    outcome: CommandOutcome
    job: Job


class BatterySwaps:
    """Use cases of people. All raise PermissionDenied, Unavailable while the database is away, and what `Remote`
    raises."""

    def __init__(self, remote: Remote, inventory: Inventory, *, now: Callable[[], datetime]) -> None:
        self._remote = remote
        self._scopes = remote.scopes
        self._inventory = inventory
        self._now = now

    async def request(self, caller: Principal, target: Target, id_token: str) -> SwapOrder:
        """Let the driver with this tag swap batteries. Raises InvalidArgument, NotFound."""
        await self._scopes.check_station(caller, Action.OPERATE_STATIONS, target.station_id)
        id_token = parse_id_token(id_token)
        await self._scopes.check_tag(caller, Action.OPERATE_STATIONS, id_token)
        request = _encode({"idToken": id_token})
        job = await self._inventory.begin_job(target.station_id, JobKind.BATTERY_SWAP, request, self._now())
        try:
            outcome = await self._remote.command(caller, target, RequestBatterySwap(job.id, id_token))
        except DomainError as error:
            if error.reason != _MAYBE_HAPPENED:  # else the station may yet tell of it
                await self._end(job, JobState.FAILED, error.reason, error.message)
            raise
        answer = outcome.answer
        if answer.accepted:
            return SwapOrder(outcome, await self._end(job, JobState.RUNNING, answer.status))
        said = answer.error_description or answer.additional_info or answer.reason_code
        return SwapOrder(outcome, await self._end(job, JobState.FAILED, answer.error_code or answer.status, said))

    async def _end(self, job: Job, state: JobState, status: str, detail: str = "") -> Job:
        return await self._inventory.change_job(job.id, state, self._now(), status=status, detail=detail)
