"""The real servers that any test may ask for by name; each is started once, when the first test asks.

Their modules are imported then: most runs need neither the clients nor the program behind them.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.postgres_server import Postgres
    from tests.support.server import Server


@pytest.fixture(scope="session")
def kafka() -> "Iterator[Server]":
    """One broker for the whole run: make topics of your own, and leave it standing."""
    from tests.support.kafka_server import kafka_server

    with kafka_server() as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Postgres]":
    """One database server for the whole run: take a fresh database, and leave it standing."""
    from tests.support.postgres_server import postgres_server

    with postgres_server() as server:
        yield server
