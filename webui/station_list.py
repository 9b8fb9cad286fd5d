"""Which stations a page shows: all filters and the order in the address, and asking the control plane for them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, fields
from typing import Final

from starlette.datastructures import QueryParams

from webui import days
from webui.api import Client
from webui.page import with_query
from webui.values import ApiError
from webui.values_stations import Listed, ListedPage, Places
from webui.words import N_, _

SIZES: Final = (10, 25, 50, 100, 250, 500)
USUAL_SIZE: Final = 50
STATES: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "online": (N_("Online"), "ONLINE", ()),
    "free": (N_("Free"), "ONLINE", ("AVAILABLE",)),
    "charging": (N_("Charging"), "", ("CHARGING", "SUSPENDED_EV", "SUSPENDED_EVSE")),
    "occupied": (N_("Occupied"), "", ("PREPARING", "FINISHING", "RESERVED")),
    "fault": (N_("Fault"), "", ("FAULTED",)),
    "unavailable": (N_("Out of service"), "", ("UNAVAILABLE",)),
    "offline": (N_("Offline"), "OFFLINE", ()),
}
"""Word in the address → what it is called, connection state, connectors' states."""
REGISTRATIONS: Final = {
    "accepted": N_("Accepted"),
    "pending": N_("Waiting"),
    "rejected": N_("Refused"),
    "any": N_("All"),
}
ORDERS: Final = {
    "identity": "UNSPECIFIED",
    "name": "DISPLAY_NAME",
    "model": "MODEL",
    "firmware": "FIRMWARE_VERSION",
    "created": "CREATE_TIME",
    "seen": "LAST_SEEN_TIME",
}
PROTOCOLS: Final = ("ocpp1.5", "ocpp1.6", "ocpp2.0.1", "ocpp2.1")
EXPORT_PAGE: Final = 500
NO_PLACES: Final = Places()


@dataclass(frozen=True, slots=True)
class StationList:
    """What the address says: filters, order, page. Days are in the reader's zone; the last one is included."""

    q: str = ""
    state: str = ""
    registration: str = ""
    place: str = ""
    identity: str = ""
    vendor: str = ""
    model: str = ""
    firmware: str = ""
    protocol: str = ""
    since: str = ""
    until: str = ""
    whose: str = ""
    sort: str = ""
    after: str = ""
    size: int = USUAL_SIZE

    @classmethod
    def parse(cls, params: QueryParams) -> StationList:
        """From the address; nonsense counts as not given."""

        def one_of(name: str, known: object) -> str:
            value = params.get(name, "")
            return value if value in known else ""  # type: ignore[operator]

        def some(name: str) -> str:
            return params.get(name, "").strip()[:200]

        size, place = params.get("size", ""), params.get("place", "")
        return cls(
            q=some("q"),
            state=one_of("state", STATES),
            registration=one_of("registration", REGISTRATIONS),
            place=place if place.isdecimal() else "",
            identity=some("identity"),
            vendor=some("vendor"),
            model=some("model"),
            firmware=some("firmware"),
            protocol=one_of("protocol", PROTOCOLS),
            since=some("since") if days.begin_of(some("since")) else "",
            until=some("until") if days.begin_of(some("until")) else "",
            whose=one_of("whose", ("own", "shared")),
            sort=params.get("sort", "") if params.get("sort", "").removeprefix("-") in ORDERS else "",
            after=params.get("after", ""),
            size=int(size) if size.isdecimal() and int(size) in SIZES else USUAL_SIZE,
        )

    @property
    def more(self) -> dict[str, str]:
        """The filters beside words and state, those that are set."""
        names = ("registration", "place", "identity", "vendor", "model", "firmware", "protocol", "since", "until")
        return {name: value for name in (*names, "whose") if (value := getattr(self, name))}

    @property
    def filtered(self) -> bool:
        """Is anything left out?"""
        return bool(self.q or self.state or self.more)

    @property
    def filter(self) -> dict[str, object]:
        """For the control plane: accepted stations where nothing else is wished."""
        _word, connection, statuses = STATES.get(self.state, ("", "", ()))
        registrations = () if self.registration == "any" else ((self.registration or "accepted").upper(),)
        return {
            "query": self.q,
            "registration_states": registrations,
            "connection_state": connection or "UNSPECIFIED",
            "connector_statuses": statuses,
            "place": f"places/{self.place}" if self.place else "",
            "identity": self.identity,
            "vendor": self.vendor,
            "model": self.model,
            "firmware_version": self.firmware,
            "protocol": self.protocol,
            "created_from": days.begin_of(self.since),
            "created_before": days.end_of(self.until),
            "ownership": self.whose.upper() or "UNSPECIFIED",
        }

    def url(self, path: str = "/stations", **changes: str) -> str:
        """The address with some changes; a change of filter begins at the first page."""
        values = {each.name: str(getattr(self, each.name)) for each in fields(self)}
        values |= {"after": "", "size": "" if self.size == USUAL_SIZE else str(self.size)}
        return with_query(path, values | changes)

    def sorted_by(self, key: str) -> str:
        """The address of the list by this column; chosen again, the other way round."""
        return self.url(sort="" if (key, self.sort) == ("identity", "-identity") else self._turned(key))

    def _turned(self, key: str) -> str:
        return f"-{key}" if (self.sort or "identity") == key else key

    def direction(self, key: str) -> str:
        """For `aria-sort`."""
        if (self.sort or "identity").removeprefix("-") != key:
            return "none"
        return "descending" if self.sort.startswith("-") else "ascending"

    @property
    def live(self) -> str:
        """The address of the stream that keeps this list true."""
        return self.url("/live/stations", after=self.after)

    async def page(self, client: Client) -> ListedPage:
        """This page. Raises ApiError."""
        return await self._ask(client, self.size, self.after)

    async def pages(self, client: Client) -> AsyncIterator[Sequence[Listed]]:
        """All that match, page by page. Raises ApiError."""
        token = ""
        while True:
            page = await self._ask(client, EXPORT_PAGE, token)
            yield page.stations
            token = page.next_page_token
            if not token:
                return

    async def _ask(self, client: Client, size: int, token: str) -> ListedPage:
        return await client.desk.ask(
            "StationService/ListStations",
            ListedPage,
            filter=self.filter,
            page_size=size,
            page_token=token,
            order=ORDERS[self.sort.removeprefix("-") or "identity"],
            descending=self.sort.startswith("-"),
        )


def state_filters() -> list[tuple[str, str]]:
    """The states to choose from."""
    return [("", _("All")), *((key, _(word)) for key, (word, _connection, _statuses) in STATES.items())]


def registration_filters() -> list[tuple[str, str]]:
    """The states of registration to choose from."""
    return [("" if key == "accepted" else key, _(word)) for key, word in REGISTRATIONS.items()]


async def places(client: Client) -> Places:
    """All places that the caller sees; none where they cannot be read, since a list is of use without them."""
    try:
        return await client.desk.ask("PlaceService/ListPlaces", Places)
    except ApiError as error:
        if error.code in ("PERMISSION_DENIED", "UNIMPLEMENTED"):
            return NO_PLACES
        raise
