"""What the pages of stations show besides `webui.values`, under the names of control.v1's fields (see api/wire.py)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from webui.values import BootInfo, Connection, Connector, ConnectorStatus, Evse, Registration


class Ownership(StrEnum):
    """Whose stations."""

    UNSPECIFIED = "UNSPECIFIED"
    OWN = "OWN"
    SHARED = "SHARED"


class ShareLevel(StrEnum):
    """What a share lets somebody do; each lets do what those before it do."""

    UNSPECIFIED = "UNSPECIFIED"
    VIEW = "VIEW"
    OPERATE = "OPERATE"
    MANAGE = "MANAGE"


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A station in a list; for templates it looks like `webui.values.Station`."""

    name: str
    identity: str
    display_name: str
    description: str
    address: str
    registration_state: Registration
    connection_state: Connection
    protocol: str
    remote_address: str
    last_seen_time: datetime | None
    boot_info: BootInfo
    evses: tuple[Evse, ...]
    status: ConnectorStatus
    error_code: str
    connection_attempts: int
    create_time: datetime | None
    last_failed_attempt_time: datetime | None
    last_failed_attempt_reason: str
    place: str
    owner: str
    update_time: datetime | None = None

    @property
    def key(self) -> str:
        """The id of ``stations/{id}``."""
        return self.name.partition("/")[2]

    @property
    def label(self) -> str:
        """What people call it."""
        return self.display_name or self.identity

    @property
    def registration(self) -> Registration:
        """May it take part?"""
        return self.registration_state

    @property
    def connection(self) -> Connection:
        """Is there a live connection?"""
        return self.connection_state

    @property
    def online(self) -> bool:
        """Is it connected?"""
        return self.connection_state is Connection.ONLINE

    @property
    def boot(self) -> BootInfo:
        """What it told of itself."""
        return self.boot_info

    @property
    def power_w(self) -> float:
        """Power of all its sessions under way."""
        return sum(evse.power_w for evse in self.evses)


class ListedPage(msgspec.Struct, frozen=True):
    """A page of stations."""

    stations: tuple[Listed, ...]
    next_page_token: str
    total_size: int

    @property
    def total(self) -> int:
        """How many match in all."""
        return self.total_size


class ConnectorItem(msgspec.Struct, frozen=True):
    """A connector with its station."""

    station: str
    identity: str
    station_display_name: str
    place: str
    connection_state: Connection
    evse_id: int
    connector: Connector

    @property
    def station_key(self) -> str:
        """The id of ``stations/{id}``."""
        return self.station.partition("/")[2]

    @property
    def key(self) -> str:
        """Names it among all connectors."""
        return f"{self.station_key}-{self.evse_id}-{self.connector.connector_id}"

    @property
    def online(self) -> bool:
        """Is its station connected?"""
        return self.connection_state is Connection.ONLINE


class ConnectorPage(msgspec.Struct, frozen=True):
    """A page of connectors."""

    connectors: tuple[ConnectorItem, ...]
    next_page_token: str
    total_size: int


class Place(msgspec.Struct, frozen=True):
    """A node of the topology."""

    name: str
    parent: str
    kind: str
    display_name: str

    @property
    def key(self) -> str:
        """The id of ``places/{id}``."""
        return self.name.partition("/")[2]


class Places(msgspec.Struct, frozen=True):
    """All places that the caller sees."""

    places: tuple[Place, ...] = ()

    @property
    def labels(self) -> dict[str, str]:
        """What each is called, with what it stands in: `North Harbour › Level 1`."""
        known = {place.name: place for place in self.places}
        return {name: _path(place, known) for name, place in known.items()}

    @property
    def options(self) -> list[tuple[str, str]]:
        """Id and label of each place to choose from, in the order of the labels."""
        labels = self.labels
        return sorted(((p.key, labels[p.name]) for p in self.places), key=lambda option: option[1].casefold())


def _path(place: Place, known: Mapping[str, Place]) -> str:
    parts, here = [place.display_name], known.get(place.parent)
    while here is not None and here.kind != "SYSTEM" and len(parts) < 8:
        parts.append(here.display_name)
        here = known.get(here.parent)
    return " › ".join(reversed(parts))


class Person(msgspec.Struct, frozen=True):
    """A user, as others see them."""

    user: str
    email: str
    display_name: str

    @property
    def label(self) -> str:
        """What they are called."""
        return self.display_name or self.email


class Share(msgspec.Struct, frozen=True):
    """A station is shared with somebody."""

    person: Person
    level: ShareLevel


class Shares(msgspec.Struct, frozen=True):
    """The owner of a station and all with whom it is shared."""

    owner: Person | None
    shares: tuple[Share, ...]


class ExternalId(msgspec.Struct, frozen=True):
    """What a service outside calls an outlet."""

    service: str
    external_id: str


class Outlet(msgspec.Struct, frozen=True):
    """What people know of a connector."""

    name: str
    evse_id: int
    connector_id: int
    uuid: str
    outlet_id: str
    connector_type: str
    parking: str
    mode: str
    external_ids: tuple[ExternalId, ...]
    free_vend: bool
    etag: str

    @property
    def key(self) -> str:
        """The id of ``outlets/{id}``."""
        return self.name.partition("/")[2]


class Outlets(msgspec.Struct, frozen=True):
    """Outlets of a station."""

    outlets: tuple[Outlet, ...] = ()


class Installation(msgspec.Struct, frozen=True, kw_only=True):
    """A station as a piece of equipment."""

    station: str = ""
    manufacture_time: datetime | None = None
    part_number: str = ""
    material_number: str = ""
    mes_serial_number: str = ""
    vendor_code: str = ""
    installation_date: str = ""
    installer: str = ""
    warranty_date: str = ""
    grid_connection: str = ""
    fuse_amperes: int = 0
    phases: int = 0
    note: str = ""
    has_master_password: bool = False
    has_access_code: bool = False
    update_time: datetime | None = None
    etag: str = ""


class Secrets(msgspec.Struct, frozen=True):
    """Secrets of a station, in the clear."""

    master_password: str
    access_code: str
    has_ocpp_password: bool


class InventoryLine(msgspec.Struct, frozen=True):
    """A station and its installation."""

    station: Listed
    installation: Installation

    @property
    def modified(self) -> datetime | None:
        """When the station or its installation was last changed."""
        return max(filter(None, (self.station.update_time, self.installation.update_time)), default=None)

    @property
    def in_timeout(self) -> bool:
        """Does the server hear nothing of it?"""
        return not self.station.online


class InventoryPage(msgspec.Struct, frozen=True):
    """A page of the inventory."""

    items: tuple[InventoryLine, ...]
    next_page_token: str
    total_size: int


class Picture(msgspec.Struct, frozen=True):
    """A picture of a station."""

    name: str
    etag: str
    width_px: int
    height_px: int
    size_bytes: int
    create_time: datetime | None

    @property
    def slot(self) -> int:
        """1 or 2."""
        return int(self.name.rpartition("/")[2])


class Job(msgspec.Struct, frozen=True):
    """Something that takes a station longer than an answer."""

    name: str
    kind: str
    state: str
    status: str
    detail: str
    create_time: datetime | None
    finish_time: datetime | None

    @property
    def key(self) -> str:
        """The last part of its name."""
        return self.name.rpartition("/")[2]


class File(msgspec.Struct, frozen=True):
    """A file that a station left."""

    name: str
    kind: str
    filename: str
    content_type: str
    size_bytes: int
    sha256: str
    station: str
    job: str
    create_time: datetime | None

    @property
    def key(self) -> str:
        """The id of ``files/{id}``."""
        return self.name.partition("/")[2]


class Event(msgspec.Struct, frozen=True):
    """An entry of a station's event log."""

    name: str
    event_time: datetime | None
    receive_time: datetime | None
    kind: str
    summary: str
    evse_id: int | None
    severity: int | None


class Events(msgspec.Struct, frozen=True):
    """A page of events."""

    events: tuple[Event, ...] = ()
    next_page_token: str = ""


class Image(msgspec.Struct, frozen=True):
    """A firmware image of the portal."""

    name: str
    vendor: str
    version: str
    filename: str


class Images(msgspec.Struct, frozen=True):
    """Firmware images."""

    firmware_images: tuple[Image, ...] = ()


class Firmware(msgspec.Struct, frozen=True):
    """The image to update to, if there is a newer one, and what the station has."""

    firmware_image: Image | None
    current_version: str


class JobAnswer(msgspec.Struct, frozen=True):
    """One job."""

    job: Job


class Jobs(msgspec.Struct, frozen=True):
    """A page of jobs."""

    jobs: tuple[Job, ...] = ()
    next_page_token: str = ""


class Files(msgspec.Struct, frozen=True):
    """A page of files."""

    files: tuple[File, ...] = ()
    next_page_token: str = ""


class Address(msgspec.Struct, frozen=True):
    """Something that is typed into a station, or that it is told."""

    kind: str
    url: str


class ConnectionInfo(msgspec.Struct, frozen=True):
    """Where stations connect."""

    ocpp_addresses: tuple[str, ...]
    addresses: tuple[Address, ...]
    station_password_required: bool


class HashData(msgspec.Struct, frozen=True):
    """Names a certificate by its issuer and its number."""

    hash_algorithm: str
    issuer_name_hash: str
    issuer_key_hash: str
    serial_number: str


class InstalledCertificate(msgspec.Struct, frozen=True):
    """A certificate that a station holds."""

    certificate_type: str
    hash_data: HashData
    subject: str

    @property
    def value(self) -> str:
        """For a form."""
        return "|".join(msgspec.structs.astuple(self.hash_data))

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.certificate_type}: {self.subject or self.hash_data.serial_number}"


class Installed(msgspec.Struct, frozen=True):
    """All of a station."""

    certificates: tuple[InstalledCertificate, ...]
