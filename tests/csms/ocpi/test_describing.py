"""Sites in OCPI's words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from csms.domain.facts import ConnectorStatus as Status
from csms.domain.roaming import Outlet, Plug, Site, read_outlet_uid, tag_of
from csms.domain.third_party import PublishedSite, RoamingSettings
from csms.domain.topology import Place, PlaceKind
from csms.ocpi.describing import (
    changed_statuses,
    evse_of,
    feature_collection,
    location_of,
    status_of,
    with_times,
    withdrawn,
)
from csms.ocpi.envelope import print_object, read_object
from csms.ocpi.locations import EvseStatus, Location
from tests.kit.ocpi_schemas import check

pytestmark = pytest.mark.feature("F-SYS-2")
AT = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
SETTINGS = RoamingSettings("SE", "CHA", "Chargehouse", "", "https://csms.example.org")
PLACE = Place(12, 1, PlaceKind.SITE, "Harbour", address="Quay 1\nGate B", latitude=-7.5, longitude=111.25)


def an_outlet(evse_id: int = 1, *statuses: Status, **changes: object) -> Outlet:
    made = Outlet(17, "CP-1", evse_id, True, statuses or (Status.AVAILABLE,), (Plug(1),), AT)
    return msgspec.structs.replace(made, **changes)


def a_location(*outlets: Outlet) -> Location:
    site = Site(PLACE, PublishedSite(12, True, "", "Göteborg", "", "SWE"), "Europe/Stockholm", outlets)
    return location_of(site, SETTINGS, AT)


@pytest.mark.parametrize("kind", ["", "sType2", "cCCS2", "IEC_62196_T2_COMBO", "CHADEMO", "DOMESTIC_F", "of our own"])
def test_every_type_of_outlet_has_a_word(kind: str) -> None:
    location = a_location(an_outlet(plugs=(Plug(1, kind, 22_000),), floor="Level 2", label="By the door, left"))
    told = json.loads(print_object(location))
    check("Location", told)
    assert read_object(Location, print_object(location)) == location
    assert told["evses"][0]["floor_level"] == "Leve"
    if kind == "CHADEMO":
        assert told["evses"][0]["connectors"][0]["power_type"] == "DC"


@pytest.mark.parametrize(
    ("statuses", "online", "wanted"),
    [
        ((Status.AVAILABLE,), True, EvseStatus.AVAILABLE),
        ((Status.AVAILABLE, Status.CHARGING), True, EvseStatus.CHARGING),
        ((Status.AVAILABLE, Status.FAULTED), True, EvseStatus.AVAILABLE),
        ((Status.SUSPENDED_EV,), True, EvseStatus.CHARGING),
        ((Status.PREPARING,), True, EvseStatus.BLOCKED),
        ((Status.RESERVED,), True, EvseStatus.RESERVED),
        ((Status.UNAVAILABLE, Status.FAULTED), True, EvseStatus.INOPERATIVE),
        ((Status.FAULTED,), True, EvseStatus.OUTOFORDER),
        ((Status.AVAILABLE,), False, EvseStatus.UNKNOWN),
    ],
)
def test_an_outlet_is_as_free_as_its_connectors(statuses: tuple[Status, ...], online: bool, wanted: EvseStatus) -> None:
    assert status_of(an_outlet(1, *statuses, online=online)) is wanted


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "SE*CHA*E17*1"),
        ({"number": "p-7"}, "SE*CHA*EP7"),
        ({"number": "p-7", "reference": "SE*ABC*E1234"}, "SE*ABC*E1234"),
    ],
)
def test_an_outlet_is_called_what_the_operator_says(changes: dict[str, str], wanted: str) -> None:
    assert evse_of(an_outlet(**changes), SETTINGS).evse_id == wanted


def test_times_say_when_a_part_last_changed() -> None:
    old = a_location(an_outlet(1), an_outlet(2))
    same = with_times(a_location(an_outlet(1, changed_at=LATER), an_outlet(2)), old, LATER)
    assert same == old
    new = with_times(a_location(an_outlet(1, online=False), an_outlet(2)), old, LATER)
    assert [evse.last_updated for evse in new.evses] == [LATER.replace(microsecond=0), AT.replace(microsecond=0)]
    assert new.last_updated == LATER.replace(microsecond=0)


def test_a_status_is_told_as_such_and_anything_else_as_the_whole() -> None:
    old = a_location(an_outlet(1), an_outlet(2))
    charging = with_times(a_location(an_outlet(1, Status.CHARGING), an_outlet(2)), old, LATER)
    changed = changed_statuses(old, charging)
    assert changed is not None
    assert [(evse.uid, evse.status) for evse in changed] == [("17-1", EvseStatus.CHARGING)]
    priced = with_times(a_location(an_outlet(1, tariff_id=5), an_outlet(2)), old, LATER)
    assert changed_statuses(old, priced) is None
    assert changed_statuses(old, with_times(a_location(an_outlet(1), an_outlet(2), an_outlet(3)), old, LATER)) is None


def test_an_outlet_that_goes_is_removed_and_never_forgotten() -> None:
    old = a_location(an_outlet(1), an_outlet(2))
    new = with_times(a_location(an_outlet(1)), old, LATER)
    assert [(evse.uid, evse.status) for evse in new.evses] == [
        ("17-1", EvseStatus.AVAILABLE),
        ("17-2", EvseStatus.REMOVED),
    ]
    gone = withdrawn(new, LATER)
    assert {evse.status for evse in gone.evses} == {EvseStatus.REMOVED}
    back = with_times(a_location(an_outlet(1), an_outlet(2)), gone, LATER)
    assert {evse.status for evse in back.evses} == {EvseStatus.AVAILABLE}


def test_a_map_gets_points() -> None:
    location = a_location(an_outlet(1), an_outlet(2, Status.CHARGING))
    (feature,) = json.loads(print_object(feature_collection([location])))["features"]
    assert feature["geometry"] == {"type": "Point", "coordinates": [111.25, -7.5]}
    assert (feature["properties"]["evses"], feature["properties"]["available"]) == (2, 1)


@pytest.mark.parametrize(
    ("uid", "wanted"), [("17-1", (17, 1)), ("17", None), ("a-1", None), ("-1", None), ("17-1-1", None)]
)
def test_only_outlets_of_ours_are_read(uid: str, wanted: tuple[int, int] | None) -> None:
    assert read_outlet_uid(uid) == wanted


def test_an_id_that_is_too_long_for_stations_gets_a_short_name() -> None:
    assert tag_of(" 04ab ") == "04AB"
    app = "123e4567-e89b-12d3-a456-426614174000"
    assert len(tag_of(app)) == 20
    assert tag_of(app) == tag_of(app.upper()) != tag_of(app[:-1] + "1")
