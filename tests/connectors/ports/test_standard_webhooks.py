"""Our signatures and the reference implementation's are the same."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from connectors.ports.standard_webhooks import key_of, sign, verify

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@given(body=st.text(), at=st.integers(0, 2**33), name=st.text("abcdefghij_0123456789", min_size=1))
def test_both_sign_alike_and_ours_verifies(body: str, at: int, name: str) -> None:
    theirs = Webhook(SECRET).sign(name, datetime.fromtimestamp(at, UTC), body)
    assert sign(key_of(SECRET), name, at, body.encode()) == theirs
    verdict = verify(
        [b"other", key_of(SECRET)],
        message_id=name,
        timestamp=str(at),
        signatures=theirs,
        body=body.encode(),
        now=at * 1_000_000,
    )
    assert verdict == "valid"


@given(message_id=st.text(), timestamp=st.text(), signatures=st.text(), body=st.binary())
def test_anything_else_is_a_bad_signature(message_id: str, timestamp: str, signatures: str, body: bytes) -> None:
    found = verify(
        [key_of(SECRET)], message_id=message_id, timestamp=timestamp, signatures=signatures, body=body, now=0
    )
    assert found == "bad_signature"


@pytest.mark.parametrize("secret", ["whsec_", "", "whsec_not base64", "plain"])
def test_a_secret_that_cannot_be_read_says_what_one_looks_like(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_"):
        key_of(secret)
