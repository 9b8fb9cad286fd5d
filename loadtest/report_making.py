"""From what a run left behind to its report."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict

from loadtest.histogram import Latencies, percentiles_of
from loadtest.ledger import Discrepancy
from loadtest.report import ALL, ActionLine, Report, WindowLine
from loadtest.report_server import ServerFigures, server_figures
from loadtest.resources import ResourceWatch, machine_facts
from loadtest.scenario import Scenario
from loadtest.swarm import SwarmResult
from loadtest.tally import COARSE_BITS, ActionTimes, Second, Tally, Window

SETTLING = 10.0  # seconds after the ramp
PARTS = 3


def make_report(
    scenario: Scenario,
    target: str,
    result: SwarmResult,
    wrong: Sequence[Discrepancy] | None,
    watch: ResourceWatch | None = None,
) -> Report:
    """Put the figures of a run together; `wrong` is None when nothing was checked."""
    if watch is not None:
        watch.count_from(result.began)
    tally = result.tally
    last = max(tally.seconds, default=-1)
    seconds = [tally.seconds.get(second, Second()) for second in range(last + 1)]
    answers = [second.answered for second in seconds]
    online = max((second.online for second in seconds), default=0)
    every = ActionTimes()
    for times in tally.actions.values():
        every.merge(times)
    return Report(
        settings={"target": target, **asdict(scenario)},
        machine=machine_facts(),
        began=result.began.isoformat(),
        seconds=round(result.seconds, 3),
        answered=tally.answered_total,
        answered_per_second=round(tally.answered_total / max(result.seconds, 1e-9), 2),
        peak_per_second=max(answers, default=0),
        per_second=seconds,
        latency=_line(every),
        actions={action: _line(times) for action, times in sorted(tally.actions.items())},
        window_seconds=tally.window_seconds,
        windows=_windows(tally),
        settled=_settled(scenario, tally),
        connects=tally.connects.count,
        connect=tally.connects.summary(),
        connect_curve=tally.connects.curve(),
        errors=dict(tally.errors.most_common()),
        retries=dict(tally.retries.most_common()),
        commands=dict(tally.commands.most_common()),
        troubles=dict(tally.troubles.most_common()),
        replays=tally.replays.count,
        replay=tally.replays.summary() if tally.replays.count else {},
        lateness=tally.lateness.summary() if tally.lateness.count else {},
        requests={method: _line(times) for method, times in sorted(tally.requests.items())},
        saturation=_saturation(result),
        server=ServerFigures() if watch is None else server_figures(watch, tally.answered_total, online),
        sessions=_sessions(result, wrong),
        checked=wrong is not None,
        wrong=tuple(wrong or ()),
        failures=tuple(result.failures),
        interrupted=result.interrupted,
    )


def _sessions(result: SwarmResult, wrong: Sequence[Discrepancy] | None) -> dict[str, int]:
    finished = result.finished
    return {
        "started": len(result.ledger),
        "finished": len(finished),
        "checked": len(finished) if wrong is not None else 0,
        "wrong": len({(one.station, one.transaction_id) for one in wrong or ()}),
        "unfinished": len(result.unfinished),
        "refused": result.refused_sessions,
        "skipped": result.skipped_sessions,
        "energy_wh": sum(record.energy_wh for record in finished),
        "meter_values": sum(len(record.samples_acknowledged) for record in finished)
        + sum(book.acknowledged for book in result.books if book.finished),
    }


def _saturation(result: SwarmResult) -> dict[str, float]:
    """What the processes of a closed loop reached together."""
    done = result.saturated
    if not done:
        return {}
    messages, cpu = sum(one.messages for one in done), sum(one.cpu_seconds for one in done)
    return {
        "messages": messages,
        "seconds": round(max(one.seconds for one in done), 3),
        "per_second": round(sum(one.per_second for one in done), 1),
        "errors": sum(one.errors for one in done),
        "cpu_us_per_message": round(cpu * 1e6 / messages, 1) if messages else 0.0,
    }


def _line(times: ActionTimes) -> ActionLine:
    latency: Latencies = times.latency
    return ActionLine(
        latency.count, latency.summary(), times.service.summary(), tuple(latency.curve()), latency.encoded()
    )


def _windows(tally: Tally) -> dict[str, list[WindowLine]]:
    """Per action, and for all of them together, a line for each window in which there was an answer."""
    out: dict[str, list[WindowLine]] = {ALL: []}
    for number in sorted(tally.windows):
        window = tally.windows[number]
        second = number * tally.window_seconds
        for action, counts in ({ALL: _together(window)} | window).items():
            p50, p99, highest = (round(ms, 3) for ms in percentiles_of(counts, (50.0, 99.0, 100.0), coarse=COARSE_BITS))
            out.setdefault(action, []).append(WindowLine(second, sum(counts.values()), p50, p99, highest))
    return out


def _settled(scenario: Scenario, tally: Tally) -> dict[str, list[WindowLine]]:
    """Three parts of the time in which nobody connects for the first time and nobody is being stopped."""
    begin = math.ceil(scenario.ramp + SETTLING)
    each = int(scenario.run_seconds - scenario.tail_seconds - begin) // PARTS
    if each < 1 or tally.window_seconds != 1:
        return {}
    seconds = {second: _together(window) for second, window in tally.windows.items()}
    out: dict[str, list[WindowLine]] = {}
    for name, counted in {ALL: seconds, **tally.asides}.items():
        for first in range(begin, begin + PARTS * each, each):
            counts = _together({str(n): counted[n] for n in range(first, first + each) if n in counted})
            if counts:
                p50, p99, highest = (
                    round(ms, 3) for ms in percentiles_of(counts, (50.0, 99.0, 100.0), coarse=COARSE_BITS)
                )
                out.setdefault(name, []).append(WindowLine(first, sum(counts.values()), p50, p99, highest))
    return out


def _together(window: Window) -> dict[int, int]:
    counts: dict[int, int] = {}
    for several in window.values():
        for place, count in several.items():
            counts[place] = counts.get(place, 0) + count
    return counts
