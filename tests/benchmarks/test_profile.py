"""What a profiler saw, as a table."""

from __future__ import annotations

from benchmarks.profile import top_functions


def test_functions_by_their_own_time_with_and_without_what_they_call() -> None:
    table = top_functions(
        [
            "main (csms/__main__.py:5);apply (csms/domain/station.py:10) 30",
            "main (csms/__main__.py:5);apply (csms/domain/station.py:12);now (/site-packages/trio/_core/_run.py:3) 60",
            "main (csms/__main__.py:9) 10",
            "work (csms/x.py:1);wait (threading.py:327) 500",
            "",
        ]
    )
    assert table.splitlines()[2:] == [
        "| `now (trio/_core/_run.py)` | 60.0 % | 60.0 % |",
        "| `apply (csms/domain/station.py)` | 30.0 % | 90.0 % |",
        "| `main (csms/__main__.py)` | 10.0 % | 100.0 % |",
    ]


def test_nothing_seen_is_an_empty_table() -> None:
    assert len(top_functions([]).splitlines()) == 2
