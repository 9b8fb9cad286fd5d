"""The station's own books, and their comparison with what the server says.

A station writes down every session as it lived it. At the end the books are compared with the server's
list, exactly: nothing may be missing, doubled or altered. Energy is in Wh, times are UTC.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

TransactionId = int | str
"""Up to OCPP 1.6 the server gives a number, from 2.0.1 on the station chooses a text."""

Quantities = Mapping[str, float]
"""What a sample says beside the energy register: by measurand, with its phase after a space where it has one."""


@dataclass(slots=True, eq=False)
class SessionRecord:
    """One session in the station's books."""

    station: str
    connector: int
    id_tag: str
    start_time: datetime
    meter_start_wh: int
    remote: bool = False
    reservation_id: int | None = None
    tag_kind: str = "ISO14443"  # OCPP 2.x only
    transaction_id: TransactionId | None = None
    stop_time: datetime | None = None
    meter_stop_wh: int | None = None
    reason: str = ""
    reason_said: str = ""  # the same in the words of its version of OCPP; empty where that knows none
    stop_acknowledged: bool = False
    abandoned: bool = False  # the server refused one of its messages again and again
    allowed_flags: set[str] = field(default_factory=set)  # what the server may find odd, and rightly
    samples_sent: dict[datetime, int] = field(default_factory=dict)
    samples_acknowledged: dict[datetime, int] = field(default_factory=dict)
    quantities_sent: dict[datetime, Quantities] = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        """True when the server has acknowledged start and stop: from then on it owes us the session."""
        return self.transaction_id is not None and self.stop_acknowledged

    @property
    def energy_wh(self) -> int:
        """What was charged."""
        return (self.meter_stop_wh or self.meter_start_wh) - self.meter_start_wh


@dataclass(frozen=True, slots=True)
class SeenSession:
    """A session as the server tells it.

    `samples` are its energy-register readings by time, as a sequence since the server may hold one twice, and
    `quantities` what else was sampled then; None when they were not asked for. `stop_time` and `meter_stop_wh` are
    None while it goes on. `flags` are the server's own doubts: there is nothing doubtful about sessions that ended
    as these did.
    """

    station: str
    connector: int
    id_tag: str
    transaction_id: TransactionId | None
    start_time: datetime | None
    stop_time: datetime | None
    energy_wh: float
    meter_start_wh: float | None = None
    meter_stop_wh: float | None = None
    meter_values: int | None = None  # how many it kept
    flags: tuple[str, ...] = ()
    samples: Sequence[tuple[datetime, float]] | None = None
    quantities: Mapping[datetime, Quantities] | None = None
    stop_reason: str | None = None


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is wrong; `kind` is missing, doubled, altered or unknown."""

    kind: str
    station: str
    transaction_id: TransactionId | None
    detail: str

    def __str__(self) -> str:
        number = "?" if self.transaction_id is None else str(self.transaction_id)
        return f"{self.kind}: station {self.station}, transaction {number}: {self.detail}"


def compare(
    records: Iterable[SessionRecord],
    seen: Iterable[SeenSession],
    *,
    tolerance: timedelta = timedelta(milliseconds=1),
) -> list[Discrepancy]:
    """Compare the books with what the server lists for the same stations and the same time.

    Sessions that never finished (no answer to start or stop) are owed to nobody: the server may have them
    or not, but not twice. `seen` must hold only sessions that started within the run.
    """
    mine: defaultdict[str, list[SessionRecord]] = defaultdict(list)
    theirs: defaultdict[str, list[SeenSession]] = defaultdict(list)
    for record in records:
        mine[record.station].append(record)
    for session in seen:
        theirs[session.station].append(session)
    out: list[Discrepancy] = []
    for station in sorted({*mine, *theirs}):
        out += _compare_station(station, mine[station], theirs[station], tolerance)
    return out


def _compare_station(
    station: str, records: list[SessionRecord], seen: list[SeenSession], tolerance: timedelta
) -> list[Discrepancy]:
    out: list[Discrepancy] = []
    left = list(seen)
    given = Counter(str(record.transaction_id) for record in records if record.transaction_id is not None)
    for number, times in given.items():
        if times > 1:
            out.append(Discrepancy("doubled", station, number, f"the id was given to {times} sessions"))
    for record in records:
        matches = [session for session in left if _is_same(record, session, tolerance)]
        for session in matches:
            left.remove(session)
        if not matches and record.finished:
            out.append(Discrepancy("missing", station, record.transaction_id, _describe(record)))
        if len(matches) > 1:
            ids = ", ".join(str(session.transaction_id) for session in matches)
            out.append(Discrepancy("doubled", station, record.transaction_id, f"listed {len(matches)} times, as {ids}"))
        if matches and record.finished:
            best = next((s for s in matches if _same_id(record, s)), matches[0])
            out += _differences(record, best, tolerance)
    for session in left:
        out.append(
            Discrepancy(
                "unknown",
                station,
                session.transaction_id,
                f"the server lists a session from {session.start_time} on connector {session.connector} "
                "that the station never had",
            )
        )
    return out


def _is_same(record: SessionRecord, session: SeenSession, tolerance: timedelta) -> bool:
    """The same transaction id; or another id for what can only be the same start, told twice."""
    if record.transaction_id is not None and _same_id(record, session):
        return True
    return session.connector == record.connector and _close(record.start_time, session.start_time, tolerance)


def _same_id(record: SessionRecord, session: SeenSession) -> bool:
    """The server tells all of them as text."""
    return str(session.transaction_id) == str(record.transaction_id)


def _close(one: datetime | None, other: datetime | None, tolerance: timedelta) -> bool:
    return one is not None and other is not None and abs(one - other) <= tolerance


def _describe(record: SessionRecord) -> str:
    return (
        f"connector {record.connector}, tag {record.id_tag}, from {record.start_time.isoformat()}, "
        f"{record.energy_wh} Wh"
    )


def _differences(record: SessionRecord, session: SeenSession, tolerance: timedelta) -> list[Discrepancy]:
    wrong: list[str] = []

    def same(what: str, mine: object, theirs: object) -> None:
        if mine != theirs:
            wrong.append(f"{what} is {_shown(theirs)} instead of {_shown(mine)}")

    def same_time(what: str, mine: datetime | None, theirs: datetime | None) -> None:
        if not _close(mine, theirs, tolerance):
            same(what, mine, theirs)

    if not _same_id(record, session):
        same("transaction id", record.transaction_id, session.transaction_id)
    same("connector", record.connector, session.connector)
    same("tag", record.id_tag.upper(), session.id_tag.upper())  # OCPP 1.6, 7.15: case does not matter
    same("energy in Wh", record.energy_wh, session.energy_wh)
    if session.meter_start_wh is not None:
        same("meter start in Wh", record.meter_start_wh, session.meter_start_wh)
    if session.meter_stop_wh is not None:
        same("meter stop in Wh", record.meter_stop_wh, session.meter_stop_wh)
    same_time("start", record.start_time, session.start_time)
    same_time("stop", record.stop_time, session.stop_time)
    if session.stop_reason is not None and record.reason_said:
        same("stop reason", record.reason_said, session.stop_reason or "none")
    odd = [flag for flag in session.flags if flag not in record.allowed_flags]
    if odd:
        wrong.append(f"flagged {', '.join(odd)} though nothing was odd about it")
    if session.samples is not None:
        wrong += _sample_differences(record, session.samples)
    if session.quantities is not None:
        wrong += _quantity_differences(record, session.quantities)
    return [Discrepancy("altered", record.station, record.transaction_id, text) for text in wrong]


def _shown(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _sample_differences(record: SessionRecord, seen: Sequence[tuple[datetime, float]]) -> list[str]:
    """Every acknowledged sample once and true; one that was sent but never acknowledged may be there."""
    times = Counter(_rounded(at) for at, _ in seen)
    values = {_rounded(at): energy for at, energy in seen}
    sent = {_rounded(at): energy for at, energy in record.samples_sent.items()}
    owed = {_rounded(at) for at in record.samples_acknowledged}
    checks = (
        ("missing", [at for at in owed if at not in values]),
        ("doubled", [at for at, count in times.items() if count > 1]),
        ("altered", [at for at, energy in values.items() if at in sent and sent[at] != energy]),
        ("never sent", [at for at in values if at not in sent]),
    )
    return [
        f"{len(found)} of {len(owed)} meter values {what}, first at {min(found).isoformat()}"
        for what, found in checks
        if found
    ]


def _quantity_differences(record: SessionRecord, seen: Mapping[datetime, Quantities]) -> list[str]:
    """Power, current, voltage and state of charge of each sample that is there: as they were said, none left out."""
    found: dict[str, tuple[datetime, float, object]] = {}
    times: Counter[str] = Counter()
    kept = {_rounded(at): quantities for at, quantities in seen.items()}
    for at, said in sorted(record.quantities_sent.items()):
        theirs = kept.get(_rounded(at))
        if theirs is None or theirs == said:
            continue
        for name, value in said.items():
            if theirs.get(name) != value:
                times[name] += 1
                found.setdefault(name, (at, value, theirs.get(name, "missing")))
        for name in theirs.keys() - said.keys():
            times[name] += 1
            found.setdefault(name, (at, theirs[name], "there though it was never sent"))
    return [
        f"{name} of {times[name]} meter values altered, first at {at.isoformat()}: {_shown(theirs)} instead of {mine:g}"
        for name, (at, mine, theirs) in found.items()
    ]


def _rounded(at: datetime) -> datetime:
    """To the millisecond, the precision with which stations speak."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
