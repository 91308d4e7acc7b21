"""Metrics a scraper can read, and logs of one line each with what they are about."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest
import structlog
from opentelemetry.sdk.resources import Resource

from tests.support.program import metric
from tocsin.telemetry import Metrics, resource, start_logging


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    """Fresh ones."""
    fresh = Metrics(resource("tocsin", "1"))
    yield fresh
    fresh.close()


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What is written; the process's logging is as before afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    yield io.StringIO()
    root.handlers[:], root.level = before
    for name in ("tocsin", "processors", "connectors", "rules", "playbooks"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    structlog.reset_defaults()


def test_counters_timings_and_gauges_are_exposed(metrics: Metrics) -> None:
    metrics.count("tocsin.ingest.signals", 2, source="sentry")
    metrics.count("tocsin.ingest.signals", source="linear")
    metrics.observe("tocsin.act.duration", 0.2, kind="page")
    metrics.gauge("tocsin.journal.queue_depth", lambda: 7.0)
    text = metrics.exposition().decode()
    assert metric(text, "tocsin_ingest_signals_total") == 3
    assert metric(text, "tocsin_ingest_signals_total", source="sentry") == 2
    assert metric(text, "tocsin_act_duration_seconds_count", kind="page") == 1
    assert metric(text, "tocsin_act_duration_seconds_bucket", le="0.25") == 1
    assert metric(text, "tocsin_act_duration_seconds_bucket", le="0.1") == 0
    assert metric(text, "tocsin_journal_queue_depth") == 7


def test_labels_from_outside_cannot_break_the_text(metrics: Metrics) -> None:
    hostile = 'a"} 9\nevil_total{x="\\'
    metrics.count("tocsin.ingest.refused", source=hostile, reason="malformed")
    text = metrics.exposition().decode()
    assert metric(text, "tocsin_ingest_refused_total", source=hostile) == 1 and metric(text, "evil_total") == 0


def test_two_programs_in_one_process_do_not_share_their_figures(metrics: Metrics) -> None:
    other = Metrics(Resource.create({}))
    metrics.count("tocsin.ingest.signals", source="sentry")
    assert metric(other.exposition().decode(), "tocsin_ingest_signals_total") == 0
    other.close()


def test_a_line_of_json_has_event_level_time_and_what_it_is_about(logged: io.StringIO) -> None:
    start_logging("json", "info", logged)
    structlog.get_logger("tocsin.test").info("part finished", part="record")
    logging.getLogger("processors.act").warning("no %s", "room", extra={"incident": "inc_1"})
    logging.getLogger("processors.act").debug("too fine")
    logging.getLogger("httpx").info("of a library: only warnings are told")
    first, second = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert (first["event"], first["level"], first["part"]) == ("part finished", "info", "record")
    assert (second["event"], second["level"], second["incident"]) == ("no room", "warning", "inc_1")
    assert first["timestamp"].endswith("Z") and second["logger"] == "processors.act"


def test_an_exception_stays_one_line_of_json(logged: io.StringIO) -> None:
    start_logging("json", "info", logged)
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        structlog.get_logger("tocsin.test").error("broken", exc_info=error)
    (line,) = logged.getvalue().splitlines()
    assert json.loads(line)["exception"][0]["exc_type"] == "ValueError"


def test_escape_sequences_in_a_logged_value_do_not_reach_the_terminal(logged: io.StringIO) -> None:
    start_logging("text", "info", logged)
    structlog.get_logger("tocsin.test").info("refused", reason="\x1b[2J\x1b]0;owned\x07")
    logging.getLogger("processors.ingest").warning("signal %s", "\x1b[2Jtitle\nforged line")
    assert "\x1b" not in logged.getvalue() and "\x07" not in logged.getvalue()
    assert len(logged.getvalue().splitlines()) == 2, logged.getvalue()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_shows_no_local_variables_for_they_may_hold_secrets(
    logged: io.StringIO, form: Literal["json", "text"]
) -> None:
    start_logging(form, "info", logged)
    token = "lin_api_tellnobody"
    try:
        raise ValueError(f"{len(token)} characters are too few")
    except ValueError:
        logging.getLogger("processors.act").exception("a port failed")
    assert "18 characters are too few" in logged.getvalue() and token not in logged.getvalue()
