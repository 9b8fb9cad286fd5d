"""`python -m benchmarks.portal`: what each page of the portal takes, in time, CPU and bytes, on the demo data.

Starts a system of its own in a temporary folder and fills it by `chargehouse demo`, or asks one that runs already
(`--address`, `--email`, `--password`, and `--pid` of its `chargehouse serve` to know its CPU). Signs in as that
administrator, and in the demonstration as somebody of each role as well, walks from page to page along links to find an
address for every route with a GET, and asks for each `--rounds` times over one connection. Prints a table for
docs/performance.md; `--write` puts it there. A route that no link leads to is told: it is missing in the table.

`--paint` opens each page in Chromium instead, with nothing kept, as a slow telephone has it (4 times slower,
1.6 Mbit/s, 150 ms there and back), and tells when something of it was first painted.

Time is what a page takes at the server, seen from a client on the same machine: first byte asked to last byte read,
without the files that it uses. Bytes are what crosses the wire when nothing is kept yet: the page and its style
sheets, scripts and pictures, compressed, without map tiles and the points of charts (which come by requests of their
own). CPU is what the processes spend on one request: portal, control API (with the node) and PostgreSQL. A busy machine
changes it far less than the time, so compare that.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from starlette.routing import Route

from benchmarks.machine import busy_seconds, free_port, python, running, tree
from webui.pages import ROUTES

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- portal:begin -->", "<!-- portal:end -->"
FILES: Final = re.compile(
    r"\.(csv|xlsx|pdf|pem|json|jsonl|txt|\{ending\})$|^/files/|/file$|/pictures/|/plan$|/my-data$|/images$"
)
"""Downloads and pictures: not pages."""
NOT_HERE: Final = ("/sign-in/return", "/sessions/exports/", "/account", "/signin/")
"""Steps of something under way, and an old address that leads on."""
PARTS: Final = frozenset({"/", "/stations/{key}/followed", "/stations/{key}/diagnostics/progress"})
"""Leads on to the dashboard; and parts of a page that are asked for while something goes on."""
DOCUMENT_WANTED: Final = "text/html,application/xhtml+xml,*/*;q=0.8"
"""What a browser says it accepts when it opens an address; scripts take anything."""
LOOKS: Final = 6
"""So many pages of one route are searched for links to others, while there are some that no link led to."""


@dataclass(frozen=True)
class Cpu:
    """What one request costs the three, in milliseconds."""

    portal: float = 0.0
    control: float = 0.0
    database: float = 0.0

    @property
    def whole(self) -> float:
        """Of all three."""
        return self.portal + self.control + self.database


@dataclass(frozen=True)
class Processes:
    """Who spends it; none when we do not know."""

    control: int = 0
    portal: frozenset[int] = frozenset()
    postmaster: int = 0

    @classmethod
    def of(cls, pid: int) -> Processes:
        """Of a `chargehouse serve`; 0: unknown."""
        if not pid:
            return cls()
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
        data = re.search(rb"--data-dir[=\0]([^\0]+)", line)
        file = Path(os.fsdecode(data[1])) / "pgdata/postmaster.pid" if data else None
        postmaster = int(file.read_text().split("\n")[0]) if file and file.exists() else 0
        portal = frozenset(one for one in tree(pid) if b"webui" in Path(f"/proc/{one}/cmdline").read_bytes())
        return cls(pid, portal, postmaster)

    def spent(self) -> dict[int, float]:
        """Until now, in seconds, each process that lives."""
        database = {self.postmaster, *tree(self.postmaster)} if self.postmaster else set()
        return {one: busy_seconds(one) for one in {self.control, *self.portal, *database} if one}

    def cost(self, before: Mapping[int, float], times: int) -> Cpu:
        """Of one of so many requests since then. A connection's process that ended meanwhile is left out."""
        now = self.spent()
        each = {one: (seconds - before.get(one, 0.0)) * 1000 / times for one, seconds in now.items()}
        portal = sum(each.pop(one, 0.0) for one in self.portal)
        control = each.pop(self.control, 0.0)
        return Cpu(portal, control, sum(each.values()))


@dataclass
class Page:
    """One route and what it took, in milliseconds and bytes."""

    route: str
    address: str
    client: Client
    text: str = ""
    uses: frozenset[str] = frozenset()
    times: list[float] = field(default_factory=list)
    cpu: Cpu = Cpu()
    html: int = 0
    whole: int = 0

    @property
    def p95(self) -> float:
        """Of the times."""
        return sorted(self.times)[max(0, -(-len(self.times) * 95 // 100) - 1)]

    @property
    def row(self) -> str:
        """Of the table."""
        parts = (self.cpu.portal, self.cpu.control, self.cpu.database, self.cpu.whole)
        cpu = " | ".join(f"{part:.1f}" if self.cpu.whole else "" for part in parts)
        return (
            f"| `{self.route}` | {statistics.median(self.times):.0f} | {self.p95:.0f} | {cpu} "
            f"| {self.html / 1000:.0f} | {self.whole / 1000:.0f} |"
        )


@dataclass(frozen=True)
class Answer:
    """Of one request; `size` is what crossed the wire, head and body; `took` in milliseconds."""

    status: int
    kind: str
    text: str
    size: int
    took: float


class Client:
    """One kept connection with cookies, as a browser's."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._to = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
        self._cookies: dict[str, str] = {}

    @property
    def cookies(self) -> list[tuple[str, str]]:
        """That a browser would have."""
        return list(self._cookies.items())

    def sign_in(self, email: str, password: str) -> None:
        """Ends the program when that does not work."""
        self.ask("/signin", urlencode({"email": email, "password": password}))
        if not self._cookies:
            sys.exit(f"{email} could not sign in at {self.address}. Give --email and --password of an administrator.")

    def close(self) -> None:
        """Its connection."""
        self._to.close()

    def ask(self, target: str, form: str | None = None, accept: str = DOCUMENT_WANTED) -> Answer:
        """One request. What is timed ends with the last byte, before the body is unpacked."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"accept": accept, "accept-encoding": "gzip", "cookie": cookies}
        if form is not None:
            headers |= {"origin": self.address, "content-type": "application/x-www-form-urlencoded"}
        method = "GET" if form is None else "POST"
        began = time.perf_counter()
        try:
            self._to.request(method, target, form, headers)
            got = self._to.getresponse()
        except ConnectionError:  # it was idle for longer than the portal keeps it
            self._to.close()
            began = time.perf_counter()
            self._to.request(method, target, form, headers)
            got = self._to.getresponse()
        body = got.read()
        took = (time.perf_counter() - began) * 1000
        for cookie in got.headers.get_all("set-cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        size = len(body) + sum(len(name) + len(value) + 4 for name, value in got.getheaders())
        if got.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        kind = got.headers.get("content-type", "")
        return Answer(got.status, kind, body.decode(errors="replace"), size, took)


class Links(HTMLParser):
    """What a page leads to, and what it uses."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.uses: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Of the parser."""
        given = {name: value or "" for name, value in attrs}
        if tag in ("script", "img") and given.get("src"):
            self.uses.add(given["src"])
        elif tag == "use" or (tag == "link" and given.get("rel") in ("stylesheet", "icon", "modulepreload")):
            self.uses.add(given.get("href", "").partition("#")[0])
        elif tag == "form":
            if given.get("method", "get").lower() == "get" and given.get("action"):
                self.targets.append(given["action"])
        else:
            self.targets += [given[name] for name in ("href", "hx-get", "data-src", "src") if given.get(name)]
        self.uses.discard("")


def walk(clients: Sequence[Client]) -> tuple[list[Page], list[str]]:
    """A page for each route that a link leads one of these to, and its bytes; and the routes that none leads to."""
    wanted = {route.path: route for route in ROUTES if isinstance(route, Route) and _measured(route)}
    found: dict[str, Page] = {}
    weighed: dict[str, int] = {}
    ways = [_Way(client, [path for path in wanted if "{" not in path]) for client in clients]
    for looks in (1, LOOKS):
        for way in ways:
            _explore(way, looks, wanted, found, weighed)
    return list(found.values()), sorted(wanted.keys() - found.keys())


@dataclass
class _Way:
    """How far a client has come: addresses to look at and to come back to, all that it knows, looks at each route."""

    client: Client
    ahead: list[str]
    later: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    looked: Counter[str] = field(default_factory=Counter)


def _explore(way: _Way, looks: int, wanted: dict[str, Route], found: dict[str, Page], weighed: dict[str, int]) -> None:
    """Until all is found, or so many pages of each route have been looked at."""
    client, ahead = way.client, way.ahead + way.later
    way.seen.update(ahead)
    way.ahead, way.later = [], []
    while ahead and len(found) < len(wanted):
        address = ahead.pop(0)
        path = _route_of(address.partition("?")[0], wanted)
        if path is None:
            continue
        if way.looked[path] >= looks:
            way.later.append(address)
            continue
        way.looked[path] += 1
        answer = client.ask(address)
        if answer.status != 200 or "html" not in answer.kind:
            continue
        links = Links(answer.text)
        if path not in found:
            uses = sum(_weight(client, urljoin(address, used), weighed) for used in links.uses)
            whole = answer.size + (uses if "<html" in answer.text else 0)
            found[path] = Page(path, address, client, answer.text, frozenset(links.uses), html=answer.size, whole=whole)
        for target in links.targets:
            there = urljoin(client.address + address, target).partition("#")[0]
            if there.startswith(client.address) and there not in way.seen:
                way.seen.add(there)
                ahead.append(there.removeprefix(client.address))


def _measured(route: Route) -> bool:
    if route.path in PARTS or route.path.startswith(NOT_HERE):
        return False
    return "GET" in (route.methods or ()) and not FILES.search(route.path)


def _route_of(path: str, wanted: dict[str, Route]) -> str | None:
    """As Starlette chooses: the first that matches, among all routes."""
    for route in ROUTES:
        if isinstance(route, Route) and "GET" in (route.methods or ()) and route.path_regex.match(path):
            return route.path if route.path in wanted else None
    return None


def _weight(client: Client, target: str, weighed: dict[str, int]) -> int:
    if target not in weighed:
        weighed[target] = client.ask(target).size
    return weighed[target]


def measure(pages: list[Page], rounds: int, pid: int) -> None:
    """Ask for each page so often, one after the other."""
    processes = Processes.of(pid)
    for page in pages:
        accept = DOCUMENT_WANTED if "<html" in page.text else "*/*"
        page.client.ask(page.address, accept=accept)
        before = processes.spent()
        page.times = [page.client.ask(page.address, accept=accept).took for _ in range(rounds)]
        page.cpu = processes.cost(before, rounds)


def table(pages: list[Page]) -> str:
    """In Markdown, the slowest page first."""
    heads = ("p50 ms", "p95 ms", "CPU ms: portal", "control", "PostgreSQL", "all", "page kB", "with its files kB")
    head = f"| page | {' | '.join(heads)} |\n| --- |{' ---: |' * len(heads)}"
    over = [page.route for page in pages if page.p95 >= 50]
    heavy = [page.route for page in pages if page.whole >= 100_000]
    cpu = sorted(page.cpu.whole for page in pages)
    end = (
        f"{len(pages)} pages; CPU of a request: median {statistics.median(cpu):.1f} ms, most {cpu[-1]:.1f} ms, all"
        f" together {sum(cpu):.0f} ms; over 50 ms at p95: {', '.join(over) or 'none'}; over 100 kB: "
        f"{', '.join(heavy) or 'none'}. "
        f"Python {platform.python_version()}, {os.cpu_count()} cores shared with others, load average "
        f"{os.getloadavg()[0]:.1f} at the end."
    )
    rows = sorted(pages, key=lambda page: -statistics.median(page.times))
    return "\n".join([head, *(page.row for page in rows)]) + f"\n\n{end}"


def paint(pages: list[Page]) -> None:
    """When each page was first painted on a slow telephone, the latest first; in milliseconds, the middle of three."""
    from playwright.sync_api import sync_playwright

    told: list[tuple[float, str]] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for page in pages:
            if "<html" not in page.text:
                continue
            context = browser.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
            context.add_cookies([{"name": k, "value": v, "url": page.client.address} for k, v in page.client.cookies])
            tab = context.new_page()
            tools = context.new_cdp_session(tab)
            tools.send("Network.enable")
            tools.send("Network.setCacheDisabled", {"cacheDisabled": True})
            speed = {"latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 94_000, "offline": False}
            tools.send("Network.emulateNetworkConditions", speed)
            tools.send("Emulation.setCPUThrottlingRate", {"rate": 4})
            times = []
            for _ in range(3):
                tab.goto(page.client.address + page.address)
                tab.wait_for_function("performance.getEntriesByName('first-contentful-paint').length")
                times.append(tab.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            told.append((statistics.median(times), page.route))
            context.close()
        browser.close()
    for took, route in sorted(told, reverse=True):
        print(f"{took:6.0f} ms  {route}")
    print(
        f"median {statistics.median(took for took, _ in told):.0f} ms, slowest {max(told)[0]:.0f} ms, {len(told)} pages"
    )


@contextmanager
def demo() -> Iterator[tuple[str, list[tuple[str, str]], int]]:
    """A system with the demo data: address, who may sign in with which password, pid."""
    email, password = "bench@example.org", "correct-horse-7"
    with tempfile.TemporaryDirectory(prefix="chargehouse-bench-") as folder:
        os.chmod(folder, 0o755)
        ocpp, control, portal = free_port(), free_port(), free_port()
        flags = [f"--data-dir={folder}/data", "--files-listen=127.0.0.1:0", "--log-level=warning"]
        flags += [f"--ocpp-listen=127.0.0.1:{ocpp}", f"--control-listen=127.0.0.1:{control}"]
        flags += [f"--portal-listen=127.0.0.1:{portal}"]
        first = {"CHARGEHOUSE_ADMIN_EMAIL": email, "CHARGEHOUSE_ADMIN_PASSWORD": password}
        with running(python("csms", "serve", *flags), portal, environment=first) as pid:
            key = python("csms", "key", "create", "--name=bench", "--role=administrator", flags[0])
            made = subprocess.run(key, capture_output=True, text=True, check=True).stdout.split()[-1]
            there = [f"--control=127.0.0.1:{control}", f"--ocpp=ws://127.0.0.1:{ocpp}/ocpp", f"--api-key={made}"]
            said = subprocess.run(python("csms", "demo", *there), check=True, capture_output=True, text=True).stdout
            yield f"http://127.0.0.1:{portal}", [(email, password), *sign_ins(said)], pid


def sign_ins(said: str) -> list[tuple[str, str]]:
    """E-mail and password of one of each role, from what `chargehouse demo` said."""
    password = re.search(r"password (\S+)", said)
    by_role = {role: email for email, role in reversed(re.findall(r"(\S+@\S+)\s+\(([a-z ]+)\)", said))}
    return [(email, password[1]) for email in by_role.values()] if password else []


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.portal", description=__doc__)
    parser.add_argument("--address", default="", help="of a portal that runs already, as http://127.0.0.1:8080")
    parser.add_argument("--email", default="admin@example.org")
    parser.add_argument("--password", default="correct-horse-7")
    parser.add_argument("--pid", type=int, default=0, help="of the chargehouse serve behind --address")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="", help="pages whose route has this in it")
    parser.add_argument("--paint", action="store_true", help="when pages are first painted on a slow telephone")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    given = (options.address, [(options.email, options.password)], options.pid)
    with nullcontext(given) if options.address else demo() as (address, people, pid):
        clients = [Client(address) for _ in people]
        for client, (email, password) in zip(clients, people, strict=True):
            client.sign_in(email, password)
        found, missing = walk(clients)
        for path in missing:
            print(f"no link leads to {path}", file=sys.stderr)
        pages = [page for page in found if options.only in page.route]
        if options.paint:
            paint(pages)
            return
        measure(pages, options.rounds, pid)
    result = table(pages)
    print(result)
    if options.write:
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{result}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
