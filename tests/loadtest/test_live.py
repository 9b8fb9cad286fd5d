"""What is shown while a run goes on."""

from __future__ import annotations

from collections import Counter
from io import StringIO

from rich.console import Console

from loadtest.histogram import index_of
from loadtest.live import Live
from loadtest.tally import COARSE_BITS, Pulse


def pulse(second: float, **other: int) -> Pulse:
    return Pulse(
        second,
        online=490,
        answered=10_000,
        answered_last=1234,
        errors=Counter({"link lost [1]": 2}),
        window={
            "Heartbeat": {index_of(2_000) >> COARSE_BITS: 3},
            "MeterValues": {index_of(9_000) >> COARSE_BITS: 98, index_of(70_000) >> COARSE_BITS: 2},
        },
        **other,
    )


def shown(*pulses: Pulse, terminal: bool) -> str:
    out = StringIO()
    console = Console(file=out, width=120, force_terminal=terminal, color_system=None)
    with Live(console, stations=500, run_seconds=60) as live:
        for one in pulses:
            live.show(one)
    return out.getvalue()


def test_a_terminal_sees_a_table_of_the_last_seconds_with_the_busiest_first() -> None:
    text = shown(pulse(1, commands=5), pulse(2, commands=12), terminal=True)
    for words in ("490 of 500", "1,234", "10,000", "2 of 60 s", "2 × link lost [1]"):
        assert words in text
    last = text[text.rindex("last seconds") :].split()
    values, beats = last.index("MeterValues"), last.index("Heartbeat")
    assert values < beats
    assert last[values + 1 : values + 4] == ["100", "9.1", "70.7"]
    assert " 7 " in text  # commands in the second between the two


def test_after_the_end_it_says_what_it_waits_for() -> None:
    assert "waiting for the last answers" in shown(pulse(61), terminal=True)


def test_a_file_gets_a_line_every_five_seconds() -> None:
    lines = shown(*(pulse(second) for second in range(1, 12)), terminal=False).splitlines()
    assert len(lines) == 3
    assert lines[0] == "1 of 60 s · 490 of 500 stations · 1,234 answers/s · p99 71 ms · 2 errors · 0 commands"
    assert [line.split()[0] for line in lines] == ["1", "6", "11"]
