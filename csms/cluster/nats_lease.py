"""One process at a time does a thing: an entry on the bus that its holder renews, and that is gone when nobody does.

The clock that counts is the holder's own: what was asked for at 10:00:00 and granted counts until 10:00:04, whatever
happens meanwhile. A process that was stopped and goes on finds that its lease is over before it does anything. The
token (when the bucket was made, and the entry's revision when it was taken) only grows from holder to holder; who
writes into the database shows it there (`csms.storage.fencing`).
"""

from __future__ import annotations

import time
from typing import Final

from csms.cluster.bus import Bus, BusUnavailable
from csms.cluster.keys import Bucket

TTL_SECONDS: Final = 6.0
"""After so long without renewal the entry is gone."""
VALID_SECONDS: Final = 4.0
"""So long after it was asked for a lease counts. Less than TTL_SECONDS: clocks and messages take their time."""


class NatsLease:
    """`csms.ports.lease.Lease` on the bus. `name` says for what."""

    def __init__(self, bus: Bus, name: str, *, ttl: float = TTL_SECONDS, valid: float = VALID_SECONDS) -> None:
        self._bus = bus
        self._name = name.replace(" ", "-")
        self._bucket = Bucket(bus, "leases" if ttl == TTL_SECONDS else f"leases-{ttl:g}".replace(".", "-"), ttl=ttl)
        self._valid_s = valid
        self._revision = 0
        self._until = 0.0
        self.token: tuple[int, int] | None = None
        """Greater than that of all who had it before; None: not ours."""

    @property
    def valid(self) -> bool:
        """Is it ours at this moment, without asking anybody?"""
        return self.token is not None and time.monotonic() < self._until

    @property
    def seconds_left(self) -> float:
        """How long it counts without being renewed."""
        return 0.0 if self.token is None else max(self._until - time.monotonic(), 0.0)

    async def holds(self) -> bool:
        """See `csms.ports.lease.Lease.holds`."""
        asked_at = time.monotonic()
        try:
            mine = await self._bus.door.call(self._take)
        except BusUnavailable:
            if self.valid:
                return True
            self.token = None
            raise
        if mine:
            self._until = asked_at + self._valid_s
        return mine and self.valid

    async def release(self) -> None:
        """See `csms.ports.lease.Lease.release`."""
        revision, self._revision, self.token = self._revision, 0, None
        if revision:
            try:
                await self._bus.door.call(self._bucket.delete, self._name, revision)
            except BusUnavailable:
                return  # it runs out by itself

    async def _take(self) -> bool:
        """In asyncio: renew it, or take it if it is free."""
        value = self._bus.name.encode()
        if self.token is not None:
            renewed = await self._bucket.update(self._name, value, self._revision)
            if renewed is not None:
                self._revision = renewed
                return True
            self.token = None
        made_us = await self._bucket.made_us()
        created = await self._bucket.create(self._name, value)
        if created is None:
            return False
        self._revision, self.token = created, (made_us, created)
        return True
