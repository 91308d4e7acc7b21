"""The graph of services: along which ways trouble goes, and what is beside each other."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Set

from rules.correlation.names import plain

FAR = 3
"""So many steps apart is as good as unrelated."""


class Graph:
    """Services and the ways of trouble between them: from the one that is called to the one that calls it."""

    def __init__(self, ways: Iterable[tuple[str, str]] = (), beside: Iterable[tuple[str, str]] = ()) -> None:
        """`ways` are (from cause, to sufferer); `beside` are pairs that go together, neither of which causes the other."""
        self._onward: dict[str, set[str]] = defaultdict(set)
        self._around: dict[str, set[str]] = defaultdict(set)
        self._needed: dict[str, set[str]] = defaultdict(set)
        for cause, sufferer in ((plain(one), plain(other)) for one, other in ways):
            if cause != sufferer:
                self._onward[cause].add(sufferer)
                self._needed[sufferer].add(cause)
                self._near(cause, sufferer)
        for one, other in ((plain(one), plain(other)) for one, other in beside):
            if one != other:
                self._near(one, other)
        self._near_ones: dict[tuple[str, int], frozenset[str]] = {}
        self._known: dict[tuple[str, bool], Mapping[str, int]] = {}

    def _near(self, one: str, other: str) -> None:
        self._around[one].add(other)
        self._around[other].add(one)

    def __bool__(self) -> bool:
        return bool(self._around)

    def around(self, service: str) -> list[str]:
        """The services next to one."""
        return sorted(self._around.get(plain(service), ()))

    def apart(self, one: str, other: str) -> int:
        """Steps between two services whichever way, `FAR` where it is that or more."""
        return self._reached(one, False).get(other, FAR)

    def within(self, service: str, steps: int) -> Set[str]:
        """The other services at most so many steps away, whichever way."""
        if service not in self._around:
            return (
                frozenset()
            )  # Names from outside are without number, and nothing is kept of those that stand nowhere.
        found = self._near_ones.get((service, steps))
        if found is None:
            reached = self._reached(service, False).items()
            found = self._near_ones[service, steps] = frozenset(name for name, far in reached if 0 < far <= steps)
        return found

    def needed(self, service: str) -> Set[str]:
        """The services from which trouble comes to one directly."""
        return self._needed.get(service, frozenset())

    def reached(self, cause: str) -> Mapping[str, int]:
        """The services to which trouble of one comes, with their steps; itself with none."""
        return self._reached(cause, True)

    def suffers(self, cause: str, other: str) -> int:
        """Steps by which trouble of `cause` comes to `other`, `FAR` where it does not."""
        return self._reached(cause, True).get(other, FAR)

    def _reached(self, start: str, onward: bool) -> Mapping[str, int]:
        if start not in self._around:
            return {start: 0}
        found = self._known.get((start, onward))
        if found is None:
            found = self._known[start, onward] = _walked(self._onward if onward else self._around, start)
        return found


def _walked(ways: Mapping[str, set[str]], start: str) -> dict[str, int]:
    steps, edge = {start: 0}, [start]
    for far in range(1, FAR):
        edge = sorted({name for each in edge for name in ways.get(each, ()) if name not in steps})
        steps.update(dict.fromkeys(edge, far))
    return steps
