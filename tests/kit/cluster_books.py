"""Everybody who uses a system of several processes, and the comparison of their books with the database."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import trio

from control.v1 import id_tokens_pb2, id_tokens_pb2_grpc
from tests.kit.cluster import System
from tests.kit.cluster_callers import Commander, Watcher, bearer, channel_to, in_thread
from tests.kit.fleet import FleetStation

BACK_SECONDS = 180.0
"""How long anything may take before it counts as never; how long it took is told."""
ENERGY_WH = 300.0
"""What each session charges."""


@dataclass
class Books:
    """The system and all who use it."""

    made: System
    fleet: list[FleetStation]
    watchers: list[Watcher]
    commander: Commander

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
                at_one_node = stored == sum(online.values()) == len(self.fleet) and min(online.values()) >= 0
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

    async def finish(self) -> None:
        """Let everything come to its end, then compare all there is."""
        self.commander.enough = True
        for each in self.fleet:
            each.busy = False
        await self.all_answered(trio.current_time())
        await self.settled()
        await self.check_sessions(finished=True)
        self.check_commands()
        await self.check_watchers()
        for watcher in self.watchers:
            watcher.enough = True

    async def check_sessions(self, *, finished: bool) -> None:
        """What was answered is in the database exactly once. `finished`: nothing is under way any more."""
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
                # The fleet's clocks are a day slow, which is noticed when a session takes long enough.
                odd = set(row["flags"]) - {"CLOCK_WRONG"}
                assert (row["state"], row["energy_wh"], odd) == ("ENDED", ENERGY_WH, set()), (identity, dict(row))
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
        with trio.move_on_after(BACK_SECONDS):  # what sessions that go on have charged is written some seconds later
            while [self._held(watcher) for watcher in self.watchers] != [await self._truth()] * len(self.watchers):
                await trio.sleep(0.5)
        truth = await self._truth()
        for watcher in self.watchers:
            assert watcher.wrong == []
            assert watcher.relists == 0, "servers of NATS lose no event while one of three is away"
            assert self._held(watcher) == truth
            assert sum(watcher.online.values()) == len(self.fleet)
            assert self.begun <= watcher.began
            assert self.over <= watcher.over

    async def _truth(self) -> dict[int, tuple[bool, float]]:
        sessions = await self.made.rows("SELECT id, state, energy_wh FROM session")
        return {row["id"]: (row["state"] == "ENDED", row["energy_wh"]) for row in sessions}

    def _held(self, watcher: Watcher) -> dict[int, tuple[bool, float]]:
        return {number: (held.ended, held.energy_wh) for number, held in watcher.sessions.items()}


@asynccontextmanager
async def used(made: System, stations: int, *, pace: float, seed: int, idle: int = 10) -> AsyncIterator[Books]:
    """A system with stations that charge (every `idle`th only says that it is there, which makes nobody write), two
    watchers, and commands. `pace`: seconds between a station's answer and its next message."""
    await trio.to_thread.run_sync(add_tags, made, stations)
    fleet = [FleetStation(f"CP-{n}", made.balancer.port, f"TAG{n}", seed=seed + n, pace=pace) for n in range(stations)]
    for each in fleet[::idle]:
        each.busy = False
    watchers = [Watcher(made.control_ports, made.key, turn) for turn in range(2)]
    commander = Commander(made.control_ports, made.key, [], seed)
    books = Books(made, fleet, watchers, commander)
    async with trio.open_nursery() as nursery:
        for watcher in watchers:
            nursery.start_soon(in_thread(watcher.run))
        began = trio.current_time()
        for each in fleet:
            nursery.start_soon(each.run)
            await trio.sleep(0.01)
        sys.stderr.write(f"{stations} stations connected in {await books.all_answered(began):.1f} s\n")
        commander.names += [f"stations/{row['id']}" for row in await made.rows("SELECT id FROM station")]
        nursery.start_soon(in_thread(commander.run))
        yield books
        for caller in (commander, *watchers):
            caller.enough = True
        nursery.cancel_scope.cancel()


def add_tags(made: System, count: int) -> None:
    with channel_to(made.control_ports[0]) as channel:
        stub = id_tokens_pb2_grpc.IdTokenServiceStub(channel)
        for number in range(count):
            token = id_tokens_pb2.IdToken(id_token=f"TAG{number}")
            wanted = id_tokens_pb2.CreateIdTokenRequest(id_token=token)
            stub.CreateIdToken(wanted, metadata=bearer(made.key), timeout=20)
