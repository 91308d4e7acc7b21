"""The documented names are those that are guessed."""

import re
from pathlib import Path

from connectors.generic.settings import GenericSettings
from connectors.ports.mapping.guess import NAMES
from connectors.ports.mapping.settings import Mapping

PAGE = (Path(__file__).parents[3] / "docs" / "connectors" / "generic.md").read_text()


def test_the_table_of_guessed_names_is_what_the_code_tries() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|;]+?)(?:;[^|]*)? \|$", PAGE, re.MULTILINE))
    assert {field: tuple(rows[field].split(", ")) for field in NAMES} == NAMES


def test_every_setting_is_named() -> None:
    for name in (*GenericSettings.model_fields, *Mapping.model_fields):
        assert f"`{name}`" in PAGE or f"{name}:" in PAGE, name
