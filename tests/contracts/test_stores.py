"""What every store promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from csms.domain.access import Role
from csms.domain.authorization import Token
from csms.domain.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound, StaleVersion
from csms.domain.facts import ChargingState, ConnectorStatus, RegistrationStatus, TransactionExtras, TransactionLimit
from csms.domain.transaction import Flag, Numbering, StartKey, Transaction
from csms.ports.tokens import TokenFilter, TokenOrder, place_of
from tests.kit.records import (
    T0,
    a_meter_record,
    a_meter_value,
    a_session_record,
    a_status_record,
    a_transaction,
    after,
)
from tests.kit.storage_world import Storage, storage, storage_url

__all__ = ["storage", "storage_url"]

NOWHERE = 10**30  # fits no column


# -- stations ----------------------------------------------------------------------------------------------------------


async def test_newcomers_are_made_together_and_those_who_are_there_are_found(storage: Storage) -> None:
    known = await storage.station("CP-2")
    names = ["CP-3", "CP-1", "CP-2", "CP-1"]
    rows = await storage.stations.create_newcomers(names, RegistrationStatus.PENDING)
    found = {row.identity: row for row in rows}
    assert sorted(found) == ["CP-1", "CP-2", "CP-3"]
    assert found["CP-2"].id == known
    assert found["CP-2"].registration is RegistrationStatus.ACCEPTED
    assert found["CP-1"].registration is RegistrationStatus.PENDING
    assert await storage.stations.find_by_identity("CP-3") == found["CP-3"]
    again = await storage.stations.create_newcomers(names, RegistrationStatus.ACCEPTED)
    assert {row.identity: row for row in again} == found
    assert list(await storage.stations.create_newcomers([], RegistrationStatus.ACCEPTED)) == []


async def test_a_station_is_found_by_id_and_by_identity_as_it_is_written(storage: Storage) -> None:
    made = await storage.stations.create("CP-é", RegistrationStatus.PENDING, display_name="Yard", address="Way 1")
    assert await storage.stations.find(made.id) == made
    assert await storage.stations.find_by_identity("CP-é") == made
    assert await storage.stations.find_by_identity("cp-é") is None
    assert await storage.stations.find_by_identity("CP-é\0") is None
    assert await storage.stations.find(NOWHERE) is None
    assert (made.registration, made.display_name, made.address, made.version) == (
        RegistrationStatus.PENDING,
        "Yard",
        "Way 1",
        1,
    )


@pytest.mark.feature("F-STA-7")
async def test_an_identity_is_taken_once(storage: Storage) -> None:
    await storage.station("CP-1")
    other = await storage.station("CP-2")
    with pytest.raises(AlreadyExists) as caught:
        await storage.station("CP-1")
    assert caught.value.reason == "IDENTITY_TAKEN"
    with pytest.raises(AlreadyExists):
        await storage.stations.update(other, {"identity": "CP-1"})
    assert (await storage.stations.update(other, {"identity": "CP-3"})).identity == "CP-3"


async def test_an_edit_changes_what_it_names_and_a_stale_one_nothing(storage: Storage) -> None:
    station = await storage.station()
    first = await storage.stations.update(station, {"display_name": "A", "description": "B"}, version=1)
    assert (first.display_name, first.description, first.identity, first.version) == ("A", "B", "CP-1", 2)
    with pytest.raises(StaleVersion):
        await storage.stations.update(station, {"display_name": "C"}, version=1)
    assert (await storage.stations.update(station, {"address": "D"})).display_name == "A"
    with pytest.raises(InvalidArgument):
        await storage.stations.update(station, {"password_hash": "x"})


async def test_registration_and_password_are_set_and_a_stranger_is_not_found(storage: Storage) -> None:
    station = await storage.station()
    assert (
        await storage.stations.set_registration(station, RegistrationStatus.REJECTED)
    ).registration is RegistrationStatus.REJECTED
    await storage.stations.set_password_hash(station, "$argon2id$…")
    found = await storage.stations.find(station)
    assert found is not None
    assert found.password_hash == "$argon2id$…"
    await storage.stations.delete(station)
    for stranger in (station, NOWHERE):
        with pytest.raises(NotFound):
            await storage.stations.set_registration(stranger, RegistrationStatus.ACCEPTED)
        with pytest.raises(NotFound):
            await storage.stations.set_password_hash(stranger, None)
        with pytest.raises(NotFound):
            await storage.stations.update(stranger, {"address": "x"})
        with pytest.raises(NotFound):
            await storage.stations.delete(stranger)
        with pytest.raises(NotFound):
            await storage.states.load_state(stranger)


async def test_attempts_of_a_stranger_are_counted(storage: Storage) -> None:
    station = (await storage.stations.create("CP-1", RegistrationStatus.PENDING)).id
    await storage.stations.note_attempt(station, T0, "192.0.2.7")
    await storage.stations.note_attempt(station, after(1), "192.0.2.8")
    view = (await storage.station_queries.get_stations([station]))[0]
    assert (view.attempts, view.remote_address) == (2, "192.0.2.8")


# -- an actor's memory -------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9")
async def test_a_loaded_state_has_every_meter_value_that_the_session_row_lacks(storage: Storage) -> None:
    station = await storage.station()
    first, second = await storage.transactions.reserve_session_ids(2)
    memory = a_transaction(first, station)
    memory.read(a_meter_value(after(1), 1001.0), after(1))
    records = [a_meter_record(station, after(1), 1001.0, session_id=first), a_session_record(memory)]
    ended = a_transaction(second, station, evse_id=2, started_at=after(2))
    ended.end(after(3), 1000.0, "Local", after(3))
    for n in range(2, 8):  # the row is not written again
        memory.read(a_meter_value(after(n), 1000.0 + n, 1000.0 * n), after(n))
        records.append(a_meter_record(station, after(n), 1000.0 + n, session_id=first))
        memory.max_power_w = max(memory.max_power_w, 11_000.0)
        memory.power_w = 11_000.0
    records += [a_session_record(ended), a_status_record(station, ConnectorStatus.CHARGING, error_code="HighTemp")]
    await storage.journal.put(records).durable()
    state = await storage.states.load_state(station)
    assert (state.station_id, state.identity, state.registration) == (station, "CP-1", RegistrationStatus.ACCEPTED)
    assert list(state.open.values()) == [memory]
    assert memory.energy_wh == 7.0
    status = state.statuses[1, 1]
    assert (status.status, status.error_code, status.timestamp) == (ConnectorStatus.CHARGING, "HighTemp", T0)


@pytest.mark.feature("F-OCPP-4")
async def test_after_a_crash_a_message_that_was_not_written_down_is_no_gap(storage: Storage) -> None:
    station = await storage.station()
    (number,) = await storage.transactions.reserve_session_ids(1)
    memory = a_transaction(number, station)
    memory.sequence = Numbering(((0, 1),))
    records = [a_session_record(memory), a_meter_record(station, after(9), 1009.0, session_id=number)]
    await storage.journal.put(records).durable()
    loaded = (await storage.states.load_state(station)).open[number]
    assert loaded.number(5)  # 2 to 4 were with the meter value of after(9), or lost: nobody knows
    assert loaded.number(7)
    assert loaded.sequence == Numbering(((0, 5), (7, 7)))


# -- transactions ------------------------------------------------------------------------------------------------------


@pytest.mark.feature("F-OCPP-4")
async def test_all_that_a_transaction_of_2_x_tells_is_kept(storage: Storage) -> None:
    station = await storage.station()
    first, second = await storage.transactions.reserve_session_ids(2)
    told = a_transaction(first, station)
    told.transaction_id, told.sequence, told.token_seq = "tx-1", Numbering(((0, 3), (5, 5))), 2
    told.charging_state, told.remote_start_id, told.stop_id_token = ChargingState.SUSPENDED_EV, 77, "OTHER"
    told.extras = TransactionExtras(
        number_of_phases_used=3,
        transaction_limit=TransactionLimit(max_soc=80),
        cost_details={"totalCost": {"currency": "EUR"}},
    )
    told.flag(Flag.SEQUENCE_GAP)
    told.settle_meters()
    same_start = a_transaction(second, station)
    same_start.transaction_id, same_start.sequence = "tx-2", Numbering()
    await storage.journal.put([a_session_record(told), a_session_record(same_start)]).durable()
    assert await storage.transactions.find_transaction(station, "tx-1") == told
    assert await storage.transactions.find_transaction(station, "tx-2") == same_start
    key = StartKey(station, 1, T0, "TAG", 1000.0)
    assert await storage.transactions.find_start(key) is None


async def test_session_ids_are_never_the_same_twice(storage: Storage) -> None:
    ids = [*await storage.transactions.reserve_session_ids(100), *await storage.transactions.reserve_session_ids(3)]
    assert len(set(ids)) == 103
    assert all(0 < each < 2**31 for each in ids)


async def test_a_start_is_found_by_all_of_its_key(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    transaction = a_transaction(session, station, meter_start_wh=None)
    await storage.journal.put([a_session_record(transaction)]).durable()
    key = StartKey(station, 1, T0, "TAG", 0.0)
    assert transaction.start_key == key
    assert await storage.transactions.find_start(key) == transaction
    for other in (
        StartKey(station, 2, T0, "TAG", 0.0),
        StartKey(station, 1, after(1), "TAG", 0.0),
        StartKey(station, 1, T0, "GAT", 0.0),
        StartKey(station, 1, T0, "TAG", 1.0),
        StartKey(station + 1, 1, T0, "TAG", 0.0),
    ):
        assert await storage.transactions.find_start(other) is None
    assert await storage.transactions.find_transaction(station, str(session)) == transaction
    assert await storage.transactions.find_transaction(station, "nonsense\0") is None


async def test_an_end_is_found_by_all_of_it(storage: Storage) -> None:
    station, session = await storage.station(), await storage.session_id()
    ended = orphan(session, station, T0, 5000.0)
    ended.transaction_id = "-1"
    await storage.journal.put([a_session_record(ended)]).durable()
    assert await storage.transactions.find_end(station, "-1", T0, 5000.0) == ended
    for other in ((station, "-1", after(1), 5000.0), (station, "-1", T0, 9000.0), (station, "0", T0, 5000.0)):
        assert await storage.transactions.find_end(*other) is None


def orphan(session: int, station: int, at: datetime, meter_wh: float | None, id_token: str = "") -> Transaction:
    transaction = a_transaction(session, station, started_at=None, id_token=id_token, received_at=at)
    transaction.flag(Flag.START_MISSING)
    transaction.end(at, meter_wh, "Local", at)
    return transaction


@pytest.mark.feature("F-OCPP-9")
async def test_the_earliest_end_that_fits_is_found_for_a_late_start(storage: Storage) -> None:
    station = await storage.station()
    ids = await storage.transactions.reserve_session_ids(5)
    ends = [
        orphan(ids[0], station, after(10), 500.0),
        orphan(ids[1], station, after(40), 5000.0),
        orphan(ids[2], station, after(30), 2000.0, "TAG"),
        orphan(ids[3], station, after(20), None, "OTHER"),
    ]
    started = a_transaction(ids[4], station)
    started.end(after(25), 3000.0, "Local", after(25))
    await storage.journal.put([a_session_record(t) for t in (*ends, started)]).durable()

    async def find(id_token: str, at: datetime, meter_wh: float | None, of: int = station) -> int | None:
        found = await storage.transactions.find_orphan_end(of, id_token, at, meter_wh)
        return None if found is None else found.id

    assert await find("TAG", T0, 1000.0) == ids[2]
    assert await find("TAG", T0, None) == ids[0]
    assert await find("", T0, 1000.0) == ids[1]
    assert await find("OTHER", T0, 1000.0) == ids[3]
    assert await find("TAG", after(31), 1000.0) == ids[1]
    assert await find("TAG", after(41), 1000.0) is None
    assert await find("TAG", T0, 6000.0) is None
    assert await find("TAG", T0, 1000.0, station + 1) is None


async def test_tags_of_open_sessions_are_listed(storage: Storage) -> None:
    station = await storage.station()
    ids = await storage.transactions.reserve_session_ids(3)
    ended = a_transaction(ids[0], station)
    ended.end(after(1), 1000.0, "Local", after(1))
    others = [a_transaction(ids[1], station, evse_id=2), a_transaction(ids[2], station, evse_id=3, id_token="")]
    await storage.journal.put([a_session_record(t) for t in (ended, *others)]).durable()
    assert list(await storage.transactions.open_tokens()) == [("TAG", ids[1])]


# -- tags --------------------------------------------------------------------------------------------------------------


async def test_tags_are_made_changed_listed_and_deleted(storage: Storage) -> None:
    made = await storage.tokens.create(Token(0, "B", alias="Second", expires_at=T0, parent_id_token="P"))
    first = await storage.tokens.create(Token(0, "A", note="100%_\\"))
    assert await storage.tokens.find(made.id) == made
    assert (made.version, made.expires_at, made.parent_id_token) == (1, T0, "P")
    assert list(await storage.tokens.load_all()) == [first, made]
    before = await storage.tokens.load_changed(None)
    assert (before.tokens, before.gone) == ((first, made), ())
    with pytest.raises(AlreadyExists) as caught:
        await storage.tokens.create(Token(0, "A"))
    assert caught.value.reason == "ID_TOKEN_TAKEN"
    changed = await storage.tokens.update(Token(made.id, "ignored", blocked=True, allow_concurrent=True), version=1)
    assert (changed.id_token, changed.alias, changed.blocked, changed.expires_at, changed.version) == (
        "B",
        "",
        True,
        None,
        2,
    )
    with pytest.raises(StaleVersion):
        await storage.tokens.update(Token(made.id, "B"), version=1)
    assert changed in (await storage.tokens.load_changed(before.at)).tokens
    assert await storage.tokens.delete(made.id) == changed
    after = await storage.tokens.load_changed(before.at)
    assert changed not in after.tokens
    assert after.gone == ("B",)
    for call in (storage.tokens.delete(made.id), storage.tokens.update(made, version=None)):
        with pytest.raises(NotFound):
            await call
    assert await storage.tokens.find(NOWHERE) is None


async def test_tags_are_paged_in_their_order_and_searched_as_they_are_written(storage: Storage) -> None:
    for name, note in (("C", "x"), ("A", "100%"), ("B", "100 x"), ("D", "a_b")):
        await storage.tokens.create(Token(0, name, alias=f"Alias {name}", note=note))
    page, total = await storage.tokens.page(TokenFilter(), size=2)
    assert ([t.id_token for t in page], total) == (["A", "B"], 4)
    page, total = await storage.tokens.page(TokenFilter(), size=9, after=place_of(page[-1], TokenOrder.ID_TOKEN))
    assert ([t.id_token for t in page], total) == (["C", "D"], 4)
    for query, expected in (("0%", ["A"]), ("_", ["D"]), ("aLIAS c", ["C"]), ("x\0", ["B", "C"]), ("\\", [])):
        page, total = await storage.tokens.page(TokenFilter(query=query.replace("\0", "")), size=9)
        assert ([t.id_token for t in page], total) == (expected, len(expected)), query


# -- people ------------------------------------------------------------------------------------------------------------


async def test_people_are_found_whatever_the_case_of_their_address(storage: Storage) -> None:
    assert await storage.access.count_users() == 0
    user = await storage.access.create_user("Ann@example.org", "Ann", "hash", Role.ADMINISTRATOR)
    assert await storage.access.find_user_by_email("aNN@EXAMPLE.org") == user
    assert await storage.access.find_user(user.id) == user
    assert await storage.access.find_user(user.id + 1) is None
    with pytest.raises(AlreadyExists) as caught:
        await storage.access.create_user("ann@Example.org", "Ann", "hash", Role.SUPPORT)
    assert caught.value.reason == "EMAIL_TAKEN"
    await storage.access.set_password_hash(user.id, "other")
    found = await storage.access.find_user(user.id)
    assert found is not None
    assert found.password_hash == "other"
    with pytest.raises(NotFound):
        await storage.access.set_password_hash(NOWHERE, "x")
    assert await storage.access.count_users() == 1


async def test_a_sign_in_lasts_as_long_as_it_is_used(storage: Storage) -> None:
    now = datetime.now(UTC)
    user = await storage.access.create_user("a@example.org", "A", "hash", Role.SUPPORT)
    await storage.access.create_sign_in(b"one", user.id, now + timedelta(hours=1))
    await storage.access.create_sign_in(b"two", user.id, now + timedelta(hours=1))
    await storage.access.create_sign_in(b"three", user.id, now + timedelta(hours=1))
    assert await storage.access.find_sign_in(b"one", now + timedelta(minutes=50)) == user
    assert await storage.access.find_sign_in(b"one", now + timedelta(minutes=100)) == user
    assert await storage.access.find_sign_in(b"two", now + timedelta(minutes=100)) is None
    assert await storage.access.find_sign_in(b"one", now + timedelta(minutes=170)) is None
    await storage.access.delete_sign_ins(user.id, keep=b"two")
    assert await storage.access.find_sign_in(b"three", now) is None
    assert await storage.access.find_sign_in(b"two", now) == user
    await storage.access.delete_sign_in(b"two")
    assert await storage.access.find_sign_in(b"two", now) is None
    with pytest.raises(NotFound):
        await storage.access.create_sign_in(b"four", user.id + 1, now)


async def test_keys_are_found_by_their_digest_until_they_expire(storage: Storage) -> None:
    now = datetime.now(UTC)
    made = await storage.access.create_api_key("Billing", Role.SUPPORT, b"d1", "ck_…abc", now + timedelta(days=1))
    other = await storage.access.create_api_key("Other", Role.SUPPORT, b"d2", "ck_…def", None)
    used = await storage.access.find_api_key(b"d1", now)
    assert used is not None
    assert (used.id, used.last_used_at) == (made.id, now)
    again = await storage.access.find_api_key(b"d1", now + timedelta(seconds=30))
    assert again == used  # noted at most once a minute
    assert await storage.access.find_api_key(b"d1", now + timedelta(days=2)) is None
    assert await storage.access.find_api_key(b"d3", now) is None
    assert [key.id for key in await storage.access.page_api_keys(size=9, before=None)] == [other.id, made.id]
    assert [key.id for key in await storage.access.page_api_keys(size=9, before=other.id)] == [made.id]
    await storage.access.delete_api_key(made.id)
    with pytest.raises(NotFound):
        await storage.access.delete_api_key(made.id)
    assert await storage.access.find_api_key(b"d1", now) is None


# -- request memory ----------------------------------------------------------------------------------------------------


async def test_a_request_is_done_once_and_answered_the_same(storage: Storage) -> None:
    requests = storage.requests
    assert await requests.begin("users/1", "Create", "r", b"digest") is None
    with pytest.raises(FailedPrecondition) as caught:
        await requests.begin("users/1", "Create", "r", b"digest")
    assert caught.value.reason == "REQUEST_IN_PROGRESS"
    assert await requests.begin("users/2", "Create", "r", b"digest") is None
    await requests.finish("users/1", "Create", "r", b"answer")
    assert await requests.begin("users/1", "Create", "r", b"digest") == b"answer"
    with pytest.raises(InvalidArgument) as reused:
        await requests.begin("users/1", "Create", "r", b"another")
    assert reused.value.reason == "REQUEST_ID_REUSED"
    await requests.forget("users/2", "Create", "r")
    assert await requests.begin("users/2", "Create", "r", b"another") is None
