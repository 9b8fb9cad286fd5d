"""spyne can be imported, and what makes that so leaves nothing behind."""

from __future__ import annotations

import subprocess
import sys
import warnings

from csms.transport.soap.shim import importable


def test_nothing_is_left_behind() -> None:
    before = list(sys.meta_path)
    with importable():
        assert len(sys.meta_path) >= len(before)
    assert sys.meta_path == before


def test_warnings_are_back_afterwards() -> None:
    filters = list(warnings.filters)
    with importable():
        pass
    assert warnings.filters == filters


def test_a_fresh_interpreter_imports_it_quietly() -> None:
    code = "import csms.transport.soap.service as s; s.CentralSystemService()"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
