"""How the processes of `serve --workers` are, at one address."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from csms.app.crew_door import CrewDoor
from csms.transport.http import HttpRequest, HttpResponse


@dataclass
class Hand:
    """A child, as the door sees it."""

    name: str
    troubles: tuple[str, ...] = ()
    starts: int = 1
    there: bool = True

    async def fetch(self, path: str, patience: float) -> tuple[int, bytes] | None:
        return (200, f"{self.name}{path}".encode()) if self.there else None


@pytest.fixture
def crew() -> list[Hand]:
    return [Hand("control"), Hand("node-1"), Hand("node-2")]


async def ask(crew: list[Hand], path: str, method: str = "GET") -> HttpResponse:
    door = CrewDoor(crew[0], crew[1:])  # type: ignore[arg-type]
    return await door.answer(HttpRequest(method, path, headers=(), body=b""))


async def test_each_process_is_told_of_and_one_node_is_enough(crew: list[Hand]) -> None:
    crew[1].troubles, crew[1].starts = ("It does not answer.",), 3
    told = await ask(crew, "/readyz")
    assert told.status == 200
    assert told.body.decode().splitlines() == ["control: ready", "node-1: It does not answer.", "node-2: ready"]
    metrics = (await ask(crew, "/metrics")).body.decode()
    assert 'chargehouse_worker_ready{worker="node-1"} 0.0' in metrics
    assert 'chargehouse_worker_starts_total{worker="node-1"} 3.0' in metrics
    assert 'chargehouse_worker_ready{worker="control"} 1.0' in metrics
    crew[2].troubles = ("The database is away.", "The node is stopping.")
    told = await ask(crew, "/readyz")
    assert told.status == 503
    assert b"node-2: The database is away. The node is stopping.\n" in told.body


async def test_without_the_control_process_nobody_is_served(crew: list[Hand]) -> None:
    crew[0].troubles = ("It is being started.",)
    assert (await ask(crew, "/readyz")).status == 503
    assert (await ask(crew, "/livez")).status == 200


async def test_the_metrics_of_each_process_are_behind_its_name(crew: list[Hand]) -> None:
    crew[2].there = False
    assert (await ask(crew, "/node-1/metrics")).body == b"node-1/metrics"
    assert (await ask(crew, "/node-2/metrics")).status == 503
    assert (await ask(crew, "/node-1/anything")).status == 404
    assert (await ask(crew, "/node-9/metrics")).status == 404
    assert (await ask(crew, "/node-1/metrics", "POST")).status == 405
