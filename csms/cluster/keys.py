"""Keys on the bus: a bucket of JetStream's key-value store, with compare-and-set.

All methods are for asyncio, and raise BusUnavailable.
"""

from __future__ import annotations

from typing import Final

import nats.errors
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError, NoKeysError
from nats.js.kv import KeyValue

from csms.cluster.bus import Bus, BusUnavailable, unavailable

_NOT_NOW: Final = (nats.errors.Error, TimeoutError, OSError)


class Bucket:
    """One bucket; made when it is not there. `ttl`: seconds after which an entry that nobody renews is gone."""

    def __init__(self, bus: Bus, name: str, *, ttl: float | None = None) -> None:
        self._bus = bus
        self._name = f"{bus.settings.prefix}_{name}"
        self._ttl = ttl
        self._bound: tuple[object, KeyValue] | None = None

    async def get(self, key: str) -> tuple[bytes, int] | None:
        """The value and its revision."""
        try:
            entry = await (await self._store()).get(key)
        except KeyNotFoundError:
            return None
        except _NOT_NOW as error:
            raise self._broken(error) from error
        return entry.value or b"", entry.revision or 0

    async def create(self, key: str, value: bytes) -> int | None:
        """Its revision, or None when it is there already."""
        try:
            return await (await self._store()).create(key, value)
        except (KeyWrongLastSequenceError, KeyNotFoundError):  # the latter: it was there, and ended while we looked
            return None
        except _NOT_NOW as error:
            raise self._broken(error) from error

    async def update(self, key: str, value: bytes, last: int) -> int | None:
        """Its new revision, or None when `last` is not the newest."""
        try:
            return await (await self._store()).update(key, value, last)
        except KeyWrongLastSequenceError:
            return None
        except _NOT_NOW as error:
            raise self._broken(error) from error

    async def delete(self, key: str, last: int) -> bool:
        """False when `last` is not the newest."""
        try:
            await (await self._store()).delete(key, last)
        except KeyWrongLastSequenceError:
            return False
        except APIError as error:
            if error.err_code in (10071, 10164):
                return False
            raise self._broken(error) from error
        except _NOT_NOW as error:
            raise self._broken(error) from error
        return True

    async def made_us(self) -> int:
        """When the bucket was made, in microseconds since 1970: its revisions count from 1 again when the bus has lost
        its data."""
        try:
            await self._store()
            created = (await self._bus.js.stream_info(f"KV_{self._name}")).created
        except _NOT_NOW as error:
            raise self._broken(error) from error
        return 0 if created is None else round(created.timestamp() * 1_000_000)

    async def keys(self) -> list[str]:
        """All of them."""
        try:
            return await (await self._store()).keys()
        except NoKeysError:
            return []
        except _NOT_NOW as error:
            raise self._broken(error) from error

    async def _store(self) -> KeyValue:
        client = self._bus.client
        if self._bound is None or self._bound[0] is not client:
            self._bound = (client, await self._open(self._bus.js))
        return self._bound[1]

    async def _open(self, js: JetStreamContext) -> KeyValue:
        try:
            return await js.key_value(self._name)
        except BucketNotFoundError:
            settings = self._bus.settings
            config = api.KeyValueConfig(
                bucket=self._name,
                history=1,
                ttl=self._ttl,
                storage=api.StorageType.MEMORY if settings.in_memory else api.StorageType.FILE,
                replicas=settings.replicas,
                direct=False,
            )
        try:
            return await js.create_key_value(config)
        except APIError:  # another node was quicker
            return await js.key_value(self._name)

    def _broken(self, error: Exception) -> BusUnavailable:
        """The next one looks whether the bucket is still there."""
        self._bound = None
        return unavailable(error)
