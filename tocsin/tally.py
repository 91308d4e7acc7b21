"""Counts and durations as they are kept between two scrapes: a look-up and an addition each, since every request makes several."""

import threading
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

Labels = tuple[tuple[str, str], ...]


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
        self._counts: dict[str, dict[Labels, int]] = {}
        self._durations: dict[str, dict[Labels, _Durations]] = {}

    def count(self, name: str, value: int, labels: dict[str, str]) -> None:
        """Add to the counter of that name and labels."""
        key = tuple(labels.items())
        with self._lock:
            of_name = self._counts.get(name)
            if of_name is None:
                of_name = self._counts[name] = {}
            of_name[key] = of_name.get(key, 0) + value

    def observe(self, name: str, seconds: float, labels: dict[str, str]) -> None:
        """Put one duration into its bucket."""
        key = tuple(labels.items())
        place = bisect_left(self._bounds, seconds)
        with self._lock:
            of_name = self._durations.get(name)
            if of_name is None:
                of_name = self._durations[name] = {}
            durations = of_name.get(key)
            if durations is None:
                durations = of_name[key] = _Durations([0] * (len(self._bounds) + 1))
            durations.buckets[place] += 1
            durations.total += seconds

    @override
    def collect(self) -> Iterator[Metric]:
        """Everything so far: `NAME_total`, and `NAME_seconds` with its buckets, sum and count."""
        with self._lock:
            counts = {name: dict(by_labels) for name, by_labels in self._counts.items()}
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
