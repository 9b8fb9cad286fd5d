"""What a scope is in SQL."""

from __future__ import annotations

from collections.abc import Callable

from csms.domain.access import Scope

__all__ = ["at_stations", "scope_condition"]


def scope_condition(
    scope: Scope | None, argument: Callable[[object], str], *, station: str, place: str, user: str = ""
) -> str:
    """A condition over columns with the ids of a station, a place and (where there is one) a user. `argument` takes a
    value and gives its placeholder. Empty when there is nothing to check."""
    if scope is None:
        return ""
    either = []
    if scope.place_ids:
        either.append(f"{place} = ANY({argument(sorted(scope.place_ids))}::bigint[])")
    if scope.station_ids:
        either.append(f"{station} = ANY({argument(sorted(scope.station_ids))}::bigint[])")
    if user and scope.user_id is not None:
        either.append(f"{user} = {argument(scope.user_id)}::bigint")
    condition = f"({' OR '.join(either)})" if either else "false"
    said_already = len(either) == 1 and scope.only == scope.station_ids and scope.station_ids
    if scope.only is not None and not said_already:
        condition += f" AND {station} = ANY({argument(sorted(scope.only))}::bigint[])"
    return condition


def at_stations(scope: Scope | None, args: list[object], column: str = "station_id") -> str:
    """` AND …` for rows that belong to a station; puts its values behind `args`. Empty when there is no scope."""

    def argument(value: object) -> str:
        args.append(value)
        return f"${len(args)}"

    if scope is None:
        return ""
    condition = scope_condition(scope, argument, station="seen.id", place="seen.place_id")
    return f" AND {column} IN (SELECT seen.id FROM station AS seen WHERE {condition})"  # noqa: S608 - columns of ours
