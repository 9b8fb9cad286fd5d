"""The main menu: which pages there are, for whom, and under which addresses each is the present one.

What somebody may do is decided by the control plane; here is only what is worth showing to a role.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from webui.values import Role
from webui.words import N_, _

EVERYBODY: Final = frozenset({Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR, Role.SUPPORT, Role.EV_USER})
STAFF: Final = EVERYBODY - {Role.EV_USER}
MANAGERS: Final = frozenset({Role.ADMINISTRATOR, Role.SITE_ADMINISTRATOR})
ADMINISTRATORS: Final = frozenset({Role.ADMINISTRATOR})


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the menu. `prefixes`: addresses below which it is the present one; `exactly`: addresses as they are."""

    href: str
    icon: str
    text: str
    roles: frozenset[Role]
    prefixes: tuple[str, ...] = ()
    exactly: tuple[str, ...] = ()
    pending_badge: bool = False
    alarm_badge: bool = False
    takes_place: bool = False
    """Its page narrows itself to `?place=`."""
    brief: str = ""
    """A shorter word for a telephone's bar, where five stand side by side."""
    for_keepers: bool = False
    """Drivers who own a station, or manage one, need it as well."""
    takes_station: bool = False
    """And to one station, by `?station=`."""
    places_below: bool = False
    """A place has a page of its own below it."""

    @property
    def label(self) -> str:
        """In the reader's language."""
        return _(self.text)

    def address(self, place: str, station: str = "") -> str:
        """Its address, narrowed to the picked place or station (numbers) where the page can be."""
        if place and self.places_below:
            return f"{self.href}/{place}"
        if station and self.takes_station:
            return f"{self.href}?station={station}"
        return f"{self.href}?place={place}" if place and self.takes_place else self.href

    def on_bar(self, role: Role) -> bool:
        """Is it on a telephone's bar at the bottom? All others are behind "More"."""
        return self.href in BARS.get(role, STAFF_BAR)

    def is_for(self, role: Role, keeper: bool = False) -> bool:
        """Is it worth showing to them?"""
        return role in self.roles or (keeper and self.for_keepers and role is Role.EV_USER)

    def is_present(self, path: str) -> bool:
        """Is the page at this address one of those behind the entry?"""
        return path in self.exactly or path == self.href or path.startswith(self.prefixes)


OPERATE: Final = N_("Operate")
MONEY: Final = N_("Energy and money")
PEOPLE: Final = N_("People")
SYSTEM: Final = N_("System")

# In the order of the manuals' menus; one chapter of the portal adds one line to its group.
GROUPS: Final[tuple[tuple[str, tuple[Entry, ...]], ...]] = (
    (
        "",
        (
            Entry("/drive", "drive", N_("Charge"), frozenset({Role.EV_USER}), prefixes=("/drive/",)),
            Entry(
                "/dashboard",
                "dashboard",
                N_("Dashboard"),
                EVERYBODY,
                prefixes=("/dashboard/",),
                exactly=("/",),
                takes_place=True,
            ),
        ),
    ),
    (
        OPERATE,
        (
            Entry(
                "/stations",
                "stations",
                N_("Stations"),
                EVERYBODY,
                prefixes=("/stations/",),
                exactly=("/connect",),
                takes_place=True,
            ),
            Entry("/connectors", "connectors", N_("Connectors"), EVERYBODY, takes_place=True),
            Entry("/pending", "pending", N_("Pending"), MANAGERS, pending_badge=True),
            Entry(
                "/reservations",
                "reservations",
                N_("Reservations"),
                EVERYBODY,
                brief=N_("Book"),
                prefixes=("/reservations/",),
                takes_place=True,
                takes_station=True,
            ),
            Entry(
                "/sessions",
                "sessions",
                N_("Sessions"),
                EVERYBODY,
                brief=N_("Charged"),
                prefixes=("/sessions",),
                takes_place=True,
                takes_station=True,
            ),
            Entry(
                "/alarms",
                "alarms",
                N_("Alarms"),
                STAFF,
                prefixes=("/alarms/",),
                takes_place=True,
                takes_station=True,
                alarm_badge=True,
            ),
            Entry(
                "/operations",
                "operations",
                N_("Operations"),
                STAFF,
                prefixes=("/operations/", "/firmware", "/files"),
                for_keepers=True,
            ),
            Entry("/inventory", "inventory", N_("Inventory"), STAFF, takes_place=True, for_keepers=True),
            Entry(
                "/configuration",
                "sliders",
                N_("Configuration"),
                STAFF,
                prefixes=("/configuration/",),
                takes_place=True,
            ),
            Entry("/places", "places", N_("Places"), STAFF, prefixes=("/places",), places_below=True),
            Entry("/load", "bolt", N_("Load balancing"), STAFF, prefixes=("/load/",), takes_place=True),
        ),
    ),
    (
        MONEY,
        (
            Entry(
                "/charts",
                "charts",
                N_("Charts"),
                EVERYBODY,
                prefixes=("/charts/",),
                takes_place=True,
                takes_station=True,
            ),
            Entry(
                "/reports",
                "reports",
                N_("Reports"),
                frozenset({Role.ADMINISTRATOR, Role.EV_USER}),
                prefixes=("/reports",),
            ),
            Entry("/tariffs", "tariffs", N_("Tariffs"), STAFF, prefixes=("/tariffs",)),
        ),
    ),
    (
        PEOPLE,
        (
            Entry("/users", "users", N_("Users"), MANAGERS, prefixes=("/users/",), takes_place=True),
            Entry("/groups", "groups", N_("Groups"), EVERYBODY, prefixes=("/groups/",)),
            Entry("/tags", "tags", N_("Tags"), EVERYBODY - {Role.SITE_ADMINISTRATOR}, prefixes=("/tags",)),
        ),
    ),
    (
        SYSTEM,
        (
            Entry(
                "/services",
                "services",
                N_("Services"),
                frozenset({Role.ADMINISTRATOR, Role.SUPPORT}),
                prefixes=("/services/",),
            ),
            Entry("/import", "upload", N_("Import"), MANAGERS),
            Entry("/audit", "audit", N_("Audit log"), ADMINISTRATORS),
            Entry("/news", "news", N_("News"), EVERYBODY, prefixes=("/news/",)),
        ),
    ),
)
STAFF_BAR: Final = frozenset({"/dashboard", "/stations", "/sessions", "/alarms"})
"""What is looked at on the way: four, in the menu's order."""
BARS: Final = {Role.EV_USER: frozenset({"/drive", "/stations", "/reservations", "/sessions"})}

MENU: Final = tuple(entry for _heading, entries in GROUPS for entry in entries)


def groups_of(role: Role, keeper: bool = False) -> tuple[tuple[str, tuple[Entry, ...]], ...]:
    """What a role sees, under headings in the reader's language; the first group has none."""
    seen = ((heading, tuple(each for each in entries if each.is_for(role, keeper))) for heading, entries in GROUPS)
    return tuple((_(heading) if heading else "", entries) for heading, entries in seen if entries)


def menu_of(role: Role, keeper: bool = False) -> tuple[Entry, ...]:
    """What a role sees."""
    return tuple(entry for entry in MENU if entry.is_for(role, keeper))
