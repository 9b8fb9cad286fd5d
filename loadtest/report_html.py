"""The report as one HTML file: no foreign address, no server, nothing but itself."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loadtest.charts import COLOURS, Bar, Chart, Plan, Point, Series, bars, thin_out, words
from loadtest.report import ALL, ActionLine, Report, WindowLine
from loadtest.report_server import GroupFigures
from loadtest.resources import Look
from loadtest.tally import Second

SHOWN_DISCREPANCIES = 1000
SHOWN_CURVES = 7
PERCENTILE_TICKS = (0.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999)


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure that is seen first."""

    label: str
    value: str
    unit: str = ""
    more: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table."""

    name: str
    cells: Sequence[str]
    style: str = ""


def write_html(report: Report, path: Path) -> None:
    """Write the page; raises OSError when the file cannot be written."""
    path.write_text(render(report), encoding="utf-8")


def render(report: Report) -> str:
    """The page."""
    environment = Environment(
        loader=PackageLoader("loadtest", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def inline(name: str) -> Markup:
        source = environment.loader and environment.loader.get_source(environment, name)[0]
        return Markup(source or "")  # noqa: S704 - our own file

    def data(value: object) -> Markup:
        return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))  # noqa: S704 - cannot end it

    environment.globals.update(inline=inline, data=data)
    return environment.get_template("report.html").render(
        report=report,
        title=f"{report.settings.get('name', 'run')}, {report.settings.get('stations')} stations",
        began=f"{datetime.fromisoformat(report.began):%-d %B %Y, %H:%M:%S} UTC",
        tiles=list(tiles(report)),
        traffic=_drawn(traffic_charts(report)),
        latency=_drawn([latency_chart(report, ALL, "Latency of all messages"), percentile_chart(report)]),
        actions=_drawn(latency_chart(report, action, action) for action in _by_count(report)),
        machine=_drawn(machine_charts(report)),
        pauses=pause_bars(report),
        errors=bars(report.errors),
        counts={"Sent again": bars(report.retries), "Commands of the server": bars(report.commands)}
        | {"Troubles by plan": bars(report.troubles)},
        latency_rows=list(latency_rows(report)),
        request_rows=[Row(name, _cells(line)) for name, line in report.requests.items()],
        machine_rows=list(machine_rows(report)),
        spread_rows=list(spread_rows(report)),
        wrong=report.wrong[:SHOWN_DISCREPANCIES],
        facts={"Settings": _facts(report.settings), "Machine of the load tester": _facts(report.machine)},
    )


def tiles(report: Report) -> Iterator[Tile]:
    """The figures that are seen first."""
    sessions, latency = report.sessions, report.latency.latency
    if report.saturation:
        reached = report.saturation
        more = f"in {reached['seconds']:.0f} measured seconds"
        yield Tile("Saturated at", words(reached["per_second"]), "/s", more)
        own_us, server_us = reached["cpu_us_per_message"], report.saturated_server_us
        more = "server not watched" if server_us is None else f"server {words(server_us)} µs"
        yield Tile("Load tester", words(own_us), "µs", f"a message; {more}")
    yield Tile("Answers", words(report.answered_per_second), "/s", f"best second {report.peak_per_second:,}")
    yield Tile("Latency p99", words(latency["p99"]), "ms", f"p50 {words(latency['p50'])}, max {words(latency['max'])}")
    if sessions["finished"]:
        kwh = f"{words(sessions['energy_wh'] / 1000)} kWh, {sessions['meter_values']:,} meter values"
        state = "bad" if report.wrong else "good" if report.checked else ""
        value = f"{sessions['checked'] - sessions['wrong']:,}" if report.checked else f"{sessions['finished']:,}"
        unit = f"of {sessions['checked']:,} right" if report.checked else "finished"
        yield Tile("Sessions", value, unit, kwh, state)
    if report.connects:
        yield Tile("Connecting p99", words(report.connect["p99"]), "ms", f"{report.connects:,} connections")
    errors = sum(report.errors.values())
    again = sum(report.retries.values())
    yield Tile("Errors", f"{errors:,}", "", f"{again:,} messages sent again", "bad" if errors else "good")
    server = report.server.groups.get("server")
    if server is not None:
        cores = f"{words(server.cpu_mean)} cores, {words(server.resident_peak)} MiB"
        yield Tile("Server, per message", words(server.cpu_us_per_message), "µs", cores)


def traffic_charts(report: Report) -> Iterator[Chart | None]:
    """Answers, stations and connects over time."""
    errors = [float(n) for n, second in enumerate(report.per_second) if second.errors]
    answers = Series("answers", _over_time(report.per_second, "answered"), 1, area=True)
    note = "Red marks: seconds with errors." if errors else ""
    yield Plan("Answers per second", [answers], "/s", x_high=report.seconds, note=note, marks=errors).draw()
    online = Series("online", _over_time(report.per_second, "online"), 2, area=True)
    connects = Series("connects per second", _over_time(report.per_second, "connected"), 3)
    yield Plan("Stations online, and connects per second", [online, connects], x_high=report.seconds).draw()


def latency_chart(report: Report, action: str, title: str) -> Chart | None:
    """p50, p99 and the longest over time."""
    windows = report.windows.get(action, ())
    gap = report.window_seconds * 3.5

    def series(name: str, colour: int, *, area: bool = False) -> Series:
        return Series(name, [(float(w.second), _figure(w, name)) for w in windows], colour, area=area, gap=gap)

    lines = [series("longest", 8), series("p99", 3), series("p50", 1)]
    return Plan(title, lines, "ms", log=True, x_high=report.seconds).draw()


def _figure(window: WindowLine, name: str) -> float:
    return {"p50": window.p50, "p99": window.p99, "longest": window.highest}[name]


def percentile_chart(report: Report) -> Chart | None:
    """Latency by percentile: the further right, the rarer."""
    curves = {action: report.actions[action].curve for action in _by_count(report)[:SHOWN_CURVES]}
    most = max((report.actions[action].count for action in report.actions), default=1)
    end = math.log10(max(most, 2)) + 0.1

    def place(percent: float) -> float:
        return min(-math.log10(max(1 - percent / 100, 1e-12)), end)

    series = [
        Series(action, [(place(percent), ms) for percent, ms in curve], number + 1)
        for number, (action, curve) in enumerate(curves.items())
    ]
    series.append(Series("(connect)", [(place(percent), ms) for percent, ms in report.connect_curve], COLOURS))
    ticks = [(place(percent), f"{percent:g} %") for percent in PERCENTILE_TICKS if place(percent) < end]

    def x_words(at: float) -> str:
        return "the longest" if at >= end else f"{100 * (1 - 10**-at):.6g} %"

    note = "So many per cent took no longer than this. Each further nine has the same room."
    return Plan(
        "Latency by percentile", series, "ms", log=True, x_high=end, x_ticks=ticks, x_words=x_words, note=note
    ).draw()


def machine_charts(report: Report) -> Iterator[Chart | None]:
    """Processor, memory, pauses, commits over time."""
    groups = report.server.groups

    def several(title: str, unit: str, read: Mapping[str, Sequence[Point]]) -> Chart | None:
        lines = [Series(name, thin_out(points), number + 1) for number, (name, points) in enumerate(read.items())]
        return Plan(title, lines, unit, x_high=report.seconds).draw()

    yield several("Processor", "cores", {name: _looks(group, "cpu") for name, group in groups.items()})
    yield several(
        "Memory that is theirs alone", "MiB", {name: _looks(group, "private") for name, group in groups.items()}
    )
    read = report.server.per_second
    if any(second.gc_ms for second in read):
        pauses = [(second.second, second.gc_ms) for second in read]
        yield several("Paused by the garbage collector", "ms per second", {"pauses": pauses})
    if any(second.commits for second in read):
        commits = [(second.second, second.commits) for second in read]
        records = [(second.second, second.records) for second in read]
        yield several("The journal", "/s", {"commits": commits, "records": records})
    server = groups.get("server")
    if server is not None:
        counts = {"descriptors": _looks(server, "descriptors"), "threads": _looks(server, "threads")}
        yield several("Descriptors and threads of the server", "", counts)


def _looks(group: GroupFigures, name: str) -> list[Point]:
    first = 1 if name == "cpu" else 0  # the first look has nothing to compare with
    figures = [(look.second, _seen(look, name)) for look in group.looks[first:]]
    return [(max(second, 0.0), value) for second, value in figures if value is not None]


def _seen(look: Look, name: str) -> float | None:
    return {"cpu": look.cpu, "private": look.private, "descriptors": look.descriptors, "threads": look.threads}[name]


def pause_bars(report: Report) -> dict[str, list[Bar]]:
    """How many pauses were how long, by generation."""
    out: dict[str, list[Bar]] = {}
    for generation, spread in report.server.gc.items():
        title = f"generation {generation}: {spread.count:,} pauses, {words(spread.total)} ms in all"
        counts = {("longer" if bound is None else f"up to {bound:g} ms"): float(n) for bound, n in spread.buckets if n}
        out[title] = bars(counts)
    return out


def latency_rows(report: Report) -> Iterator[Row]:
    """The table of latencies."""
    for action in _by_count(report):
        yield Row(action, _cells(report.actions[action]))
    if len(report.actions) > 1:
        yield Row("all", _cells(report.latency), "sum")
    for name, parts in report.settled.items():
        p50, p99 = (words(statistics.median(getattr(part, key) for part in parts)) for key in ("p50", "p99"))
        count, highest = sum(part.count for part in parts), max(part.highest for part in parts)
        yield Row(f"settled: {name}", [f"{count:,}", p50, "", p99, "", words(highest), ""], "aside")
    if report.connects:
        yield Row("connect", [f"{report.connects:,}", *_milliseconds(report.connect), ""], "aside")
    if report.replays:
        yield Row("queue told", [f"{report.replays:,}", *_milliseconds(report.replay), ""], "aside")
    if report.lateness:
        yield Row("load tester late", ["", *_milliseconds(report.lateness), ""], "aside")


def machine_rows(report: Report) -> Iterator[Row]:
    """The table of what was taken of the machine."""
    for name, group in report.server.groups.items():
        private = "" if group.private_peak is None else words(group.private_peak)
        cpu = (f"{group.cpu_mean:.2f}", f"{group.cpu_peak:.2f}", words(group.cpu_us_per_message))
        station = "" if group.kib_per_station is None else f"{group.kib_per_station:,.1f}"
        yield Row(name, [*cpu, words(group.resident_peak), private, station])


def spread_rows(report: Report) -> Iterator[Row]:
    """The table of what the server's metrics have."""
    for name, spread in report.server.spreads().items():
        bounds = ("more" if ms is None else f"{ms:g}" for ms in (spread.p50, spread.p99, spread.highest))
        yield Row(name, [f"{spread.count:,}", *bounds])


def _cells(line: ActionLine) -> list[str]:
    return [f"{line.count:,}", *_milliseconds(line.latency), words(line.service["p99"])]


def _milliseconds(values: Mapping[str, float]) -> list[str]:
    return [words(value) for value in values.values()]


def _by_count(report: Report) -> list[str]:
    return sorted(report.actions, key=lambda action: -report.actions[action].count)


def _over_time(seconds: Sequence[Second], name: str) -> list[Point]:
    return thin_out([(float(n), float(getattr(second, name))) for n, second in enumerate(seconds)])


def _drawn(charts: Iterable[Chart | None]) -> list[Chart]:
    return [chart for chart in charts if chart is not None]


def _facts(values: Mapping[str, object]) -> dict[str, str]:
    """Names and values in words; what is empty is left out."""
    return {
        name.replace("_", " "): _fact(value) for name, value in values.items() if value not in ("", None, [], {}, ())
    }


def _fact(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_fact(one)}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(_fact(one) for one in value)
    return f"{value:g}" if isinstance(value, float) else str(value)
