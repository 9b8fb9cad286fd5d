"""What every keeper of wishes and templates promises."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from csms.domain.access import Scope
from csms.domain.configuration import Desired, DesiredState, Template, TemplateVariable
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.facts import StationBooted
from csms.domain.records import BootRecord, LinkRecord, VariableRecord
from csms.domain.variable_names import VariablePlace
from csms.ports.configuration import DriftFilter
from tests.kit.records import T0
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

LATER = T0 + timedelta(minutes=10)
KEY = VariablePlace("", "HeartbeatInterval")
FULL = VariablePlace("EVSE", "Power", "x", 1, 2, "y", "MaxSet")
BOOT = StationBooted("Acme", "One", firmware_version="1.0")


def wish(place: VariablePlace = KEY, value: str = "300", **more: object) -> Desired:
    return msgspec.structs.replace(Desired(place, value, T0, "users/1"), **more)


async def boot(storage: Storage, station: int, boot: StationBooted = BOOT, *, online: bool = True) -> None:
    records = [LinkRecord(station, online, T0, 1, "ocpp1.6", ""), BootRecord(station, T0, boot)]
    await storage.journal.put(records).durable()


async def test_a_wish_stands_until_another_takes_its_place(storage: Storage) -> None:
    station = await storage.station()
    first, second = wish(), wish(FULL, "a\0b", state=DesiredState.SENT, sent_at=T0)
    await storage.configuration.want(station, [second, first])
    cleaned = msgspec.structs.replace(second, value="ab")
    assert await storage.configuration.desired(station) == [first, cleaned]
    newer = wish(value="600", set_at=LATER)
    await storage.configuration.want(station, [newer])
    assert await storage.configuration.desired(station) == [newer, cleaned]
    assert await storage.configuration.drop(station, [FULL, VariablePlace("", "Other")]) == 1
    assert await storage.configuration.drop(station, []) == 0
    assert await storage.configuration.desired(station) == [newer]
    for missing in (99, 10**30):
        with pytest.raises(NotFound):
            await storage.configuration.want(missing, [first])
        with pytest.raises(NotFound):
            await storage.configuration.now(missing)
        assert await storage.configuration.desired(missing) == []


async def test_an_answer_to_an_older_wish_is_not_taken_for_the_newer_ones(storage: Storage) -> None:
    station = await storage.station()
    old, new = wish(), wish(value="600", set_at=LATER)
    await storage.configuration.want(station, [new])
    await storage.configuration.note(station, [msgspec.structs.replace(old, state=DesiredState.ACCEPTED)])
    assert await storage.configuration.desired(station) == [new]
    told = msgspec.structs.replace(
        new, state=DesiredState.REJECTED, answer="Rejected", detail="no", sent_at=LATER, answered_at=LATER
    )
    await storage.configuration.note(station, [told, wish(FULL)])
    assert await storage.configuration.desired(station) == [told], "what is not wanted is not made a wish"


async def test_what_is_due_is_found_by_what_stations_are(storage: Storage) -> None:
    station, offline = await storage.station("CP-1"), await storage.station("CP-2")
    store = storage.configuration
    assert await store.due(LATER, LATER, size=9, but=()) == [], "never booted"
    await boot(storage, station)
    await boot(storage, offline, online=False)
    found = await store.due(LATER, LATER, size=9, but=())
    assert [each.station_id for each in found] == [station]
    assert (found[0].vendor, found[0].model, found[0].firmware_version) == ("Acme", "One", "1.0")
    assert found[0].protocol == "ocpp1.6"
    assert await store.due(LATER, T0 - timedelta(seconds=1), size=9, but=()) == [], "it has just come"
    assert await store.due(LATER, LATER, size=9, but=[station]) == []
    status = msgspec.structs.replace(
        found[0].status, vendor="Acme", model="One", firmware_version="1.0", read_at=T0, failure="a\0b"
    )
    await store.put_status(status)
    assert await store.due(LATER, LATER, size=9, but=()) == []
    assert (await store.now(station)).status == msgspec.structs.replace(status, failure="ab")
    await boot(storage, station, StationBooted("Acme", "One", firmware_version="2.0"))
    assert [each.station_id for each in await store.due(LATER, LATER, size=9, but=())] == [station]
    await store.put_status(msgspec.structs.replace(status, not_before=LATER + timedelta(seconds=1)))
    assert await store.due(LATER, LATER, size=9, but=()) == []
    await store.put_status(msgspec.structs.replace(status, station_id=99))


async def test_a_request_is_not_lost_while_an_older_one_is_ended(storage: Storage) -> None:
    station = await storage.station()
    store = storage.configuration
    assert await store.request([station, 99, 10**30], T0, apply=True, template_id=7, by="users/1", upload=True) == 1
    asked = (await store.now(station)).status
    assert (asked.apply_due, asked.apply_template_id, asked.apply_by, asked.upload_due) == (True, 7, "users/1", True)
    assert [each.station_id for each in await store.due(LATER, LATER, size=9, but=())] == [station], "though offline"
    done = msgspec.structs.replace(asked, apply_due=False, apply_template_id=None, apply_by="", upload_due=False)
    await store.request([station], LATER, apply=True, template_id=8, by="users/2")
    await store.put_status(msgspec.structs.replace(done, templated_at=T0))
    status = (await store.now(station)).status
    assert (status.apply_due, status.apply_template_id, status.upload_due, status.templated_at) == (True, 8, True, T0)
    await store.put_status(msgspec.structs.replace(done, requested_at=LATER))
    status = (await store.now(station)).status
    assert (status.apply_due, status.upload_due) == (False, False)


async def test_a_start_after_a_change_that_needs_one_is_looked_at(storage: Storage) -> None:
    station = await storage.station()
    store = storage.configuration
    await boot(storage, station)
    before = T0 - timedelta(minutes=1)
    status = (await store.now(station)).status
    await store.put_status(
        msgspec.structs.replace(status, vendor="Acme", model="One", firmware_version="1.0", read_at=before)
    )
    await store.want(station, [wish()])
    assert await store.due(LATER, LATER, size=9, but=()) == []
    await store.want(station, [wish(state=DesiredState.REBOOT_REQUIRED, answered_at=before)])
    assert len(await store.due(LATER, LATER, size=9, but=())) == 1


async def test_drift_is_listed_by_station_and_told_to_the_alarms_once(storage: Storage) -> None:
    ids = [await storage.station(f"CP-{number}") for number in range(3)]
    store = storage.configuration
    await store.want(ids[0], [wish(state=DesiredState.ACCEPTED)])
    await store.want(ids[1], [wish(), wish(FULL, state=DesiredState.REJECTED)])
    await store.want(ids[2], [wish(state=DesiredState.ACCEPTED)])
    drifted = wish(state=DesiredState.ACCEPTED, drifted_at=LATER)
    await store.note_comparison(ids[2], [drifted], ["HeartbeatInterval"], LATER, b'{"names": ["HeartbeatInterval"]}')
    rows, total = await store.page_drift(DriftFilter(), size=9, after=None)
    assert ([row.station_id for row in rows], total) == (ids[1:], 2)
    assert (rows[0].unsent, rows[0].refused, rows[0].drifted) == (1, 1, 0)
    assert (rows[1].drifted, rows[1].names, rows[1].since) == (1, ("HeartbeatInterval",), LATER)
    rest, _ = await store.page_drift(DriftFilter(), size=9, after=("CP-1", ids[1]))
    assert [row.station_id for row in rest] == ids[2:]
    only, _ = await store.page_drift(DriftFilter(drifted_only=True, query="cp-"), size=9, after=None)
    assert [row.station_id for row in only] == ids[2:]
    for wanted in (DriftFilter(query="x"), DriftFilter(scope=Scope()), DriftFilter(place_ids=frozenset({99}))):
        assert await store.page_drift(wanted, size=9, after=None) == ([], 0)
    assert (await store.now(ids[2])).status.drifted == ("HeartbeatInterval",)
    await store.note_comparison(99, [], [], LATER, b"{}")


async def test_what_was_told_after_the_comparison_is_compared_again(storage: Storage) -> None:
    station = await storage.station()
    store = storage.configuration
    await store.want(station, [wish()])
    await store.note_comparison(station, [], [], T0, None)
    other = VariableRecord(station, "", "", 0, 0, "Other", "", "Actual", LATER, "1")
    await storage.journal.put([other]).durable()
    assert await store.uncompared(9) == []
    await storage.journal.put([msgspec.structs.replace(other, variable="HeartbeatInterval")]).durable()
    assert await store.uncompared(9) == [station]
    await store.note_comparison(station, [], [], LATER, None)
    assert await store.uncompared(9) == []


async def test_candidates_have_booted_and_are_in_sight(storage: Storage) -> None:
    station = await storage.station("CP-1")
    await storage.station("CP-2")
    await boot(storage, station, online=False)
    store = storage.configuration
    assert [each.station_id for each in await store.candidates(frozenset(), None)] == [station]
    assert await store.candidates(frozenset({99}), None) == []
    assert await store.candidates(frozenset(), Scope()) == []
    assert len(await store.candidates(frozenset({1}), Scope(station_ids=frozenset({station})))) == 1


async def test_templates_are_kept_by_priority_and_name(storage: Storage) -> None:
    store = storage.configuration
    variables = (TemplateVariable("HeartbeatInterval", "300"), TemplateVariable("Ü", 'a"b'))
    low = await store.create_template(Template(0, "Low", "Acme*", "One", "1.*", "1.6", 1, variables=variables))
    high = await store.create_template(Template(0, "High", priority=9, enabled=False))
    assert [each.display_name for each in await store.templates()] == ["High", "Low"]
    found = await store.find_template(low.id)
    assert found == low
    assert (found.variables, found.family, found.version) == (variables, "1.6", 1)
    with pytest.raises(AlreadyExists):
        await store.create_template(Template(0, "LOW"))
    with pytest.raises(AlreadyExists):
        await store.update_template(msgspec.structs.replace(high, display_name="low"), version=None)
    changed = await store.update_template(msgspec.structs.replace(low, priority=10), version=1)
    assert (changed.version, changed.priority) == (2, 10)
    with pytest.raises(StaleVersion):
        await store.update_template(low, version=1)
    station = await storage.station()
    await store.want(station, [wish(template_id=low.id)])
    await store.delete_template(low.id)
    assert (await store.desired(station))[0].template_id is None, "the wish stays"
    for missing in (low.id, 10**30):
        with pytest.raises(NotFound):
            await store.find_template(missing)
        with pytest.raises(NotFound):
            await store.delete_template(missing)
