"""What was seen: every text of the recorded steps and signals, to look quotes and names up in."""

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

from processors.analyst.echo import unechoed
from processors.analyst.loop.fencing import visible
from processors.analyst.loop.names import ANSWER, BUDGET, LOST, OWN, REMINDER, RESUMED, WEIGHED
from processors.analyst.quotes import Sources, leaves
from schemas import Incident, Signal, Step

_SPACES = re.compile(r"\s+")
_ESCAPES = {"\\n": " ", "\\t": " ", '\\"': '"', "\\\\": "\\"}
_ESCAPE = re.compile(r"\\[nt\"\\]")
_OURS = frozenset({WEIGHED, BUDGET, REMINDER, LOST, RESUMED, ANSWER})
_LEAST = 4
"""Characters of a value below which it stands everywhere and shows nothing."""


class Seen:
    """Recorded texts by id: of tools, of what joined, of signals. What a model said itself is not among them, nor where an answer repeats it."""

    def __init__(
        self,
        incident: Incident,
        signals: Sequence[Signal],
        steps: Sequence[Step],
        *,
        memo: dict[str, str] | None = None,
    ) -> None:
        """`memo`: folded texts by id, kept by whoever looks again after the next step."""
        self._incident, self._signals = incident, signals
        self._steps = tuple(unechoed(step) for step in steps if is_outside(step))
        self._memo = memo if memo is not None else {}
        self._sources = Sources(self._steps, signals)

    @cached_property
    def texts(self) -> dict[str, tuple[str, ...]]:
        """Every text, by what it is cited by."""
        found = {step.id: tuple(leaves([step.result, step.error])) for step in self._steps}
        found |= {
            each.id: tuple(leaves([each.title, each.body, dict(each.labels), each.service, each.raw]))
            for each in self._signals
        }
        return found

    @cached_property
    def _folded(self) -> dict[str, str]:
        for cites, texts in self.texts.items():
            if cites not in self._memo:
                self._memo[cites] = fold("\n".join(texts))
        return {cites: self._memo[cites] for cites in self.texts}

    @cached_property
    def _all(self) -> str:
        about = leaves(
            self._incident.model_dump(
                mode="json", include={"title", "service", "environment", "labels", "group", "links"}
            )
        )
        return "\n".join([*self._folded.values(), fold("\n".join(about))]).lower()

    def knows(self, cites: str) -> bool:
        """Whether that was recorded."""
        return cites in self.texts

    def quote(self, cites: str, quote: str) -> str | None:
        """The quote as it stands there, or None. Spaces, line ends, JSON's escapes and characters nobody sees may differ: what comes back is
        word for word."""
        if self._sources.holds(cites, quote):
            return quote
        wanted = fold(quote)
        if len(wanted) < _LEAST or wanted not in self._folded.get(cites, ""):
            return None
        for text in self.texts[cites]:
            exact = _exact(text, wanted)
            if exact is not None:
                return exact
        return None

    def mentions(self, name: str) -> bool:
        """Whether a name stands anywhere, the incident itself included; case does not matter."""
        wanted = fold(name).lower()
        return bool(wanted) and wanted in self._all

    def where(self, value: str) -> Iterator[str]:
        """Ids of the texts in which a value stands; none for what is too short to tell."""
        wanted = fold(value)
        if len(wanted) >= _LEAST:
            yield from (cites for cites, text in self._folded.items() if wanted in text)


def is_outside(step: Step) -> bool:
    """Whether it holds what was seen or told, and not what the loop or a model said."""
    return (step.kind == "tool_call" and step.name not in OWN) or (step.kind == "event" and step.name not in _OURS)


def fold(text: str) -> str:
    """On one line, as it reads."""
    plain = _ESCAPE.sub(lambda found: _ESCAPES[found.group()], text)
    return _SPACES.sub(" ", visible(plain)).strip()


def _exact(text: str, wanted: str) -> str | None:
    """The stretch of `text` that folds to `wanted`."""
    words = [re.escape(word) for word in wanted.split(" ")]
    if len(words) > 200 or "\N{REPLACEMENT CHARACTER}" in wanted:
        return None
    found = re.search(r"(?:\s|\\[nt])+".join(words), text)
    return found.group() if found is not None else None
