"""Sessions for pages to show: cars that charged at a station, with meter values of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.kit.house import House
from tests.kit.online import Online


@dataclass
class Car:
    """A car at a connector of a station that is online."""

    link: Online
    tag: str
    begin: datetime
    meter_wh: float = 1_000_000.0
    transaction: int = 0

    def start(self) -> int:
        """It begins; the transaction's number, which is the session's."""
        self.link.status("Preparing")
        begun = self.link.call(
            "StartTransaction",
            connectorId=1,
            idTag=self.tag,
            meterStart=int(self.meter_wh),
            timestamp=stamp(self.begin),
        )
        self.transaction = int(begun["transactionId"])
        self.link.status("Charging")
        return self.transaction

    def draw(self, watts: float, minutes: float, soc: float) -> None:
        """So much power until so many minutes after the begin."""
        at = self.begin + timedelta(minutes=minutes)
        samples: list[dict[str, str]] = [
            {"value": f"{self.meter_wh:.0f}", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": f"{watts:.0f}", "measurand": "Power.Active.Import", "unit": "W"},
            {"value": f"{soc:.0f}", "measurand": "SoC", "unit": "Percent", "location": "EV"},
            {"value": f"{24 + watts / 1500:.1f}", "measurand": "Temperature", "unit": "Celsius"},
        ]
        for phase in ("L1", "L2", "L3"):
            amps = {"value": f"{watts / 690:.1f}", "measurand": "Current.Import", "unit": "A", "phase": phase}
            volts = {"value": "231.2", "measurand": "Voltage", "unit": "V", "phase": phase}
            samples += [amps, volts]
        self.link.call(
            "MeterValues",
            connectorId=1,
            transactionId=self.transaction,
            meterValue=[{"timestamp": stamp(at), "sampledValue": samples}],
        )

    def charge(self, powers: Sequence[float], step_min: float = 5.0) -> None:
        """A sample every few minutes."""
        for number, watts in enumerate(powers):
            self.draw(watts, number * step_min, 20 + 70 * number / max(1, len(powers)))
            self.meter_wh += watts * step_min / 60

    def stop(self, minutes: float) -> None:
        """It ends, and the cable goes."""
        self.link.call(
            "StopTransaction",
            transactionId=self.transaction,
            meterStop=int(self.meter_wh),
            timestamp=stamp(self.begin + timedelta(minutes=minutes)),
            reason="Local",
        )
        self.link.status("Finishing")
        self.link.status("Available")


def stamp(at: datetime) -> str:
    """As stations write it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def a_charge(link: Online, tag: str, begin: datetime, watts: float = 11_000.0, minutes: int = 60) -> int:
    """A whole session; its number."""
    car = Car(link, tag, begin)
    number = car.start()
    steps = max(2, minutes // 5)
    car.charge([watts * (1 if at < steps * 0.7 else 0.4) for at in range(steps)])
    car.stop(minutes)
    return number


def a_tariff(house: House, name: str, target: str) -> str:
    """A tariff that holds there; its name."""
    terms = {
        "currency": "EUR",
        "vat_percent": "25",
        "elements": [
            {"kind": "PRICE_KIND_ENERGY", "price": "0.35"},
            {"kind": "PRICE_KIND_SESSION", "price": "0.50"},
        ],
    }
    made = str(house.ask("tariffs.CreateTariff", tariff={"display_name": name, "terms": terms}).tariff.name)
    if target:
        house.ask("tariffs.AssignTariff", target=target, tariff=made)
    return made
