"""The server's own metrics, read while a run goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from loadtest.scrape import Scrape, Scraper, bucket_percentile, check_address

PAGE = """# HELP chargehouse_gc_pause_seconds Pauses by the garbage collector.
# TYPE chargehouse_gc_pause_seconds histogram
chargehouse_gc_pause_seconds_bucket{generation="0",le="0.001"} 8.0
chargehouse_gc_pause_seconds_bucket{generation="0",le="+Inf"} 10.0
chargehouse_gc_pause_seconds_count{generation="0"} 10.0
chargehouse_gc_pause_seconds_sum{generation="0"} 0.5
chargehouse_gc_pause_seconds_bucket{generation="2",le="0.001"} 0.0
chargehouse_gc_pause_seconds_bucket{generation="2",le="+Inf"} 1.0
chargehouse_gc_pause_seconds_count{generation="2"} 1.0
chargehouse_gc_pause_seconds_sum{generation="2"} 0.25
# HELP chargehouse_gc_pause_seconds_created Pauses by the garbage collector.
# TYPE chargehouse_gc_pause_seconds_created gauge
chargehouse_gc_pause_seconds_created{generation="0"} 1.79e+09
# HELP chargehouse_journal_commits_total Group commits.
# TYPE chargehouse_journal_commits_total counter
chargehouse_journal_commits_total 41.0
# HELP something_else_total Of another program.
# TYPE something_else_total counter
something_else_total 3.0
"""


class Pages(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def address() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_two_nodes_are_added_up_and_strangers_left_out(address: str) -> None:
    scraper = Scraper([address, address + "/metrics"])
    scraper.scrape(1.0)
    (scrape,) = scraper.scrapes
    assert scrape.values == {
        "chargehouse_gc_pause_seconds_count": 22.0,
        "chargehouse_gc_pause_seconds_count/0": 20.0,
        "chargehouse_gc_pause_seconds_count/2": 2.0,
        "chargehouse_gc_pause_seconds_sum": 1.5,
        "chargehouse_gc_pause_seconds_sum/0": 1.0,
        "chargehouse_gc_pause_seconds_sum/2": 0.5,
        "chargehouse_journal_commits_total": 82.0,
    }
    assert scrape.buckets["chargehouse_gc_pause_seconds"] == {0.001: 16.0, float("inf"): 22.0}
    assert scrape.buckets["chargehouse_gc_pause_seconds/2"] == {0.001: 0.0, float("inf"): 2.0}
    assert scraper.failure is None


def test_what_came_between_two_scrapes() -> None:
    before, after = Scrape(1.0), Scrape(4.0)
    before.add(PAGE)
    after.add(PAGE.replace("41.0", "50.0").replace('le="0.001"} 8.0', 'le="0.001"} 9.0').replace("10.0", "11.0"))
    passed = after.since(before)
    assert passed.second == 3.0
    assert passed.values["chargehouse_journal_commits_total"] == 9.0
    assert passed.buckets["chargehouse_gc_pause_seconds/0"] == {0.001: 1.0, float("inf"): 1.0}


def test_a_percentile_is_the_bound_of_its_bucket() -> None:
    buckets = {0.001: 90.0, 0.01: 99.0, float("inf"): 100.0}
    assert [bucket_percentile(buckets, p) for p in (50, 95, 99.9)] == [0.001, 0.01, float("inf")]
    assert bucket_percentile({}, 99) == 0.0
    assert bucket_percentile({0.001: 0.0}, 99) == 0.0


def test_a_node_that_does_not_answer_is_remembered_and_the_run_goes_on() -> None:
    scraper = Scraper(["http://127.0.0.1:1"])
    scraper.scrape(1.0)
    assert scraper.scrapes == []
    assert "could not be read" in (scraper.failure or "")


def test_an_address_gets_its_path() -> None:
    assert check_address("http://127.0.0.1:9464") == "http://127.0.0.1:9464/metrics"
    assert check_address("http://127.0.0.1:9464/") == "http://127.0.0.1:9464/metrics"
    assert check_address("https://node/own/metrics") == "https://node/own/metrics"
    with pytest.raises(ValueError, match="--metrics"):
        check_address("127.0.0.1:9464")
