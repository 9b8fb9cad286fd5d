"""Keeps sites under their limits: looks how things stand, and tells stations what each outlet may draw.

What is lowered is told first. Only what stations have accepted counts, so nobody is told more before somebody else has
agreed to less; who does not answer, or refuses, counts with what it may still draw. One process of all does it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.charging_profile import CHARGING_PROFILE_ITEM, OURS, ChargingProfile, HeldProfile
from csms.domain.errors import DeadlineExceeded, DomainError, Exhausted, FailedPrecondition, NotFound, Unavailable
from csms.domain.load_balancing import OutletKey, raises_that_fit
from csms.domain.load_hold import (
    RENEWED_AFTER,
    SHARE_IDS,
    LoadHold,
    after_accepting,
    after_refusing,
    before_sending,
    before_sending_fail_safe,
    fail_safe_profile,
    lasting,
    may_draw,
    share_profile,
)
from csms.domain.smart_charging import ClearChargingProfile, SetChargingProfile
from csms.ports.feed import Feed, RevisionTooOld, Subject, WatcherTooSlow
from csms.ports.inventory import Inventory
from csms.ports.load_groups import LoadGroupStore
from csms.ports.queries import StationQueries
from csms.services.load_survey import RETRY_REFUSED, LoadSurvey, Site, Situation, Terms, ready
from csms.services.remote import NOT_SENT, Remote, Target

LOOK_SECONDS: Final = 5.0
"""So often all is looked at, whether or not anything happened: meters, renewals."""
GATHER_SECONDS: Final = 0.5
"""What happens within this time is answered together."""
ANSWER_SECONDS: Final = 15.0
AT_ONCE: Final = 32
_NEVER_ASKED: Final = "NEVER_ASKED"
_encode = msgspec.json.Encoder().encode
_log = structlog.get_logger("csms.load_balancing")


class LoadBalancing:
    """`run` is a task for the work that is done once."""

    def __init__(
        self,
        store: LoadGroupStore,
        survey: LoadSurvey,
        remote: Remote,
        inventory: Inventory,
        stations: StationQueries,
        feed: Feed,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._survey = survey
        self._remote = remote
        self._inventory = inventory
        self._stations = stations
        self._feed = feed
        self._now = now
        self._wanted = trio.Event()
        self._limit = trio.CapacityLimiter(AT_ONCE)
        self._busy: set[int] = set()
        self._missed = False
        self._releasing = False

    def wake(self) -> None:
        """Something was changed that counts."""
        self._wanted.set()

    async def look_again(self) -> None:
        """The same, when another process has changed it."""
        await trio.lowlevel.checkpoint()
        self.wake()

    async def run(self) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._follow)
            while True:
                with trio.move_on_after(LOOK_SECONDS):
                    await self._wanted.wait()
                await trio.sleep(GATHER_SECONDS)
                self._wanted = trio.Event()
                # Only stations are waited for beside the next look: looks do not pile up at a slow database.
                await contain(partial(self._look, nursery), _report)

    async def round(self) -> None:
        """Look at everything, tell stations what changes for them, and wait for their answers. Raises Unavailable."""
        async with trio.open_nursery() as nursery:
            await self._look(nursery)

    async def _look(self, nursery: trio.Nursery) -> None:
        """A site at which somebody is still waited for is left out: it is looked at again right after."""
        busy = set(self._busy)
        sites = await self._survey.sites(self._now())
        for site in sites:
            stations = {key.station_id for key in site.situations}
            if stations & (busy | self._busy):
                self._missed = True
            else:
                self._busy |= stations
                nursery.start_soon(contain, partial(self._one_site, site, stations), _report)
        if not self._releasing:
            self._releasing = True
            members = {key.station_id for site in sites for key in site.situations}
            nursery.start_soon(contain, partial(self._release, members), _report)

    # -- a site --------------------------------------------------------------------------------------------------------

    async def _one_site(self, site: Site, stations: set[int]) -> None:
        try:
            if await self._fail_safes(site):
                self.wake()  # what they may draw is known now
            else:
                await self._shares(site)
        finally:
            self._busy -= stations
            if self._missed:
                self._missed = False
                self.wake()

    async def _shares(self, site: Site) -> None:
        now = self._now()
        wanted = {key: site.shares[key].current for key, each in site.situations.items() if each.free}
        draws = {key: each.draws for key, each in site.situations.items()}
        lower = {key: current for key, current in wanted.items() if current <= draws[key]}
        draws |= await self._tell(site, {key: lower[key] for key in lower if _due(site, key, now)})
        higher = {key: current for key, current in wanted.items() if key not in lower}
        fitting = raises_that_fit(site.outlets, site.limits, draws, higher)
        stay = {
            key: min(site.situations[key].outlet.given, draws[key])
            for key in higher.keys() - fitting.keys()
            if _due(site, key, now, renewal=True)
        }
        await self._tell(site, fitting | stay)

    async def _tell(self, site: Site, wanted: Mapping[OutletKey, int]) -> dict[OutletKey, int]:
        """Tell them all at once, and wait for their answers. What each may draw then."""
        if not wanted:
            return {}
        now, sent = self._now(), dict[OutletKey, LoadHold]()
        for key, current in wanted.items():
            each = site.situations[key]
            lasts = lasting(current, each.terms.fail_safe)
            sent[key] = before_sending(each.hold, key, current, each.draws, lasts, now)
        await self._store.keep(sent.values())
        found: dict[OutletKey, int] = {}

        async def one(key: OutletKey) -> None:
            each, current = site.situations[key], wanted[key]
            lasts = lasting(current, each.terms.fail_safe)
            watts = _watts(each.terms, current)
            profile = share_profile(key.evse_id, current, lasts, sent[key].sent_at, watts)
            answer = await self._set(key.station_id, key.evse_id, profile)
            hold = _concluded(each.hold, sent[key], answer, current, lasts)
            found[key] = may_draw(hold, each.fail_safe, most=each.terms.most, told=hold.answered, now=now)
            with suppress(Unavailable):  # what was written before is not too low
                await self._store.keep([hold])

        async with trio.open_nursery() as nursery:
            for key in wanted:
                nursery.start_soon(one, key)
        return found

    async def _fail_safes(self, site: Site) -> bool:
        """Have every station that is there fall back to its fail-safe. True: for some that is new."""
        due = {each.station.id: each for each in site.situations.values() if self._lacks_fail_safe(each)}
        changed = False

        now = self._now()
        sent = {
            number: before_sending_fail_safe(each.fail_safe, number, each.terms.fail_safe, now)
            for number, each in due.items()
        }
        await self._store.keep(sent.values())

        async def one(each: Situation) -> None:
            nonlocal changed
            current, old = each.terms.fail_safe, each.fail_safe
            profile = fail_safe_profile(current, now, _watts(each.terms, current))
            answer = await self._set(each.station.id, 0, profile)
            hold = _concluded(old, sent[each.station.id], answer, current, None)
            changed = changed or old is None or (hold.held, hold.answer) != (old.held, old.answer)
            with suppress(Unavailable):
                await self._store.keep([hold])

        async with trio.open_nursery() as nursery:
            for each in due.values():
                nursery.start_soon(one, each)
        return changed

    def _lacks_fail_safe(self, each: Situation) -> bool:
        hold, connected = each.fail_safe, each.station.connected_at
        if not each.station.online:
            return False
        if hold is None or (connected is not None and connected > hold.sent_at):
            return True
        if hold.refused:
            return ready(hold, connected, self._now())
        return hold.held != each.terms.fail_safe

    async def _set(self, station_id: int, evse_id: int, profile: ChargingProfile) -> str | None:
        """What the station said: empty for Accepted; None: nobody knows; or that it was never asked."""
        command = SetChargingProfile(evse_id, profile)
        try:
            async with self._limit:
                outcome = await self._remote.command_of_ours(Target(station_id, ANSWER_SECONDS), command)
        except (FailedPrecondition, Exhausted, NotFound):
            return _NEVER_ASKED
        except DeadlineExceeded as error:
            return _NEVER_ASKED if error.reason == NOT_SENT else None
        except Unavailable:
            return None
        except DomainError as error:  # it, or its version of OCPP, knows no such thing
            return error.reason
        if not outcome.answer.accepted:
            _log.warning("a station refused its share", station_id=station_id, status=outcome.answer.status)
            return outcome.answer.error_code or outcome.answer.status or "Rejected"
        await self._note(station_id, evse_id, profile)
        return ""

    async def _note(self, station_id: int, evse_id: int, profile: ChargingProfile | None) -> None:
        """What the station holds is shown with its other profiles."""
        body = None if profile is None else _encode(HeldProfile(evse_id, OURS, profile))
        with suppress(Unavailable):
            await self._inventory.put_item(
                station_id, CHARGING_PROFILE_ITEM, str(SHARE_IDS + evse_id), body, self._now()
            )

    # -- stations that are in no group any more ------------------------------------------------------------------------

    async def _release(self, members: set[int]) -> None:
        """Have them forget our profiles; each is asked once at a time."""
        try:
            await self._forget(members)
        finally:
            self._releasing = False

    async def _forget(self, members: set[int]) -> None:
        gone: dict[int, list[LoadHold]] = {}
        for hold in await self._store.holds():
            if hold.station_id not in members:
                gone.setdefault(hold.station_id, []).append(hold)
        if not gone:
            return
        for view in await self._stations.get_stations(list(gone)):
            due = [each for each in gone[view.id] if not each.refused or self._now() - each.sent_at >= RETRY_REFUSED]
            for hold in sorted(due, key=lambda each: -each.evse_id) if view.online else ():
                await self._clear(hold)

    async def _clear(self, hold: LoadHold) -> None:
        command = ClearChargingProfile(charging_profile_id=SHARE_IDS + hold.evse_id)
        answer = ""
        try:
            outcome = await self._remote.command_of_ours(Target(hold.station_id, ANSWER_SECONDS), command)
            if not outcome.answer.accepted and outcome.answer.status != "Unknown":
                answer = outcome.answer.error_code or outcome.answer.status
        except DomainError as error:
            answer = error.reason
        if answer:
            await self._store.keep([msgspec.structs.replace(hold, sent_at=self._now(), answer=answer)])
        else:
            await self._store.drop([(hold.station_id, hold.evse_id)])
            await self._note(hold.station_id, hold.evse_id, None)

    # -- what happens --------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Wake when something happens at a station."""
        while True:
            with suppress(RevisionTooOld, WatcherTooSlow):
                async with self._feed.watch() as watch:
                    while True:
                        _revision, events = await watch.next_batch(tick=60.0)
                        if any(event.subject in (Subject.STATION, Subject.SESSION) for event in events):
                            self.wake()
            self.wake()


def _watts(terms: Terms, current: int) -> int | None:
    if not terms.share.in_watts:
        return None
    return current * terms.voltage * len(terms.share.phases.numbers) // 10


def _concluded(
    old: LoadHold | None, sent: LoadHold, answer: str | None, current: int, lasts: timedelta | None
) -> LoadHold:
    """What is true after an answer, or none (None)."""
    if answer is None:
        return sent
    if answer == _NEVER_ASKED:
        return old or after_refusing(None, sent, "")
    return after_refusing(old, sent, answer) if answer else after_accepting(sent, current, lasts)


def _due(site: Site, key: OutletKey, now: datetime, *, renewal: bool = False) -> bool:
    """Must it be told what it should have, because that differs, or (`renewal`: only) because it forgets soon?"""
    each = site.situations[key]
    hold, connected = each.hold, each.station.connected_at
    if hold is None or hold.expires_at is None or now - hold.sent_at >= RENEWED_AFTER or hold.refused:
        return True
    if connected is not None and connected > hold.sent_at:
        return True
    return not renewal and hold.given != site.shares[key].current


def _report(error: Exception) -> None:
    if isinstance(error, DomainError):
        _log.warning("load groups could not be looked after", reason=error.message)
    else:
        _log.error("a round of load balancing failed", exc_info=error)
