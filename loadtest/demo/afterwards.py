"""What the operator does once the stations are there: outlets, prices of what was charged before there were tariffs,
reservations, firmware, operations, reports."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final

from loadtest.demo.desk import DemoError, Desk, Reply
from loadtest.demo.history import History
from loadtest.demo.office import Names
from loadtest.demo.world import CITY, FLEET, WALL, Model, World

REASON: Final = "Charged before there were tariffs."
PATIENCE: Final = 60.0
NEW_FIRMWARE: Final = "2.5.0"
_ENDED: Final = frozenset(
    {"OPERATION_STATE_CANCELLED", "OPERATION_STATE_STOPPED", "OPERATION_STATE_SUCCEEDED", "OPERATION_STATE_FAILED"}
)


class Afterwards:
    """The stations are connected meanwhile. `now` is the time to which everything refers. All raise DemoError."""

    def __init__(self, desk: Desk, world: World, names: Names, now: datetime) -> None:
        self._desk = desk
        self._world = world
        self._names = names
        self._now = now
        self._random = Random(f"{world.seed}/afterwards")  # noqa: S311 - repeatable on purpose, guards nothing

    def name_outlets(self) -> None:
        """What fits, where to park, who may charge; before anybody does."""
        plans = {self._names.stations[plan.identity]: plan for plan in self._world.stations}

        def change(row: Reply) -> None:
            plan = plans[row.text("station")]
            evse = int(row.number("evse_id"))
            mode = "OUTLET_MODE_OPEN" if plan.open_outlets else "OUTLET_MODE_RFID"
            outlet = {
                "name": row.text("name"),
                "outlet_id": f"{plan.identity}-{evse}",
                "connector_type": plan.model.connector_type,
                "parking": f"Bay {plan.identity.rsplit('-', 1)[1]}{'ab'[evse - 1] if plan.model.outlets > 1 else ''}",
                "mode": mode,
            }
            mask = "outletId,connectorType,parking,mode"
            self._desk.call("outlets.UpdateOutlet", {"outlet": outlet, "update_mask": mask})

        rows = self._desk.pages("outlets.ListOutlets", "outlets")
        self._desk.each(change, [row for row in rows if row.text("station") in plans])

    def price_sessions(self, history: History, progress: Callable[[str], None]) -> int:
        """Sessions that began before there were tariffs get what holds now where they were charged; how many."""
        ours = frozenset(self._names.stations.values())
        held: dict[tuple[str, str, str], str] = {}
        sessions = [
            row
            for row in self._desk.pages("sessions.ListSessions", "sessions")
            if row.text("station") in ours and row.text("state") == "SESSION_STATE_ENDED"
        ]
        for number, row in enumerate(sessions):
            key = self._key(row)
            if key not in held:
                held[key] = self._tariff(row)
            if not number % 500:
                progress(f"looking at the prices of {len(sessions):,} sessions")
        done = 0

        def price(row: Reply) -> None:
            nonlocal done
            tariff = held[self._key(row)]
            if tariff:
                self._price(row.text("name"), tariff)
            done += 1
            if not done % 250:
                progress(f"{done:,} of {len(sessions):,} sessions have a price")

        self._desk.each(price, sessions)
        return len(sessions)

    def _price(self, session: str, tariff: str) -> None:
        """The server computes costs by itself meanwhile: if it was quicker, once more."""
        for tries_left in range(4, -1, -1):
            try:
                wanted = {"session": session, "reason": REASON, "tariff": tariff}
                self._desk.call("tariffs.RecomputeSessionCost", wanted)
            except DemoError as error:
                if not (error.again and tries_left):
                    raise
            else:
                return

    def _key(self, row: Reply) -> tuple[str, str, str]:
        group = "group" if row.text("id_token") in self._fleet else row.text("user")
        return row.text("station"), row.text("evse_id"), group

    @property
    def _fleet(self) -> frozenset[str]:
        return frozenset(tag.id_token for tag in self._world.tags if tag.parent == FLEET)

    def _tariff(self, row: Reply) -> str:
        asked = {
            "station": row.text("station"),
            "evse_id": int(row.number("evse_id")),
            "id_token": row.text("id_token"),
        }
        found = self._desk.call("tariffs.GetTariffFor", asked)
        return found.text("version", "name").partition("/versions/")[0]

    # -- reservations ------------------------------------------------------------------------------------------------

    def make_reservations(self) -> None:
        """For now, for later, taken back, and one whose time will be over in a moment."""
        stations = [plan for plan in self._world.stations if plan.model is not WALL] or list(self._world.stations)
        tags = [tag.id_token for tag in self._world.tags if tag.person is not None and tag.kind == "PHYSICAL"]
        now = datetime.now(self._now.tzinfo)
        plans = [
            *((timedelta(days=days, hours=hours), timedelta(hours=2)) for days in (1, 2, 3) for hours in (1, 4)),
            (timedelta(0), timedelta(hours=3)),
            (timedelta(0), timedelta(hours=1)),
            (timedelta(0), timedelta(seconds=20)),
        ]
        made: list[str] = []
        for number, (begins, lasts) in enumerate(plans):
            plan = stations[(number * 7) % len(stations)]
            wanted: dict[str, object] = {
                "target": {"station": self._names.stations[plan.identity], "timeout": "20s"},
                "id_token": self._random.choice(tags),
                "evse_id": 1,
                "expire_time": _time(now + begins + lasts),
            }
            if begins:
                wanted["start_time"] = _time(now + begins)
            try:
                made.append(self._desk.call("reservations.CreateReservation", wanted).text("reservation", "name"))
            except DemoError as error:
                if begins and not error.taken:
                    raise
                continue  # somebody charges there, or it is broken: so it is in life
        for name in made[1:3]:
            self._desk.call("reservations.CancelReservation", {"name": name})

    # -- firmware and operations -------------------------------------------------------------------------------------

    def make_firmware(self) -> str:
        """Images of two models; the name of the one that some stations get."""
        first = self._upload(WALL, NEW_FIRMWARE, "Holds the plug more gently.")
        self._upload(CITY, "7.1.0", "New: prices on the display.")
        return first

    def _upload(self, model: Model, version: str, notes: str) -> str:
        content = self._random.randbytes(48_000)
        image = {
            "vendor": model.vendor,
            "models": [model.name],
            "version": version,
            "notes": notes,
            "filename": f"{model.name.lower().replace(' ', '-')}-{version}.bin",
        }
        parts: list[dict[str, object]] = [{"firmware_image": image}]
        parts += [
            {"data": base64.b64encode(content[at : at + 16_000]).decode()} for at in range(0, len(content), 16_000)
        ]
        return self._desk.send("firmware_images.UploadFirmwareImage", parts).text("firmware_image", "name")

    def operate(self, image: str) -> list[tuple[str, str]]:
        """A rollout on one floor, and a setting on all stations of 1.6; (title, how it ended) of each."""
        walls = [self._names.stations[plan.identity] for plan in self._world.stations if plan.model is WALL]
        drafts: list[dict[str, object]] = []
        if walls:
            drafts.append(
                {
                    "title": f"Firmware {NEW_FIRMWARE} for the first floor",
                    "order": {"update_firmware": {"image": image}},
                    "stations": walls[: max(1, len(walls) // 2)],
                    "waves": [{"count": 1, "success_percent": 100.0}, {"percent": 100.0}],
                }
            )
        drafts.append(
            {
                "title": "Ask all stations how they are",
                "order": {"trigger_message": {"requested_message": "StatusNotification"}},
                "stations": list(self._names.stations.values()),
            }
        )
        names = [
            self._desk.call("operations.CreateOperation", {"operation": draft}).text("operation", "name")
            for draft in drafts
        ]
        return [self._end_of(name) for name in names]

    def _end_of(self, name: str) -> tuple[str, str]:
        until = time.monotonic() + PATIENCE
        while True:
            found = self._desk.call("operations.GetOperation", {"name": name})
            state = found.text("operation", "state")
            if state in _ENDED or time.monotonic() > until:
                return found.text("operation", "draft", "title"), state
            time.sleep(0.25)

    def make_reports(self) -> int:
        """Monthly reports of the last month for the drivers who charged most, as far as there are any; how many."""
        month = (self._now.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
        subjects: Sequence[str] = [f"tagGroups/{FLEET}", *list(self._names.users.values())[7:12]]
        made = 0
        for subject in subjects:
            try:
                self._desk.call("cost_reports.CreateCostReport", {"subject": subject, "month": month})
                made += 1
            except DemoError:  # nothing was charged, or it is there: no reason to stop
                continue
        return made


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
