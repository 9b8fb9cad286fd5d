"""The portal's settings: where it listens, where the control plane is, under which address people see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set. ``public_url`` is only needed behind a proxy that changes host or scheme."""

    listen_host: str = "127.0.0.1"
    listen_port: int = 8080
    control_address: str = "127.0.0.1:50051"
    control_ca: Path | None = None
    public_url: str = ""
    monitor_listen: str = ""
    """HOST:PORT of the portal's own metrics; empty: nowhere."""
    captcha: str = "failures"
    """Who answers a question at sign-in: `failures` (after the second), `always` everybody, `never` anybody."""
    shutdown_s: float = 3.0

    @property
    def public_origin(self) -> str:
        """Scheme and host of ``public_url``, empty when it is not set."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def split_listen(text: str) -> tuple[str, int]:
    """``host:port`` in two; IPv6 hosts stand in brackets. Raises ValueError with a sentence."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"“{text}” is not HOST:PORT, for example 127.0.0.1:8080.")
    return host.strip("[]"), int(port)
