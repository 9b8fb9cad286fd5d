"""What is added to sums is what looking at every slice, before and after, says."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from csms.domain.usage import MAX_SPAN, QUARTER, Amounts, Charge, Point, Usage, slices_of, usage_of
from csms.domain.usage_changes import Differences, SiteSums, Whose, add_amounts

pytestmark = pytest.mark.feature("F-SES-7")

START = int(datetime(2026, 3, 27, 20, tzinfo=UTC).timestamp())
ZONES = ("UTC", "Europe/Stockholm", "Asia/Kathmandu", "America/New_York", "Atlantic/Azores")


def a_usage(
    *, seconds: int = 3_600, energy: int = 5_000_000, zone: str = "UTC", points: tuple[Point, ...] = ()
) -> Usage:
    end = START + seconds
    return usage_of(Charge(1, 2, 3, 4, 5, "TAG", zone, START, end, end, energy), points)


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    began = START + draw(st.sampled_from((0, 450, 86_400)))
    ended = began + draw(st.sampled_from((0, 900, 5_000, 100_000, 3 * 86_400, MAX_SPAN + 5_000, MAX_SPAN + 7_000)))
    unplugged = ended + draw(st.sampled_from((0, 0, 900, 10_000)))
    owner = draw(
        st.sampled_from(((2, 3, 4, 5, "TAG"), (2, 3, 4, 5, "TAG"), (2, 3, 4, 0, "OTHER"), (9, 8, 7, 5, "TAG")))
    )
    zone = draw(st.sampled_from(ZONES[:2]))
    charge = Charge(1, *owner, zone, began, ended, unplugged, draw(st.sampled_from((0, 7, 5_000_000, 5_000_001))))
    times = sorted(draw(st.lists(st.integers(began, ended), max_size=4)))
    points = [Point(float(at), 10.0 * index * draw(st.sampled_from((0, 1))), None) for index, at in enumerate(times)]
    return usage_of(charge, points)


class Sums:
    """Every slice, added one by one."""

    def __init__(self) -> None:
        self.days: dict[Whose, list[int]] = defaultdict(lambda: [0] * 7)
        self.months: dict[Whose, list[int]] = defaultdict(lambda: [0] * 7)
        self.hours: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0] * 7)
        self.quarters: dict[tuple[object, ...], list[int]] = defaultdict(lambda: [0] * 7)

    def add(self, usage: Usage | None, sign: int) -> None:
        if usage is None:
            return
        charge = usage.charge
        for each in slices_of(usage):
            whose = Whose(charge.station_id, each.day, charge.place_id, charge.user_id, charge.id_token)
            found = [self.days[whose], self.months[whose._replace(day=each.day.replace(day=1))]]
            for site in (0, charge.site_id):
                found += [self.hours[site, each.day, each.hour], self.quarters[site, each.quarter]]
            for sums in found:
                for index, amount in enumerate(each.amounts):
                    sums[index] += sign * amount


def told(sums: dict[object, list[int]]) -> dict[object, list[int]]:
    return {key: amounts for key, amounts in sums.items() if any(amounts)}


def all_sites(differences: Differences) -> SiteSums:
    whole = SiteSums({}, {})
    for day in differences.utc_days():
        for mine, found in zip(whole, differences.of_sites(day), strict=True):
            for key, amounts in found.items():
                add_amounts(mine, key, amounts)
    return whole


def peaks(usage: Usage | None) -> dict[object, int]:
    found: dict[object, int] = defaultdict(int)
    for each in [] if usage is None else slices_of(usage):
        found[each.day] = max(found[each.day], each.peak_w)
    return found


@given(old=st.none() | usages(), new=st.none() | usages())
def test_the_difference_is_what_each_slice_says(old: Usage | None, new: Usage | None) -> None:
    differences, sums = Differences(), Sums()
    differences.change(old, new)
    sums.add(old, -1)
    sums.add(new, 1)
    of_sites = all_sites(differences)
    assert told(dict(differences.days)) == told(dict(sums.days))
    assert told(dict(differences.months)) == told(dict(sums.months))
    assert told(dict(of_sites.hours)) == told(dict(sums.hours))
    assert told(dict(of_sites.quarters)) == told(dict(sums.quarters))


@given(old=usages(), new=usages())
def test_peaks_go_up_and_down_where_they_do(old: Usage, new: Usage) -> None:
    new = msgspec.structs.replace(new, charge=msgspec.structs.replace(old.charge, ended_s=new.charge.ended_s))
    differences = Differences()
    differences.change(old, new)
    before, after = peaks(old), peaks(new)
    up = {day for day in after if after[day] > before[day]}
    down = {day for day in before if before[day] > after[day]}
    assert {whose.day for whose in differences.day_peaks} == up
    assert {whose.day for whose in differences.lowered_days} == down
    assert {day for _, day in differences.site_peaks} == up
    assert differences.lowered_sites == {(site, day) for day in down for site in (0, 4)} or old.charge.site_id != 4


def test_a_session_that_goes_on_touches_only_what_is_new() -> None:
    """A register is exact, so what has passed is not told anew when more comes."""
    day = 86_400
    points = (Point(START, 0.0, None), Point(START + day, 1_000.0, None), Point(START + 2 * day, 2_000.0, None))
    old = a_usage(seconds=day, energy=1_000_000, points=points[:2])
    new = a_usage(seconds=2 * day, energy=2_000_000, points=points)
    differences = Differences()
    differences.change(old, new)
    quarters = {quarter for (site, quarter), sums in all_sites(differences).quarters.items() if site and any(sums)}
    assert quarters == {START // QUARTER, *range((START + day) // QUARTER, (START + 2 * day) // QUARTER)}
    assert sum(sums[0] for sums in differences.days.values()) == 1_000_000


def test_sums_of_everything_are_those_of_all_sites() -> None:
    differences = Differences()
    differences.change(None, a_usage())
    other = msgspec.structs.replace(a_usage().charge, site_id=9, session_id=2)
    differences.change(None, usage_of(other, []))
    quarters = all_sites(differences).quarters
    assert sum(sums[0] for (site, _), sums in quarters.items() if site == 0) == 10_000_000
    assert len(Amounts._fields) == len(next(iter(quarters.values())))
