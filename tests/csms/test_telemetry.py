"""Log lines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from csms.telemetry import masked, set_up_logging


@pytest.fixture
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize(("log_format", "sign"), [("json", '"event": "hello"'), ("console", "hello")])
def test_lines_go_to_standard_error(log_format: str, sign: str, capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging(log_format, "info")
    log = structlog.get_logger()
    log.debug("nobody sees this")
    log.info("hello", station=1)
    captured = capsys.readouterr()
    assert sign in captured.err
    assert "nobody" not in captured.err + captured.out


def test_tags_are_never_written_whole() -> None:
    assert (masked("04A2B3C4D5"), masked("ABC")) == ("…C4D5", "…")
