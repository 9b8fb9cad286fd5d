"""Tariffs of the demonstration, and where each of them holds."""

from __future__ import annotations

from typing import Final

PUBLIC: Final = "Public, alternating current"
FAST: Final = "Public, fast charging"
SWEDISH: Final = "Hamnporten"
SWEDISH_FAST: Final = "Hamnporten fast"
OFFICE: Final = "Offices Utrecht"
NIGHT: Final = "Residents, day and night"
FLEET_CARDS: Final = "Fleet contract"
STAFF: Final = "Staff"
OPENING: Final = "Opening offer"


def _energy(price: str, **more: object) -> dict[str, object]:
    return {"kind": "PRICE_KIND_ENERGY", "price": price, **more}


def _parking(price: str, grace_s: int) -> dict[str, object]:
    return {"kind": "PRICE_KIND_PARKING_TIME", "price": price, "grace_s": grace_s}


def _tariff(
    title: str, text: str, elements: list[dict[str, object]], currency: str = "EUR", vat: str = "19", **more: object
) -> dict[str, object]:
    terms = {"currency": currency, "elements": elements, "vat_percent": vat, **more}
    return {"display_name": title, "description": text, "terms": terms}


def drafts() -> list[dict[str, object]]:
    """As control.v1 wants them."""
    day = {"start_minute": 360, "end_minute": 1320}
    return [
        _tariff(PUBLIC, "Where nothing else holds.", [_energy("0.49"), _parking("0.05", 14_400)]),
        _tariff(FAST, "By energy, and by time for who stays.", [_energy("0.69"), _parking("0.30", 900)]),
        _tariff(SWEDISH, "In kronor, with VAT of 25 percent.", [_energy("4.20")], "SEK", "25"),
        _tariff(
            SWEDISH_FAST,
            "A fee for each session and a price for the energy.",
            [{"kind": "PRICE_KIND_SESSION", "price": "5"}, _energy("6.10"), _parking("2", 900)],
            "SEK",
            "25",
        ),
        _tariff(OFFICE, "Prices without VAT, which is added.", [_energy("0.31")], vat="21", prices_exclude_vat=True),
        _tariff(
            NIGHT,
            "Cheaper between ten in the evening and six in the morning.",
            [_energy("0.42", window=day), _energy("0.27"), {"kind": "PRICE_KIND_CHARGING_TIME", "price": "0.005"}],
            vat="21",
            maximum="45",
        ),
        _tariff(FLEET_CARDS, "Agreed with the owners of company cars.", [_energy("0.38", step=100)]),
        _tariff(STAFF, "Who works here pays the price of the energy.", [_energy("0.22")]),
        _tariff(OPENING, "For the first weeks at one outlet.", [_energy("0.10")], minimum="0.50"),
    ]


def assignments() -> list[tuple[str, int, str]]:
    """(where, EVSE or 0, tariff). Where: `system`, a site, `site/floor`, a station's identity, `group` or `user`."""
    return [
        ("system", 0, PUBLIC),
        ("GOT", 0, SWEDISH),
        ("GOT/Y", 0, SWEDISH_FAST),
        ("UTR", 0, OFFICE),
        ("UTR/B", 0, NIGHT),
        ("FRB/V", 0, FAST),
        ("FRB-H-01", 0, OPENING),
        ("FRB-V-01", 1, PUBLIC),
        ("group", 0, FLEET_CARDS),
        ("user", 0, STAFF),
    ]
