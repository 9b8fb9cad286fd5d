"""`python -m benchmarks.portal`: what each page of the portal takes, in time, CPU and bytes, on the demo data.

Starts a system of its own in a temporary folder and fills it by `chargehouse demo`, or asks one that runs already
(`--address`, `--email`, `--password`, and `--pid` of its `chargehouse serve` to know its CPU). Signs in as that
administrator, walks from page to page along links to find an address for every route with a GET, and asks for each
`--rounds` times over one connection. Prints a table for docs/performance.md; `--write` puts it there.

Time is what a page takes at the server, seen from a client on the same machine: first byte asked to last byte read,
without the files that it uses. Bytes are what crosses the wire when nothing is kept yet: the page and its style
sheets, scripts and pictures, compressed, without map tiles and the points of charts (which come by requests of their
own). CPU is what portal, control API and PostgreSQL spend on one request, together.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import urlencode, urljoin, urlsplit

from starlette.routing import Route

from benchmarks.machine import cpu_seconds, free_port, python, running, tree
from webui.pages import ROUTES

DOCUMENT: Final = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- portal:begin -->", "<!-- portal:end -->"
FILES: Final = re.compile(r"\.(csv|xlsx|pdf|pem|jsonl|txt|\{ending\})$|^/files/|/file$|/pictures/|/my-data$|/images$")
"""Downloads and pictures: not pages."""
NOT_HERE: Final = ("/sign-in/return", "/sessions/exports/", "/account", "/signin/")
"""Steps of something under way, and an old address that leads on."""


@dataclass
class Page:
    """One route and what it took, in milliseconds and bytes."""

    route: str
    address: str
    times: list[float] = field(default_factory=list)
    cpu: float = 0.0
    html: int = 0
    whole: int = 0

    @property
    def p95(self) -> float:
        """Of the times."""
        return sorted(self.times)[max(0, -(-len(self.times) * 95 // 100) - 1)]

    @property
    def row(self) -> str:
        """Of the table."""
        cpu = f"{self.cpu:.0f}" if self.cpu else ""
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

    def sign_in(self, email: str, password: str) -> None:
        """Ends the program when that does not work."""
        self.ask("/signin", urlencode({"email": email, "password": password}))
        if not self._cookies:
            sys.exit(f"{email} could not sign in at {self.address}. Give --email and --password of an administrator.")

    def ask(self, target: str, form: str | None = None) -> Answer:
        """One request. What is timed ends with the last byte, before the body is unpacked."""
        headers = {"accept-encoding": "gzip", "cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items())}
        if form is not None:
            headers |= {"origin": self.address, "content-type": "application/x-www-form-urlencoded"}
        began = time.perf_counter()
        self._to.request("GET" if form is None else "POST", target, form, headers)
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
        else:
            self.targets += [given[name] for name in ("href", "hx-get", "data-src", "src") if given.get(name)]
        self.uses.discard("")


def walk(client: Client) -> list[Page]:
    """An address for each route that a link leads to, and its bytes; the rest is told on stderr."""
    wanted = {route.path: route for route in ROUTES if isinstance(route, Route) and _measured(route)}
    found: dict[str, Page] = {}
    ahead = [route.path for route in wanted.values() if "{" not in route.path]
    seen, weighed = set(ahead), dict[str, int]()
    while ahead and len(found) < len(wanted):
        address = ahead.pop(0)
        path = _route_of(address.partition("?")[0], wanted)
        if path is None or path in found:
            continue
        answer = client.ask(address)
        if answer.status != 200 or "html" not in answer.kind:
            continue
        links = Links(answer.text)
        uses = sum(_weight(client, urljoin(address, used), weighed) for used in links.uses)
        whole = answer.size + (uses if "<html" in answer.text else 0)
        found[path] = Page(path, address, html=answer.size, whole=whole)
        for target in links.targets:
            there = urljoin(client.address + address, target).partition("#")[0]
            if there.startswith(client.address) and there not in seen:
                seen.add(there)
                ahead.append(there.removeprefix(client.address))
    for path in sorted(wanted.keys() - found.keys()):
        print(f"no link leads to {path}", file=sys.stderr)
    return list(found.values())


def _measured(route: Route) -> bool:
    return "GET" in (route.methods or ()) and not FILES.search(route.path) and not route.path.startswith(NOT_HERE)


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


def measure(client: Client, pages: list[Page], rounds: int, pid: int) -> None:
    """Ask for each page so often, one after the other."""
    for page in pages:
        client.ask(page.address)
        before = _cpu(pid)
        page.times = [client.ask(page.address).took for _ in range(rounds)]
        page.cpu = (_cpu(pid) - before) * 1000 / rounds


def _cpu(pid: int) -> float:
    """Seconds of the server, its portal and its PostgreSQL; 0 when we do not know its process."""
    if not pid:
        return 0.0
    data = re.search(rb"--data-dir[=\0]([^\0]+)", Path(f"/proc/{pid}/cmdline").read_bytes())
    pids = {pid, *tree(pid)}
    if data and (file := Path(os.fsdecode(data[1])) / "pgdata/postmaster.pid").exists():
        postmaster = int(file.read_text().split("\n")[0])
        pids |= {postmaster, *tree(postmaster)}
    return sum(cpu_seconds(one) for one in pids)


def table(pages: list[Page]) -> str:
    """In Markdown, the slowest page first."""
    head = (
        "| page | p50 ms | p95 ms | CPU ms | page kB | with its files kB |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    )
    over = [page.route for page in pages if page.p95 >= 50]
    heavy = [page.route for page in pages if page.whole >= 100_000]
    end = (
        f"{len(pages)} pages; over 50 ms at p95: {', '.join(over) or 'none'}; over 100 kB: "
        f"{', '.join(heavy) or 'none'}. "
        f"Python {platform.python_version()}, {os.cpu_count()} cores shared with others, load average "
        f"{os.getloadavg()[0]:.1f} at the end."
    )
    rows = sorted(pages, key=lambda page: -statistics.median(page.times))
    return "\n".join([head, *(page.row for page in rows)]) + f"\n\n{end}"


@contextmanager
def demo() -> Iterator[tuple[str, str, str, int]]:
    """A system with the demo data: address, e-mail, password, pid."""
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
            subprocess.run(python("csms", "demo", *there), check=True, stdout=subprocess.DEVNULL)
            yield f"http://127.0.0.1:{portal}", email, password, pid


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="benchmarks.portal", description=__doc__)
    parser.add_argument("--address", default="", help="of a portal that runs already, as http://127.0.0.1:8080")
    parser.add_argument("--email", default="admin@example.org")
    parser.add_argument("--password", default="correct-horse-7")
    parser.add_argument("--pid", type=int, default=0, help="of the chargehouse serve behind --address")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="", help="pages whose route has this in it")
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    given = (options.address, options.email, options.password, options.pid)
    with nullcontext(given) if options.address else demo() as (address, email, password, pid):
        client = Client(address)
        client.sign_in(email, password)
        pages = [page for page in walk(client) if options.only in page.route]
        measure(client, pages, options.rounds, pid)
    result = table(pages)
    print(result)
    if options.write:
        before, _, rest = DOCUMENT.read_text().partition(BEGIN)
        DOCUMENT.write_text(f"{before}{BEGIN}\n{result}\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main()
