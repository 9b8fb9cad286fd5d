"""The use cases of tariffs, costs and reports, without those of stations: faster, and nothing else is wanted."""

from __future__ import annotations

from tests.kit.service_world import ServiceWorld


class TariffWorld(ServiceWorld):
    """`tariffs`, `costs`, `cost_reports` over stores in memory."""

    def _chapters(self) -> None:
        """None of them."""
