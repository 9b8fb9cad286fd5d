"""What OCPI 2.2.1 says objects look like, written from the specification and not from our models.

`check("Location", value)` raises AssertionError that names the place. A property that the table does not know is wrong,
too: the receiver is strict so that we find out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Check = Callable[[Any, str], None]
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z?")


def text(most: int, least: int = 0) -> Check:
    def check(value: Any, where: str) -> None:
        assert isinstance(value, str), f"{where}: {value!r} is no string"
        assert least <= len(value) <= most, f"{where}: {value!r} has {len(value)} characters"
        assert value.isprintable(), f"{where}: {value!r}"

    return check


def word(*words: str) -> Check:
    def check(value: Any, where: str) -> None:
        assert value in words, f"{where}: {value!r} is none of {words}"

    return check


def matching(pattern: str) -> Check:
    def check(value: Any, where: str) -> None:
        assert isinstance(value, str), f"{where}: {value!r}"
        assert re.fullmatch(pattern, value), f"{where}: {value!r}"

    return check


def number(value: Any, where: str) -> None:
    assert type(value) in (int, float), f"{where}: {value!r} is no number"
    assert round(value, 4) == value, f"{where}: {value!r} has more than four decimals"


def integer(value: Any, where: str) -> None:
    assert type(value) is int, f"{where}: {value!r} is no integer"


def boolean(value: Any, where: str) -> None:
    assert isinstance(value, bool), f"{where}: {value!r} is no boolean"


def moment(value: Any, where: str) -> None:
    text(25)(value, where)
    assert _DATE.fullmatch(value), f"{where}: {value!r} is no DateTime"


def url(value: Any, where: str) -> None:
    text(255)(value, where)
    assert re.fullmatch(r"https?://\S+", value), f"{where}: {value!r}"


def of(name: str) -> Check:
    return lambda value, where: check(name, value, where)


def many(inner: Check, least: int = 0) -> Check:
    def check_all(value: Any, where: str) -> None:
        assert isinstance(value, list), f"{where}: {value!r}"
        assert len(value) >= least, f"{where}: {value!r}"
        for index, each in enumerate(value):
            inner(each, f"{where}[{index}]")

    return check_all


ID, COUNTRY, PARTY = text(36, 1), matching("[A-Z]{2}"), text(3, 3)
STANDARDS = word(
    *[
        "CHADEMO",
        "CHAOJI",
        "DOMESTIC_A",
        "DOMESTIC_B",
        "DOMESTIC_C",
        "DOMESTIC_D",
        "DOMESTIC_E",
        "DOMESTIC_F",
        "DOMESTIC_G",
        "DOMESTIC_H",
    ],
    *[
        "DOMESTIC_I",
        "DOMESTIC_J",
        "DOMESTIC_K",
        "DOMESTIC_L",
        "DOMESTIC_M",
        "DOMESTIC_N",
        "DOMESTIC_O",
        "GBT_AC",
        "GBT_DC",
    ],
    *["IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64", "IEC_62196_T1"],
    *[
        "IEC_62196_T1_COMBO",
        "IEC_62196_T2",
        "IEC_62196_T2_COMBO",
        "IEC_62196_T3A",
        "IEC_62196_T3C",
        "NEMA_5_20",
        "NEMA_6_30",
    ],
    *[
        "NEMA_6_50",
        "NEMA_10_30",
        "NEMA_10_50",
        "NEMA_14_30",
        "NEMA_14_50",
        "PANTOGRAPH_BOTTOM_UP",
        "PANTOGRAPH_TOP_DOWN",
        "TESLA_R",
    ],
    "TESLA_S",
)
FORMAT = word("SOCKET", "CABLE")
POWER_TYPE = word("AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC")
STATUS = word(
    *["AVAILABLE", "BLOCKED", "CHARGING", "INOPERATIVE", "OUTOFORDER", "PLANNED", "REMOVED", "RESERVED", "UNKNOWN"],
)
TOKEN_TYPE = word("AD_HOC_USER", "APP_USER", "OTHER", "RFID")
AUTH = word("AUTH_REQUEST", "COMMAND", "WHITELIST")
# name: (required, optional)
SCHEMAS: dict[str, tuple[dict[str, Check], dict[str, Check]]] = {
    "DisplayText": ({"language": text(2, 2), "text": text(512)}, {}),
    "Price": ({"excl_vat": number}, {"incl_vat": number}),
    "GeoLocation": (
        {"latitude": matching(r"-?\d{1,2}\.\d{5,7}"), "longitude": matching(r"-?\d{1,3}\.\d{5,7}")},
        {},
    ),
    "BusinessDetails": ({"name": text(100, 1)}, {"website": url}),
    "Version": ({"version": text(10, 1), "url": url}, {}),
    "Endpoint": ({"identifier": text(36, 1), "role": word("SENDER", "RECEIVER"), "url": url}, {}),
    "VersionDetails": ({"version": word("2.2.1"), "endpoints": many(of("Endpoint"), 1)}, {}),
    "CredentialsRole": (
        {
            "role": word("CPO", "EMSP", "HUB", "NAP", "NSP", "OTHER", "SCSP"),
            "business_details": of("BusinessDetails"),
            "party_id": PARTY,
            "country_code": COUNTRY,
        },
        {},
    ),
    "Credentials": ({"token": text(64, 1), "url": url, "roles": many(of("CredentialsRole"), 1)}, {}),
    "Connector": (
        {
            "id": ID,
            "standard": STANDARDS,
            "format": FORMAT,
            "power_type": POWER_TYPE,
            "max_voltage": integer,
            "max_amperage": integer,
            "last_updated": moment,
        },
        {"max_electric_power": integer, "tariff_ids": many(ID), "terms_and_conditions": url},
    ),
    "Evse": (
        {"uid": ID, "status": STATUS, "connectors": many(of("Connector"), 1), "last_updated": moment},
        {
            "evse_id": matching(r"[A-Z]{2}\*?[A-Z0-9]{3}\*?E[A-Z0-9*]{1,31}"),
            "capabilities": many(text(40, 1)),
            "floor_level": text(4),
            "coordinates": of("GeoLocation"),
            "physical_reference": text(16),
            "directions": many(of("DisplayText")),
        },
    ),
    "Hours": ({"twentyfourseven": boolean}, {}),
    "Location": (
        {
            "country_code": COUNTRY,
            "party_id": PARTY,
            "id": ID,
            "publish": boolean,
            "address": text(45, 1),
            "city": text(45, 1),
            "country": matching("[A-Z]{3}"),
            "coordinates": of("GeoLocation"),
            "time_zone": text(255, 1),
            "last_updated": moment,
        },
        {
            "name": text(255),
            "postal_code": text(10),
            "state": text(20),
            "evses": many(of("Evse")),
            "operator": of("BusinessDetails"),
            "opening_times": of("Hours"),
        },
    ),
    "CdrToken": (
        {"country_code": COUNTRY, "party_id": PARTY, "uid": ID, "type": TOKEN_TYPE, "contract_id": ID},
        {},
    ),
    "CdrDimension": (
        {
            "type": word(
                *[
                    "CURRENT",
                    "ENERGY",
                    "ENERGY_EXPORT",
                    "ENERGY_IMPORT",
                    "MAX_CURRENT",
                    "MIN_CURRENT",
                    "MAX_POWER",
                    "MIN_POWER",
                ],
                *["PARKING_TIME", "POWER", "RESERVATION_TIME", "STATE_OF_CHARGE", "TIME"],
            ),
            "volume": number,
        },
        {},
    ),
    "ChargingPeriod": (
        {"start_date_time": moment, "dimensions": many(of("CdrDimension"), 1)},
        {"tariff_id": ID},
    ),
    "Session": (
        {
            "country_code": COUNTRY,
            "party_id": PARTY,
            "id": ID,
            "start_date_time": moment,
            "kwh": number,
            "cdr_token": of("CdrToken"),
            "auth_method": AUTH,
            "location_id": ID,
            "evse_uid": ID,
            "connector_id": ID,
            "currency": text(3, 3),
            "status": word("ACTIVE", "COMPLETED", "INVALID", "PENDING", "RESERVATION"),
            "last_updated": moment,
        },
        {
            "end_date_time": moment,
            "authorization_reference": ID,
            "meter_id": text(255),
            "charging_periods": many(of("ChargingPeriod")),
            "total_cost": of("Price"),
        },
    ),
    "CdrLocation": (
        {
            "id": ID,
            "address": text(45, 1),
            "city": text(45, 1),
            "country": matching("[A-Z]{3}"),
            "coordinates": of("GeoLocation"),
            "evse_uid": ID,
            "evse_id": text(48, 1),
            "connector_id": ID,
            "connector_standard": STANDARDS,
            "connector_format": FORMAT,
            "connector_power_type": POWER_TYPE,
        },
        {"name": text(255), "postal_code": text(10), "state": text(20)},
    ),
    "PriceComponent": (
        {"type": word("ENERGY", "FLAT", "PARKING_TIME", "TIME"), "price": number, "step_size": integer},
        {"vat": number},
    ),
    "TariffRestrictions": (
        {},
        {
            "start_time": matching(r"([0-1]\d|2[0-3]):[0-5]\d"),
            "end_time": matching(r"([0-1]\d|2[0-3]):[0-5]\d"),
            "day_of_week": many(
                word("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"),
            ),
        },
    ),
    "TariffElement": (
        {"price_components": many(of("PriceComponent"), 1)},
        {"restrictions": of("TariffRestrictions")},
    ),
    "Tariff": (
        {
            "country_code": COUNTRY,
            "party_id": PARTY,
            "id": ID,
            "currency": text(3, 3),
            "elements": many(of("TariffElement"), 1),
            "last_updated": moment,
        },
        {
            "tariff_alt_text": many(of("DisplayText")),
            "min_price": of("Price"),
            "max_price": of("Price"),
            "start_date_time": moment,
            "end_date_time": moment,
        },
    ),
    "Cdr": (
        {
            "country_code": COUNTRY,
            "party_id": PARTY,
            "id": text(39, 1),
            "start_date_time": moment,
            "end_date_time": moment,
            "cdr_token": of("CdrToken"),
            "auth_method": AUTH,
            "cdr_location": of("CdrLocation"),
            "currency": text(3, 3),
            "charging_periods": many(of("ChargingPeriod"), 1),
            "total_cost": of("Price"),
            "total_energy": number,
            "total_time": number,
            "last_updated": moment,
        },
        {
            "session_id": ID,
            "authorization_reference": ID,
            "meter_id": text(255),
            "tariffs": many(of("Tariff")),
            "total_fixed_cost": of("Price"),
            "total_energy_cost": of("Price"),
            "total_time_cost": of("Price"),
            "total_parking_time": number,
            "total_parking_cost": of("Price"),
            "remark": text(255),
            "credit": boolean,
            "credit_reference_id": text(39, 1),
        },
    ),
    "CommandResponse": (
        {"result": word("NOT_SUPPORTED", "REJECTED", "ACCEPTED", "UNKNOWN_SESSION"), "timeout": integer},
        {"message": many(of("DisplayText"))},
    ),
    "CommandResult": (
        {
            "result": word(
                *[
                    "ACCEPTED",
                    "CANCELED_RESERVATION",
                    "EVSE_OCCUPIED",
                    "EVSE_INOPERATIVE",
                    "FAILED",
                    "NOT_SUPPORTED",
                    "REJECTED",
                ],
                "TIMEOUT",
                "UNKNOWN_RESERVATION",
            )
        },
        {"message": many(of("DisplayText"))},
    ),
    "LocationReferences": ({"location_id": ID}, {"evse_uids": many(ID)}),
}


def check(name: str, value: Any, where: str = "") -> None:
    """Raises AssertionError."""
    where = where or name
    required, optional = SCHEMAS[name]
    assert isinstance(value, dict), f"{where}: {value!r} is no {name}"
    missing = required.keys() - value.keys()
    assert not missing, f"{where}: {sorted(missing)} missing in {value}"
    unknown = value.keys() - required.keys() - optional.keys()
    assert not unknown, f"{where}: {sorted(unknown)} unknown"
    for key, inner in value.items():
        (required.get(key) or optional[key])(inner, f"{where}.{key}")
