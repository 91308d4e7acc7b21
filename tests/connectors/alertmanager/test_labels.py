"""Labels are read as texts, and become the filter of a silence, whatever is in them."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from connectors.alertmanager.labels import LONGEST, LONGEST_NAME, MOST, read_labels, texts_of
from connectors.ports.reading import text

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.sampled_from(["pod-1", "a b", 'say "no"', "back\\slash", "two\nlines", "100 %", "%s", "é", "x" * (LONGEST + 1)]),
)
NAMES = st.one_of(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.just("n" * (LONGEST_NAME + 1)))
VALUES = st.one_of(TEXTS, TEXTS, st.none(), st.booleans(), st.integers(), st.lists(st.just("x"), max_size=1))
ANYTHING = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=6), st.none(), st.text(max_size=3), st.lists(TEXTS, max_size=2)
)


def plain(given_labels: Any) -> dict[str, str]:
    """One label after the other."""
    found: dict[str, str] = {}
    for name, value in list(given_labels.items() if isinstance(given_labels, dict) else ())[:MOST]:
        if written := text(value, LONGEST):
            found[text(name, LONGEST_NAME)] = written
    return found


@given(ANYTHING)
@example({str(number): "x" for number in range(MOST + 1)})
@example({"a": "x" * LONGEST, "b": "y" * LONGEST})
@example({"n" * LONGEST_NAME: "x", "m": "y"})
def test_labels_are_the_texts_in_them_cut_to_what_is_kept(labels: Any) -> None:
    assert texts_of(labels) == plain(labels) == read_labels(labels)[0]


@given(ANYTHING)
def test_the_filter_names_every_label_in_order_and_is_one_part_of_an_address(labels: Any) -> None:
    read, _, matchers = read_labels(labels)
    escaped = {
        name: value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") for name, value in read.items()
    }
    expected = ",".join(f'{name}="{escaped[name]}"' for name in sorted(read))
    assert matchers.isascii() and matchers.isprintable() and " " not in matchers
    address = urlsplit(f"http://alertmanager.example/?filter={matchers}", allow_fragments=False)
    assert parse_qs(address.query, keep_blank_values=True, max_num_fields=1) == {"filter": [expected]}
