"""Charge records and tariffs in OCPI's words: the sums are ours, to the last digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from csms.domain.facts import ConnectorStatus
from csms.domain.roaming import Outlet, Plug, RoamedSession, RoamingToken, Site
from csms.domain.tariff import Consumption, Element, PriceKind, Tariff, Window, price
from csms.domain.tariff_book import TariffVersion, cost_of_session
from csms.domain.third_party import PublishedSite, RoamingSettings
from csms.domain.topology import Place, PlaceKind
from csms.ocpi.billing import cdr_of, credit_of, session_of, tariff_of
from csms.ocpi.describing import location_of
from csms.ocpi.envelope import print_object
from csms.ocpi.locations import Location
from tests.kit.ocpi_schemas import check

pytestmark = pytest.mark.feature("F-SYS-2")
AT = datetime(2026, 11, 21, 8, 0, 0, 123456, tzinfo=UTC)
SETTINGS = RoamingSettings(
    "SE", "CHA", "Chargehouse", "https://example.org", "https://csms.example.org", currency="SEK"
)
TOKEN = RoamingToken(3, "NL", "TNM", "04AB", "RFID", "04AB", "NLTNMC1", True, "ALLOWED", "{}", AT)


def a_location() -> Location:
    place = Place(12, 1, PlaceKind.SITE, "Harbour", address="Quay 1\nGate B", latitude=57.7, longitude=11.9)
    outlet = Outlet(17, "CP-1", 1, True, (ConnectorStatus.AVAILABLE,), (Plug(1, "cCCS2", 150_000),), AT)
    return location_of(
        Site(place, PublishedSite(12, True, "", "Göteborg", "411 19", "SWE"), "Europe/Stockholm", (outlet,)),
        SETTINGS,
        AT,
    )


def a_session(terms: Tariff | None = None, **changes: object) -> RoamedSession:
    end = AT + timedelta(hours=1)
    session = RoamedSession(7, TOKEN, 17, "CP-1", 1, 1, 12, AT, end, end, 10_000.0, False, terms=terms)
    if terms is not None:
        used = Consumption(
            ((AT, Decimal(0)), (AT + timedelta(minutes=30), Decimal(10_000))),
            ((AT, AT + timedelta(minutes=30)),),
            ((AT + timedelta(minutes=30), end),),
        )
        cost = price(used, terms, ZoneInfo("Europe/Stockholm"))
        kept = cost_of_session(7, TariffVersion(1, 5, 1, AT, terms), cost, basis="")
        session = msgspec.structs.replace(session, cost=kept, tariff_id=5)
    return msgspec.structs.replace(session, **changes)


def plain(value: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(print_object(value))
    return found


TERMS = Tariff(
    "SEK",
    (
        Element(PriceKind.ENERGY, Decimal("4.00")),
        Element(PriceKind.PARKING_TIME, Decimal("0.50"), grace_s=600),
        Element(PriceKind.SESSION, Decimal("5.00")),
    ),
    Decimal(25),
)


@pytest.mark.parametrize("included", [True, False])
def test_the_parts_of_a_record_are_those_of_the_bill(included: bool) -> None:
    terms = msgspec.structs.replace(TERMS, prices_include_vat=included)
    cdr = cdr_of(a_session(terms), a_location(), SETTINGS, cdr_id="7", at=AT)
    told = plain(cdr)
    check("Cdr", told)
    assert cdr is not None
    gross = Decimal("55.00") if included else Decimal("68.75")
    assert (cdr.total_cost.incl_vat, cdr.total_cost.excl_vat) == (gross, gross / Decimal("1.25"))
    parts = [cdr.total_energy_cost, cdr.total_fixed_cost, cdr.total_parking_cost]
    assert sum(part.excl_vat for part in parts if part) == cdr.total_cost.excl_vat
    assert sum(part.incl_vat or 0 for part in parts if part) == cdr.total_cost.incl_vat
    assert (cdr.total_energy, cdr.total_time, cdr.total_parking_time) == (10, 1, Decimal("0.3333"))
    assert cdr.cdr_location.connector_standard == "IEC_62196_T2_COMBO"


def test_a_credit_takes_back_what_was_billed() -> None:
    cdr = cdr_of(a_session(TERMS), a_location(), SETTINGS, cdr_id="7", at=AT)
    assert cdr is not None
    credit = credit_of(cdr, cdr_id="7-C", at=AT)
    check("Cdr", plain(credit))
    assert (credit.credit, credit.credit_reference_id) == (True, "7")
    assert credit.total_cost.excl_vat + cdr.total_cost.excl_vat == 0
    assert credit.total_energy_cost is not None
    assert credit.total_energy_cost.incl_vat == -40


def test_there_is_no_record_before_the_end_or_without_a_cost() -> None:
    assert cdr_of(a_session(), a_location(), SETTINGS, cdr_id="7", at=AT) is None
    assert cdr_of(a_session(TERMS, ended_at=None), a_location(), SETTINGS, cdr_id="7", at=AT) is None


def test_a_session_whose_outlet_was_never_told_is_billed_all_the_same() -> None:
    cdr = cdr_of(a_session(TERMS, evse_id=9), a_location(), SETTINGS, cdr_id="7", at=AT)
    check("Cdr", plain(cdr))


def test_a_session_is_told_while_it_goes_on_and_when_it_is_over() -> None:
    going = session_of(a_session(ended_at=None, remote=True), a_location(), SETTINGS)
    check("Session", plain(going))
    assert (going.status.value, going.auth_method.value, going.currency) == ("ACTIVE", "COMMAND", "SEK")
    over = session_of(a_session(TERMS, method="AUTH_REQUEST", authorization_reference="R1"), a_location(), SETTINGS)
    check("Session", plain(over))
    assert (over.status.value, over.auth_method.value, over.authorization_reference) == (
        "COMPLETED",
        "AUTH_REQUEST",
        "R1",
    )


def test_prices_leave_without_vat_and_per_hour() -> None:
    night = Window(22 * 60, 6 * 60, frozenset({4, 5}))
    terms = Tariff(
        "EUR",
        (
            Element(PriceKind.ENERGY, Decimal("0.50"), step=100, window=night),
            Element(PriceKind.CHARGING_TIME, Decimal("0.10")),
            Element(PriceKind.PARKING_TIME, Decimal("0.10"), grace_s=900, window=Window(days=frozenset({6}))),
        ),
        Decimal(19),
        minimum=Decimal("1.19"),
    )
    told = plain(tariff_of(5, "Night", terms, SETTINGS, AT))
    check("Tariff", told)
    assert told["elements"] == [
        {
            "price_components": [{"type": "ENERGY", "price": 0.4202, "vat": 19, "step_size": 100}],
            "restrictions": {"start_time": "22:00", "end_time": "06:00", "day_of_week": ["FRIDAY", "SATURDAY"]},
        },
        {"price_components": [{"type": "TIME", "price": 5.042, "vat": 19, "step_size": 1}]},
        {
            "price_components": [{"type": "PARKING_TIME", "price": 5.042, "vat": 19, "step_size": 1}],
            "restrictions": {"day_of_week": ["SUNDAY"]},
        },
    ]
    assert told["min_price"] == {"excl_vat": 1, "incl_vat": 1.19}
    assert told["tariff_alt_text"] == [{"language": "en", "text": "Night The first 15 minutes of parking are free."}]
