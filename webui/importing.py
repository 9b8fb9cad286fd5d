"""Lists of stations, users and tags, as control.v1 takes them in: columns are known by many names.

`read_import(kind, content)` makes rows of a file. A page shows `Reading.faults` and `Reading.ignored`, sends `rows`
with `dry_run`, and shows what comes back under the number in `lines[error.row]`; then the same again without.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from webui.import_tables import Table, UnreadableFile, read_table


class ImportKind(StrEnum):
    """What a list is of."""

    STATIONS = "stations"
    USERS = "users"
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell that cannot be understood. `line` as a spreadsheet counts, `column` as the file calls it, `reason` one of
    NO_NUMBER, NO_DATE, NO_YES_OR_NO, UNKNOWN_WORD, MISSING."""

    line: int
    column: str
    reason: str
    value: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A file, read. `rows` are the fields of StationImportRow, UserImportRow or IdToken, for the desk; row n stood in
    `lines[n]` of the file. `ignored`: columns that nothing is known of."""

    kind: ImportKind
    rows: tuple[Mapping[str, object], ...]
    lines: tuple[int, ...]
    faults: tuple[CellFault, ...]
    ignored: tuple[str, ...]


class _Wrong(Exception):
    """A cell means nothing; the reason is its text."""


@dataclass(frozen=True, slots=True)
class Field:
    """A column: what it is called in the message, how its cells are read, and its names in English, Swedish, Dutch and
    German (without blanks and signs, in lower case), with blanks between them."""

    name: str
    read: Callable[[str], object]
    names: str
    required: bool = False


# -- cells ---------------------------------------------------------------------------------------------------------

_YES: Final = frozenset({"yes", "y", "true", "1", "x", "ja", "j", "sant", "waar", "wahr", "on"})
_NO: Final = frozenset({"no", "n", "false", "0", "", "nej", "nee", "nein", "falskt", "onwaar", "falsch", "off", "-"})
_DAY_FIRST: Final = re.compile(r"(\d{1,2})[.\-](\d{1,2})[.\-](\d{4})")
_ROLES: Final = {
    "administrator": "administrator", "admin": "administrator", "administratör": "administrator",
    "beheerder": "administrator", "siteadministrator": "site-administrator", "siteadmin": "site-administrator",
    "platsadministratör": "site-administrator", "locatiebeheerder": "site-administrator",
    "standortadministrator": "site-administrator", "support": "support", "ondersteuning": "support",
    "evuser": "ev-user", "user": "ev-user", "driver": "ev-user", "förare": "ev-user", "användare": "ev-user",
    "gebruiker": "ev-user", "bestuurder": "ev-user", "benutzer": "ev-user", "fahrer": "ev-user",
}  # fmt: skip
_LANGUAGES: Final = {
    "english": "en", "engelska": "en", "engels": "en", "englisch": "en", "swedish": "sv", "svenska": "sv",
    "zweeds": "sv", "schwedisch": "sv", "dutch": "nl", "nederländska": "nl", "nederlands": "nl",
    "niederländisch": "nl", "german": "de", "tyska": "de", "duits": "de", "deutsch": "de",
}  # fmt: skip
_TYPES: Final = {
    "private": "PRIVATE", "privat": "PRIVATE", "privé": "PRIVATE", "prive": "PRIVATE", "business": "BUSINESS",
    "tjänst": "BUSINESS", "zakelijk": "BUSINESS", "geschäftlich": "BUSINESS", "dienstlich": "BUSINESS",
    "other": "OTHER", "annan": "OTHER", "annat": "OTHER", "overig": "OTHER", "andere": "OTHER", "sonstige": "OTHER",
}  # fmt: skip
_KINDS: Final = {
    "physical": "PHYSICAL", "card": "PHYSICAL", "fysisk": "PHYSICAL", "fysiek": "PHYSICAL", "physisch": "PHYSICAL",
    "kort": "PHYSICAL", "kaart": "PHYSICAL", "karte": "PHYSICAL", "virtual": "VIRTUAL", "virtuell": "VIRTUAL",
    "virtueel": "VIRTUAL",
}  # fmt: skip


def _text(text: str) -> object:
    return text


def _number(text: str) -> object:
    digits = re.sub(r"\s*A?$", "", text)
    if not re.fullmatch(r"\d{1,6}([.,]0+)?", digits):
        raise _Wrong("NO_NUMBER")
    return int(re.split(r"[.,]", digits)[0])


def _flag(text: str) -> object:
    word = text.casefold()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise _Wrong("NO_YES_OR_NO")


def _date(text: str) -> date:
    """2026-03-31, 31.3.2026 or 31-03-2026. Slashes are refused: half the world reads them the other way round."""
    found = _DAY_FIRST.fullmatch(text)
    try:
        if found is not None:
            day, month, year = (int(part) for part in found.groups())
            return date(year, month, day)
        return datetime.fromisoformat(text).date()
    except ValueError:
        raise _Wrong("NO_DATE") from None


def _day(text: str) -> object:
    return _date(text).isoformat()


def _moment(text: str) -> object:
    """The midnight at which a day begins (UTC), or a moment as it is written."""
    if "T" in text or ":" in text:
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise _Wrong("NO_DATE") from None
        return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    day = _date(text)
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _list(text: str) -> object:
    return tuple(part.strip() for part in re.split(r"[;|\n]", text) if part.strip())


def _word(words: Mapping[str, str], *, strict: bool) -> Callable[[str], object]:
    def read(text: str) -> object:
        found = words.get(_plain(text))
        if found is None and strict:
            raise _Wrong("UNKNOWN_WORD")
        return text if found is None else found

    return read


def _plain(text: str) -> str:
    """For comparing: letters and digits alone, in lower case."""
    return "".join(sign for sign in text.casefold() if sign.isalnum())


# -- columns -------------------------------------------------------------------------------------------------------

_NOTE: Final = Field("note", _text, "note notes comment anteckning kommentar notitie opmerking notiz bemerkung")
_STATIONS: Final = (
    Field(
        "identity", _text,
        "identity id stationid chargepointid chargeboxid ocppid identitet identiteit identität kennung "
        "ladepunktid", required=True
    ),
    Field("display_name", _text, "displayname name stationname namn naam bezeichnung"),
    Field("description", _text, "description beskrivning beschrijving omschrijving beschreibung"),
    Field("address", _text, "address adress adres adresse"),
    Field("place", _text, "place site location floor plats våning locatie plaats standort ort"),
    Field("part_number", _text, "partnumber partno artikelnummer onderdeelnummer teilenummer"),
    Field("material_number", _text, "materialnumber materialno materialnummer materiaalnummer"),
    Field("mes_serial_number", _text, "messerialnumber serialnumber serial serialno serienummer seriennummer"),
    Field("vendor_code", _text, "vendorcode vendor leverantörskod leverancierscode herstellercode"),
    Field("installation_date", _day, "installationdate installed installationsdatum installerad installatiedatum"),
    Field("installer", _text, "installer installatör installateur"),
    Field("warranty_date", _day, "warrantydate warranty warrantyuntil garanti garantidatum garantie garantiebis"),
    Field("grid_connection", _text, "gridconnection grid nätanslutning netaansluiting netzanschluss"),
    Field(
        "fuse_amperes", _number,
        "fuseamperes fuse fusea säkring säkringa zekering zekeringa sicherung sicherunga"
    ),
    Field("phases", _number, "phases faser fasen phasen"),
    _NOTE,
)  # fmt: skip
_USERS: Final = (
    Field("email", _text, "email mail emailaddress epost epostadress mejl emailadres emailadresse", required=True),
    Field("first_name", _text, "firstname givenname förnamn voornaam vorname"),
    Field("last_name", _text, "lastname surname familyname efternamn achternaam nachname"),
    Field("role", _word(_ROLES, strict=False), "role roll rol rolle"),
    Field("sites", _list, "sites site place plats platser locatie locaties standort standorte"),
    Field("language", _word(_LANGUAGES, strict=False), "language språk taal sprache"),
    Field("time_zone", _text, "timezone tidszon tijdzone zeitzone"),
    Field("mobile", _text, "mobile mobilephone phone mobil telefon mobiel telefoon mobiltelefon handy"),
    Field("employee_number", _text, "employeenumber employeeno anställningsnummer personeelsnummer personalnummer"),
    Field("customer_number", _text, "customernumber customerno kundnummer klantnummer kundennummer"),
    Field("alarm_mails", _flag, "alarmmails alarmmail larmmejl alarmmeldingen"),
)  # fmt: skip
_TAGS: Final = (
    Field(
        "id_token", _text,
        "idtoken idtag tag tagid uid card cardnumber rfid bricka kort kortnummer pas pasnummer laadpas karte "
        "kartennummer ladekarte", required=True
    ),
    Field("alias", _text, "alias name namn naam bezeichnung"),
    Field("kind", _word(_KINDS, strict=True), "kind slag soort art"),
    Field("type", _word(_TYPES, strict=True), "type typ use användning gebruik verwendung"),
    Field("user_email", _text, "user useremail email owner användare epost gebruiker benutzer"),
    Field("parent_id_token", _text, "group parent parentidtag parentidtoken grupp groep gruppe"),
    Field("valid_from_time", _moment, "validfrom from giltigfrån geldigvanaf gültigab"),
    Field("expire_time", _moment, "expires expiry expirydate expiretime validuntil giltigtill geldigtot gültigbis"),
    Field("blocked", _flag, "blocked spärrad blockerad geblokkeerd gesperrt"),
    Field("allow_concurrent", _flag, "allowconcurrent concurrent samtidig gelijktijdig gleichzeitig"),
    _NOTE,
)  # fmt: skip
COLUMNS: Final[Mapping[ImportKind, tuple[Field, ...]]] = {
    ImportKind.STATIONS: _STATIONS,
    ImportKind.USERS: _USERS,
    ImportKind.TAGS: _TAGS,
}


def read_import(kind: ImportKind, content: bytes) -> Reading:
    """Raises UnreadableFile for a file that is no table, or has not the columns that there must be."""
    table = read_table(content)
    columns, ignored = _columns(COLUMNS[kind], table)
    rows: list[Mapping[str, object]] = []
    faults: list[CellFault] = []
    for line, cells in zip(table.lines, table.rows, strict=True):
        row: dict[str, object] = {}
        for number, field in columns.items():
            column, text = table.header[number], cells[number]
            if not text:
                if field.required:
                    faults.append(CellFault(line, column, "MISSING", ""))
                continue
            try:
                row[field.name] = field.read(text)
            except _Wrong as wrong:
                faults.append(CellFault(line, column, str(wrong), text))
        rows.append(row)
    return Reading(kind, tuple(rows), table.lines, tuple(faults), ignored)


def template(kind: ImportKind) -> str:
    """The header of an empty list, as CSV."""
    return ";".join(field.name for field in COLUMNS[kind]) + "\r\n"


def _columns(fields: tuple[Field, ...], table: Table) -> tuple[dict[int, Field], tuple[str, ...]]:
    """Which field stands in which column (the first that fits counts), and what nothing is known of."""
    known: dict[int, Field] = {}
    taken: set[str] = set()
    ignored: list[str] = []
    for number, title in enumerate(table.header):
        plain = _plain(title)
        fits = (
            field for field in fields if field.name not in taken and plain in (_plain(field.name), *field.names.split())
        )
        field = next(fits, None)
        if field is None:
            if title:
                ignored.append(title)
            continue
        known[number] = field
        taken.add(field.name)
    missing = [field.name for field in fields if field.required and field.name not in taken]
    if missing:
        raise UnreadableFile(
            "COLUMN_MISSING",
            f"There is no column called {missing[0]}. The first line must have the names of the columns.",
        )
    return known, tuple(ignored)
