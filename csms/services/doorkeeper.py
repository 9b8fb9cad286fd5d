"""Keeps what stations proved at the door, and what somebody failed to prove: counted, in the event log, in the message
log, and on the station's page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import msgspec
import structlog
import trio

from csms.actors.supervise import contain
from csms.domain.errors import DomainError, Unavailable
from csms.domain.records import EventRecord
from csms.ports.feed import Feed, Subject
from csms.ports.journal import Journal
from csms.ports.message_log import Direction, MessageLog
from csms.ports.stores import RefusedAttempts, StationRow, StationStore

_log = structlog.get_logger("csms.doorkeeper")

CONNECTION_REFUSED: Final = "ConnectionRefused"
PASSWORD_CHANGED: Final = "PasswordChanged"  # noqa: S105  the kind of an event
SECURITY_PROFILE_CHANGED: Final = "SecurityProfileChanged"
WARNING, NOTICE = 5, 6
"""Severities of OCPP 2.0.1 part 2, N07."""

GATHER_SECONDS: Final = 10.0
"""A station's first refusal is noted at once; those that follow within this time are noted together."""
TICK_SECONDS: Final = 1.0
"""Between two statements, whatever comes."""
MAX_IDENTITIES: Final = 1_000
"""As which refusals are gathered; further identities wait for the next round (who guesses identities fills nothing)."""
MAX_ADDRESSES: Final = 5
PROFILES: Final = (
    "no proof (profile 0)",
    "a password (profile 1)",
    "a password, by TLS (profile 2)",
    "a certificate of its own (profile 3)",
)


@dataclass(slots=True)
class _Refused:
    """Refusals as one identity, not noted yet."""

    first_at: datetime
    at: datetime
    reason: str
    sentence: str
    remote_address: str
    count: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    addresses: list[str] = field(default_factory=list)

    def go_on_with(self, newer: _Refused) -> None:
        """What came while these could not be noted."""
        self.at, self.reason, self.sentence = newer.at, newer.reason, newer.sentence
        self.remote_address = newer.remote_address
        self.count += newer.count
        for reason, count in newer.reasons.items():
            self.reasons[reason] = self.reasons.get(reason, 0) + count
        self.addresses = list(dict.fromkeys([*self.addresses, *newer.addresses]))[:MAX_ADDRESSES]


class Doorkeeper:
    """`refused` is sync and cheap, since there may be a flood; `run` must be running, else nothing is kept.

    However many come: one entry in each of a station's logs every `GATHER_SECONDS`, and one statement for all stations
    every `TICK_SECONDS`.
    """

    def __init__(
        self,
        stations: StationStore,
        journal: Journal,
        message_log: MessageLog,
        feed: Feed,
        *,
        now: Callable[[], datetime],
        gather_s: float = GATHER_SECONDS,
    ) -> None:
        self._stations = stations
        self._journal = journal
        self._message_log = message_log
        self._feed = feed
        self._now = now
        self._gather_s = gather_s
        self._waiting: dict[str, _Refused] = {}
        self._noted_at: dict[str, float] = {}  # within the last `gather_s`
        self._came = trio.Event()

    def refused(self, identity: str, remote_address: str, reason: str, sentence: str) -> None:
        """Somebody failed to prove to be this station, or one that does not exist. `reason` is one word."""
        now = self._now()
        found = self._waiting.get(identity)
        if found is None:
            if len(self._waiting) >= MAX_IDENTITIES:
                return
            found = self._waiting[identity] = _Refused(now, now, reason, sentence, remote_address)
        # "Wait" says less than what was wrong before.
        if reason != "TOO_MANY_ATTEMPTS" or found.reason == "TOO_MANY_ATTEMPTS":
            found.reason, found.sentence = reason, sentence
        found.at, found.remote_address = now, remote_address
        found.count += 1
        found.reasons[reason] = found.reasons.get(reason, 0) + 1
        if remote_address not in found.addresses and len(found.addresses) < MAX_ADDRESSES:
            found.addresses.append(remote_address)
        self._came.set()

    async def signed_in(self, row: StationRow, security_profile: int, password_hash: str | None) -> None:
        """It proved more than before: a higher profile, or the new password with this hash. Raises Unavailable."""
        await self._stations.note_sign_in(row.id, security_profile, password_hash)
        now = self._now()
        if password_hash is not None:
            sentence = "The station signed in with its new password. The old one is no longer valid."
            self._tell(EventRecord(row.id, now, now, PASSWORD_CHANGED, sentence, severity=NOTICE))
        if security_profile > row.security_profile:
            sentence = f"The station proved {PROFILES[security_profile]}. From now on it may not come with less."
            body = msgspec.json.encode({"from": row.security_profile, "to": security_profile})
            self._tell(EventRecord(row.id, now, now, SECURITY_PROFILE_CHANGED, sentence, severity=NOTICE, body=body))
        self._feed.publish(Subject.STATION, row.id)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Until cancelled."""
        task_status.started()
        while True:
            await self._came.wait()
            self._came = trio.Event()
            await contain(self.flush, _report)
            await trio.sleep(TICK_SECONDS)
            if self._waiting:
                self._came.set()

    async def flush(self) -> None:
        """Note what is due. While the database is away it goes on waiting."""
        waiting = self._take_due()
        if not waiting:
            return
        refusals = [
            RefusedAttempts(identity, each.count, each.at, each.reason, each.remote_address)
            for identity, each in waiting.items()
        ]
        try:
            known = await self._stations.note_refusals(refusals)
        except Unavailable:
            for identity, newer in self._waiting.items():
                if identity in waiting:
                    waiting[identity].go_on_with(newer)
                elif len(waiting) < MAX_IDENTITIES:
                    waiting[identity] = newer
            self._waiting = waiting
            return
        for identity, station_id in known:
            self._note(station_id, waiting[identity])
            self._feed.publish(Subject.STATION, station_id)

    def _take_due(self) -> dict[str, _Refused]:
        """Those of which nothing was noted lately."""
        now = trio.current_time()
        self._noted_at = {identity: at for identity, at in self._noted_at.items() if at + self._gather_s > now}
        due = {identity: each for identity, each in self._waiting.items() if identity not in self._noted_at}
        for identity in due:
            del self._waiting[identity]
            self._noted_at[identity] = now
        return due

    def _note(self, station_id: int, refused: _Refused) -> None:
        if refused.count == 1:
            sentence = f"A connection from {refused.remote_address} was refused: {refused.sentence}"
        else:
            sentence = (
                f"{refused.count} connections were refused, the last one from {refused.remote_address}:"
                f" {refused.sentence}"
            )
        body = msgspec.json.encode(
            {
                "count": refused.count,
                "since": refused.first_at,
                "reasons": refused.reasons,
                "remoteAddresses": refused.addresses,
            }
        )
        self._tell(
            EventRecord(station_id, refused.at, self._now(), CONNECTION_REFUSED, sentence, severity=WARNING, body=body)
        )

    def _tell(self, record: EventRecord) -> None:
        """In both logs. Nobody waits for it: it is in the station's row as well."""
        self._message_log.record(record.station_id, Direction.REMARK, record.summary)
        self._journal.put([record])


def _report(error: Exception) -> None:
    if isinstance(error, DomainError):
        _log.warning("refused connections could not be noted", reason=error.message)
    else:
        _log.error("refused connections could not be noted", exc_info=error)
