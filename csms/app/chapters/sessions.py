"""Sessions: lists, corrections, logbooks, and closing those that were lost."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.sessions import SessionServicer
from csms.app.parts import Parts
from csms.services.session_editing import LostRule, SessionEditing
from csms.services.sessions import Sessions
from csms.storage.session_changes import PostgresSessionChanges


def build(parts: Parts) -> list[Servicer]:
    """Their use cases, wired."""
    changes, queries = PostgresSessionChanges(parts.database), parts.stores.session_queries
    sessions = Sessions(queries, parts.feed, parts.scopes, changes, parts.inventory, now=parts.now)
    rule = LostRule(
        offline_for=parts.settings.lost_session_offline_hours * 3600.0,
        available_for=parts.settings.lost_session_free_minutes * 60.0,
    )
    editing = SessionEditing(changes, queries, parts.feed, parts.scopes, parts.directory, rule=rule, now=parts.now)
    parts.remote.ask_before_start(editing)
    parts.work.start_soon(editing.land_for_ever)
    parts.work.start_soon(editing.close_lost_for_ever, parts.lease("lost sessions"))
    return [SessionServicer(sessions, editing)]
