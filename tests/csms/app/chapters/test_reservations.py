"""Reservations hear of what they must."""

from __future__ import annotations

import trio

from csms.app.chapters import reservations
from csms.domain.facts import TransactionEventSeen
from csms.domain.reservation import ReservationStatusUpdated
from tests.kit.service_world import ServiceWorld
from tests.kit.some_parts import some_parts


async def test_reservations_hear_of_sessions_and_of_updates(autojump_clock: trio.testing.MockClock) -> None:
    async with trio.open_nursery() as ground:
        parts = some_parts(ServiceWorld(), ground)
        services = [servicer.service.name for servicer in reservations.build(parts)]
        assert services == ["ReservationService", "LocalListService"]
        assert parts.reacting.kinds == {TransactionEventSeen, ReservationStatusUpdated}
        await trio.sleep(25)  # the clock is watched without a word
        assert len(ground.child_tasks) == 1
        ground.cancel_scope.cancel()
