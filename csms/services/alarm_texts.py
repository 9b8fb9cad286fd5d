"""The words of the daily mail, in the languages in which people are written to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from csms.domain.alarms import AlarmKind, Severity

_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "subject_one": "1 active alarm",
        "subject": "{count} active alarms",
        "greeting": "Hello {name},",
        "intro": "these alarms are active now:",
        "more": "… and {count} more.",
        "open": "Show the alarms",
        "why": "You get this mail once a day while there are active alarms. Your account says whether and when.",
    },
    "sv": {
        "subject_one": "1 aktivt larm",
        "subject": "{count} aktiva larm",
        "greeting": "Hej {name}!",
        "intro": "Dessa larm är aktiva just nu:",
        "more": "… och {count} till.",
        "open": "Visa larmen",
        "why": "Du får det här brevet en gång per dygn så länge det finns aktiva larm. Ändra det i ditt konto.",
    },
    "nl": {
        "subject_one": "1 actief alarm",
        "subject": "{count} actieve alarmen",
        "greeting": "Hallo {name},",
        "intro": "deze alarmen zijn nu actief:",
        "more": "… en nog {count}.",
        "open": "Alarmen tonen",
        "why": "U krijgt deze mail eenmaal per dag zolang er actieve alarmen zijn. Wijzig dat in uw account.",
    },
    "de": {
        "subject_one": "1 aktiver Alarm",
        "subject": "{count} aktive Alarme",
        "greeting": "Guten Tag {name},",
        "intro": "diese Alarme sind gerade aktiv:",
        "more": "… und {count} weitere.",
        "open": "Alarme anzeigen",
        "why": "Sie bekommen diese Mail einmal am Tag, solange es aktive Alarme gibt. Ändern lässt sich das in Ihrem"
        " Konto.",
    },
}
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "en": (
        "Not registered",
        "No communication",
        "No network",
        "Hardware fault",
        "Hardware configuration fault",
        "Fuse tripped",
        "Temperature",
        "Security",
        "Backup too old",
        "Configuration drift",
    ),
    "sv": (
        "Inte registrerad",
        "Ingen kommunikation",
        "Inget nätverk",
        "Maskinvarufel",
        "Fel i maskinvarans konfiguration",
        "Säkring har löst ut",
        "Temperatur",
        "Säkerhet",
        "Säkerhetskopian är för gammal",
        "Avvikande konfiguration",
    ),
    "nl": (
        "Niet geregistreerd",
        "Geen communicatie",
        "Geen netwerk",
        "Hardwarefout",
        "Fout in de hardwareconfiguratie",
        "Zekering aangesproken",
        "Temperatuur",
        "Beveiliging",
        "Back-up te oud",
        "Afwijkende configuratie",
    ),
    "de": (
        "Nicht registriert",
        "Keine Verbindung",
        "Kein Netz",
        "Hardwarefehler",
        "Fehler der Hardwarekonfiguration",
        "Sicherung ausgelöst",
        "Temperatur",
        "Sicherheit",
        "Sicherung der Daten zu alt",
        "Abweichende Konfiguration",
    ),
}
_SEVERITIES: Final[Mapping[str, tuple[str, str, str]]] = {
    "en": ("Critical", "Major", "Minor"),
    "sv": ("Kritiskt", "Allvarligt", "Mindre"),
    "nl": ("Kritiek", "Ernstig", "Licht"),
    "de": ("Kritisch", "Schwer", "Leicht"),
}


def text_of(language: str, name: str) -> str:
    """One of the sentences; English where the language is not known."""
    return _TEXTS.get(language, _TEXTS["en"])[name]


def kind_words(language: str, kind: AlarmKind) -> str:
    """What is wrong."""
    return _KINDS.get(language, _KINDS["en"])[list(AlarmKind).index(kind)]


def severity_words(language: str, severity: Severity) -> str:
    """How bad it is."""
    return _SEVERITIES.get(language, _SEVERITIES["en"])[int(severity) - 1]
