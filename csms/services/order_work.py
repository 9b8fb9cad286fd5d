"""One station of an operation: the order given to it through the use case that people have for a single station, and
what that means for the step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from csms.domain.access import Action, Principal
from csms.domain.errors import DomainError, Unavailable
from csms.domain.operations import COMMAND_TIMEOUT_S, Draft, Step, StepState
from csms.domain.orders import (
    REPEATABLE,
    WITH_JOB,
    AdmissionOrder,
    AvailabilityOrder,
    ClearCacheOrder,
    DataTransferOrder,
    FirmwareRolloutOrder,
    LocalListOrder,
    LogOrder,
    OrderKind,
    ResetOrder,
    TriggerOrder,
    UnlockOrder,
    VariablesOrder,
    kind_of,
)
from csms.domain.records import JobKind, JobState
from csms.ports.inventory import Inventory, Job
from csms.services import maintenance as orders_of
from csms.services.local_lists import LocalLists, SyncState
from csms.services.maintenance import JobOutcome, Maintenance, Retrying
from csms.services.remote import CommandOutcome, Remote, Target, VariableOutcome
from csms.services.stations import Stations

ACTION_OF: Final[Mapping[OrderKind, Action]] = {
    OrderKind.RESET: Action.OPERATE_STATIONS,
    OrderKind.CHANGE_AVAILABILITY: Action.OPERATE_STATIONS,
    OrderKind.UNLOCK_CONNECTOR: Action.OPERATE_STATIONS,
    OrderKind.CLEAR_CACHE: Action.OPERATE_STATIONS,
    OrderKind.TRIGGER_MESSAGE: Action.OPERATE_STATIONS,
    OrderKind.SYNC_LOCAL_LIST: Action.CONFIGURE_STATIONS,
    OrderKind.SET_VARIABLES: Action.CONFIGURE_STATIONS,
    OrderKind.DATA_TRANSFER: Action.CONFIGURE_STATIONS,
    OrderKind.ADMISSION: Action.ADMIT_STATIONS,
    OrderKind.GET_LOG: Action.CONFIGURE_STATIONS,
    OrderKind.UPDATE_FIRMWARE: Action.CONFIGURE_STATIONS,
}
"""What somebody must be allowed to do at a station for each kind; the use cases ask for the same."""

JOB_OF: Final = {OrderKind.GET_LOG: JobKind.LOG_UPLOAD, OrderKind.UPDATE_FIRMWARE: JobKind.FIRMWARE_UPDATE}
MAX_ATTEMPTS: Final = 5
"""At what was not sent, or may be repeated."""
RETRY_S: Final = 15.0
OFFLINE_RETRY_S: Final = 5.0
_NOT_SENT: Final = frozenset({"NOT_SENT", "MAILBOX_FULL"})
_MAYBE: Final = frozenset({"NO_ANSWER", "OUTCOME_UNKNOWN"})


class OrderWork:
    """`perform` never raises a DomainError: whatever happens is told in the step."""

    def __init__(
        self,
        remote: Remote,
        maintenance: Maintenance,
        local_lists: LocalLists,
        stations: Stations,
        inventory: Inventory,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._remote = remote
        self._maintenance = maintenance
        self._local_lists = local_lists
        self._stations = stations
        self._inventory = inventory
        self._now = now

    async def perform(self, caller: Principal | None, draft: Draft, step: Step) -> Step:
        """The step as it is after the station was told. RUNNING: its job tells the rest."""
        if caller is None:
            return self._ended(
                step,
                StepState.FAILED,
                reason="CREATOR_GONE",
                detail="Whoever made this operation is blocked or gone, and it is done with their rights.",
            )
        try:
            return await self._tell(caller, draft, step)
        except DomainError as error:
            return await self._failed(draft, step, error)

    async def recovered(self, draft: Draft, step: Step) -> Step:
        """A step that was under way when the server stopped: what can be said of it now. Raises Unavailable."""
        kind = kind_of(draft.order)
        if step.job_id is not None:
            return step
        if kind in WITH_JOB:
            job = await self._job_of(kind, step)
            if job is not None:
                return msgspec.structs.replace(step, job_id=job.id)
            return self._again(step, "The server stopped before the station was told.", RETRY_S)
        if kind in REPEATABLE:
            return self._again(step, "The server stopped in between, so it is done again.", 0.0)
        return self._ended(
            step,
            StepState.UNKNOWN,
            reason="INTERRUPTED",
            detail="The server stopped while the station was being told. It may have happened: look at the station"
            " before you have it done again.",
        )

    # -- the station is told -----------------------------------------------------------------------------------------

    async def _tell(self, caller: Principal, draft: Draft, step: Step) -> Step:
        order, remote = draft.order, self._remote
        target = Target(step.station_id, float(draft.station_timeout_s))
        match order:
            case ResetOrder():
                return self._answered(step, await remote.reset(caller, target, order.type, order.evse_id))
            case AvailabilityOrder():
                told = await remote.change_availability(caller, target, order.evse_id, order.status, order.connector_id)
                return self._answered(step, told)
            case UnlockOrder():
                told = await remote.unlock_connector(caller, target, order.evse_id, order.connector_id)
                return self._answered(step, told)
            case ClearCacheOrder():
                return self._answered(step, await remote.clear_cache(caller, target))
            case TriggerOrder():
                told = await remote.trigger_message(caller, target, order.requested_message, order.evse_id)
                return self._answered(step, told)
            case DataTransferOrder():
                told = await remote.data_transfer(caller, target, order.vendor_id, order.message_id, order.data or None)
                return self._answered(step, told)
            case VariablesOrder():
                return self._written(step, await remote.set_variables(caller, target, order.variables))
            case LocalListOrder():
                return await self._sync(caller, target, order, step)
            case AdmissionOrder():
                return await self._admit(caller, order, step)
            case LogOrder() | FirmwareRolloutOrder():
                return await self._order(caller, order, step)

    async def _sync(self, caller: Principal, target: Target, order: LocalListOrder, step: Step) -> Step:
        report = await self._local_lists.sync(caller, target, full=order.full)
        if report.state in (SyncState.UNCHANGED, SyncState.UPDATED):
            detail = f"Version {report.version}, {report.entries} tags."
            return self._ended(step, StepState.SUCCEEDED, answer=report.state.value, detail=detail)
        return self._ended(
            step, StepState.FAILED, answer=report.state.value, reason=report.state.value, detail=report.note
        )

    async def _admit(self, caller: Principal, order: AdmissionOrder, step: Step) -> Step:
        change = self._stations.accept if order.admit else self._stations.reject
        view = await change(caller, step.station_id)
        return self._ended(step, StepState.SUCCEEDED, answer=view.registration.value)

    async def _order(self, caller: Principal, order: LogOrder | FirmwareRolloutOrder, step: Step) -> Step:
        target = Target(step.station_id, float(COMMAND_TIMEOUT_S))
        if isinstance(order, LogOrder):
            wanted = orders_of.LogOrder(order.log_type, order.location, order.oldest, order.latest)
            return self._ordered(step, await self._maintenance.get_log(caller, target, wanted))
        return self._ordered(step, await self._maintenance.update_firmware(caller, target, firmware_order(order)))

    # -- what it means -----------------------------------------------------------------------------------------------

    def _answered(self, step: Step, outcome: CommandOutcome) -> Step:
        answer = outcome.answer
        if answer.accepted:
            return self._ended(step, StepState.SUCCEEDED, answer=answer.status, detail=answer.additional_info)
        said = ": ".join(filter(None, (answer.error_description or answer.reason_code, answer.additional_info)))
        word = answer.error_code or answer.status
        detail = f"The station said {word}{f' ({said})' if said else ''}."
        return self._ended(step, StepState.FAILED, answer=word, reason="REFUSED", detail=detail)

    def _written(self, step: Step, outcomes: Sequence[VariableOutcome]) -> Step:
        words: list[str] = []
        wrong: list[str] = []
        for each in outcomes:
            word = each.failure_reason
            if each.outcome is not None:
                word = each.outcome.answer.error_code or each.outcome.answer.status
            words.append(word)
            if each.outcome is None or not each.outcome.answer.accepted:
                wrong.append(f"{each.name}: {word}")
        if wrong:
            detail = f"{len(wrong)} of {len(outcomes)} variables were not written: {', '.join(wrong[:10])}."
            return self._ended(
                step, StepState.FAILED, answer=wrong[0].rpartition(": ")[2], reason="REFUSED", detail=detail
            )
        reboot = "RebootRequired" in words
        detail = "The station must be restarted before it counts." if reboot else ""
        return self._ended(step, StepState.SUCCEEDED, answer="RebootRequired" if reboot else "Accepted", detail=detail)

    def _ordered(self, step: Step, done: JobOutcome) -> Step:
        step = msgspec.structs.replace(step, job_id=done.job.id, answer=done.job.status)
        if done.job.state in (JobState.FAILED, JobState.CANCELED):
            said = done.job.detail.strip()
            detail = f"The station said {done.job.status}{f' ({said})' if said else ''}."
            return self._ended(step, StepState.FAILED, answer=done.job.status, reason="REFUSED", detail=detail)
        return step

    async def _failed(self, draft: Draft, step: Step, error: DomainError) -> Step:
        kind, reason = kind_of(draft.order), error.reason
        if reason == "STATION_OFFLINE" and draft.offline_wait_s:
            back = self._again(step, "The station is offline; it is waited for.", OFFLINE_RETRY_S)
            return msgspec.structs.replace(back, attempt=max(0, step.attempt - 1))
        if kind in WITH_JOB and (reason in _MAYBE or isinstance(error, Unavailable)):
            return await self._adopted(kind, step, error)
        if reason in _MAYBE and kind not in REPEATABLE:
            return self._ended(step, StepState.UNKNOWN, reason=reason, detail=error.message)
        harmless = isinstance(error, Unavailable) or reason in _NOT_SENT or reason in _MAYBE
        if harmless and step.attempt < MAX_ATTEMPTS:
            return self._again(step, error.message, RETRY_S)
        return self._ended(step, StepState.FAILED, reason=reason, detail=error.message)

    async def _adopted(self, kind: OrderKind, step: Step, error: DomainError) -> Step:
        """The station may have been told, and the job says so."""
        try:
            job = await self._job_of(kind, step)
        except Unavailable:
            return step  # looked for again when the operation is looked at
        if job is not None and job.state in (JobState.REQUESTED, JobState.RUNNING):
            return msgspec.structs.replace(step, job_id=job.id, detail=error.message)
        if step.attempt < MAX_ATTEMPTS and isinstance(error, Unavailable):
            return self._again(step, error.message, RETRY_S)
        return self._ended(step, StepState.FAILED, reason=error.reason, detail=error.message)

    async def _job_of(self, kind: OrderKind, step: Step) -> Job | None:
        """The job that was begun for this step."""
        newest = await self._inventory.page_jobs(step.station_id, [JOB_OF[kind]], size=1)
        if newest and step.started_at is not None and newest[0].created_at >= step.started_at:
            return newest[0]
        return None

    def _again(self, step: Step, detail: str, wait_s: float) -> Step:
        not_before = self._now() + timedelta(seconds=wait_s) if wait_s else None
        return msgspec.structs.replace(
            step, state=StepState.PENDING, not_before=not_before, detail=detail, reason="", answer="", job_id=None
        )

    def _ended(self, step: Step, state: StepState, *, answer: str = "", reason: str = "", detail: str = "") -> Step:
        return msgspec.structs.replace(
            step, state=state, answer=answer, reason=reason, detail=detail, ended_at=self._now()
        )


def firmware_order(order: FirmwareRolloutOrder) -> orders_of.FirmwareOrder:
    """As the use case for one station takes it."""
    return orders_of.FirmwareOrder(
        order.location,
        image_id=order.image_id or None,
        signing_certificate=order.signing_certificate,
        signature=order.signature,
        retrying=Retrying(order.retries, order.retry_interval_s),
    )
