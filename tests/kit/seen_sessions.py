"""What the fake central system kept, in the words of the load tester's ledger."""

from __future__ import annotations

from loadtest.ledger import SeenSession
from tests.kit.fake_csms import FakeCsms


def seen_sessions(csms: FakeCsms) -> list[SeenSession]:
    return [
        SeenSession(
            station=one.station,
            connector=one.connector,
            id_tag=one.id_tag,
            transaction_id=one.transaction_id,
            start_time=one.start_time,
            stop_time=one.stop_time,
            energy_wh=(one.meter_stop_wh or 0) - one.meter_start_wh,
            samples=list(one.samples.items()),
        )
        for one in csms.sessions.values()
    ]
