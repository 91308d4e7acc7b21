"""The configuration's reference: equal to the types, and complete."""

from tocsin.config import Configuration
from tocsin.reference import FILE, offers, reference
from tocsin.registry import connectors_by_name


def test_the_page_is_what_the_types_say() -> None:
    assert FILE.read_text() == reference(), "run `python -m tocsin.reference`"


def test_every_setting_has_a_description_in_it() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 60
    assert [row for row in rows if not row.split(" | ")[-1].strip(" |")] == []


def test_sections_appear_by_their_fields_and_maps_by_a_star() -> None:
    page = reference()
    assert all(f"`{name}" in page for name in Configuration.model_fields)
    assert "| `workers.investigate` | whole number, ≥ 1, ≤ 256 | 4 |" in page
    assert "| `projects.*.keys` | list of text | none |" in page
    assert "| `hmac.secrets` | list of secret, length ≥ 1 | *needed* |" in page


def test_what_a_connector_offers_is_found_though_it_lacks_its_credentials() -> None:
    known = connectors_by_name()
    assert known["linear"].tools(known["linear"].settings(), "default") == ()
    assert offers(known["linear"]) == (
        ["linear.issue", "linear.search"],
        ["linear.comment", "linear.create_issue", "linear.update_issue"],
    )
    assert offers(known["alertmanager"]) == ([], [])
