"""The closed loop, against a small server on a real port. Nothing here is about seconds."""

from __future__ import annotations

import dataclasses
import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trio

from loadtest.ledger import SeenSession
from loadtest.saturate import Saturated, check, saturate
from loadtest.saturate_wire import Closed
from loadtest.saturate_words import Book
from loadtest.tally import Tally
from loadtest.target import Target
from tests.kit.fake_csms import FakeCsms
from tests.kit.tls_authority import Authority, client_context


async def served(nursery: trio.Nursery, csms: FakeCsms) -> Target:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, csms.serve, [listener])
    return Target("127.0.0.1", listener.socket.getsockname()[1], "/ocpp", False)


async def loaded(
    nursery: trio.Nursery, csms: FakeCsms, *, stations: int = 3, kind: str = "meter-values", seconds: float = 0.2
) -> tuple[Saturated, Tally]:
    target = await served(nursery, csms)
    tally = Tally(trio.current_time())
    done = await saturate(target, stations=stations, seconds=seconds, kind=kind, tally=tally)
    return done, tally


async def test_meter_values_of_one_session_each(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    done, tally = await loaded(nursery, csms)
    assert (done.stations, done.errors, done.stories) == (3, 0, 3)
    assert 0 < done.messages == tally.answered_total == tally.actions["MeterValues"].latency.count
    assert sum(book.acknowledged for book in done.books) == len(csms.payloads("MeterValues")) >= done.messages
    kept = {str(number): session for number, session in csms.sessions.items()}
    for book in done.books:
        assert kept[book.transaction_id].meter_stop_wh == book.last_wh
    assert done.per_second > 0
    assert done.cpu_us_per_message > 0
    assert tally.online == 0


async def test_stories_one_after_the_other(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    done, _ = await loaded(nursery, csms, stations=2, kind="story", seconds=0.5)
    assert done.stories == len(csms.payloads("StopTransaction")) >= 2
    assert all(book.acknowledged == 10 for book in done.books)


async def test_an_error_is_counted_and_the_station_goes_on(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    csms.refusals["MeterValues"] = 2
    done, tally = await loaded(nursery, csms)
    assert done.errors == 2
    assert tally.errors == {"CALLERROR InternalError to MeterValues": 2}
    assert sum(book.sent - book.acknowledged for book in done.books) == 2


async def test_a_doubled_answer_moves_nothing(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    csms.doubled_answers["MeterValues"] = 1
    done, tally = await loaded(nursery, csms, stations=1)
    assert tally.errors == {"answer that nobody waits for": 1}
    assert done.books[0].acknowledged == len(csms.payloads("MeterValues"))


async def test_the_servers_own_calls_are_refused_not_ignored(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    answers: list[list[object]] = []

    async def ask() -> None:
        await csms.wait_for("MeterValues")
        answers.append(await csms.command("LT-00001", "Reset", {"type": "Soft"}))

    nursery.start_soon(ask)
    await loaded(nursery, csms, stations=1)
    assert answers[0][0] == 4
    assert answers[0][2] == "NotSupported"


async def test_a_station_that_is_cut_is_counted_and_the_rest_goes_on(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    csms.boot_answers.append(("Rejected", 300))
    done, tally = await loaded(nursery, csms)
    assert tally.errors == {"boot: Rejected": 1}
    assert done.stories == 2


async def test_cancelled_it_stops_the_transactions(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    target = await served(nursery, csms)
    with trio.CancelScope() as scope:
        async with trio.open_nursery() as inner:

            async def run() -> None:
                await saturate(target, stations=2, seconds=3600, tally=Tally(trio.current_time()))

            inner.start_soon(run)
            await csms.wait_for("MeterValues", 5)
            scope.cancel()
    assert scope.cancelled_caught


async def test_nobody_there(nursery: trio.Nursery) -> None:
    csms = FakeCsms(nursery)
    csms.reject_with = 503
    tally = Tally(trio.current_time())
    with pytest.raises(Closed, match="HTTP 503"):
        await saturate(await served(nursery, csms), stations=2, seconds=1, tally=tally)
    assert tally.errors == {"handshake: HTTP 503": 2}
    with pytest.raises(ValueError, match="meter-values or story"):
        await saturate(await served(nursery, csms), stations=2, seconds=1, kind="poetry", tally=tally)


BOOK = Book("LT-1", "lt-1-1", 100, "2026-01-01T12:00:00.123Z", "7", 12, 11, 112, "2026-01-01T12:01:00.456Z", True)
SEEN = SeenSession(
    station="LT-1",
    connector=1,
    id_tag="LT-1-1",
    transaction_id=7,
    start_time=datetime(2026, 1, 1, 12, 0, 0, 123_000, UTC),
    stop_time=datetime(2026, 1, 1, 12, 1, 0, 456_000, UTC),
    energy_wh=12,
    meter_values=11,
)


def test_books_that_agree() -> None:
    assert check([BOOK], [SEEN]) == []
    assert check([BOOK], [dataclasses.replace(SEEN, meter_values=12)]) == []  # sent, and never answered
    assert check([dataclasses.replace(BOOK, finished=False)], []) == []


def test_what_is_in_nobodys_books_is_wrong() -> None:
    stranger = dataclasses.replace(SEEN, transaction_id=8)
    (wrong,) = check([BOOK], [SEEN, stranger])
    assert (wrong.kind, wrong.station, wrong.transaction_id) == ("unknown", "LT-1", 8)
    never_answered = dataclasses.replace(BOOK, finished=False, transaction_id="its own name for it")
    assert check([never_answered], [SEEN]) == []
    assert [w.kind for w in check([never_answered], [SEEN, stranger])] == ["unknown"]


def test_books_that_do_not() -> None:
    assert [w.kind for w in check([BOOK], [])] == ["missing"]
    assert [w.kind for w in check([BOOK], [SEEN, SEEN])] == ["doubled"]
    for lie, told in (
        ({"meter_values": 10}, "10 meter values instead of 11"),
        ({"meter_values": 13}, "13 meter values instead of 11"),
        ({"energy_wh": 11.0}, "energy in Wh is 11.0 instead of 12"),
        ({"flags": ("CLOCK_WRONG",)}, "flagged CLOCK_WRONG though nothing was odd about it"),
        ({"stop_reason": "EVDisconnected"}, "stop reason is EVDisconnected instead of Local"),
        ({"stop_time": None}, "stop is None instead of 2026-01-01 12:01:00.456000+00:00"),
    ):
        (wrong,) = check([BOOK], [dataclasses.replace(SEEN, **lie)])
        assert (wrong.kind, wrong.detail) == ("altered", told)


def test_readings_are_compared_where_both_have_them() -> None:
    at = [datetime(2026, 1, 1, 12, 0, second, 500_000, UTC) for second in (10, 20, 30)]
    said = {f"2026-01-01T12:00:{second}.500Z": 100 + second for second in (10, 20)}
    book = dataclasses.replace(BOOK, sent=2, acknowledged=2, readings=said)
    true = [(at[0], 110.0), (at[1], 120.0)]
    for samples, told in (
        (None, []),
        (true, []),
        (true[:1], ["1 meter values missing, first at 2026-01-01T12:00:20.500000+00:00"]),
        ([*true, true[0]], ["3 meter values doubled, first at 2026-01-01T12:00:10.500000+00:00"]),
        ([true[0], (at[1], 121.0)], ["1 meter values altered, first at 2026-01-01T12:00:20.500000+00:00"]),
        ([*true, (at[2], 130.0)], ["1 meter values never sent, first at 2026-01-01T12:00:30.500000+00:00"]),
    ):
        seen = dataclasses.replace(SEEN, meter_values=2, samples=samples)
        assert [wrong.detail for wrong in check([book], [seen])] == told
    unanswered = dataclasses.replace(book, acknowledged=1)
    assert check([unanswered], [dataclasses.replace(SEEN, meter_values=1, samples=true[:1])]) == []


async def test_over_tls(nursery: trio.Nursery, tmp_path: Path) -> None:
    root = Authority()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*root.server().files(tmp_path, "server"))
    csms = FakeCsms(nursery)
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    secure = trio.SSLListener(listener, server, https_compatible=True)
    nursery.start_soon(trio.serve_listeners, csms.serve, [secure])
    target = Target("127.0.0.1", listener.socket.getsockname()[1], "/ocpp", True)
    tally = Tally(trio.current_time())
    done = await saturate(target, stations=2, seconds=0.2, tally=tally, tls=client_context(root))
    assert (done.stories, done.errors) == (2, 0)
    assert done.messages > 0
