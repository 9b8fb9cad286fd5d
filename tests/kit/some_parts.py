"""Parts enough to wire a chapter: tables of reactions and answerers are real, what is only handed on is not there."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import trio

from csms.app.cluster import NobodyElse, lease_in
from csms.app.parts import Parts
from csms.services.consulting import Consulting
from csms.services.reacting import Reacting
from csms.storage.pool import Database
from tests.kit.service_world import NOW, ServiceWorld


def some_parts(world: ServiceWorld, ground: trio.Nursery) -> Parts:
    """On a ServiceWorld's stores. There is no database behind them."""

    class Alone:
        async def run(self, *_args: Any) -> bool:
            await trio.lowlevel.checkpoint()
            return True

        async def close(self) -> None:
            await trio.lowlevel.checkpoint()

    class Nowhere:
        async def dedicated(self) -> Alone:
            await trio.lowlevel.checkpoint()
            return Alone()

        async def fetch(self, *_args: Any) -> list[Any]:
            await trio.lowlevel.checkpoint()
            return []

    stores = SimpleNamespace(
        tokens=world.token_store,
        stations=world.station_store,
        station_queries=world.station_queries,
        session_queries=world.session_queries,
    )
    database = Nowhere()
    parts = SimpleNamespace(
        now=lambda: NOW,
        database=database,
        ground=ground,
        work=ground,
        changes=NobodyElse(),
        lease=lambda name: lease_in(cast("Database", database), name),
        stores=stores,
        inventory=world.inventory_store,
        remote=world.remote,
        scopes=world.scopes,
        places=world.places,
        feed=world.feed,
        notifier=None,
        index=world.index,
        reacting=Reacting(),
        consulting=Consulting(),
        files=SimpleNamespace(
            store=world.file_store, vault=world.vault, transfers=world.transfers, images=world.image_store
        ),
    )
    return cast("Parts", parts)
