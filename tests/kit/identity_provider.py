"""An identity provider on this machine (OpenID Connect): a page on which one says who one is, and signed tokens."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT: Final = "chargehouse"
SECRET: Final = "a-shared-secret"
JSON: Final = "application/json"


@dataclass
class Provider:
    """`people`: what stands on a button → what the token will claim of them."""

    address: str
    people: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The queries that browsers came with."""
    broken: bool = False
    """Its token endpoint fails."""
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))
    codes: dict[str, tuple[dict[str, str], dict[str, Any]]] = field(default_factory=dict)

    def document(self) -> dict[str, str]:
        """What discovery finds."""
        ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        return {"issuer": self.address, **{name: f"{self.address}/{path}" for name, path in ends.items()}}

    def page(self, query: dict[str, str]) -> str:
        """Who are you?"""
        self.asked.append(query)
        carried = html.escape(json.dumps(query), quote=True)
        buttons = "".join(f"<button name='who' value='{who}'>{who}</button>" for who in [*self.people, "Nobody"])
        return (
            "<!doctype html><html lang='en'><title>Identity provider</title><h1>Who are you?</h1>"
            f"<form action='/chosen'><input type='hidden' name='query' value='{carried}'>{buttons}</form></html>"
        )

    def chosen(self, query: dict[str, str], who: str) -> str:
        """Where the browser goes with the answer."""
        if who not in self.people:
            return query["redirect_uri"] + "?" + urlencode({"error": "access_denied", "state": query["state"]})
        code = secrets.token_urlsafe(16)
        self.codes[code] = query, self.people[who]
        return query["redirect_uri"] + "?" + urlencode({"code": code, "state": query["state"]})

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, str]]:
        """Status and content: a token for a code that comes with its verifier, once."""
        if self.broken:
            return 503, {}
        query, claims = self.codes.pop(form.get("code", ""), ({}, {}))
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        known = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if authorization != f"Basic {known}":
            return 401, {"error": "invalid_client"}
        if not query or proof.rstrip(b"=").decode() != query["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        moment = int(time.time())
        ours = {"iss": self.address, "aud": CLIENT, "iat": moment, "exp": moment + 300, "nonce": query["nonce"]}
        token = jwt.encode({"alg": "RS256", "kid": "k1"}, {**ours, **claims}, self.key)
        return 200, {"access_token": "unused", "token_type": "Bearer", "id_token": token}


def _door(provider: Provider) -> type[BaseHTTPRequestHandler]:
    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = _single(parts.query)
            if parts.path == "/.well-known/openid-configuration":
                self._answer(200, JSON, json.dumps(provider.document()))
            elif parts.path == "/keys":
                self._answer(200, JSON, json.dumps(KeySet([provider.key]).as_dict(private=False)))
            elif parts.path == "/authorize":
                self._answer(200, "text/html", provider.page(query))
            elif parts.path == "/chosen":
                there = provider.chosen(json.loads(query["query"]), query["who"])
                self._answer(303, "text/plain", "", location=there)
            else:
                self._answer(404, "text/plain", "")

        def do_POST(self) -> None:
            form = _single(self.rfile.read(int(self.headers.get("content-length", "0"))).decode())
            status, content = provider.redeem(form, self.headers.get("authorization", ""))
            self._answer(status, JSON, json.dumps(content))

        def _answer(self, status: int, kind: str, body: str, **headers: str) -> None:
            self.send_response(status)
            for name, value in {"content-type": kind, "content-length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            """Not on stderr."""

    return Door


def _single(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


@contextmanager
def identity_provider() -> Iterator[Provider]:
    """One that serves until the block ends."""
    provider = Provider("")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _door(provider))
    server.daemon_threads = True
    provider.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
