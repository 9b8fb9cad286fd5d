"""Two versions side by side on one PostgreSQL and NATS: while a cluster is upgraded, and when that is taken back.

The older version is a commit of this project, checked out into a folder of its own; without its history (a tarball, a
shallow clone) this is left out, and what holds it is that migrations only add (tests/house/test_migrations.py) and that
what is said over the bus only grows (tests/csms/cluster/test_codec.py).
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from tests.kit.cluster import ROOT, cluster
from tests.kit.cluster_books import used

pytestmark = [pytest.mark.system, pytest.mark.timeout(600)]

OLD = "51b54361f2b902d660d29e8a3c88f52973c8cd08"
"""The first version that was said to have several nodes."""
STATIONS = 60
PACE = 1.0


@pytest.fixture(scope="module")
def old_code(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The older version's tree."""
    done = subprocess.run(["git", "-C", str(ROOT), "archive", OLD], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no older version to run beside this one: {done.stderr.decode(errors='replace').strip()[:200]}")
    folder = tmp_path_factory.mktemp("old")
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.mark.feature("F-SYS-7")
async def test_a_cluster_is_upgraded_under_stations_that_charge_and_taken_back(old_code: Path) -> None:
    async with cluster(nodes=2, servers=1, code=old_code) as made, used(made, STATIONS, pace=PACE, seed=5) as books:

        async def step(what: str) -> None:
            since = trio.current_time()
            took = await books.all_answered(since)
            await books.settled()
            await books.check_sessions(finished=False)
            sys.stderr.write(f"{what}: all answered {took:.1f} s later\n")

        async def exchange(control: int | None, node: int | None, code: Path) -> None:
            """One process ends, and one of the other version takes its place."""
            if control is not None:
                made.controls[control] = await made.replaced(made.controls[control], made.control(control, code=code))
            if node is not None:
                made.nodes[node] = await made.replaced(made.nodes[node], made.node(made.places[node], code=code))

        before = await made.schema()
        await exchange(1, None, ROOT)  # brings the schema up to date
        assert await made.schema() >= before
        await step("a new control process beside an old one, old nodes")
        await exchange(None, 1, ROOT)
        await step("a new node beside an old one")
        await exchange(0, None, ROOT)
        await exchange(None, 0, ROOT)
        await step("all are new")
        after = await made.schema()
        await exchange(None, 0, old_code)
        await exchange(0, None, old_code)
        await step("one node and one control process are taken back")
        await exchange(1, 1, old_code)
        await step("all are old again, on the new schema")
        assert await made.schema() == after
        await books.finish()
