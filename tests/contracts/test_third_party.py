"""What every store of third-party services and of roaming promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from cryptography.fernet import Fernet

from csms.aio import open_door
from csms.domain.errors import AlreadyExists, NotFound, StaleVersion
from csms.domain.roaming import Party, PartyEndpoint, PartyRole, PartyState, RoamingStart, RoamingToken, tag_of
from csms.domain.third_party import LocationDataSettings, PublishedSite, RoamingSettings
from csms.ports.roaming import PartyStore, PushDraft, ReleasedObject, ReleaseStore
from csms.ports.third_party import ServiceStore
from csms.storage.pool import open_database
from csms.storage.roaming_parties import PostgresParties
from csms.storage.roaming_releases import PostgresReleases
from csms.storage.sealing import MarkedCipher
from csms.storage.third_party import PostgresServices
from tests.kit.fake_roaming import FakeRoaming, FakeServices
from tests.kit.storage_world import storage_url

__all__ = ["storage_url"]

Stores = tuple[ServiceStore, PartyStore, ReleaseStore]
AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
pytestmark = pytest.mark.feature("F-SYS-2")


@pytest.fixture
async def stores(storage_url: str) -> AsyncIterator[Stores]:
    if storage_url:
        async with open_door() as door, open_database(door, storage_url, max_size=2) as database:
            cipher = MarkedCipher(Fernet.generate_key())
            yield PostgresServices(database), PostgresParties(database, cipher), PostgresReleases(database)
    else:
        roaming = FakeRoaming()
        yield FakeServices(lambda: {1}), roaming, roaming


def a_party(code: str = "TNM", state: PartyState = PartyState.REGISTERED) -> Party:
    return Party(
        0,
        f"Provider {code}",
        state,
        f"digest {code}".encode(),
        "secret",
        "NL",
        code,
        "The Moving Company",
        (PartyRole("EMSP", "NL", code, "The Moving Company"),),
        "https://example.org/versions",
        (PartyEndpoint("tokens", "SENDER", "https://example.org/tokens"),),
        AT,
    )


def a_token(party: Party, uid: str, **changes: object) -> RoamingToken:
    body = '{"visual_number":"123"}'
    token = RoamingToken(party.id, "NL", "TNM", uid, "RFID", tag_of(uid), f"NLTNM{uid}", True, "ALLOWED", body, AT)
    return msgspec.structs.replace(token, **changes)


async def test_the_services_that_are_built_in_are_there_and_off(stores: Stores) -> None:
    services, _, _ = stores
    found = await services.all()
    assert [(each.key, each.enabled) for each in found] == [("location-data", False), ("roaming", False)]
    assert isinstance((await services.get("location-data")).settings, LocationDataSettings)
    with pytest.raises(NotFound):
        await services.get("parking")


async def test_settings_are_kept_and_guarded_by_their_version(stores: Stores) -> None:
    services, _, _ = stores
    wanted = RoamingSettings("SE", "CHA", "Chargehouse", "", "https://csms.example.org", 6, 4, "SEK")
    old = await services.get("roaming")
    kept = await services.change("roaming", settings=wanted, version=old.version)
    assert (kept.settings, kept.enabled, kept.version) == (wanted, False, old.version + 1)
    assert (await services.change("roaming", enabled=True)).settings == wanted
    with pytest.raises(StaleVersion):
        await services.change("roaming", enabled=False, version=old.version)
    await services.note("roaming", AT, "It was away.")
    await services.note("roaming", AT + timedelta(minutes=1))
    found = await services.get("roaming")
    assert (found.last_error, found.last_error_at) == ("It was away.", AT)
    assert found.last_success_at == AT + timedelta(minutes=1)


async def test_a_site_is_told_as_it_was_put_last(stores: Stores) -> None:
    services, _, _ = stores
    site = PublishedSite(1, True, "Kungsgatan 1", "Göteborg", "411 19", "SWE")
    await services.put_site(msgspec.structs.replace(site, published=False))
    await services.put_site(site)
    assert site in await services.sites()
    with pytest.raises(NotFound):
        await services.put_site(msgspec.structs.replace(site, place_id=987_654))


async def test_a_party_is_found_by_what_it_shows(stores: Stores) -> None:
    _, parties, _ = stores
    made = await parties.create_party(a_party("AAA"))
    assert msgspec.structs.replace(made, id=0, created_at=None) == a_party("AAA")
    assert await parties.party_of(b"digest AAA") == made
    assert await parties.party_of(b"another") is None
    with pytest.raises(AlreadyExists):
        await parties.create_party(msgspec.structs.replace(a_party("AAA"), token_digest=b"other"))
    changed = msgspec.structs.replace(made, display_name="Renamed", token_digest=b"new", tokens_read_at=AT)
    kept = await parties.update_party(changed, version=made.version)
    assert (kept.display_name, kept.version, kept.tokens_read_at) == ("Renamed", made.version + 1, AT)
    later = AT + timedelta(hours=1)
    await parties.note_tokens_read(made.id, later)
    noted = await parties.party(made.id)
    assert (noted.tokens_read_at, noted.version, noted.token_digest) == (later, kept.version, kept.token_digest)
    with pytest.raises(StaleVersion):
        await parties.update_party(changed, version=made.version)
    await parties.note_party(made.id, AT, "Away.")
    assert (await parties.party(made.id)).last_error == "Away."
    await parties.delete_party(made.id)
    with pytest.raises(NotFound):
        await parties.delete_party(made.id)
    with pytest.raises(NotFound):
        await parties.party(10**30)


async def test_invited_parties_have_no_code_and_do_not_stand_in_each_others_way(stores: Stores) -> None:
    _, parties, _ = stores
    for name in (b"one", b"two"):
        await parties.create_party(Party(0, "Invited", PartyState.INVITED, name))
    assert len([party for party in await parties.parties() if party.display_name == "Invited"]) == 2


async def test_the_newer_word_about_a_token_counts(stores: Stores) -> None:
    _, parties, _ = stores
    party = await parties.create_party(a_party("BBB"))
    token = a_token(party, "04Ab")
    await parties.put_tokens([token, a_token(party, "05CD")])
    await parties.put_tokens([msgspec.structs.replace(token, valid=False, last_updated=AT + timedelta(hours=1))])
    await parties.put_tokens([token])  # late
    found = await parties.token(party.id, "NL", "TNM", "04aB", "RFID")
    assert found is not None
    assert (found.uid, found.valid) == ("04Ab", False)
    assert await parties.token(party.id, "NL", "TNM", "04Ab", "APP_USER") is None
    told = await parties.told_tokens(None, ())
    assert {each.uid for each in told.tokens if each.party_id == party.id} == {"04Ab", "05CD"}
    assert (await parties.counts())[party.id].tokens == 2
    await parties.update_party(msgspec.structs.replace(party, state=PartyState.SUSPENDED))
    assert not [each for each in (await parties.told_tokens(None, ())).tokens if each.party_id == party.id]
    with pytest.raises(NotFound):
        await parties.put_tokens([msgspec.structs.replace(token, party_id=987_654)])


async def test_only_what_was_told_since_is_read_again_and_all_when_parties_come_or_go(stores: Stores) -> None:
    _, parties, _ = stores
    party = await parties.create_party(a_party("CCC"))
    await parties.put_tokens([a_token(party, "01AA"), a_token(party, "02BB")])
    first = await parties.told_tokens(None, ())
    assert first.whole
    assert party.id in first.parties
    later = first.at + timedelta(minutes=5)  # what is as old as a long transaction is read twice
    nothing = await parties.told_tokens(later, first.parties)
    assert (nothing.whole, nothing.tokens) == (False, ())
    changed = msgspec.structs.replace(a_token(party, "01AA"), valid=False, last_updated=AT + timedelta(hours=1))
    await parties.put_tokens([changed])
    since = await parties.told_tokens(first.at, first.parties)
    assert not since.whole
    assert [each for each in since.tokens if each.uid == "01AA"] == [changed]
    await parties.update_party(msgspec.structs.replace(party, state=PartyState.SUSPENDED))
    others = await parties.told_tokens(since.at, since.parties)
    assert others.whole
    assert party.id not in others.parties
    assert not [each for each in others.tokens if each.party_id == party.id]


async def test_tokens_are_listed_page_by_page(stores: Stores) -> None:
    _, parties, _ = stores
    party = await parties.create_party(a_party("CCC"))
    await parties.put_tokens([a_token(party, f"0{number}") for number in range(5)])
    first, total = await parties.page_tokens(party.id, query="", size=3, after=None)
    assert ([each.uid for each in first], total) == (["00", "01", "02"], 5)
    rest, _ = await parties.page_tokens(party.id, query="", size=3, after=("02", "RFID"))
    assert [each.uid for each in rest] == ["03", "04"]
    some, total = await parties.page_tokens(party.id, query="tnm04", size=3, after=None)
    assert ([each.uid for each in some], total) == (["04"], 1)
    assert await parties.page_tokens(party.id, query="%", size=3, after=None) == ([], 0)


def an_object(key: str, **changes: object) -> ReleasedObject:
    return msgspec.structs.replace(ReleasedObject("sessions", key, '{"id":1}', AT), **changes)


async def test_a_party_sees_its_own_objects_in_the_order_of_their_change(stores: Stores) -> None:
    _, parties, releases = stores
    mine = await parties.create_party(a_party("DDD"))
    other = await parties.create_party(a_party("EEE"))
    moments = [AT + timedelta(minutes=minute) for minute in range(4)]
    await releases.release(
        [
            an_object("d3", party_id=mine.id, last_updated=moments[3]),
            an_object("d1", party_id=mine.id, last_updated=moments[1]),
            an_object("d2", party_id=other.id, last_updated=moments[2]),
            an_object("d0", last_updated=moments[0], withdrawn=True, party_id=mine.id),
        ],
        [],
    )

    async def page(**wanted: object) -> tuple[list[str], int]:
        query = {"offset": 0, "limit": 10, "changed_from": None, "changed_to": None, **wanted}
        found, total = await releases.page_objects("sessions", mine.id, **query)  # type: ignore[arg-type]
        return [each.key for each in found], total

    assert await page() == (["d1", "d3"], 2)
    assert await page(limit=1, offset=1) == (["d3"], 2)
    assert await page(changed_from=moments[1], changed_to=moments[3]) == (["d1"], 1)
    assert (await releases.object("sessions", "d0") or an_object("")).withdrawn
    assert set(await releases.objects("sessions", party_id=other.id)) == {"d2"}


def a_push(party: Party, key: str, method: str = "PUT", path: str = "", body: str = "{}") -> PushDraft:
    return PushDraft(party.id, "locations", key, method, path or key, body)


async def test_of_each_object_only_the_oldest_is_due(stores: Stores) -> None:
    _, parties, releases = stores
    party = await parties.create_party(a_party("FFF"))
    await releases.release([], [a_push(party, "1"), a_push(party, "1", "PATCH", "1/a"), a_push(party, "2")])
    later = datetime.now(UTC) + timedelta(minutes=1)
    due = await releases.due(party.id, later, 10)
    assert [(each.draft.key, each.draft.method) for each in due] == [("1", "PUT"), ("2", "PUT")]
    await releases.postpone(due[0].id, "Away.", later + timedelta(hours=1), later)
    assert [each.draft.key for each in await releases.due(party.id, later, 10)] == ["2"]  # the PATCH waits behind it
    await releases.sent(due[1].id)
    await releases.postpone(due[0].id, "No.", None, later)
    assert [each.draft.method for each in await releases.due(party.id, later, 10)] == ["PATCH"]
    counts = (await parties.counts())[party.id]
    assert (counts.waiting, counts.failed) == (1, 1)
    shown = await releases.page_pushes(party.id, size=10, after=0)
    assert [(each.attempts, each.last_error) for each in shown] == [(2, "No."), (0, "")]
    assert await releases.page_pushes(party.id, size=10, after=shown[-1].id) == []
    assert await releases.retry(party.id, later) == 2
    assert [each.attempts for each in await releases.page_pushes(party.id, size=10, after=0)] == [0, 0]


async def test_the_whole_replaces_what_waits_and_a_record_never_does(stores: Stores) -> None:
    _, parties, releases = stores
    party = await parties.create_party(a_party("GGG"))
    await releases.release([], [a_push(party, "1", "PATCH", "1/a", "old"), a_push(party, "1", "PATCH", "1/b")])
    await releases.release([], [a_push(party, "1", "PATCH", "1/a", "new")])
    shown = await releases.page_pushes(party.id, size=10, after=0)
    assert [(each.draft.path, each.draft.body) for each in shown] == [("1/b", "{}"), ("1/a", "new")]
    await releases.release([], [a_push(party, "1"), a_push(party, "1")])
    assert [each.draft.method for each in await releases.page_pushes(party.id, size=10, after=0)] == ["PUT"]
    record = PushDraft(party.id, "cdrs", "9", "POST", "", "{}")
    await releases.release([], [record, record, msgspec.structs.replace(record, party_id=987_654)])
    assert len(await releases.page_pushes(party.id, size=10, after=0)) == 3


async def test_charge_records_of_a_session_are_found_in_their_order(stores: Stores) -> None:
    _, parties, releases = stores
    party = await parties.create_party(a_party("HHH"))
    keys = ["77", "77-C", "77-2"]
    cdrs = [
        ReleasedObject("cdrs", key, "{}", AT + timedelta(hours=index), party.id, "basis", session_id=77)
        for index, key in enumerate(keys)
    ]
    await releases.release(cdrs, [PushDraft(party.id, "cdrs", "77-2", "POST", "", "{}")])
    assert {each.key for each in await releases.cdrs_of(77)} == set(keys)
    assert (await releases.cdrs_of(77))[0].key == "77"
    newest = await releases.page_cdrs(party.id, size=2, before=None)
    assert [(each.key, delivered) for each, delivered in newest] == [("77-2", False), ("77-C", True)]
    rest = await releases.page_cdrs(party.id, size=2, before=(newest[-1][0].last_updated, newest[-1][0].key))
    assert [each.key for each, _ in rest] == ["77"]


async def test_what_a_party_calls_a_reservation_is_known(stores: Stores) -> None:
    _, parties, releases = stores
    party = await parties.create_party(a_party("III"))
    await releases.keep_reservation(party.id, "R-1", 5)
    await releases.keep_reservation(party.id, "R-1", 6)
    assert await releases.reservation(party.id, "R-1") == 6
    assert await releases.reservation(party.id, "R-2") is None
    await releases.note_start(RoamingStart(party.id, "04AB", 1, "REF", "COMMAND", AT))
    await releases.note_start(RoamingStart(987_654, "04AB", 1, "REF", "COMMAND", AT))  # it left meanwhile
