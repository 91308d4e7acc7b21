"""Signatures: any active secret is accepted, nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.ports.signature import equal_secrets, sign_hex, verify_hex

SECRETS = st.lists(st.binary(min_size=1, max_size=140), min_size=1, max_size=4)


def test_the_signature_is_the_one_of_rfc_4231_case_2() -> None:
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert sign_hex("Jefe", b"what do ya want for nothing?") == expected


@given(SECRETS, st.binary(), st.data())
def test_a_signature_by_any_active_secret_is_accepted(secrets: list[bytes], body: bytes, data: st.DataObject) -> None:
    secret = data.draw(st.sampled_from(secrets))
    assert verify_hex(secrets, body, sign_hex(secret, body))
    assert verify_hex(secrets, body, f" {sign_hex(secret, body).upper()} ")


@given(SECRETS, st.binary(min_size=1), st.data())
def test_one_flipped_bit_of_the_body_is_refused(secrets: list[bytes], body: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(body) * 8 - 1))
    other = bytearray(body)
    other[at // 8] ^= 1 << (at % 8)
    assert not verify_hex(secrets, bytes(other), sign_hex(secrets[0], body))


@given(SECRETS, st.binary(), st.integers(0, 63))
def test_one_changed_digit_of_the_signature_is_refused(secrets: list[bytes], body: bytes, at: int) -> None:
    good = sign_hex(secrets[0], body)
    wrong = good[:at] + ("0" if good[at] != "0" else "1") + good[at + 1 :]
    assert not verify_hex(secrets, body, wrong)


@given(st.text())
def test_text_that_is_no_signature_is_refused_without_an_error(given_text: str) -> None:
    assert not verify_hex(["secret"], b"body", given_text)
    assert not verify_hex(["secret"], b"body", "é" * 64)
    assert not verify_hex(["secret"], b"body", "٣" * 64)


def test_no_secret_and_an_empty_secret_accept_nothing() -> None:
    assert not verify_hex([], b"body", sign_hex("", b"body"))
    assert not verify_hex([""], b"body", sign_hex("", b"body"))
    assert verify_hex(["", "good"], b"body", sign_hex("good", b"body"))


def test_a_token_is_compared_whole_and_an_empty_one_never_matches() -> None:
    assert equal_secrets(["old", "new"], "new")
    assert not equal_secrets(["old", "new"], "ne")
    assert not equal_secrets([""], "")
    assert not equal_secrets([], "")
