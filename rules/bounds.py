"""What a rule may keep in memory: so many rows of a kind, for itself and with all others; the ones forgotten first go first."""

from collections import Counter
from heapq import heapify, heappop, heappush

from rules.rows import Rows

MEANT = frozenset({"window", "steps", "absence", "waiting", "throttle", "same"})
"""Kinds of rows that a rule keeps for each of its keys, and that mean what it says."""
EARLIER = "earlier"
"""The kind of rows of incidents that were a group's before its present one."""
ENDED = "ended"
"""The kind of rows of ends that came before what they end."""
BOUNDED = MEANT | {EARLIER, ENDED}
"""Kinds of rows of which there are so many and no more."""


def rule_of(key: str) -> str:
    """The rule to which a row of a bounded kind, or a group's, belongs."""
    return key.split("/", 2)[1].removeprefix("rehearsal:")


class Moments:
    """Keys by the moment from which nobody misses their row. Entries whose row has another moment by now are passed over."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, moment: int, key: str) -> None:
        heappush(self._heap, (moment, key))

    def first(self, rows: Rows, field: str) -> tuple[int, str] | None:
        """The earliest entry that still holds; it stays."""
        heap = self._heap
        while heap:
            moment, key = heap[0]
            row = rows.get(key)
            if row is not None and row.get(field) == moment:
                return heap[0]
            heappop(heap)
        return None

    def soonest(self) -> int | None:
        """No entry that holds is earlier."""
        return self._heap[0][0] if self._heap else None

    def tidy(self, rows: Rows, field: str, live: int) -> None:
        """Drop entries that no longer hold once they are the most."""
        if len(self._heap) > 2 * live + 64:
            held = {(moment, key) for moment, key in self._heap if (rows.peek(key) or {}).get(field) == moment}
            self._heap = list(held)
            heapify(self._heap)


class Bounds:
    """How many rows of each bounded kind there are, and which of them goes next."""

    def __init__(self, most_of_kind: int, most_of_rule: int) -> None:
        self.number: Counter[str] = Counter()
        self._most_of_kind = most_of_kind
        self._most_of_rule = most_of_rule
        self._by_rule: dict[str, Moments] = {}

    def add(self, kind: str, key: str) -> None:
        self.number[kind] += 1
        self.number[f"{kind} {rule_of(key)}"] += 1

    def drop(self, kind: str, key: str) -> None:
        of_rule = f"{kind} {rule_of(key)}"
        self.number[kind] -= 1
        self.number[of_rule] -= 1
        if not self.number[of_rule]:
            del self.number[of_rule]
            self._by_rule.pop(of_rule, None)

    def note(self, kind: str, key: str, moment: int, rows: Rows) -> None:
        """The row may go from this moment on."""
        of_rule = f"{kind} {rule_of(key)}"
        moments = self._by_rule.get(of_rule)
        if moments is None:
            moments = self._by_rule[of_rule] = Moments()
        moments.push(moment, key)
        moments.tidy(rows, "sweep", self.number[of_rule])

    def full(self, kind: str, key: str) -> Moments | bool | None:
        """Whether another row fits in (False); else the moments of the rule that has too many, or None where all have together."""
        of_rule = f"{kind} {rule_of(key)}"
        if self.number[of_rule] >= self._most_of_rule:
            return self._by_rule.get(of_rule, False)
        return None if self.number[kind] >= self._most_of_kind else False
