"""Which node has a station, as the database knows it: the one place where two nodes cannot both be right.

A station's row holds the epoch of its newest link. An epoch is a counter and the number of the node that drew it
(`EPOCH = COUNT * 4096 + NODE`), so it only grows, whoever draws it, and says whose it is.

    new link on node B                            journal of node A, for each batch
    ------------------------------------------    -------------------------------------------------------
    1. claim, in one statement: A's advisory      1. A's advisory lock, shared, in the batch's transaction
       lock, alone; count + 1, B's number         2. which of the batch's stations have a newer epoch of
    2. load the state                                another node? None of their records is written
                                                  3. write; commit

Whatever A wrote in time is on disk when B loads, and nothing that A writes later gets in: either A's batch began before
B's claim, then the claim waits for it, or it began after the claim and sees it. So no claim is there before all that
the node before may write is: also who takes the station from B, in the very next moment, loads what A wrote. A node
that was paused in the middle of a batch is thrown out of its transaction by the server after some seconds; a claim is
one statement, so a node that is paused in it holds nobody up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import asyncpg
import trio

from csms.domain.errors import Unavailable
from csms.ports.directory import Claim, LateSession
from csms.ports.journal import Fence
from csms.storage.pool import Database

__all__ = ["NODES", "Claims", "NodeMark", "begin", "lost_among"]

NODES: Final = 4096
"""Numbers of nodes are below; 0 is nobody."""
LOCKS: Final = 0x4349
"""The space of the advisory locks, beside that of the leases."""
STALL_SECONDS: Final = 5
AT_ONCE: Final = 500

BEGIN_SQL = """
SELECT pg_advisory_xact_lock_shared($1::integer, $2::integer),
       set_config('idle_in_transaction_session_timeout', $3, true)
"""
LOST_SQL = """
SELECT u.station_id, u.epoch FROM unnest($1::bigint[], $2::bigint[]) AS u (station_id, epoch)
JOIN station ON station.id = u.station_id
WHERE station.link_epoch > u.epoch AND station.link_epoch % 4096 <> $3
"""
FORMER_SQL = "SELECT id, link_epoch % 4096 AS node FROM station WHERE id = ANY($1::bigint[])"
# In the order of their ids, as all that lock several stations. Those that another node took meanwhile are left out.
_CLAIM = """
WITH locked AS (
    SELECT id, link_epoch AS before FROM {alone} station
    WHERE id = ANY($1::bigint[]) AND link_epoch % 4096 IN ($3, {or_ours}) ORDER BY id FOR NO KEY UPDATE OF station
)
UPDATE station SET link_epoch = (locked.before / 4096 + 1) * 4096 + $2
FROM locked WHERE station.id = locked.id
RETURNING station.id, station.link_epoch AS epoch, locked.before, station.online
"""
CLAIM_OURS_SQL = _CLAIM.format(alone="", or_ours="$2")
CLAIM_OTHERS_SQL = _CLAIM.format(
    alone=f"pg_advisory_xact_lock({LOCKS}::integer, $3::integer) AS alone CROSS JOIN", or_ours="$3"
)
WAIT_SQL = "SELECT pg_advisory_xact_lock($1::integer, $2::integer)"
# Whoever has it now draws the next one; the node that is gone has none of them any more.
RELEASE_SQL = """
UPDATE station SET online = false, link_epoch = (link_epoch / 4096 + 1) * 4096
WHERE id = ANY(ARRAY(
    SELECT id FROM station WHERE link_epoch % 4096 = $1 AND online ORDER BY id FOR NO KEY UPDATE))
RETURNING id
"""
UNKNOWN_SQL = """
SELECT DISTINCT link_epoch % 4096 AS node FROM station
WHERE link_epoch % 4096 <> ALL($1::bigint[]) AND online ORDER BY node
"""

LATE_SQL = """
SELECT s.id, s.station_id, s.id_token, s.state = 'ENDED' AS ended
FROM unnest($1::bigint[]) AS u (station_id) CROSS JOIN LATERAL (
    SELECT * FROM session WHERE session.station_id = u.station_id ORDER BY began_at DESC, id DESC LIMIT 20) AS s
WHERE s.state = 'ACTIVE' OR greatest(s.progress_at, s.stop_logged_at) > now() - interval '1 hour'
"""


@dataclass(slots=True)
class NodeMark:
    """This process among the nodes."""

    number: int
    """1 to 4095, and no other node's that lives."""
    floor: dict[int, int] = field(default_factory=dict)
    """Stations that came back from another node: what is older than this epoch is not ours any more either."""


async def begin(connection: asyncpg.Connection, mark: NodeMark) -> None:
    """At the beginning of a batch's transaction; from asyncio."""
    await connection.execute(BEGIN_SQL, LOCKS, mark.number, f"{STALL_SECONDS}s")


async def lost_among(connection: asyncpg.Connection, fences: Iterable[Fence], mark: NodeMark) -> set[Fence]:
    """Those that another node has taken; from asyncio."""
    wanted = tuple(fences)
    if not wanted:
        return set()
    floor = mark.floor
    lost = {each for each in wanted if each.epoch < floor.get(each.station_id, 0)} if floor else set()
    rows = await connection.fetch(LOST_SQL, [each[0] for each in wanted], [each[1] for each in wanted], mark.number)
    return lost | {Fence(row[0], row[1]) for row in rows}


class Claims:
    """Draws epochs, many stations' in one statement. `run` must be running."""

    def __init__(self, database: Database, mark: NodeMark) -> None:
        self._database = database
        self.mark = mark
        self.abandoned: Callable[[int], None] = lambda _station_id: None
        """Told of each station whose last link, at another node, was not seen to end."""
        self._wanted: dict[int, _Asked] = {}
        self._work = trio.Event()

    async def claim(self, station_id: int) -> Claim:
        """See `csms.ports.directory.Ownership`. Raises Unavailable."""
        asked = self._wanted.setdefault(station_id, _Asked())
        self._work.set()
        await asked.done.wait()
        if asked.error is not None:
            raise Unavailable(asked.error.message, reason=asked.error.reason) from asked.error
        if asked.claim is None:
            raise Unavailable(f"There is no station {station_id} (any more).", reason="STATION_NOT_FOUND")
        if asked.taken:  # two links in one batch: the second one's turn comes with the next
            return await self.claim(station_id)
        asked.taken = True
        return asked.claim

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Draw what is wanted, for ever."""
        task_status.started()
        while True:
            await self._work.wait()
            self._work = trio.Event()
            while self._wanted:
                ids = list(self._wanted)[:AT_ONCE]
                batch = {station_id: self._wanted.pop(station_id) for station_id in ids}
                try:
                    await self._draw(batch)
                except Unavailable as error:
                    for asked in batch.values():
                        asked.error = error
                finally:
                    for asked in batch.values():
                        asked.done.set()

    async def release(self, number: int) -> list[int]:
        """A node is gone: its stations are offline, and what it may still write is refused. Which stations.

        Raises Unavailable.
        """
        return await self._database.transaction(_release, number)

    async def release_all_but(self, numbers: Iterable[int]) -> list[int]:
        """The same for all nodes but these. Raises Unavailable."""
        unknown = await self._database.fetch(UNKNOWN_SQL, list(numbers))
        return [station_id for row in unknown for station_id in await self.release(row["node"])]

    async def lost(self, links: Sequence[Fence]) -> set[Fence]:
        """Which of this node's links others have taken, or were given up. Raises Unavailable."""
        return await self._database.run(lost_among, links, self.mark)

    async def late_sessions(self, stations: Sequence[int]) -> list[LateSession]:
        """What happened at these stations within the hour. Raises Unavailable."""
        return [LateSession(*row) for row in await self._database.fetch(LATE_SQL, list(stations))]

    async def _draw(self, batch: dict[int, _Asked]) -> None:
        number, left = self.mark.number, set(batch)
        while left:  # again for those that another node took in between
            formers: dict[int, list[int]] = {}
            for row in await self._database.fetch(FORMER_SQL, list(left)):
                formers.setdefault(0 if row["node"] == number else row["node"], []).append(row["id"])
            left.intersection_update(chain.from_iterable(formers.values()))
            for former, ids in sorted(formers.items()):
                sql = CLAIM_OTHERS_SQL if former else CLAIM_OURS_SQL
                for row in await self._database.fetch(sql, ids, number, former):
                    self._drawn(batch[row["id"]], row, number)
                    left.discard(row["id"])

    def _drawn(self, asked: _Asked, row: asyncpg.Record, number: int) -> None:
        moved = row["before"] != 0 and row["before"] % NODES != number
        if moved:
            self.mark.floor[row["id"]] = row["epoch"]
            if row["online"]:
                self.abandoned(row["id"])
        asked.claim = Claim(row["epoch"], moved)


class _Asked:
    __slots__ = ("claim", "done", "error", "taken")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.claim: Claim | None = None
        self.error: Unavailable | None = None
        self.taken = False


async def _release(connection: asyncpg.Connection, number: int) -> list[int]:
    await connection.execute(WAIT_SQL, LOCKS, number)
    return [row["id"] for row in await connection.fetch(RELEASE_SQL, number)]
