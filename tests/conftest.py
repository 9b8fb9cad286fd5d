"""Registers what all tests share: fixtures of the kit, and how hard hypothesis tries (HYPOTHESIS_PROFILE)."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

import control  # noqa: F401  before gRPC, which reads then what it says of forks
from tests.kit.database import (
    database,
    database_url,
    door,
    empty_database_url,
    postgres,
    template_database,
)
from tests.kit.memory_disk import use_memory

__all__ = ["database", "database_url", "door", "empty_database_url", "postgres", "template_database"]

use_memory()  # before anybody asks for a temporary file; workers and products inherit it

# Hundreds of processes are started, and each would compile the whole product anew; half of their time went there.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# No deadlines: two cores shared with a PostgreSQL say nothing about the speed of one example.
settings.register_profile("fast", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


_configure = structlog.configure


def _without_cache(**options: Any) -> None:
    """Loggers that were used once would keep to what was set up then, and `capture_logs` would not see their lines."""
    _configure(**{**options, "cache_logger_on_first_use": False})


structlog.configure = _without_cache  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """The program's commands set up the log of the process, and a test may have called one."""
    yield
    structlog.reset_defaults()


def pytest_collection_finish() -> None:
    """What is imported by now stays until the end: the garbage collector need not look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # thousands of syntax trees and examples are no litter to look for all the time
