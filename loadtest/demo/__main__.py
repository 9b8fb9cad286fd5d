"""The command line: fill a system with a small world, and keep some of its stations charging."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import trio
from rich.console import Console

from loadtest.demo.desk import DemoError, Desk
from loadtest.demo.running import Settings, run
from loadtest.target import parse_target, raise_file_limit

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
MOST_DAYS = 365
MOST_STATIONS = 500


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0 when all is told, 1 when something did not work, 2 on misuse."""
    console = Console()
    try:
        settings = read_settings(sys.argv[1:] if argv is None else argv)
    except ValueError as error:
        console.print(f"chargehouse demo: {error}", style="red", markup=False, soft_wrap=True)
        return MISUSED
    try:
        with Desk(settings.control, settings.api_key) as desk:
            return DONE if trio.run(_alone, settings, desk, console) else FAILED
    except (DemoError, OSError) as error:
        console.print(f"chargehouse demo: {error}", style="red", markup=False, soft_wrap=True)
        return FAILED
    except KeyboardInterrupt:
        console.print("Interrupted.")
        return INTERRUPTED


async def _alone(settings: Settings, desk: Desk, console: Console) -> bool:
    """The run; what ends it comes out alone and not in a group of trio's."""
    try:
        return await run(settings, desk, console)
    except BaseExceptionGroup as group:
        for kind in (KeyboardInterrupt, DemoError, OSError):
            found: BaseException | None = group.subgroup(kind)
            while isinstance(found, BaseExceptionGroup):
                found = found.exceptions[0]
            if found is not None:
                raise found from None
        raise


def read_settings(argv: Sequence[str]) -> Settings:
    """Parse and check the command line. Raises ValueError with a sentence for people; --help exits."""
    given = _parser().parse_args(list(argv))
    if not 1 <= given.stations <= MOST_STATIONS:
        raise ValueError(f"--stations must be from 1 to {MOST_STATIONS}")
    if not 1 <= given.days <= MOST_DAYS:
        raise ValueError(f"--days must be from 1 to {MOST_DAYS}")
    if given.keep_charging is not None and given.keep_charging < 0:
        raise ValueError("--keep-charging must not be negative")
    live = given.live
    if live is None:
        live = 0 if given.keep_charging is None else given.stations
    if live < 0:
        raise ValueError("--live must not be negative")
    api_key = given.api_key or os.environ.get("CHARGEHOUSE_API_KEY")
    if not api_key:
        raise ValueError(
            "this needs an API key, since no server runs on this machine's data folder: run `chargehouse key create "
            "--name demo --role administrator` where it runs, and give the key as --api-key or CHARGEHOUSE_API_KEY"
        )
    problem = raise_file_limit(given.stations)
    if problem is not None:
        raise ValueError(problem)
    return Settings(
        control=given.control,
        target=parse_target(given.ocpp, "--ocpp"),
        api_key=api_key,
        seed=given.seed,
        stations=given.stations,
        days=given.days,
        live=min(live, given.stations),
        keep_charging=given.keep_charging or 0.0,
        force=given.force,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chargehouse demo",
        description="Fill a system through its public doors: sites, plans, stations, people, tags, tariffs, and months "
        "of sessions that simulated stations tell.",
    )
    add = parser.add_argument
    add("--control", default="127.0.0.1:50051", metavar="HOST:PORT", help="control.v1 (%(default)s)")
    add("--ocpp", default="ws://127.0.0.1:9000/ocpp", metavar="URL", help="the identity is appended (%(default)s)")
    add("--api-key", metavar="KEY", help="an administrator's, for control.v1; or CHARGEHOUSE_API_KEY")
    add("--seed", type=int, default=1, help="the same seed makes the same world (1)")
    add("--stations", type=int, default=60, metavar="N", help="how many stations (60)")
    add("--days", type=int, default=90, metavar="N", help="how many days of sessions (90)")
    add("--live", type=int, nargs="?", const=MOST_STATIONS, metavar="N", help="so many stations stay and charge (all)")
    add("--keep-charging", type=float, metavar="SECONDS", help="how long they do; 0: until Ctrl-C (0)")
    add("--force", action="store_true", help="even if the system has stations already")
    return parser


if __name__ == "__main__":
    sys.exit(main())
