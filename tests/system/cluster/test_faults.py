"""Three nodes, two control processes, three NATS servers, PostgreSQL; 300 stations behind a balancer, and faults by a
seed: each part is killed, a node and a control process are paused, a node is cut off NATS.

After each fault every station is answered again, and then the books are compared: everything that was answered is in
the database exactly once, every station has one node, no command was carried out twice or answered wrongly, and both
watchers were told of every session's begin and end without ever having to list again.

    CLUSTER_STATIONS, CLUSTER_FAULTS, CLUSTER_SEED, CLUSTER_PACE   other sizes
"""

from __future__ import annotations

import os
import random
import signal
import sys
from dataclasses import dataclass, field

import grpc
import pytest
import trio

from control.v1 import id_tokens_pb2, id_tokens_pb2_grpc
from tests.kit.cluster import System, cluster
from tests.kit.cluster_callers import Commander, Watcher, bearer, channel_to, in_thread
from tests.kit.fleet import FleetStation

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

STATIONS = int(os.environ.get("CLUSTER_STATIONS", "300"))
SEED = int(os.environ.get("CLUSTER_SEED", "7"))
PACE = float(os.environ.get("CLUSTER_PACE", str(max(0.3, STATIONS / 120))))
"""Seconds between a station's answer and its next message: some 120 messages a second, however many stations."""
BACK_SECONDS = 180.0
CUT_SECONDS = 25.0
"""Long enough to be given up."""
ENERGY_WH = 300.0
"""What each session charges."""

KINDS = (
    "kill a node",
    "pause a node",
    "kill a NATS server",
    "kill a control process",
    "pause a control process",
    "kill PostgreSQL",
    "cut a node off NATS",
)
FAULTS = int(os.environ.get("CLUSTER_FAULTS", str(len(KINDS))))


@dataclass
class World:
    """The system and all who use it."""

    made: System
    fleet: list[FleetStation]
    watchers: list[Watcher]
    commander: Commander
    report: list[str] = field(default_factory=list)

    @property
    def begun(self) -> set[int]:
        """Sessions whose start was answered."""
        return {session.number for each in self.fleet for session in each.sessions}

    @property
    def over(self) -> set[int]:
        """Those whose end was answered."""
        return {session.number for each in self.fleet for session in each.sessions if session.stopped}

    async def all_answered(self, since: float) -> float:
        """Until every station had an answer to something that it sent after `since`; how long after that."""
        with trio.move_on_after(BACK_SECONDS) as patience:
            while not all(each.answered_sent_at > since for each in self.fleet):
                await trio.sleep(0.05)
        late = [each.identity for each in self.fleet if each.answered_sent_at <= since]
        assert not patience.cancelled_caught, f"{late[:9]} hear nothing\n{self.made.trouble()}"
        return trio.current_time() - since

    async def settled(self) -> None:
        """Until each station is at one node, and the watchers have heard of all that was answered until now."""
        begun, over, online, stored = self.begun, self.over, dict[str, int](), -1
        with trio.move_on_after(BACK_SECONDS) as patience:
            while True:
                stored = (await self.made.rows("SELECT count(*) AS n FROM station WHERE online"))[0]["n"]
                online = await self.made.online()
                at_one_node = stored == sum(online.values()) == STATIONS and min(online.values()) >= 0
                if at_one_node and all(begun <= set(w.sessions) and self._heard(w, over) for w in self.watchers):
                    return
                await trio.sleep(0.2)
        assert not patience.cancelled_caught, (
            f"online {online}, in the database {stored}; watchers lack"
            f" {[sorted(begun - set(w.sessions))[:5] for w in self.watchers]} and the ends of"
            f" {[sorted(n for n in over if n in w.sessions and not w.sessions[n].ended)[:5] for w in self.watchers]}\n"
            f"{self.made.trouble()}"
        )

    def _heard(self, watcher: Watcher, over: set[int]) -> bool:
        return all(watcher.sessions[number].ended for number in over)

    async def strike(self, fault: str, chance: random.Random) -> None:
        """One fault, and what comes of it."""
        began, resumed = trio.current_time(), sum(w.resumed for w in self.watchers)
        struck = list[str]()

        async def hit() -> None:
            struck.append(await do(self.made, fault, chance))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hit)
            await trio.sleep(0.1)
            back = await self.all_answered(
                began + 0.1
            )  # whatever was sent from now on is answered by those that are left
        await self.settled()
        settled = trio.current_time() - began
        await self.check_books(finished=False)
        self.report.append(
            f"{struck[0]}: all answered {back:.1f} s, all settled {settled:.1f} s after its begin; watchers resumed"
            f" {sum(w.resumed for w in self.watchers) - resumed} times"
        )
        sys.stderr.write(f"{self.report[-1]}\n")

    # -- the books -------------------------------------------------------------------------------------------------

    async def check_books(self, *, finished: bool) -> None:
        """`finished`: nothing is under way any more."""
        known = [
            (each.identity, session, session.stopped, len(session.meter_values))
            for each in self.fleet
            for session in each.sessions
        ]
        starts = await self.made.rows("SELECT id, station_identity, state, energy_wh, flags FROM session")
        sessions = {row["id"]: row for row in starts}
        values = await self.made.rows("SELECT session_id, measured_at, count(*) AS n FROM meter_value GROUP BY 1, 2")
        written = {(row["session_id"], f"{row['measured_at']:%Y-%m-%dT%H:%M:%SZ}"): row["n"] for row in values}
        assert max(written.values(), default=1) == 1, "a meter value was written twice"
        assert len({session.number for _, session, _, _ in known}) == len(known), "two starts got one session"
        for identity, session, stopped, told in known:
            row = sessions.get(session.number)
            assert row is not None, (identity, session)
            assert row["station_identity"] == identity
            if stopped:
                assert (row["state"], row["energy_wh"], row["flags"]) == ("ENDED", ENERGY_WH, []), (identity, dict(row))
            for moment in session.meter_values[:told]:
                assert (session.number, moment) in written, (identity, session.number, moment)
        # A start that was not answered before the connection broke is sent again, and is the same session.
        unknown: dict[str, int] = {}
        for number in sessions.keys() - self.begun:
            identity = sessions[number]["station_identity"]
            unknown[identity] = unknown.get(identity, 0) + 1
        assert max(unknown.values(), default=0) <= (0 if finished else 1), unknown
        assert [each.faults for each in self.fleet if each.faults] == []

    def check_commands(self) -> None:
        """Each was carried out once at most, and the answers are those of the stations."""
        seen = [mark for each in self.fleet for mark in each.asked]
        assert len(set(seen)) == len(seen), "a command was carried out twice"
        assert self.commander.wrong == []
        assert self.commander.answered <= set(seen)
        assert len(self.commander.answered) > len(self.commander.outcomes) / 3, self.commander.outcomes

    async def check_watchers(self) -> None:
        """They hold the truth; and were told of all of it, one event after the other, since nothing was ever lost."""
        sessions = await self.made.rows("SELECT id, state, energy_wh FROM session")
        truth = {row["id"]: (row["state"] == "ENDED", row["energy_wh"]) for row in sessions}
        for watcher in self.watchers:
            assert watcher.wrong == []
            assert watcher.relists == 0, "three servers of NATS lose no event while one of them is away"
            assert {n: (held.ended, held.energy_wh) for n, held in watcher.sessions.items()} == truth
            assert sum(watcher.online.values()) == STATIONS
            assert self.begun <= watcher.began
            assert self.over <= watcher.over


async def do(made: System, fault: str, chance: random.Random) -> str:
    """What was done."""
    if fault.startswith("kill"):
        return await kill(made, fault, chance)
    if fault == "cut a node off NATS":
        place = chance.choice(made.places)
        place.cut()
        await trio.sleep(CUT_SECONDS)
        place.mend()
        return f"{place.name} was cut off NATS for {CUT_SECONDS:.0f} s"
    victim = chance.choice(made.nodes if fault == "pause a node" else made.controls)
    os.kill(victim.pid or 0, signal.SIGSTOP)
    await trio.sleep(10)
    os.kill(victim.pid or 0, signal.SIGCONT)
    return f"{victim.name} was paused for 10 s"


async def kill(made: System, fault: str, chance: random.Random) -> str:
    if fault == "kill a NATS server":
        number = chance.randrange(len(made.nats))
        made.nats[number].kill()
        return f"NATS server {number} was killed"
    if fault == "kill PostgreSQL":
        pid = int((made.folder / "pg/pgdata/postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGKILL)
        return "PostgreSQL was killed"
    victim = chance.choice(made.nodes if fault == "kill a node" else made.controls)
    os.kill(victim.pid or 0, signal.SIGKILL)
    await trio.sleep(0.1)
    return f"{victim.name} was killed"


@pytest.mark.feature("F-SYS-7")
async def test_whatever_dies_nothing_that_was_answered_is_lost_or_done_twice() -> None:
    chance = random.Random(SEED)
    faults = [*chance.sample(KINDS, len(KINDS)), *chance.choices(KINDS, k=FAULTS)][:FAULTS]
    async with cluster() as made:
        await trio.to_thread.run_sync(add_tags, made)
        fleet = [
            FleetStation(f"CP-{n}", made.balancer.port, f"TAG{n}", seed=SEED + n, pace=PACE) for n in range(STATIONS)
        ]
        watchers = [Watcher(made.control_ports, made.key, turn) for turn in range(2)]
        async with trio.open_nursery() as nursery:
            for watcher in watchers:
                nursery.start_soon(in_thread(watcher.run))
            began = trio.current_time()
            for each in fleet:
                nursery.start_soon(each.run)
                await trio.sleep(0.01)
            commander = Commander(made.control_ports, made.key, [], SEED)
            world = World(made, fleet, watchers, commander)
            sys.stderr.write(f"{STATIONS} stations connected in {await world.all_answered(began):.1f} s\n")
            commander.names += [f"stations/{row['id']}" for row in await made.rows("SELECT id FROM station")]
            nursery.start_soon(in_thread(commander.run))
            for fault in faults:
                await world.strike(fault, chance)
            commander.enough = True
            for each in fleet:
                each.busy = False
            await world.all_answered(trio.current_time())
            await world.settled()
            await world.check_books(finished=True)
            world.check_commands()
            await world.check_watchers()
            for watcher in watchers:
                watcher.enough = True
            nursery.cancel_scope.cancel()


def add_tags(made: System) -> None:
    with channel_to(made.control_ports[0]) as channel:
        stub = id_tokens_pb2_grpc.IdTokenServiceStub(channel)
        for number in range(STATIONS):
            token = id_tokens_pb2.IdToken(id_token=f"TAG{number}")
            wanted = id_tokens_pb2.CreateIdTokenRequest(id_token=token)
            try:
                stub.CreateIdToken(wanted, metadata=bearer(made.key), timeout=20)
            except grpc.RpcError as error:
                raise AssertionError(made.trouble()) from error
