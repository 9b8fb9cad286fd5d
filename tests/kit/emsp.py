"""An e-mobility service provider for tests: OCPI 2.2.1 on a real HTTP server, written by hand and strict.

It shares nothing with the server. What it gets is checked against `tests.kit.ocpi_schemas`; what is wrong is kept
in `complaints`, which a test looks at in the end, and refused with 2001.
"""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

import trio

from tests.kit.ocpi_schemas import check

T = TypeVar("T")
PATIENCE = 60.0


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Refused(Exception):
    """The other side said no."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(f"HTTP {status}, {code}: {message}")
        self.status, self.code, self.message = status, code, message


@dataclass
class Answer:
    """What the other side answered well."""

    data: Any
    headers: dict[str, str]


@dataclass
class Emsp:
    """`handed`: token A of ours, for those who register with us. `ours`: what the other side shows from then on."""

    country: str = "NL"
    party: str = "TNM"
    name: str = "The Moving Company"
    port: int = 0
    handed: str = field(default_factory=lambda: secrets.token_hex(16))
    ours: str = ""
    theirs: str = ""
    endpoints: dict[tuple[str, str], str] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    decide: Callable[[str], str] = lambda uid: "ALLOWED"
    locations: dict[str, dict[str, Any]] = field(default_factory=dict)
    sessions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    cdrs: list[dict[str, Any]] = field(default_factory=list)
    tariffs: dict[str, dict[str, Any]] = field(default_factory=dict)
    results: list[dict[str, Any]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """uids that the other side wanted to be decided."""
    complaints: list[str] = field(default_factory=list)
    patches: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    out_of_order: int = 0
    """HTTP status that everything is answered with; 0: none."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ocpi"

    # -- asking the other side ---------------------------------------------------------------------------------------

    def call(self, method: str, url: str, body: Any = None, *, token: str = "", raw: bool = False) -> Answer:
        """Raises Refused. Checks the envelope and that our ids come back."""
        token = token or self.theirs
        request_id = secrets.token_hex(8)
        headers = {
            "Authorization": "Token " + (token if raw else base64.b64encode(token.encode()).decode()),
            "X-Request-ID": request_id,
            "X-Correlation-ID": request_id,
            "Content-Type": "application/json",
        }
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as response:
                content, got = response.read(), {key.lower(): value for key, value in response.headers.items()}
        except urllib.error.HTTPError as error:
            told = json.loads(error.read() or b"{}")
            raise Refused(error.code, told.get("status_code", 0), told.get("status_message", "")) from None
        assert got.get("x-request-id") == request_id
        assert got.get("x-correlation-id") == request_id
        envelope = json.loads(content)
        assert set(envelope) <= {"data", "status_code", "status_message", "timestamp"}
        assert envelope["timestamp"].endswith("Z")
        if envelope["status_code"] != 1000:
            raise Refused(200, envelope["status_code"], envelope.get("status_message", ""))
        return Answer(envelope.get("data"), got)

    async def ask(self, method: str, url: str, body: Any = None, **more: Any) -> Answer:
        """`call`, from trio."""
        return await trio.to_thread.run_sync(partial(self.call, method, url, body, **more))

    def register(self, versions_url: str, token_a: str) -> None:
        """Begin the registration at a CPO that has invited us (part 7)."""
        self._read_versions(versions_url, token_a)
        self.ours = secrets.token_hex(16)
        told = self.call("POST", self.endpoints["credentials", "SENDER"], self._credentials(), token=token_a)
        check("Credentials", told.data)
        self.theirs = told.data["token"]

    def renew(self) -> None:
        """PUT of new credentials."""
        self.ours = secrets.token_hex(16)
        told = self.call("PUT", self.endpoints["credentials", "SENDER"], self._credentials())
        self.theirs = told.data["token"]

    def _read_versions(self, versions_url: str, token: str) -> None:
        versions = self.call("GET", versions_url, token=token).data
        for version in versions:
            check("Version", version)
        url = next(each["url"] for each in versions if each["version"] == "2.2.1")
        details = self.call("GET", url, token=token).data
        check("VersionDetails", details)
        self.endpoints = {(each["identifier"], each["role"]): each["url"] for each in details["endpoints"]}

    def pull(self, module: str, name: str, **query: Any) -> list[Any]:
        """All pages of a list; each object checked."""
        url = self.endpoints[module, "SENDER"]
        if query:
            url += "?" + urllib.parse.urlencode(query)
        found: list[Any] = []
        while url:
            page = self.call("GET", url)
            assert page.headers["x-total-count"].isdecimal()
            assert page.headers["x-limit"].isdecimal()
            for each in page.data:
                check(name, each)
            found += page.data
            link = page.headers.get("link", "")
            url = link[1 : link.index(">")] if 'rel="next"' in link else ""
        assert len(found) == int(page.headers["x-total-count"])
        return found

    def _credentials(self) -> dict[str, Any]:
        role = {
            "role": "EMSP",
            "business_details": {"name": self.name},
            "party_id": self.party,
            "country_code": self.country,
        }
        return {"token": self.ours, "url": f"{self.url}/versions", "roles": [role]}

    # -- tokens ------------------------------------------------------------------------------------------------------

    def token(self, uid: str, whitelist: str = "ALLOWED", **more: Any) -> dict[str, Any]:
        """A token of a customer, kept for who asks for all of them."""
        made = {
            "country_code": self.country,
            "party_id": self.party,
            "uid": uid,
            "type": "RFID",
            "contract_id": f"{self.country}{self.party}C{uid[:12]}",
            "issuer": self.name,
            "valid": True,
            "whitelist": whitelist,
            "last_updated": now(),
            **more,
        }
        self.tokens[uid] = made
        return made

    def token_url(self, uid: str) -> str:
        return f"{self.endpoints['tokens', 'RECEIVER']}/{self.country}/{self.party}/{uid}"

    # -- waiting -----------------------------------------------------------------------------------------------------

    async def until(self, look: Callable[[], T], what: str = "") -> T:
        """Look again and again until it is something. Raises AssertionError."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with self.lock:
                seen = look()
            if seen:
                return seen
            await trio.sleep(0.05)
        raise AssertionError(f"never {what or 'as wanted'}; complaints: {self.complaints}")

    # -- being asked -------------------------------------------------------------------------------------------------

    def answer(self, method: str, path: str, query: dict[str, str], token: str, body: Any) -> tuple[int, int, Any]:
        """(HTTP status, OCPI status, data)."""
        parts = [urllib.parse.unquote(part) for part in path.strip("/").split("/")][1:]
        invited = token == self.handed
        if not token or token not in (self.ours, self.handed):
            return 401, 2000, None
        base = f"{self.url}/2.2.1"
        match method, parts:
            case "GET", ["versions"]:
                return 200, 1000, [{"version": "2.1.1", "url": f"{self.url}/2.1.1"}, {"version": "2.2.1", "url": base}]
            case "GET", ["2.2.1"]:
                modules = [("credentials", "SENDER"), ("tokens", "SENDER")]
                modules += [(name, "RECEIVER") for name in ("locations", "sessions", "cdrs", "tariffs")]
                endpoints = [{"identifier": name, "role": role, "url": f"{base}/{name}"} for name, role in modules]
                return 200, 1000, {"version": "2.2.1", "endpoints": endpoints}
            case "POST" | "PUT", ["2.2.1", "credentials"]:
                if (method == "POST") is not invited:
                    return 405, 2000, None
                check("Credentials", body)
                self.theirs = body["token"]
                self._read_versions(body["url"], self.theirs)
                self.ours = secrets.token_hex(16)
                return 200, 1000, self._credentials()
            case "DELETE", ["2.2.1", "credentials"]:
                self.ours = self.theirs = ""
                return 200, 1000, None
        if invited:
            return 401, 2000, None
        return self._module(method, parts[1:], query, body)

    def _module(self, method: str, parts: list[str], query: dict[str, str], body: Any) -> tuple[int, int, Any]:
        match method, parts:
            case "GET", ["tokens"]:
                return 200, 1000, list(self.tokens.values())
            case "POST", ["tokens", uid, "authorize"]:
                if body is not None:
                    check("LocationReferences", body)
                self.asked.append(uid)
                info = {"allowed": self.decide(uid), "token": self.tokens[uid], "authorization_reference": "REF-" + uid}
                return 200, 1000, info
            case "PUT", ["locations", country, party, key]:
                check("Location", body)
                assert (body["country_code"], body["party_id"], body["id"]) == (country, party, key)
                self.locations[key] = body
                return 200, 1000, None
            case "PATCH", ["locations", _, _, key, uid]:
                assert "last_updated" in body
                if key not in self.locations:
                    return 404, 2003, None
                self.patches.append((uid, body))
                next(evse for evse in self.locations[key]["evses"] if evse["uid"] == uid).update(body)
                check("Location", self.locations[key])
                return 200, 1000, None
            case "PUT", ["sessions", country, party, key]:
                check("Session", body)
                assert (body["country_code"], body["party_id"], body["id"]) == (country, party, key)
                self.sessions.setdefault(key, []).append(body)
                return 200, 1000, None
            case "POST", ["cdrs"]:
                check("Cdr", body)
                assert body["id"] not in {each["id"] for each in self.cdrs}, "a record never changes"
                self.cdrs.append(body)
                return 200, 1000, None
            case "PUT", ["tariffs", _, _, key]:
                check("Tariff", body)
                self.tariffs[key] = body
                return 200, 1000, None
            case "DELETE", ["tariffs", _, _, key]:
                return (200, 1000, None) if self.tariffs.pop(key, None) else (404, 2000, None)
            case "POST", ["results", name]:
                check("CommandResult", body)
                self.results.append({"for": name, **body})
                return 200, 1000, None
        return 404, 2000, None


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, emsp: Emsp, *args: Any) -> None:
        self.emsp = emsp
        super().__init__(*args)

    def log_message(self, *args: Any) -> None:
        """Quietly."""

    def handle_one(self) -> None:
        emsp = self.emsp
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        target = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(target.query))
        scheme, _, shown = self.headers.get("Authorization", "").partition(" ")
        message = ""
        if emsp.out_of_order:
            status, code, data = emsp.out_of_order, 3000, None
        else:
            try:
                assert scheme == "Token"
                assert self.headers.get("X-Request-ID")
                assert self.headers.get("X-Correlation-ID")
                token = base64.b64decode(shown, validate=True).decode()
                body = json.loads(content) if content else None
                with emsp.lock:
                    status, code, data = emsp.answer(self.command, target.path, query, token, body)
            except (AssertionError, ValueError, KeyError) as error:
                emsp.complaints.append(f"{self.command} {target.path}: {error!r}")
                status, code, data, message = 200, 2001, None, repr(error)[:200]
        envelope: dict[str, Any] = {"status_code": code, "timestamp": now()}
        if data is not None:
            envelope["data"] = data
        if message:
            envelope["status_message"] = message
        told = json.dumps(envelope).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one


@contextlib.contextmanager
def emsp(**more: Any) -> Iterator[Emsp]:
    """Serves inside the block, on a free port."""
    made = Emsp(**more)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, made))
    server.daemon_threads = True
    made.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
