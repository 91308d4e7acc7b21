"""A tick: time passing, as a record, so that a replay sees it at its place."""

from schemas.record import Record
from schemas.time import Micros


class Tick(Record):
    """`due` is the deadline that asked for it; journal time is the time of its acceptance."""

    due: Micros
