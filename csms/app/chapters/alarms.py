"""Alarms, webhooks, news and notifications."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import trio

from control.server import Servicer
from control.servicers.alarms import AlarmServicer
from control.servicers.news import NewsServicer
from control.servicers.webhooks import WebhookServicer
from csms.app.chapters.backups import backups_of
from csms.app.parts import Parts
from csms.outbox.guarded_http import GuardedHttp
from csms.outbox.webhooks import HttpWebhooks
from csms.services.alarm_digest import AlarmDigest
from csms.services.alarm_settings import AlarmSettingsDesk
from csms.services.alarm_sweep import AlarmSweep
from csms.services.alarms import Alarms
from csms.services.notifications import NewsDesk
from csms.services.webhooks import Webhooks
from csms.storage.alarm_settings import PostgresAlarmSettings
from csms.storage.alarms import PostgresAlarms
from csms.storage.notifications import PostgresNews
from csms.storage.webhooks import PostgresWebhooks


def build(parts: Parts) -> list[Servicer]:
    """Its use cases, wired."""
    database, now, places = parts.database, parts.now, parts.places
    store, settings, hooks = PostgresAlarms(database), PostgresAlarmSettings(database), PostgresWebhooks(database)
    http = GuardedHttp(private_addresses=parts.settings.outgoing_private_addresses)
    webhooks = Webhooks(hooks, HttpWebhooks(http, now=now), lambda: places.tree, now=now)
    notifications = parts.notifier
    sweep = AlarmSweep(
        store,
        settings,
        hooks,
        notifications,
        parts.scopes,
        parts.lease("alarms"),
        lambda: places.tree,
        parts.feed,
        backed=_backed(parts),
        wake_webhooks=webhooks.wake,
        now=now,
    )
    alarms = Alarms(store, hooks, parts.scopes, lambda: places.tree, parts.feed, wake_webhooks=webhooks.wake, now=now)
    digest = AlarmDigest(
        store, settings, parts.scopes, lambda: places.tree, portal_url=parts.settings.portal_public_url, now=now
    )
    parts.ground.start_soon(_close_at_the_end, http)
    parts.work.start_soon(webhooks.run)
    parts.work.start_soon(sweep.run)
    parts.work.start_soon(notifications.tidy_for_ever)
    if parts.mails.can_send:
        parts.work.start_soon(digest.run)
    return [
        AlarmServicer(alarms, AlarmSettingsDesk(settings, can_send=parts.mails.can_send)),
        WebhookServicer(webhooks),
        NewsServicer(NewsDesk(PostgresNews(database), lambda: places.tree, now=now), notifications),
    ]


def _backed(parts: Parts) -> Callable[[], datetime | None]:
    """When the newest good backup was made; the start while there is none; None when no daily ones are wanted."""
    if parts.settings.backup_time is None:
        return lambda: None
    dumps = backups_of(parts.settings, parts.door, parts.database.dsn, parts.now)
    started_at = parts.now()
    return lambda: next((backup.made_at for backup in dumps.all() if backup.good), started_at)


async def _close_at_the_end(http: GuardedHttp) -> None:
    try:
        await trio.sleep_forever()
    finally:
        with trio.move_on_after(1.0, shield=True):
            await http.aclose()
