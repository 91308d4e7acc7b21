"""A signal's draft is the signal: it becomes it when looked at, and is written as it is written."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Signal
from schemas.draft import Drafts, Opening

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
MOMENTS = st.integers(0, 253_402_300_799_999_999)
FIELDS = st.fixed_dictionaries(
    {
        "source": TEXT,
        "occurrence_id": TEXT,
        "type": st.sampled_from(["alert", "error", "change"]),
        "title": TEXT,
        "occurred_at": MOMENTS,
        "received_at": MOMENTS,
        "group_key": TEXT,
        "delivery_id": TEXT,
    },
    optional={
        "body": TEXT,
        "service": TEXT,
        "labels": st.dictionaries(TEXT, TEXT, max_size=3),
        "measures": st.dictionaries(TEXT, st.floats(-1e9, 1e9), max_size=3),
        "links": st.lists(st.fixed_dictionaries({"rel": TEXT, "url": TEXT}, optional={"title": TEXT}), max_size=2),
        "expires_at": MOMENTS,
        "raw": st.dictionaries(TEXT, TEXT | st.integers(-(2**40), 2**40) | st.none(), max_size=3),
    },
)


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"


def drafts_of(signal: Signal, number: int = 1) -> Drafts:
    """The signal that many times, without what is said for all."""
    written = orjson.loads(signal.to_json())
    for name in ("schema_version", "source", "instance", "received_at", "own", "rehearsal"):
        del written[name]
    return Drafts([written] * number, Opening(signal.source, signal.instance), signal.received_at)


@given(FIELDS)
def test_a_draft_is_the_signal_it_was_made_of(fields: dict[str, Any]) -> None:
    signal = Signal.observed(**fields)
    drafts = drafts_of(signal, 2)
    assert drafts == [signal, signal]
    assert drafts[1:] == [signal]
    assert drafts[-1] == signal
    assert len(drafts) == 2


@given(FIELDS, st.booleans())
def test_a_draft_is_written_as_the_model_writes_it_with_the_stamp_of_its_admission(
    fields: dict[str, Any], rehearsal: bool
) -> None:
    signal = Signal.observed(**fields)
    expected = signal.model_copy(update={"trace": TRACE, "rehearsal": rehearsal})
    for record in drafts_of(signal, 3).written(TRACE, rehearsal):
        assert orjson.loads(record) == orjson.loads(expected.to_json())
        assert Signal.from_json(record) == expected


def test_what_only_the_model_can_write_is_written_by_it() -> None:
    drafts = drafts_of(
        Signal.observed(
            source="generic", occurrence_id="1", type="log", title="t", occurred_at=1, received_at=2, group_key="g"
        )
    )
    large: Any = {**drafts.drafts[0], "raw": 2**70}
    [first, second] = Drafts([large, drafts.drafts[0]], drafts.opening, 2).written(TRACE, rehearsal=True)
    assert Signal.from_json(first).raw == 2**70
    assert Signal.from_json(second) == drafts[0].model_copy(update={"trace": TRACE, "rehearsal": True})


def test_drafts_of_other_signals_are_not_equal() -> None:
    def draft(title: str) -> Drafts:
        return drafts_of(
            Signal.observed(
                source="generic",
                occurrence_id="1",
                type="log",
                title=title,
                occurred_at=1,
                received_at=2,
                group_key="g",
            )
        )

    assert draft("one") == draft("one")
    assert draft("one") != draft("other")
    assert draft("one") != []
    assert draft("one")[:0] == []


def test_half_a_surrogate_pair_in_a_draft_is_refused_as_the_model_refuses_it() -> None:
    signal = Signal.observed(
        source="generic", occurrence_id="1", type="log", title="t", occurred_at=1, received_at=2, group_key="g"
    )
    drafts = drafts_of(signal)
    with pytest.raises(ValueError, match="surrogates not allowed"):
        Drafts([{**drafts.drafts[0], "title": "\ud83d"}], drafts.opening, 2).written(TRACE, rehearsal=False)
