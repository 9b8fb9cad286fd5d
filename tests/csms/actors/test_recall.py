"""Which question the database is asked."""

from __future__ import annotations

from csms.actors.recall import recall
from csms.domain.station import FindEnd, FindStart, FindTransaction
from csms.domain.transaction import Flag
from tests.kit.fake_stores import FakeTransactions
from tests.kit.fake_tables import FakeTables
from tests.kit.records import T0, a_transaction, after


async def test_each_want_finds_what_it_names() -> None:
    tables = FakeTables()
    known, orphan = a_transaction(1, 7), a_transaction(2, 7, started_at=None)
    known.end(after(60), 2000.0, "Local", after(60))
    orphan.flag(Flag.START_MISSING)
    orphan.end(after(90), 3000.0, "Local", after(90))
    tables.sessions = {1: known, 2: orphan}
    store = FakeTransactions(tables)
    key = known.start_key
    assert key is not None
    assert [t and t.id for t in await recall(store, 7, FindStart(key))] == [1, None]
    later = a_transaction(3, 7, started_at=after(70)).start_key
    assert later is not None
    assert [t and t.id for t in await recall(store, 7, FindStart(later))] == [None, 2]
    assert [t and t.id for t in await recall(store, 7, FindTransaction("1"))] == [1, None]
    assert [t and t.id for t in await recall(store, 7, FindEnd("1", after(60), 2000.0))] == [1, None]
    assert await recall(store, 7, FindEnd("1", T0, 2000.0)) == (None, None)
