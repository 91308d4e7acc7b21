"""Records of drafts are the records of the signals they stand for, whatever was sent."""

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.source import AlertmanagerSource
from connectors.generic.settings import GenericSettings
from connectors.generic.source import GenericSource
from connectors.ports.source import Received, Refused, Request, Source
from processors.ingest.encode import encode
from processors.ingest.rehearsing import rehearsed
from schemas import Signal
from schemas.draft import Drafts

NOW = 1_795_248_041_121_000
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
WORDS = st.sampled_from(
    ["firing", "Resolved", "P1", "nonsense", "", " two  words ", "a\nb", "é\u2028", "http://x.example/é?a=b", "javascript:1",
     "2026-11-21T08:00:00.5Z", "0001-01-01T00:00:00Z", "1795248041", 'say "no"', "k:v", "x" * 400]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False) | WORDS
NAMES = st.sampled_from(
    ["title", "summary", "message", "description", "status", "severity", "level", "type", "service", "job", "environment", "labels", "tags",
     "annotations", "measures", "values", "value", "url", "runbook_url", "generatorURL", "timestamp", "startsAt", "endsAt", "id",
     "fingerprint", "group_key", "alertname", ""]
)  # fmt: skip
OBJECTS = st.dictionaries(
    NAMES, SCALARS | st.dictionaries(NAMES, SCALARS, max_size=4) | st.lists(WORDS, max_size=3), max_size=9
)
ALERTS = st.fixed_dictionaries(
    {"labels": st.dictionaries(NAMES, WORDS, min_size=1, max_size=4)},
    optional={
        "annotations": st.dictionaries(NAMES, WORDS, max_size=4), "status": WORDS, "startsAt": WORDS, "endsAt": WORDS,
        "generatorURL": WORDS, "fingerprint": WORDS, "values": st.dictionaries(NAMES, SCALARS, max_size=3),
    },
)  # fmt: skip
GENERIC = GenericSource(GenericSettings(), "default")
ALERTMANAGER = AlertmanagerSource(AlertmanagerSettings(), "default")


def received(source: Source, content: Any) -> Received | None:
    """What the source says of it, None when it refuses."""
    body = json.dumps(content).encode()
    try:
        return source.receive(Request("POST", "/in", "", {}, body, body, NOW, trusted=True))
    except Refused:
        return None


def holds(found: Received, *, rehearsal: bool, later: int) -> None:
    """Each record is what the model itself makes of the signal, and reads as it."""
    assert isinstance(found.signals, Drafts)
    at = NOW + later
    encoded = encode(found, received_at=at, trace=TRACE, rehearsal=rehearsal, body=b"")
    stamp = {"received_at": at, "trace": TRACE, "rehearsal": rehearsal}
    heard = list((rehearsed(found) if rehearsal else found).signals)
    signals = [signal.model_copy(update=stamp) for signal in heard]
    assert [json.loads(record.payload) for record in encoded.records] == [
        json.loads(signal.to_json()) for signal in signals
    ]
    assert [Signal.from_json(record.payload) for record in encoded.records] == signals
    assert [record.key for record in encoded.records] == [signal.group_key for signal in signals]
    assert encoded.signals == len(signals)
    assert all(record.payload in encoded.text for record in encoded.records), "what is stored is searched for secrets"
    observed = [Signal.observed(**signal.model_dump(exclude={"id"})) for signal in found.signals]
    assert observed == found.signals, "the id is the one of its source, occurrence and revision"


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.booleans(), st.integers(0, 1))
@settings(max_examples=200, deadline=None)
def test_json_of_any_shape(items: list[Any], rehearsal: bool, later: int) -> None:
    if (found := received(GENERIC, items)) is not None:
        holds(found, rehearsal=rehearsal, later=later)


@given(st.lists(ALERTS, max_size=4), st.booleans(), WORDS, st.sampled_from([0, 3]), st.booleans())
@settings(max_examples=200, deadline=None)
def test_alerts_of_any_content(alerts: list[Any], direct: bool, external: str, truncated: int, rehearsal: bool) -> None:
    webhook = {
        "version": "4",
        "externalURL": external,
        "groupKey": external,
        "truncatedAlerts": truncated,
        "alerts": alerts,
    }
    found = received(ALERTMANAGER, alerts if direct else webhook)
    assert found is not None
    holds(found, rehearsal=rehearsal, later=0)
