"""How long tests wait for what must come, and looking again until something is so, for tests that are not in trio."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

PATIENCE_S: Final = 60.0
"""Nobody waits for so long where all is well; a machine that does three things at once may."""
PAGE_PATIENCE_MS: Final = 45_000
"""For what must appear on a page."""

T = TypeVar("T")


def until(look: Callable[[], T], timeout_s: float = PATIENCE_S) -> T:
    """What `look` gives once it is true. Raises AssertionError when it never is."""
    deadline = time.monotonic() + timeout_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"it never came true; last: {seen!r}"
        time.sleep(0.1)
    return seen
