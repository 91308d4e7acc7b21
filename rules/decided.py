"""Decisions of the engine, made without validating again what its own code has just built.

`tests/rules` holds them equal to what `schemas.decide` makes of the same things.
"""

from collections.abc import Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any

from schemas.decision import Decision, DecisionKind, Versions
from schemas.ids import LENGTH
from schemas.record import unchecked
from schemas.time import to_rfc3339

moment = lru_cache(maxsize=4096)(to_rfc3339)
"""RFC 3339 text of a moment; the same few moments are written again and again."""

NO_VERSIONS = Versions()


def decided(
    kind: DecisionKind,
    *,
    at: int,
    actor: str,
    because: str,
    cause: Sequence[str],
    data: dict[str, Any],
    attempt: int = 0,
    versions: Versions = NO_VERSIONS,
    incident_id: str | None = None,
    rehearsal: bool = False,
    trace: str | None = None,
) -> Decision:
    """A decision with its id as `schemas.decide` computes it; `data` is the JSON form of the kind's shape, without None."""
    values = {
        "schema_version": 1,
        "id": _id_of(kind, str(attempt), cause),
        "at": at,
        "kind": kind,
        "actor": actor,
        "because": because,
        "incident_id": incident_id,
        "investigation_id": None,
        "action_id": None,
        "cause": tuple(cause),
        "data": data,
        "versions": versions,
        "cost": None,
        "rehearsal": rehearsal,
        "trace": trace,
    }
    return unchecked(Decision, values, _GIVEN)


def _id_of(kind: str, attempt: str, cause: Sequence[str]) -> str:
    """`digest("dec", kind, 0, attempt, *cause)`, in two thirds of the time: every decision has one."""
    text = f"{len(kind)}:{kind};1:0;{len(attempt)}:{attempt};"
    for each in cause:
        text += f"{len(each)}:{each};"
    return "dec_" + sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


_GIVEN = set(Decision.model_fields)
