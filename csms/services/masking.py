"""Passwords do not stand in the message log: what is sent to a station to set one is blotted out there.

OCPP 1.6 `ChangeConfiguration` of `AuthorizationKey`; 2.x `SetVariables` of `BasicAuthPassword`, `SetNetworkProfile`
with passwords and keys of the networks, and stations that give such a value back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from csms.ports.message_log import Direction, LogEntry, LogFilter, MessageLog, Tail
from csms.services.traffic import Traffic

BLOT: Final = "•••"
_HINTS: Final = (b"authorizationkey", b"basicauthpassword", b"apnpassword", b"simpin", b'"vpn"')
_NAMES: Final = frozenset({"authorizationkey", "basicauthpassword"})
_FIELDS: Final = frozenset({"basicAuthPassword", "apnPassword", "simPin"})
_VPN_FIELDS: Final = frozenset({"password", "key"})
_SECRET_ACTIONS: Final = frozenset(
    {"ChangeConfiguration", "SetVariables", "SetNetworkProfile", "GetConfiguration", "GetVariables", "NotifyReport", ""}
)

_FILE_ACTIONS: Final = frozenset(
    {"GetDiagnostics", "GetLog", "UpdateFirmware", "SignedUpdateFirmware", "PublishFirmware"}
)
_FILE_TOKEN: Final = re.compile(rb"(?<=[/:])[A-Za-z0-9_-]{43}(?=[/@])")
"""As `csms.services.transfers` makes them."""


class MaskedMessageLog:
    """A `MessageLog` in front of another one. It counts in `traffic` what passes."""

    def __init__(self, log: MessageLog, traffic: Traffic | None = None) -> None:
        self._log = log
        self._traffic = Traffic() if traffic is None else traffic

    def record(
        self,
        station_id: int,
        direction: Direction,
        content: bytes | str,
        *,
        message_type: str = "",
        action: str = "",
        message_id: str = "",
        latency_s: float | None = None,
    ) -> None:
        """See `MessageLog.record`."""
        self._traffic.count(direction, message_type, action, latency_s)
        if direction is not Direction.REMARK and action in _SECRET_ACTIONS:
            content = masked(content)
        elif direction is not Direction.REMARK and action in _FILE_ACTIONS:
            content = without_tokens(content)
        self._log.record(
            station_id,
            direction,
            content,
            message_type=message_type,
            action=action,
            message_id=message_id,
            latency_s=latency_s,
        )

    async def page(self, station_id: int, *, size: int, before: int | None, wanted: LogFilter) -> Sequence[LogEntry]:
        """See `MessageLog.page`."""
        return await self._log.page(station_id, size=size, before=before, wanted=wanted)

    def tail(self, station_id: int) -> AbstractAsyncContextManager[Tail]:
        """See `MessageLog.tail`."""
        return self._log.tail(station_id)


def without_tokens(content: bytes | str) -> bytes | str:
    """The frame, where addresses of our file server are not good for a transfer any more."""
    if isinstance(content, bytes):
        return _FILE_TOKEN.sub(BLOT.encode(), content)
    return _FILE_TOKEN.sub(BLOT.encode(), content.encode()).decode()


def masked(content: bytes | str) -> bytes | str:
    """The frame without secrets; the very same when there are none."""
    raw = content if isinstance(content, bytes) else content.encode()
    folded = raw.lower()
    if not any(hint in folded for hint in _HINTS):
        return content
    try:
        frame = json.loads(raw)
    except ValueError:  # not a frame, and a secret might stand in it: nothing of it is kept
        return BLOT
    return json.dumps(_blotted(frame), ensure_ascii=False, separators=(",", ":"))


def _blotted(value: Any) -> Any:
    if isinstance(value, list):
        return [_blotted(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: BLOT if name in _FIELDS else _blotted(each) for name, each in value.items()}
    vpn = found.get("vpn")
    if isinstance(vpn, dict):
        found["vpn"] = {name: BLOT if name in _VPN_FIELDS else each for name, each in vpn.items()}
    if _named(found) in _NAMES:
        for name in ("value", "attributeValue"):
            if name in found:
                found[name] = BLOT
        for attribute in found.get("variableAttribute") or ():
            if isinstance(attribute, dict) and "value" in attribute:
                attribute["value"] = BLOT
    return found


def _named(value: dict[str, Any]) -> str:
    """The key (1.6) or variable (2.x) that an object is about, in small letters."""
    variable = value.get("variable")
    name = value.get("key") or (variable.get("name") if isinstance(variable, dict) else None)
    return name.lower() if isinstance(name, str) else ""
