"""Tags on their way to stations: differences, whole lists, and stations that do not want them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from csms.domain.authorization import Token
from csms.domain.commands import Answer, Command, Outcome
from csms.domain.errors import DeadlineExceeded, FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from csms.domain.facts import AuthorizationStatus
from csms.domain.local_list import (
    MAX_VERSION,
    GetLocalListVersion,
    HeldList,
    LocalListEntry,
    LocalListVersion,
    SendLocalList,
    applied,
)
from csms.domain.records import VariableRecord
from csms.ports.directory import Settled
from csms.ports.tokens import TokenFilter
from csms.services.local_lists import SyncReport, SyncState
from csms.services.remote import Target
from tests.kit.service_world import ADMIN, NOW, STRANGER, SUPPORT, ServiceWorld

pytestmark = pytest.mark.feature("F-OCPP-1", "F-OPS-4")
ACCEPTED, BLOCKED = AuthorizationStatus.ACCEPTED, AuthorizationStatus.BLOCKED


def answered(status: str = "Accepted", *, accepted: bool = True, **more: object) -> Settled:
    return Settled(Outcome.ANSWERED, Answer(status, accepted, **more), 0.1)  # type: ignore[arg-type]


class Charger:
    """A station with a list of its own. `refuse`: what it says to sendings instead, one after the other."""

    def __init__(self, world: ServiceWorld) -> None:
        self.version = 0
        self.entries: tuple[LocalListEntry, ...] = ()
        self.refuse: list[Settled | Callable[[], Settled]] = []
        self.got: list[SendLocalList] = []
        self.tell_version: Settled | None = None
        world.directory.send = self.send  # type: ignore[method-assign]

    async def send(
        self, station_id: int, command: Command, *, timeout: float, wait_for_station: bool = False
    ) -> Settled:
        if isinstance(command, GetLocalListVersion):
            return self.tell_version or answered(result=LocalListVersion(self.version))
        assert isinstance(command, SendLocalList)
        self.got.append(command)
        if self.refuse:
            refused = self.refuse.pop(0)
            return refused() if callable(refused) else refused
        if not command.full and command.version <= self.version:
            return answered("VersionMismatch", accepted=False)
        self.take(command)
        return answered()

    def take(self, command: SendLocalList) -> None:
        self.version, self.entries = command.version, applied(self.entries, command)


async def a_world(*tags: str) -> tuple[ServiceWorld, Charger, Target]:
    world = ServiceWorld()
    target = Target(await world.add_station("CP-1"))
    for tag in tags:
        await world.tokens.create(ADMIN, Token(0, tag))
    return world, Charger(world), target


async def sync(world: ServiceWorld, target: Target, *, full: bool = False) -> SyncReport:
    return await world.local_lists.sync(SUPPORT, target, full=full)


def tags(charger: Charger) -> list[str]:
    return [entry.id_token for entry in charger.entries]


def tell(world: ServiceWorld, station_id: int, component: str, variable: str, value: str) -> None:
    record = VariableRecord(station_id, component, "", 0, 0, variable, "", "Actual", NOW, value)
    world.inventory_store.apply([record])


async def test_first_the_whole_list_then_differences_then_nothing() -> None:
    world, charger, target = await a_world("A", "B", "C")
    first = await sync(world, target)
    assert (first.state, first.full, first.version, first.messages, first.entries) == (SyncState.UPDATED, True, 1, 1, 3)
    assert tags(charger) == ["A", "B", "C"]
    page = await world.tokens.page(ADMIN, TokenFilter(query="B"), size=5)
    await world.tokens.delete(ADMIN, page.tokens[0].id)
    await world.tokens.create(ADMIN, Token(0, "D", blocked=True))
    second = await sync(world, target)
    assert (second.state, second.full, second.version) == (SyncState.UPDATED, False, 2)
    assert charger.got[-1].entries == (LocalListEntry("D", BLOCKED), LocalListEntry("B"))
    assert tags(charger) == ["A", "C", "D"]
    third = await sync(world, target)
    assert (third.state, third.version, len(charger.got)) == (SyncState.UNCHANGED, 2, 2)
    assert (await sync(world, target, full=True)).full
    held = await world.local_lists.get(SUPPORT, target.station_id)
    assert (held.version, held.certain, held.entries) == (3, True, charger.entries)


async def test_a_tag_that_expires_meanwhile_is_a_difference() -> None:
    world, charger, target = await a_world("A", "B", "C")
    await sync(world, target)
    page = await world.tokens.page(ADMIN, TokenFilter(query="A"), size=1)
    wanted = Token(0, "A", expires_at=NOW - timedelta(days=1))
    await world.tokens.update(ADMIN, page.tokens[0].id, wanted, ["expires_at"])
    await sync(world, target)
    assert charger.got[-1].entries == (LocalListEntry("A", AuthorizationStatus.EXPIRED, wanted.expires_at),)


async def test_a_station_that_lost_its_list_gets_the_whole() -> None:
    world, charger, target = await a_world("A")
    await sync(world, target)
    charger.version, charger.entries = 0, ()
    again = await sync(world, target)
    assert (again.full, again.version, tags(charger)) == (True, 2, ["A"])


async def test_somebody_elses_list_is_replaced_with_a_higher_version() -> None:
    world, charger, target = await a_world("A")
    charger.version, charger.entries = 41, (LocalListEntry("X", ACCEPTED),)
    done = await sync(world, target)
    assert (done.full, done.version, tags(charger)) == (True, 42, ["A"])


@pytest.mark.parametrize("status", ["VersionMismatch", "Failed"])
async def test_a_difference_that_is_not_taken_is_followed_by_the_whole_once(status: str) -> None:
    world, charger, target = await a_world("A", "B")
    await sync(world, target)
    await world.tokens.create(ADMIN, Token(0, "C"))
    charger.refuse = [answered(status, accepted=False)]
    done = await sync(world, target)
    assert (done.state, done.full, [(s.full, s.version) for s in charger.got]) == (
        SyncState.UPDATED,
        True,
        [(True, 1), (False, 2), (True, 3)],
    )
    await world.tokens.create(ADMIN, Token(0, "D"))
    charger.refuse = [answered("Failed", accepted=False)] * 2
    failed = await sync(world, target)
    assert (failed.state, len(charger.got)) == (SyncState.FAILED, 5)
    assert "did not take the whole list: Failed" in failed.note
    assert (await sync(world, target)).state is SyncState.UPDATED


async def test_a_station_without_lists_says_so_before_anything_is_sent() -> None:
    world, charger, target = await a_world("A")
    for said in (
        answered(result=LocalListVersion(-1)),
        answered("", accepted=False, error_code="NotSupported"),
        answered("", accepted=False, error_code="NotImplemented"),
    ):
        charger.tell_version = said
        done = await sync(world, target)
        assert (done.state, charger.got) == (SyncState.NOT_SUPPORTED, [])
        assert done.note.endswith(".")
    charger.tell_version = answered("", accepted=False, error_code="InternalError", error_description="oops.")
    done = await sync(world, target)
    assert (done.state, done.note) == (
        SyncState.FAILED,
        "The station did not tell its list's version: InternalError oops. Nothing was sent.",
    )


async def test_a_station_that_says_not_supported_to_a_list_is_believed() -> None:
    world, charger, target = await a_world("A")
    charger.refuse = [answered("NotSupported", accepted=False)]
    assert (await sync(world, target)).state is SyncState.NOT_SUPPORTED
    await sync(world, target)
    await world.tokens.create(ADMIN, Token(0, "B"))
    await world.tokens.create(ADMIN, Token(0, "C"))
    charger.refuse = [answered("NotSupported", accepted=False)]
    assert (await sync(world, target)).state is SyncState.NOT_SUPPORTED
    assert len(charger.got) == 3


async def test_a_sending_that_vanished_is_made_up_for_whether_it_arrived_or_not() -> None:
    world, charger, target = await a_world("A", "B")
    await sync(world, target)
    await world.tokens.create(ADMIN, Token(0, "C"))
    charger.refuse = [Settled(Outcome.UNKNOWN)]  # it did not arrive
    with pytest.raises(DeadlineExceeded):
        await sync(world, target)
    held = await world.local_lists.get(SUPPORT, target.station_id)
    assert (held.version, held.sent_version) == (1, 2)
    done = await sync(world, target)
    assert (done.full, done.version, tags(charger)) == (False, 3, ["A", "B", "C"])
    await world.tokens.create(ADMIN, Token(0, "D"))

    def arrives_silently() -> Settled:
        charger.take(charger.got[-1])
        return Settled(Outcome.UNKNOWN)

    charger.refuse = [arrives_silently]
    with pytest.raises(DeadlineExceeded):
        await sync(world, target)
    done = await sync(world, target)
    assert (done.full, done.version, tags(charger)) == (True, 5, ["A", "B", "C", "D"])


@pytest.mark.parametrize(
    ("component", "variable"), [("", "SendLocalListMaxLength"), ("LocalAuthListCtrlr", "ItemsPerMessage")]
)
async def test_messages_are_as_long_as_the_station_takes_them(component: str, variable: str) -> None:
    world, charger, target = await a_world("A", "B", "C", "D", "E")
    tell(world, target.station_id, component, variable, "2")
    done = await sync(world, target)
    assert [(s.full, s.version, len(s.entries)) for s in charger.got] == [(True, 1, 2), (False, 2, 2), (False, 3, 1)]
    assert (done.messages, done.version, tags(charger)) == (3, 3, ["A", "B", "C", "D", "E"])


async def test_a_list_that_broke_off_between_two_messages_goes_on() -> None:
    world, charger, target = await a_world("A", "B", "C")
    tell(world, target.station_id, "", "SendLocalListMaxLength", "1")
    charger.refuse = [lambda: (charger.take(charger.got[-1]), answered())[1], Settled(Outcome.OFFLINE)]
    with pytest.raises(FailedPrecondition):
        await sync(world, target)
    assert tags(charger) == ["A"]
    done = await sync(world, target)
    assert (done.full, tags(charger)) == (False, ["A", "B", "C"])


async def test_what_a_station_cannot_hold_is_left_out_or_told() -> None:
    world, charger, target = await a_world("A", "B", "X" * 30)
    world.tables.stations[target.station_id].protocol = "ocpp1.6"
    await world.tokens.create(ADMIN, Token(0, "C", blocked=True))
    tell(world, target.station_id, "", "LocalAuthListMaxLength", "2")
    done = await sync(world, target)
    assert (done.left_out, tags(charger)) == (("C", "X" * 30), ["A", "B"])
    await world.tokens.create(ADMIN, Token(0, "D"))
    with pytest.raises(FailedPrecondition) as caught:
        await sync(world, target)
    assert caught.value.reason == "LOCAL_LIST_TOO_LONG"


async def test_version_numbers_that_are_used_up_begin_again_with_a_whole_list() -> None:
    world, charger, target = await a_world("A", "B")
    await world.local_list_store.put(HeldList(target.station_id, MAX_VERSION, MAX_VERSION), NOW)
    charger.version = MAX_VERSION
    done = await sync(world, target)
    assert (done.full, done.version, tags(charger)) == (True, 1, ["A", "B"])
    with pytest.raises(FailedPrecondition) as caught:
        await world.local_lists.send(SUPPORT, target, [LocalListEntry("C", ACCEPTED)], full=False)
    assert caught.value.reason == "VERSIONS_USED_UP"


async def test_entries_of_ones_own_are_sent_as_they_are() -> None:
    world, charger, target = await a_world("A")
    entries = [LocalListEntry("b", ACCEPTED, None, "p"), LocalListEntry("c", BLOCKED)]
    outcome, version = await world.local_lists.send(SUPPORT, target, entries, full=True)
    assert (outcome.answer.accepted, version) == (True, 1)
    assert charger.entries == (LocalListEntry("B", ACCEPTED, None, "P"), LocalListEntry("C", BLOCKED))
    _, version = await world.local_lists.send(SUPPORT, target, [LocalListEntry("B")], full=False, version=7)
    assert (version, tags(charger)) == (7, ["C"])
    done = await sync(world, target)
    assert (done.version, tags(charger)) == (8, ["A"])


async def test_a_change_to_a_list_that_we_do_not_know_leaves_doubt() -> None:
    world, charger, target = await a_world("A")
    charger.version, charger.entries = 4, (LocalListEntry("X", ACCEPTED),)
    await world.local_lists.send(SUPPORT, target, [LocalListEntry("A", ACCEPTED)], full=False, version=5)
    assert not (await world.local_lists.get(SUPPORT, target.station_id)).certain
    done = await sync(world, target)
    assert (done.full, tags(charger)) == (True, ["A"])


async def test_a_version_that_differs_from_ours_is_noted() -> None:
    world, charger, target = await a_world("A")
    await sync(world, target)
    assert (await world.local_lists.get_version(SUPPORT, target))[1] == 1
    assert (await world.local_lists.get(SUPPORT, target.station_id)).certain
    charger.version = 9
    assert (await world.local_lists.get_version(SUPPORT, target))[1] == 9
    assert not (await world.local_lists.get(SUPPORT, target.station_id)).certain
    charger.tell_version = answered("", accepted=False, error_code="InternalError")
    assert (await world.local_lists.get_version(SUPPORT, target))[1] is None


async def test_nonsense_is_not_sent() -> None:
    world, charger, target = await a_world()
    one = LocalListEntry("A", ACCEPTED)
    for entries, full, version, reason in (
        ([one, LocalListEntry("a", BLOCKED)], True, 0, "DUPLICATE_TAG"),
        ([LocalListEntry("A")], True, 0, "NOTHING_TO_REMOVE"),
        ([], False, 0, "NOTHING_TO_CHANGE"),
        ([one], True, MAX_VERSION + 1, "INVALID_VERSION"),
        ([one] * 10_001, True, 0, "TOO_MANY_ENTRIES"),
    ):
        with pytest.raises(InvalidArgument) as caught:
            await world.local_lists.send(SUPPORT, target, entries, full=full, version=version)
        assert caught.value.reason == reason
    assert charger.got == []
    with pytest.raises(NotFound):
        await world.local_lists.get(SUPPORT, 99)
    with pytest.raises(PermissionDenied):
        await world.local_lists.sync(STRANGER, target)
