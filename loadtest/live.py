"""What a run is doing now: a table that is drawn anew each second, or a line now and then where nobody sees tables."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtest.tally import Pulse

LINE_EVERY = 5.0
"""Seconds between lines where the output is not a terminal."""
SHOWN_ACTIONS = 8
SHOWN_ERRORS = 4


class Live:
    """Shows the pulses of a run, from `with` to its end."""

    def __init__(self, console: Console, *, stations: int, run_seconds: float) -> None:
        self._console = console
        self._stations = stations
        self._run_seconds = run_seconds
        self._commands = 0
        self._next_line = 0.0
        self._screen = (
            RichLive(Text("Connecting …"), console=console, auto_refresh=False, transient=True)
            if console.is_terminal
            else None
        )

    def __enter__(self) -> Self:
        if self._screen is not None:
            self._screen.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._screen is not None:
            self._screen.stop()

    def show(self, pulse: Pulse) -> None:
        """Show the state of affairs."""
        commands, self._commands = pulse.commands - self._commands, pulse.commands
        if self._screen is not None:
            self._screen.update(self._table(pulse, commands), refresh=True)
        elif pulse.second >= self._next_line:
            self._next_line = pulse.second + LINE_EVERY
            self._console.print(self.line(pulse), highlight=False, markup=False, soft_wrap=True)

    def line(self, pulse: Pulse) -> str:
        """All of it in one line."""
        rows = pulse.rows()
        p99 = max((p99 for _, _, _, p99 in rows), default=0.0)
        return (
            f"{pulse.second:.0f} of {self._run_seconds:.0f} s · {pulse.online:,} of {self._stations:,} stations · "
            f"{pulse.answered_last:,} answers/s · p99 {p99:,.0f} ms · {pulse.errors.total():,} errors · "
            f"{pulse.commands:,} commands"
        )

    def _table(self, pulse: Pulse, commands: int) -> RenderableType:
        head = Table.grid(padding=(0, 2))
        for _ in range(6):
            head.add_column(justify="right")
        errors = pulse.errors.total()
        head.add_row("online", "answers/s", "answered", "commands/s", "sent again", "errors", style="dim")
        head.add_row(
            f"{pulse.online:,} of {self._stations:,}",
            Text(f"{pulse.answered_last:,}", style="bold"),
            f"{pulse.answered:,}",
            f"{max(commands, 0):,}",
            f"{pulse.retries:,}",
            Text(f"{errors:,}", style="bold red" if errors else "green"),
        )
        times = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        times.add_column("last seconds")
        for name in ("answers", "p50 ms", "p99 ms"):
            times.add_column(name, justify="right")
        for action, count, p50, p99 in pulse.rows()[:SHOWN_ACTIONS]:
            times.add_row(action, f"{count:,}", f"{p50:,.1f}", f"{p99:,.1f}")
        parts: list[RenderableType] = [self._progress(pulse), head, Text(), times]
        for error, count in pulse.errors.most_common(SHOWN_ERRORS):
            parts.append(Text(f"{count:,} × {error}", style="red"))
        return Group(*parts)

    def _progress(self, pulse: Pulse) -> RenderableType:
        grid = Table.grid(padding=(0, 2))
        over = pulse.second >= self._run_seconds
        words = "waiting for the last answers" if over else f"{pulse.second:.0f} of {self._run_seconds:.0f} s"
        grid.add_row(ProgressBar(total=self._run_seconds, completed=pulse.second, width=30), words)
        return grid
