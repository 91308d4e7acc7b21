"""Secrets leave, everything else stays byte for byte."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from processors.ingest.redact import _MASKS, Redactor
from processors.ingest.shapes import SHAPES, field_kind

REDACTOR = Redactor(b"0123456789abcdef0123456789abcdef")
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def _drawn(alphabet: str, count: int) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=count, max_size=count)


def _luhn_complete(digits: str) -> str:
    total = 0
    for index, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if index % 2 == 0 else 1)
        total += number - 9 if number > 9 else number
    return digits + str(-total % 10)


TOKENS: dict[str, st.SearchStrategy[str]] = {
    "aws_access_key": _drawn(string.ascii_uppercase + string.digits, 16).map("AKIA".__add__),
    "github_token": st.one_of(
        _drawn(ALNUM, 36).map("ghp_".__add__),
        _drawn(ALNUM, 36).map("ghs_".__add__),
        _drawn(ALNUM, 82).map("github_pat_".__add__),
    ),
    "gitlab_token": _drawn(ALNUM, 20).map("glpat-".__add__),
    "slack_token": _drawn(ALNUM, 24).map("xoxb-1234567890-".__add__),
    "stripe_key": _drawn(ALNUM, 24).map("sk_live_".__add__),
    "webhook_secret": _drawn(ALNUM, 32).map("whsec_".__add__),
    "linear_token": _drawn(ALNUM, 40).map("lin_api_".__add__),
    "sentry_token": _drawn(HEX, 64).map("sntryu_".__add__),
    "pagerduty_token": _drawn(ALNUM, 18).map("u+".__add__),
    "openai_key": _drawn(ALNUM, 48).map("sk-proj-".__add__),
    "anthropic_key": _drawn(ALNUM, 90).map("sk-ant-api03-".__add__),
    "google_key": _drawn(ALNUM, 35).map("AIza".__add__),
    "vault_token": _drawn(ALNUM, 24).map("hvs.".__add__),
    "npm_token": _drawn(ALNUM, 36).map("npm_".__add__),
    "docker_token": _drawn(ALNUM, 27).map("dckr_pat_".__add__),
    "huggingface_token": _drawn(ALNUM, 34).map("hf_".__add__),
    "jwt": st.tuples(_drawn(ALNUM, 30), _drawn(ALNUM, 50), _drawn(ALNUM, 43)).map(lambda t: "eyJ" + ".".join(t)),
    "card_number": _drawn(string.digits, 14).map(lambda tail: _luhn_complete("4" + tail)),
    "private_key": _drawn(ALNUM, 64).map(
        lambda core: f"-----BEGIN RSA PRIVATE KEY-----\n{core}\n-----END RSA PRIVATE KEY-----"
    ),
}
PASSWORD = st.tuples(st.sampled_from(ALNUM), st.text(ALNUM + "!#$%*+-._~", min_size=5, max_size=24)).map("".join)
LEADS = st.sampled_from(["", "failed for ", "é\n", "key is\t", '("', "x: "])
TAILS = st.sampled_from(["", " and more", "\nnext", '")', " é"])
FIELDS = st.sampled_from(["title", "body", "raw", "labels"])


def _record(text: str, field: str) -> bytes:
    record: dict[str, object] = {"id": "sig_1", "title": "t", "body": "", "labels": {}, "raw": {}}
    record[field] = {"deep": [{"note": text}]} if field == "raw" else {"note": text} if field == "labels" else text
    return to_json(record)


@pytest.mark.parametrize("kind", sorted(TOKENS))
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_token_of_a_known_shape_survives_anywhere_in_a_record(kind: str, data: st.DataObject) -> None:
    token = data.draw(TOKENS[kind])
    text = data.draw(LEADS) + token + data.draw(TAILS)
    after = REDACTOR.record(_record(text, data.draw(FIELDS)))
    assert json.dumps(token)[1:-1] not in after.decode()
    assert f"[secret:{kind}:" in after.decode()


@settings(max_examples=200, deadline=None)
@given(
    secret=PASSWORD,
    form=st.sampled_from(
        [
            "password={}",
            "DB_PASSWORD={} host=db",
            'login {{"password": "{}"}}',
            "{{'user': 'x', 'passwd': '{}'}}",
            '{{\\"password\\":\\"{}\\",\\"a\\":1}}',
            "https://user:{}@host/path",
            "postgresql://app:{}@db:5432/shop?sslmode=require",
            "GET /?api_key={}&page=2",
            "mysql --password {} -h db",
            "Cookie: session={}",
            "IDENTIFIED BY '{}'",
            'client_secret = "{}"',
        ]
    ),
    field=FIELDS,
)
def test_no_password_in_a_known_place_survives(secret: str, form: str, field: str) -> None:
    record = _record(form.format(secret), field)
    after = REDACTOR.record(record)
    assert not [leaf for leaf in _leaves(json.loads(after)) if secret in leaf]
    assert b"[secret:" in after


@settings(max_examples=100, deadline=None)
@given(
    secret=st.text(min_size=1, max_size=30).filter(lambda text: text.strip().strip("*x•")),
    name=st.sampled_from(
        [
            "password",
            "Authorization",
            "X-Api-Key",
            "cookie",
            "Set-Cookie",
            "access_token",
            "clientSecret",
            "HTTP_COOKIE",
        ]
    ),
    shape=st.sampled_from(["plain", "pair", "named", "inside"]),
)
def test_the_value_of_a_field_with_a_telling_name_never_survives(secret: str, name: str, shape: str) -> None:
    assume(secret not in _MASKS)
    raw: object = {
        "plain": {name: secret},
        "pair": {"headers": [["Accept", "*/*"], [name, secret]]},
        "named": {"attributes": [{"value": {"stringValue": secret}, "key": name}]},
        "inside": {name: [{"a": secret}, secret]},
    }[shape]
    after = json.loads(REDACTOR.record(to_json({"raw": raw})))["raw"]
    leaves = list(_leaves(after))
    assert secret not in leaves
    assert any(leaf.startswith("[secret:") for leaf in leaves)


def _leaves(value: object) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [leaf for inner in value.values() for leaf in _leaves(inner)]
        case list():
            return [leaf for inner in value for leaf in _leaves(inner)]
        case _:
            return []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdefgh", max_size=6), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_a_record_without_secrets_is_the_very_same_bytes(raw: object) -> None:
    encoded = to_json({"id": "sig_1", "raw": raw})
    after = REDACTOR.record(encoded)
    assert after == encoded or b"[secret:" in after


FRAGMENTS = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "password= ",
                "token: ",
                '"secret": "',
                "\\",
                '"',
                "'",
                "Bearer ",
                "://u:",
                "@",
                "[secret:token:12345678]",
                "\n",
                "Authorization: ",
                "--token ",
                "[",
                "]",
                ":",
                "4111111111111111",
                "Cookie: a=",
                "eyJhbGciOi",
                ".",
            ]
        ),
        st.text(max_size=6),
        *TOKENS.values(),
    ),
    max_size=8,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(FRAGMENTS)
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = REDACTOR.text(text)
    assert REDACTOR.text(once) == once
    encoded = REDACTOR.record(to_json({"body": text, "labels": {"password": text}}))
    assert REDACTOR.record(encoded) == encoded


@settings(max_examples=500, deadline=None)
@given(FRAGMENTS)
def test_the_quick_scan_of_the_encoding_misses_nothing_that_the_closer_look_would_find(text: str) -> None:
    content = text.encode()
    if REDACTOR._once(content, cards=True) is not content:
        assert REDACTOR.suspects(content)
        assert REDACTOR.suspects(to_json({"body": text}))


@pytest.mark.parametrize(
    "name",
    [
        "api key",
        "Api.Key",
        "x-api-key",
        "PASSWORD",
        "db_password_",
        "session id",
        "Set-Cookie",
        "card-number",
        "pass",
        "jwt",
    ],
)
def test_a_telling_name_is_seen_however_it_is_punctuated(name: str) -> None:
    assert b"hunter" not in REDACTOR.record(to_json({"raw": {name: "hunter"}}))


@pytest.mark.parametrize(
    "text",
    [
        "SyntaxError: Unexpected token: identifier (12:3)",
        "Invalid password: incorrect",
        "bearer certificate expired",
        "the secret of good coffee is patience",
        "4505281256939520/envelope at /projects/4505281256939524/",
        "550e8400-e29b-41d4-a716-446655440000",
        "1795248000000 1795248000000000000",
        "https://public@o123.ingest.example/4505281256939520",
        "task-management-service-in-production-eu-west",
        "token == null",
        "password=[Filtered]",
        "u+1F600",
    ],
)
def test_what_only_looks_like_a_secret_stays(text: str) -> None:
    assert REDACTOR.text(text) == text


def test_a_number_in_a_field_that_names_an_id_is_no_card() -> None:
    number = _luhn_complete("450528125693952")
    kept = to_json({"raw": {"project_id": number, "organization": number, "id": int(number)}})
    assert REDACTOR.record(kept) is kept
    assert number.encode() not in REDACTOR.record(to_json({"raw": {"note": number}}))


def test_equal_secrets_stay_equal_and_another_key_gives_another_token() -> None:
    first, second = (REDACTOR.text(text) for text in ("password=hunter2", "x passwd: hunter2"))
    assert first.split("=")[1] == second.split(": ")[1]
    assert Redactor(b"another key of 16 bytes").text("password=hunter2") != first


def test_a_secret_inside_of_a_refused_match_is_found() -> None:
    assert "abcdefghijk1" not in REDACTOR.text("token: Bearer abcdefghijk1")


def test_content_that_is_not_utf8_keeps_its_other_bytes() -> None:
    after = REDACTOR.content(b"\xff\xfe\x00 password=hunter2 \x80")
    assert after.startswith(b"\xff\xfe\x00 password=[secret:password:")
    assert after.endswith(b"] \x80")


def test_identities_and_big_numbers_come_through_a_redaction() -> None:
    encoded = to_json({"id": "password=abc", "trace": "token=abcdefgh1", "body": "password=abc", "raw": {"n": 2**80}})
    after = json.loads(REDACTOR.record(encoded))
    assert (after["id"], after["trace"], after["raw"]) == ("password=abc", "token=abcdefgh1", {"n": 2**80})
    assert "abc" not in after["body"].replace("[secret:", "").split("]")[0].split("=")[1].split(":")[0]


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        Redactor(b"short")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Authorization", "authorization"),
        ("X-Api-Key", "api_key"),
        ("set-cookie", "cookie"),
        ("db.password", "password"),
        ("group_key", None),
        ("fingerprint", None),
        ("author", None),
        ("tokens_used", None),
    ],
)
def test_field_names_tell_their_kind(name: str, kind: str | None) -> None:
    assert field_kind(name) == kind


def test_every_kind_is_listed_in_the_documentation() -> None:
    page = (Path(__file__).parents[3] / "docs" / "door.md").read_text()
    missing = sorted(
        {shape.kind for shape in SHAPES} - {"named", "option"} - {kind for kind in page.split("`") if kind}
    )
    assert not missing
