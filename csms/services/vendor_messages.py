"""Vendors' own messages (DataTransfer), answered by plug-ins: one for each vendor id.

A plug-in is an async callable that takes a `VendorMessage` and returns a `VendorAnswer`, or None when it does not know
the message. It runs in trio, and must not block. See docs/vendor-extensions.md.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.facts import DataTransferred, DataTransferReply

_log = structlog.get_logger("csms.vendor_messages")

PLUGIN_SECONDS: Final = 15.0
"""Stations wait about 30 s for an answer."""
STATUSES: Final = frozenset({"Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"})
MAX_DATA: Final = 1_000_000


class VendorMessage(msgspec.Struct, frozen=True):
    """What a station sent. `station_id` is ours; `data` is text, JSON text where the station sent no string."""

    station_id: int
    vendor_id: str
    message_id: str = ""
    data: str | None = None


class VendorAnswer(msgspec.Struct, frozen=True):
    """What the station is told. `status`: Accepted, Rejected, UnknownMessageId, UnknownVendorId."""

    status: str = "Accepted"
    data: str | None = None


VendorPlugin = Callable[[VendorMessage], Awaitable[VendorAnswer | None]]

_REJECTED: Final = DataTransferReply("Rejected")


class VendorMessages:
    """The plug-ins, by vendor id. A plug-in that fails or takes too long costs its station one Rejected, no more."""

    def __init__(self, plugins: Mapping[str, VendorPlugin], *, seconds: float = PLUGIN_SECONDS) -> None:
        self._plugins = dict(plugins)
        self._seconds = seconds

    @property
    def vendor_ids(self) -> frozenset[str]:
        """Those that somebody answers for."""
        return frozenset(self._plugins)

    async def answer(self, station_id: int, fact: DataTransferred) -> DataTransferReply:
        """For `csms.services.consulting`."""
        plugin = self._plugins.get(fact.vendor_id)
        if plugin is None:
            return DataTransferReply("UnknownVendorId")
        message = VendorMessage(station_id, fact.vendor_id, fact.message_id, fact.data)
        answers: list[object] = []

        async def ask() -> None:
            answers.append(await plugin(message))

        with trio.move_on_after(self._seconds) as scope:
            await contain(ask, partial(_failed, message))
        if scope.cancelled_caught:
            _log.warning("a vendor's plug-in gave no answer in time", **_where(message))
        if not answers:
            return _REJECTED
        return _checked(message, answers[0])


def _checked(message: VendorMessage, answer: object) -> DataTransferReply:
    """What may be told: a plug-in is written by others."""
    if answer is None:
        return DataTransferReply("UnknownMessageId")
    if isinstance(answer, VendorAnswer) and answer.status in STATUSES:
        data: object = answer.data  # whatever its type says
        if data is None or (isinstance(data, str) and len(data) <= MAX_DATA):
            return DataTransferReply(answer.status, data)
    _log.error("a vendor's plug-in gave an answer that is none", answer=repr(answer)[:200], **_where(message))
    return _REJECTED


def _failed(message: VendorMessage, error: Exception) -> None:
    _log.error("a vendor's plug-in failed", exc_info=error, **_where(message))


def _where(message: VendorMessage) -> dict[str, object]:
    return {"vendor_id": message.vendor_id, "message_id": message.message_id, "station_id": message.station_id}
