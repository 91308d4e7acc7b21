"""A signal's draft is the signal: it becomes it when looked at, and is written as it is written."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import Signal
from schemas.draft import Drafts, drafted, written

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


@given(FIELDS)
def test_a_draft_is_the_signal_it_was_made_of(fields: dict[str, Any]) -> None:
    signal = Signal.observed(**fields)
    draft = drafted(signal)
    drafts = Drafts([draft, draft])
    assert drafts == [signal, signal]
    assert drafts[1:] == [signal]
    assert drafts[-1] == signal
    assert len(drafts) == 2
    assert orjson.loads(written(draft)) == orjson.loads(signal.to_json())


def test_drafts_of_other_signals_are_not_equal() -> None:
    def draft(title: str) -> Drafts:
        signal = Signal.observed(
            source="generic", occurrence_id="1", type="log", title=title, occurred_at=1, received_at=2, group_key="g"
        )
        return Drafts([drafted(signal)])

    assert draft("one") == draft("one")
    assert draft("one") != draft("other")
    assert draft("one") != []
    assert Drafts([]) == []


def test_half_a_surrogate_pair_in_a_draft_is_refused_as_the_model_refuses_it() -> None:
    signal = Signal.observed(
        source="generic", occurrence_id="1", type="log", title="t", occurred_at=1, received_at=2, group_key="g"
    )
    with pytest.raises(ValueError, match="surrogates not allowed"):
        written({**drafted(signal), "title": "\ud83d"})
