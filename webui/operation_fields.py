"""The table of remote operations: what each is called, which fields its form has, which call of control.v1 it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from webui.words import N_

OCPP_2: Final = ("ocpp2",)
NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form. `name` is the request's; `key` the form's where that differs. `kind`: text, area, number,
    decimal, tick, choice, evse (with `any`: what 0 means), session, transaction, tag, moment,
    image, installed, points (of a curve). `demand` is said when it is empty."""

    name: str
    label: str
    kind: str = "text"
    options: tuple[tuple[str, str], ...] = ()
    key: str = ""
    any: str = ""
    demand: str = ""
    longest: int = 255
    hint: str = ""
    fold: str = ""
    """The heading under which it is folded away, with those beside it that have the same: seldom needed."""

    @property
    def form_name(self) -> str:
        """What the form calls it."""
        return self.key or self.name


@dataclass(frozen=True, slots=True)
class Operation:
    """One entry of the panel. ``confirm`` is asked once before it is sent; ``protocols``: the beginnings of those that
    have it, empty: all; ``answer``: what the answer brings besides (see webui.operations.ANSWERS)."""

    key: str
    title: str
    button: str
    explanation: str
    method: str
    fields: tuple[Field, ...] = ()
    confirm: str = ""
    answer: str = ""
    protocols: tuple[str, ...] = ()
    fixed: Mapping[str, object] = field(default_factory=lambda: NOTHING)
    least: str = "operate"
    """What somebody must be able to do with the station: operate or configure it; or administer everything."""
    shape: Callable[[Mapping[str, object]], dict[str, object]] | None = None
    """Makes the request of the fields, where it is not made of them as they are. May raise ApiError."""
    only_there: bool = False
    """Not even shown where the station's version does not have it."""

    def shown(self, protocol: str) -> bool:
        """To a station of this version?"""
        return not self.only_there or protocol.startswith(self.protocols)


def _same(*words: str) -> tuple[tuple[str, str], ...]:
    return tuple((word, word) for word in words)


_EVSE_ANY = Field("evse_id", N_("EVSE"), "evse", key="evse", any=N_("The station chooses"))
_EVSE_ALL = Field("evse_id", N_("EVSE"), "evse", key="evse", any=N_("All"))
_EVSE_STATION = Field("evse_id", N_("What"), "evse", key="evse", any=N_("The whole station"))

USUAL: Final = (
    Operation(
        "start",
        N_("Start charging"),
        N_("Start"),
        N_("The station starts a session on this tag. The session appears when the station says that it began."),
        "RemoteService/RequestStartTransaction",
        (Field("id_token", N_("Tag"), "tag", demand=N_("Choose or type the tag to charge on."), longest=36), _EVSE_ANY),
    ),
    Operation(
        "stop",
        N_("Stop charging"),
        N_("Stop"),
        N_("The station ends the session."),
        "RemoteService/RequestStopTransaction",
        (Field("session", N_("Session"), "session", demand=N_("Choose the session to stop.")),),
    ),
    Operation(
        "reset",
        N_("Restart"),
        N_("Restart"),
        N_("Immediately ends the sessions under way; on idle waits for their end where the station can."),
        "RemoteService/Reset",
        (
            Field(
                "type",
                N_("How"),
                "choice",
                (("ON_IDLE", N_("On idle (soft)")), ("IMMEDIATE", N_("Immediately (hard)"))),
            ),
        ),
        N_("Restart this station?"),
    ),
    Operation(
        "availability",
        N_("Change availability"),
        N_("Change"),
        N_("Out of service refuses new sessions. A session under way is finished first."),
        "RemoteService/ChangeAvailability",
        (
            _EVSE_STATION,
            Field(
                "operational_status",
                N_("To"),
                "choice",
                (("OPERATIVE", N_("In service")), ("INOPERATIVE", N_("Out of service"))),
                key="to",
            ),
        ),
    ),
    Operation(
        "unlock",
        N_("Unlock connector"),
        N_("Unlock"),
        N_("Releases a locked cable. A session on it ends."),
        "RemoteService/UnlockConnector",
        (Field("evse_id", N_("EVSE"), "evse", key="evse"),),
        N_("Unlock this connector? A session on it ends."),
    ),
    Operation(
        "trigger",
        N_("Trigger message"),
        N_("Ask"),
        N_("The station sends the message now; it appears in the message log."),
        "RemoteService/TriggerMessage",
        (
            Field(
                "requested_message",
                N_("Message"),
                "choice",
                _same(
                    "StatusNotification",
                    "MeterValues",
                    "BootNotification",
                    "Heartbeat",
                    "FirmwareStatusNotification",
                    "DiagnosticsStatusNotification",
                    "LogStatusNotification",
                    "TransactionEvent",
                    "SignChargePointCertificate",
                ),
                key="message",
            ),
            _EVSE_ALL,
        ),
    ),
    Operation(
        "clear-cache",
        N_("Clear authorisation cache"),
        N_("Clear"),
        N_("The station forgets the tags it remembers and asks again."),
        "RemoteService/ClearCache",
    ),
    Operation(
        "sync-list",
        N_("Send local tag list"),
        N_("Send"),
        N_("Brings the tags that may charge to the station, so that it knows them while it is offline."),
        "LocalListService/SyncLocalList",
        (Field("full", N_("Send the whole list anew, not only what changed"), "tick"),),
        answer="sync",
        least="configure",
    ),
    Operation(
        "list-version",
        N_("Read version of local list"),
        N_("Ask"),
        N_("Which version of the local tag list the station holds."),
        "LocalListService/GetLocalListVersion",
        answer="version",
    ),
    Operation(
        "log",
        N_("Fetch a log"),
        N_("Fetch"),
        N_("The station leaves the file here; it can be downloaded under Diagnostics when it has arrived."),
        "MaintenanceService/GetLog",
        (
            Field(
                "log_type",
                N_("Which"),
                "choice",
                (("DIAGNOSTICS", N_("Diagnostics")), ("SECURITY", N_("Security log"))),
            ),
            Field("oldest_time", N_("From"), "moment"),
            Field("latest_time", N_("Until"), "moment"),
        ),
        answer="job",
        least="configure",
    ),
    Operation(
        "firmware",
        N_("Update firmware"),
        N_("Update"),
        N_("The station fetches the image and installs it. It restarts; sessions end."),
        "MaintenanceService/UpdateFirmware",
        (
            Field("firmware_image", N_("Image of this portal"), "image"),
            Field("location", N_("Or its address"), longest=512, hint=N_("HTTP or FTP address of an image elsewhere.")),
            Field("retrieve_time", N_("Fetch it at"), "moment"),
        ),
        N_("Update the firmware of this station?"),
        answer="job",
        least="configure",
    ),
    Operation(
        "report",
        N_("Report the device model"),
        N_("Ask"),
        N_("The station tells all its variables anew."),
        "DeviceModelService/GetBaseReport",
        (
            Field(
                "report_base",
                N_("Which"),
                "choice",
                _same("FullInventory", "ConfigurationInventory", "SummaryInventory"),
            ),
        ),
        answer="job",
        protocols=OCPP_2,
        least="configure",
    ),
    Operation(
        "certificates",
        N_("Read certificates"),
        N_("Ask"),
        N_("Which certificates of authorities the station holds."),
        "CertificateService/GetInstalledCertificateIds",
    ),
    Operation(
        "profiles",
        N_("Report charging profiles"),
        N_("Ask"),
        N_("The station tells which charging profiles it holds; see Charging profiles."),
        "SmartChargingService/GetChargingProfiles",
        answer="job",
        protocols=OCPP_2,
    ),
    Operation(
        "data-transfer",
        N_("Data transfer"),
        N_("Send"),
        N_("A message of the station's maker."),
        "RemoteService/DataTransfer",
        (
            Field("vendor_id", N_("Vendor"), demand=N_("Enter the vendor's identifier.")),
            Field("message_id", N_("Message"), longest=50),
            Field("data", N_("Data"), "area"),
        ),
        answer="data",
        least="configure",
    ),
)
