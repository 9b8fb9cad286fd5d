"""Which stations are read by which rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import trio

from csms.domain.errors import InvalidArgument, NotFound, PermissionDenied
from csms.ocpp import faults
from csms.ocpp.tolerance import Tolerant
from csms.ports.tolerance import RuleSet
from csms.services.tolerance import ToleranceIndex, parse_zone
from tests.kit.service_world import ADMIN, DRIVER, NOW, SUPPORT, ServiceWorld


def reads(rules: Tolerant | None, payload: bytes, action: str = "StatusNotification") -> list[str]:
    """The rules that change a message."""
    if rules is None:
        return []
    return [rule.name for rule in rules.mend(faults.V16, action, msgspec.Raw(payload), NOW).rules]


ODD = b'{"connectorId":"1","errorCode":null,"status":"available"}'


async def make(world: ServiceWorld, title: str, *rules: str, **more: Any) -> RuleSet:
    return await world.tolerances.create(ADMIN, RuleSet(0, title, rules=rules, **more))


@pytest.mark.feature("F-OCPP-10")
@pytest.mark.parametrize(
    ("patterns", "fits"),
    [
        ({}, True),
        ({"vendor": "vendor"}, True),
        ({"vendor": "VEN*", "model": "Mod?l"}, True),
        ({"vendor": "Vend"}, False),
        ({"vendor": "*", "model": "Other"}, False),
        ({"firmware": "1.*"}, False),
        ({"vendor": "V[aeiou]ndor"}, True),
        ({"enabled": False}, False),
    ],
)
async def test_a_rule_set_is_for_the_stations_that_its_patterns_fit(patterns: dict[str, Any], fits: bool) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await make(world, "Any", "words", **patterns)
    assert (world.tolerance_index.rules_of(station) is not None) is fits


async def test_rule_sets_add_up_and_end_with_the_last() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    assert world.tolerance_index.rules_of(station) is None
    one = await make(world, "One", "words")
    two = await make(world, "Two", "nulls", vendor="Vendor")
    assert reads(world.tolerance_index.rules_of(station), ODD) == ["nulls", "words"]
    await world.tolerances.update(ADMIN, one.id, RuleSet(0, "", rules=("numbers-as-texts",)), ["rules"])
    assert reads(world.tolerance_index.rules_of(station), ODD) == ["nulls", "numbers-as-texts"]
    await world.tolerances.update(ADMIN, one.id, RuleSet(0, "", enabled=False), ["enabled"])
    assert reads(world.tolerance_index.rules_of(station), ODD) == ["nulls"]
    await world.tolerances.delete(ADMIN, two.id)
    assert world.tolerance_index.rules_of(station) is None


async def test_a_station_is_known_from_its_first_word_on() -> None:
    world = ServiceWorld()
    world.tolerance_index.introduce(77, "Acme", "Z1", "")
    assert world.tolerance_index.rules_of(77) is None
    await make(world, "Acme", "words", vendor="acme")
    world.tolerance_index.introduce(77, "Acme ", "Z1", "")
    first = world.tolerance_index.rules_of(77)
    assert first is not None
    world.tolerance_index.introduce(78, "ACME", "Z2", "")
    assert world.tolerance_index.rules_of(78) is first, "made once"
    await world.tolerance_index.load(world.tolerance_store)
    assert world.tolerance_index.rules_of(77) is not None, "said on the wire, not yet on disk"
    world.tolerance_index.introduce(77, "Else", "Z1", "")
    assert world.tolerance_index.rules_of(77) is None


async def test_what_another_process_changed_counts_within_a_minute(autojump_clock: object) -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    index = ToleranceIndex()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(index.reload_for_ever, world.tolerance_store)
        await make(world, "Any", "words")
        world.tables.away = True
        await trio.sleep(61)
        assert index.rules_of(station) is None
        world.tables.away = False
        await trio.sleep(61)
        assert index.rules_of(station) is not None
        nursery.cancel_scope.cancel()


async def test_local_times_are_those_of_the_zone_even_in_summer() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await make(world, "Any", "local-times", time_zone="+02:00")
    rules = world.tolerance_index.rules_of(station)
    assert rules is not None
    payload = msgspec.Raw(
        b'{"connectorId":1,"errorCode":"NoError","status":"Available","timestamp":"2024-07-01T10:00"}'
    )
    mended = rules.read(faults.V16, "StatusNotification", payload, NOW)
    assert b"2024-07-01T10:00:00+02:00" in bytes(mended.payload)


def test_zones() -> None:
    moment = datetime(2024, 7, 1, 12)  # noqa: DTZ001 - a local time
    for text, hours in (("+02:00", 2), ("-03:30", -3.5), (" +00:00 ", 0)):
        zone = parse_zone(text)
        assert zone is not None
        assert moment.replace(tzinfo=zone).astimezone(UTC) - moment.replace(tzinfo=UTC) == timedelta(hours=-hours)
    assert parse_zone("") is None
    for wrong in ("Mars/Olympus", "+25:00", "../../etc/passwd", "\0", "+2"):
        with pytest.raises(InvalidArgument):
            parse_zone(wrong)


async def test_a_zone_that_only_another_machine_knows_is_left_out() -> None:
    world = ServiceWorld()
    station = await world.add_station("CP-1")
    await world.tolerance_store.create(RuleSet(0, "Any", rules=("local-times", "words"), time_zone="Mars/Olympus"))
    await world.tolerance_index.load(world.tolerance_store)
    assert world.tolerance_index.rules_of(station) is not None


@pytest.mark.parametrize(
    ("rule_set", "reason"),
    [
        (RuleSet(0, "  ", rules=("words",)), "INVALID_TITLE"),
        (RuleSet(0, "x" * 201, rules=("words",)), "INVALID_TITLE"),
        (RuleSet(0, "x", "v" * 101, rules=("words",)), "TEXT_TOO_LONG"),
        (RuleSet(0, "x", rules=("words",), note="n" * 4_001), "TEXT_TOO_LONG"),
        (RuleSet(0, "x"), "INVALID_RULES"),
        (RuleSet(0, "x", rules=("words", "make-coffee")), "INVALID_RULES"),
        (RuleSet(0, "x", rules=("local-times",)), "INVALID_TIME_ZONE"),
        (RuleSet(0, "x", rules=("words",), time_zone="Mars/Olympus"), "INVALID_TIME_ZONE"),
    ],
)
async def test_what_makes_no_sense_is_told(rule_set: RuleSet, reason: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        await ServiceWorld().tolerances.create(ADMIN, rule_set)
    assert caught.value.reason == reason


async def test_who_may() -> None:
    world = ServiceWorld()
    made = await make(world, " One ", "nulls", "single-things")
    assert (made.title, made.rules) == ("One", ("single-things", "nulls"))
    page, total = await world.tolerances.page(SUPPORT, size=5, after="")
    assert (list(page), total) == ([made], 1)
    assert {rule.name for rule in world.tolerances.rules(SUPPORT)} > {"words"}
    with pytest.raises(PermissionDenied):
        await world.tolerances.delete(SUPPORT, made.id)
    with pytest.raises(PermissionDenied):
        await world.tolerances.page(DRIVER, size=5, after="")
    with pytest.raises(NotFound):
        await world.tolerances.update(ADMIN, 99, made, ["note"])
