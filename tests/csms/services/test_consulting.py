"""Those who are asked before a station is answered."""

from __future__ import annotations

import pytest
import trio

from csms.domain.errors import Unavailable
from csms.domain.facts import DataTransferReply, Fact, HeartbeatSeen, Reply
from csms.services.consulting import Consulting


class Asked(Fact, frozen=True):
    word: str


async def test_an_answerer_is_asked_about_its_kind(autojump_clock: object) -> None:
    consulting = Consulting()
    assert consulting.kinds == frozenset()

    async def answer(station_id: int, fact: Asked) -> Reply:
        return DataTransferReply(f"{station_id} {fact.word}")

    consulting.ask(Asked, answer)
    assert consulting.kinds == {Asked}
    assert HeartbeatSeen not in consulting.kinds
    assert await consulting.consult(7, Asked("x")) == DataTransferReply("7 x")


async def test_a_second_answerer_of_a_kind_is_a_mistake() -> None:
    consulting = Consulting()

    async def answer(_station_id: int, _fact: Asked) -> None:
        return None

    consulting.ask(Asked, answer)
    with pytest.raises(ValueError, match="already"):
        consulting.ask(Asked, answer)


@pytest.mark.parametrize("mishap", ["slow", "away", "bug"])
async def test_who_does_not_answer_holds_nobody_up(mishap: str, autojump_clock: object) -> None:
    consulting = Consulting(seconds=5)

    async def answer(_station_id: int, _fact: Asked) -> Reply:
        if mishap == "slow":
            await trio.sleep(60)
        if mishap == "away":
            raise Unavailable("The tax office is closed.")
        raise KeyError("bug")

    consulting.ask(Asked, answer)
    began = trio.current_time()
    assert await consulting.consult(1, Asked("x")) is None
    assert trio.current_time() - began <= 5


async def test_a_preparer_goes_first_has_no_answer_and_harms_nobody() -> None:
    consulting = Consulting()
    order: list[str] = []

    async def prepare(_station_id: int, fact: Asked) -> None:
        order.append(f"prepare {fact.word}")
        raise Unavailable("The party is away.")

    consulting.prepare(Asked, prepare)
    assert consulting.kinds == {Asked}
    assert await consulting.consult(7, Asked("x")) is None

    async def answer(_station_id: int, fact: Asked) -> Reply:
        order.append(f"answer {fact.word}")
        return DataTransferReply(fact.word)

    consulting.ask(Asked, answer)
    assert await consulting.consult(7, Asked("y")) == DataTransferReply("y")
    assert order == ["prepare x", "prepare y", "answer y"]
    with pytest.raises(ValueError, match="already"):
        consulting.prepare(Asked, prepare)
