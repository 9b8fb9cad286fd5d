"""Connected OCPP 1.6 stations for tests of pages, which are not in trio: each lives in a thread, free at two outlets,
starts and stops charging when it is asked to, and keeps reservations.

    with live_station(product, "CP-1") as station:
        …
        station.occupy(1)
        assert station.was_asked("ReserveNow")
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final

import trio

from tests.kit.patience import PATIENCE_S
from tests.kit.product import Product, Station, station

METER_WH: Final = 250


class LiveStation:
    """A station's life in a thread. Only `occupy`, `free`, `was_asked` and `until_asked` are for others."""

    def __init__(self, product: Product, identity: str, outlets: int) -> None:
        self._product = product
        self.identity = identity
        self._outlets = outlets
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope: trio.CancelScope | None = None
        self._ready = threading.Event()
        self._link: Station | None = None
        self._nursery: trio.Nursery | None = None
        self._charging: dict[int, int] = {}
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live, name=identity, daemon=True)

    # -- for tests -------------------------------------------------------------------------------------------------

    def occupy(self, outlet: int, status: str = "Preparing") -> None:
        """A vehicle comes, or whatever else takes the outlet."""
        self._do(self._tell, outlet, status)

    def free(self, outlet: int) -> None:
        """It goes."""
        self._do(self._tell, outlet, "Available")

    def was_asked(self, action: str) -> list[dict[str, Any]]:
        """Payloads of all CALLs of the server with this action."""
        assert self._link is not None
        return [payload for name, payload in self._link.asked if name == action]

    def until_asked(self, action: str) -> dict[str, Any]:
        """The newest of them, as soon as there is one."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := self.was_asked(action)):
            assert time.monotonic() < deadline, f"{self.identity} was never asked for {action}"
            time.sleep(0.05)
        return found[-1]

    # -- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S), f"{self.identity} did not come up"
        if self.failure is not None:
            raise self.failure

    def end(self) -> None:
        if self._token is not None and self._scope is not None:
            self._token.run_sync_soon(self._scope.cancel)
        self._thread.join(PATIENCE_S)

    def _do(self, function: Any, *args: Any) -> None:
        trio.from_thread.run(function, *args, trio_token=self._token)

    def _live(self) -> None:
        try:
            trio.run(self._run)
        except BaseException as error:  # told to the test's thread, which raises it
            self.failure = error
        finally:
            self._ready.set()

    async def _run(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with trio.CancelScope() as self._scope:
            async with station(self._product, self.identity) as self._link, trio.open_nursery() as self._nursery:
                await self._link.boot()
                for outlet in range(self._outlets + 1):
                    await self._tell(outlet, "Available")
                self._nursery.start_soon(self._obey)
                self._ready.set()
                await trio.sleep_forever()

    async def _tell(self, outlet: int, status: str) -> None:
        assert self._link is not None
        await self._link.call("StatusNotification", connectorId=outlet, errorCode="NoError", status=status)

    async def _obey(self) -> None:
        """What was asked and accepted is done."""
        assert self._link is not None
        done = 0
        while True:
            while done < len(self._link.asked):
                action, payload = self._link.asked[done]
                done += 1
                if action == "RemoteStartTransaction":
                    await self._begin(payload.get("connectorId", 1), payload["idTag"])
                elif action == "RemoteStopTransaction":
                    await self._finish(payload["transactionId"])
            await trio.sleep(0.05)

    async def _begin(self, outlet: int, tag: str) -> None:
        assert self._link is not None
        await self._tell(outlet, "Preparing")
        begun = await self._link.call("StartTransaction", connectorId=outlet, idTag=tag, meterStart=0, timestamp=_now())
        self._charging[begun["transactionId"]] = outlet
        await self._tell(outlet, "Charging")
        sample = [
            {"value": str(METER_WH), "unit": "Wh", "measurand": "Energy.Active.Import.Register"},
            {"value": "7400", "unit": "W", "measurand": "Power.Active.Import"},
        ]
        value = [{"timestamp": _now(), "sampledValue": sample}]
        await self._link.call("MeterValues", connectorId=outlet, transactionId=begun["transactionId"], meterValue=value)

    async def _finish(self, transaction: int) -> None:
        assert self._link is not None
        outlet = self._charging.pop(transaction, 1)
        await self._link.call(
            "StopTransaction", transactionId=transaction, meterStop=METER_WH, timestamp=_now(), reason="Remote"
        )
        await self._tell(outlet, "Available")


def _now() -> str:
    return datetime.now(tz=UTC).isoformat().replace("+00:00", "Z")


@contextmanager
def live_station(product: Product, identity: str, outlets: int = 2) -> Iterator[LiveStation]:
    """Connected, booted and free until the block ends."""
    made = LiveStation(product, identity, outlets)
    made.start()
    try:
        yield made
    finally:
        made.end()
