"""Records: ids are deterministic, newer writers survive, exported schemas equal the types."""

import json
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from schemas import Decision, DecisionKind, LogBatch, LogLine, Signal, content_hash, decide, digest, idempotency_uuid
from schemas.export import FOLDER, documents
from schemas.payload import DATA, CommandTaken, PlaybookSkipped
from schemas.time import EPOCH, from_rfc3339, to_rfc3339

NOW = from_rfc3339("2026-11-21T10:00:00Z")


def observed(**fields: object) -> Signal:
    plain: dict[str, object] = {
        "source": "sentry",
        "occurrence_id": "e1",
        "type": "error",
        "title": "boom",
        "occurred_at": NOW,
        "received_at": NOW,
        "group_key": "g",
    }
    return Signal.observed(**{**plain, **fields})  # type: ignore[arg-type]


def test_the_same_occurrence_and_revision_give_the_same_id_and_another_revision_another() -> None:
    assert observed().id == observed(title="other words").id
    assert observed(revision="resolved").id != observed().id
    assert observed(source="linear").id != observed().id


@given(st.lists(st.text(), min_size=1, max_size=4), st.lists(st.text(), min_size=1, max_size=4))
def test_two_lists_of_parts_share_a_digest_only_when_they_are_equal(left: list[str], right: list[str]) -> None:
    assert (digest("x", *left) == digest("x", *right)) == (left == right)


def test_unknown_fields_and_kinds_of_a_newer_version_survive_a_round_trip() -> None:
    newer = {
        "schema_version": 7,
        "id": "dec_1",
        "at": "2026-11-21T10:00:00.000000Z",
        "kind": "incident.teleported",
        "actor": "system",
        "because": "a newer version says so",
        "data": {"where": "elsewhere"},
        "versions": {"quantum": "abc"},
        "mood": {"calm": True},
    }
    back = json.loads(Decision.from_json(json.dumps(newer).encode()).to_json())
    assert back["mood"] == {"calm": True}
    assert back["kind"] == "incident.teleported"
    assert back["versions"]["quantum"] == "abc"
    assert back["schema_version"] == 7


def test_deciding_again_gives_the_same_id_and_a_meant_repeat_another() -> None:
    def skipped(attempt: int = 0, index: int = 0) -> Decision:
        data = PlaybookSkipped(playbook=None, reason="none_named")
        return decide(
            "playbook.skipped",
            at=NOW,
            actor="system",
            because="x",
            cause=("sig_1",),
            data=data,
            attempt=attempt,
            index=index,
        )

    assert skipped().id == skipped().id
    assert len({skipped().id, skipped(attempt=1).id, skipped(index=1).id}) == 3


def test_a_decision_refuses_data_of_another_kind() -> None:
    with pytest.raises(TypeError, match="carries PlaybookSkipped, found CommandTaken"):
        decide(
            "playbook.skipped",
            at=NOW,
            actor="system",
            because="x",
            cause=(),
            data=CommandTaken(command_id="c", kind="k"),
        )


def test_every_kind_of_decision_has_a_shape_and_no_shape_lacks_a_kind() -> None:
    assert set(DATA) == set(get_args(DecisionKind))


def test_the_exported_schemas_are_those_of_the_types() -> None:
    written = {path.name: path.read_text() for path in FOLDER.iterdir()}
    assert written == documents(), "run `python -m schemas.export`"


def test_a_signal_as_written_is_valid_by_its_exported_schema() -> None:
    schema = json.loads(documents()["signal.schema.json"])
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(json.loads(observed(labels={"a": "b"}, measures={"n": 1.5}).to_json()))


def test_the_data_of_every_kind_resolves_within_its_document() -> None:
    document = json.loads(documents()["decision.data.schema.json"])
    Draft202012Validator.check_schema(document)
    for kind, reference in document["properties"].items():
        name = reference["$ref"].removeprefix("#/$defs/")
        assert document["$defs"][name]["title"] == DATA[kind].__name__


@given(st.integers(min_value=0, max_value=4_000_000_000_000_000))
def test_a_moment_survives_text_to_the_microsecond(moment: int) -> None:
    written = to_rfc3339(moment)
    assert from_rfc3339(written) == moment
    assert written == (EPOCH + timedelta(microseconds=moment)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.mark.parametrize("text", ["yesterday", "", "2026-13-01T00:00:00Z"])
def test_what_is_not_a_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="expected RFC 3339"):
        from_rfc3339(text)


@given(st.text())
def test_idempotency_ids_have_the_shape_of_version_4(key: str) -> None:
    identity = idempotency_uuid(key)
    assert identity[14] == "4"
    assert identity[19] in "89ab"
    assert identity == idempotency_uuid(key)


def test_a_line_of_a_batch_is_a_signal_named_by_batch_and_index() -> None:
    lines = (LogLine(occurred_at=NOW, severity="error", body="first\nmore"), LogLine(occurred_at=NOW, body="second"))
    batch = LogBatch(id="bat_1", source="sentry", service="web", received_at=NOW, lines=lines, labels={"host": "a"})
    first, second = batch.signals()
    assert (first.id, second.id) == ("bat_1/0", "bat_1/1")
    assert (first.title, first.status, second.status) == ("first", "firing", "info")
    assert first.labels == {"host": "a"}


def test_records_are_frozen() -> None:
    with pytest.raises(ValidationError):
        observed().title = "changed"  # type: ignore[misc]


def test_a_content_hash_is_of_bytes_whatever_their_type() -> None:
    assert content_hash("ü") == content_hash("ü".encode())
