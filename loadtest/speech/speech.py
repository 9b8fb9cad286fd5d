"""The contract of a version of OCPP: a station lives the same life in each, and a `Speech` finds the words.

Statuses, reasons and error codes are those of OCPP 1.6 inside the station; a speech translates them. Energy is in Wh,
power in W, times are UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from loadtest.client import Answer, Json, Refusal
from loadtest.ledger import Quantities, SessionRecord, TransactionId
from loadtest.limits import ChargingProfiles
from loadtest.local_list import LocalList
from loadtest.meter import Reading

VENDOR = "org.chargehouse.loadtest"
MAKER = "Chargehouse"
MODEL = "Load tester"

Said = tuple[str, Json]
"""An action and its payload."""

Later = tuple[str, Callable[[], Json]]
"""The same, for what is formed when it is sent: a stop may be queued before its start has an id."""


@dataclass(slots=True)
class Configuration:
    """What can be set in a station, by the names of OCPP 1.6, 9.1; 2.x has other names for the same values."""

    values: dict[str, str] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset({"NumberOfConnectors", "SupportedFeatureProfiles"})

    def seconds(self, key: str) -> float:
        """A key's value as seconds; 0 when it is not a number."""
        value = self.values.get(key, "")
        return float(value) if value.replace(".", "", 1).isdigit() else 0.0


PROFILES = "Core,FirmwareManagement,LocalAuthListManagement,RemoteTrigger,Reservation,SmartCharging"
SAMPLED = "Energy.Active.Import.Register,Power.Active.Import,Current.Import,Voltage,SoC"


def first_configuration(connectors: int, meter_interval: float) -> Configuration:
    """What a station comes with from the factory; the meter interval may have a fraction of a second."""
    return Configuration(
        {
            "AuthorizeRemoteTxRequests": "false",
            "ChargeProfileMaxStackLevel": "10",
            "ChargingScheduleAllowedChargingRateUnit": "Current,Power",
            "ConnectionTimeOut": "60",
            "HeartbeatInterval": "300",
            "LocalAuthListEnabled": "true",
            "LocalPreAuthorize": "false",
            "MeterValueSampleInterval": f"{meter_interval:g}",
            "MeterValuesSampledData": SAMPLED,
            "NumberOfConnectors": str(connectors),
            "SupportedFeatureProfiles": PROFILES,
            "SupportedFileTransferProtocols": "HTTP",
            "TransactionMessageAttempts": "3",
            "TransactionMessageRetryInterval": "5",
            "WebSocketPingInterval": "0",
        }
    )


@dataclass(frozen=True, slots=True)
class Card:
    """What a station tells of itself when it boots. `cause`: power-up, reset, remote, firmware or triggered."""

    identity: str
    firmware: str
    cause: str = "power-up"


@dataclass(frozen=True, slots=True)
class Tag:
    """What a driver shows; `kind` is 2.x's type of token."""

    text: str
    kind: str = "ISO14443"


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A way to break: the error code and the reason of OCPP 1.6, and the reason of 2.x."""

    code: str
    reason: str
    reason_2: str


BREAKDOWNS = (
    Breakdown("GroundFailure", "Other", "GroundFault"),
    Breakdown("OverCurrentFailure", "Other", "OvercurrentFault"),
    Breakdown("HighTemperature", "Other", "Other"),
    Breakdown("PowerSwitchFailure", "Other", "Other"),
    Breakdown("InternalError", "Other", "Other"),
    Breakdown("OtherError", "EmergencyStop", "EmergencyStop"),
)


@dataclass(frozen=True, slots=True)
class FirmwareOrder:
    """An UpdateFirmware. `request_id` is None up to 1.6, but for the signed ones of its security extension."""

    location: str
    retrieve_at: datetime | None = None
    request_id: int | None = None
    signed: bool = False


@dataclass(frozen=True, slots=True)
class LogOrder:
    """A GetDiagnostics (`request_id` is None) or a GetLog."""

    location: str
    file_name: str
    request_id: int | None = None


class Transaction(Protocol):
    """All that is said about one transaction. Made at its start; messages are asked for in the order of events."""

    def started(self, reading: Reading) -> Later: ...
    def authorised(self, at: datetime) -> Later | None:
        """The tag was shown after the start (the record has it now); None where that cannot be."""

    def sampled(self, at: datetime, reading: Reading) -> Later: ...
    def state_changed(self, at: datetime, state: str) -> Later | None:
        """Charging, SuspendedEV or SuspendedEVSE; None where a StatusNotification says it already."""

    def ended(self, reading: Reading) -> Later: ...
    def learn(self, answer: Json) -> None:
        """The answer to the start: it may have the transaction's id."""


class Spot(Protocol):
    """A connector as orders see it: see `loadtest.session.Connector`."""

    number: int
    operative: bool
    status: str
    reservation: Reservation | None

    @property
    def free(self) -> bool: ...
    @property
    def session(self) -> Running | None: ...
    def rest(self) -> None: ...
    def reserve(self, reservation: Reservation | None) -> None: ...


class Running(Protocol):
    """A session as orders see it."""

    @property
    def transaction_id(self) -> TransactionId | None: ...
    @property
    def started(self) -> bool: ...
    def stop(self, reason: str) -> None: ...
    def limits_changed(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reservation:
    """Kept free for a tag until it expires."""

    number: int
    id_tag: str
    expires: datetime


class Commanded(Protocol):
    """What a station lets the server reach."""

    @property
    def connectors(self) -> Sequence[Spot]: ...
    @property
    def configuration(self) -> Configuration: ...
    @property
    def accepted(self) -> bool: ...
    @property
    def profiles(self) -> ChargingProfiles: ...
    @property
    def local_list(self) -> LocalList: ...
    @property
    def firmware(self) -> str: ...
    @property
    def start_point(self) -> str:
        """2.x's TxStartPoint: EVConnected or PowerPathClosed."""

    def now(self) -> datetime: ...
    def waiting(self, transaction_id: TransactionId | None) -> bool:
        """Messages about this transaction (None: about any) are in the queue."""

    def begin_remote_session(self, connector: Spot, tag: Tag, remote_start_id: int | None = None) -> None: ...
    def reboot(self, reason: str) -> None: ...
    def reboot_when_idle(self) -> None: ...
    def configured(self, key: str) -> None: ...
    def profiles_changed(self) -> None: ...
    def say(self, said: Said | None) -> None: ...
    def send_boot(self) -> None: ...
    def send_heartbeat(self) -> None: ...
    def send_status(self, connector: int) -> None: ...
    def send_meter_values(self, connector: int) -> None: ...
    def send_firmware_status(self) -> None: ...
    def send_log_status(self) -> None: ...
    def update_firmware(self, order: FirmwareOrder) -> None: ...
    def upload_log(self, order: LogOrder) -> None: ...


class Speech(Protocol):
    """A version of OCPP: says (payloads) and understands (answers, commands). Without state: one for all stations."""

    version: str
    subprotocol: str

    def boot(self, card: Card) -> Said: ...
    def booted(self, answer: Json) -> tuple[str, float]:
        """Of the answer: the status, and the interval in seconds, 0 when there is none."""

    def heartbeat(self) -> Said: ...
    def status(self, connector: int, status: str, at: datetime, error: str) -> Said | None:
        """How a connector is, or with 0 the station; None where this version has no word for it."""

    def broken(self, connector: int, error: str, at: datetime, number: int, *, over: bool) -> Said | None:
        """More about a fault than its status says."""

    def authorise(self, id_tag: str) -> Said: ...
    def refuses(self, answer: Json | None) -> bool:
        """True when an answer says that the tag is not good."""

    def transaction(
        self, record: SessionRecord, *, remote_start_id: int | None, online: Callable[[], bool]
    ) -> Transaction: ...
    def quantities(self, reading: Reading) -> Quantities:
        """What a sample says beside the energy register, as the server should tell it."""

    def meter_values(self, connector: int, at: datetime, reading: Reading) -> Said:
        """What the meter shows, outside of any sampling."""

    def firmware_status(self, status: str, order: FirmwareOrder | None) -> Said | None: ...
    def log_status(self, status: str, order: LogOrder | None) -> Said | None: ...
    def security_event(self, kind: str, at: datetime) -> Said | None: ...
    def answer(self, station: Commanded, action: str, payload: Json) -> Answer:
        """Answer one CALL. Raises Refusal for what these stations do not know or cannot read."""


_CURRENTS = ("Current.Import L1", "Current.Import L2", "Current.Import L3")
_VOLTAGES = ("Voltage L1-N", "Voltage L2-N", "Voltage L3-N")


def quantities_by_phase(reading: Reading) -> Quantities:
    """Power in W, charge in per cent, and per phase A to two and V to one decimal place."""
    out = {"Power.Active.Import": float(reading.power_w), "SoC": float(reading.soc_percent)}
    out |= {name: round(value, 2) for name, value in zip(_CURRENTS, reading.current_a, strict=False)}
    out |= {name: round(value, 1) for name, value in zip(_VOLTAGES, reading.voltage_v, strict=False)}
    return out


# -- reading what the server wants ------------------------------------------------------------------------------------


def status(word: str, then: Callable[[], None] | None = None) -> Answer:
    """An answer that is but a status."""
    return Answer({"status": word}, then)


def text(payload: Json, key: str) -> str:
    """Raises Refusal when it is no string."""
    value = payload.get(key)
    if not isinstance(value, str):
        raise Refusal("FormationViolation", f"{key} must be a string")
    return value


def number(payload: Json, key: str) -> int:
    """Raises Refusal when it is no whole number."""
    value = payload.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refusal("FormationViolation", f"{key} must be a whole number")
    return value


def part(payload: Json, key: str) -> Json:
    """An object within; raises Refusal when it is none."""
    value = payload.get(key)
    if not isinstance(value, dict):
        raise Refusal("FormationViolation", f"{key} must be an object")
    return value


def parts(payload: Json, key: str) -> list[Json]:
    """A list of objects, empty when it is left out; raises Refusal when it holds anything else."""
    value = payload.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise Refusal("FormationViolation", f"{key} must be a list of objects")
    return value


def moment(value: object) -> datetime | None:
    """A time of OCPP, in UTC; None when it is none."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def stamp(at: datetime) -> str:
    """`2025-01-31T12:00:00.123Z`, as OCPP likes it."""
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def seconds(value: object) -> float:
    """An interval that is more than nothing, else 0."""
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def spot(station: Commanded, wanted: int) -> Spot | None:
    """The connector of this number."""
    return next((c for c in station.connectors if c.number == wanted), None)
