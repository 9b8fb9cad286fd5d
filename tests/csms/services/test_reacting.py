"""Those who act on what stations told, after the answer."""

from __future__ import annotations

import pytest
import trio

from csms.domain.errors import Unavailable
from csms.domain.facts import ACK, Fact, Reply
from csms.services import reacting as module
from csms.services.reacting import Reacting


class Told(Fact, frozen=True):
    word: str


async def test_reactions_run_in_their_order_beside_the_station(autojump_clock: object, nursery: trio.Nursery) -> None:
    reacting = Reacting()
    seen: list[str] = []

    async def slow(station_id: int, fact: Told, _reply: Reply) -> None:
        await trio.sleep(10)
        seen.append(f"first {station_id} {fact.word}")

    async def second(_station_id: int, fact: Told, reply: Reply) -> None:
        assert reply is ACK
        seen.append(f"second {fact.word}")

    reacting.on(Told, slow)
    reacting.on(Told, second)
    assert reacting.kinds == {Told}
    await nursery.start(reacting.run)
    reacting.saw(7, Told("a"), ACK)
    assert seen == []
    await trio.sleep(11)
    assert seen == ["first 7 a", "second a"]


@pytest.mark.parametrize("error", [Unavailable("The database is away."), KeyError("bug")])
async def test_one_that_fails_stops_no_other(error: Exception, autojump_clock: object, nursery: trio.Nursery) -> None:
    reacting = Reacting()
    seen: list[str] = []

    async def fails(_station_id: int, _fact: Told, _reply: Reply) -> None:
        raise error

    async def works(_station_id: int, fact: Told, _reply: Reply) -> None:
        seen.append(fact.word)

    reacting.on(Told, fails)
    reacting.on(Told, works)
    await nursery.start(reacting.run)
    for word in ("a", "b"):
        reacting.saw(1, Told(word), ACK)
    await trio.sleep(1)
    assert sorted(seen) == ["a", "b"]


async def test_a_flood_is_bounded(
    autojump_clock: object, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    reacting = Reacting()
    seen: list[str] = []

    async def note(_station_id: int, fact: Told, _reply: Reply) -> None:
        seen.append(fact.word)

    reacting.on(Told, note)
    for number in range(10):
        reacting.saw(1, Told(str(number)), ACK)
    await nursery.start(reacting.run)
    await trio.sleep(1)
    assert sorted(seen) == ["0", "1", "2"]


async def test_what_is_nothing_to_a_reaction_is_not_even_queued(
    autojump_clock: object, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 1)
    reacting = Reacting()
    seen: list[str] = []

    async def note(_station_id: int, fact: Told, _reply: Reply) -> None:
        seen.append(fact.word)

    reacting.on(Told, note, when=lambda fact: fact.word == "end")
    for word in ("a", "b", "end", "c"):
        reacting.saw(1, Told(word), ACK)
    await nursery.start(reacting.run)
    await trio.sleep(1)
    assert seen == ["end"]
