"""Looking again until something is so, for tests that are not in trio."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(look: Callable[[], T], timeout_s: float = 15.0) -> T:
    """What `look` gives once it is true. Raises AssertionError when it never is."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"it never came true; last: {seen!r}"
        time.sleep(0.1)
    return seen
