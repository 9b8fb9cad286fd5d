"""The daily mail with active alarms: to those who ask for it, at their hour, in their zone and language, of what they
may see; once a day and not twice, whatever dies in between."""

from __future__ import annotations

import html
import zoneinfo
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, tzinfo
from functools import partial
from typing import Final

import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.access import Action
from csms.domain.errors import DomainError, Unavailable
from csms.domain.topology import Tree
from csms.ports.alarms import AlarmFilter, AlarmOrder, AlarmSettingStore, AlarmStore, AlarmView, Subscriber
from csms.services.alarm_sweep import principal_of
from csms.services.alarm_telling import place_name
from csms.services.alarm_texts import kind_words, severity_words, text_of
from csms.services.scopes import Scopes

_log = structlog.get_logger("csms.alarm_digest")

LOOK_SECONDS: Final = 60.0
SHOWN: Final = 100


class AlarmDigest:
    """`run` is a task for the nursery of the application; several processes do no harm. `portal_url`: for the link,
    empty: none."""

    def __init__(
        self,
        store: AlarmStore,
        settings: AlarmSettingStore,
        scopes: Scopes,
        tree: Callable[[], Tree],
        *,
        portal_url: str,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._settings = settings
        self._scopes = scopes
        self._tree = tree
        self._portal_url = portal_url.rstrip("/")
        self._now = now

    async def run(self) -> None:
        """For ever."""
        while True:
            await contain(self._once, _report)
            await trio.sleep(LOOK_SECONDS)

    async def send_due(self) -> int:
        """To everybody whose hour has come. How many mails. Raises Unavailable."""
        now, sent = self._now(), 0
        for reader in await self._settings.readers():
            day, wanted = due(reader, now)
            if day is None:
                continue
            letter = await self._letter(reader, now) if wanted else None
            if await self._settings.day_done(reader.user_id, day, letter) and letter is not None:
                sent += 1
        return sent

    async def _once(self) -> None:
        try:
            await self.send_due()
        except Unavailable:
            _log.info("daily mails wait for the database")

    async def _letter(self, reader: Subscriber, now: datetime) -> tuple[str, str, str, str] | None:
        try:
            scope = await self._scopes.of(principal_of(reader), Action.READ_ALARMS)
        except DomainError as error:
            if isinstance(error, Unavailable):
                raise
            return None
        wanted = AlarmFilter(active=True, scope=scope)
        views = await self._store.page(wanted, AlarmOrder.SEVERITY, size=SHOWN)
        if not views:
            return None
        total = await self._store.count(wanted)
        return (reader.email, *letter_of(reader, views, total, self._tree(), self._portal_url, zone_of(reader), now))


def due(reader: Subscriber, now: datetime) -> tuple[date | None, bool]:
    """(the day that is to be done; None: not yet, whether a mail belongs to it). Who has just asked gets the first
    mail when the hour comes next, and not at once."""
    local = now.astimezone(zone_of(reader))
    day = local.date()
    if local.hour < reader.hour or (reader.last_day is not None and reader.last_day >= day):
        return None, False
    return day, reader.last_day is not None or local.hour == reader.hour


def zone_of(reader: Subscriber) -> tzinfo:
    """UTC when there is none, or it is not known here."""
    try:
        return zoneinfo.ZoneInfo(reader.time_zone) if reader.time_zone else UTC
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return UTC


def letter_of(
    reader: Subscriber,
    views: Sequence[AlarmView],
    total: int,
    tree: Tree,
    portal_url: str,
    zone: tzinfo,
    now: datetime,
) -> tuple[str, str, str]:
    """(subject, text, HTML) in the reader's language."""
    say = partial(text_of, reader.language)
    lines = []
    for view in views:
        alarm = view.alarm
        where = ", ".join(filter(None, (view.station_name, place_name(tree, view.place_id))))
        at = alarm.last_raised_at.astimezone(zone)
        lines.append(
            (
                severity_words(reader.language, alarm.severity),
                kind_words(reader.language, alarm.kind),
                where,
                f"{at:%Y-%m-%d %H:%M}",
                alarm.text,
            )
        )
    subject = say("subject_one" if total == 1 else "subject").replace("{count}", str(total))
    greeting = say("greeting").replace("{name}", " ".join(reader.display_name.split()))
    more = say("more").replace("{count}", str(total - len(views))) if total > len(views) else ""
    link = f"{portal_url}/alarms" if portal_url else ""
    text = [greeting, "", say("intro"), ""]
    text += [f"- {level} · {kind} · {where} · {at}: {told}" for level, kind, where, at, told in lines]
    text += ["", *filter(None, (more, link)), say("why")]
    rows = "".join(
        "<tr>" + "".join(f'<td style="padding:.3rem .6rem .3rem 0">{html.escape(cell)}</td>' for cell in row) + "</tr>"
        for row in lines
    )
    page = (
        f'<!doctype html><html lang="{html.escape(reader.language)}"><head><meta charset="utf-8">'
        f"<title>{html.escape(subject)}</title></head>"
        '<body style="font-family:sans-serif;line-height:1.5;color:#1c2430;max-width:60rem;margin:2rem auto">'
        f"<p>{html.escape(greeting)}</p><p>{html.escape(say('intro'))}</p>"
        f'<table style="border-collapse:collapse">{rows}</table>'
        + (f"<p>{html.escape(more)}</p>" if more else "")
        + (f'<p><a href="{html.escape(link)}">{html.escape(say("open"))}</a></p>' if link else "")
        + f'<p style="color:#5a6472">{html.escape(say("why"))}</p></body></html>'
    )
    return subject, "\n".join(text) + "\n", page


def _report(error: Exception) -> None:
    _log.error("daily mails could not be written", exc_info=error)
