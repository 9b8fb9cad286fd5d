"""Owners, shares and groups."""

from __future__ import annotations

from control.server import Servicer
from control.servicers.groups import GroupServicer
from control.servicers.sharing import SharingServicer
from csms.app.parts import Parts
from csms.services.groups import Groups
from csms.services.sharing import Sharing
from csms.storage.sharing import PostgresSharing


def build(parts: Parts) -> list[Servicer]:
    """Their use cases, wired."""
    store = PostgresSharing(parts.database)
    return [
        SharingServicer(Sharing(store, parts.scopes, parts.feed)),
        GroupServicer(Groups(store, parts.scopes, parts.feed)),
    ]
