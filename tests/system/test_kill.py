"""kill -9 in the middle of 200 charging stations: whatever was acknowledged is there, once."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence

import pytest
import trio

from tests.kit.chargers import Charger, check_nothing_is_missing_or_double, in_the_middle_of_charging
from tests.kit.product import api, product

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

STATIONS = 200


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9")
async def test_the_node_is_killed() -> None:
    with product(unknown_stations="accept") as running:

        async def power_cut(_: Sequence[Charger]) -> None:
            def violence() -> None:
                running.kill()
                running.start()

            await trio.to_thread.run_sync(violence)

        chargers = await in_the_middle_of_charging(running, STATIONS, power_cut)
        with api(running) as control:
            await check_nothing_is_missing_or_double(control, chargers)


@pytest.mark.feature("F-OCPP-8", "F-OCPP-9")
async def test_postgresql_is_killed() -> None:
    with product(unknown_stations="accept") as running:

        async def kill_postgresql(_: Sequence[Charger]) -> None:
            os.kill(running.postgres_pid(), signal.SIGKILL)

        chargers = await in_the_middle_of_charging(running, STATIONS, kill_postgresql)
        assert running.process is not None
        assert running.process.poll() is None
        with api(running) as control:
            await check_nothing_is_missing_or_double(control, chargers)
