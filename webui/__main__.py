"""Serve the portal: ``python -m webui --listen 127.0.0.1:8080 --control 127.0.0.1:50051``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

import uvicorn

from webui.app import create_app
from webui.captcha import MODES
from webui.settings import Settings, split_listen

new_event_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
with contextlib.suppress(ImportError):  # without uvloop only speed is lost
    import uvloop

    new_event_loop = uvloop.new_event_loop

PR_SET_PDEATHSIG = 1


class Server(uvicorn.Server):
    """uvicorn that ends with 0 after SIGTERM or SIGINT instead of raising the signal once more.

    It also ends the open event streams at once: they would hold the end up until the time-out.
    """

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came; the loop looks at this ten times a second."""
        super().handle_exit(sig, frame)
        self._end_streams()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Both signals ask for the end; the second one insists."""
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def parser() -> argparse.ArgumentParser:
    """The command line; every option is also an environment variable."""
    made = argparse.ArgumentParser(prog="python -m webui", description="The portal, over the control API.")
    made.add_argument("--listen", metavar="HOST:PORT", help="[CHARGEHOUSE_PORTAL_LISTEN] default 127.0.0.1:8080")
    made.add_argument("--control", metavar="HOST:PORT", help="[CHARGEHOUSE_CONTROL_ADDRESS] default 127.0.0.1:50051")
    made.add_argument(
        "--control-ca", metavar="FILE", help="[CHARGEHOUSE_CONTROL_CA] PEM file; use TLS and trust this authority"
    )
    made.add_argument(
        "--public-url", metavar="URL", help="[CHARGEHOUSE_PORTAL_PUBLIC_URL] address that people use, behind a proxy"
    )
    made.add_argument(
        "--monitor-listen", metavar="HOST:PORT", help="[CHARGEHOUSE_PORTAL_MONITOR_LISTEN] /metrics; default: nowhere"
    )
    made.add_argument(
        "--captcha",
        choices=MODES,
        help="[CHARGEHOUSE_PORTAL_CAPTCHA] a question at sign-in: after failures (default), always, or never",
    )
    made.add_argument("--die-with-parent", action="store_true", help="end when the process that started this one ends")
    return made


def settings_from(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Settings:
    """Options over environment over defaults. Raises ValueError with a sentence."""
    host, port = split_listen(arguments.listen or environment.get("CHARGEHOUSE_PORTAL_LISTEN") or "127.0.0.1:8080")
    ca = arguments.control_ca or environment.get("CHARGEHOUSE_CONTROL_CA")
    if ca and not Path(ca).is_file():
        raise ValueError(f"There is no file {ca} with the control plane's authority.")
    return Settings(
        listen_host=host,
        listen_port=port,
        control_address=arguments.control or environment.get("CHARGEHOUSE_CONTROL_ADDRESS") or "127.0.0.1:50051",
        control_ca=Path(ca) if ca else None,
        captcha=_captcha(arguments.captcha or environment.get("CHARGEHOUSE_PORTAL_CAPTCHA") or "failures"),
        monitor_listen=arguments.monitor_listen or environment.get("CHARGEHOUSE_PORTAL_MONITOR_LISTEN") or "",
        public_url=arguments.public_url or environment.get("CHARGEHOUSE_PORTAL_PUBLIC_URL") or "",
    )


def _captcha(mode: str) -> str:
    if mode not in MODES:
        raise ValueError(f"CHARGEHOUSE_PORTAL_CAPTCHA is {mode}, not one of {', '.join(MODES)}.")
    return mode


def die_with_parent() -> None:
    """Ask Linux to send SIGTERM to this process when its parent dies; elsewhere nothing happens."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died while we asked
        sys.exit(0)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Exit code 2 when an option is wrong."""
    options = parser().parse_args(arguments)
    try:
        settings = settings_from(options, os.environ)
    except ValueError as error:
        print(error, file=sys.stderr)  # noqa: T201  the command line speaks here
        return 2
    if options.die_with_parent:
        die_with_parent()
    app = create_app(settings)
    if settings.monitor_listen:
        try:
            app.state.metrics.serve(*split_listen(settings.monitor_listen))
        except (OSError, ValueError) as error:
            print(f"Metrics cannot be served on {settings.monitor_listen}: {error}", file=sys.stderr)  # noqa: T201
            return 2
    config = uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        log_level="warning",
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=int(settings.shutdown_s),
    )
    server = Server(config, app.state.hubs.stop)
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(server.serve())
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
