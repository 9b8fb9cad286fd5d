"""Certificates of stations and vehicles, and security events (OCPP 2.x blocks A and M; 1.6 security extension)."""

from __future__ import annotations

from typing import Final

from csms.domain.applying import Handler
from csms.domain.facts import Fact

HANDLERS: Final[dict[type[Fact], Handler]] = {}
