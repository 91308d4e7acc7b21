"""What kind of cause it is: the words of exceptions, signals, logs and neighbours, weighed by how near to the fault they stand."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from processors.analyst.facts import Facts
from processors.analyst.findings import Findings
from processors.analyst.patterns import OUTSIDE, USED_UP, Category, Meaning, host_in, meaning_of
from schemas import severity_rank

ROOT, RAISED, OWN, NEW_LOG, OLD_LOG, NEIGHBOUR, AFAR = 3.0, 2.5, 2.0, 1.5, 0.3, 0.75, 0.4
"""The weight of words: in the exception that was the cause, in what was raised after it, in the incident's own signals, in log
lines of its service that are new since the start, in such that are not, in neighbouring signals of its service, elsewhere."""
STATE, STATE_AFAR, METRIC = 2.0, 0.6, 1.8
"""The weight of words in the most telling line another tool returned about the thing in question (others in proportion), in one about
something else, and of a resource that a metric shows used up."""
OUTSIDE_WEIGHT = 1.6
"""The weight of a cause that no change brings, times its strength."""
DIRECT = OWN
"""From here on the words are the incident's own."""
LEAST = 0.7
"""Less than this says nothing."""


@dataclass(frozen=True, slots=True)
class Said:
    """Words with their weight and where they stand."""

    text: str
    weight: float
    cites: str
    quote: str
    kind: str


@dataclass(frozen=True, slots=True)
class Match:
    """A text whose meaning is known."""

    meaning: Meaning
    said: Said
    host: str | None
    words: str
    """What of the text has that meaning."""

    @property
    def line(self) -> str:
        """The line of the text in which the words stand."""
        begin = self.said.text.find(self.words)
        start = self.said.text.rfind("\n", 0, begin) + 1
        line = self.said.text[start:].split("\n", 1)[0].strip()
        # A very long line is quoted from where it begins to matter.
        return line if begin - start < 160 else self.said.text[begin:].split("\n", 1)[0].strip()

    @property
    def weight(self) -> float:
        """How much it counts."""
        return self.said.weight * self.meaning.sure


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The category with the most weight, what speaks for it (strongest first), and what the others weigh."""

    category: Category
    matches: tuple[Match, ...] = ()
    others: tuple[tuple[Category, float], ...] = ()
    weight: float = 0.0
    rest: Mapping[Category, tuple[Match, ...]] = field(default_factory=dict)
    """What speaks for the others."""

    @property
    def host(self) -> str | None:
        """The dependency that is named, if one is."""
        return next((match.host for match in self.matches if match.host is not None), None)

    @property
    def direct(self) -> bool:
        """Whether the incident's own words say so, and not only its neighbours'."""
        return any(match.said.weight >= DIRECT for match in self.matches)

    @property
    def kinds(self) -> int:
        """How many independent kinds of source agree."""
        return len({match.said.kind for match in self.matches})


def diagnose(facts: Facts, findings: Findings | None = None) -> Diagnosis:
    """Per category the strongest text of each kind of source counts once: repetition is no confirmation."""
    best: dict[Category, dict[str, Match]] = {}
    for said in (*_said(facts), *(_seen(findings) if findings is not None else ())):
        found = _meant(said)
        if found is None:
            continue
        meaning, words = found
        host = host_in(said.text) if meaning.category in ("dependency_failure", "infrastructure") else None
        match = Match(meaning, said, host, words)
        kinds = best.setdefault(meaning.category, {})
        if said.kind not in kinds or match.weight > kinds[said.kind].weight:
            kinds[said.kind] = match
    weights = {category: sum(match.weight for match in kinds.values()) for category, kinds in best.items()}
    ranked = sorted(weights.items(), key=lambda pair: (-pair[1], pair[0]))
    if not ranked or ranked[0][1] < LEAST:
        return Diagnosis("unknown", others=tuple(ranked[:3]))
    category, weight = ranked[0]
    matches = sorted(best[category].values(), key=lambda match: (-match.weight, match.said.cites))
    rest = {
        other: tuple(sorted(best[other].values(), key=lambda match: (-match.weight, match.said.cites)))
        for other, _ in ranked[1:4]
    }
    return Diagnosis(category, tuple(matches), tuple(ranked[1:4]), weight, rest)


def _meant(said: Said) -> tuple[Meaning, str] | None:
    """What a text means: by its words, or by what kind of finding it is."""
    if said.kind == "metric":
        return USED_UP, said.quote
    if said.kind.startswith("outside "):
        return OUTSIDE[said.kind.removeprefix("outside ")], said.quote
    return meaning_of(said.text)


def _said(facts: Facts) -> Iterator[Said]:
    if facts.chain_cites is not None:
        for index, each in enumerate(facts.chain):
            text = f"{each.type}: {each.value}" if each.type else each.value
            weight, kind = (ROOT, "exception") if index == 0 else (RAISED, "raised")
            if text:
                yield Said(text, weight, facts.chain_cites, each.value or each.type, kind)
    for signal in (*facts.signals[:5], *facts.signals[5:][-5:]):
        yield Said(signal.title, OWN, signal.id, signal.title, "signal")
        if signal.body:
            yield Said(signal.body, OWN * 0.9, signal.id, signal.body, "signal")
    service = facts.incident.service
    for pattern in facts.patterns:
        near = pattern.service == service
        new = pattern.before == 0 and pattern.after > 0
        weight = (NEW_LOG if new else OLD_LOG) if near else (AFAR if new else 0.0)
        yield Said(pattern.example, weight, pattern.cites, pattern.example, "log")
    for near_by in facts.neighbours:
        if (
            not near_by.own
            and near_by.status == "firing"
            and near_by.type != "change"
            and severity_rank(near_by.severity) >= 3
        ):
            weight = NEIGHBOUR if near_by.service == service else AFAR
            yield Said(f"{near_by.title}\n{near_by.body}", weight, near_by.cites, near_by.title, "neighbour")


def _seen(findings: Findings) -> Iterator[Said]:
    """What other tools than ours returned."""
    scene = findings.scene
    for template in scene.new_errors()[:20]:
        weight = NEW_LOG if template.service in (scene.origin, None) else AFAR
        yield Said(template.example.text, weight, template.example.cites, template.example.text, "log")
    heaviest = max((alarm.weight for alarm in findings.alarms), default=1.0)
    for alarm in findings.alarms[:20]:
        weight = (STATE if alarm.own else STATE_AFAR) * alarm.weight / heaviest
        yield Said(alarm.text, weight, alarm.cites, alarm.quote, "state")
    for each in findings.full[:3]:
        yield Said(each.says, METRIC, each.cites, each.quote, "metric")
    for outside in scene.outside[:2]:
        yield Said(
            outside.quote, OUTSIDE_WEIGHT * outside.strength, outside.cites, outside.quote, f"outside {outside.kind}"
        )
    for span in scene.gathered.spans:
        if span.failed and span.error:
            yield Said(span.error, NEW_LOG if span.service == scene.origin else AFAR, span.cites, span.error, "trace")
