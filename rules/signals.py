"""Signals as the engine works on them: the decoded JSON of the stored record, checked for what deciding rests on."""

from typing import Any

from pydantic import ValidationError

from schemas.signal import LogBatch, Signal
from schemas.time import from_rfc3339

Fields = dict[str, Any]

_TEXTS = ("id", "source", "type", "status", "severity", "title", "occurred_at", "occurrence_id", "group_key")


class BadInput(ValueError):
    """The input cannot be decided about; quarantine it with this message as the reason. Nothing was changed."""


def signal_of(fields: Fields) -> Fields:
    """The signal's fields with every default filled in. Raises BadInput naming each field that is wrong."""
    try:
        for name in _TEXTS:
            if type(fields[name]) is not str:
                break
        else:
            if type(fields["labels"]) is dict and type(fields["links"]) is list and type(fields["remember_s"]) is int:
                return fields
    except (KeyError, TypeError, IndexError):
        pass
    # Something is missing or odd: the record's own definition says what.
    return _validated(Signal, fields)


def batch_of(fields: Fields) -> Fields:
    """The batch's fields with every default filled in. Raises BadInput."""
    return _validated(LogBatch, fields)


def line_of(batch: Fields, index: int) -> Fields:
    """Line `index` of a batch as a signal's fields: what `LogBatch.signal` makes, in JSON form."""
    line = batch["lines"][index]
    severity, body, service = line["severity"], line["body"], batch.get("service")
    labels = {**batch["labels"], **line["labels"]}
    name = f"{batch['id']}/{index}"
    fields = {
        "schema_version": 1,
        "id": name,
        "source": batch["source"],
        "instance": batch["instance"],
        "type": "log",
        "status": "firing" if severity in ("critical", "error") else "info",
        "severity": severity,
        "title": body.split("\n", 1)[0][:200],
        "body": body,
        "labels": labels,
        "measures": line["measures"],
        "links": [],
        "occurred_at": line["occurred_at"],
        "received_at": batch["received_at"],
        "occurrence_id": name,
        "revision": "",
        "group_key": f"log:{service or ''}:{labels.get('logger', severity)}",
        "remember_s": batch["remember_s"],
        "own": False,
        "rehearsal": batch["rehearsal"],
    }
    for optional in ("service", "environment", "trace"):
        if (value := batch.get(optional)) is not None:
            fields[optional] = value
    return fields


def moment_of(fields: Fields, name: str) -> int:
    """Microseconds of a field that holds a moment. Raises BadInput."""
    try:
        return from_rfc3339(fields[name])
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"{name}: {error}") from error


def _validated(model: type[Signal] | type[LogBatch], fields: Fields) -> Fields:
    try:
        return model.model_validate(fields).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        found = "; ".join(
            f"{'.'.join(map(str, detail['loc'])) or 'record'}: {detail['msg']}" for detail in error.errors()
        )
        raise BadInput(f"not a {model.__name__}: {found}") from error
    except (OverflowError, ValueError) as error:
        raise BadInput(f"not a {model.__name__}: {error}") from error
