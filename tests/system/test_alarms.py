"""Faults on the real product: raised, told to another system, kept over a crash, and over in the end."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import trio

from tests.kit.desk import Desk
from tests.kit.desk import desk as open_desk
from tests.kit.product import Station, product, station

pytestmark = [pytest.mark.system, pytest.mark.feature("F-ALM-1", "F-ALM-2", "F-ALM-3")]


@contextmanager
def a_receiver(seen: list[tuple[dict[str, str], bytes]]) -> Iterator[str]:
    """Takes webhooks; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            seen.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/alarms"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def active(desk: Desk) -> list[Any]:
    return list((await desk.call("alarms.ListAlarms", filter={"state": "ALARM_STATE_ACTIVE"})).alarms)


async def tell(cable: Station, status: str, error: str) -> None:
    await cable.call("StatusNotification", connectorId=1, status=status, errorCode=error, info="Bay 3")


def watched(desk: Desk, revision: int) -> list[Any]:
    """The alarms that the live feed has after a revision, until somebody has taken notice of one."""
    stub, request = desk._prepare("watch.Watch", {"start_revision": str(revision)})
    stream, found = stub(request, timeout=60, metadata=desk._metadata), []
    for change in stream:
        if change.WhichOneof("change") == "alarm":
            found.append(change.alarm)
            if change.alarm.acknowledged_by:
                break
    stream.cancel()
    return found


async def test_a_fault_is_an_alarm_that_others_hear_of_and_that_survives_a_crash() -> None:
    seen: list[tuple[dict[str, str], bytes]] = []
    with a_receiver(seen) as url, product(outgoing_private_addresses="on") as running:
        with open_desk(running) as desk:
            made = await desk.call(
                "webhooks.CreateWebhook", webhook={"display_name": "Ops", "url": url, "enabled": True}
            )
            name = await desk.add_station("HOT-1")
            listed = (await desk.call("stations.ListStations")).revision
            async with station(running, "HOT-1") as cable:
                await cable.boot()
                await tell(cable, "Faulted", "HighTemperature")
                (alarm,) = await desk.until(lambda: active(desk), lambda found: len(found) == 1, "an alarm")
                assert (alarm.kind, alarm.station, alarm.evse_id, alarm.count) == (7, name, 1, 1)
                await tell(cable, "Available", "NoError")
                await desk.until(lambda: active(desk), lambda found: not found, "over")
                await tell(cable, "Faulted", "HighTemperature")
                (again,) = await desk.until(lambda: active(desk), lambda found: len(found) == 1, "the same alarm")
                assert (again.name, again.count) == (alarm.name, 2)
                await desk.call("alarms.AcknowledgeAlarms", names=[alarm.name], note="Fan ordered")
                seen_live = await trio.to_thread.run_sync(watched, desk, listed, abandon_on_cancel=True)
                assert {each.name for each in seen_live} == {alarm.name}
                last = seen_live[-1]
                assert (last.count, last.note, last.station, last.state) == (2, "Fan ordered", name, 1)
                await tell(cable, "Faulted", "GroundFailure")
            running.kill()
        running.start()
        with open_desk(running) as desk:
            (fuse,) = await desk.until(
                lambda: active(desk),
                lambda found: [each.kind for each in found] == [6],
                "told before the crash",
            )
            assert fuse.text == "The residual current device has tripped. Bay 3"
            kept = (await desk.call("alarms.GetAlarm", name=alarm.name)).alarm
            assert (kept.state, kept.note) == (2, "Fan ordered")
            events = (await desk.call("alarms.ListEvents", filter={"station": name})).events
            assert {"Connected", "Disconnected", "AlarmRaised", "AlarmAcknowledged"} <= {event.kind for event in events}

            async def told() -> list[str]:
                return [json.loads(body)["event"] for _, body in seen]

            await desk.until(told, lambda found: found.count("alarm.raised") == 3 and "alarm.acknowledged" in found)
            headers, body = seen[0]
            signed = headers["chargehouse-timestamp"].encode() + b"." + body
            digest = hmac.new(made.secret.encode(), signed, hashlib.sha256).hexdigest()
            assert headers["chargehouse-signature"] == f"v1={digest}"
