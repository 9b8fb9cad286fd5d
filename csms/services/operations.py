"""One order to many stations: made, looked at, paused, ended, done again.

How they go on is csms.services.operation_drive.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec
import trio

from csms.domain.access import Action, Principal, denied, may
from csms.domain.errors import Exhausted, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.firmware_image import FirmwareImage
from csms.domain.firmware_versions import Comparison, compare
from csms.domain.operations import (
    ENDED,
    MAX_TARGETS,
    Counts,
    Draft,
    Operation,
    OperationState,
    Schedule,
    Step,
    StepState,
    Target,
    TargetFilter,
    Wave,
    check_change,
    check_draft,
    total_of,
    waves_of,
)
from csms.domain.orders import FirmwareRolloutOrder, OrderKind, kind_of
from csms.ports.firmware_images import FirmwareImages
from csms.ports.operations import OperationFilter, OperationStore
from csms.services.audit import note_change
from csms.services.order_work import ACTION_OF
from csms.services.scopes import Scopes

ROLLOUT_WAVES: Final = (Wave(count=1, success_percent=100.0), Wave(percent=10.0, success_percent=90.0), Wave())
STEPS_A_CHANGE: Final = 500
TICK_S: Final = 10.0
_GATHER_S: Final = 0.3


class Made(msgspec.Struct, frozen=True):
    """An operation that was made, or (None) would be, and its stations with their waves."""

    operation: Operation | None
    targets: tuple[tuple[Target, int], ...]


class OperationView(msgspec.Struct, frozen=True):
    """An operation and how far its stations are."""

    operation: Operation
    counts: Counts


class OperationNews(msgspec.Struct, frozen=True):
    """What an operation is now, and steps that changed."""

    view: OperationView
    steps: tuple[Step, ...] = ()


class StationUpdate(msgspec.Struct, frozen=True):
    """The newest image that is known for a station, and how it stands to what the station runs (None: it has not
    told)."""

    target: Target
    image: FirmwareImage | None
    standing: Comparison | None


class _Told(msgspec.Struct, frozen=True):
    """For the audit log, which blots out what is called `state`: single sign-on has a secret of that name."""

    stage: str
    detail: str


class Operations:
    """Use cases of people. All raise PermissionDenied, and Unavailable while the database is away."""

    def __init__(
        self,
        store: OperationStore,
        scopes: Scopes,
        images: FirmwareImages,
        rights: Callable[[str], Awaitable[Principal | None]],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._scopes = scopes
        self._images = images
        self._rights = rights
        self._now = now
        self._poke = trio.Event()
        self._news = trio.Event()

    # -- making --------------------------------------------------------------------------------------------------------

    async def create(self, caller: Principal, draft: Draft, *, dry_run: bool = False) -> Made:
        """Raises InvalidArgument, NotFound, FailedPrecondition/NO_TARGETS, Exhausted/TOO_MANY_TARGETS."""
        made = await self._make(caller, draft, None, dry_run=dry_run)
        if made.operation is not None:
            note_change(f"operations/{made.operation.id}")
        return made

    async def create_rollout(self, caller: Principal, draft: Draft, *, dry_run: bool = False) -> Made:
        """`create` of a firmware update, in waves. Raises the same."""
        if kind_of(draft.order) is not OrderKind.UPDATE_FIRMWARE:
            raise InvalidArgument("A rollout updates firmware: say which.", reason="INVALID_ORDER")
        if not draft.waves:
            draft = msgspec.structs.replace(draft, waves=ROLLOUT_WAVES)
        return await self.create(caller, draft, dry_run=dry_run)

    async def begin(self, schedule: Schedule) -> Operation:
        """A run of a schedule, with the rights of whoever made it. Raises what `create` raises."""
        caller = await self._rights(schedule.created_by)
        if caller is None:
            raise PermissionDenied("Whoever made the schedule is blocked or gone.", reason="CREATOR_GONE")
        draft = msgspec.structs.replace(schedule.draft, title=schedule.draft.title or schedule.title, not_before=None)
        made = await self._make(caller, draft, schedule.id, dry_run=False)
        if made.operation is None:
            raise AssertionError("it was no dry run")
        return made.operation

    async def _make(self, caller: Principal, draft: Draft, schedule_id: int | None, *, dry_run: bool) -> Made:
        check_draft(draft)
        draft, image = await self._with_image(draft)
        targets = await self.targets_of(caller, draft)
        if image is not None:
            targets = _suited(targets, image, named=bool(draft.station_ids))
        if not targets:
            raise FailedPrecondition("No station matches. Nothing was made.", reason="NO_TARGETS")
        waved = tuple(zip(targets, waves_of(len(targets), draft.waves), strict=True))
        if dry_run:
            return Made(None, waved)
        now = self._now()
        waits = draft.not_before is not None and draft.not_before > now
        operation = Operation(
            0,
            msgspec.structs.replace(draft, station_ids=()),
            OperationState.SCHEDULED if waits else OperationState.QUEUED,
            caller.name,
            caller.display_name,
            now,
            schedule_id=schedule_id,
        )
        made = await self._store.create(operation, waved)
        self.poke()
        return Made(made, waved)

    async def targets_of(self, caller: Principal, draft: Draft) -> Sequence[Target]:
        """The stations of a draft, as far as the caller may do this to them. Raises as `create`."""
        action = ACTION_OF[kind_of(draft.order)]
        return await self._targets(
            caller, action, draft.station_ids, draft.filter, accepted_only=action is not Action.ADMIT_STATIONS
        )

    async def _targets(
        self,
        caller: Principal,
        action: Action,
        station_ids: Sequence[int],
        wanted: TargetFilter | None,
        *,
        accepted_only: bool,
    ) -> Sequence[Target]:
        if station_ids:
            named = list(dict.fromkeys(station_ids))
            await self._scopes.check_stations(caller, action, named)
            found = await self._store.resolve(named, TargetFilter(), limit=MAX_TARGETS)
            known = {target.station_id for target in found}
            for station_id in named:
                if station_id not in known:
                    raise NotFound(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
            return found
        wanted = wanted or TargetFilter()
        scope, place_ids = await self._scopes.narrowed(caller, action, wanted.place_id, wanted.group_id)
        found = await self._store.resolve(
            None, wanted, place_ids=place_ids, scope=scope, accepted_only=accepted_only, limit=MAX_TARGETS + 1
        )
        if len(found) > MAX_TARGETS:
            raise Exhausted(
                f"More than {MAX_TARGETS} stations match. Narrow the filter, and make several operations.",
                reason="TOO_MANY_TARGETS",
            )
        return found

    async def _with_image(self, draft: Draft) -> tuple[Draft, FirmwareImage | None]:
        """With the image's version. Raises NotFound."""
        order = draft.order
        if not isinstance(order, FirmwareRolloutOrder) or not order.image_id:
            return draft, None
        image = await self._images.find(order.image_id)
        if image is None:
            raise NotFound(
                f"There is no firmware image {order.image_id} (any more).", reason="FIRMWARE_IMAGE_NOT_FOUND"
            )
        order = msgspec.structs.replace(order, version=order.version or image.version)
        return msgspec.structs.replace(draft, order=order), image

    # -- looking -------------------------------------------------------------------------------------------------------

    async def get(self, caller: Principal, operation_id: int) -> OperationView:
        """Raises NotFound."""
        return await self._view(await self._seen(caller, operation_id))

    async def page(
        self,
        caller: Principal,
        wanted: OperationFilter,
        *,
        size: int,
        after: int | None = None,
        oldest_first: bool = False,
    ) -> tuple[Sequence[OperationView], int]:
        """By id, newest first unless asked otherwise; and how many match in all."""
        await self._scopes.of(caller, Action.OPERATE_STATIONS)
        if not _sees_all(caller):
            if wanted.created_by not in ("", caller.name):
                return [], 0
            wanted = msgspec.structs.replace(wanted, created_by=caller.name)
        found, total = await self._store.page(wanted, size=size, after=after, oldest_first=oldest_first)
        counts = await self._store.counts([each.id for each in found]) if found else {}
        return [OperationView(each, total_of(counts[each.id].values())) for each in found], total

    async def page_steps(
        self,
        caller: Principal,
        operation_id: int,
        states: Sequence[StepState],
        query: str,
        *,
        size: int,
        after: int = 0,
    ) -> tuple[Sequence[Step], int]:
        """By number; and how many match in all. Raises NotFound."""
        await self._seen(caller, operation_id)
        return await self._store.page_steps(operation_id, states, query, size=size, after=after)

    async def watch(
        self, caller: Principal, operation_id: int, after: int, *, tick: float = TICK_S
    ) -> AsyncGenerator[OperationNews, None]:
        """What it is now with the steps changed after a revision (-1: none), then what changes; ends when it has ended.
        Raises NotFound."""
        view = await self._view(await self._seen(caller, operation_id))
        first = True
        if after < 0:
            after = view.operation.revision
        while True:
            news = self._news
            upto = view.operation.revision
            steps = await self._store.changed_steps(operation_id, after, size=STEPS_A_CHANGE)
            if steps or first or after < upto:
                yield OperationNews(view, tuple(steps))
            first = False
            skip = len(steps)
            while skip and skip % STEPS_A_CHANGE == 0:
                more = await self._store.changed_steps(operation_id, after, size=STEPS_A_CHANGE, skip=skip)
                if more:
                    yield OperationNews(view, tuple(more))
                steps = more or steps
                skip = skip + len(more) if len(more) == STEPS_A_CHANGE else 0
            after = max(upto, steps[-1].revision if steps else 0)
            if view.operation.finished_at is not None:
                return
            with trio.move_on_after(tick) as silence:
                await news.wait()
            if not silence.cancelled_caught:
                await trio.sleep(_GATHER_S)
            view = await self._view(await self._seen(caller, operation_id))
            if silence.cancelled_caught and view.operation.revision == after:
                yield OperationNews(view)

    # -- changing ------------------------------------------------------------------------------------------------------

    async def pause(self, caller: Principal, operation_id: int) -> OperationView:
        """Begin no more stations. Raises NotFound, FailedPrecondition."""
        return await self._set(caller, operation_id, OperationState.PAUSED, "Paused by {}.")

    async def resume(self, caller: Principal, operation_id: int) -> OperationView:
        """Go on. Raises NotFound, FailedPrecondition."""
        return await self._set(caller, operation_id, OperationState.RUNNING, "")

    async def cancel(self, caller: Principal, operation_id: int) -> OperationView:
        """End it. Raises NotFound, FailedPrecondition."""
        return await self._set(caller, operation_id, OperationState.CANCELLED, "Cancelled by {}.")

    async def retry(
        self, caller: Principal, operation_id: int, *, unknown: bool = False, skipped: bool = False
    ) -> tuple[OperationView, int]:
        """Have it done again where it failed. The operation, and at how many stations.

        Raises NotFound, FailedPrecondition/OPERATION_UNDER_WAY, NOTHING_TO_RETRY."""
        operation = await self._changeable(caller, operation_id)
        if operation.finished_at is None or operation.state not in ENDED:
            raise FailedPrecondition(
                "The operation is still under way. Wait until the last station has an end.",
                reason="OPERATION_UNDER_WAY",
            )
        states = [StepState.FAILED]
        states += [StepState.UNKNOWN] if unknown else []
        states += [StepState.SKIPPED] if skipped else []
        count = await self._store.reopen(operation, states, self._now())
        if not count:
            raise FailedPrecondition("There is no station to do it again at.", reason="NOTHING_TO_RETRY")
        self.poke()
        view = await self.get(caller, operation_id)
        note_change(f"operations/{operation_id}", _told(operation), _told(view.operation))
        return view, count

    async def _set(self, caller: Principal, operation_id: int, wanted: OperationState, detail: str) -> OperationView:
        operation = await self._changeable(caller, operation_id)
        while True:
            check_change(operation, wanted)
            state = wanted
            if wanted is OperationState.RUNNING and operation.started_at is None:
                state = OperationState.QUEUED
            new = msgspec.structs.replace(operation, state=state, detail=detail.format(caller.display_name))
            changed = await self._store.change(new, [operation.state])
            if changed is not None:
                break
            operation = await self._seen(caller, operation_id)
        note_change(f"operations/{operation_id}", _told(operation), _told(changed))
        self.poke()
        return await self._view(changed)

    # -- firmware ------------------------------------------------------------------------------------------------------

    async def check_for_updates(
        self, caller: Principal, station_ids: Sequence[int], wanted: TargetFilter | None
    ) -> Sequence[StationUpdate]:
        """Of these stations, or those that match. Raises InvalidArgument, NotFound."""
        if station_ids and wanted is not None:
            raise InvalidArgument("Name the stations, or describe them by a filter: one of both.")
        targets = await self._targets(
            caller, Action.CONFIGURE_STATIONS, station_ids, wanted, accepted_only=not station_ids
        )
        newest: dict[tuple[str, str], FirmwareImage | None] = {}
        found = []
        for target in targets:
            kind = (target.vendor, target.model)
            if kind not in newest:
                newest[kind] = await self._images.newest_for(*kind) if target.vendor else None
            found.append(_standing(target, newest[kind]))
        return found

    # -- signals -------------------------------------------------------------------------------------------------------

    def poke(self) -> None:
        """There is something to do."""
        self._poke.set()
        self.changed()

    async def poked(self, seconds: float) -> bool:
        """Wait for it, at most so long. Was there?"""
        with trio.move_on_after(seconds):
            await self._poke.wait()
        found = self._poke.is_set()
        self._poke = trio.Event()
        return found

    def changed(self) -> None:
        """An operation or a step has changed: whoever watches looks."""
        self._news.set()
        self._news = trio.Event()

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _seen(self, caller: Principal, operation_id: int) -> Operation:
        await self._scopes.of(caller, Action.OPERATE_STATIONS)
        found = await self._store.find(operation_id)
        if found is None or not (_sees_all(caller) or found.created_by == caller.name):
            raise NotFound(f"There is no operation {operation_id} (any more).", reason="OPERATION_NOT_FOUND")
        return found

    async def _changeable(self, caller: Principal, operation_id: int) -> Operation:
        """Raises PermissionDenied for somebody else's whose kind of order the caller may not give everywhere."""
        found = await self._seen(caller, operation_id)
        action = ACTION_OF[found.kind]
        if found.created_by != caller.name and not may(caller, action):
            raise denied(caller, action)
        return found

    async def _view(self, operation: Operation) -> OperationView:
        waves = (await self._store.counts([operation.id]))[operation.id]
        return OperationView(operation, total_of(waves.values()))


def _sees_all(caller: Principal) -> bool:
    return may(caller, Action.OPERATE_STATIONS)


def _told(operation: Operation) -> _Told:
    return _Told(operation.state.value, operation.detail)


def _suited(targets: Sequence[Target], image: FirmwareImage, *, named: bool) -> Sequence[Target]:
    """Those that the image is for. Raises InvalidArgument when one was named that it is not for."""
    fit = [target for target in targets if image.suits(target.vendor, target.model)]
    if named and len(fit) < len(targets):
        known = {target.station_id for target in fit}
        wrong = next(target for target in targets if target.station_id not in known)
        raise InvalidArgument(
            f"The image is for {image.vendor} {', '.join(image.models)}".rstrip()
            + f"; {wrong.identity} is {wrong.vendor} {wrong.model}".rstrip()
            + ". Leave it out.",
            reason="IMAGE_DOES_NOT_SUIT",
        )
    return fit


def _standing(target: Target, image: FirmwareImage | None) -> StationUpdate:
    if image is None or not target.firmware_version:
        return StationUpdate(target, image, None)
    return StationUpdate(target, image, compare(image.version, target.firmware_version))
