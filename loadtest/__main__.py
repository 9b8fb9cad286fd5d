"""The command line: run a scenario against a central system, check what it kept, print the report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from rich.console import Console

from loadtest.comparison import compare_files
from loadtest.fleet import has_sessions
from loadtest.jobs import StationsJob
from loadtest.ledger import Discrepancy, compare
from loadtest.live import Live
from loadtest.operator import OperatorJob
from loadtest.options import Settings, make_passwords, parser, read_settings
from loadtest.probe import Probe, ProbeError
from loadtest.processes import Job, run_processes
from loadtest.recipes import ready_scenarios
from loadtest.report import ReportError, write_json
from loadtest.report_html import write_html
from loadtest.report_making import make_report
from loadtest.report_terminal import print_report
from loadtest.resources import ResourceWatch
from loadtest.saturate import check as check_books
from loadtest.scenario import identity, plan_station
from loadtest.swarm import Share, SwarmResult

PASSED, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130
LOOKED_INTO = 300
"""Sessions of a calm fleet of which each meter value is compared; of the others, how many there are."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the load tester; returns 0 when every finished session is right, 1 when not, 2 on misuse."""
    console = Console()
    arguments = list(sys.argv[1:] if argv is None else argv)
    given = parser().parse_args(arguments)
    if given.list:
        print_scenarios(console)
        return PASSED
    if given.compare:
        before, after = given.compare
        return _compare(before, after, console)
    try:
        settings = read_settings(arguments)
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


def print_scenarios(console: Console) -> None:
    """The ready scenarios, a line each."""
    for scenario in ready_scenarios():
        console.print(f"{scenario.name:<16} {scenario.description}", soft_wrap=True, highlight=False, markup=False)


def _compare(before: Path, after: Path, console: Console) -> int:
    try:
        compare_files(before, after, console)
    except (ReportError, OSError) as error:
        console.print(f"chargehouse loadtest: {error}", style="red", markup=False, soft_wrap=True)
        return MISUSED
    return PASSED


def _run(settings: Settings, console: Console) -> int:
    passwords = make_passwords(settings)
    wrong: list[Discrepancy] | None = None
    watch = ResourceWatch(settings.server_pids, settings.metrics)
    if settings.api_key is None or not settings.check:
        result = _load(settings, passwords, watch, console)
    else:
        with Probe(settings.control, settings.api_key) as probe:
            passwords = _prepare(settings, passwords, probe, console)
            result = _load(settings, passwords, watch, console)
            if result.interrupted:
                console.print("Interrupted: checking what there is.")
            try:
                wrong = _check(settings.scenario.engine, result, probe, console)
            except ProbeError as error:  # what the run measured is told all the same
                result.failures.append(f"nothing was checked: {error}")
    report = make_report(settings.scenario, settings.target_url, result, wrong, watch)
    print_report(report, console)
    if settings.json_file is not None:
        write_json(report, settings.json_file)
    if settings.html_file is not None:
        write_html(report, settings.html_file)
    if result.interrupted:
        return INTERRUPTED
    return PASSED if report.passed else FAILED


def _prepare(settings: Settings, passwords: Mapping[str, str], probe: Probe, console: Console) -> dict[str, str]:
    scenario = settings.scenario
    names = [identity(scenario, index) for index in range(scenario.stations)]
    if scenario.engine == "stations":
        tags = [tag for index in range(scenario.stations) for tag in plan_station(scenario, index).id_tags]
    elif scenario.engine == "fleet":
        tags = [scenario.id_tag or f"{name}-1" for index, name in enumerate(names) if has_sessions(scenario, index)]
    else:
        tags = [f"{name}-1" for name in names]
    with console.status(f"Making {len(names):,} stations known …"):
        return probe.prepare(names, passwords, tags)


def _check(engine: str, result: SwarmResult, probe: Probe, console: Console) -> list[Discrepancy]:
    """Compare the books with what the server has heard of since the run began."""
    with console.status(f"Checking {len(result.finished):,} sessions …"):
        ended = result.began + timedelta(seconds=result.seconds)
        if engine == "saturate":
            return check_books(result.books, probe.sessions(result.identities, result.began, ended, samples=False))
        if engine == "fleet":
            return check_books(result.books, probe.sessions(result.identities, result.began, ended, most=LOOKED_INTO))
        return compare(result.ledger, probe.sessions(result.identities, result.began, ended))


def make_jobs(settings: Settings, passwords: Mapping[str, str]) -> list[Job]:
    """The work of a run, shared among its processes; one more gives commands where the scenario wants them."""
    scenario, count = settings.scenario, settings.processes
    common = (settings.sources, settings.ca, settings.insecure)
    jobs: list[Job] = []
    for index in range(count):
        job = StationsJob(scenario, settings.target, passwords, *common, Share(index, count))
        own = {name: passwords[name] for name in job.identities if name in passwords}
        jobs.append(replace(job, passwords=own))  # a child is not sent what it does not need
    if scenario.commands_per_second and scenario.engine != "saturate" and settings.api_key is not None:
        jobs.append(OperatorJob(scenario, settings.control, settings.api_key))
    return jobs


def _load(settings: Settings, passwords: Mapping[str, str], watch: ResourceWatch, console: Console) -> SwarmResult:
    scenario = settings.scenario
    watch.start()
    try:
        with Live(console, stations=scenario.stations, run_seconds=scenario.run_seconds) as live:
            return run_processes(make_jobs(settings, passwords), progress=live.show)
    finally:
        watch.stop()


if __name__ == "__main__":
    sys.exit(main())
