"""What the contract cannot see of the memory of requests: time."""

from __future__ import annotations

import pytest
import trio

from csms.domain.errors import FailedPrecondition
from csms.storage.pool import Database
from csms.storage.requests import PostgresRequests

pytestmark = pytest.mark.postgres

AGE = "UPDATE request_memory SET created_at = now() - $1::text::interval"


async def test_an_answer_is_kept_for_a_day(database: Database) -> None:
    requests = PostgresRequests(database)
    await requests.begin("c", "m", "r", b"digest")
    await requests.finish("c", "m", "r", b"answer")
    await database.execute(AGE, "23 hours")
    assert await requests.begin("c", "m", "r", b"digest") == b"answer"
    await database.execute(AGE, "25 hours")
    assert await requests.begin("c", "m", "r", b"other") is None


async def test_a_request_whose_process_died_may_be_tried_again_after_a_while(database: Database) -> None:
    requests = PostgresRequests(database)
    await requests.begin("c", "m", "r", b"digest")
    await database.execute(AGE, "9 minutes")
    with pytest.raises(FailedPrecondition):
        await requests.begin("c", "m", "r", b"digest")
    await database.execute(AGE, "11 minutes")
    assert await requests.begin("c", "m", "r", b"digest") is None


async def test_of_many_at_once_one_goes_on(database: Database) -> None:
    requests = PostgresRequests(database)
    outcomes: list[bytes | str | None] = []

    async def ask() -> None:
        try:
            outcomes.append(await requests.begin("c", "m", "r", b"digest"))
        except FailedPrecondition as error:
            outcomes.append(error.reason)

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(ask)
    assert outcomes.count(None) == 1
    assert outcomes.count("REQUEST_IN_PROGRESS") == 9
