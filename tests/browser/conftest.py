"""A real browser against the portal's own process and a fake control plane that the tests can change."""

from __future__ import annotations

import asyncio
import http.client
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.kit.fake_control import PASSWORD, FakeControl, World
from tests.kit.house import House, open_house
from tests.kit.patience import PAGE_PATIENCE_MS, PATIENCE_S
from tests.kit.pressing import press

T = TypeVar("T")
expect.set_options(timeout=PAGE_PATIENCE_MS)  # a busy machine is slow, and nobody is wrong
ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


def find_chromium() -> str:
    """Where a Chromium is; without one the tests are skipped at a desk and fail under CI=true."""
    wanted = (os.environ.get("CHARGEHOUSE_CHROMIUM", ""), *NAMES)
    found = next((path for name in wanted if name and (path := shutil.which(name))), "")
    if found:
        return found
    text = "No Chromium here. Install one (Debian: apt-get install chromium) or name it in CHARGEHOUSE_CHROMIUM."
    if os.environ.get("CI") == "true":
        pytest.fail(text)
    pytest.skip(text)


@dataclass
class Site:
    """The portal under test."""

    address: str
    fake: FakeControl
    loop: asyncio.AbstractEventLoop
    foreign: list[str] = field(default_factory=list)  # requests to anywhere else
    complaints: list[str] = field(default_factory=list)  # of the browser: errors of scripts, refused by the policy

    def do(self, change: Callable[[FakeControl], object]) -> None:
        """Change the world in the control plane's own loop."""

        async def work() -> None:
            change(self.fake)

        asyncio.run_coroutine_threadsafe(work(), self.loop).result(timeout=PATIENCE_S)

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run something in the control plane's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=PATIENCE_S)


def serve(world: World, stack: ExitStack) -> Site:
    """A control plane in a thread and a portal in a process, until the stack closes."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    fake = FakeControl(world)

    def end_loop() -> None:
        asyncio.run_coroutine_threadsafe(end_tasks(), loop).result(timeout=PATIENCE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()

    async def end_tasks() -> None:
        await fake.stop()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    stack.callback(end_loop)
    control = asyncio.run_coroutine_threadsafe(fake.start(), loop).result(timeout=PATIENCE_S)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = int(found.getsockname()[1])
    command = [sys.executable, "-m", "webui", "--listen", f"127.0.0.1:{port}", "--control", control]
    portal = subprocess.Popen([*command, "--die-with-parent"], cwd=ROOT)
    stack.callback(portal.wait)
    stack.callback(portal.terminate)
    wait_for(port)
    return Site(f"http://127.0.0.1:{port}", fake, loop)


def wait_for(port: int) -> None:
    """Until the portal answers."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/readyz")
            ready = connection.getresponse().status == 200
            connection.close()
        except OSError:
            ready = False
        if ready:
            return
        assert time.monotonic() < deadline, "the portal did not come up"
        time.sleep(0.1)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A portal of one's own over a believable installation."""
    with ExitStack() as stack:
        yield serve(World(datetime.now(tz=UTC).replace(microsecond=0)), stack)


@pytest.fixture
def empty_site() -> Iterator[Site]:
    """A portal over an installation without any station."""
    with ExitStack() as stack:
        yield serve(World(datetime.now(tz=UTC).replace(microsecond=0), stations=0), stack)


def context_for(chromium: Browser, site: Site, scheme: str = "light", width: int = 1440) -> BrowserContext:
    """A browser context that notes requests to other places and complaints."""
    context = chromium.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce", locale="en-GB"
    )
    context.set_default_timeout(PAGE_PATIENCE_MS)

    def requested(request: object) -> None:
        if not request.url.startswith((site.address, "data:", "blob:")):
            site.foreign.append(request.url)

    def said(message: object) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            site.complaints.append(message.text)

    context.on("request", requested)
    context.on("console", said)
    context.on("weberror", lambda error: site.complaints.append(str(error.error)))
    return context


def sign_in(context: BrowserContext, site: Site, email: str = "admin@example.org") -> Page:
    """A page of somebody who is signed in, on the list of stations."""
    page = context.new_page()
    page.goto(f"{site.address}/signin")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    press(page.get_by_role("button", name="Sign in"))
    page.wait_for_url(lambda url: "/signin" not in url)
    page.goto(f"{site.address}/stations")
    return page


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    """An administrator's page; at the end nothing was asked of anybody else and the browser did not complain."""
    context = context_for(chromium, site)
    yield sign_in(context, site)
    context.close()
    assert site.foreign == []
    assert site.complaints == []


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """The whole product with somebody of each role; shared by all tests."""
    with open_house() as made:
        yield made
