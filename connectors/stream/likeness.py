"""An index of incidents by their masked words, so that those like one are found among a hundred thousand in milliseconds.

Likeness is the cosine of TF-IDF vectors: rare words count more, words seen everywhere hardly count. The index only grows; how an
incident ended is not in it.
"""

import math
from array import array
from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from connectors.ports.texts import words
from schemas import Incident
from schemas.masks import MASKED

_WEIGHTS = {"title": 4.0, "service": 2.0, "rule": 1.0, "labels": 1.0}
_LABELS = 12
_MOST_WORDS = 96
_FEW = 2_000
_HOLD = 1.1
"""How much a larger index may grow before lengths are measured anew: rarities move by less than anybody would see."""


def bag(incident: Incident) -> dict[str, float]:
    """Words of an incident with how often they occur, weighted by where."""
    found: dict[str, float] = {}
    labels = " ".join(f"{name}_{value}" for name, value in sorted(incident.labels.items())[:_LABELS])
    texts = {"title": incident.title, "service": incident.service or "", "rule": incident.rule, "labels": labels}
    for name, text in texts.items():
        for word in words(text[:MASKED]):
            # A service named `checkout` and a title that says checkout are different facts.
            key = word if name == "title" else f"{name}:{word}"
            if key in found or len(found) < _MOST_WORDS:
                found[key] = found.get(key, 0.0) + _WEIGHTS[name]
    return found


class Likeness:
    """Incidents by number, in the order they were added."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self._known: set[str] = set()
        self._groups: dict[str, list[int]] = {}
        self._numbers: dict[str, int] = {}
        self._docs: list[array[int]] = []
        self._counts: list[array[float]] = []
        self._opened = array("q")
        # Every incident's words one after another, for lengths in one sweep.
        self._flat_words, self._flat_counts, self._flat_docs = array("I"), array("f"), array("I")
        self._lengths: npt.NDArray[np.float32] = np.zeros(0, dtype=np.float32)
        self._measured_at = 0

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, incident_id: object) -> bool:
        return incident_id in self._known

    def add(self, incident: Incident) -> None:
        """One more; one that is there already is passed over."""
        if incident.id in self._known:
            return
        number = len(self.ids)
        self.ids.append(incident.id)
        self._known.add(incident.id)
        self._opened.append(incident.opened_at)
        self._groups.setdefault(incident.group_id, []).append(number)
        for word, count in bag(incident).items():
            at = self._numbers.setdefault(word, len(self._docs))
            if at == len(self._docs):
                self._docs.append(array("I"))
                self._counts.append(array("f"))
            weight = 1 + math.log(count)
            self._docs[at].append(number)
            self._counts[at].append(weight)
            self._flat_words.append(at)
            self._flat_counts.append(weight)
            self._flat_docs.append(number)

    def of_group(self, group_id: str, limit: int) -> list[str]:
        """Ids of the latest incidents of a group."""
        return [self.ids[number] for number in self._groups.get(group_id, ())[-limit:]]

    def like(self, incident: Incident, *, since: int, until: int, limit: int) -> list[tuple[str, float]]:
        """(id, likeness 0 to 1) of those opened in [since, until], the most alike first, itself left out; of equals the latest."""
        if not self.ids:
            return []
        asked = bag(incident)
        scores = np.zeros(len(self.ids), dtype=np.float32)
        length = 0.0
        for word, rarity in self._rarities(asked):
            weight = (1 + math.log(asked[word])) * rarity
            length += weight * weight
            at = self._numbers.get(word)
            if at is not None:
                docs = np.frombuffer(self._docs[at], dtype=np.uint32)
                # No incident stands twice in a word's list, so adding by index adds each once.
                scores[docs] += np.frombuffer(self._counts[at], dtype=np.float32) * np.float32(weight * rarity)
        opened = np.frombuffer(self._opened, dtype=np.int64)
        scores /= np.maximum(self._current_lengths() * np.float32(math.sqrt(length) or 1.0), np.float32(1e-9))
        scores[(opened < since) | (opened > until)] = -1.0
        wanted = min(limit + 1, len(scores))
        best = np.argpartition(-scores, wanted - 1)[:wanted] if wanted < len(scores) else np.arange(len(scores))
        ranked = sorted(best.tolist(), key=lambda number: (-round(float(scores[number]), 4), -self._opened[number]))
        return [
            (self.ids[number], round(min(1.0, float(scores[number])), 4))
            for number in ranked
            if scores[number] > 0 and self.ids[number] != incident.id
        ][:limit]

    def _rarities(self, asked: Mapping[str, float]) -> Iterator[tuple[str, float]]:
        count = len(self.ids)
        for word in asked:
            at = self._numbers.get(word)
            seen = len(self._docs[at]) if at is not None else 0
            yield word, math.log((2 + count) / (1 + seen)) + 1.0

    def _current_lengths(self) -> npt.NDArray[np.float32]:
        count, measured = len(self.ids), len(self._lengths)
        if count > self._measured_at * _HOLD or (measured < count <= _FEW):
            self._lengths, self._measured_at = self._measure(0), count
        elif count > measured:
            self._lengths = np.concatenate([self._lengths, self._measure(measured)])
        return self._lengths

    def _measure(self, first: int) -> npt.NDArray[np.float32]:
        """Lengths of the incidents from number `first` on."""
        count = len(self.ids)
        seen = np.fromiter((len(docs) for docs in self._docs), dtype=np.float64, count=len(self._docs))
        rarity = np.log((2 + count) / (1 + seen)) + 1.0
        docs = np.frombuffer(self._flat_docs, dtype=np.uint32)
        begin = int(np.searchsorted(docs, first))
        counts = np.frombuffer(self._flat_counts, dtype=np.float32)[begin:]
        weights = counts * rarity[np.frombuffer(self._flat_words, dtype=np.uint32)[begin:]]
        squares = np.bincount(docs[begin:].astype(np.int64) - first, weights * weights, minlength=count - first)
        return np.sqrt(squares).astype(np.float32)
