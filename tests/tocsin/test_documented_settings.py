"""What the pages show of `tocsin.yaml` is what the program takes."""

import re
from pathlib import Path

import pytest

from tocsin.config import load

PAGES = sorted((Path(__file__).parents[2] / "docs" / "connectors").glob("*.md"))
EXAMPLE = re.compile(r"^```yaml\n(connectors:\n.*?)^```", re.M | re.S)
EXAMPLES = [
    pytest.param(text, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, text in enumerate(EXAMPLE.findall(page.read_text()))
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_of_a_page_is_taken_as_it_stands(text: str, tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(text)
    names = re.findall(r"\$\{([A-Z_0-9]+)\}", text)
    environment = {
        name: "postgresql://reader@db/shop" if name.endswith("URL") else "whsec_" + "c" * 44 for name in names
    }
    loaded = load(file, folder=tmp_path, environment=environment)
    assert len(loaded.instances) >= 1


def test_every_connector_that_asks_elsewhere_shows_how_it_is_set_up() -> None:
    shown = {str(each.id).rpartition("-")[0] for each in EXAMPLES}
    assert {
        "prometheus",
        "loki",
        "elasticsearch",
        "kubernetes",
        "http_probe",
        "sql",
        "runbooks",
        "oncall",
        "github",
        "custom",
        "mcp",
    } <= shown
