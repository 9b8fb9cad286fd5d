"""The command line: run a scenario against a central system, check what it kept, print the report."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import trio
from rich.console import Console

from loadtest.ledger import Discrepancy, compare
from loadtest.probe import Probe, ProbeError
from loadtest.report import make_report, print_report, write_json
from loadtest.scenario import (
    Scenario,
    fitting_meter_interval,
    fitting_time_scale,
    identity,
    plan_station,
)
from loadtest.station import Habits
from loadtest.swarm import (
    SwarmResult,
    Target,
    parse_target,
    raise_file_limit,
    run_swarm,
    too_few_ports,
)
from loadtest.tally import Tally

PASSED, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130


@dataclass(frozen=True, slots=True)
class Settings:
    """The command line, understood."""

    scenario: Scenario
    target_url: str
    target: Target
    control: str
    api_key: str | None
    check: bool
    password: str | None
    json_file: Path | None
    sources: tuple[str, ...]
    grace: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the load tester; returns 0 when every finished session is right, 1 when not, 2 on misuse."""
    console = Console()
    try:
        settings = read_settings(sys.argv[1:] if argv is None else argv)
    except ValueError as error:
        console.print(f"chargehouse loadtest: {error}", style="red", markup=False, soft_wrap=True)
        return MISUSED
    try:
        return _run(settings, console)
    except (ProbeError, OSError) as error:
        console.print(f"chargehouse loadtest: {error}", style="red", markup=False, soft_wrap=True)
        return FAILED
    except KeyboardInterrupt:
        console.print("Interrupted: nothing was checked.")
        return INTERRUPTED


def read_settings(argv: Sequence[str]) -> Settings:
    """Parse and check the command line. Raises ValueError with a sentence for people; --help exits."""
    given = _parser().parse_args(list(argv))
    for name in ("stations", "minutes", "connectors", "time_scale", "meter_interval"):
        value = getattr(given, name)
        if value is not None and value <= 0:
            raise ValueError(f"--{name.replace('_', '-')} must be more than 0")
    for name in ("ramp", "grace"):
        value = getattr(given, name)
        if value is not None and value < 0:
            raise ValueError(f"--{name} must not be negative")
    run_seconds = given.minutes * 60
    ramp = min(10.0, run_seconds / 6) if given.ramp is None else given.ramp
    scale = fitting_time_scale(run_seconds, ramp) if given.time_scale is None else given.time_scale
    interval = fitting_meter_interval(scale) if given.meter_interval is None else given.meter_interval
    scenario = Scenario(
        stations=given.stations,
        minutes=given.minutes,
        ramp=ramp,
        meter_interval=round(interval, 2),
        time_scale=scale,
        seed=given.seed,
        prefix=given.prefix,
        connectors=given.connectors,
    )
    last = plan_station(scenario, scenario.stations - 1)  # the one with the least time
    if max(len(tag) for tag in last.id_tags) > 20:
        raise ValueError("--prefix is too long: an id tag of OCPP 1.6 has at most 20 characters")
    sources = parse_sources(given.source_addresses)
    check = not given.no_check
    api_key = given.api_key or os.environ.get("CHARGEHOUSE_API_KEY")
    if check and not api_key:
        raise ValueError(
            "checking the sessions needs an API key: run `chargehouse key create --name loadtest "
            "--role administrator` and give it as --api-key or CHARGEHOUSE_API_KEY, or give --no-check"
        )
    for problem in (too_few_ports(scenario.stations, sources), raise_file_limit(scenario.stations)):
        if problem is not None:
            raise ValueError(problem)
    return Settings(
        scenario=scenario,
        target_url=given.target,
        target=parse_target(given.target),
        control=given.control,
        api_key=api_key,
        check=check,
        password=given.password,
        json_file=given.json,
        sources=sources,
        grace=given.grace,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chargehouse loadtest",
        description="Simulate OCPP 1.6J charging stations, then check every session over control.v1.",
    )
    add = parser.add_argument
    add("--stations", type=int, default=500, metavar="N", help="how many stations (500)")
    add("--minutes", type=float, default=1.0, metavar="M", help="length of the run (1)")
    add("--target", default="ws://127.0.0.1:9000/ocpp", metavar="URL", help="the identity is appended (%(default)s)")
    add("--control", default="127.0.0.1:50051", metavar="HOST:PORT", help="control.v1 (%(default)s)")
    add("--api-key", metavar="KEY", help="for control.v1; or CHARGEHOUSE_API_KEY")
    add("--no-check", action="store_true", help="do not use control.v1 at all: works against any central system")
    add("--password", help="of every station; without it one is generated for each (none with --no-check)")
    add("--seed", type=int, default=1, help="the same seed plans the same run (1)")
    add("--ramp", type=float, metavar="SECONDS", help="time over which the stations connect (10, or a sixth)")
    add("--meter-interval", type=float, metavar="SECONDS", help="between meter values (fits the sessions)")
    add("--time-scale", type=float, metavar="X", help="compress charging by this factor (fits the run)")
    add("--connectors", type=int, default=1, metavar="N", help="per station (1)")
    add("--prefix", default="LT-", help="of the station identities (%(default)s)")
    add("--source-addresses", default="", metavar="A,B or A-B", help="local addresses to connect from")
    add("--grace", type=float, default=30.0, metavar="SECONDS", help="wait for the last answers (30)")
    add("--json", type=Path, metavar="FILE", help="write the report here as well")
    return parser


def parse_sources(text: str) -> tuple[str, ...]:
    """`127.0.0.1,127.0.0.2` or `127.0.0.1-127.0.0.8`. Raises ValueError for anything else."""
    if not text:
        return ()
    first, dash, last = text.partition("-")
    if not dash:
        return tuple(str(ip_address(part.strip())) for part in text.split(","))
    low, high = int(IPv4Address(first.strip())), int(IPv4Address(last.strip()))
    if not 0 <= high - low < 1024:
        raise ValueError("--source-addresses: the range must run upwards and hold at most 1024 addresses")
    return tuple(str(IPv4Address(number)) for number in range(low, high + 1))


def make_passwords(settings: Settings) -> dict[str, str]:
    """By identity. Generated ones are random each time: the probe sets them on the server before the run."""
    names = [identity(settings.scenario, index) for index in range(settings.scenario.stations)]
    if settings.password is not None:
        return dict.fromkeys(names, settings.password)
    return {name: secrets.token_urlsafe(15) for name in names} if settings.check else {}


def _run(settings: Settings, console: Console) -> int:
    passwords = make_passwords(settings)
    wrong: list[Discrepancy] | None = None
    if settings.api_key is None or not settings.check:
        result = _swarm(settings, passwords, console)
    else:
        with Probe(settings.control, settings.api_key) as probe:
            _prepare(settings, passwords, probe, console)
            result = _swarm(settings, passwords, console)
            wrong = _check(result, probe, console)
    report = make_report(settings.scenario, settings.target_url, result, wrong)
    print_report(report, console)
    if settings.json_file is not None:
        write_json(report, settings.json_file)
    return PASSED if report.passed else FAILED


def _prepare(settings: Settings, passwords: dict[str, str], probe: Probe, console: Console) -> None:
    plans = [plan_station(settings.scenario, index) for index in range(settings.scenario.stations)]
    with console.status(f"Making {len(plans):,} stations known …"):
        probe.prepare([plan.identity for plan in plans], passwords, [tag for plan in plans for tag in plan.id_tags])


def _check(result: SwarmResult, probe: Probe, console: Console) -> list[Discrepancy]:
    with console.status(f"Checking {len(result.finished):,} sessions …"):
        ended = result.began + timedelta(seconds=result.seconds)
        return compare(result.ledger, probe.sessions(result.identities, result.began, ended))


def _swarm(settings: Settings, passwords: dict[str, str], console: Console) -> SwarmResult:
    scenario = settings.scenario
    with console.status("Connecting …") as status:

        def progress(tally: Tally, second: float) -> None:
            now = tally.seconds[int(second) - 1]
            status.update(
                f"{second:.0f} of {scenario.run_seconds:.0f} s · {tally.online:,} of {scenario.stations:,} "
                f"stations · {now.answered:,} answers/s · {tally.errors.total():,} errors"
            )

        async def run() -> SwarmResult:
            return await run_swarm(
                scenario,
                settings.target,
                habits=Habits(meter_interval=scenario.meter_interval, time_scale=scenario.time_scale),
                passwords=passwords,
                sources=settings.sources,
                grace=settings.grace,
                progress=progress,
            )

        return trio.run(run)


if __name__ == "__main__":
    sys.exit(main())
