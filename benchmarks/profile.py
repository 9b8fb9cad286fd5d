"""Where the node spends its time on the message path: in which functions (py-spy), in which binaries (perf).

Both look at it from outside, one after the other. What is not installed is left out, with a word.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from benchmarks.figures import table
from benchmarks.load import Client, saturate
from benchmarks.machine import node
from benchmarks.path import begin

ROOT: Final = str(Path(__file__).parent.parent) + "/"
RATE: Final = 250  # looks per second
TOP: Final = 15
IDLE: Final = ("wait (threading.py", "_worker (concurrent", "select (selectors.py")


def measure(seconds: float, stations: int) -> str:
    """Two tables, as Markdown: functions by their own time, and binaries."""
    print("a profile of the message path", file=sys.stderr, flush=True)
    with node() as (pid, port, _), tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        clients = [Client("127.0.0.1", port, f"BENCH-{index}") for index in range(stations)]
        transactions = [begin(client) for client in clients]
        found: dict[str, str] = {}

        def look_on() -> None:
            for name, look in (("functions", _functions), ("binaries", _binaries)):
                _into(found, name, look, pid, seconds, folder)

        thread = threading.Thread(target=look_on)
        # One load for both: a second one would find the last answers of the first under way.
        saturate(clients, transactions, 2 * seconds + 4.0, warm_up=2.0, at_start=thread.start)
        thread.join()
        for client in clients:
            client.close()
    return f"{found['functions']}\n\n{found['binaries']}"


Look = Callable[[int, float, str], str]


def _into(found: dict[str, str], name: str, look: Look, pid: int, seconds: float, folder: str) -> None:
    found[name] = look(pid, seconds, folder)


def _functions(pid: int, seconds: float, folder: str) -> str:
    tool = Path(sys.executable).parent / "py-spy"
    found = str(tool) if tool.exists() else shutil.which("py-spy")
    if found is None:
        return "py-spy is not here: no functions."
    out = Path(folder) / "stacks.txt"
    command = [found, "record", "-p", str(pid), "-d", f"{seconds:.0f}", "-r", str(RATE), "-f", "raw", "-o", str(out)]
    done = subprocess.run([*command, "--nonblocking"], check=False, capture_output=True, text=True)
    if not out.exists():
        return f"py-spy could not look at the node: {done.stderr.strip()[-200:]}"
    return top_functions(out.read_text().splitlines())


def top_functions(stacks: Iterable[str]) -> str:
    """A table of collapsed stacks (`outer;inner count`): each function's share, without and with callees."""
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in stacks:
        text, _, count = line.rpartition(" ")
        frames = [_short(frame) for frame in text.split(";")]
        if not count.isdigit() or any(word in frames[-1] for word in IDLE):
            continue
        own[frames[-1]] += int(count)
        for frame in set(frames):
            whole[frame] += int(count)
    total = max(own.total(), 1)
    rows = [
        (f"`{name}`", f"{100 * count / total:.1f} %", f"{100 * whole[name] / total:.1f} %")
        for name, count in own.most_common(TOP)
    ]
    return table(("function of the node", "own time", "with what it calls"), rows)


def _short(frame: str) -> str:
    """`apply (csms/domain/station.py)`: without its line, and relative to the project or its packages."""
    text = frame.replace(ROOT, "")
    name, _, place = text.partition(" (")
    place = place.rpartition("site-packages/")[2].rpartition(":")[0] or place
    return f"{name} ({place.rstrip(')')})"


def _binaries(pid: int, seconds: float, folder: str) -> str:
    tool = shutil.which("perf")
    if tool is None:
        return "perf is not here: no binaries."
    data = str(Path(folder) / "perf.data")
    record = [tool, "record", "-q", "-F", "499", "-p", str(pid), "-o", data, "--", "sleep", f"{seconds:.0f}"]
    report = [tool, "report", "-q", "--stdio", "--sort", "dso", "-i", data]
    done = subprocess.run(record, check=False, capture_output=True, text=True)
    told = subprocess.run(report, check=False, capture_output=True, text=True).stdout if done.returncode == 0 else ""
    rows = [(words[1], words[0]) for line in told.splitlines() if len(words := line.split()) >= 2 and "%" in words[0]]
    return table(("binary", "of the CPU time"), rows[:8]) if rows else "perf could not look at the node: no binaries."
