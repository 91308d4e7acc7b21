"""Every recorded request becomes exactly the signals that were checked by eye against Alertmanager's documentation."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.alertmanager.settings import AlertmanagerSettings
from connectors.alertmanager.source import AlertmanagerSource
from schemas.time import from_rfc3339
from tests.support.goldens import assert_golden, story
from tests.support.requests import load_request

HERE = Path(__file__).parent
PAYLOADS = sorted(path for path in (HERE / "payloads").glob("*.json") if ".meta" not in path.name)
RECEIVED_AT = from_rfc3339("2026-11-21T07:57:00Z")


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda path: path.stem)
def test_a_recorded_request_becomes_its_golden_signals(payload: Path) -> None:
    request = load_request(payload, RECEIVED_AT, trusted=True)
    tokens = (SecretStr("tocsin-token"),) if "authorization" in request.headers else ()
    received = AlertmanagerSource(AlertmanagerSettings(tokens=tokens), "default").receive(request)
    assert_golden(story(received, without=()), HERE / "goldens" / f"{payload.stem}.json")


def test_all_recorded_requests_are_there() -> None:
    assert len(PAYLOADS) == 4
