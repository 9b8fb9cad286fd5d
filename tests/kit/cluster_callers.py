"""Who uses a system of several processes: watchers that resume where they were, and one who sends commands."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import trio

from control.v1 import (
    remote_pb2,
    remote_pb2_grpc,
    sessions_pb2,
    sessions_pb2_grpc,
    stations_pb2,
    stations_pb2_grpc,
    watch_pb2,
    watch_pb2_grpc,
)

ENDED = sessions_pb2.SESSION_STATE_ENDED
WATCH_SECONDS = 45.0
"""Then the call is made anew, at the next process: resuming is nothing special."""


def bearer(key: str) -> tuple[tuple[str, str], ...]:
    """What each call says of who calls."""
    return (("authorization", f"Bearer {key}"),)


def in_thread(run: Callable[[], None]) -> Callable[[], Any]:
    """For a nursery."""

    async def work() -> None:
        await trio.to_thread.run_sync(run, abandon_on_cancel=True)

    return work


@contextmanager
def channel_to(port: int) -> Iterator[grpc.Channel]:
    """A connection of its own, and none that waits longer and longer before it tries again."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.initial_reconnect_backoff_ms", 200)]
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
        yield channel


@dataclass
class Held:
    """What a watcher knows of a session."""

    ended: bool
    energy_wh: float


@dataclass
class Watcher:
    """Lists once, then watches; when the call ends it goes on at the next control process after the revision it had
    reached. Told that this is no longer kept it lists again, as the API asks for, and counts that."""

    ports: list[int]
    key: str
    turn: int = 0
    revision: int = 0
    sessions: dict[int, Held] = field(default_factory=dict)
    online: dict[str, bool] = field(default_factory=dict)
    began: set[int] = field(default_factory=set)
    """Sessions that the stream told of, while they went on or later."""
    over: set[int] = field(default_factory=set)
    """Sessions whose end the stream told."""
    lists: int = 0
    resumed: int = 0
    wrong: list[str] = field(default_factory=list)
    """What contradicts what was told before."""
    errors: dict[str, int] = field(default_factory=dict)
    enough: bool = False

    @property
    def relists(self) -> int:
        """How often it was told to list again."""
        return max(self.lists - 1, 0)

    def run(self) -> None:
        """In a thread, until `enough`."""
        while not self.enough:
            self.turn += 1
            try:
                with channel_to(self.ports[self.turn % len(self.ports)]) as channel:
                    if not self.revision:
                        self._list(channel)
                    self._watch(watch_pb2_grpc.WatchServiceStub(channel))
            except grpc.RpcError as error:
                code = error.code()
                if code is grpc.StatusCode.OUT_OF_RANGE:
                    self.revision = 0
                if code is not grpc.StatusCode.DEADLINE_EXCEEDED:
                    name = str(getattr(code, "name", code))
                    self.errors[name] = self.errors.get(name, 0) + 1
                    time.sleep(0.2)
                self.resumed += 1

    def _watch(self, stub: Any) -> None:
        request = watch_pb2.WatchRequest(start_revision=self.revision)
        call = stub.Watch(request, metadata=bearer(self.key), timeout=WATCH_SECONDS)
        for change in call:
            if change.revision < self.revision:
                self.wrong.append(f"revision {change.revision} after {self.revision}")
            self._take_in(change)
            self.revision = change.revision
            if self.enough:
                call.cancel()
                return

    def _take_in(self, change: Any) -> None:
        if change.HasField("station"):
            self._hold_station(change.station)
        elif change.HasField("session"):
            number = int(change.session.name.rpartition("/")[2])
            self._hold(number, change.session)
            self.began.add(number)
            if change.session.state == ENDED:
                self.over.add(number)

    def _hold(self, number: int, session: Any) -> None:
        ended = session.state == ENDED
        known = self.sessions.get(number)
        if known is not None and known.ended and not ended:
            self.wrong.append(f"session {number} goes on after its end")
        if known is not None and known.energy_wh > session.energy_wh:
            self.wrong.append(f"session {number} has {session.energy_wh} Wh after {known.energy_wh}")
        self.sessions[number] = Held(ended, session.energy_wh)

    def _hold_station(self, station: Any) -> None:
        self.online[station.name] = station.connection_state == stations_pb2.CONNECTION_STATE_ONLINE

    def _list(self, channel: grpc.Channel) -> None:
        """Everything anew. The first page's revision counts: what comes later is told again."""
        sessions, stations = (
            sessions_pb2_grpc.SessionServiceStub(channel),
            stations_pb2_grpc.StationServiceStub(channel),
        )
        revision, token, held = 0, "", dict[int, Any]()
        while True:
            page = sessions.ListSessions(
                sessions_pb2.ListSessionsRequest(page_size=1000, page_token=token, skip_totals=True),
                metadata=bearer(self.key),
                timeout=20,
            )
            revision = revision or page.revision
            held |= {int(each.name.rpartition("/")[2]): each for each in page.sessions}
            if not (token := page.next_page_token):
                break
        while True:
            listed = stations.ListStations(
                stations_pb2.ListStationsRequest(page_size=1000, page_token=token),
                metadata=bearer(self.key),
                timeout=20,
            )
            for each in listed.stations:
                self._hold_station(each)
            if not (token := listed.next_page_token):
                break
        for number, session in held.items():
            self._hold(number, session)
        if missing := self.sessions.keys() - held.keys():
            self.wrong.append(f"sessions {sorted(missing)[:5]} are not listed any more")
        self.revision, self.lists = revision, self.lists + 1


@dataclass
class Commander:
    """Sends commands to random stations through random control processes, each with a mark of its own."""

    ports: list[int]
    key: str
    names: list[str]
    seed: int
    pause_s: float = 0.05
    outcomes: dict[str, str] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """Answers to something else than what was asked."""
    enough: bool = False

    def run(self) -> None:
        """In a thread, until `enough`."""
        chance, serial = random.Random(self.seed), 0
        while not self.enough:
            serial += 1
            mark = f"mark-{serial}"
            self.outcomes[mark] = self._send(chance.choice(self.ports), chance.choice(self.names), mark)
            time.sleep(self.pause_s)

    @property
    def answered(self) -> set[str]:
        """Marks of those that were."""
        return {mark for mark, outcome in self.outcomes.items() if outcome == "OK"}

    def _send(self, port: int, name: str, mark: str) -> str:
        request = remote_pb2.GetVariablesRequest(target=remote_pb2.CommandTarget(station=name), names=[mark])
        with channel_to(port) as channel:
            try:
                answer = remote_pb2_grpc.RemoteServiceStub(channel).GetVariables(
                    request, metadata=bearer(self.key), timeout=8
                )
            except grpc.RpcError as error:
                return str(error.code().name)
        if list(answer.unknown_names) != [mark]:
            self.wrong.append(f"{mark}: {answer}")
        return "OK"
