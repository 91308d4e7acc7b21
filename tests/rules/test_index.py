"""The equality index: rules it leaves out certainly do not match."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.cel import compile  # noqa: A004
from rules.index import Index
from rules.load import PACKS, load

_TEXTS = ("a", "b", "c")
_terms = st.one_of(
    st.builds('{} == "{}"'.format, st.sampled_from(("source", "service", "labels.env", "raw.x.y")), st.sampled_from(_TEXTS)),
    st.builds('{} in ["{}", "{}"]'.format, st.sampled_from(("source", "labels.env")), st.sampled_from(_TEXTS), st.sampled_from(_TEXTS)),
    st.builds("raw.n == {}".format, st.sampled_from(("1", "1.0", "2", "true"))),
    st.builds('texts(raw, "n").exists(v, v == "{}")'.format, st.sampled_from(("1", "2", "true", "1.5", "b"))),
    st.builds('texts(raw, "n").exists(v, v in ["{}", "{}"])'.format, st.sampled_from(("1", "b")), st.sampled_from(("2", "c"))),
    st.builds("!(service == \"{}\")".format, st.sampled_from(_TEXTS)),
    st.sampled_from(("own", "!own", "has(labels.env)", 'title.contains("a")')),
)  # fmt: skip
_conditions = st.recursive(
    _terms,
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)
_text = st.sampled_from(_TEXTS)
_signals = st.fixed_dictionaries(
    {},
    optional={
        "source": _text,
        "service": _text,
        "title": _text,
        "own": st.booleans(),
        "labels": st.dictionaries(st.just("env"), _text),
        "raw": st.one_of(
            st.none(), _text, st.lists(_text, max_size=1),
            st.fixed_dictionaries({}, optional={
                "n": st.sampled_from((1, 1.0, 2, True, "1", None, [1], {}, 1.5, ["b", 2], [[1], {}, "c"], ["1", "2", "b"])),
                "x": st.one_of(_text, st.dictionaries(st.just("y"), st.one_of(_text, st.lists(_text)))),
            }),
        ),
    },
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(_conditions, min_size=1, max_size=12), st.lists(_signals, min_size=1, max_size=5))
def test_index_and_match_find_what_matching_every_rule_finds(sources: list[str], signals: list[dict[str, Any]]) -> None:
    conditions = [compile(source) for source in sources]
    index = Index([condition.equalities for condition in conditions])
    for signal in signals:
        candidates = index.candidates(signal)
        assert list(candidates) == sorted(set(candidates))
        every = [number for number, condition in enumerate(conditions) if condition.matches(signal)]
        assert [number for number in candidates if conditions[number].matches(signal)] == every


def test_the_path_that_tells_most_apart_is_looked_up() -> None:
    sources = [f'source == "sentry" && service == "s{number}"' for number in range(50)]
    index = Index([compile(source).equalities for source in sources])
    assert index.paths == (("service",),)
    assert index.candidates({"source": "sentry", "service": "s7"}) == (7,)
    assert index.candidates({"source": "sentry"}) == ()


def test_a_rule_without_an_equality_is_always_a_candidate() -> None:
    index = Index([compile(source).equalities for source in ('title.contains("x")', 'source == "a"')])
    assert index.candidates({"source": "b"}) == (0,)
    assert list(index.candidates({"source": "a"})) == [0, 1]


def test_the_shipped_rules_are_told_apart_by_type() -> None:
    index = load([PACKS]).index
    assert index.candidates({"type": "comment"}) == ()


_WIDE = st.lists(
    st.tuples(*(st.lists(st.integers(0, 9), max_size=2, unique=True) for _ in range(3))), min_size=30, max_size=80
)


@settings(max_examples=30, deadline=None)
@given(_WIDE, st.tuples(*(st.integers(0, 9) for _ in range(3))))
def test_many_rules_under_one_constant_are_told_apart_further(
    wide: list[tuple[list[int], ...]], found: tuple[int, int, int]
) -> None:
    paths = (("service",), ("labels", "host"), ("labels", "team"))
    equalities = [
        ({path: frozenset(map(str, wanted)) for path, wanted in zip(paths, each, strict=True) if wanted},)
        for each in wide
    ]
    signal = {"service": str(found[0]), "labels": {"host": str(found[1]), "team": str(found[2])}}
    candidates = Index(equalities).candidates(signal)
    matching = [
        number
        for number, each in enumerate(wide)
        if all(not wanted or value in wanted for wanted, value in zip(each, found, strict=True))
    ]
    assert set(matching) <= set(candidates)


def test_further_requirements_leave_fewer_candidates() -> None:
    rules = [f'service == "s{number % 31}" && labels.host == "h{number % 40}"' for number in range(1000)]
    index = Index([compile(rule).equalities for rule in rules])
    assert len(index.candidates({"service": "s1", "labels": {"host": "h1"}})) < 12
