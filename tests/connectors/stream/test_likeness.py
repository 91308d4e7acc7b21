"""The index of incidents finds what plain arithmetic finds, whatever order things come in."""

import asyncio
import math
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.ports.clock import ManualClock
from connectors.ports.tool import ToolContext
from connectors.stream.likeness import Likeness, bag
from connectors.stream.similar import IncidentsSimilar, Similar, SimilarQuestion
from schemas import Conclusion, Decision, Incident, Usage, decide
from schemas.conclusion import Hypothesis
from schemas.payload import CommandTaken, Concluded
from tests.support.checkout_story import NOW, START, ListArchive, checkout_incident, earlier_incident

WORDS = ["timeout", "refused", "payment", "NullPointer", "disk", "order 4711", "10.0.0.7", "cart"]
TITLES = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)


def incident(number: int, title: str, **fields: object) -> Incident:
    return checkout_incident(id=f"inc_{number}", title=title, group_id=f"g{number}", opened_at=START - number, **fields)


def cosine(asked: Incident, others: list[Incident]) -> dict[str, float]:
    """The definition, by hand."""
    bags = {each.id: bag(each) for each in others}
    seen = Counter(word for words in bags.values() for word in words)
    rarity = {word: math.log((2 + len(others)) / (1 + seen[word])) + 1 for word in {*seen, *bag(asked)}}

    def vector(words: dict[str, float]) -> dict[str, float]:
        return {word: (1 + math.log(count)) * rarity[word] for word, count in words.items()}

    mine = vector(bag(asked))
    found = {}
    for name, words in bags.items():
        other = vector(words)
        dot = sum(value * other.get(word, 0) for word, value in mine.items())
        found[name] = dot / math.sqrt(sum(v * v for v in mine.values()) * sum(v * v for v in other.values()))
    return found


@settings(max_examples=60)
@given(TITLES, st.lists(TITLES, max_size=25), st.data())
def test_the_index_agrees_with_the_definition_however_it_grew(
    title: str, titles: list[str], data: st.DataObject
) -> None:
    asked = incident(0, title)
    others = [incident(number, each) for number, each in enumerate(titles, 1)]
    index = Likeness()
    for each in others:
        index.add(each)
        if data.draw(st.booleans()):
            index.like(asked, since=0, until=NOW, limit=3)
    found = dict(index.like(asked, since=0, until=NOW, limit=len(others) + 1))
    expected = {name: score for name, score in cosine(asked, others).items() if score > 0}
    assert found == pytest.approx(expected, abs=2e-4)


def test_of_equals_the_latest_come_first_and_time_bounds_hold() -> None:
    index = Likeness()
    for number in range(1, 30):
        index.add(incident(number, "disk full"))
    asked = incident(0, "disk full")
    assert [name for name, _ in index.like(asked, since=0, until=START, limit=3)] == ["inc_1", "inc_2", "inc_3"]
    assert [name for name, _ in index.like(asked, since=START - 20, until=START - 19, limit=3)] == ["inc_19", "inc_20"]


class DecidedArchive(ListArchive):
    """With decisions."""

    def __init__(self, incidents: list[Incident], decided: list[Decision]) -> None:
        super().__init__([], incidents)
        self.decided = decided
        self.pages: list[int] = []

    async def decisions(self, *, incident_id: str, limit: int = 1000) -> list[Decision]:
        return [each for each in self.decided if each.incident_id == incident_id]

    async def incidents_after(self, place: int, limit: int) -> list[tuple[int, Incident]]:
        self.pages.append(place)
        return list(await super().incidents_after(place, limit))


def like(tool: IncidentsSimilar, archive: ListArchive) -> Similar:
    return asyncio.run(tool.call(SimilarQuestion(), ToolContext(checkout_incident(), [], archive, NOW)))


def test_how_it_ended_and_what_people_said_is_told() -> None:
    before = earlier_incident()
    conclusion = Conclusion(
        verdict="actionable",
        summary="Carts without a coupon failed.",
        hypothesis=Hypothesis(text="coupon is None since 2.3.9", confidence=0.8),
        category="code_defect",
        remediation="rollback",
    )
    decided = [
        decide(
            "investigation.concluded",
            at=before.opened_at,
            actor="analyst",
            because="done",
            cause=("x",),
            data=Concluded(playbook="p", conclusion=conclusion, usage=Usage()),
            incident_id=before.id,
        ),
        decide(
            "feedback.given",
            at=before.opened_at + 1,
            actor="human:ann",
            because="ann says 'it was the coupon cache'",
            cause=("y",),
            data=CommandTaken(command_id="c", kind="feedback"),
            incident_id=before.id,
        ),
    ]
    found = like(IncidentsSimilar(), DecidedArchive([before], decided)).incidents[0]
    assert found.cause == "coupon is None since 2.3.9" and found.confidence == 0.8
    assert (found.category, found.remediation) == ("code_defect", "rollback")
    assert found.said[0].endswith("human:ann: ann says 'it was the coupon cache'")


def test_what_was_read_once_is_not_read_again() -> None:
    archive = DecidedArchive([earlier_incident()], [])
    tool = IncidentsSimilar()
    assert like(tool, archive).compared == 1
    archive.known.append(earlier_incident(id="inc_new"))
    archive.known.sort(key=lambda each: each.opened_at)
    assert like(tool, archive).compared == 2
    assert archive.pages == [0, 1]


def test_with_too_much_to_read_it_answers_from_what_it_has_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.stream.similar.PAGE", 10)

    class Slow(ManualClock):
        def monotonic(self) -> float:
            self.advance(seconds=3)
            return super().monotonic()

    archive = DecidedArchive([earlier_incident(id=f"inc_{number}") for number in range(100)], [])
    tool = IncidentsSimilar(Slow(NOW))
    first = like(tool, archive)
    assert not first.complete and 0 < first.compared < 100 and first.incidents
    for _ in range(10):
        last = like(tool, archive)
    assert last.complete and last.compared == 100
