"""One correct session from events that come late, twice or out of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from csms.domain.ids import SessionId, StationId
from csms.domain.metering import (
    CURRENT,
    ENERGY_INTERVAL,
    ENERGY_REGISTER,
    POWER,
    SOC,
    VOLTAGE,
    MeterValue,
    SampledValue,
)
from csms.domain.transaction import Flag, Numbering, SessionState, Transaction, power_of

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def begun(meter: float = 1000.0) -> Transaction:
    transaction = Transaction(SessionId(7), StationId(1), "CP-1", logged_at=at(0), progress_at=at(0), evse_id=1)
    transaction.start(at(0), meter, at(0))
    return transaction


def reading(seconds: float, energy: float, *more: SampledValue) -> MeterValue:
    return MeterValue(at(seconds), (SampledValue(ENERGY_REGISTER, energy, "Wh"), *more))


@pytest.mark.feature("F-SES-1")
def test_a_plain_session() -> None:
    transaction = begun()
    transaction.read(reading(60, 1100.0, SampledValue(POWER, 7000.0, "W"), SampledValue(SOC, 40.0, "Percent")), at(60))
    assert (transaction.power_w, transaction.energy_wh, transaction.soc_percent) == (7000.0, 100.0, 40.0)
    assert transaction.end(at(120), 1250.0, "Local", at(120)) is True
    assert transaction.state is SessionState.ENDED
    assert transaction.energy_wh == 250.0
    assert (transaction.power_w, transaction.max_power_w) == (0.0, 7000.0)
    assert transaction.flags == ()
    assert not transaction.needs_reconciliation


@pytest.mark.feature("F-OCPP-9")
def test_the_same_stop_twice_changes_nothing() -> None:
    transaction = begun()
    transaction.end(at(120), 1250.0, "Local", at(120))
    before = transaction.snapshot()
    assert transaction.end(at(120), 1250.0, "Local", at(500)) is False
    assert transaction == before


def test_another_stop_is_flagged_and_the_first_kept() -> None:
    transaction = begun()
    transaction.end(at(120), 1250.0, "Local", at(120))
    assert transaction.end(at(300), 9999.0, "Remote", at(300)) is True
    assert transaction.energy_wh == 250.0
    assert transaction.flags == (Flag.STOP_CONFLICT,)
    assert transaction.needs_reconciliation


@pytest.mark.feature("F-OCPP-9")
def test_a_start_joined_to_the_end_that_came_before_it() -> None:
    transaction = Transaction(SessionId(7), StationId(1), "CP-1", logged_at=at(500), progress_at=at(500))
    transaction.flag(Flag.START_MISSING)
    transaction.end(at(120), 1250.0, "Local", at(500))
    assert transaction.needs_reconciliation
    transaction.start(at(0), 1000.0, at(501))
    assert transaction.energy_wh == 250.0
    assert transaction.flags == ()


def test_a_superseded_transaction_is_put_right_by_its_own_late_stop() -> None:
    transaction = begun()
    transaction.read(reading(60, 1100.0), at(60))
    transaction.supersede(at(300), at(300))
    assert transaction.flags == (Flag.STOP_MISSING,)
    assert (transaction.stopped_at, transaction.energy_wh) == (at(60), 100.0)
    assert transaction.end(at(200), 1400.0, "Local", at(900)) is True
    assert transaction.flags == ()
    assert (transaction.stopped_at, transaction.energy_wh) == (at(200), 400.0)


def test_a_stop_whose_clock_jittered_before_the_last_reading_still_counts() -> None:
    transaction = begun()
    transaction.read(reading(120, 1240.0), at(120))
    transaction.end(at(119), 1250.0, "Local", at(121))
    assert transaction.energy_wh == 250.0


def test_values_after_the_end_do_not_change_the_energy() -> None:
    transaction = begun()
    transaction.end(at(120), 1250.0, "Local", at(120))
    transaction.read(reading(60, 1100.0, SampledValue(POWER, 8000.0, "W")), at(130))
    assert (transaction.energy_wh, transaction.max_power_w, transaction.power_w) == (250.0, 8000.0, 0.0)


def test_a_swapped_meter_is_noticed() -> None:
    transaction = begun(500_000.0)
    transaction.read(reading(60, 503_000.0), at(60))
    transaction.read(reading(120, 10.0), at(120))
    transaction.end(at(180), 1010.0, "Local", at(180))
    assert transaction.energy_wh == 4000.0
    assert transaction.flags == (Flag.METER_SWAPPED,)
    assert transaction.needs_reconciliation


def test_a_meter_that_rolled_over_needs_nobody() -> None:
    transaction = begun(999_900.0)
    transaction.end(at(60), 150.0, "Local", at(60))
    assert transaction.energy_wh == 250.0
    assert transaction.flags == (Flag.METER_ROLLED_OVER,)
    assert not transaction.needs_reconciliation


def test_intervals_count_where_there_is_no_register() -> None:
    transaction = begun(0.0)
    for minute in (1, 2, 2):  # the second one twice
        value = MeterValue(at(60 * minute), (SampledValue(ENERGY_INTERVAL, 100.0, "Wh"),))
        transaction.read(value, at(60 * minute))
    assert transaction.energy_wh == 200.0


@pytest.mark.parametrize("days", [-3, 3])
def test_a_clock_wrong_by_days_is_flagged(days: int) -> None:
    offset = timedelta(days=days)
    transaction = Transaction(SessionId(7), StationId(1), "CP-1", logged_at=at(0), progress_at=at(0), evse_id=1)
    transaction.start(at(0) + offset, 1000.0, at(0))
    transaction.end(at(600) + offset, 2000.0, "Local", at(601))
    assert transaction.energy_wh == 1000.0
    assert transaction.flags == (Flag.CLOCK_WRONG,)


def test_an_offline_queue_is_no_wrong_clock() -> None:
    transaction = Transaction(SessionId(7), StationId(1), "CP-1", logged_at=at(0), progress_at=at(0), evse_id=1)
    transaction.start(at(-90_000), 1000.0, at(0))
    transaction.end(at(-80_000), 2000.0, "Local", at(2))
    assert transaction.flags == ()


def test_an_end_before_its_start_is_flagged() -> None:
    transaction = begun()
    transaction.end(at(-10), 1250.0, "Local", at(120))
    assert transaction.flags == (Flag.CLOCK_WRONG,)


def test_power_is_worked_out_from_current_and_voltage() -> None:
    samples = [SampledValue(CURRENT, 16.0, "A", phase) for phase in ("L1", "L2", "L3")]
    samples.append(SampledValue(CURRENT, 0.4, "A", "N"))
    samples.append(SampledValue(VOLTAGE, 230.0, "V", "L1-N"))
    assert power_of(MeterValue(T0, tuple(samples))) == 3 * 16 * 230
    assert power_of(MeterValue(T0, tuple(samples[:3]))) is None


def test_a_snapshot_does_not_change_with_what_comes_later() -> None:
    transaction = begun()
    snapshot = transaction.snapshot()
    transaction.read(reading(60, 1100.0), at(60))
    assert snapshot.energy_wh == 0.0


def test_numbers_of_messages_join_into_one_span() -> None:
    numbers = Numbering()
    assert numbers.newest == -1
    assert [numbers.add(n) for n in (0, 1, 5, 3, 1, 4, 2)] == [True, True, True, True, False, True, True]
    assert numbers.spans == ((0, 5),)
    assert (numbers.newest, 3 in numbers, 6 in numbers) == (5, True, False)


def test_after_a_crash_the_next_number_is_no_gap_but_an_older_one_is() -> None:
    numbers = Numbering(((2, 4),), unsure=True)
    numbers.add(0)
    assert numbers.spans == ((0, 0), (2, 4))
    numbers = Numbering(((0, 4),), unsure=True)
    numbers.add(9)
    numbers.add(11)
    assert numbers.spans == ((0, 9), (11, 11))
