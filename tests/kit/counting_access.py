"""Credentials in memory that count how often they are looked up."""

from __future__ import annotations

from datetime import datetime

from csms.domain.access import User
from tests.kit.fake_stores import FakeAccess


class CountingAccess(FakeAccess):
    """`looked_up` counts the queries for credentials."""

    def __init__(self) -> None:
        super().__init__()
        self.looked_up = 0

    async def find_sign_in(self, digest: bytes, now: datetime) -> User | None:
        self.looked_up += 1
        return await super().find_sign_in(digest, now)
