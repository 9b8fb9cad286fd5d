"""The server's own metrics during a run: garbage-collector pauses, the journal's commits, the event loop's lag.

Read each second from the addresses that `--metrics` names (a node answers at its `--monitor-listen`).
"""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT = 2.0
FAMILIES = (
    "chargehouse_gc_pause_seconds",
    "chargehouse_loop_lag_seconds",
    "chargehouse_ocpp_answer_seconds",
    "chargehouse_journal_",
)

Buckets = dict[float, float]
"""Upper bound in seconds → how many were not longer; cumulative, as Prometheus has it."""


@dataclass(slots=True)
class Scrape:
    """The sums at one time over all addresses, since the server began.

    `values` by name of the sample: counters, gauges, and the `_count` and `_sum` of histograms; `buckets` by name of
    the histogram. Labels are added up, but generations are there as `name/generation` as well.
    """

    second: float
    values: dict[str, float] = field(default_factory=dict)
    buckets: dict[str, Buckets] = field(default_factory=dict)

    def add(self, text: str) -> None:
        """Add one address's page. Raises ValueError when it is not Prometheus' text format."""
        wanted = "\n".join(line for line in text.splitlines() if _is_wanted(line))
        for family in text_string_to_metric_families(wanted + "\n"):
            for sample in family.samples:
                self._add_sample(sample.name, sample.labels, sample.value)

    def _add_sample(self, name: str, labels: Mapping[str, str], value: float) -> None:
        whole = name.removesuffix("_bucket")
        for key in (whole, f"{whole}/{labels['generation']}") if "generation" in labels else (whole,):
            if name == whole:
                self.values[key] = self.values.get(key, 0.0) + value
            else:
                buckets = self.buckets.setdefault(key, {})
                bound = float(labels["le"])
                buckets[bound] = buckets.get(bound, 0.0) + value

    def since(self, before: Scrape) -> Scrape:
        """What came between two scrapes. Gauges mean nothing there."""
        return Scrape(
            second=self.second - before.second,
            values={name: value - before.values.get(name, 0.0) for name, value in self.values.items()},
            buckets={
                name: {bound: count - before.buckets.get(name, {}).get(bound, 0.0) for bound, count in found.items()}
                for name, found in self.buckets.items()
            },
        )


def _is_wanted(line: str) -> bool:
    name = line.split(" ", 3)[2] if line.startswith("# ") and line.count(" ") > 2 else line
    return name.startswith(FAMILIES) and "_created" not in name


def bucket_percentile(buckets: Mapping[float, float], percent: float) -> float:
    """The upper bound in seconds of the bucket that holds this percentile; infinite above the last; 0 when empty."""
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if not total:
        return 0.0
    return next(bound for bound in bounds if buckets[bound] >= total * percent / 100)


class Scraper:
    """Reads the addresses; remembers why one could not be read."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = [check_address(address) for address in addresses]
        self.scrapes: list[Scrape] = []
        self.failure: str | None = None

    def scrape(self, second: float) -> None:
        """Add the sums of now, unless one of the addresses does not answer."""
        if not self._addresses:
            return
        scrape = Scrape(round(second, 2))
        try:
            for page in _pages(self._addresses):
                scrape.add(page)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.failure = f"metrics could not be read: {error}"
            return
        self.scrapes.append(scrape)


def check_address(address: str) -> str:
    """The address with its path. Raises ValueError with a sentence for people."""
    if not address.startswith(("http://", "https://")):
        raise ValueError(f"--metrics must look like http://127.0.0.1:9464/metrics, not {address!r}")
    host = address.split("/", 3)
    return address if len(host) > 3 and host[3] else address.rstrip("/") + "/metrics"


def _pages(addresses: Iterable[str]) -> Iterable[str]:
    for address in addresses:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 - http or https: checked
            yield answer.read().decode()
