"""Ids kept short come back as they were, and are found as if they had not been."""

from hypothesis import given
from hypothesis import strategies as st

from rules.shortened import Ids, full, short
from schemas.ids import digest

NAMES = st.one_of(
    st.builds(digest, st.sampled_from(["inc", "sig"]), st.text(max_size=3)),
    st.text(max_size=40),
    st.text("0123456789abcdefABCDEF \t", min_size=30, max_size=33).map("inc_".__add__),
)


@given(NAMES)
def test_whatever_is_kept_comes_back(name: str) -> None:
    assert full(short(name, "inc_"), "inc_") == name


@given(st.lists(st.tuples(NAMES, st.text(max_size=3)), max_size=20), st.lists(NAMES, max_size=5))
def test_it_is_a_mapping_like_any_other(pairs: list[tuple[str, str]], gone: list[str]) -> None:
    ids, plain = Ids("inc_"), dict(pairs)
    for name, value in pairs:
        ids[name] = value
    for name in [*gone, *(name for name, _ in pairs[::2])]:
        assert ids.pop(name, None) == plain.pop(name, None)
        assert name not in ids and ids.get(name) is None
    assert dict(ids) == plain and len(ids) == len(plain)
    assert all(name in ids for name in plain) and 7 not in ids
