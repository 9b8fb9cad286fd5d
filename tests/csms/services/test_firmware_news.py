"""Whoever ordered firmware hears how it went."""

from __future__ import annotations

import msgspec
import pytest

from csms.domain.facts import ACK
from csms.domain.maintenance import FirmwareProgressed
from csms.domain.notifications import NotificationKind
from csms.domain.records import JobKind, JobState
from csms.services.firmware_news import FirmwareNews
from tests.kit.service_world import NOW, ServiceWorld

pytestmark = pytest.mark.feature("F-NEWS-1")


class Ears:
    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    async def notify(self, user_ids: object, kind: object, values: object, *, target: str = "") -> None:
        self.heard.append((user_ids, kind, values, target))


async def a_job(world: ServiceWorld, station: int, state: JobState, **request: str) -> int:
    body = msgspec.json.encode({"location": "https://x/fw-2.bin", **request})
    job = await world.inventory_store.begin_job(station, JobKind.FIRMWARE_UPDATE, body, NOW)
    await world.inventory_store.change_job(job.id, state=state, at=NOW)
    return job.id


async def test_failed_and_installed_are_told_to_who_ordered_it() -> None:
    world, ears = ServiceWorld(), Ears()
    station = await world.add_station("CP-1")
    news = FirmwareNews(world.inventory_store, ears, world.station_store)
    failed = await a_job(world, station, JobState.FAILED, orderedBy="users/3", version="2.0")
    await news.saw(station, FirmwareProgressed("InstallationFailed", failed), ACK)
    done = await a_job(world, station, JobState.SUCCEEDED, orderedBy="users/4")
    await news.saw(station, FirmwareProgressed("Installed"), ACK)
    await world.station_store.update(station, {"display_name": "Bay 1"})
    await news.saw(station, FirmwareProgressed("Installed", done), ACK)
    target = f"stations/{station}"
    installed = {"event": "installed", "station": "CP-1", "version": "fw-2.bin"}
    assert ears.heard == [
        ([3], NotificationKind.FIRMWARE, {"event": "failed", "station": "CP-1", "version": "2.0"}, target),
        ([4], NotificationKind.FIRMWARE, installed, target),
        ([4], NotificationKind.FIRMWARE, {**installed, "station": "Bay 1"}, target),
    ]


async def test_a_step_on_the_way_a_key_and_a_stranger_tell_nobody() -> None:
    world, ears = ServiceWorld(), Ears()
    station = await world.add_station("CP-1")
    news = FirmwareNews(world.inventory_store, ears, world.station_store)
    await news.saw(station, FirmwareProgressed("Installed", 99), ACK)
    running = await a_job(world, station, JobState.RUNNING, orderedBy="users/3")
    await news.saw(station, FirmwareProgressed("Downloading", running), ACK)
    by_key = await a_job(world, station, JobState.FAILED, orderedBy="apiKeys/3")
    old = await a_job(world, station, JobState.FAILED)
    for number in (by_key, old):
        await news.saw(station, FirmwareProgressed("InstallationFailed", number), ACK)
    assert ears.heard == []
