"""Webhooks on their way: a signed POST, to public addresses unless a setting allows others."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime
from typing import Final

from csms.outbox.guarded_http import GuardedHttp, Unreachable
from csms.ports.webhooks import Answered

TIMEOUT_SECONDS: Final = 15.0
MAX_ANSWER: Final = 64 * 1024


def signature_of(secret: str, timestamp: int, body: str) -> str:
    """`v1=` and the HMAC-SHA256 of "timestamp.body", in hexadecimal."""
    digest = hmac.new(secret.encode(), f"{timestamp}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"v1={digest}"


class HttpWebhooks:
    """csms.ports.webhooks.WebhookCaller. Whoever makes the client closes it."""

    def __init__(self, http: GuardedHttp, *, now: Callable[[], datetime]) -> None:
        self._http = http
        self._now = now

    async def post(self, url: str, secret: str, delivery_id: int, body: str) -> Answered:
        """See `WebhookCaller.post`."""
        timestamp = int(self._now().timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "chargehouse",
            "chargehouse-delivery": str(delivery_id),
            "chargehouse-timestamp": str(timestamp),
            "chargehouse-signature": signature_of(secret, timestamp, body),
        }
        try:
            answer = await self._http.request(
                "POST", url, headers=headers, body=body.encode(), timeout=TIMEOUT_SECONDS, max_answer=MAX_ANSWER
            )
        except Unreachable as error:
            return Answered(None, error.message)
        if 200 <= answer.status < 300:
            return Answered(answer.status)
        if answer.status == 410:
            return Answered(answer.status, "The other side says that it is gone for good (410).", hopeless=True)
        return Answered(answer.status, f"The other side answered {answer.status}.")
