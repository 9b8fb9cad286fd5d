"""Many stations at once: file limit, addresses, ramp, progress, and the end of the run.

The model is open: what a station does and when was decided before the run (`loadtest.scenario`), so a
slow server is not spared the messages that a patient client would have held back.
"""

from __future__ import annotations

import resource
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

import trio

from loadtest.client import Address, Dial
from loadtest.ledger import SessionRecord
from loadtest.scenario import Scenario, plan_station
from loadtest.session import RunClock
from loadtest.station import Habits, Station
from loadtest.tally import Tally

SPARE_FILES = 64  # what the process itself keeps open
PORTS_PER_ADDRESS = 28_000  # net.ipv4.ip_local_port_range, 32768 to 60999


@dataclass(frozen=True, slots=True)
class Target:
    """Where the stations knock: `ws://host:port/path`, to which the identity is appended."""

    host: str
    port: int
    path: str
    tls: bool

    def address(self, identity: str, password: str | None) -> Address:
        """The address of one station."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        resource_path = f"{self.path}/{quote(identity, safe='')}"
        return Address(f"{host}:{self.port}", resource_path, identity, password)


@dataclass(slots=True)
class SwarmResult:
    """What a run leaves behind."""

    began: datetime
    seconds: float
    tally: Tally
    ledger: list[SessionRecord] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)
    refused_sessions: int = 0
    skipped_sessions: int = 0
    unsettled_stations: int = 0

    @property
    def finished(self) -> list[SessionRecord]:
        """The sessions whose start and stop the server acknowledged."""
        return [record for record in self.ledger if record.finished]

    @property
    def unfinished(self) -> list[SessionRecord]:
        """The others."""
        return [record for record in self.ledger if not record.finished]


def parse_target(url: str, flag: str = "--target") -> Target:
    """Read a target, as `flag` gives it. Raises ValueError with a sentence for people."""
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"{flag} must look like ws://127.0.0.1:9000/ocpp, not {url!r}")
    tls = parts.scheme == "wss"
    return Target(parts.hostname, parts.port or (443 if tls else 80), parts.path.rstrip("/"), tls)


def raise_file_limit(stations: int) -> str | None:
    """Lift the soft limit of open files as far as needed; returns what to do when the hard limit is too low."""
    needed = stations + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return None
    unlimited = hard == resource.RLIM_INFINITY
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed if unlimited else min(needed, hard), hard))
    if unlimited or hard >= needed:
        return None
    return (
        f"{stations} stations need {needed} open files, but this process may have only {hard}: "
        f"use --stations {hard - SPARE_FILES}, or raise the hard limit (ulimit -Hn) and start again."
    )


def too_few_ports(stations: int, sources: Sequence[str]) -> str | None:
    """What to do when the stations will run out of local ports; None when they will not."""
    room = PORTS_PER_ADDRESS * max(1, len(sources))
    if stations <= room:
        return None
    more = -(-stations // PORTS_PER_ADDRESS)
    return (
        f"{stations} connections do not fit into {room} local ports: give --source-addresses 127.0.0.1-127.0.0.{more}."
    )


def _dial(target: Target, source: str | None, tls: ssl.SSLContext | None) -> Dial:
    async def dial() -> trio.abc.Stream:
        stream = await trio.open_tcp_stream(target.host, target.port, local_address=source)
        if tls is None:
            return stream
        return trio.SSLStream(stream, tls, server_hostname=target.host, https_compatible=True)

    return dial


async def run_swarm(
    scenario: Scenario,
    target: Target,
    *,
    habits: Habits,
    passwords: Mapping[str, str],
    sources: Sequence[str] = (),
    grace: float = 30.0,
    progress: Callable[[Tally, float], None] | None = None,
    dial_for: Callable[[str], Dial] | None = None,
) -> SwarmResult:
    """Run the scenario to its end and `grace` seconds more for the last answers.

    `passwords` by identity; a station without one connects without. `progress` is called each second with
    the seconds since the begin. `dial_for` replaces the network in tests.
    """
    clock = RunClock(trio.current_time(), datetime.now(UTC))
    tally = Tally(clock.began)
    tls = ssl.create_default_context() if target.tls else None
    stations: list[Station] = []
    for index in range(scenario.stations):
        plan = plan_station(scenario, index)
        source = sources[index % len(sources)] if sources else None
        dial = _dial(target, source, tls) if dial_for is None else dial_for(plan.identity)
        address = target.address(plan.identity, passwords.get(plan.identity))
        stations.append(Station(plan, dial, address, tally=tally, clock=clock, habits=habits))
    async with trio.open_nursery() as nursery:
        for station in stations:
            nursery.start_soon(station.run)
        await _watch(stations, clock, scenario.run_seconds, grace, tally, progress)
        nursery.cancel_scope.cancel()
    result = SwarmResult(clock.date, trio.current_time() - clock.began, tally)
    for station in stations:
        result.ledger += station.ledger
        result.identities.append(station.plan.identity)
        result.refused_sessions += station.refused_sessions
        result.skipped_sessions += station.skipped_sessions
        result.unsettled_stations += not station.finished
    return result


async def _watch(
    stations: Sequence[Station],
    clock: RunClock,
    run_seconds: float,
    grace: float,
    tally: Tally,
    progress: Callable[[Tally, float], None] | None,
) -> None:
    """Return when the time is over and every station has its answers, at the latest after the grace."""
    second = 0
    while True:
        second += 1
        await trio.sleep_until(clock.at(second))
        if progress is not None:
            progress(tally, float(second))
        if second < run_seconds:
            continue
        for station in stations:
            station.wind_down()
        if all(station.finished for station in stations) or second >= run_seconds + grace:
            return
