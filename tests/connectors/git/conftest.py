"""A clone for each test."""

from pathlib import Path

import pytest

from tests.support.clone import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "checkout")
