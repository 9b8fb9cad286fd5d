"""What every keeper of the installation's settings promises."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain.errors import StaleVersion
from csms.domain.system import SystemSettings
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]


async def test_settings_are_there_from_the_start(storage: Storage) -> None:
    assert await storage.system_settings.read() == SystemSettings()


async def test_settings_are_changed_as_a_whole_and_two_editors_do_not_undo_each_other(storage: Storage) -> None:
    wanted = SystemSettings(
        "North Grid", "All of the north", "North AB", "help@example.org", "+46 1", "Who we are", "What we keep", "sv",
        "Europe/Stockholm",
    )  # fmt: skip
    written = await storage.system_settings.write(wanted, version=1)
    assert written.updated_at is not None
    assert msgspec.structs.replace(written, updated_at=None) == msgspec.structs.replace(wanted, version=2)
    assert await storage.system_settings.read() == written
    with pytest.raises(StaleVersion):
        await storage.system_settings.write(wanted, version=1)
    assert (await storage.system_settings.write(wanted, version=None)).version == 3


async def test_the_size_of_what_is_kept_is_known(storage: Storage) -> None:
    assert await storage.system_settings.database_bytes() > 0


async def test_texts_that_no_database_can_keep_do_no_harm(storage: Storage) -> None:
    written = await storage.system_settings.write(SystemSettings(title="a\0b"), version=None)
    assert written.title == "ab"
