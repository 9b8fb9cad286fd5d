"""The dashboard's figures go on whatever happens, and end for those who may not see them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import structlog

from webui import live_dashboard, widgets
from webui.pages import dashboard
from webui.values import ApiError, Caller, Role
from webui.values_statistics import Dashboard, DashboardAnswer

TOLD = Dashboard(*[0] * len(Dashboard.__struct_fields__))


class Desk:
    """Answers with what is in `script`: an error is raised, a number is so many answers."""

    def __init__(self, script: list[Exception | int]) -> None:
        self.script = script

    async def stream(self, *_: object, **__: object) -> AsyncIterator[DashboardAnswer]:
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        for _number in range(step):
            yield DashboardAnswer(TOLD)


class Client:
    """Of a portal."""

    def __init__(self, script: list[Exception | int]) -> None:
        self.desk = Desk(script)

    async def caller(self) -> Caller:
        return Caller(name="users/1", display_name="Ada", email="ada@example.org", role=Role.ADMINISTRATOR)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made; they take no time."""
    made: list[float] = []
    nothing = asyncio.sleep

    async def sleep(seconds: float) -> None:
        made.append(seconds)
        await nothing(0)

    async def picked(_: object) -> tuple[str, ...]:
        return ()

    async def parts(*_: object) -> dict[str, object]:
        return {}

    monkeypatch.setattr(live_dashboard.asyncio, "sleep", sleep)
    monkeypatch.setattr(dashboard, "picked", picked)
    monkeypatch.setattr(dashboard, "parts", parts)
    monkeypatch.setattr(widgets, "chosen", lambda *_: ())
    monkeypatch.setattr(live_dashboard, "fragment", lambda *_: "<p>")
    return made


def seen(script: list[Exception | int]) -> int:
    """How many times the widgets came before it ended."""

    async def read() -> int:
        async with asyncio.timeout(60):
            return len([part async for part in live_dashboard.figures(Client(script), dashboard.Wanted())])  # type: ignore[arg-type]

    return asyncio.run(read())


END = ApiError("PERMISSION_DENIED", "", "No.")


@pytest.mark.feature("F-DASH-1")
@pytest.mark.parametrize("code", ["PERMISSION_DENIED", "UNAUTHENTICATED"])
def test_they_end_for_whoever_may_not_see_them(slept: list[float], code: str) -> None:
    assert seen([2, ApiError(code, "", "No.")]) == 2
    assert slept == [2.0]


@pytest.mark.feature("F-DASH-1")
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ApiError("UNAVAILABLE", "", "Away."), []),
        (ApiError("OUT_OF_RANGE", "WATCHER_TOO_SLOW", "Too slow."), []),
        (ApiError("INTERNAL", "", "A bug."), ["the dashboard's figures are refused"]),
        (ApiError("NOT_FOUND", "PLACE_NOT_FOUND", "Gone."), ["the dashboard's figures are refused"]),
        (LookupError("a field that is not there"), ["the dashboard's figures broke"]),
    ],
)
def test_no_error_freezes_them(slept: list[float], error: Exception, told: list[str]) -> None:
    with structlog.testing.capture_logs() as logged:
        assert seen([1, error, 3, END]) == 4
    assert [each["event"] for each in logged] == told


def test_what_fails_again_and_again_is_asked_for_less_often(slept: list[float]) -> None:
    away = ApiError("UNAVAILABLE", "", "Away.")
    assert seen([1, *[away] * 6, 1, away, END]) == 2
    assert slept == [2.0, 5.0, 15.0, 30.0, 30.0, 30.0, 30.0, 2.0, 5.0]
