"""Sigma's detections match the events that the specification says, missing fields under `not` included."""

from __future__ import annotations

from typing import Any

import pytest

from rules import cel
from rules.fields import SCHEMA
from rules.importers.sheet import NotImportable
from rules.importers.sigma_detections import detection
from schemas.document import parse_yaml

CASES: list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]] = [
    # one search, the events it matches, those it does not
    (
        "{User: Root}",
        [{"User": "root"}, {"User": "ROOT"}, {"User": ["adm", "Root"]}, {"User": [["root"]]}],
        [
            {"User": "rooty"},
            {},
            {"User": None},
            {"User": []},
            {"User": ["r"]},
            {"User": {"x": "root"}},
            {"User": [{"x": "root"}]},
        ],
    ),
    ("{EventID: 4625}", [{"EventID": 4625}, {"EventID": "4625"}], [{"EventID": 46250}, {"EventID": 4625.5}]),
    ("{EventID: [1, 2]}", [{"EventID": 2}], [{"EventID": 3}]),
    ("{ok: true}", [{"ok": True}, {"ok": "true"}], [{"ok": False}]),
    ("{a: 1, b: 2}", [{"a": 1, "b": 2}], [{"a": 1}, {"a": 1, "b": 3}]),
    ("[{a: 1}, {b: 2}]", [{"a": 1}, {"b": 2}], [{"a": 2}]),
    ("{Image: '*\\cmd.exe'}", [{"Image": "C:\\Windows\\CMD.EXE"}], [{"Image": "cmd.exe"}]),
    ("{Image: 'C:\\\\*\\x?.exe'}", [{"Image": "c:\\a\\b\\xy.exe"}], [{"Image": "c:\\a\\x.exe"}]),
    ("{a: 'x\\*y'}", [{"a": "X*Y"}], [{"a": "xzy"}]),
    ("{a: 'x\\\\*y'}", [{"a": "x\\zy"}], [{"a": "x*y"}]),
    ("{a: 'x\\\\y'}", [{"a": "x\\y"}], []),
    ("{a: 'x\\y'}", [{"a": "x\\y"}], []),
    ("{a: '*'}", [{"a": "anything"}, {"a": 1}], [{}]),
    ("{a: ''}", [{"a": ""}], [{"a": "x"}, {}]),
    ("{a: null}", [{"a": None}, {}], [{"a": ""}]),
    ("{'a|exists': true}", [{"a": None}, {"a": 1}], [{}]),
    ("{'a|exists': false}", [{}], [{"a": None}]),
    ("{'a|contains': [bc, xy]}", [{"a": "aBCd"}, {"a": "xy"}], [{"a": "b c"}]),
    ("{'a|contains|all': [b, d]}", [{"a": "abcd"}], [{"a": "abc"}]),
    ("{'a|startswith': ab}", [{"a": "ABC"}], [{"a": "cab"}]),
    ("{'a|endswith': '\\bc'}", [{"a": "a\\BC"}], [{"a": "abc"}]),
    ("{'a|contains': 'x*z'}", [{"a": "1xyz2"}], [{"a": "xy"}]),
    ("{'a|cased': Root}", [{"a": "Root"}], [{"a": "root"}]),
    ("{'a|contains|cased': [Oo, Xx]}", [{"a": "rOot"}], [{"a": "root"}]),
    ("{'a|neq': [x, y]}", [{"a": "z"}, {"a": 1}], [{"a": "X"}, {}]),
    ("{'a|re': 'ab+c$'}", [{"a": "xabbc"}], [{"a": "xABBC"}, {"a": "abcd"}]),
    ("{'a|re|i': 'ab+c'}", [{"a": "xABBC"}], []),
    ("{'a|cidr': ['10.0.0.0/8', '::1/128']}", [{"a": "10.1.2.3"}, {"a": "::1"}], [{"a": "11.0.0.1"}, {"a": "host"}]),
    ("{'a|gte': 5}", [{"a": 5}, {"a": 5.5}, {"a": "6"}], [{"a": 4}, {"a": "x"}]),
    ("{'a|lt': 5, 'b|gt': 1.5}", [{"a": 4, "b": 2}], [{"a": 5, "b": 2}]),
    ("{'a|fieldref': b}", [{"a": "X", "b": "x"}], [{"a": "x", "b": "y"}, {"a": "x"}]),
    ("{'a|fieldref|startswith': b}", [{"a": "xyz", "b": "XY"}], [{"a": "xyz", "b": "yz"}]),
    ("{'a|base64|contains': 'foo'}", [{"a": "xZm9vx"}, {"a": "zm9v"}], [{"a": "foo"}]),
    ("{'a|base64|contains|cased': 'foo'}", [{"a": "xZm9vx"}], [{"a": "foo"}, {"a": "zm9v"}]),
    (
        "{'a|base64offset|contains': 'http://'}",
        [{"a": "eGh0dHA6Ly9h"}, {"a": "aHR0cDovL2E="}, {"a": "eHhodHRwOi8vYQ=="}],
        [{"a": "aGk="}],
    ),
    ("{'a|wide|base64|contains': 'ab'}", [{"a": "YQBiAA=="}], []),
    (
        "{'a|windash|contains': ' -param'}",
        [{"a": "x /PARAM"}, {"a": "x -param"}, {"a": "x \u2013param"}],
        [{"a": "x param"}],
    ),
    ("{'t|hour': 13}", [{"t": "2026-11-21T13:59:00Z"}], [{"t": "2026-11-21T14:00:00Z"}, {"t": "x"}]),
    ("{'t|month|gte': 11}", [{"t": "2026-11-21T13:59:00Z"}], [{"t": "2026-10-21T13:59:00Z"}]),
    ("[EVIL, 'a*b']", [{"x": "some evil thing"}, {"y": "a--b"}], [{"x": "good"}, {"n": 1}]),
    ("{'|all': [one, two]}", [{"x": "one two"}, {"x": "one", "y": "two"}], [{"x": "one"}]),
    ("{a.b: x}", [{"a.b": "x"}, {"a": {"b": "X"}}], [{"a": "x"}, {"a": {"c": "x"}}, {}]),
    ("{a: 1.0}", [{"a": 1}, {"a": 1.0}, {"a": "1"}, {"a": "1.0"}], [{"a": 1.5}, {"a": True}]),
    (
        "{a: [1, 2]}",
        [{"a": 1}, {"a": "2"}, {"a": 2.0}, {"a": [1]}, {"a": [3, "2"]}],
        [{"a": "1.0"}, {"a": True}, {"a": 3}, {"a": None}],
    ),
    ("{'a|all': [1, 2]}", [], [{"a": 1}, {"a": "12"}]),
    ("{n.a: 1}", [{"n": {"a": "1"}}, {"n.a": 1}], [{"n": 1}, {"n": {"a": True}}]),
    ("{a: '1'}", [{"a": 1}, {"a": 1.0}, {"a": "1"}], [{"a": True}, {"a": "01"}]),
    ("{a: '*'}", [{"a": ""}, {"a": 3}, {"a": ["x"]}], [{"a": None}, {}]),
    ("{a: '?'}", [{"a": "x"}, {"a": 3}], [{"a": ""}, {"a": None}, {"a": "xy"}]),
    ("{a: 'x\\?'}", [{"a": "X?"}], [{"a": "xy"}, {"a": "x\\y"}]),
    ("{a: 'C:\\\\*'}", [{"a": "c:\\x"}, {"a": "C:\\"}], [{"a": "C:*"}, {"a": "C:x"}]),
    ("{a: 'C:\\\\\\*'}", [{"a": "c:\\*"}], [{"a": "C:\\x"}, {"a": "C:*"}]),
    ("{a: '\\\\\\\\srv'}", [{"a": "\\\\srv"}], [{"a": "\\srv"}]),
    ("{a: 'x*y'}", [{"a": "x\ny"}, {"a": "XY"}], [{"a": "xyz"}]),
    ("{a: ''}", [{"a": ""}], [{"a": None}, {}, {"a": "x"}]),
    ("{'a|contains': ''}", [{"a": ""}, {"a": 3}], [{"a": None}, {}]),
    ("{'a|startswith': 'x?z'}", [{"a": "xyz1"}], [{"a": "xz1"}]),
    ("{a: [x, null]}", [{"a": None}, {"a": "X"}, {}], [{"a": "y"}]),
    ("{'a|neq': null}", [{"a": "x"}], [{"a": None}, {}]),
    ("{'a|neq|contains': x}", [{"a": "abc"}], [{"a": "axb"}, {}]),
    ("{'a|exists': true}", [{"a": None}, {"a": ""}], [{}]),
    ("{'a|re': '^ab'}", [{"a": "ab"}], [{"a": "xab"}, {"a": "AB"}]),
    ("{'a|re|i|m': '^ab$'}", [{"a": "x\nAB\ny"}], [{"a": "xab"}]),
    ("{'a|re|s': 'a.b'}", [{"a": "a\nb"}], [{"a": "ab"}]),
    ("{'a|re|all': [x, y]}", [{"a": "xy"}], [{"a": "x"}]),
    ("{'a|cidr': 10.0.0.0/8}", [{"a": "10.255.0.1"}], [{"a": "10.0.0.999"}, {"a": "::1"}, {"a": "10.0.0"}, {"a": 10}]),
    ("{'a|cidr': '2001:db8::/32'}", [{"a": "2001:DB8::1"}], [{"a": "2001:db9::1"}, {"a": "10.0.0.1"}, {"a": "x::"}]),
    ("{'a|lt': 5}", [{"a": "4.9"}, {"a": -1}], [{"a": "5"}, {"a": "x"}, {"a": True}, {"a": ""}]),
    ("{'a|fieldref|neq': b}", [{"a": "x", "b": "y"}], [{"a": "x", "b": "X"}, {"b": "x"}]),
    (
        "{'a|fieldref|contains': n.b}",
        [{"a": "xyz", "n": {"b": "Y"}}],
        [{"a": "x", "n": {"b": "y"}}, {"a": "x", "n": 1}],
    ),
    ("{'a|base64offset|cased': foo}", [{"a": "xxZm9vx"}], [{"a": "zm9v"}]),
    ("{'a|base64': 'a\\*b'}", [{"a": "YSpi"}], [{"a": "YVwqYg=="}]),
    ("{'a|utf16be|base64offset|contains': foo}", [{"a": "AGYAbwBv"}], [{"a": "ZgBvAG8A"}]),
    ("{'a|windash': '-x'}", [{"a": "-X"}, {"a": "/x"}, {"a": "\u2015x"}], [{"a": "x"}, {"a": "+x"}]),
    ("{'a|windash|contains': ' \u2013x'}", [{"a": "y -x"}, {"a": "y /x"}], [{"a": "y x"}]),
    ("{'a|windash|contains': 'e-mail'}", [{"a": "an e-mail"}], [{"a": "an e/mail"}]),
    ("{'a|windash|contains|all': [' -x', ' -y']}", [{"a": "z /x -y"}], [{"a": "z /x y"}]),
    (
        "{'t|minute': 59}",
        [{"t": "2026-11-21T13:59:00.5+02:00"}, {"t": "2026-11-21 13:59:00"}, {"t": 1795269540}],
        [{"t": "13:59"}],
    ),
    ("{'t|week': 53}", [{"t": "2026-12-28T00:00:00Z"}, {"t": "2027-01-03T00:00:00Z"}], [{"t": "2027-01-04T00:00:00Z"}]),
    ("{'t|week': 1}", [{"t": "2024-12-30T00:00:00Z"}, {"t": "2026-01-01T00:00:00Z"}], [{"t": "2024-12-29T00:00:00Z"}]),
    ("evil", [{"x": "some Evil"}, {"o": {"p": [{"q": "devil"}]}}], [{"evil": 1}, {"x": None}]),
    ("[4625, 'a\\*b']", [{"n": 4625}, {"m": {"n": "x4625"}}, {"l": ["1A*b2"]}], [{"n": 462}, {"x": "axb"}]),
    ("{'|re': ['a.+b', 'xy$']}", [{"x": "aQb"}, {"y": "xy"}], [{"x": "ab"}, {"x": "xyz"}]),
    ("{'|contains|cased': [Evil]}", [{"x": "anEvil1"}], [{"x": "evil"}]),
    ("{'|startswith|all': [a, b]}", [{"x": "ay", "y": "by"}], [{"x": "ay", "y": "xb"}]),
    ("[evil, {a: 1}]", [{"x": "evil"}, {"a": 1}], [{"a": 2}]),
    ("{'a b': x, 'c-d|contains': y}", [{"a b": "x", "c-d": "zyz"}], [{"a b": "x"}]),
    ("{a.b.c: x}", [{"a": {"b": {"c": "x"}}}, {"a.b.c": "x"}], [{"a": {"b": "x"}}, {"a": None}]),
    ("{Straße: GRÜN}", [{"Straße": "grün"}], [{"Straße": "rot"}]),
    ("{'a|contains': ΑΣ}", [{"a": "ΑΣΑ"}, {"a": "ας"}, {"a": "xασ"}], [{"a": "α"}]),  # noqa: RUF001 (Greek letters)
    (
        "{'a|fieldref': b}",
        [{"a": "GRÜN", "b": "grün"}, {"a": ["x", "y"], "b": ["Y"]}],
        [{"a": "x", "b": ["y"]}, {"a": [], "b": []}],
    ),
    ("{'a|fieldref|contains|cased': b}", [{"a": "xÜy", "b": "Ü"}], [{"a": "xÜy", "b": "ü"}]),
    # Of a list one item is enough; for `all`, one for each value.
    ("{'a|contains|all': [x, y]}", [{"a": ["1x", "2y"]}, {"a": "xy"}], [{"a": ["1x"]}]),
    ("{'a|re': '^x$'}", [{"a": ["y", "x"]}], [{"a": ["xy"]}]),
    ("{'a|gt': 5}", [{"a": [1, 9]}], [{"a": [1, 5]}]),
    ("{'a|cidr': 10.0.0.0/8}", [{"a": ["::1", "10.0.0.1"]}], [{"a": ["x"]}]),
    ("{'a|neq': x}", [{"a": ["y"]}, {"a": []}], [{"a": ["y", "X"]}]),
    ("{'a|exists': true}", [{"a": []}, {"a": {}}], [{"b": 1}]),
    ("{a: null}", [{}, {"a": None}], [{"a": []}, {"a": ["x"]}, {"a": [None]}]),
    ("{a: '*'}", [{"a": ["x"]}, {"a": [[0]]}], [{"a": None}, {"a": []}, {"a": {}}, {"a": [None]}]),
    # Names with dots lead through lists of maps.
    (
        "{p.q: x}",
        [{"p": [{"q": "y"}, {"q": "X"}]}, {"p": {"q": ["x"]}}, {"p": [[{"q": "x"}]]}, {"p.q": "x", "p": {"q": "y"}}],
        [{"p": [{"r": "x"}]}, {"p.q": "y", "p": {"q": "x"}}, {"p": "x"}, {"p": [{"q": {"r": "x"}}]}],
    ),
    (
        "{'p.q|exists': true}",
        [{"p": [{"q": "y"}]}, {"p": {"q": None}}, {"p.q": None}],
        [{"p": [{"r": 1}]}, {"p": 1}, {}],
    ),
    ("{p.q: null}", [{"p": 1}, {}, {"p": {"q": None}}], [{"p": [{"q": 1}]}, {"p": {"q": 0}}]),
    ("{'p.q|neq': x}", [{"p": [{"q": "y"}]}], [{"p": [{"q": "y"}, {"q": "x"}]}, {"p": 1}]),
    ("{p.q: '*'}", [{"p": [{"q": "y"}]}, {"p": {"q": 0}}], [{"p": {"q": None}}, {"p": []}]),
    # What stands for a wildcard itself is none.
    ("{a: '\\*'}", [{"a": "*"}], [{"a": "x"}, {"a": ""}]),
    ("{'a|contains': '\\*'}", [{"a": "x*y"}], [{"a": "x"}]),
    ("{'a|contains': '\\?'}", [{"a": "x?y"}], [{"a": "x"}]),
    ("{'a|startswith': '*x'}", [{"a": "axb"}, {"a": "x"}], [{"a": "a"}]),
    ("{'a|endswith': 'x*y'}", [{"a": "1xzy"}], [{"a": "xyz"}]),
    ("{'a|windash|contains': [' -a -b -c -d', q]}", [{"a": "x /a –b —c ―d"}, {"a": "Q"}], [{"a": " -a -b -c"}]),  # noqa: RUF001 (the dashes the specification names)
    ("{'a|windash|startswith': '-x*y'}", [{"a": "/xzy!"}], [{"a": "z/xzy"}]),
    ("{'a|expand': 'C:\\x\\%y'}", [{"a": "c:\\x%y"}], [{"a": "c:\\x"}]),
    ("{'a|re|startswith': 'b+|c'}", [{"a": "bx"}, {"a": "c"}], [{"a": "xb"}, {"a": "xc"}]),
    ("{'a|re|ignorecase|dotall': 'a.b'}", [{"a": "A\nb"}], [{"a": "ab"}]),
    ("{'a|cidr': '2001:db8::/32'}", [{"a": "2001:db8:0:0:0:0:0:1"}], [{"a": ":::"}, {"a": "1::2::3"}, {"a": ":"}]),
    (
        "{'t|hour|lt': 6}",
        [{"t": 10800}, {"t": 1795238000000}, {"t": 1795238000.5}],
        [{"t": "2026-13-40T25:00:00Z"}, {"t": 2026}],
    ),
    ("{'t|year': 2026}", [{"t": ["x", "2026-01-01T00:00:00Z"]}], [{"t": "2025-12-31T23:59:59"}]),
    ("{a: 1.50}", [{"a": 1.5}, {"a": "1.5"}], [{"a": "1.50"}]),
    ("[[x, y], {a: z}]", [{"b": "ay"}, {"a": "z"}], [{"b": "z"}]),
]


def met(condition: str, event: dict[str, Any]) -> bool:
    signal = {"raw": event, "body": "", "title": ""}
    return cel.compile(condition, schema=SCHEMA).matches(signal)


@pytest.mark.parametrize(("search", "matching", "others"), CASES, ids=[case[0] for case in CASES])
def test_a_search_matches_what_it_says(
    search: str, matching: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    given = parse_yaml(f"s: {search}", "x").content["s"]
    found = detection({"s": given, "condition": "s"})
    inverse = detection({"s": given, "condition": "not s"})
    again = detection({"s": given, "condition": "not not s"})
    for event in matching:
        assert (met(found, event), met(inverse, event), met(again, event)) == (True, False, True), (found, inverse)
    for event in others:
        assert (met(found, event), met(inverse, event), met(again, event)) == (False, True, False), (found, inverse)


SEARCHES = {"sel1": {"a": 1}, "sel2": {"b": 1}, "sel3": {"c": 1}, "filter": {"d": 1}, "_no": {"e": 1}}


@pytest.mark.parametrize(
    ("condition", "event", "expected"),
    [
        ("sel1 and sel2", {"a": 1, "b": 1}, True),
        ("sel1 and sel2", {"a": 1}, False),
        ("sel1 or sel2 and sel3", {"a": 1}, True),
        ("(sel1 or sel2) and sel3", {"a": 1}, False),
        ("sel1 and not filter", {"a": 1}, True),
        ("sel1 and not filter", {"a": 1, "d": 1}, False),
        ("1 of sel*", {"c": 1}, True),
        ("any of sel*", {"c": 1}, True),
        ("all of sel*", {"a": 1, "b": 1}, False),
        ("all of sel*", {"a": 1, "b": 1, "c": 1}, True),
        ("2 of sel*", {"a": 1, "c": 1}, True),
        ("2 of sel*", {"a": 1}, False),
        ("1 of them", {"e": 1}, False),
        ("1 of *", {"e": 1}, False),
        ("1 of _*", {"e": 1}, True),
        ("1 of s*3", {"c": 1}, True),
        ("not(sel1) and(sel2)", {"b": 1}, True),
        ("all of them", {"a": 1, "b": 1, "c": 1, "d": 1}, True),
        ("sel1 AND NOT 1 of filter*", {"a": 1}, True),
        ("not (sel1 or sel2)", {}, True),
        ("not (sel1 or sel2)", {"b": 1}, False),
    ],
)
def test_conditions_join_searches(condition: str, event: dict[str, Any], *, expected: bool) -> None:
    assert met(detection({**SEARCHES, "condition": condition}), event) is expected


def test_several_conditions_are_alternatives() -> None:
    found = detection({**SEARCHES, "condition": ["sel1 and sel2", "sel3"]})
    assert [met(found, event) for event in ({"a": 1}, {"c": 1}, {"a": 1, "b": 1})] == [False, True, True]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"s": {"a|re": "(?<=x)y"}, "condition": "s"}, "RE2 refuses"),
        ({"s": {"a|expand": "%Servers%"}, "condition": "s"}, "placeholder"),
        ({"s": {"a|sounds": "x"}, "condition": "s"}, "not known"),
        ({"s": {"a": 1}, "condition": "s and t"}, "'t'"),
        ({"s": {"a": 1}, "condition": "s | count() by x > 5"}, r"goes on with '\|'"),
        ({"s": {"a": 1}, "condition": "(s"}, "lacks"),
        ({"s": {"a": 1}, "condition": "1 of x*"}, "x\\*"),
        ({"s": {"a": 1}}, "no condition"),
        ({"s": {}, "condition": "s"}, "match everything"),
        ({"s": {"|gt": [1]}, "condition": "s"}, "needs a field"),
        ({"s": {"a|windash|base64": "-a -b -c -d"}, "condition": "s"}, "permutations"),
        ({"s": {"a": {"b": 1}}, "condition": "s"}, "no text or number"),
        ({"s": {"a": [[1]]}, "condition": "s"}, "no text or number"),
        ({"s": {"a": []}, "condition": "s"}, "empty list"),
        ({"s": [], "condition": "s"}, "empty list"),
        ({"s": {"a|contains": None}, "condition": "s"}, "null"),
        ({"s": {"a|cidr|contains": "10.0.0.0/8"}, "condition": "s"}, "do not go together"),
        ({"s": {"a|startswith|endswith": "x"}, "condition": "s"}, "do not go together"),
        ({"s": {"a|base64|re": "x"}, "condition": "s"}, "do not go together"),
        ({"s": {"a|i": "x"}, "condition": "s"}, "belongs to 're'"),
        ({"s": {"a|gt": "x"}, "condition": "s"}, "compared with a number"),
        ({"s": {"a|exists": 3}, "condition": "s"}, "true or false"),
    ],
)
def test_what_cannot_be_carried_over_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(NotImportable, match=words):
        detection(given)
