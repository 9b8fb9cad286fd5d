"""Statements over sessions: only the conditions that are asked for, so that each finds its index; any order, with a
place to go on from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from csms.domain.card_number import spellings
from csms.ports.queries import (
    NEWEST_FIRST,
    LogbookState,
    SessionFilter,
    SessionOrder,
    SessionPosition,
    Sorting,
    Span,
    Times,
)
from csms.storage.scoping import scope_condition
from csms.storage.text import clean, fits_bigint, pattern

__all__ = ["SessionSelect"]

VIEW: Final = """
SELECT s.*,
       coalesce(nullif(station.display_name, ''), s.station_identity) AS station_display_name,
       coalesce(station.logbook, false) AS logbook_demanded,
       coalesce(id_token.alias, '') AS id_token_alias, id_token.type AS id_token_type,
       coalesce(nullif(outlet.outlet_id, ''), s.evse_id::text) AS outlet_id,
       owner.email AS user_email, owner.first_name AS user_first_name, owner.last_name AS user_last_name,
       owner.customer_number, owner.employee_number,
       CASE place.kind WHEN 'SITE' THEN place.name WHEN 'FLOOR' THEN above.name END AS site,
       CASE place.kind WHEN 'FLOOR' THEN place.name END AS floor,
       CASE place.kind WHEN 'SITE' THEN place.address WHEN 'FLOOR' THEN above.address END AS site_address,
       located.city, located.postal_code, located.country, cost.total_incl AS cost, cost.currency,
       cost.lines AS cost_lines,
       ARRAY(SELECT item.key FROM station_item AS item
             WHERE item.station_id = s.station_id AND item.kind = 'charging_profile' AND item.body IS NOT NULL
               AND item.body -> 'profile' ->> 'transactionId' = s.transaction_id ORDER BY item.key) AS profiles
"""
JOINS: Final = """
LEFT JOIN station ON station.id = s.station_id
LEFT JOIN id_token ON id_token.id_token = s.shown_token
LEFT JOIN outlet ON outlet.station_id = s.station_id AND outlet.evse_id = s.evse_id
    AND outlet.connector_id = s.connector_id
LEFT JOIN app_user AS owner ON owner.id = s.user_id
LEFT JOIN place ON place.id = s.place_id
LEFT JOIN place AS above ON above.id = place.parent_id
LEFT JOIN roaming_location AS located
    ON located.place_id = CASE place.kind WHEN 'FLOOR' THEN place.parent_id ELSE place.id END
LEFT JOIN session_cost AS cost ON cost.session_id = s.id AND cost.currency <> ''
"""
_TIME: Final = "timestamptz"
_NUMBER: Final = "double precision"
KEYS: Final[Mapping[SessionOrder, tuple[str, str]]] = MappingProxyType(
    {
        SessionOrder.START_TIME: ("s.began_at", _TIME),
        SessionOrder.STOP_TIME: ("s.ended_at", _TIME),
        SessionOrder.DURATION: ("s.duration_s", _NUMBER),
        SessionOrder.ENERGY: ("s.final_wh", _NUMBER),
        SessionOrder.MAX_POWER: ("s.final_max_power_w", _NUMBER),
        SessionOrder.STATION: ('s.station_identity COLLATE "C"', "text"),
        SessionOrder.ID_TOKEN: ("s.shown_token", "text"),
        SessionOrder.SERVER_LOG_TIME: ("s.logged_at", _TIME),
        SessionOrder.NUMBER: ("s.id", "bigint"),
    }
)
"""Column and type of each order; all have an index, with the id behind."""

_CORRECTED: Final = (
    "(s.corrected_energy_wh IS NOT NULL OR s.corrected_started_at IS NOT NULL OR s.corrected_stopped_at IS NOT NULL"
    " OR s.corrected_id_token IS NOT NULL OR s.user_corrected)"
)
_ENDED: Final = "s.state = 'ENDED'"
_ACTIVE: Final = "s.state = 'ACTIVE'"


class SessionSelect:
    """One statement: build it, then use `args` with it."""

    def __init__(
        self, wanted: SessionFilter, after: SessionPosition | None = None, sorting: Sorting = NEWEST_FIRST
    ) -> None:
        self.args: list[object] = []
        self._key, kind = KEYS[sorting.order]
        self._direction = "ASC" if sorting.ascending else "DESC"
        self._conditions = [condition for condition in self._of(wanted) if condition]
        if after is not None:
            sign = ">" if sorting.ascending else "<"
            place = f"{self._arg(after.key)}::text::{kind}"
            if kind == "text":
                place += ' COLLATE "C"'
            self._conditions.append(f"({self._key}, s.id) {sign} ({place}, {self._arg(after.id)}::bigint)")

    def page(self, size: int) -> str:
        """One page. The rows are chosen first and named after: names cost a look-up each."""
        names = f"{VIEW}, ({self._key})::text AS sort_key FROM session AS s {JOINS}"
        return f"{names} WHERE s.id = ANY(ARRAY({self.numbers(size)})) {self._order()}"

    def numbers(self, size: int) -> str:
        """Which make a page."""
        return f"SELECT s.id {self._from()} {self._order()} LIMIT {self._arg(size)}"

    def all(self) -> str:
        """All."""
        where = self._where()
        return f"{VIEW}, ({self._key})::text AS sort_key FROM session AS s {JOINS} {where} {self._order()}"

    def totals(self) -> str:
        """Count and energy."""
        return self._sums("sum(part.count)::bigint AS count, coalesce(sum(part.energy_wh), 0) AS energy_wh")

    def summary(self) -> str:
        """All totals but costs."""
        return self._sums(
            "sum(part.count)::bigint AS count, sum(part.active_count)::bigint AS active_count,"
            " coalesce(sum(part.energy_wh), 0) AS energy_wh, coalesce(max(part.max_power_w), 0) AS max_power_w,"
            " coalesce(sum(part.duration_s), 0) AS duration_s"
        )

    def _sums(self, columns: str) -> str:
        """Those that ended from what the index over all sessions holds; those that go on, of whom there are few, from
        their rows."""
        ended = (
            "SELECT count(*), 0 AS active_count, sum(s.final_wh) AS energy_wh, max(s.final_max_power_w) AS max_power_w,"
            f" sum(s.duration_s) AS duration_s {self._from(_ENDED)}"
        )
        active = f"SELECT count(*), count(*), sum(s.charged_wh), max(s.max_power_w), 0 {self._from(_ACTIVE)}"
        return f"SELECT {columns} FROM ({ended} UNION ALL {active}) AS part"  # noqa: S608 - columns of ours

    def costs(self) -> str:
        """Costs by currency."""
        joined = "JOIN session_cost AS cost ON cost.session_id = s.id AND cost.currency <> ''"
        chosen = f"FROM session AS s {joined} {self._where()}"
        return f"SELECT cost.currency, sum(cost.total_incl) AS amount {chosen} GROUP BY 1 ORDER BY 1"

    def _from(self, *more: str) -> str:
        return f"FROM session AS s {self._where(*more)}"

    def _where(self, *more: str) -> str:
        conditions = [*self._conditions, *more]
        return "WHERE " + " AND ".join(conditions) if conditions else ""

    def _order(self) -> str:
        if self._key == "s.id":
            return f"ORDER BY s.id {self._direction}"
        return f"ORDER BY {self._key} {self._direction}, s.id {self._direction}"

    def _arg(self, value: object) -> str:
        self.args.append(value)
        return f"${len(self.args)}"

    # -- conditions ----------------------------------------------------------------------------------------------

    def _of(self, wanted: SessionFilter) -> Iterator[str]:
        yield from self._where_and_when(wanted)
        yield from self._who(wanted)
        yield from self._how(wanted)
        if wanted.scope is not None:
            yield scope_condition(wanted.scope, self._arg, station="s.station_id", place="s.place_id", user="s.user_id")
        if wanted.query:
            yield self._anything(wanted.query)

    def _where_and_when(self, wanted: SessionFilter) -> Iterator[str]:
        if wanted.station_id is not None:
            yield f"s.station_id = {self._arg(wanted.station_id)}"
        if wanted.station_ids:
            yield f"s.station_id = ANY({self._arg(list(wanted.station_ids))}::bigint[])"
        if wanted.place_ids:
            yield f"s.place_id = ANY({self._arg(sorted(wanted.place_ids))}::bigint[])"
        if wanted.evse_id is not None:
            yield f"s.evse_id = {self._arg(wanted.evse_id)}"
        if wanted.session_id is not None:
            yield f"s.id = {self._arg(wanted.session_id)}" if fits_bigint(wanted.session_id) else "false"
        if wanted.transaction_id:
            yield f"s.transaction_id = {self._arg(clean(wanted.transaction_id))}"
        if wanted.reservation_id is not None:
            yield f"s.reservation_id = {self._arg(wanted.reservation_id)}"
        yield from self._times("s.began_at", Times(wanted.started_from, wanted.started_to))
        yield from self._times("s.ended_at", wanted.stopped)
        yield from self._times("s.logged_at", wanted.logged)
        if wanted.station_query:
            yield self._station(pattern(wanted.station_query))

    def _who(self, wanted: SessionFilter) -> Iterator[str]:
        if wanted.id_token:
            forms = [clean(form) for form in (wanted.id_token.strip().upper(), *spellings(wanted.id_token))]
            yield f"s.shown_token = ANY({self._arg(forms)}::text[])"
        if wanted.user_id is not None:
            yield f"s.user_id = {self._arg(wanted.user_id)}"
        if wanted.authentications:
            yield f"s.authentication = ANY({self._arg([each.value for each in wanted.authentications])}::text[])"
        if wanted.user_query:
            yield self._user(pattern(wanted.user_query))
        if wanted.id_token_query:
            yield self._tag(pattern(wanted.id_token_query))
        if wanted.vehicle_query:
            yield f"s.vehicle_id ILIKE {self._arg(pattern(wanted.vehicle_query))}"

    def _how(self, wanted: SessionFilter) -> Iterator[str]:
        if wanted.state is not None:
            yield f"s.state = {self._arg(wanted.state.value)}"
        if wanted.needs_reconciliation:
            yield "s.needs_reconciliation"
        yield from self._span("s.charged_wh", wanted.energy_wh)
        yield from self._span("s.max_power_w", wanted.max_power_w)
        yield from self._span("s.meter_start_wh", wanted.meter_start_wh)
        yield from self._span("s.meter_stop_wh", wanted.meter_stop_wh)
        yield from self._span("s.duration_s", wanted.duration_s)
        if wanted.stop_reasons:
            yield f"s.stop_reason = ANY({self._arg([clean(each) for each in wanted.stop_reasons])}::text[])"
        if wanted.flags:
            yield f"s.flags && {self._arg([clean(each) for each in wanted.flags])}::text[]"
        if wanted.has_errors is not None:
            yield "s.error_codes <> '{}'" if wanted.has_errors else "s.error_codes = '{}'"
        if wanted.corrected is not None:
            yield _CORRECTED if wanted.corrected else f"NOT {_CORRECTED}"
        if wanted.logbook is LogbookState.FILLED:
            yield "(s.mileage_km IS NOT NULL OR s.vehicle_id <> '')"
        elif wanted.logbook is LogbookState.MISSING:
            yield "(s.mileage_km IS NULL OR s.vehicle_id = '')"
            yield "s.station_id IN (SELECT id FROM station WHERE logbook)"

    def _times(self, column: str, times: Times) -> Iterator[str]:
        if times.start is not None:
            yield f"{column} >= {self._moment(times.start)}"
        if times.end is not None:
            yield f"{column} < {self._moment(times.end)}"

    def _moment(self, at: datetime) -> str:
        return f"{self._arg(at)}::timestamptz"

    def _span(self, column: str, span: Span) -> Iterator[str]:
        if span.least is not None:
            yield f"{column} >= {self._arg(span.least)}::double precision"
        if span.most is not None:
            yield f"{column} <= {self._arg(span.most)}::double precision"

    def _anything(self, query: str) -> str:
        wanted = pattern(query)
        either = [self._station(wanted), self._tag(wanted), self._user(wanted)]
        either.append(f"s.vehicle_id ILIKE {self._arg(wanted)}")
        number = query.strip().removeprefix("#")
        if number.isascii() and number.isdigit() and fits_bigint(int(number[:20])):
            either.append(f"s.id = {self._arg(int(number))}")
        return f"({' OR '.join(either)})"

    # Names are looked for among stations, tags and people, of whom there are thousands, and not once per session.

    def _station(self, wanted: str) -> str:
        text = self._arg(wanted)
        named = f"SELECT id FROM station WHERE display_name ILIKE {text} OR identity ILIKE {text}"  # noqa: S608 - a $n
        return f"(s.station_identity ILIKE {text} OR s.station_id IN ({named}))"

    def _tag(self, wanted: str) -> str:
        text = self._arg(wanted)
        named = f"SELECT id_token FROM id_token WHERE alias ILIKE {text}"  # noqa: S608 - a $n
        return f"(s.shown_token ILIKE {text} OR s.shown_token IN ({named}))"

    def _user(self, wanted: str) -> str:
        text = self._arg(wanted)
        names = "concat_ws(' ', first_name, last_name)"
        named = f"SELECT id FROM app_user WHERE email ILIKE {text} OR {names} ILIKE {text}"  # noqa: S608 - a $n
        return f"s.user_id IN ({named})"
