"""Saturation against the product: whatever was acknowledged is in the database, to the last meter value."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from loadtest.probe import Probe
from loadtest.saturate import check, saturate_now
from loadtest.target import parse_target
from tests.kit.product import Product, product

pytestmark = [pytest.mark.system, pytest.mark.feature("F-SYS-5"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product() as made:
        yield made


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
@pytest.mark.parametrize("kind", ["meter-values", "story"])
def test_everything_acknowledged_is_kept(running: Product, kind: str, version: str) -> None:
    prefix = f"SAT-{kind[0]}{version}-"
    names = [f"{prefix}{number:05d}" for number in range(1, 11)]
    passwords = {name: f"secret-of-{name}" for name in names}
    with Probe(f"127.0.0.1:{running.control_port}", running.key) as probe:
        probe.prepare(names, passwords, [f"{name}-1" for name in names])
        began = datetime.now(UTC)
        done = saturate_now(
            parse_target(running.ocpp),
            stations=10,
            seconds=1.0,
            kind=kind,
            version=version,
            prefix=prefix,
            passwords=passwords,
            sources=("127.0.0.2", "127.0.0.3"),
        )
        seen = probe.sessions(names, began, datetime.now(UTC) + timedelta(seconds=5), samples=False)
    assert done.errors == 0
    assert done.messages > 0
    assert done.stories == len(done.books) >= 10
    assert check(done.books, seen) == []
    assert len(seen) == len(done.books)
