"""Alarms as they arise: what stations told is taken from the inbox and weighed, silence is listened for, the age of the
backups is looked at.

Everything comes from rows: what was told while nobody weighed is weighed later, exactly once, since the row leaves the
inbox in the transaction that keeps the alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.access import Action, Principal
from csms.domain.alarm_rules import BUILT_IN, Reading, Told, read
from csms.domain.alarms import (
    BACKUP_OF,
    Alarm,
    AlarmKey,
    AlarmKind,
    AlarmSettings,
    AlarmSource,
    Cleared,
    Clearing,
    Happening,
    Observation,
    Raised,
    Severity,
    Subject,
    Weighing,
)
from csms.domain.errors import Unavailable
from csms.domain.notifications import NotificationKind
from csms.domain.silence import Heard, listen
from csms.domain.topology import SYSTEM_ID, Tree
from csms.ports.alarms import AlarmSettingStore, AlarmStore, Batch, Listened, Subscriber
from csms.ports.feed import Feed
from csms.ports.lease import Lease
from csms.ports.notifications import Notifier
from csms.ports.webhooks import WebhookStore
from csms.services.alarm_telling import Place, events_of, outgoing_of, publish, values_of
from csms.services.scopes import Scopes

_log = structlog.get_logger("csms.alarms")

INBOX_SECONDS: Final = 2.0
SILENCE_SECONDS: Final = 15.0
TIDY_SECONDS: Final = 3600.0
BATCH: Final = 200
RETOLD_SECONDS: Final = 60.0
KEEP: Final = timedelta(days=730)
BACKUP: Final = "backup"

Backed = Callable[[], datetime | None]
"""When the newest good backup was made (the start of the process while there is none); None: none are wanted."""


class AlarmSweep:
    """`run` is a task for the nursery of the application. `tree`: the places; `backed`: see `Backed`."""

    def __init__(
        self,
        store: AlarmStore,
        settings: AlarmSettingStore,
        webhooks: WebhookStore,
        notifier: Notifier,
        scopes: Scopes,
        lease: Lease,
        tree: Callable[[], Tree],
        feed: Feed,
        *,
        backed: Backed,
        wake_webhooks: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._settings = settings
        self._webhooks = webhooks
        self._notifier = notifier
        self._scopes = scopes
        self._lease = lease
        self._tree = tree
        self._feed = feed
        self._backed = backed
        self._wake_webhooks = wake_webhooks
        self._now = now
        self._awake_since = now()
        self._size = BATCH

    async def run(self) -> None:
        """For ever; in one process at a time."""
        listened_at = tidied_at = -TIDY_SECONDS
        was_ours = False
        while True:
            try:
                ours = await self._lease.holds()
            except Unavailable:
                ours = False
            if ours:
                if not was_ours:
                    await self._contained(self._tell_again, "telling again")
                await self._contained(self._empty_inbox, "inbox")
                if trio.current_time() - listened_at >= SILENCE_SECONDS:
                    listened_at = trio.current_time()
                    await self._contained(self.listen, "silence")
                if trio.current_time() - tidied_at >= TIDY_SECONDS:
                    tidied_at = trio.current_time()
                    await self._contained(self._tidy, "tidying")
            else:
                self._awake_since = self._now()
            was_ours = ours
            await trio.sleep(INBOX_SECONDS)

    # -- sweeps --------------------------------------------------------------------------------------------------------

    async def weigh_inbox(self) -> bool:
        """What was told: up to `BATCH` of it. Is there more? Raises Unavailable."""
        told = await self._store.inbox(self._size)
        if not told:
            return False
        try:
            rules = [*await self._settings.rules(), *BUILT_IN]
            readings = [(each, read(each, rules)) for each in told]
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001  one odd row must not hold up all that come after it
            if len(told) > 1:
                self._size = 1
                return True
            _log.exception("something told could not be read, and is left out", station_id=told[0].station_id)
            await self._store.save(Batch(self._now(), taken=[told[0].id]))
            return True
        full = len(told) == self._size
        self._size = BATCH
        weighing = await self._weighing(told, readings)
        for each, reading in readings:
            for seen in reading.seen:
                weighing.take(seen)
            if reading.over:
                raised = {seen.key for seen in reading.seen}
                weighing.end(Subject(each.station_id), reading.over, each.at, but=raised)
        await self._keep(weighing, [each.id for each in told])
        return full

    async def listen(self) -> None:
        """Silence, and backups. Raises Unavailable."""
        now, settings = self._now(), await self._settings.settings()
        tree = self._tree()
        heard = [_heard(each, tree) for each in await self._store.listened()]
        active = {
            (alarm.subject, alarm.key): alarm
            for source in (AlarmSource.SILENCE, AlarmSource.SYSTEM)
            for alarm in await self._store.active(source=source)
        }
        over = await self._store.network_over()
        seen: list[Observation] = listen(heard, active, over, settings, now=now, awake_since=self._awake_since)
        seen += self._backups(settings, now)
        news = [each for each in seen if isinstance(each, Cleared) or (each.subject, each.key) not in active]
        if not news:
            return
        known = {alarm.name: alarm for alarm in active.values()}
        wanted = {AlarmKey(each.subject, each.key) for each in news} - known.keys()
        known |= await self._store.newest(wanted)
        weighing = Weighing(known, timedelta(seconds=settings.hold_off_s))
        for each in news:
            weighing.take(each)
        await self._keep(weighing, [])

    # -- inside --------------------------------------------------------------------------------------------------------

    async def _contained(self, work: Callable[[], object], what: str) -> None:
        async def once() -> None:
            try:
                await work()  # type: ignore[misc]  # ours, all of them async
            except Unavailable:
                _log.info("alarms wait for the database", what=what)

        await contain(once, partial(_report, what))

    async def _empty_inbox(self) -> None:
        while await self.weigh_inbox():
            pass

    async def _tell_again(self) -> None:
        """Whoever did this before may have died after a commit and before the feed heard of it. Told twice does no
        harm: an event has names and no contents."""
        views = await self._store.changed_within(RETOLD_SECONDS)
        publish(self._feed, ((view.alarm, view.place_id) for view in views))

    async def _tidy(self) -> None:
        await self._store.prune(self._now() - KEEP)

    async def _weighing(self, told: Sequence[Told], readings: Iterable[tuple[Told, Reading]]) -> Weighing:
        settings = await self._settings.settings()
        active = await self._store.active(station_ids={each.station_id for each in told})
        known = {alarm.name: alarm for alarm in active}
        names = {AlarmKey(seen.subject, seen.key) for _, reading in readings for seen in reading.seen}
        known |= await self._store.newest(names - known.keys())
        return Weighing(known, timedelta(seconds=settings.hold_off_s))

    def _backups(self, settings: AlarmSettings, now: datetime) -> list[Observation]:
        made = self._backed()
        subject = Subject(place_id=SYSTEM_ID)
        if made is None or now - made <= timedelta(seconds=settings.backup_after_s):
            return [Cleared(subject, BACKUP, now)]
        text = BACKUP_OF.format(time=f"{made:%Y-%m-%d %H:%M}")
        return [
            Raised(
                subject,
                BACKUP,
                made,
                AlarmKind.BACKUP_STALE,
                Severity.CRITICAL,
                AlarmSource.SYSTEM,
                "",
                text,
                standing=True,
            )
        ]

    async def _keep(self, weighing: Weighing, taken: Sequence[int]) -> None:
        """One transaction; then people hear of it."""
        now = self._now()
        changes = weighing.changes
        ids = list(await self._store.new_ids(sum(1 for alarm, _ in changes if alarm.id < 0)))
        numbered = [
            (alarm if alarm.id > 0 else msgspec.structs.replace(alarm, id=ids[-alarm.id - 1]), happened)
            for alarm, happened in changes
        ]
        if not numbered:
            await self._store.save(Batch(now, taken=taken))
            return
        places = await self._places([alarm for alarm, _ in numbered])
        hooks = [hook for hook in await self._webhooks.all() if hook.enabled]
        told = [(alarm, each, places[alarm.subject]) for alarm, happened in numbered for each in happened]
        told = [each for each in told if each[1] is not Happening.REPEATED]
        tree = self._tree()
        await self._store.save(
            Batch(
                now,
                [alarm for alarm, _ in numbered],
                taken,
                [event for each in told for event in events_of(*each, at=now)],
                [sent for each in told for sent in outgoing_of(*each, hooks, tree, at=now)],
            )
        )
        publish(self._feed, ((alarm, places[alarm.subject].id) for alarm, _ in numbered))
        if hooks:
            self._wake_webhooks()
        await self._tell(told)

    async def _places(self, alarms: Sequence[Alarm]) -> dict[Subject, Place]:
        stations = {alarm.subject.station_id for alarm in alarms if alarm.subject.station_id is not None}
        known = await self._store.places_of(stations) if stations else {}
        tree = self._tree()
        found: dict[Subject, Place] = {}
        for alarm in alarms:
            station_id, place_id = alarm.subject
            if station_id is None:
                found[alarm.subject] = Place(place_id or SYSTEM_ID, "", tree)
            else:
                where, name = known.get(station_id, (SYSTEM_ID, ""))
                found[alarm.subject] = Place(where, name, tree)
        return found

    async def _tell(self, told: Sequence[tuple[Alarm, Happening, Place]]) -> None:
        """Notifications: of what began or ended, not of each flap. They go out at most once."""
        worth = [each for each in told if _worth_telling(each[0], each[1])]
        readers = await self._settings.subscribers() if worth else []
        for reader in readers:
            scope = await self._scopes.of(principal_of(reader), Action.READ_ALARMS)
            for alarm, happening, place in worth:
                if scope is None or scope.holds(alarm.subject.station_id, place.id):
                    kind = NotificationKind.ALARM if happening is Happening.RAISED else NotificationKind.ALARM_CLEARED
                    await self._notifier.notify(
                        [reader.user_id], kind, values_of(alarm, place), target=f"alarms/{alarm.id}"
                    )


def principal_of(reader: Subscriber) -> Principal:
    """To ask what they may see."""
    return Principal(
        f"users/{reader.user_id}",
        reader.display_name,
        reader.role,
        reader.email,
        user_id=reader.user_id,
        site_ids=reader.site_ids,
    )


def _worth_telling(alarm: Alarm, happening: Happening) -> bool:
    if happening is Happening.RAISED:
        return alarm.count == 1
    return alarm.clearing is not Clearing.FOLDED


def _heard(known: Listened, tree: Tree) -> Heard:
    site = tree.site_of(known.place_id) if known.place_id in tree.within([known.place_id]) else None
    return Heard(
        known.station_id,
        None if site is None else site.id,
        known.created_at,
        known.online,
        known.heard_at,
        known.watched,
    )


def _report(what: str, error: Exception) -> None:
    _log.error("alarms could not be looked for", what=what, exc_info=error)
