"""The words on the screen: gettext catalogues, and which language and time zone this request wants.

Every text goes through ``_()`` (``ngettext`` for plurals) here and in the templates, so that another language is only a
catalogue: ``make messages`` collects the texts and compiles, and ``webui/locale/sv/LC_MESSAGES/portal.mo`` is picked up
by itself.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.support import NullTranslations, Translations
from markupsafe import Markup

LOCALES = Path(__file__).parent / "locale"
DOMAIN = "portal"


@lru_cache(maxsize=32)
def catalogue(language: str) -> NullTranslations:
    """The texts of a language; English is in the source."""
    return Translations.load(LOCALES, [language], DOMAIN)


@lru_cache(maxsize=1)
def languages() -> tuple[str, ...]:
    """Languages that have a catalogue, English first. Each is called by its own name in NAMES."""
    found = (path.parent.parent.name for path in LOCALES.glob(f"*/LC_MESSAGES/{DOMAIN}.mo"))
    return ("en", *sorted(found))


NAMES = {"en": "English", "sv": "Svenska", "nl": "Nederlands", "de": "Deutsch"}


@dataclass(frozen=True, slots=True)
class Manners:
    """How to speak to whoever asks: language, region's number and date formats, time zone."""

    locale: Locale
    zone: tzinfo
    zone_name: str

    @property
    def language(self) -> str:
        """Language tag for ``<html lang>``."""
        return str(self.locale.language)


DEFAULT = Manners(Locale("en", "GB"), UTC, "UTC")
current: ContextVar[Manners] = ContextVar("manners", default=DEFAULT)


def with_choices(found: Manners, language: str, zone_name: str) -> Manners:
    """What the browser told, with what the reader chose instead; empty or unknown choices change nothing."""
    locale, zone, name = found.locale, found.zone, found.zone_name
    if language in languages() and language != found.language:
        locale = DEFAULT.locale if language == "en" else (_locale(language) or locale)
    if zone_name and zone_name != name:
        try:
            zone, name = ZoneInfo(zone_name), zone_name
        except (ZoneInfoNotFoundError, ValueError, OSError):
            zone, name = found.zone, found.zone_name
    return Manners(locale, zone, name)


@lru_cache(maxsize=256)
def manners(accept_language: str, zone_name: str) -> Manners:
    """From the browser's Accept-Language header and its zone (a cookie); what is missing or unknown falls back."""
    wanted = [part.partition(";")[0].strip().replace("-", "_") for part in accept_language.split(",")]
    wanted = [tag for tag in wanted if tag]
    locale = DEFAULT.locale
    for tag in wanted:
        language = tag.partition("_")[0].lower()
        if language in languages():
            locale = _locale(tag) or _locale(language) or locale
            break
    if locale == Locale("en"):
        locale = DEFAULT.locale
    try:
        return Manners(locale, ZoneInfo(zone_name), zone_name) if zone_name else Manners(locale, UTC, "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return Manners(locale, UTC, "UTC")


def _locale(tag: str) -> Locale | None:
    try:
        return Locale.parse(tag)
    except (UnknownLocaleError, ValueError):
        return None


def gettext(text: str) -> str:
    """The text in the language of this request."""
    return catalogue(current.get().language).gettext(text)


def marked(text: str, /, **values: object) -> Markup:
    """The same for templates: safe as it is, with values escaped as they go in. It is always a format, so %% is %."""
    found = _marked(text, current.get().language)
    return found % values if values or "%" in found else found


@lru_cache(maxsize=16_384)
def _marked(text: str, language: str) -> Markup:
    return Markup(catalogue(language).gettext(text))  # noqa: S704 - our own texts, not a visitor's


def ngettext(one: str, many: str, number: int) -> str:
    """The text for this number of things."""
    return catalogue(current.get().language).ngettext(one, many, number)


def N_(text: str) -> str:  # noqa: N802  the name that Babel looks for
    """Marks a text for the catalogues that is looked up later."""
    return text


_ = gettext
