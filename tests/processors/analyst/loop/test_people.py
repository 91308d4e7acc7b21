"""Names of people are known by the fields they stand in, and masked in running text too."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.analyst.loop import Mask


def masked(known: Any, text: str) -> str:
    mask = Mask()
    mask.meet(known)
    found = mask.text(text)
    assert mask.reveal(found) == text, "whatever is masked comes back as it was"
    return found


@pytest.mark.parametrize(
    ("known", "text", "left"),
    [
        ({"author": "Ada Lovelace"}, "ada lovelace pushed; Ada said so, and Lovelace", "p1 pushed; p2 said so, and p3"),
        ({"author": "Lovelace, Ada"}, "by Ada Lovelace (Lovelace, Ada)", "by p1 (p2)"),
        ({"commits": [{"author": "Grace Hopper"}]}, "Hopper asks for grace", "p1 asks for grace"),
        ({"assignee": {"displayName": "Bo Ek", "email": "b@x.io"}}, "ask Bo Ek", "ask p1"),
        ({"user": {"id": 7, "username": "countess"}}, "user countess logged in", "user p1 logged in"),
        ({"reviewers": ["jdoe42", "Max Planck"]}, "jdoe42 and Planck, max 3", "p1 and p2, max 3"),
        ({"first_name": "Ada", "last_name": "Lovelace", "email": "a@x.io"}, "Ada Lovelace", "p1"),
        ({"who": "Zoë Åström"}, "called Zoë Åström twice, Åström once", "called p1 twice, p2 once"),
        ({"actor": "田中太郎"}, "依頼は田中太郎からです", "依頼はp1からです"),
        ({"message": "Signed-off-by: Ada Lovelace <ada@x.io>"}, "thanks Ada Lovelace", "thanks p1"),
        ({"body": 'reported by "Jean-Luc Picard" <jl@x.io>'}, "Picard knows", "p1 knows"),
        ({"author": "human:marylou"}, "marylou says", "p1 says"),
        ({"author": "Ada Lovelace"}, "/srv/Ada/x", "/srv/p1/x"),
    ],
)
def test_who_stands_in_a_field_is_masked_wherever_the_name_appears(known: Any, text: str, left: str) -> None:
    shown = masked(known, text)
    for number in (1, 2, 3):
        shown = shown.replace(f"[[person-{number}]]", f"p{number}")
    assert shown == left


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ({"author": "renovate[bot]"}, "renovate opened it"),
        ({"actor": "argocd"}, "argocd is out of sync"),
        ({"creator": "deploy-bot"}, "deploy-bot rolled out"),
        ({"author": "GitHub Actions"}, "GitHub Actions failed"),
        ({"actor": "payments", "service": "payments"}, "payments is down"),
        ({"owner": {"kind": "ReplicaSet", "name": "checkout-5d"}}, "checkout-5d restarted"),
        ({"name": "checkout", "version": "7"}, "checkout 7 fails"),
        ({"author": "Ada Lovelace"}, "adamant lovelaces, Ada-like"),
        ({"author": "Mark Page"}, "Mark the Page as read"),
        ({"actor": "rule:errors"}, "rule:errors fired"),
        ({"user": {"username": "system:serviceaccount:shop:cart"}}, "cart of shop"),
        ({"note": "ada <not an address>"}, "ada"),
        ({"author": "x" * 200}, "x" * 200),
    ],
)
def test_programs_things_and_mere_words_are_nobody(known: Any, text: str) -> None:
    assert masked(known, text) == text


def test_a_name_is_one_token_in_its_field_and_in_text() -> None:
    mask = Mask()
    shown = mask.value({"issue": {"assignee": "Ada Lovelace", "body": "Ada Lovelace is on it"}})
    assert shown == {"issue": {"assignee": "[[person-1]]", "body": "[[person-1]] is on it"}}


def test_an_address_with_a_name_in_it_is_masked_whole() -> None:
    mask = Mask()
    mask.meet({"author": "Ada Lovelace"})
    assert mask.text("Ada.Lovelace@example.com, Ada") == "[[email-1]], [[person-1]]"


def test_the_same_records_give_the_same_tokens_on_every_worker() -> None:
    records = [{"author": "Ada Lovelace"}, {"text": "Bob Marley <bob@x.io> and Ada Lovelace"}, {"text": "Marley, Ada"}]
    one, other = Mask(), Mask()
    assert [one.value(each) for each in records] == [other.value(each) for each in records]


def test_switched_off_nobody_is_masked() -> None:
    mask = Mask(on=False)
    assert mask.value({"author": "Ada Lovelace"}) == {"author": "Ada Lovelace"}


NAMES = st.sampled_from(
    [
        "Ada Lovelace",
        "bob",
        "Zoë Åström",
        "(.*)",
        "[[person-1]]",
        "a|b",
        "x" * 90,
        "田中太郎",
        "O'Hara, Sean",
        "\\1 \\2",
        "",
    ]
)


@given(
    st.lists(
        st.tuples(st.sampled_from(["author", "user", "name", "text", "service"]), NAMES | st.text(max_size=30)),
        max_size=8,
    ),
    st.text(max_size=60),
)
def test_whatever_stands_in_such_fields_text_comes_back(fields: list[tuple[str, str]], text: str) -> None:
    mask = Mask()
    for field, value in fields:
        record = {"any": {field: value}, "user": {field: value}, "body": f"{text} {value} {text}"}
        assert mask.reveal_value(mask.value(record)) == record
