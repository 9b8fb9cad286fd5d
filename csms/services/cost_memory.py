"""What sessions of OCPP 2.x have cost, ready in memory: stations are told it with the answer to their messages.

The book of tariffs is read anew now and then, and at once when somebody changes it. Each session under way that a
tariff holds for has its tab (`csms.domain.tab`); one that began before this process did gets its readings from the
database in the background, and costs nothing that we would tell until then.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final

import structlog
import trio

from csms.domain.errors import NotFound, Unavailable
from csms.domain.metering import MeterValue
from csms.domain.tab import Tab, began_at
from csms.domain.tariff_book import Assignment, NamedTariff, Target, TariffVersion, targets_of, version_at
from csms.domain.topology import SYSTEM_ID, Tree
from csms.domain.transaction import Transaction
from csms.ports.tariffs import SessionCostStore, TariffStore
from csms.services.token_index import MemoryTokenIndex

RELOAD_SECONDS: Final = 60.0
PAUSE_SECONDS: Final = 0.1
"""Between two looks: after a start many sessions ask at once."""
RUNNING_SECONDS: Final = 30.0
"""A running cost is reckoned no more often; what was told last is told again meanwhile."""
LONGEST: Final = timedelta(days=7)
"""Assignments that ended before that are not remembered, nor the costs of sessions that are older."""
KEPT: Final = timedelta(hours=1)
"""An ended session is remembered that long: its station may say again that it ended."""

_log = structlog.get_logger("csms.cost_memory")


class _Account:
    """One session. `key`: what its tariff depends on."""

    __slots__ = ("key", "priced_at", "running", "tab", "touched_at", "version", "zone")

    def __init__(self, key: object, version: TariffVersion | None, zone: tzinfo | None, tab: Tab | None) -> None:
        self.key = key
        self.version = version
        self.zone = zone
        self.tab = tab
        self.running: float | None = None
        self.priced_at: datetime | None = None
        self.touched_at: datetime | None = None


class CostMemory:
    """`csms.domain.applying.Reckoner`. Knows nothing until `run`, a task for the nursery of the application, has read
    the tariffs."""

    def __init__(self, index: MemoryTokenIndex) -> None:
        self._index = index
        self._tree: Callable[[], Tree] | None = None
        self._since: datetime | None = None
        self._generation = 0
        self._known: object = None
        self._assigned: Mapping[Target, Sequence[tuple[Assignment, NamedTariff]]] = {}
        self._accounts: dict[int, _Account] = {}
        self._missing: set[int] = set()
        self._woken = trio.Event()

    # -- the station's side (csms.domain.applying.Reckoner) --------------------------------------------------------

    def read(self, transaction: Transaction, values: Sequence[MeterValue]) -> None:
        """See `Reckoner.read`."""
        if not self._assigned or not values:
            return
        account = self._account(transaction, fresh=len(values))
        if account.tab is not None and account.version is not None:
            any_hour = all(element.window is None for element in account.version.terms.elements)
            account.tab.read(values, any_hour=any_hour)

    def running(self, transaction: Transaction, now: datetime) -> float | None:
        """See `Reckoner.running`."""
        if not self._assigned:
            return None
        account = self._account(transaction)
        at = account.priced_at
        if at is None or (now - at).total_seconds() >= RUNNING_SECONDS:
            account.running = self._price(account, transaction, now)
            account.priced_at = None if account.running is None else now
        account.touched_at = now
        return account.running

    def final(self, transaction: Transaction, now: datetime) -> float | None:
        """See `Reckoner.final`."""
        if not self._assigned:
            return None
        account = self._account(transaction)
        account.touched_at = now
        return self._price(account, transaction, now)

    # -- the book --------------------------------------------------------------------------------------------------

    def hasten(self) -> None:
        """A tariff was changed or assigned: look now."""
        self._woken.set()

    async def run(
        self, tariffs: TariffStore, costs: SessionCostStore, tree: Callable[[], Tree], now: Callable[[], datetime]
    ) -> None:
        """Keep up, for ever."""
        while True:
            self._woken = trio.Event()
            try:
                await self.load(tariffs, tree, now())
                await self.catch_up(costs)
            except Unavailable as error:
                _log.info("tariffs are read later", reason=error.message)
            with trio.move_on_after(RELOAD_SECONDS):
                await self._woken.wait()
            await trio.sleep(PAUSE_SECONDS)

    async def load(self, tariffs: TariffStore, tree: Callable[[], Tree], now: datetime) -> None:
        """Read the tariffs that hold or held lately. Raises Unavailable."""
        since = now - LONGEST
        found = await tariffs.assigned_since(since)
        named = await tariffs.get(sorted({each.tariff_id for each in found}))
        assigned: dict[Target, list[tuple[Assignment, NamedTariff]]] = {}
        for each in found:
            if each.tariff_id in named:
                assigned.setdefault(each.target, []).append((each, named[each.tariff_id]))
        self._tree, self._since = tree, since
        if self._known != (found, named):
            self._known, self._assigned = (found, named), assigned
            self._generation += 1
        self._forget(now)

    async def catch_up(self, costs: SessionCostStore) -> None:
        """Fetch the readings of sessions that began before they were heard of here. Raises Unavailable."""
        for number in sorted(self._missing):
            samples = await costs.readings(number)
            self._missing.discard(number)
            account = self._accounts.get(number)
            if account is not None and account.tab is not None:
                account.tab.fill(samples)

    # -- inside ----------------------------------------------------------------------------------------------------

    def _account(self, transaction: Transaction, *, fresh: int = 0) -> _Account:
        """`fresh`: so many values were taken in just now, which are about to be read."""
        key = (self._generation, transaction.id_token, transaction.evse_id, transaction.started_at)
        account = self._accounts.get(transaction.id)
        if account is not None and account.key == key:
            return account
        version, zone = self._held(transaction)
        tab = None if account is None else account.tab
        if version is not None and tab is None:
            tab = Tab(whole=transaction.meter_value_count <= fresh)
            if not tab.whole:
                self._missing.add(transaction.id)
                self._woken.set()
        made = _Account(key, version, zone, tab)
        made.touched_at = transaction.progress_at
        self._accounts[transaction.id] = made
        return made

    def _held(self, transaction: Transaction) -> tuple[TariffVersion | None, tzinfo | None]:
        began = began_at(transaction)
        if self._tree is None or self._since is None or began < self._since:
            return None, None
        token = self._index.find(transaction.id_token) if transaction.id_token else None
        tree = self._tree()
        above = _upwards(tree, self._index.places_of(transaction.station_id))
        targets = targets_of(
            above,
            transaction.station_id,
            transaction.evse_id,
            None if token is None else token.user_id,
            "" if token is None else token.parent_id_token or "",
        )
        for target in targets:
            for assignment, tariff in self._assigned.get(target, ()):
                if assignment.valid_from <= began and (assignment.valid_to is None or began < assignment.valid_to):
                    version = version_at(tariff.versions, began)
                    if version is not None:
                        return version, zoneinfo.ZoneInfo(tree.time_zone_of(above[0]))
        return None, None

    def _price(self, account: _Account, transaction: Transaction, now: datetime) -> float | None:
        tab, version, zone = account.tab, account.version, account.zone
        if tab is None or not tab.whole or version is None or zone is None:
            return None
        try:
            return float(tab.cost(transaction, version.terms, zone, now).gross)
        except (ArithmeticError, ValueError) as error:
            _log.error("the running cost of a session cannot be reckoned", session_id=transaction.id, exc_info=error)
            return None

    def _forget(self, now: datetime) -> None:
        """Ended sessions, and those that have been silent for long (their readings are in the database)."""
        old = [number for number, each in self._accounts.items() if each.touched_at and each.touched_at < now - KEPT]
        for number in old:
            del self._accounts[number]
            self._missing.discard(number)


def _upwards(tree: Tree, place_ids: frozenset[int]) -> list[int]:
    """From the station's own place to the system."""
    try:
        ways = [[place.id for place in tree.upwards(number)] for number in place_ids]
    except NotFound:  # the tree is newer than what is known of the station
        ways = []
    return max(ways, key=len, default=[SYSTEM_ID])
