"""How bad a line is, and whose it is, read from what stands in it."""

import pytest

from connectors.ports.loglines import service_in, severity_in


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("2026-01-01 12:00:00 ERROR [main] payment failed", "error"),
        ('{"level":"warn","msg":"slow"}', "warning"),
        ("ts=1 level=debug msg=x", "debug"),
        ("[CRITICAL] disk", "critical"),
        ("fatal error: out of memory", "critical"),
        ("panic: nil", "critical"),
        ("ValueError: no", "error"),
        ("java.lang.IllegalStateException: no", "error"),
        ("Traceback (most recent call last):", "error"),
        ("terror: is no level", "info"),
        ("0 errors found", "info"),
        ("", "info"),
    ],
)
def test_a_severity_is_read_off_the_beginning_of_a_line(text: str, severity: str) -> None:
    assert severity_in(text, {}) == severity


def test_labels_say_more_than_the_line() -> None:
    assert severity_in("ERROR x", {"level": "warning"}) == "warning"
    assert severity_in("ERROR x", {"level": "odd"}) == "error"
    assert service_in({"job": "a", "service_name": "b"}) == "b"
    assert service_in({"pod": "a"}) is None
