"""Links: what a change and the evidence have in common, word by word, weighed by how rare a word is among the changes."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from processors.evidence.diffs import Effect
from processors.evidence.values import CommitRead
from processors.evidence.words import identifiers, service_stem, tokens

COUNTED = 6
"""So many of the best common words count: a long diff is no better a suspect than a short one."""
ENOUGH = 2.2
"""Weight of common words from which a link is as strong as it gets."""
ORDINARY = 0.25
"""What a word counts that the logs held before the trouble too."""


@dataclass(frozen=True, slots=True)
class Link:
    """`strength` from 0 to 1; `words` in common, the best first, as the evidence spells them."""

    strength: float
    words: tuple[str, ...] = ()


class Vocabulary:
    """Words of the evidence with their weight, and how common each is among the changes."""

    def __init__(
        self, commits: Sequence[tuple[CommitRead, Effect]], ordinary: Iterable[str], names: Iterable[str]
    ) -> None:
        self._weights: dict[str, float] = {}
        self._compound: set[str] = set()
        self._spelled: dict[str, str] = {}
        self._ordinary = {token for text in ordinary for token in tokens(text)}
        self._names = {token for name in names for token in tokens(name)}
        self._names |= {
            word for name in names for word in (name.lower().replace("-", "").replace("_", ""), service_stem(name))
        }
        self._own = {commit.sha: _of_commit(commit, effect) for commit, effect in commits}
        self._spread = Counter(token for held in self._own.values() for token in held)
        self._count = max(2, len(self._own))

    def hear(self, text: str, weight: float) -> None:
        """Add a text of the evidence."""
        for token, compound in tokens(text).items():
            counted = weight * (ORDINARY if token in self._ordinary else 1.0)
            if counted > self._weights.get(token, 0.0):
                self._weights[token] = counted
            if compound:
                self._compound.add(token)
        for identifier in identifiers(text):
            self._spelled.setdefault(identifier.lower().replace("_", ""), identifier)

    def link(self, sha: str) -> Link:
        """What a commit has in common with what was heard."""
        shared: list[tuple[float, str]] = []
        for token, weight in self._own.get(sha, {}).items():
            heard = self._weights.get(token, 0.0)
            if heard == 0.0 or token in self._names:
                continue
            rare = math.log((self._count + 1) / self._spread[token]) / math.log(self._count + 1)
            shared.append((heard * weight * max(0.0, rare) * (2.0 if token in self._compound else 1.0), token))
        shared.sort(key=lambda each: (-each[0], each[1]))
        total = sum(weight for weight, _ in shared[:COUNTED])
        words = tuple(self._spelled.get(token, token) for weight, token in shared[:COUNTED] if weight > 0.15)
        return Link(round(min(1.0, total / ENOUGH), 3), words)


def _of_commit(commit: CommitRead, effect: Effect) -> Mapping[str, float]:
    """Words of a commit: of the lines it changed in full, of its files less, of its title least."""
    found: dict[str, float] = {}
    parts = ((1.0, (*effect.removed, *effect.added)), (0.6, commit.files), (0.4, (commit.title,)))
    for weight, texts in parts:
        for text in texts:
            for token in tokens(text):
                found[token] = max(found.get(token, 0.0), weight)
    return found
