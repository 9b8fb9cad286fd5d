"""Three nodes, two control processes, three NATS servers, PostgreSQL; 300 stations behind a balancer, and faults by a
seed: each part is killed, a node and a control process are paused, a node is cut off NATS.

After each fault every station is answered again, and then the books are compared: everything that was answered is in
the database exactly once, every station has one node, no command was carried out twice or answered wrongly, and both
watchers were told of every session's begin and end without ever having to list again.

    CLUSTER_STATIONS, CLUSTER_FAULTS, CLUSTER_SEED, CLUSTER_PACE   other sizes
    CLUSTER_NAMESPACES=no   a proxy between nodes and NATS, as where this is not root
"""

from __future__ import annotations

import os
import random
import signal
import sys

import pytest
import trio

from tests.kit.cluster import System, cluster
from tests.kit.cluster_books import Books, used

pytestmark = [pytest.mark.system, pytest.mark.timeout(900)]

STATIONS = int(os.environ.get("CLUSTER_STATIONS", "300"))
SEED = int(os.environ.get("CLUSTER_SEED", "7"))
PACE = float(os.environ.get("CLUSTER_PACE", str(max(0.3, STATIONS / 100))))
"""Some 100 messages a second, however many stations."""
CUT_SECONDS = 25.0
"""Long enough to be given up."""

KINDS = (
    "kill a node",
    "pause a node",
    "kill a NATS server",
    "kill a control process",
    "pause a control process",
    "kill PostgreSQL",
    "cut a node off NATS",
)
FAULTS = int(os.environ.get("CLUSTER_FAULTS", str(len(KINDS))))


async def strike(books: Books, fault: str, chance: random.Random) -> None:
    """One fault, and what comes of it."""
    began, resumed = trio.current_time(), sum(w.resumed for w in books.watchers)
    struck = list[str]()

    async def hit() -> None:
        struck.append(await do(books.made, fault, chance))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hit)
        await trio.sleep(0.1)
        back = await books.all_answered(began + 0.1)  # what is sent from now on is answered by those that are left
    await books.settled()
    settled = trio.current_time() - began
    await books.check_sessions(finished=False)
    sys.stderr.write(
        f"{struck[0]}: all answered {back:.1f} s, all settled {settled:.1f} s after its begin; watchers resumed"
        f" {sum(w.resumed for w in books.watchers) - resumed} times; refused as too late so far: {fenced(books.made)}\n"
    )


def fenced(made: System) -> int:
    """How often a node has tried to write for stations that others had."""
    return sum(made.log(place.name).count("records_came_too_late") for place in made.places)


async def do(made: System, fault: str, chance: random.Random) -> str:
    """What was done."""
    if fault.startswith("kill"):
        return await kill(made, fault, chance)
    if fault == "cut a node off NATS":
        place = chance.choice(made.places)
        place.cut()
        await trio.sleep(CUT_SECONDS)
        place.mend()
        return f"{place.name} was cut off NATS for {CUT_SECONDS:.0f} s"
    victim = chance.choice(made.nodes if fault == "pause a node" else made.controls)
    os.kill(victim.pid or 0, signal.SIGSTOP)
    await trio.sleep(10)
    os.kill(victim.pid or 0, signal.SIGCONT)
    return f"{victim.name} was paused for 10 s"


async def kill(made: System, fault: str, chance: random.Random) -> str:
    if fault == "kill a NATS server":
        number = chance.randrange(len(made.nats))
        made.nats[number].kill()
        return f"NATS server {number} was killed"
    if fault == "kill PostgreSQL":
        pid = int((made.folder / "pg/pgdata/postmaster.pid").read_text().split("\n")[0])
        os.kill(pid, signal.SIGKILL)
        return "PostgreSQL was killed"
    victim = chance.choice(made.nodes if fault == "kill a node" else made.controls)
    os.kill(victim.pid or 0, signal.SIGKILL)
    await trio.sleep(0.1)
    return f"{victim.name} was killed"


@pytest.mark.feature("F-SYS-7")
async def test_whatever_dies_nothing_that_was_answered_is_lost_or_done_twice() -> None:
    chance = random.Random(SEED)
    faults = [*chance.sample(KINDS, len(KINDS)), *chance.choices(KINDS, k=FAULTS)][:FAULTS]
    async with cluster() as made, used(made, STATIONS, pace=PACE, seed=SEED) as books:
        for fault in faults:
            await strike(books, fault, chance)
        await books.finish()
