"""A Linear on loopback for each test."""

from collections.abc import Iterator

import pytest

from tests.support.linear_server import LinearServer


@pytest.fixture
def linear() -> Iterator[LinearServer]:
    """A fresh workspace."""
    with LinearServer() as server:
        yield server
