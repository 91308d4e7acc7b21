"""What is counted between two scrapes, as Prometheus' own parser reads it."""

import threading

from prometheus_client.parser import text_string_to_metric_families

from tocsin.telemetry import SECONDS_BUCKETS, Metrics, resource


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def of(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


def test_counts_add_up_by_labels() -> None:
    metrics = Metrics(resource("tocsin", "1"))
    for status in ("200", "200", "503"):
        metrics.count("tocsin.ingest.requests", source='a "quoted" one', status=status)
    metrics.count("tocsin.ingest.signals", 100, source="generic")
    found = samples(metrics)
    assert found["tocsin_ingest_requests_total", of(source='a "quoted" one', status="200")] == 2
    assert found["tocsin_ingest_requests_total", of(source='a "quoted" one', status="503")] == 1
    assert found["tocsin_ingest_signals_total", of(source="generic")] == 100


def test_a_duration_lies_in_every_bucket_that_reaches_it() -> None:
    metrics = Metrics(resource("tocsin", "1"))
    for seconds in (0.001, 0.02, 400):
        metrics.observe("tocsin.ingest.duration", seconds, source="generic")
    found = samples(metrics)
    name = "tocsin_ingest_duration_seconds"
    buckets = {
        bound: found[f"{name}_bucket", of(source="generic", le=bound)] for bound in (*map(str, SECONDS_BUCKETS), "+Inf")
    }
    assert buckets["0.001"] == 1
    assert buckets["0.01"] == 1
    assert buckets["0.025"] == 2
    assert buckets["300"] == 2
    assert buckets["+Inf"] == 3
    assert found[f"{name}_count", of(source="generic")] == 3
    assert found[f"{name}_sum", of(source="generic")] == 400.021


def test_a_scrape_takes_nothing_away_and_threads_lose_nothing() -> None:
    metrics = Metrics(resource("tocsin", "1"))

    def work() -> None:
        for _ in range(2_000):
            metrics.count("tocsin.triage.inputs", kind="signal")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    samples(metrics)
    for thread in threads:
        thread.join()
    assert samples(metrics)["tocsin_triage_inputs_total", of(kind="signal")] == 8_000
    assert samples(metrics)["tocsin_triage_inputs_total", of(kind="signal")] == 8_000
