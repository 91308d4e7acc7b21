"""Every test of this folder runs on both grounds: the embedded journal, and Kafka with PostgreSQL."""

from collections.abc import Iterator

import pytest

from tests.support.ground import GROUNDS, chosen


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of this folder runs on both grounds, unless it is marked to be about one of them."""
    marked = metafunc.definition.get_closest_marker("ground")
    metafunc.parametrize("ground", marked.args if marked else GROUNDS, indirect=True, scope="module")


@pytest.fixture(autouse=True, scope="module")
def ground(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where the journals of the programs under test lie."""
    with chosen(request):
        yield
