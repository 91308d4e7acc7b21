"""What is guessed is what the table of names says, whichever way it is found."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.mapping.guess import FIELDS, NAMES, guess

KEYS = st.sampled_from(
    ["title", "Title", "summary", "message", "Message", "body", "details", "error", "type", "status", "state", "level", "severity", "app",
     "service", "env", "tags", "labels", "url", "link", "runbook", "ts", "time", "id", "uuid", "alias", "fingerprint", "x", "revision"]
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.sampled_from([None, None, "one", "two", "", 0, 1.5, True, [], {}, {"name": "n"}])


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """One field after the other, one name after the other, one key after the other."""
    found: dict[str, Any] = {}
    for field, names in NAMES.items():
        for name in names:
            # A key in small letters is looked up as it is; among several of one name the first in the object counts.
            for key, value in item.items():
                if key.lower() == name and value is not None and field not in found:
                    found[field] = value
    for name in ("message", "summary"):
        if "body" not in found and item.get(name) is not None and item[name] != found.get("title"):
            found["body"] = item[name]
    return found


@given(st.lists(st.dictionaries(KEYS, VALUES, max_size=9), min_size=1, max_size=4))
def test_each_field_is_the_best_name_that_holds_something(items: list[dict[str, Any]]) -> None:
    for item in [*items, dict(reversed(items[0].items()))]:
        found = guess(item)
        assert len(found) == len(FIELDS)
        assert {field: value for field, value in zip(FIELDS, found, strict=True) if value is not None} == plain(item)
