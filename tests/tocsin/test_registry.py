"""Which connectors there are, and what happens when a third party brings one."""

from importlib.metadata import EntryPoint, EntryPoints

import pytest

from connectors.ports.connector import Connector, Settings
from tocsin import registry

SENTRY = Connector("sentry", "another of that name", Settings)
PAGER = Connector("pagertest", "of a third party", Settings)
WRONG = "no connector"


@pytest.fixture(autouse=True)
def _fresh() -> None:
    registry.connectors_by_name.cache_clear()


def installed(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """As if a distribution had registered these values of this module."""
    entries = EntryPoints(EntryPoint(name, f"{__name__}:{name}", registry.GROUP) for name in names)

    class Given(EntryPoint):
        def load(self) -> object:
            return globals()[self.name]

    given = [Given(each.name, each.value, each.group) for each in entries]
    monkeypatch.setattr(registry, "entry_points", lambda group: given if group == registry.GROUP else [])


def test_every_folder_that_declares_a_connector_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch)
    found = registry.connectors_by_name()
    assert list(found) == sorted(found)
    assert {"alertmanager", "generic", "git", "linear", "sentry", "stream", "webhook"} <= set(found)
    assert not {"ports", "journal", "ledger"} & set(found)


def test_a_third_partys_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "PAGER")
    assert registry.connectors_by_name()["pagertest"] is PAGER


def test_two_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "SENTRY")
    with pytest.raises(ValueError, match="two connectors are named 'sentry'"):
        registry.connectors_by_name()


def test_what_is_no_connector_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, "WRONG")
    with pytest.raises(TypeError, match="is a str, expected a Connector"):
        registry.connectors_by_name()
