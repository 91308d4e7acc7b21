"""The fingerprint of labels is FNV-1a over their bytes, however it is put together."""

from hypothesis import given
from hypothesis import strategies as st

from connectors.alertmanager.alert import fingerprint


def plain(labels: dict[str, str]) -> str:
    """As the definition says: byte by byte."""
    found = 0xCBF29CE484222325
    for name in sorted(labels):
        for byte in name.encode() + b"\xff" + labels[name].encode() + b"\xff":
            found = ((found ^ byte) * 0x100000001B3) % 2**64
    return f"{found:016x}"


TEXTS = st.one_of(st.text(max_size=12), st.text(min_size=90, max_size=120))


@given(st.dictionaries(st.text(max_size=8), TEXTS, max_size=8))
def test_a_fingerprint_is_the_hash_of_all_bytes_in_order(labels: dict[str, str]) -> None:
    assert fingerprint(labels) == fingerprint(dict(reversed(labels.items()))) == plain(labels)


def test_labels_known_to_prometheus_have_its_fingerprint() -> None:
    """`TestLabelsToSignature` of prometheus/common, model/signature_test.go."""
    assert fingerprint({}) == f"{14695981039346656037:016x}"
    found = fingerprint({"name": "garland, briggs", "fear": "love is not enough"})
    assert found == f"{5799056148416392346:016x}"
