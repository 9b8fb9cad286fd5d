"""Scopes as SQL: only what is asked, and nothing at all for a scope that holds nothing."""

from __future__ import annotations

from csms.domain.access import Scope
from csms.storage.scoping import at_stations, scope_condition


def condition(scope: Scope | None, **columns: str) -> tuple[str, list[object]]:
    args: list[object] = []

    def argument(value: object) -> str:
        args.append(value)
        return f"${len(args)}"

    return scope_condition(scope, argument, station="s.id", place="s.place", **columns), args


def test_everything_needs_no_condition_and_nothing_is_false() -> None:
    assert condition(None) == ("", [])
    assert condition(Scope()) == ("false", [])
    assert condition(Scope(user_id=5)) == ("false", [])
    assert at_stations(None, []) == ""


def test_places_stations_and_the_user_are_alternatives() -> None:
    scope = Scope(frozenset({3, 2}), frozenset({9}), user_id=5)
    sql, args = condition(scope, user="s.user")
    assert sql == "(s.place = ANY($1::bigint[]) OR s.id = ANY($2::bigint[]) OR s.user = $3::bigint)"
    assert args == [[2, 3], [9], 5]


def test_a_group_narrows_all_of_them() -> None:
    sql, args = condition(Scope(frozenset({2}), only=frozenset({7})))
    assert (sql, args) == ("(s.place = ANY($1::bigint[])) AND s.id = ANY($2::bigint[])", [[2], [7]])
    sql, args = condition(Scope(frozenset({2}), only=frozenset()))
    assert args == [[2], []]
    both = Scope(frozenset({2}), frozenset({7}), only=frozenset({7}))
    assert condition(both)[1] == [[2], [7], [7]]
    sql, args = condition(Scope(station_ids=frozenset({7}), only=frozenset({7})))
    assert (sql, args) == ("(s.id = ANY($1::bigint[]))", [[7]])


def test_rows_of_stations_take_their_place_from_the_station() -> None:
    args: list[object] = ["before"]
    sql = at_stations(Scope(frozenset({2})), args, "job.station_id")
    assert sql == (
        " AND job.station_id IN (SELECT seen.id FROM station AS seen WHERE (seen.place_id = ANY($2::bigint[])))"
    )
    assert args == ["before", [2]]
