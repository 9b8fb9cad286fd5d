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


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_bug_is_told_with_its_trace_but_without_what_the_variables_held(
    log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logging(log_format, "info")

    def fail(bearer: str) -> None:
        raise RuntimeError("broken" if bearer else "")

    try:
        fail("".join(["sess", "ion-", "token-", "9"]))
    except RuntimeError as error:
        structlog.get_logger().error("call", exc_info=error)
    told = capsys.readouterr().err
    assert "broken" in told
    assert "in fail" in told or '"fail"' in told
    assert "session-token-9" not in told
