"""Changes."""

from __future__ import annotations

from collections.abc import Callable

from control.convert.alarms import alarm
from control.convert.common import timestamp
from control.convert.names import print_name
from control.convert.sessions import session
from control.convert.stations import station
from control.v1 import watch_pb2
from csms.services.watch import Change


def change(seen: Change, place_name: Callable[[int], str]) -> watch_pb2.WatchResponse:
    """What something is now, that it is gone, or a tick."""
    message = watch_pb2.WatchResponse(
        revision=seen.revision,
        event_time=timestamp(seen.at),
        station=None if seen.station is None else station(seen.station),
        session=None if seen.session is None else session(seen.session),
        alarm=None if seen.alarm is None else alarm(seen.alarm, place_name),
    )
    if seen.deleted_station_id is not None:
        message.deleted_station = print_name("stations", seen.deleted_station_id)
    return message
