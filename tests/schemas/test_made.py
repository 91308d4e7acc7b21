"""Records made without validation are the records validation would have made, and are written as the model writes them."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import LogBatch, Severity, Signal, digest
from schemas.ids import signal_id
from schemas.record import Record
from schemas.signal import Link, LogLine, SignalStatus, SignalType

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MAYBE = st.none() | TEXT
LABELS = st.dictionaries(TEXT, TEXT, max_size=3)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
MEASURES = st.dictionaries(TEXT, NUMBERS, max_size=3)
MOMENTS = st.integers(0, 253_402_300_799_999_999)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
LINKS = st.lists(st.tuples(TEXT, TEXT, MAYBE), max_size=3)
FIELDS = st.fixed_dictionaries(
    {
        "source": TEXT,
        "occurrence_id": TEXT,
        "type": st.sampled_from(get_args(SignalType)),
        "title": TEXT,
        "occurred_at": MOMENTS,
        "received_at": MOMENTS,
        "group_key": TEXT,
    },
    optional={
        "instance": TEXT,
        "status": st.sampled_from(get_args(SignalStatus)),
        "severity": st.sampled_from(get_args(Severity)),
        "body": TEXT,
        "service": MAYBE,
        "environment": MAYBE,
        "labels": LABELS,
        "measures": MEASURES,
        "expires_at": st.none() | MOMENTS,
        "delivery_id": MAYBE,
        "revision": TEXT,
        "remember_s": st.integers(1, 10**6),
        "actor": MAYBE,
        "own": st.booleans(),
        "rehearsal": st.booleans(),
        "raw": JSON,
    },
)


@given(FIELDS, LINKS)
def test_a_signal_made_is_the_signal_observed(fields: dict[str, Any], links: list[tuple[str, str, str | None]]) -> None:
    made = Signal.made(**fields, links=tuple(Link.made(*each) for each in links))
    observed = Signal.observed(**fields, links=[{"rel": rel, "url": url, "title": title} for rel, url, title in links])
    assert made == observed
    assert list(made.__dict__) == list(observed.__dict__)
    assert made.to_json() == Record.to_json(observed)
    assert Signal.from_json(made.to_json()).to_json() == made.to_json()


@given(FIELDS, st.none() | MOMENTS, MAYBE, st.dictionaries(st.sampled_from(["newer", "later"]), JSON))
def test_a_signal_is_written_as_the_model_writes_it(
    fields: dict[str, Any], accepted_at: int | None, trace: str | None, unknown: dict[str, Any]
) -> None:
    signal = Signal.observed(**fields, **unknown).model_copy(update={"accepted_at": accepted_at, "trace": trace})
    assert signal.to_json() == Record.to_json(signal)


@given(MOMENTS, st.sampled_from(get_args(Severity)), TEXT, LABELS, MEASURES, MAYBE)
def test_a_log_line_made_is_the_log_line_validated(
    occurred_at: int,
    severity: Severity,
    body: str,
    labels: dict[str, str],
    measures: dict[str, float],
    trace_id: str | None,
) -> None:
    fields: dict[str, Any] = {
        "occurred_at": occurred_at,
        "severity": severity,
        "body": body,
        "labels": labels,
        "measures": measures,
        "trace_id": trace_id,
    }
    made, validated = LogLine.made(**fields), LogLine.model_validate(fields)
    assert made == validated
    assert made.model_dump_json() == validated.model_dump_json()
    batch = LogBatch(id="bat_1", source="sentry", received_at=occurred_at, lines=(made,))
    assert LogBatch.from_json(batch.to_json()) == batch


def test_a_record_made_can_be_copied_and_stays_frozen() -> None:
    signal = Signal.made(
        source="generic", occurrence_id="1", type="log", title="t", occurred_at=1, received_at=2, group_key="g"
    )
    copy = signal.model_copy(update={"rehearsal": True})
    assert copy.rehearsal
    assert not signal.rehearsal
    assert copy.model_dump(exclude={"rehearsal"}) == signal.model_dump(exclude={"rehearsal"})
    with pytest.raises(ValueError, match="frozen"):
        signal.title = "other"  # type: ignore[misc]


def test_half_a_surrogate_pair_is_refused_as_the_model_refuses_it() -> None:
    signal = Signal.made(
        source="generic", occurrence_id="1", type="log", title="\ud83d", occurred_at=1, received_at=2, group_key="g"
    )
    with pytest.raises(ValueError, match="surrogates not allowed"):
        signal.to_json()


@given(TEXT, TEXT, TEXT)
def test_a_signals_id_is_the_digest_of_its_identity(source: str, occurrence_id: str, revision: str) -> None:
    assert signal_id(source, occurrence_id, revision) == digest("sig", source, occurrence_id, revision)
