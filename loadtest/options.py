"""The command line, understood: scenario, target, checks; mistakes are told in sentences."""

from __future__ import annotations

import argparse
import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address
from pathlib import Path

from loadtest.recipes import KEYS, Recipe, load_recipe, make_scenario, parse_flag
from loadtest.resources import wanted_pids
from loadtest.scenario import Scenario, identity, plan_station
from loadtest.scrape import check_address
from loadtest.target import (
    Target,
    loopback_sources,
    make_tls,
    parse_target,
    raise_file_limit,
    too_few_ports,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is to be."""

    scenario: Scenario
    target_url: str
    target: Target
    control: str
    api_key: str | None
    check: bool
    password: str | None
    json_file: Path | None
    sources: tuple[str, ...]
    processes: int = 1
    ca: str | None = None
    insecure: bool = False
    html_file: Path | None = None
    server_pids: tuple[int, ...] = ()
    metrics: tuple[str, ...] = ()

    def tls(self) -> ssl.SSLContext | None:
        """How to trust the server; None for `ws://`."""
        return make_tls(self.target, self.ca, insecure=self.insecure)


def read_settings(argv: Sequence[str]) -> Settings:
    """Parse and check the command line. Raises ValueError with a sentence for people; --help exits."""
    given = parser().parse_args(list(argv))
    recipe: Recipe = load_recipe(given.scenario)
    for key in KEYS:
        text = getattr(given, key.name)
        if text is not None:
            recipe[key.name] = parse_flag(key, text)
    if given.ramp is not None and given.connect_rate is None:
        recipe.pop("connect_rate", None)  # what the command line says overrules the file in either form
    scenario = make_scenario(recipe)
    if scenario.engine == "stations":
        plan_station(scenario, scenario.stations - 1)  # the one with the least time
    target = parse_target(given.target)
    sources = parse_sources(given.source_addresses) or loopback_sources(scenario.stations, target)
    check = not given.no_check
    api_key = given.api_key or os.environ.get("CHARGEHOUSE_API_KEY")
    if check and not api_key:
        raise ValueError(
            "checking the sessions needs an API key: run `chargehouse key create --name loadtest "
            "--role administrator` and give it as --api-key or CHARGEHOUSE_API_KEY, or give --no-check"
        )
    if scenario.commands_per_second and not check:
        raise ValueError(
            "the commands of this scenario go over control.v1, which --no-check forbids: "
            "give --commands-per-second 0 as well"
        )
    if not 1 <= given.processes <= scenario.stations:
        raise ValueError("--processes must be at least 1, and no more than there are stations")
    each = -(-scenario.stations // given.processes)
    listening = scenario.versions.get("1.5", 0) / sum(scenario.versions.values())
    for problem in (too_few_ports(scenario.stations, sources), raise_file_limit(each, listening)):
        if problem is not None:
            raise ValueError(problem)
    settings = Settings(
        scenario=scenario,
        target_url=given.target,
        target=target,
        control=given.control,
        api_key=api_key,
        check=check,
        password=given.password,
        json_file=given.json,
        sources=sources,
        processes=given.processes,
        ca=given.ca,
        insecure=given.insecure,
        html_file=given.html,
        server_pids=tuple(wanted_pids(target.host, target.port, given.server_pid)),
        metrics=tuple(check_address(address) for address in given.metrics),
    )
    settings.tls()  # so that a mistake is told before anything begins
    return settings


def parser() -> argparse.ArgumentParser:
    """The command line; each key of a scenario is a flag, whose text `read_settings` reads."""
    made = argparse.ArgumentParser(
        prog="chargehouse loadtest",
        description="Simulate charging stations by a scenario, then check every session over control.v1.",
        epilog="docs/load-testing.md tells all about it.",
    )
    add = made.add_argument
    add("--scenario", default="steady", metavar="NAME|FILE", help="a ready one, or a TOML file (%(default)s)")
    add("--list", action="store_true", help="tell the ready scenarios, and end")
    add("--target", default="ws://127.0.0.1:9000/ocpp", metavar="URL", help="the identity is appended (%(default)s)")
    add("--control", default="127.0.0.1:50051", metavar="HOST:PORT", help="control.v1 (%(default)s)")
    add("--api-key", metavar="KEY", help="for control.v1; or CHARGEHOUSE_API_KEY")
    add("--no-check", action="store_true", help="do not use control.v1 at all: works against any central system")
    add("--password", help="of every station; without it one is generated for each (none with --no-check)")
    add("--ca", metavar="FILE", help="trust this certificate authority for wss://, besides those of the machine")
    add("--insecure", action="store_true", help="trust any certificate; only for this machine itself")
    add("--processes", type=int, default=1, metavar="N", help="share the stations among processes (1)")
    add("--source-addresses", default="", metavar="A,B or A-B", help="local addresses to connect from")
    add("--json", type=Path, metavar="FILE", help="write the report here as well, for machines and --compare")
    add("--html", type=Path, metavar="FILE", help="and here as one page with charts, for people")
    add(
        "--compare",
        nargs=2,
        type=Path,
        metavar=("A", "B"),
        help="tell how report B (of --json) differs from A, and end",
    )
    add(
        "--server-pid",
        type=int,
        action="append",
        default=[],
        metavar="PID",
        help="watch this process of the server; without it those of this machine that listen on the target's port",
    )
    add(
        "--metrics",
        action="append",
        default=[],
        metavar="URL",
        help="read a node's metrics during the run (what --monitor-listen gives)",
    )
    group = made.add_argument_group("what the scenario says otherwise")
    for key in KEYS:
        group.add_argument(key.flag, metavar=key.metavar, help=key.help.replace("%", "%%"))
    return made


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
    """By identity; empty where the server is to make one before the run (`Probe.prepare`)."""
    names = [identity(settings.scenario, index) for index in range(settings.scenario.stations)]
    if settings.password is not None:
        return dict.fromkeys(names, settings.password)
    return dict.fromkeys(names, "") if settings.check else {}
