"""Hours that a station has lived through without a connection: what it would have said waits in its queue.

Times and energy are those of real life; the run's time scale is not applied. The books hold these sessions like any
other, so a replay that loses, doubles or alters one is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from loadtest.client import Json
from loadtest.ledger import SessionRecord
from loadtest.outbox import Message
from loadtest.scenario import SessionPlan
from loadtest.session import Circumstances, Connector
from loadtest.speech.speech import Later

Told = tuple[datetime, Message]


def fill_backlog(
    backlog: Sequence[Sequence[SessionPlan]],
    connectors: Sequence[Connector],
    circumstances: Circumstances,
    meter_interval: float,
) -> None:
    """Live the visits through at once: sessions go into the books, messages into the outbox in order of time.

    `backlog` holds each connector's visits, with times before the begin of the run; `meter_interval` is in seconds.
    """
    told: list[Told] = []
    for connector, visits in zip(connectors, backlog, strict=True):
        for visit in visits:
            told += _live(visit, connector, circumstances, meter_interval)
    told.sort(key=lambda one: one[0])
    for _, message in told:
        circumstances.outbox.put(message)


def _live(visit: SessionPlan, connector: Connector, circumstances: Circumstances, interval: float) -> Iterator[Told]:
    """One visit: the transaction's start, its meter values, its end."""
    meter, clock = connector.meter, circumstances.clock

    def date(offset: float) -> datetime:
        at = clock.date + timedelta(seconds=offset)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    meter.plug_in(visit.car)
    record = SessionRecord(
        station=circumstances.station,
        connector=connector.number,
        id_tag=visit.id_tag,
        start_time=date(visit.tag_shown),
        meter_start_wh=meter.energy_wh,
    )
    circumstances.ledger.append(record)
    transaction = circumstances.speech.transaction(record, remote_start_id=None, online=_offline)
    yield record.start_time, _message(transaction.started(meter.read()), record, transaction.learn)
    metered, due = visit.tag_shown, visit.tag_shown + interval
    while due < visit.stopped:
        meter.advance(due - metered, charging=due <= visit.suspended)
        metered, due = due, due + interval
        at, reading = date(metered), meter.read()
        record.samples_sent[at] = reading.energy_wh
        record.quantities_sent[at] = circumstances.speech.quantities(reading)
        yield at, _message(transaction.sampled(at, reading), record, _sampled(record, at, reading.energy_wh))
    record.stop_time, record.meter_stop_wh, record.reason = date(visit.stopped), meter.energy_wh, "Local"
    yield record.stop_time, _message(transaction.ended(meter.read()), record, _stopped(record))
    meter.unplug()


def _message(later: Later, record: SessionRecord, answered: Callable[[Json], None]) -> Message:
    def abandoned() -> None:
        record.abandoned = True

    action, payload = later
    return Message(action, payload, None, True, answered, abandoned, record)


def _sampled(record: SessionRecord, at: datetime, energy_wh: int) -> Callable[[Json], None]:
    def answered(_: Json) -> None:
        record.samples_acknowledged[at] = energy_wh

    return answered


def _stopped(record: SessionRecord) -> Callable[[Json], None]:
    def answered(_: Json) -> None:
        record.stop_acknowledged = True

    return answered


def _offline() -> bool:
    return False
