"""What everybody may read of the installation: its name, its imprint, whom to ask. Kept for some seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Final

import msgspec

from webui.api import Client
from webui.api.channel import Control
from webui.values import ApiError

KEPT_S: Final = 5.0
PATIENCE_S: Final = 1.0
"""Pages do not wait longer for their title."""
NAME: Final = "Chargehouse"


class PublicInfo(msgspec.Struct, frozen=True, kw_only=True):
    """See GetPublicInfoResponse."""

    title: str = NAME
    organization: str = ""
    support_email: str = ""
    support_phone: str = ""
    imprint: str = ""
    privacy: str = ""
    language: str = ""


class Notice:
    """The last that was heard."""

    def __init__(self) -> None:
        self.info = PublicInfo()
        self._when = 0.0
        self._reading = asyncio.Lock()

    async def refresh(self, control: Control) -> PublicInfo:
        """Read it if it is old. When the control plane is away, what was heard last goes on to count."""
        if self._when and time.monotonic() - self._when < KEPT_S:
            return self.info
        async with self._reading:
            if not self._when or time.monotonic() - self._when >= KEPT_S:
                self._when = time.monotonic()
                with contextlib.suppress(ApiError):  # the page itself will say that nobody answers
                    self.info = await Client(control, "").desk.ask(
                        "SystemService/GetPublicInfo", PublicInfo, timeout_s=PATIENCE_S
                    )
        return self.info

    def forget(self) -> None:
        """It was changed here."""
        self._when = 0.0
