"""The real servers that any test may ask for by name; each is started once, when the first test asks.

Their modules are imported then: most runs need neither the clients nor the program behind them.
"""

import gc
import warnings
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.postgres_server import Postgres
    from tests.support.server import Server
    from tests.support.wire import Wire


@pytest.fixture(scope="session")
def way_to_kafka() -> "Iterator[Wire]":
    """Another way to the one broker, to be cut: who comes along it is cut off alone. Mend it afterwards."""
    from tests.support.servers import free_port
    from tests.support.wire import Wire

    with Wire(free_port()) as wire:
        yield wire


@pytest.fixture(scope="session")
def kafka(way_to_kafka: "Wire") -> "Iterator[Server]":
    """One broker for the whole run: make topics of your own, and leave it standing."""
    from tests.support.kafka_server import kafka_server

    with kafka_server(wire=way_to_kafka) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> "Iterator[Postgres]":
    """One database server for the whole run: take a fresh database, and leave it standing."""
    from tests.support.postgres_server import postgres_server

    with postgres_server() as server:
        yield server


FORGOTTEN = (
    r"ignore:Exception ignored in. <(function _SelectorTransport|socket):pytest.PytestUnraisableExceptionWarning"
)


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """A client of Kafka that is closed or refused while it connects forgets that connection; tests of our side of it go on."""
    for item in items:
        if "kafka" in item.path.parts:
            item.add_marker(pytest.mark.filterwarnings(FORGOTTEN))


@pytest.fixture(autouse=True, scope="module")
def let_go(request: pytest.FixtureRequest) -> Iterator[None]:
    """What such a client forgot is not told to the tests of other modules."""
    yield
    if "kafka" in request.path.parts:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
