"""What the stories of OCPP 2.0.1 and 2.1 are made of."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.kit.desk import Desk
from tests.kit.product import Product
from tests.kit.simulators import Simulator, moment, simulator

ACTIVE, ENDED = 1, 2
_numbers = itertools.count(1)


@asynccontextmanager
async def charging_station(
    running: Product, desk: Desk, identity: str, version: str = "2.0.1"
) -> AsyncIterator[tuple[Simulator, str]]:
    """Known, connected, booted and available, its base report asked for and refused: (station, its name)."""
    name = await desk.add_station(identity)
    async with simulator(running, identity, version) as cs:
        cs.on("GetBaseReport", {"status": "NotSupported"})
        await cold_boot(cs)
        yield cs, name


async def cold_boot(cs: Simulator, reason: str = "PowerUp", *, evses: int = 1) -> dict[str, Any]:
    """B01: BootNotification, then the status of each connector; the boot's answer."""
    station = {"model": "One", "vendor_name": "Acme", "serial_number": "S-1", "firmware_version": "1.0"}
    boot = await cs.send(cs.calls.BootNotification(charging_station=station, reason=reason))
    for evse in range(1, evses + 1):
        await status(cs, "Available", evse)
    return boot


async def status(cs: Simulator, word: str, evse: int = 1, connector: int = 1) -> None:
    """G01: StatusNotification."""
    await cs.send(
        cs.calls.StatusNotification(timestamp=moment(), connector_status=word, evse_id=evse, connector_id=connector)
    )


class Charging:
    """One transaction as the station tells it: counts its seqNo."""

    def __init__(self, cs: Simulator, tag: str | None = None, *, evse: int = 1, token_type: str = "ISO14443") -> None:
        self.cs = cs
        self.tag = tag
        self.evse = evse
        self.token_type = token_type
        self.transaction_id = f"tx-{cs.identity}-{next(_numbers)}"
        self.seq_no = 0

    async def tell(
        self,
        kind: str,
        trigger: str,
        *,
        state: str | None = None,
        meter: float | None = None,
        at: float = 0.0,
        with_tag: bool = False,
        seq_no: int | None = None,
        info: dict[str, Any] | None = None,
        context: str = "Sample.Periodic",
        **more: Any,
    ) -> dict[str, Any]:
        """TransactionEvent; its answer. `meter` in Wh; `at` seconds from now."""
        payload: dict[str, Any] = {
            "eventType": kind,
            "timestamp": moment(at),
            "triggerReason": trigger,
            "seqNo": self.seq_no if seq_no is None else seq_no,
            "transactionInfo": {"transactionId": self.transaction_id, **(info or {})},
            "evse": {"id": self.evse, "connectorId": 1},
            **more,
        }
        if seq_no is None:
            self.seq_no += 1
        if state is not None:
            payload["transactionInfo"]["chargingState"] = state
        if with_tag and self.tag is not None:
            payload["idToken"] = {"idToken": self.tag, "type": self.token_type}
        if meter is not None:
            payload["meterValue"] = [energy(meter, at, context)]
        return await self.cs.say("TransactionEvent", payload)

    async def start(self, trigger: str = "Authorized", *, meter: float = 0.0, at: float = 0.0, **more: Any) -> Any:
        """Started with the tag, if there is one."""
        more.setdefault("state", "Charging")
        return await self.tell(
            "Started", trigger, meter=meter, at=at, with_tag=True, context="Transaction.Begin", **more
        )

    async def meter(self, wh: float, at: float = 0.0) -> Any:
        """Updated with a periodic reading."""
        return await self.tell("Updated", "MeterValuePeriodic", meter=wh, at=at, state="Charging")

    async def stop(
        self,
        trigger: str = "StopAuthorized",
        reason: str = "Local",
        *,
        meter: float = 500.0,
        at: float = 1.0,
        with_tag: bool = False,
        **more: Any,
    ) -> Any:
        """Ended."""
        return await self.tell(
            "Ended",
            trigger,
            meter=meter,
            at=at,
            info={"stoppedReason": reason},
            with_tag=with_tag,
            context="Transaction.End",
            **more,
        )


def energy(wh: float, at: float = 0.0, context: str = "Sample.Periodic") -> dict[str, Any]:
    """A meter value with the energy register."""
    return {
        "timestamp": moment(at),
        "sampledValue": [
            {
                "value": wh,
                "context": context,
                "measurand": "Energy.Active.Import.Register",
                "unitOfMeasure": {"unit": "Wh"},
            }
        ],
    }


async def authorize(cs: Simulator, tag: str, token_type: str = "ISO14443") -> dict[str, Any]:
    """C01: the idTokenInfo of an Authorize."""
    answer = await cs.send(cs.calls.Authorize(id_token={"id_token": tag, "type": token_type}))
    info: dict[str, Any] = answer["idTokenInfo"]
    return info


async def ongoing(desk: Desk, name: str) -> Any:
    """The station's one session, which is active."""
    return (await desk.until(lambda: desk.sessions(name), lambda found: _one(found, ACTIVE), "charging"))[0]


async def ended(desk: Desk, name: str) -> Any:
    """The station's one session, which is over."""
    return (await desk.until(lambda: desk.sessions(name), lambda found: _one(found, ENDED), "ended"))[0]


def _one(sessions: list[Any], state: int) -> bool:
    return len(sessions) == 1 and sessions[0].state == state
