"""What the addresses of the alarm tables say: filters, order and page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from starlette.datastructures import QueryParams

from webui import days
from webui.page import with_query
from webui.words import N_, _

SIZES: Final = (25, 50, 100, 500)
KINDS: Final = (
    "NO_COMMUNICATION",
    "NO_NETWORK",
    "NOT_REGISTERED",
    "HARDWARE_FAULT",
    "HARDWARE_CONFIGURATION_FAULT",
    "FUSE_TRIPPED",
    "TEMPERATURE",
    "SECURITY",
    "BACKUP_STALE",
    "CONFIGURATION_DRIFT",
)
NOT_BY_CODE: Final = frozenset(
    {"NOT_REGISTERED", "NO_COMMUNICATION", "NO_NETWORK", "BACKUP_STALE", "CONFIGURATION_DRIFT"}
)
"""Kinds that the server raises by itself: no rule can."""
SEVERITIES: Final = ("CRITICAL", "MAJOR", "MINOR")
ORDERS: Final = {"NEWEST": N_("Newest first"), "OLDEST": N_("Oldest first"), "SEVERITY": N_("Worst first")}
SOURCES: Final = {
    "STATION": N_("Station"),
    "ALARM": N_("Alarm"),
    "OPERATION": N_("Operation"),
    "SYSTEM": N_("System"),
}
GRAVE: Final = {"0": N_("Danger"), "3": N_("Critical or worse"), "4": N_("Error or worse"), "6": N_("Warning or worse")}


def _number(params: QueryParams, name: str) -> str:
    value = params.get(name, "")
    return value if value.isascii() and value.isdecimal() and len(value) < 19 else ""


def _of(params: QueryParams, name: str, known: object) -> str:
    value = params.get(name, "")
    return value if value and value in known else ""  # type: ignore[operator]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What both kinds of tables have. Days are in the reader's zone; the last one is included."""

    path: str
    q: str = ""
    place: str = ""
    station: str = ""
    since: str = ""
    until: str = ""
    after: str = ""
    size: int = 50

    def url(self, path: str = "", **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        return with_query(path or self.path, self._told | changes)

    @property
    def live(self) -> str:
        """The stream that keeps this page of the table true."""
        return self.url(f"/live{self.path}", after=self.after)

    @property
    def _common(self) -> dict[str, object]:
        return {
            "query": self.q,
            "place": f"places/{self.place}" if self.place else "",
            "station": f"stations/{self.station}" if self.station else "",
            "start_time": days.begin_of(self.since),
            "end_time": days.end_of(self.until),
        }

    @property
    def _told(self) -> dict[str, str]:
        return {
            "q": self.q,
            "place": self.place,
            "station": self.station,
            "since": self.since,
            "until": self.until,
            "size": str(self.size) if self.size != 50 else "",
        }


def _common_of(params: QueryParams) -> dict[str, object]:
    size = params.get("size", "")
    return {
        "q": params.get("q", "").strip()[:200],
        "place": _number(params, "place"),
        "station": _number(params, "station"),
        "since": params.get("since", "") if days.begin_of(params.get("since", "")) else "",
        "until": params.get("until", "") if days.begin_of(params.get("until", "")) else "",
        "after": params.get("after", ""),
        "size": int(size) if size.isdecimal() and int(size) in SIZES else 50,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsWanted(Wanted):
    """The tables of alarms: those that are active, or the history of all."""

    kind: str = ""
    severity: str = ""
    noticed: str = ""
    order: str = ""

    @classmethod
    def parse(cls, path: str, params: QueryParams) -> AlarmsWanted:
        """From the address; nonsense counts as not given."""
        return cls(
            path=path,
            kind=_of(params, "kind", KINDS),
            severity=_of(params, "severity", SEVERITIES),
            noticed=_of(params, "noticed", ("yes", "no")),
            order=_of(params, "order", ORDERS),
            **_common_of(params),  # type: ignore[arg-type]
        )

    @property
    def active(self) -> bool:
        """Only those that go on?"""
        return self.path == "/alarms"

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return any((self.q, self.place, self.station, self.since, self.until, self.kind, self.severity, self.noticed))

    @property
    def filter(self) -> dict[str, object]:
        """For ListAlarms."""
        return self._common | {
            "state": "ACTIVE" if self.active else "UNSPECIFIED",
            "kinds": [self.kind] if self.kind else [],
            "severities": [self.severity] if self.severity else [],
            "acknowledged": {"yes": True, "no": False}.get(self.noticed),
        }

    @property
    def asked_order(self) -> str:
        """For ListAlarms: active ones begin with the worst."""
        return self.order or ("SEVERITY" if self.active else "NEWEST")

    @property
    def _told(self) -> dict[str, str]:
        more = {"kind": self.kind, "severity": self.severity, "noticed": self.noticed, "order": self.order}
        return super(AlarmsWanted, self)._told | more


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsWanted(Wanted):
    """The event log."""

    source: str = ""
    grave: str = ""
    kind: str = ""

    @classmethod
    def parse(cls, params: QueryParams) -> EventsWanted:
        """From the address; nonsense counts as not given."""
        kind = params.get("kind", "").strip()
        return cls(
            path="/alarms/events",
            source=_of(params, "source", SOURCES),
            grave=_of(params, "grave", GRAVE),
            kind=kind if kind.isalnum() and len(kind) < 65 else "",
            **_common_of(params),  # type: ignore[arg-type]
        )

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        told = (self.q, self.place, self.station, self.since, self.until, self.source, self.grave, self.kind)
        return any(told)

    @property
    def filter(self) -> dict[str, object]:
        """For ListEvents."""
        return self._common | {
            "sources": [self.source] if self.source else [],
            "kinds": [self.kind] if self.kind else [],
            "severity": int(self.grave) if self.grave else None,
        }

    @property
    def _told(self) -> dict[str, str]:
        return super(EventsWanted, self)._told | {"source": self.source, "grave": self.grave, "kind": self.kind}


def event_severity(number: int | None) -> str:
    """OCPP's severity, 0 danger to 9 debug, in words."""
    if number is None:
        return ""
    words = (
        _("Danger"),
        _("Hardware failure"),
        _("System failure"),
        _("Critical"),
        _("Error"),
        _("Alert"),
        _("Warning"),
        _("Notice"),
        _("Information"),
        _("Debug"),
    )
    return words[number] if 0 <= number < len(words) else str(number)
