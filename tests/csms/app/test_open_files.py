"""The limit of open files: a station needs one each."""

from __future__ import annotations

import resource
from collections.abc import Iterator

import pytest

from csms.app.open_files import MOST, raise_open_files


@pytest.fixture(autouse=True)
def limit_as_before() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_usual_soft_limit_does_not_stop_the_thousandth_station() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    allowed = raise_open_files()
    assert allowed == resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 512
    assert raise_open_files() == allowed  # nothing more to do


def test_without_any_limit_one_is_set_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, resource.RLIM_INFINITY))
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: made.append(limits))
    assert raise_open_files() == MOST
    assert made == [(MOST, resource.RLIM_INFINITY)]
    monkeypatch.undo()
