"""Registers what all tests share: fixtures of the kit, and how hard hypothesis tries (HYPOTHESIS_PROFILE)."""

from __future__ import annotations

import os

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

__all__ = ["database", "database_url", "door", "empty_database_url", "postgres", "template_database"]

# No deadlines: two cores shared with a PostgreSQL say nothing about the speed of one example.
settings.register_profile("fast", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("deep", max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))
