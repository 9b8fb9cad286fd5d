"""Outlets: what people know of a connector, beside what the station tells of it."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from csms.domain.errors import InvalidArgument

MAX_TEXT: Final = 200
MAX_EXTERNAL_IDS: Final = 50
MAX_SERVICE: Final = 64


class OutletMode(StrEnum):
    """Who may charge."""

    OPEN = "OPEN"
    """Anyone, with whatever tag or none."""
    RFID = "RFID"
    """Who may is decided by the tag."""


class ExternalId(msgspec.Struct, frozen=True, order=True):
    """What a service outside calls the outlet. `service` is the key of that service."""

    service: str
    external_id: str


class Outlet(msgspec.Struct, frozen=True):
    """One connector. `free_vend`, `station_identity` and `place_id` are the station's."""

    id: int
    station_id: int
    evse_id: int
    connector_id: int
    uuid: str
    """For services outside; unique."""
    outlet_id: str = ""
    """The operator's own number; unique where it is given."""
    connector_type: str = ""
    """As OCPI's ConnectorType says it (IEC_62196_T2, IEC_62196_T2_COMBO, CHADEMO, DOMESTIC_F, …); any word."""
    parking: str = ""
    mode: OutletMode = OutletMode.RFID
    external_ids: tuple[ExternalId, ...] = ()
    """In the order of the services."""
    version: int = 1
    created_at: datetime | None = None
    updated_at: datetime | None = None
    station_identity: str = ""
    free_vend: bool = False
    place_id: int = 1

    @property
    def open(self) -> bool:
        """May anyone charge?"""
        return self.free_vend or self.mode is OutletMode.OPEN


def checked_outlet(outlet: Outlet) -> Outlet:
    """Without blanks around its texts. Raises InvalidArgument."""
    texts = {name: getattr(outlet, name).strip() for name in ("outlet_id", "connector_type", "parking")}
    for text in texts.values():
        if len(text) > MAX_TEXT or not text.isprintable():
            raise InvalidArgument(
                f"Texts of an outlet have at most {MAX_TEXT} printable characters.", reason="INVALID_TEXT"
            )
    ids = tuple(sorted(ExternalId(each.service.strip(), each.external_id.strip()) for each in outlet.external_ids))
    if len(ids) > MAX_EXTERNAL_IDS or len({each.service for each in ids}) < len(ids):
        raise InvalidArgument(
            f"An outlet has one id per service, at {MAX_EXTERNAL_IDS} services at most.", reason="INVALID_EXTERNAL_ID"
        )
    for each in ids:
        fits = 0 < len(each.service) <= MAX_SERVICE and 0 < len(each.external_id) <= MAX_TEXT
        if not fits or not (each.service + each.external_id).isprintable():
            raise InvalidArgument(
                f"An external id names its service (at most {MAX_SERVICE} characters) and the id there"
                f" (at most {MAX_TEXT}).",
                reason="INVALID_EXTERNAL_ID",
            )
    try:
        number = str(uuid.UUID(outlet.uuid))
    except ValueError as error:
        raise InvalidArgument(
            "A UUID looks like 6ba7b810-9dad-41d1-80b4-00c04fd430c8.", reason="INVALID_UUID"
        ) from error
    return msgspec.structs.replace(outlet, uuid=number, external_ids=ids, **texts)
