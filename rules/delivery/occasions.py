"""What happens to an incident that somebody may want to be told of."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from rules.signals import Fields

OccasionKind = Literal["opened", "reopened", "worse", "grew", "fewer", "resolved"]


class Occasion(NamedTuple):
    """One thing that has just become of an incident, recorded already by a decision of its own.

    `ids` are the signals, or the command, that brought it, the latest last; `fields` the signal itself, None where time or a person
    brought it. `changes` names fields of the incident; `"firing"` among them means that another occurrence fires, or for `fewer` that
    one no longer does. `fired`: the rule's `match` holds with this signal, which is always so for rules without one.
    """

    kind: OccasionKind
    ids: Sequence[str]
    fields: Fields | None = None
    changes: Sequence[str] = ()
    fired: bool = False
