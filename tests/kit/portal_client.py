"""The portal under test: a fake control plane and the application in one event loop on a thread, without a socket.

``Portal`` is used from ordinary (sync) tests: pages need no browser, and grpc.aio needs asyncio, not trio.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.applications import Starlette

from tests.kit.fake_control import PASSWORD, FakeControl, World
from webui.app import create_app
from webui.settings import Settings

T = TypeVar("T")
OPENING = "text/html,application/xhtml+xml,*/*;q=0.8"
"""What a browser accepts when an address is opened."""


@dataclass
class Answer:
    """What the portal answered."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def header(self, name: str) -> str:
        """A header, empty when it is not there."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def cookies(self) -> list[str]:
        """All Set-Cookie headers."""
        return [value for key, value in self.headers if key == "set-cookie"]


@dataclass
class Browser:
    """As much of a browser as pages need: cookies, and where a form comes from."""

    portal: Portal
    scheme: str = "http"
    host: str = "portal.test:8080"
    cookies: dict[str, str] = field(default_factory=dict)

    def get(self, target: str, headers: dict[str, str] | None = None) -> Answer:
        """Open an address."""
        return self.portal.run(self.request("GET", target, b"", headers or {}))

    def post(
        self, target: str, form: Mapping[str, str | list[str]] | None = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a form from a page of the portal's own, unless ``headers`` say otherwise."""
        origin = {"origin": f"{self.scheme}://{self.host}"}
        sent = {"content-type": "application/x-www-form-urlencoded", **(origin if headers is None else headers)}
        return self.portal.run(self.request("POST", target, urlencode(form or {}, doseq=True).encode(), sent))

    def follow(self, answer: Answer) -> Answer:
        """Go where a redirect points."""
        assert answer.status == 303, answer.text
        return self.get(answer.header("location"))

    def sign_in(self, email: str = "admin@example.org", password: str = PASSWORD) -> Answer:
        """Sign in."""
        return self.post("/signin", {"email": email, "password": password})

    async def request(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Answer:
        """One request through the ASGI application."""
        parts = urlsplit(target)
        answer = Answer(0, [], b"")
        sent = {"host": self.host, "accept": "*/*" if "hx-request" in headers else OPENING, **headers}
        if self.cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": (self.host.partition(":")[0], 8080),
            "state": {},
        }
        received = False

        async def receive() -> dict[str, object]:
            nonlocal received
            if received:
                await asyncio.Event().wait()
            received = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]
            elif message["type"] == "http.response.body":
                answer.body += message.get("body", b"")

        await self.portal.app(scope, receive, send)
        self._keep(answer)
        return answer

    def _keep(self, answer: Answer) -> None:
        for line in answer.cookies:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value


class Portal:
    """A fake control plane, the application, and the loop that both live in."""

    def __init__(self, world: World, settings: Settings | None = None) -> None:
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.fake = FakeControl(world)
        self.settings = settings
        self.app: Starlette
        self._lifespan: contextlib.AsyncExitStack
        self.run(self._open())

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run something in the loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=60)

    async def _open(self) -> None:
        address = await self.fake.start()
        base = self.settings or Settings()
        self.app = create_app(
            Settings(
                listen_host=base.listen_host,
                control_address=address,
                public_url=base.public_url,
                captcha=base.captcha,
            )
        )
        self._lifespan = contextlib.AsyncExitStack()
        await self._lifespan.enter_async_context(self.app.router.lifespan_context(self.app))

    def close(self) -> None:
        """Stop everything."""
        self.run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(timeout=10)
        self.loop.close()

    async def _close(self) -> None:
        await self._lifespan.aclose()
        await self.fake.stop()
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def browser(self, scheme: str = "http", signed_in: str = "") -> Browser:
        """A fresh browser; with an e-mail, one that is signed in."""
        browser = Browser(self, scheme)
        if signed_in:
            assert browser.sign_in(signed_in).status == 303
        return browser


@contextlib.contextmanager
def running_portal(world: World | None = None, settings: Settings | None = None) -> Iterator[Portal]:
    """A portal while the block runs."""
    portal = Portal(world or World(), settings)
    try:
        yield portal
    finally:
        portal.close()
