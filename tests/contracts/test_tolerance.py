"""What every keeper of rule sets promises."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.facts import StationBooted
from csms.domain.records import BootRecord
from csms.ports.tolerance import RuleSet, StationKind
from tests.kit.records import T0
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

ACME = RuleSet(0, "Acme", "Acme*", "Z?", "1.*", ("words", "nulls"), "+02:00", True, "Seen in May.")


async def titles(storage: Storage) -> list[str]:
    """Of those that tests made."""
    return [each.title for each in await storage.tolerance.load_all() if not each.title.startswith("Harmless")]


async def test_a_rule_set_is_made_read_and_removed(storage: Storage) -> None:
    made = await storage.tolerance.create(ACME)
    assert made.created_at is not None
    assert msgspec.structs.replace(made, id=0, created_at=None, updated_at=None) == ACME
    assert await storage.tolerance.find(made.id) == made
    assert await storage.tolerance.find(10**30) is None
    await storage.tolerance.create(RuleSet(0, "AAA", rules=("nulls",)))
    assert await titles(storage) == ["AAA", "Acme"]
    await storage.tolerance.delete(made.id)
    assert await titles(storage) == ["AAA"]
    for gone in (made.id, 10**30):
        with pytest.raises(NotFound):
            await storage.tolerance.delete(gone)


async def test_a_change_needs_the_version_that_was_read(storage: Storage) -> None:
    made = await storage.tolerance.create(ACME)
    wanted = msgspec.structs.replace(made, enabled=False, rules=("decimals",))
    changed = await storage.tolerance.update(wanted, version=made.version)
    assert (changed.enabled, changed.rules, changed.version) == (False, ("decimals",), 2)
    with pytest.raises(StaleVersion):
        await storage.tolerance.update(wanted, version=made.version)
    assert (await storage.tolerance.update(wanted, version=None)).version == 3
    with pytest.raises(NotFound):
        await storage.tolerance.update(msgspec.structs.replace(made, id=made.id + 99), version=None)


async def test_a_title_is_given_once(storage: Storage) -> None:
    await storage.tolerance.create(ACME)
    other = await storage.tolerance.create(RuleSet(0, "Other", rules=("nulls",)))
    with pytest.raises(AlreadyExists):
        await storage.tolerance.create(ACME)
    with pytest.raises(AlreadyExists):
        await storage.tolerance.update(msgspec.structs.replace(other, title="Acme"), version=None)


async def test_texts_that_no_database_can_keep_do_no_harm(storage: Storage) -> None:
    assert (await storage.tolerance.create(RuleSet(0, "a\0b", rules=("nulls",)))).title == "ab"


async def test_stations_that_booted_are_known_by_what_they_said(storage: Storage) -> None:
    booted = await storage.station("CP-1")
    await storage.station("CP-2")
    boot = StationBooted("Acme", "Z1", firmware_version="1.2")
    await storage.journal.put([BootRecord(booted, T0, boot)]).durable()
    assert list(await storage.tolerance.station_kinds()) == [StationKind(booted, "Acme", "Z1", "1.2")]
