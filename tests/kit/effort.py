"""How hard the tests with random examples try: a little each time, very hard with HYPOTHESIS_PROFILE=deep."""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, settings

DEEP: Final = settings.default is not None and settings.default.max_examples > 1_000


def examples(usually: int) -> settings:
    """As many examples usually, and two thousand in the deep profile; for examples that are slow to make."""
    return settings(max_examples=2_000 if DEEP else usually, deadline=None, suppress_health_check=list(HealthCheck))
