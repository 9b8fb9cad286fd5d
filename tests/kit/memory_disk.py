"""Where tests put their files: in memory, when there is enough of it.

A database is created for each of hundreds of tests and a product with its own cluster for each of dozens; on some
machines' disks that costs twenty times what it costs in memory. Whoever sets TMPDIR decides himself.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shutil
import tempfile
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
NEEDED_BYTES = 2 << 30
"""Four workers at their worst: a cluster each with its log, a product with its own, a browser's profile."""
_NAME = re.compile(r"ch-tests-(\d+)")


def use_memory(shared: Path = SHARED_MEMORY) -> Path | None:
    """From now on temporary files of this process and of its children live in `shared`, in a folder that goes when this
    process ends; None: they stay where they were."""
    if "TMPDIR" in os.environ or not _has_room(shared):
        return None
    _remove_left_behind(shared)
    folder = shared / f"ch-tests-{os.getpid()}"
    folder.mkdir(mode=0o711)  # root's PostgreSQL runs as nobody and passes through
    os.environ["TMPDIR"] = tempfile.tempdir = str(folder)
    atexit.register(_remove, folder, os.getpid())
    return folder


def _has_room(shared: Path) -> bool:
    try:
        free = shutil.disk_usage(shared).free
        available = re.search(r"^MemAvailable:\s+(\d+) kB$", Path("/proc/meminfo").read_text("ascii"), re.MULTILINE)
    except OSError:
        return False
    unused = int(available[1]) << 10 if available else 0
    return os.access(shared, os.W_OK) and free >= NEEDED_BYTES and unused >= 2 * NEEDED_BYTES


def _remove_left_behind(shared: Path) -> None:
    """Of runs that were killed."""
    for folder in shared.glob("ch-tests-*"):
        found = _NAME.fullmatch(folder.name)
        if found and not Path("/proc", found[1]).exists():
            shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:  # not a fork of it
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
