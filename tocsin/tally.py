"""Counts and durations as they are kept between two scrapes: looked up once and then an addition each, since every request makes several."""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Count:
    value: int = 0


@dataclass(slots=True)
class _Durations:
    """How many fell into each bucket (the last one is beyond all bounds), and their sum in seconds."""

    buckets: list[int]
    total: float = 0.0


class Tally(Collector):
    """Counters and histograms for a Prometheus registry. May be called from any thread."""

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds`: the upper bounds of the buckets, in seconds, ascending."""
        self._bounds = tuple(bounds)
        self._lock = threading.Lock()
        self._counts: dict[str, dict[Labels, _Count]] = {}
        self._durations: dict[str, dict[Labels, _Durations]] = {}

    def counter(self, name: str, labels: dict[str, str]) -> Callable[[int], None]:
        """What adds to the counter of that name and labels."""
        lock = self._lock
        with lock:
            count = self._counts.setdefault(name, {}).setdefault(tuple(labels.items()), _Count())

        def add(value: int) -> None:
            with lock:
                count.value += value

        return add

    def timer(self, name: str, labels: dict[str, str]) -> Callable[[float], None]:
        """What puts a duration, in seconds, into its bucket of that name and labels."""
        lock, bounds = self._lock, self._bounds
        with lock:
            of_name = self._durations.setdefault(name, {})
            durations = of_name.setdefault(tuple(labels.items()), _Durations([0] * (len(bounds) + 1)))
        buckets = durations.buckets

        def add(seconds: float) -> None:
            place = bisect_left(bounds, seconds)
            with lock:
                buckets[place] += 1
                durations.total += seconds

        return add

    @override
    def collect(self) -> Iterator[Metric]:
        """Everything so far: `NAME_total`, and `NAME_seconds` with its buckets, sum and count."""
        with self._lock:
            counts = {
                name: {labels: each.value for labels, each in by_labels.items()}
                for name, by_labels in self._counts.items()
            }
            durations = {
                name: {labels: (list(each.buckets), each.total) for labels, each in by_labels.items()}
                for name, by_labels in self._durations.items()
            }
        for name, counted in counts.items():
            counter = CounterMetricFamily(_plain(name), "")
            for labels, value in counted.items():
                counter.add_sample(f"{_plain(name)}_total", dict(labels), value)
            yield counter
        for name, timed in durations.items():
            histogram = HistogramMetricFamily(f"{_plain(name)}_seconds", "")
            for labels, (buckets, total) in timed.items():
                self._add(histogram, dict(labels), buckets, total)
            yield histogram

    def _add(self, histogram: HistogramMetricFamily, labels: dict[str, str], buckets: list[int], total: float) -> None:
        upto = 0
        for bound, number in zip((*map(str, self._bounds), "+Inf"), buckets, strict=True):
            upto += number
            histogram.add_sample(f"{histogram.name}_bucket", {**labels, "le": bound}, upto)
        histogram.add_sample(f"{histogram.name}_count", labels, upto)
        histogram.add_sample(f"{histogram.name}_sum", labels, total)


def _plain(name: str) -> str:
    return name.replace(".", "_")
