"""One installation for all certification cases of a run: each case brings stations of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Product
from tests.kit.product import product as start_product


@pytest.fixture(scope="package")
def running() -> Iterator[Product]:
    with start_product() as made:
        yield made


@pytest.fixture(scope="package")
def desk(running: Product) -> Iterator[Desk]:
    with open_desk(running) as made:
        yield made
