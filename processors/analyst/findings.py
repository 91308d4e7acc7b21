"""Findings: what the evidence engine makes of all answers of an investigation, whatever tools they came from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from processors.analyst.facts import SNAPSHOT, Changed, Committed, Facts
from processors.analyst.quotes import leaves
from processors.evidence.alarms import Alarm, alarms_of
from processors.evidence.dominant import Dominant, dominant_of
from processors.evidence.drivers import Driver, Link, drivers_of, lagging, link_of
from processors.evidence.ranking import can_rank, voted
from processors.evidence.reading import merged, read
from processors.evidence.saturation import Full, full_of
from processors.evidence.scene import Scene, scene_of
from processors.evidence.values import ChangeRead, CommitRead, Gathered
from processors.evidence.wellbeing import Wellbeing, wellbeing_of
from schemas import Signal, Step

OWN_TOOLS = frozenset(
    {"signals.around", "signals.search", "logs.around", "changes.before", "incidents.similar", SNAPSHOT}
)
"""Answers that are read by name, because their shapes are ours."""
ENCLOSED = 60
"""A text of a payload this long that begins as JSON is a document of its own."""
_NAMED = ("service", "pod", "deployment", "statefulset", "daemonset", "job", "container", "node", "instance", "name", "workload_name",
          "kube_deployment", "kube_pod", "db_instance", "db_instance_identifier", "read_replica", "app", "host", "topic", "queue", "subject_name")  # fmt: skip
_QUOTED = re.compile(r"[`'\"]([\w./:-]{3,80})[`'\"]")
_DASHED = re.compile(r"\b[a-z0-9]+(?:[-_][a-z0-9]+)+\b", re.I)
_HASHES = re.compile(r"-(?:[a-z0-9]{8,10}-[a-z0-9]{5}|[a-z0-9]{9,10})$")


@dataclass(frozen=True)
class Findings:
    """`subjects` are the names of the thing in question."""

    scene: Scene
    alarms: tuple[Alarm, ...]
    full: tuple[Full, ...]
    dominant: tuple[Dominant, ...]
    wellbeing: Wellbeing
    subjects: tuple[str, ...]
    ranking: tuple[tuple[str, float], ...] = ()
    """Services by how likely it began there, where metrics beside their healthy values or timed calls say so."""
    votes: tuple[int, int] = (0, 0)
    """Kinds of evidence that have the first of the ranking foremost, and those that have another."""
    drivers: tuple[Driver, ...] = ()
    """What uses up the resources that are, where the load on a database tells."""
    link: Link | None = None
    """How several of them belong together."""

    @property
    def first(self) -> str | None:
        """The service that failed first, as far as anything tells."""
        if self.ranking and self.ranking[0][1] > 0:
            return self.ranking[0][0]
        return self.scene.origin if self.scene.failing else None


def findings_of(facts: Facts, steps: Sequence[Step]) -> Findings:
    """Everything, once."""
    answers = [step for step in steps if step.success and step.kind == "tool_call" and step.name not in OWN_TOOLS]
    parts = [read(step.id, step.result, " ".join(leaves([step.arguments, _asked(step)]))) for step in answers]
    subjects = subjects_of(facts.signals)
    seen = _seen_in(subjects, merged(parts))
    parts += [
        read(signal.id, each, signal.service or "") for signal in facts.signals[:3] for each in _documents(signal)
    ]
    told = merged(parts)
    commits = {each.sha: each for each in (*told.commits, *map(_commit, facts.commits))}
    commits |= {each.sha: each for each in told.commits if each.diff}
    changes = {(each.id, each.at): each for each in (*map(_change, facts.changes), *told.changes)}
    gathered = Gathered(
        told.series, told.logs, told.spans, told.edges, tuple(commits.values()), tuple(changes.values()), told.said, told.patterns
    )  # fmt: skip
    incident = facts.incident
    texts = [(signal.id, " ".join((signal.title, signal.body, *_alert_texts(signal)))) for signal in facts.signals[:5]]
    heard = [f"{each.type} {each.value}" for each in facts.chain]
    heard += [f"{frame.path} {frame.function} {frame.context_line}" for frame in facts.frames[:8]]
    heard += [each.example for each in facts.patterns if each.before == 0][:20]
    scene = scene_of(gathered, alerted=incident.service, start=incident.first_seen, texts=texts, heard=heard)
    full = full_of(gathered)
    ranking, votes = _ranking(scene, facts)
    drivers = drivers_of((*full, *lagging(scene.shifts)), [(step.id, step.result) for step in answers])
    return Findings(
        scene=scene,
        alarms=alarms_of(gathered, seen),
        full=full,
        dominant=tuple(each for step in answers for each in dominant_of(step.id, step.result)),
        wellbeing=wellbeing_of(gathered, [(step.id, step.result) for step in answers]),
        subjects=subjects,
        ranking=ranking,
        votes=votes,
        drivers=drivers,
        link=link_of(drivers, gathered.series),
    )


def _ranking(scene: Scene, facts: Facts) -> tuple[tuple[tuple[str, float], ...], tuple[int, int]]:
    if not can_rank(scene.gathered):
        return (), (0, 0)
    metrics = {series.metric for series in scene.gathered.series}
    said = (text for signal in facts.signals[:1] for text in leaves(signal.raw) if text in metrics)
    found, votes = voted(scene.gathered, scene.templates, target=facts.incident.service, metric=next(said, ""))
    return tuple(found), votes


def _seen_in(subjects: Sequence[str], told: Gathered) -> tuple[str, ...]:
    """Those of the names that the answers name at all: where none does, nothing tells what is about the thing in question."""
    texts = [f"{each.text} {each.about}".lower() for each in told.said] + [
        f"{each.text} {each.service} {each.about}".lower() for each in told.logs
    ]
    return tuple(name for name in subjects if any(name.lower() in text for text in texts))


def enriched(facts: Facts, findings: Findings) -> Facts:
    """The facts with the commits and changes that other tools than ours told of."""
    gathered = findings.scene.gathered
    known = {each.commit.lower() for each in facts.commits}
    seen = {(each.id, each.at) for each in facts.changes}
    return replace(
        facts,
        commits=(*facts.commits, *(committed(each) for each in gathered.commits if each.sha not in known)),
        changes=(*facts.changes, *(changed(each) for each in gathered.changes if (each.id, each.at) not in seen)),
    )


def committed(commit: CommitRead) -> Committed:
    """As the facts hold it."""
    return Committed(
        cites=commit.cites,
        commit=commit.sha,
        at=commit.at,
        author=commit.author,
        title=commit.title,
        files=commit.files,
    )


def changed(change: ChangeRead) -> Changed:
    """As the facts hold it."""
    return Changed(
        cites=change.cites, id=change.id, at=change.at, kind=change.kind, title=change.title, service=change.service,
        version=change.version, commit=change.commit, actor=change.actor,
    )  # fmt: skip


def subjects_of(signals: Sequence[Signal]) -> tuple[str, ...]:
    """Names of what the alert is about: of labels that name things, in quotation marks, or put together with dashes."""
    found: dict[str, None] = {}
    for signal in signals[:3]:
        if signal.service:
            found.setdefault(signal.service)
        named = [value for place in _objects(signal.raw) for key, value in place.items() if key.lower() in _NAMED]
        for value in (*(signal.labels.get(key) for key in _NAMED), *named):
            if isinstance(value, str) and 2 < len(value) <= 120 and " " not in value:
                found.setdefault(value)
        text = f"{signal.title} {signal.body[:500]}"
        for name in (*_QUOTED.findall(text), *_DASHED.findall(text)):
            found.setdefault(name)
    for name in list(found):
        found.setdefault(_HASHES.sub("", name))
    return tuple(found)


def _objects(raw: object, depth: int = 0) -> list[dict[str, object]]:
    if not isinstance(raw, dict) or depth > 3:
        return []
    return [raw, *(each for value in raw.values() for each in _objects(value, depth + 1))]


def _documents(signal: Signal) -> list[str]:
    """What the sender enclosed: documents within texts of its payload, such as tables of events."""
    texts = leaves(signal.raw) if isinstance(signal.raw, (dict, list)) else ()
    return [text for text in texts if len(text) > ENCLOSED and text.lstrip()[:1] in ("[", "{")][:10]


def _alert_texts(signal: Signal) -> list[str]:
    raw = signal.raw if isinstance(signal.raw, (dict, list)) else {}
    return [text for text in leaves(raw) if 3 < len(text) <= 1000][:60]


def _asked(step: Step) -> object:
    result = step.result if isinstance(step.result, dict) else {}
    return [result.get(key) for key in ("asked", "params", "query") if key in result]


def _commit(commit: Committed) -> CommitRead:
    return CommitRead(commit.commit.lower(), commit.at, commit.title, commit.cites, commit.author, commit.files)


def _change(change: Changed) -> ChangeRead:
    return ChangeRead(
        change.id, change.at, change.kind, change.title, change.cites, change.service, (change.commit or "").lower() or None, change.version, change.actor,
        change.title,
    )  # fmt: skip
