"""Every recorded request becomes exactly the signals that were checked by eye against Sentry's documentation."""

from pathlib import Path

import pytest

from connectors.sentry.settings import Project, SentrySettings
from connectors.sentry.source import SentrySource
from tests.support.goldens import assert_golden, story
from tests.support.requests import load_request

HERE = Path(__file__).parent
PAYLOADS = sorted(
    path for path in (HERE / "payloads").iterdir() if path.suffix in (".json", ".envelope") and ".meta" not in path.name
)
SETTINGS = SentrySettings(
    projects={
        42: Project(keys=("0123456789abcdef0123456789abcdef",)),
        66: Project(keys=("99990000aaaabbbbccccdddd11112222",), service="go-ledger"),
        77: Project(keys=("fedcba9876543210fedcba9876543210",)),
    },
)


@pytest.mark.parametrize("payload", PAYLOADS, ids=lambda path: path.stem)
def test_a_recorded_request_becomes_its_golden_signals(payload: Path) -> None:
    request = load_request(payload, trusted=payload.suffix == ".json")
    received = SentrySource(SETTINGS, "default").receive(request)
    assert_golden(story(received), HERE / "goldens" / f"{payload.stem}.json")


def test_all_recorded_requests_are_there() -> None:
    assert len(PAYLOADS) == 22
