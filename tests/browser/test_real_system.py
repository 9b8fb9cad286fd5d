"""A car charges end to end in a browser, on the real product: node, PostgreSQL, control API, portal."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.kit.patience import PATIENCE_S
from tests.kit.pressing import press, yes
from tests.kit.product import ADMIN, Product, api, product

pytestmark = [pytest.mark.browser, pytest.mark.system, pytest.mark.timeout(600)]


class Charger:
    """A station in a thread: answers commands and does what they ask."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.serial = 0
        self.asked: list[str] = []
        self.answers: dict[str, list[Any]] = {}
        self.transaction = 0
        self.meter = 4_854_797.0
        self.came = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            for text in self.socket:
                message = json.loads(text)
                with self.came:
                    if message[0] == 2:
                        self.asked.append(message[2])
                        status = "Unlocked" if message[2] == "UnlockConnector" else "Accepted"
                        self.socket.send(json.dumps([3, message[1], {"status": status}]))
                    else:
                        self.answers[message[1]] = message
                    self.came.notify_all()
        except ConnectionClosed:
            pass

    def call(self, action: str, **payload: Any) -> dict[str, Any]:
        self.serial += 1
        number = str(self.serial)
        self.socket.send(json.dumps([2, number, action, payload]))
        with self.came:
            assert self.came.wait_for(lambda: number in self.answers, timeout=PATIENCE_S)
            answer = self.answers.pop(number)
        assert answer[0] == 3, answer
        return dict(answer[2])

    def boot(self) -> str:
        return str(
            self.call(
                "BootNotification",
                chargePointVendor="Northwind",
                chargePointModel="Duo 22",
                chargePointSerialNumber="NW-22-00417",
                firmwareVersion="4.2.1",
            )["status"]
        )

    def status(self, status: str, connector: int = 1) -> None:
        self.call("StatusNotification", connectorId=connector, status=status, errorCode="NoError")

    def wait_asked(self, action: str) -> None:
        with self.came:
            assert self.came.wait_for(lambda: action in self.asked, timeout=PATIENCE_S), self.asked

    def start(self, tag: str) -> None:
        begun = self.call("StartTransaction", connectorId=1, idTag=tag, meterStart=int(self.meter), timestamp=stamp())
        self.transaction = begun["transactionId"]
        self.status("Charging")

    def sample(self, watts: float, wh: float, at: float | None = None) -> None:
        self.meter += wh
        samples = [
            {"value": f"{self.meter:.0f}", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": f"{watts:.0f}", "measurand": "Power.Active.Import", "unit": "W"},
        ]
        self.call(
            "MeterValues",
            connectorId=1,
            transactionId=self.transaction,
            meterValue=[{"timestamp": stamp(at), "sampledValue": samples}],
        )

    def stop(self) -> None:
        self.call("StopTransaction", transactionId=self.transaction, meterStop=int(self.meter), timestamp=stamp())
        self.status("Finishing")


def stamp(at: float | None = None) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


@contextmanager
def charger(running: Product, identity: str) -> Iterator[Charger]:
    with connect(f"{running.ocpp}/{identity}", subprotocols=["ocpp1.6"], compression=None) as socket:  # type: ignore[list-item]
        yield Charger(socket)


@pytest.fixture(scope="module")
def running() -> Iterator[Product]:
    with product(portal=True) as made:
        with api(made) as control:
            control.add_token("DEADBEEF")
        yield made


@pytest.fixture
def operator(running: Product, chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(f"http://127.0.0.1:{running.portal_port}/")
    page.get_by_label("E-mail").fill(ADMIN[0])
    page.get_by_label("Password").fill(ADMIN[1])
    press(page.get_by_role("button", name="Sign in"))
    yield page
    context.close()


@pytest.mark.feature("F-OCPP-1", "F-OCPP-6", "F-OPS-1", "F-SES-1")
def test_from_the_first_charger_to_a_stopped_session(running: Product, operator: Page) -> None:
    page, base = operator, f"http://127.0.0.1:{running.portal_port}"
    expect(page.get_by_text(f"ws://127.0.0.1:{running.ocpp_port}/ocpp/").first).to_be_visible()
    with charger(running, "CP-1") as station:
        assert station.boot() == "Pending"
        page.goto(f"{base}/pending")
        press(page.get_by_role("button", name="Accept CP-1", exact=True))
        station.wait_asked("TriggerMessage")
        assert station.boot() == "Accepted"
        station.status("Available", 0)
        station.status("Preparing")
        page.goto(f"{base}/stations")
        page.get_by_role("link", name="CP-1").first.click()
        start = page.locator("#operation-start")
        start.locator("summary").click()
        start.get_by_label("Tag").fill("DEADBEEF")
        start.get_by_role("button", name="Start").click()
        station.wait_asked("RemoteStartTransaction")
        expect(start.locator("output")).to_contain_text("Accepted")
        station.start("DEADBEEF")
        station.sample(7200, 600)
        expect(page.locator("#evse-1")).to_contain_text("7.2 kW")
        station.sample(7300, 600)  # before the row is due: it is written all the same
        expect(page.locator("#evse-1")).to_contain_text("1.20 kWh")
        page.goto(f"{base}/sessions/{station.transaction}")
        page.get_by_role("button", name="Stop charging").click()
        yes(page, stays=True)
        station.wait_asked("RemoteStopTransaction")
        station.stop()
        expect(page.get_by_role("button", name="Stop charging")).to_have_count(0)
        expect(page.get_by_text("1.20 kWh").first).to_be_visible()
        page.goto(f"{base}/stations")
        page.get_by_role("link", name="CP-1").first.click()
        page.get_by_role("link", name="Messages").click()
        expect(page.get_by_role("table").get_by_text("StopTransaction").first).to_be_visible()
