"""A station of the load tester that only remembers what was wanted of it."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from loadtest.client import Answer, Json
from loadtest.ledger import TransactionId
from loadtest.limits import ChargingProfiles
from loadtest.local_list import LocalList
from loadtest.meter import Meter
from loadtest.session import Connector
from loadtest.speech.speech import (
    FirmwareOrder,
    LogOrder,
    Said,
    Spot,
    Tag,
    first_configuration,
)

NOW = datetime(2025, 1, 1, 12, tzinfo=UTC)


class SpyStation:
    """A `Commanded`; `did` are its deeds."""

    def __init__(self) -> None:
        self.did: list[tuple[object, ...]] = []
        self.said: list[Said] = []
        self.connectors = [
            Connector(number, Meter(Random(1), 0), lambda number, status, error: self.did.append((number, status)))
            for number in (1, 2)
        ]
        self.configuration = first_configuration(2, 5.0)
        self.accepted = True
        self.profiles = ChargingProfiles()
        self.local_list = LocalList()
        self.firmware = "1.0.0"
        self.start_point = "PowerPathClosed"

    def consider(self, given: Answer) -> Json:
        """The answer's payload; then what follows from it."""
        if given.then is not None:
            given.then()
        return given.payload

    def now(self) -> datetime:
        return NOW

    def waiting(self, transaction_id: TransactionId | None) -> bool:
        return transaction_id is None

    def begin_remote_session(self, connector: Spot, tag: Tag, remote_start_id: int | None = None) -> None:
        number = () if remote_start_id is None else (remote_start_id,)
        self.did.append(("start", connector.number, tag.text, *number))

    def reboot(self, reason: str) -> None:
        self.did.append(("reboot", reason))

    def reboot_when_idle(self) -> None:
        self.did.append(("reboot when idle",))

    def configured(self, key: str) -> None:
        self.did.append(("configured", key))

    def profiles_changed(self) -> None:
        self.did.append(("profiles",))

    def say(self, said: Said | None, *, durable: bool = False) -> None:
        if said is not None:
            self.said.append(said)

    def send_boot(self) -> None:
        self.did.append(("boot",))

    def send_heartbeat(self) -> None:
        self.did.append(("heartbeat",))

    def send_status(self, connector: int) -> None:
        self.did.append(("status", connector))

    def send_meter_values(self, connector: int) -> None:
        self.did.append(("meter", connector))

    def send_firmware_status(self) -> None:
        self.did.append(("firmware status",))

    def send_log_status(self) -> None:
        self.did.append(("log status",))

    def update_firmware(self, order: FirmwareOrder) -> None:
        self.did.append(("firmware", order.request_id, order.signed))

    def upload_log(self, order: LogOrder) -> None:
        self.did.append(("log", order.request_id))
