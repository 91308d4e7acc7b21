"""The runbooks of some folders, read again when they change, and ranked for a question by BM25.

Robertson and Zaragoza, The Probabilistic Relevance Framework (2009), with the usual k1 and b; words of a section's own heading and of the
file's name count thrice.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from connectors.ports.texts import words
from connectors.runbooks.sections import Section, sections

_K1, _B = 1.2, 0.75
_TITLE = 3
_LARGEST = 1_000_000
_MOST = 5_000
_COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "for",
        "from",
        "has",
        "have",
        "how",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "no",
        "not",
        "of",
        "on",
        "or",
        "that",
        "the",
        "then",
        "this",
        "to",
        "was",
        "what",
        "when",
        "with",
        "you",
        "your",
    ]
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A section and how well it fits; above 0."""

    section: Section
    score: float


@dataclass
class Shelf:
    """Reads files as they are asked for; remembers them by their time of change."""

    folders: Sequence[Path]
    _read: dict[Path, tuple[int, int, tuple[Section, ...]]] = field(default_factory=dict)

    def sections(self) -> list[Section]:
        """All sections there are now. Files that cannot be read, are no text or larger than a megabyte are passed over."""
        found: list[Section] = []
        seen: set[Path] = set()
        for folder, path in self._files():
            try:
                about = path.stat()
                known = self._read.get(path)
                if known is None or known[:2] != (about.st_mtime_ns, about.st_size):
                    if about.st_size > _LARGEST:
                        continue
                    text = path.read_text(encoding="utf-8")
                    known = about.st_mtime_ns, about.st_size, tuple(sections(str(path.relative_to(folder)), text))
                    self._read[path] = known
            except (OSError, UnicodeDecodeError):
                continue
            seen.add(path)
            found += known[2]
        for gone in set(self._read) - seen:
            del self._read[gone]
        return found

    def _files(self) -> Iterator[tuple[Path, Path]]:
        """(folder, file), in order; links that lead out of the folder are not followed."""
        count = 0
        for folder in self.folders:
            root = folder.resolve()
            for path in sorted(root.rglob("*.md")):
                if count == _MOST:
                    return
                if path.is_file() and path.resolve().is_relative_to(root):
                    count += 1
                    yield root, path


def ranked(every: Sequence[Section], question: str, limit: int) -> list[Hit]:
    """The sections that fit best, each with a word of the question at least; of equals the earlier."""
    wanted = Counter(word for word in words(question) if word not in _COMMON and not word.startswith("<"))
    if not wanted or not every:
        return []
    bags = [_bag(each) for each in every]
    lengths = [sum(bag.values()) for bag in bags]
    mean = sum(lengths) / len(lengths)
    holding = {word: sum(word in bag for bag in bags) for word in wanted}
    hits: list[Hit] = []
    for section, bag, length in zip(every, bags, lengths, strict=True):
        score = 0.0
        for word, times in wanted.items():
            count = bag.get(word, 0)
            if count:
                rarity = math.log(1 + (len(bags) - holding[word] + 0.5) / (holding[word] + 0.5))
                score += min(times, 3) * rarity * count * (_K1 + 1) / (count + _K1 * (1 - _B + _B * length / mean))
        if score > 0:
            hits.append(Hit(section, round(score, 3)))
    hits.sort(key=lambda hit: -hit.score)
    return hits[:limit]


def _bag(section: Section) -> Counter[str]:
    bag = Counter(words(section.text))
    *above, own = section.heading.split(" > ")
    name = str(Path(section.file).with_suffix("")).replace("-", " ").replace("/", " ")
    for title, weight in ((own, _TITLE), (name, _TITLE), (" ".join(above), 1)):
        for word in words(title):
            bag[word] += weight
    return bag
