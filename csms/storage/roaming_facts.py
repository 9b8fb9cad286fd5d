"""What roaming reads of stations, sessions and prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

import asyncpg
import msgspec

from csms.domain.facts import ConnectorStatus
from csms.domain.roaming import Outlet, Plug, RoamedSession, Site
from csms.domain.tariff_book import NamedTariff, TargetKind, nearest, targets_of, version_at
from csms.domain.topology import Place, Tree
from csms.ports.tariffs import SessionCostStore, TariffStore
from csms.ports.third_party import ServiceStore
from csms.storage.pool import Database
from csms.storage.roaming_parties import token_of

__all__ = ["PostgresRoamingFacts"]

OUTLETS_SQL = """
SELECT station.id, station.identity, station.display_name, station.place_id, station.online,
       connector.evse_id, connector.connector_id, connector.status, connector.received_at,
       coalesce(outlet.outlet_id, '') AS number, coalesce(outlet.connector_type, '') AS type,
       coalesce(external.external_id, '') AS reference
FROM station JOIN connector ON connector.station_id = station.id
LEFT JOIN outlet ON outlet.station_id = station.id AND outlet.evse_id = connector.evse_id
     AND outlet.connector_id = connector.connector_id
LEFT JOIN outlet_external_id AS external ON external.outlet_id = outlet.id AND external.service = 'roaming'
WHERE station.place_id = ANY($1::bigint[]) AND station.registration = 'Accepted' AND connector.evse_id > 0
ORDER BY station.id, connector.evse_id, connector.connector_id
"""
_ROAMED = """
SELECT DISTINCT ON (session.id) session.id AS session_id, session.station_id_at_start, session.station_identity,
       session.evse_id, session.connector_id, session.place_id, session.began_at, session.ended_at AS over_at,
       session.state, session.progress_at, session.logged_at, session.charged_wh, session.authentication,
       station.meter_serial_number, token.*, start.authorization_reference, start.method
FROM session
JOIN roaming_token AS token ON token.id_token = session.shown_token
JOIN roaming_party AS party ON party.id = token.party_id
JOIN place ON place.id = session.place_id
JOIN roaming_location AS location ON location.published AND location.place_id IN (place.id, place.parent_id)
LEFT JOIN station ON station.id = session.station_id
LEFT JOIN LATERAL (
    SELECT authorization_reference, method FROM roaming_start
    WHERE roaming_start.party_id = party.id AND roaming_start.id_token = session.id_token
      AND roaming_start.station_id IN (session.station_id_at_start, 0)
      AND roaming_start.at BETWEEN session.logged_at - interval '1 hour' AND session.logged_at + interval '1 minute'
    ORDER BY roaming_start.at DESC LIMIT 1
) AS start ON true
"""
# A tag of our own with the same id is ours.
_OURS = "NOT EXISTS (SELECT FROM id_token AS own WHERE own.id_token = session.shown_token)"
ROAMED_SQL = f"""
SELECT * FROM ({_ROAMED}
    LEFT JOIN session_cost AS cost ON cost.session_id = session.id
    LEFT JOIN LATERAL (
        SELECT max(last_updated) AS told_at FROM roaming_object
        WHERE roaming_object.session_id = session.id AND module = 'cdrs'
    ) AS cdr ON true
    WHERE party.state = 'REGISTERED' AND session.logged_at >= party.registered_at - interval '1 day' AND {_OURS}
      AND (session.state = 'ACTIVE' OR cdr.told_at IS NULL OR cost.computed_at > cdr.told_at)
    ORDER BY session.id, token.party_id
) AS roamed ORDER BY session_id LIMIT $1
"""  # noqa: S608 - constants of ours
ROAMED_SESSION_SQL = f"{_ROAMED} WHERE session.id = $1 AND {_OURS} ORDER BY session.id, token.party_id"


class PostgresRoamingFacts:
    """csms.ports.roaming.RoamingFacts on PostgreSQL. `tree`: places as they are."""

    def __init__(
        self,
        database: Database,
        services: ServiceStore,
        tariffs: TariffStore,
        costs: SessionCostStore,
        tree: Callable[[], Tree],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._services = services
        self._tariffs = tariffs
        self._costs = costs
        self._tree = tree
        self._now = now

    async def sites(self) -> Sequence[Site]:
        """Sites that are published, with their outlets."""
        tree = self._tree()
        known = {place.id: place for place in tree.in_order()}
        told = [site for site in await self._services.sites() if site.published and site.place_id in known]
        inside = {site.place_id: tree.within([site.place_id]) for site in told}
        everywhere = sorted(frozenset().union(*inside.values()))
        rows = await self._database.fetch(OUTLETS_SQL, everywhere) if everywhere else []
        outlets = await self._priced(tree, _outlets(rows, known))
        return [
            Site(
                known[site.place_id],
                site,
                tree.time_zone_of(site.place_id),
                tuple(outlet for place_id, outlet in outlets if place_id in inside[site.place_id]),
            )
            for site in told
        ]

    async def _priced(self, tree: Tree, outlets: Sequence[tuple[int, Outlet]]) -> list[tuple[int, Outlet]]:
        """With the tariff that holds for somebody who has none of their own."""
        wanted = {
            outlet.uid: targets_of(
                (place.id for place in tree.upwards(place_id)), outlet.station_id, outlet.evse_id, None, ""
            )
            for place_id, outlet in outlets
        }
        every = {target for targets in wanted.values() for target in targets}
        in_force = await self._tariffs.in_force(list(every), self._now()) if every else []
        priced = []
        for place_id, outlet in outlets:
            held = nearest(wanted[outlet.uid], in_force)
            tariff_id = None if held is None else held.version.tariff_id
            priced.append((place_id, msgspec.structs.replace(outlet, tariff_id=tariff_id)))
        return priced

    async def tariffs(self) -> Sequence[NamedTariff]:
        """Those that hold at a place, a station or an outlet now."""
        kinds = (TargetKind.PLACE, TargetKind.STATION, TargetKind.OUTLET)
        assigned = {each.tariff_id for each in await self._tariffs.assignments() if each.target.kind in kinds}
        known = await self._tariffs.get(sorted(assigned))
        return [tariff for tariff in known.values() if version_at(tariff.versions, self._now()) is not None]

    async def roamed(self, size: int) -> Sequence[RoamedSession]:
        """See `RoamingFacts.roamed`."""
        return await self._sessions(await self._database.fetch(ROAMED_SQL, size))

    async def roamed_session(self, session_id: int) -> RoamedSession | None:
        """One."""
        found = await self._sessions(await self._database.fetch(ROAMED_SESSION_SQL, session_id))
        return found[0] if found else None

    async def _sessions(self, rows: Iterable[asyncpg.Record]) -> list[RoamedSession]:
        rows = list(rows)
        costs = await self._costs.costs([row["session_id"] for row in rows if row["state"] == "ENDED"])
        sessions = []
        for row in rows:
            cost = costs.get(row["session_id"])
            number = None if cost is None else cost.tariff_version_id
            version = None if number is None else await self._tariffs.version(number)
            ended = row["over_at"] if row["state"] == "ENDED" else None
            changed = row["progress_at"]
            if cost is not None and cost.computed_at is not None:
                changed = max(changed, cost.computed_at)
            sessions.append(
                RoamedSession(
                    row["session_id"],
                    token_of(row),
                    row["station_id_at_start"],
                    row["station_identity"],
                    row["evse_id"],
                    row["connector_id"],
                    row["place_id"],
                    row["began_at"],
                    ended,
                    changed,
                    row["charged_wh"],
                    row["authentication"] == "REMOTE",
                    row["meter_serial_number"] or "",
                    row["authorization_reference"] or "",
                    row["method"] or "",
                    cost,
                    None if version is None else version.terms,
                    None if version is None else version.tariff_id,
                )
            )
        return sessions


def _outlets(rows: Iterable[asyncpg.Record], places: dict[int, Place]) -> list[tuple[int, Outlet]]:
    """(place, outlet)."""
    grouped: dict[tuple[int, int], list[asyncpg.Record]] = {}
    for row in rows:
        grouped.setdefault((row["id"], row["evse_id"]), []).append(row)
    found = []
    for (station_id, evse_id), connectors in grouped.items():
        first = connectors[0]
        place = places[first["place_id"]]
        outlet = Outlet(
            station_id,
            first["identity"],
            evse_id,
            first["online"],
            tuple(ConnectorStatus(each["status"]) for each in connectors),
            tuple(Plug(each["connector_id"], each["type"]) for each in connectors),
            max(each["received_at"] for each in connectors),
            floor=place.name if place.kind.value == "FLOOR" else "",
            label=first["display_name"],
            reference=next((each["reference"] for each in connectors if each["reference"]), ""),
            number=next((each["number"] for each in connectors if each["number"]), ""),
        )
        found.append((place.id, outlet))
    return found
