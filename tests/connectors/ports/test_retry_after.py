"""How long a remote asks us to wait."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.retry_after import retry_after_s, whole_seconds

NOW = 1_795_248_000_000_000


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("nan", None), ("0", 0.0), ("-5", 0.0), ("1.5", 1.5), ("inf", 86400.0), ("1e9", 86400.0),
        ("Sat, 21 Nov 2026 08:00:30 GMT", 30.0), ("Sat, 21 Nov 2026 07:00:00 GMT", 0.0), ("Sat, 21 Nov 2026 08:00:30 -0000", 30.0),
    ],
)  # fmt: skip
def test_seconds_and_dates_are_read_and_bounded(value: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, NOW) == seconds


@given(value=st.text())
def test_any_text_gives_none_or_at_most_a_day(value: str) -> None:
    found = retry_after_s(value, NOW)
    assert found is None or 0 <= found <= 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "1"), (-3.0, "1"), (1.2, "2"), (60.0, "60"), (1e9, "86400"), (float("inf"), "86400"), (float("nan"), "60")],
)
def test_a_sender_is_told_whole_seconds(seconds: float, text: str) -> None:
    assert whole_seconds(seconds) == text
