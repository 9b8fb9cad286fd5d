"""The words of monthly reports and of the mails that bring them, and how each language writes numbers and days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal
from types import MappingProxyType
from typing import Final

import msgspec

from csms.domain.tariff import minor_digits


class Words(msgspec.Struct, frozen=True):
    """All that a report says in one language. `{…}` are filled in."""

    title: str
    number: str
    month: str
    made: str
    recipient: str
    seller: str
    vat_number: str
    registration: str
    customer_number: str
    employee_number: str
    session: str
    began: str
    ended: str
    site: str
    station: str
    tag: str
    energy: str
    net: str
    vat: str
    gross: str
    vat_rate: str
    total: str
    sessions: str
    no_tariff: str
    time_zone: str
    page: str
    subject: str
    greeting: str
    body: str
    months: tuple[str, ...]


_EN: Final = Words(
    title="Charging report",
    number="Number",
    month="Month",
    made="Date",
    recipient="For",
    seller="From",
    vat_number="VAT number",
    registration="Company registration",
    customer_number="Customer number",
    employee_number="Employee number",
    session="Session",
    began="Begin",
    ended="End",
    site="Site",
    station="Station",
    tag="Tag",
    energy="Energy (kWh)",
    net="Excl. VAT",
    vat="VAT",
    gross="Incl. VAT",
    vat_rate="VAT rate",
    total="Total",
    sessions="{count} sessions, {energy} kWh",
    no_tariff="no tariff",
    time_zone="Times are those of {zone}.",
    page="Page {page}",
    subject="Charging report {month}",
    greeting="Hello {name},",
    body="attached is the charging report {number} for {month}: {sessions}.",
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
)
_SV: Final = Words(
    title="Laddrapport",
    number="Nummer",
    month="Månad",
    made="Datum",
    recipient="Till",
    seller="Från",
    vat_number="Momsregistreringsnummer",
    registration="Organisationsnummer",
    customer_number="Kundnummer",
    employee_number="Anställningsnummer",
    session="Laddning",
    began="Start",
    ended="Slut",
    site="Plats",
    station="Laddstation",
    tag="Tagg",
    energy="Energi (kWh)",
    net="Exkl. moms",
    vat="Moms",
    gross="Inkl. moms",
    vat_rate="Momssats",
    total="Summa",
    sessions="{count} laddningar, {energy} kWh",
    no_tariff="ingen tariff",
    time_zone="Tiderna gäller {zone}.",
    page="Sida {page}",
    subject="Laddrapport {month}",
    greeting="Hej {name}!",
    body="Här kommer laddrapport {number} för {month}: {sessions}.",
    months=(
        "januari",
        "februari",
        "mars",
        "april",
        "maj",
        "juni",
        "juli",
        "augusti",
        "september",
        "oktober",
        "november",
        "december",
    ),
)
_NL: Final = Words(
    title="Laadrapport",
    number="Nummer",
    month="Maand",
    made="Datum",
    recipient="Aan",
    seller="Van",
    vat_number="Btw-nummer",
    registration="KvK-nummer",
    customer_number="Klantnummer",
    employee_number="Personeelsnummer",
    session="Laadsessie",
    began="Begin",
    ended="Einde",
    site="Locatie",
    station="Laadstation",
    tag="Pas",
    energy="Energie (kWh)",
    net="Excl. btw",
    vat="Btw",
    gross="Incl. btw",
    vat_rate="Btw-tarief",
    total="Totaal",
    sessions="{count} laadsessies, {energy} kWh",
    no_tariff="geen tarief",
    time_zone="De tijden zijn die van {zone}.",
    page="Pagina {page}",
    subject="Laadrapport {month}",
    greeting="Hallo {name},",
    body="bijgevoegd is laadrapport {number} over {month}: {sessions}.",
    months=(
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ),
)
_DE: Final = Words(
    title="Ladebericht",
    number="Nummer",
    month="Monat",
    made="Datum",
    recipient="An",
    seller="Von",
    vat_number="USt-IdNr.",
    registration="Handelsregister",
    customer_number="Kundennummer",
    employee_number="Personalnummer",
    session="Ladevorgang",
    began="Beginn",
    ended="Ende",
    site="Standort",
    station="Ladestation",
    tag="Karte",
    energy="Energie (kWh)",
    net="Netto",
    vat="USt.",
    gross="Brutto",
    vat_rate="Steuersatz",
    total="Summe",
    sessions="{count} Ladevorgänge, {energy} kWh",
    no_tariff="kein Tarif",
    time_zone="Die Zeiten sind die von {zone}.",
    page="Seite {page}",
    subject="Ladebericht {month}",
    greeting="Guten Tag {name},",
    body="anbei der Ladebericht {number} für {month}: {sessions}.",
    months=(
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ),
)
WORDS: Final[Mapping[str, Words]] = MappingProxyType({"en": _EN, "sv": _SV, "nl": _NL, "de": _DE})
_MARKS: Final = {"en": (",", "."), "sv": ("\N{NO-BREAK SPACE}", ","), "nl": (".", ","), "de": (".", ",")}
_DAYS: Final = {"nl": "%d-%m-%Y", "de": "%d.%m.%Y"}


def words_of(language: str) -> Words:
    """English where the language is not known."""
    return WORDS.get(language, _EN)


def number_text(number: Decimal, digits: int, language: str) -> str:
    """Rounded to so many digits after the point, in the marks of the language."""
    thousands, point = _MARKS.get(language, _MARKS["en"])
    text = f"{number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):,f}"
    return text.replace(",", "\0").replace(".", point).replace("\0", thousands)


def money_text(amount: Decimal, currency: str, language: str) -> str:
    """With the currency behind it."""
    return f"{number_text(amount, minor_digits(currency), language)}\N{NO-BREAK SPACE}{currency}"


def energy_text(energy_wh: Decimal, language: str) -> str:
    """In kWh."""
    return number_text(energy_wh / 1000, 3, language)


def percent_text(percent: Decimal, language: str) -> str:
    """As "19 %"."""
    digits = max(0, -int(percent.normalize().as_tuple().exponent))
    return f"{number_text(percent, digits, language)}\N{NO-BREAK SPACE}%"


def month_text(month: date, language: str) -> str:
    """As "October 2026"."""
    return f"{words_of(language).months[month.month - 1]} {month.year}"


def day_text(day: date, language: str) -> str:
    """As "31.10.2026"."""
    return day.strftime(_DAYS.get(language, "%Y-%m-%d"))


def time_text(moment: datetime, zone: tzinfo, language: str) -> str:
    """To the minute, by the clock of the zone."""
    local = moment.astimezone(zone)
    return f"{day_text(local, language)} {local:%H:%M}"
