"""The report in the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from loadtest.report import ActionLine, Report

SHOWN_DISCREPANCIES = 50


def print_report(report: Report, console: Console) -> None:
    """Show the report in the terminal."""
    settings = report.settings
    console.print(
        f"\n[bold]{settings['stations']} stations[/bold], {settings['name']}, for {report.seconds:.0f} s "
        f"against {settings['target']}",
        highlight=False,
    )
    console.print(
        f"{report.answered:,} messages answered, {report.answered_per_second:,.0f} per second "
        f"(best second {report.peak_per_second:,})",
        highlight=False,
    )
    if report.saturation:
        reached, server_us = report.saturation, report.saturated_server_us
        own_us = reached["cpu_us_per_message"]
        times = "" if not server_us or not own_us else f", the server {server_us:,.0f} ({server_us / own_us:.1f} times)"
        console.print(
            f"[bold]{reached['per_second']:,.0f} a second[/bold] in {reached['seconds']:.0f} measured seconds; "
            f"the load tester spent {own_us:,.0f} µs on each message{times}",
            highlight=False,
        )
    console.print(_latency_table(report))
    if report.requests:
        console.print(_request_table(report.requests))
    for title, counts in (
        ("Errors", report.errors),
        ("Sent again", report.retries),
        ("Commands of the server", report.commands),
        ("Troubles by plan", report.troubles),
    ):
        if counts:
            console.print(_count_table(title, counts))
    _print_machine(report, console)
    _print_sessions(report, console)


def _latency_table(report: Report) -> Table:
    table = Table(title="Latency in ms, from the intended time of sending", title_justify="left")
    table.add_column("Action")
    for name in ("count", "p50", "p90", "p99", "p99.9", "max", "service p99"):
        table.add_column(name, justify="right")
    for action, line in report.actions.items():
        table.add_row(action, f"{line.count:,}", *_figures(line.latency), f"{line.service['p99']:,.1f}")
    if len(report.actions) > 1:
        line = report.latency
        table.add_row("(all)", f"{line.count:,}", *_figures(line.latency), f"{line.service['p99']:,.1f}", style="bold")
    table.add_row("(connect)", f"{report.connects:,}", *_figures(report.connect), "", style="dim")
    if report.replays:
        table.add_row("(queue told)", f"{report.replays:,}", *_figures(report.replay), "", style="dim")
    if report.lateness:
        table.add_row("(load tester late)", "", *_figures(report.lateness), "", style="dim")
    return table


def _request_table(requests: Mapping[str, ActionLine]) -> Table:
    table = Table(title="Calls of the control API under this load, in ms", title_justify="left")
    table.add_column("Method")
    for name in ("count", "p50", "p90", "p99", "p99.9", "max"):
        table.add_column(name, justify="right")
    for method, line in requests.items():
        table.add_row(method, f"{line.count:,}", *_figures(line.latency))
    return table


def _figures(values: Mapping[str, float]) -> list[str]:
    return [f"{value:,.1f}" for value in values.values()]


def _count_table(title: str, counts: Mapping[str, int]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for kind, number in counts.items():
        table.add_row(kind, f"{number:,}")
    return table


def _print_machine(report: Report, console: Console) -> None:
    server = report.server
    if server.groups:
        table = Table(title="Processor in cores, memory in MiB", title_justify="left")
        table.add_column("")
        for name in ("mean", "peak", "µs a message", "resident", "private", "KiB a station"):
            table.add_column(name, justify="right")
        for name, group in server.groups.items():
            private = "" if group.private_peak is None else f"{group.private_peak:,.0f}"
            cpu = (f"{group.cpu_mean:.2f}", f"{group.cpu_peak:.2f}", f"{group.cpu_us_per_message:,.0f}")
            station = "" if group.kib_per_station is None else f"{group.kib_per_station:,.1f}"
            table.add_row(name, *cpu, f"{group.resident_peak:,.0f}", private, station)
        console.print(table)
    if server.spreads():
        table = Table(title="The server's own metrics, ms at most", title_justify="left")
        table.add_column("")
        for name in ("count", "p50", "p99", "longest"):
            table.add_column(name, justify="right")
        for name, spread in server.spreads().items():
            bounds = (spread.p50, spread.p99, spread.highest)
            table.add_row(name, f"{spread.count:,}", *("more" if ms is None else f"{ms:g}" for ms in bounds))
        console.print(table)
    if server.journal:
        journal = server.journal
        console.print(
            f"Journal: {journal['commits_per_second']:,.0f} commits/s, {journal['records_per_second']:,.0f} records/s, "
            f"{journal['wait_ms_mean']:.1f} ms a commit",
            highlight=False,
        )
    if report.warning:
        console.print(report.warning, style="yellow", markup=False, soft_wrap=True)
    if server.note:
        console.print(server.note, style="yellow", markup=False)


def _print_sessions(report: Report, console: Console) -> None:
    sessions = report.sessions
    console.print(
        f"Sessions: {sessions['finished']:,} finished, {sessions['unfinished']:,} unfinished, "
        f"{sessions['refused']:,} refused, {sessions['skipped']:,} skipped; "
        f"{sessions['energy_wh'] / 1000:,.3f} kWh in {sessions['meter_values']:,} meter values",
        highlight=False,
    )
    if report.interrupted:
        console.print("The run was ended early.", style="yellow")
    for failure in report.failures:
        console.print(failure, style="red", markup=False, soft_wrap=True)
    if not report.checked:
        console.print("Not checked against the server's list (--no-check).")
    elif report.wrong:
        console.print(f"[bold red]{sessions['wrong']:,} wrong[/bold red]:")
        for discrepancy in report.wrong[:SHOWN_DISCREPANCIES]:
            console.print(f"  {discrepancy}", markup=False, soft_wrap=True)
        if len(report.wrong) > SHOWN_DISCREPANCIES:
            console.print(f"  … and {len(report.wrong) - SHOWN_DISCREPANCIES} more (all in the --json file)")
    elif report.passed:
        console.print(f"[green]{report.verdict}[/green]", highlight=False)
    if not report.passed and not report.wrong:
        console.print(f"[bold red]{report.verdict}[/bold red]", highlight=False)
