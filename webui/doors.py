"""What can be opened besides the lines of the menu, by which other words people ask for a page, and who gets in where.

What somebody may do is decided by the control plane; here is only what is worth showing to a role: a form that is sent
in vain is worse than none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webui.menu import ADMINISTRATORS, EVERYBODY, MANAGERS, STAFF
from webui.values import Role
from webui.words import N_, _

READ_THE_SYSTEM: Final = frozenset({Role.ADMINISTRATOR, Role.SUPPORT})
KEEPERS_OF_TAGS: Final = EVERYBODY - {Role.SITE_ADMINISTRATOR}


@dataclass(frozen=True, slots=True)
class Door:
    """A page, or (`deed`) the place where something is done. `words`: what else it is called, with commas between."""

    href: str
    text: str
    roles: frozenset[Role]
    words: str = ""
    deed: bool = True

    @property
    def label(self) -> str:
        """In the reader's language."""
        return _(self.text)


DOORS: Final = (
    Door("/connect", N_("Connect a station"), STAFF, N_("server address, OCPP, WebSocket, SOAP"), deed=False),
    Door("/stations/add", N_("Add station"), MANAGERS, N_("new, create")),
    Door("/places/add", N_("Add site"), MANAGERS, N_("new, create, place")),
    Door("/users/add", N_("Add user"), MANAGERS, N_("new, create, invite")),
    Door("/tags/add", N_("Add tag"), KEEPERS_OF_TAGS, N_("new, create, RFID, card")),
    Door("/tags/limits", N_("Limits by month"), READ_THE_SYSTEM, N_("budget"), deed=False),
    Door("/tariffs/add", N_("New tariff"), ADMINISTRATORS, N_("create, price")),
    Door("/reservations/add", N_("Reserve an outlet"), EVERYBODY, N_("new, create, book, reservation")),
    Door("/operations/new", N_("New operation"), STAFF, N_("many stations, create, remote")),
    Door("/operations/schedules", N_("Schedules of operations"), STAFF, N_("by the clock"), deed=False),
    Door("/firmware", N_("Firmware"), STAFF, N_("software, image, update, upload"), deed=False),
    Door("/firmware/updates", N_("Check for firmware updates"), STAFF, N_("software, version, rollout")),
    Door("/files", N_("Files of stations"), STAFF, N_("logs, diagnostics, download, FTP"), deed=False),
    Door("/configuration/templates", N_("Templates of settings"), STAFF, N_("OCPP keys, parameters"), deed=False),
    Door("/alarms/history", N_("Alarm history"), STAFF, deed=False),
    Door("/alarms/events", N_("Event log"), STAFF, N_("log"), deed=False),
    Door("/alarms/rules", N_("Rules for alarms"), READ_THE_SYSTEM, N_("error codes, vendor"), deed=False),
    Door("/alarms/settings", N_("Settings for alarms"), READ_THE_SYSTEM, deed=False),
    Door("/alarms/webhooks", N_("Webhooks"), ADMINISTRATORS, deed=False),
    Door("/alarms/mail", N_("Daily mail with alarms"), STAFF, N_("e-mail at alarm"), deed=False),
    Door("/dashboard/widgets", N_("Choose widgets"), EVERYBODY, N_("dashboard, panes")),
    Door("/news/add", N_("Write news"), ADMINISTRATORS, N_("new, create, message")),
    Door("/notifications", N_("Notifications"), EVERYBODY, N_("bell, messages"), deed=False),
    Door("/services/locations", N_("Published sites"), READ_THE_SYSTEM, N_("map, OCPI"), deed=False),
    Door("/services/records", N_("Charge records"), READ_THE_SYSTEM, N_("roaming, OCPI, CDR"), deed=False),
    Door("/settings", N_("Settings"), EVERYBODY, N_("profile, language, time zone, account"), deed=False),
    Door("/settings#password", N_("Change password"), EVERYBODY),
    Door("/settings#second", N_("Second factor"), EVERYBODY, N_("two-factor, code, app")),
    Door("/keys", N_("API keys"), ADMINISTRATORS, N_("other systems"), deed=False),
    Door(
        "/settings/system",
        N_("System settings"),
        READ_THE_SYSTEM,
        N_("installation, addresses, backup, imprint, retention, mail, security"),
        deed=False,
    ),
    Door("/settings/tolerance", N_("Tolerance"), READ_THE_SYSTEM, N_("deviating stations"), deed=False),
    Door("/settings/certificates", N_("Certificates"), READ_THE_SYSTEM, N_("TLS, CSR, security"), deed=False),
    Door("/imprint", N_("Imprint"), EVERYBODY, deed=False),
    Door("/privacy", N_("Privacy"), EVERYBODY, deed=False),
)
"""Pages and things to do that have no line in the menu."""

OTHER_WORDS: Final[Mapping[str, str]] = {
    "/drive": N_("start, stop, my car"),
    "/dashboard": N_("overview, start page, widgets"),
    "/stations": N_("charge points, chargers"),
    "/connectors": N_("outlets, plugs, states"),
    "/pending": N_("unknown stations, accept"),
    "/reservations": N_("book, calendar, waiting list, second seating"),
    "/sessions": N_("statistics, charging sessions, logbook, export"),
    "/alarms": N_("service, errors, faults"),
    "/operations": N_("remote control, rollout"),
    "/inventory": N_("maintenance, equipment, serial numbers, passwords"),
    "/configuration": N_("OCPP keys, parameters"),
    "/places": N_("topology, sites, floors, map, plan"),
    "/charts": N_("diagrams, statistics, energy"),
    "/reports": N_("invoice, costs, month"),
    "/tariffs": N_("prices, costs"),
    "/users": N_("accounts, people, drivers"),
    "/groups": N_("group management"),
    "/tags": N_("RFID, cards, authorisation"),
    "/services": N_("third parties, roaming, OCPI, parking payment"),
    "/import": N_("CSV, XLSX, upload"),
    "/audit": N_("who did what, log"),
    "/news": N_("messages"),
}
"""What the manuals and people call the pages of the menu."""

_OF_ROLES: Final = (
    ("/users", MANAGERS),
    ("/stations/add", MANAGERS),
    ("/places/add", MANAGERS),
    ("/pending", MANAGERS),
    ("/import", MANAGERS),
    ("/tags/add", KEEPERS_OF_TAGS),
    ("/configuration/templates/add", READ_THE_SYSTEM),
    ("/operations", STAFF),
    ("/firmware", STAFF),
    ("/files", STAFF),
    ("/tariffs/add", ADMINISTRATORS),
    ("/news/add", ADMINISTRATORS),
    ("/alarms/rules/add", ADMINISTRATORS),
    ("/alarms/webhooks", ADMINISTRATORS),
    ("/services/parties/add", ADMINISTRATORS),
    ("/keys", ADMINISTRATORS),
    ("/audit", ADMINISTRATORS),
)


_OF_KEEPERS: Final = ("/operations", "/firmware", "/files")
"""Drivers who own a station, or manage one, have business there, too."""


def may_open(path: str, role: Role, keeper: bool = False) -> bool:
    """Is there anything for this role at the address? (What a share of a station may open is asked of the server.)"""
    if keeper and role is Role.EV_USER and path.startswith(_OF_KEEPERS):
        return True
    return all(role in roles for below, roles in _OF_ROLES if path == below or path.startswith(f"{below}/"))
