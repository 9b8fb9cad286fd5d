"""What the store of stations promises about passwords, profiles and refusals."""

from __future__ import annotations

from datetime import timedelta

import pytest

from csms.domain.errors import NotFound
from csms.domain.facts import StationBooted
from csms.domain.records import BootRecord
from csms.ports.stores import RefusedAttempts, StationRow
from tests.kit.records import T0
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

NOWHERE = 10**30


async def the_row(storage: Storage, station_id: int) -> StationRow:
    found = await storage.stations.find(station_id)
    assert found is not None
    return found


@pytest.mark.feature("F-OCPP-7")
async def test_the_first_password_that_is_proven_ends_all_others(storage: Storage) -> None:
    station = await storage.station("CP-1")
    await storage.stations.set_password_hash(station, "old")
    for each in ("new-1", "new-2", "new-3"):
        await storage.stations.add_next_password_hash(station, each)
    await storage.stations.drop_next_password_hash(station, "new-1")
    await storage.stations.drop_next_password_hash(station, "never there")
    row = await the_row(storage, station)
    assert (row.password_hash, row.next_password_hashes) == ("old", ("new-2", "new-3"))
    [view] = await storage.station_queries.get_stations([station])
    assert view.password_change_pending
    await storage.stations.note_sign_in(station, 1, "new-1")  # dropped meanwhile: proves nothing any more
    assert (await the_row(storage, station)).password_hash == "old"
    await storage.stations.note_sign_in(station, 1, "new-3")
    row = await the_row(storage, station)
    assert (row.password_hash, row.next_password_hashes, row.security_profile) == ("new-3", (), 1)
    await storage.stations.add_next_password_hash(station, "new-4")
    await storage.stations.set_password_hash(station, "by hand")
    assert (await the_row(storage, station)).next_password_hashes == ()


@pytest.mark.feature("F-OCPP-7")
async def test_a_proven_profile_only_goes_up_but_by_order(storage: Storage) -> None:
    station = await storage.station("CP-1")
    assert (await the_row(storage, station)).security_profile == 0
    for proven, kept in ((2, 2), (1, 2), (3, 3), (0, 3)):
        await storage.stations.note_sign_in(station, proven)
        assert (await the_row(storage, station)).security_profile == kept
    await storage.stations.set_password_hash(station, None)
    assert (await the_row(storage, station)).security_profile == 3  # its certificate needs no password
    await storage.stations.set_security_profile(station, 2)
    await storage.stations.set_password_hash(station, "x")
    assert (await the_row(storage, station)).security_profile == 2
    await storage.stations.set_password_hash(station, None)
    assert (await the_row(storage, station)).security_profile == 0


@pytest.mark.feature("F-OCPP-7")
async def test_refusals_of_many_stations_are_counted_at_once(storage: Storage) -> None:
    first, second = await storage.station("CP-1"), await storage.station("CP-é")
    later = T0 + timedelta(minutes=1)
    known = await storage.stations.note_refusals(
        [
            RefusedAttempts("CP-é", 3, T0, "WRONG_PASSWORD", "192.0.2.1"),
            RefusedAttempts("nobody", 9, T0, "NO_TLS", "192.0.2.1"),
            RefusedAttempts("CP-1", 1, T0, "NO_TLS", "192.0.2.1"),
        ]
    )
    assert sorted(known) == [("CP-1", first), ("CP-é", second)]
    await storage.stations.note_refusals([RefusedAttempts("CP-é", 2, later, "NO_TLS", "192.0.2.\x002")])
    [view] = await storage.station_queries.get_stations([second])
    assert (view.failed_attempts, view.last_failed_attempt_at) == (5, later)
    assert (view.last_failed_attempt_reason, view.last_failed_attempt_address) == ("NO_TLS", "192.0.2.2")
    assert await storage.stations.note_refusals([]) == []


async def test_serial_numbers_of_the_last_boot(storage: Storage) -> None:
    station = await storage.station("CP-1")
    assert (await the_row(storage, station)).serial_numbers == ()
    boot = StationBooted("Vendor", "Model", serial_number="SN", charge_box_serial_number="BOX")
    await storage.journal.put([BootRecord(station, T0, boot)]).durable()
    assert (await the_row(storage, station)).serial_numbers == ("SN", "BOX")


async def test_a_station_that_does_not_exist(storage: Storage) -> None:
    station = await storage.station("CP-1")
    await storage.stations.delete(station)
    for missing in (station, NOWHERE):
        for change in (
            storage.stations.add_next_password_hash(missing, "x"),
            storage.stations.drop_next_password_hash(missing, "x"),
            storage.stations.set_security_profile(missing, 1),
        ):
            with pytest.raises(NotFound):
                await change
    await storage.stations.note_sign_in(station, 1, "x")  # deleted while it signed in
