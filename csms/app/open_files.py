"""How many files, and so connections, this process may have open."""

from __future__ import annotations

import resource
from typing import Final

MOST: Final = 1_048_576
"""More than a process can serve; some systems know no limit, and tools that walk through all numbers take for ever."""


def raise_open_files() -> int:
    """Lift the soft limit, often 1,024, as far as the hard one allows. Returns what may be open now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST if hard == resource.RLIM_INFINITY else min(hard, MOST)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MOST if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted
