"""Several processes, one run: each child has its own loop and every n-th station; the parent watches and adds up.

Children are spawned, not forked (gRPC and trio both mind). They do not hear Ctrl-C: the parent tells them to end,
and their pipe does when the parent is gone.

    parent → child   Go, Stop
    child → parent   Ready, Pulse (each second), SwarmResult, Failed
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Protocol

from loadtest.swarm import SwarmResult
from loadtest.tally import Pulse

HEAD_START = 0.2  # seconds between "go" and the begin of the run, so that all children begin together
LAST_WORDS = 20.0  # seconds after Ctrl-C until a child that says nothing is ended


@dataclass(frozen=True, slots=True)
class Go:
    """The run begins when `time.monotonic()` is `monotonic`; that will be `date`. All processes share that clock."""

    monotonic: float
    date: datetime


@dataclass(frozen=True, slots=True)
class Stop:
    """End what you do, and send what there is."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The child has made its plans."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The child cannot go on; why, in a sentence."""

    why: str


class Line(Protocol):
    """What a job sees of its parent."""

    def ready(self) -> Go:
        """Say that all is planned; returns when the run is to begin."""
        ...

    def pulse(self, pulse: Pulse) -> None:
        """Send the state of affairs."""
        ...

    def stopped(self, patience: float) -> bool:
        """True when the run is to end; waits so long for it, in seconds."""
        ...

    def fileno(self) -> int:
        """Readable when the run is to end."""
        ...


class Job(Protocol):
    """A child's work. It is pickled, so it holds plain values only."""

    @property
    def name(self) -> str:
        """Who this is, in a sentence."""
        ...

    def run(self, line: Line) -> SwarmResult:
        """Do it. Raises OSError or ValueError, with a sentence, when it cannot be done."""
        ...


@dataclass(slots=True)
class _PipeLine:
    """A line over a pipe."""

    pipe: Connection
    _over: bool = False

    def ready(self) -> Go:
        self.pipe.send(Ready())
        word = self.pipe.recv()
        if isinstance(word, Go):
            return word
        self._over = True
        now = time.monotonic()
        return Go(now, datetime.now(UTC))

    def pulse(self, pulse: Pulse) -> None:
        with suppress(OSError):  # the parent has gone, which `stopped` tells
            self.pipe.send(pulse)

    def stopped(self, patience: float) -> bool:
        if not self._over:
            self._over = self.pipe.poll(patience)  # only Stop can come, or the end of the parent
        return self._over

    def fileno(self) -> int:
        return self.pipe.fileno()


def child(pipe: Connection, job: Job) -> None:
    """The main function of a child."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        try:
            pipe.send(job.run(_PipeLine(pipe)))
        except (OSError, ValueError) as error:
            pipe.send(Failed(str(error)))
    except (EOFError, BrokenPipeError):  # the parent has gone: nobody wants to know
        sys.exit(1)


@dataclass(slots=True, eq=False)
class _Child:
    job: Job
    process: SpawnProcess
    pipe: Connection
    ready: bool = False
    pulse: Pulse | None = None
    result: SwarmResult | None = None
    failure: str | None = None

    @property
    def over(self) -> bool:
        return self.result is not None or self.failure is not None

    def listen(self) -> None:
        """Take what has come."""
        try:
            while not self.over and self.pipe.poll():
                match self.pipe.recv():
                    case Ready():
                        self.ready = True
                    case Pulse() as pulse:
                        self.pulse = pulse
                    case SwarmResult() as result:
                        self.result = result
                    case Failed(why):
                        self.failure = f"{self.job.name} gave up: {why}"
        except (EOFError, OSError):
            self.process.join(5)
            self.failure = f"{self.job.name} died ({_how(self.process.exitcode)}); what it did is not in this report."

    def tell(self, word: Go | Stop) -> None:
        if not self.over:
            try:
                self.pipe.send(word)
            except OSError:
                self.listen()


def _how(code: int | None) -> str:
    if code is None:
        return "it closed its pipe"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"


@dataclass(slots=True)
class _Family:
    """The children of one run."""

    children: list[_Child] = field(default_factory=list)

    def start(self, jobs: Sequence[Job]) -> None:
        spawning = get_context("spawn")
        with _deaf_to_interrupts():
            for job in jobs:
                ours, theirs = spawning.Pipe()
                process = spawning.Process(target=child, args=(theirs, job), daemon=True)
                process.start()
                theirs.close()
                self.children.append(_Child(job, process, ours))

    def listen(self, patience: float) -> None:
        """Take what any child has said, waiting at most so long."""
        waiting = [child.pipe for child in self.children if not child.over]
        if not waiting:
            return
        heard = connection.wait(waiting, patience)
        for child in self.children:
            if child.pipe in heard:
                child.listen()

    @property
    def all_ready(self) -> bool:
        return all(child.ready or child.over for child in self.children)

    @property
    def over(self) -> bool:
        return all(child.over for child in self.children)

    @property
    def failed(self) -> bool:
        return any(child.failure is not None for child in self.children)

    def tell(self, word: Go | Stop) -> None:
        for child in self.children:
            child.tell(word)

    def pulse(self) -> Pulse | None:
        """What they have last said, added up."""
        told = [child.pulse for child in self.children if child.pulse is not None]
        if not told:
            return None
        whole = Pulse(0.0)
        for pulse in told:
            whole.merge(pulse)
        return whole

    def end(self, *, patience: float) -> None:
        deadline = time.monotonic() + patience
        for child in self.children:
            child.process.join(max(0.0, deadline - time.monotonic()))
            if child.process.is_alive():
                child.process.kill()
                child.process.join()
            child.pipe.close()
            child.process.close()


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Children begin deaf to Ctrl-C, also while they still import."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run_processes(jobs: Sequence[Job], *, progress: Callable[[Pulse], None] | None = None) -> SwarmResult:
    """Run the jobs in a process each, and add up what they bring back.

    Ctrl-C ends them all, and the result is what there is; a second one raises KeyboardInterrupt. A child that dies
    ends the run of the others as well, and `failures` tells of it. Raises ChildrenFailed when no child has a result.
    """
    family = _Family()
    interrupted = False
    try:
        family.start(jobs)
        try:
            _begin(family)
            _follow(family, progress)
        except KeyboardInterrupt:
            interrupted = True
            _wind_up(family)
    finally:
        family.end(patience=5.0 if family.over else 0.0)
    return _sum(family, interrupted=interrupted)


class ChildrenFailed(OSError):
    """No process of the run brought anything back; its text says what became of each."""


def _begin(family: _Family) -> None:
    while not family.all_ready:
        family.listen(1.0)
    if not family.failed:
        now = time.monotonic()
        family.tell(Go(now + HEAD_START, datetime.fromtimestamp(time.time() + HEAD_START, UTC)))


def _follow(family: _Family, progress: Callable[[Pulse], None] | None) -> None:
    told = 0.0
    while not family.over:
        family.listen(1.0)
        if family.failed:
            _wind_up(family)
            return
        pulse = family.pulse()
        if progress is not None and pulse is not None and pulse.second > told:
            told = pulse.second
            progress(pulse)


def _wind_up(family: _Family) -> None:
    """Tell all to end, and hear what they have; a mute one is given up."""
    family.tell(Stop())
    deadline = time.monotonic() + LAST_WORDS
    while not family.over and time.monotonic() < deadline:
        family.listen(1.0)
    for child in family.children:
        if not child.over:
            child.failure = f"{child.job.name} did not end when it was told to; what it did is not in this report."


def _sum(family: _Family, *, interrupted: bool) -> SwarmResult:
    failures = [child.failure for child in family.children if child.failure is not None]
    results = [child.result for child in family.children if child.result is not None]
    if not results:
        raise ChildrenFailed(" ".join(failures))
    whole, *others = results
    for other in others:
        whole.merge(other)
    whole.failures += failures
    whole.interrupted = interrupted
    return whole
