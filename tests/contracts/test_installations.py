"""What every keeper of installations promises."""

from __future__ import annotations

from datetime import date

import msgspec
import pytest

from csms.domain.errors import NotFound, StaleVersion
from csms.domain.facts import StationBooted
from csms.domain.installation import Installation, Secrets
from csms.domain.records import BootRecord
from csms.ports.installations import InventoryFilter
from tests.kit.records import T0
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]


def written(station_id: int) -> Installation:
    return Installation(
        station_id,
        T0,
        "511189B",
        "M-7",
        "21007",
        "V9",
        date(2026, 3, 1),
        "Ms Spark",
        date(2028, 3, 1),
        "board 4",
        63,
        3,
        "behind the\nlift",
    )


async def test_an_installation_is_empty_until_somebody_writes_it(storage: Storage) -> None:
    station = await storage.station("CP-1")
    assert await storage.installations.find(station) == Installation(station)
    kept = await storage.installations.write(written(station), version=0)
    assert kept.updated_at is not None
    assert msgspec.structs.replace(kept, version=0, updated_at=None) == written(station)
    assert await storage.installations.find(station) == kept
    with pytest.raises(StaleVersion):
        await storage.installations.write(written(station), version=0)
    assert (await storage.installations.write(written(station), version=kept.version)).version == 2
    assert (await storage.installations.write(written(station), version=None)).version == 3


async def test_secrets_are_kept_apart_and_edits_leave_them(storage: Storage) -> None:
    station = await storage.station("CP-1")
    assert await storage.installations.secrets(station) == Secrets()
    told = await storage.installations.write_secrets(station, Secrets("máster", ""))
    assert (told.has_master_password, told.has_access_code) == (True, False)
    kept = await storage.installations.write(written(station), version=None)
    assert kept.has_master_password
    assert await storage.installations.secrets(station) == Secrets("máster", "")
    assert not (await storage.installations.write_secrets(station, Secrets())).has_master_password


async def test_a_station_that_is_not_there_has_none(storage: Storage) -> None:
    for missing in (99, 10**30):
        with pytest.raises(NotFound):
            await storage.installations.find(missing)
        with pytest.raises(NotFound):
            await storage.installations.write(written(missing), version=None)
        with pytest.raises(NotFound):
            await storage.installations.secrets(missing)
        with pytest.raises(NotFound):
            await storage.installations.write_secrets(missing, Secrets("x"))


async def test_the_inventory_is_searched_by_what_stands_on_the_label(storage: Storage) -> None:
    ids = [await storage.station(f"CP-{number}") for number in range(4)]
    boot = StationBooted("Acme", "Z100%", serial_number="S-1", firmware_version="1.2")
    await storage.journal.put([BootRecord(ids[1], T0, boot)]).durable()
    await storage.installations.write(written(ids[2]), version=None)

    async def found(**wanted: str) -> list[str]:
        rows, total = await storage.installations.page(InventoryFilter(**wanted), size=10, after=None)
        assert total == len(rows)
        return [row.station.identity for row in rows]

    assert await found() == ["CP-0", "CP-1", "CP-2", "CP-3"]
    assert await found(identity="cp-3") == ["CP-3"]
    assert await found(serial_number="s-1") == ["CP-1"]
    assert await found(serial_number="21007") == ["CP-2"]
    assert await found(model="100%") == ["CP-1"]
    assert await found(material_number="m-7") == ["CP-2"]
    assert await found(query="v9") == ["CP-2"]
    assert await found(query="v9", model="z") == []
    first, total = await storage.installations.page(InventoryFilter(), size=2, after=None)
    last = first[-1].station
    rest, _ = await storage.installations.page(InventoryFilter(), size=9, after=(last.identity, last.id))
    assert ([row.station.identity for row in rest], total) == (["CP-2", "CP-3"], 4)
    assert first[0].installation == Installation(ids[0])
    assert rest[0].installation.part_number == "511189B"
