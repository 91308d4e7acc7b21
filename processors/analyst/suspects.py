"""What changed before, and whether it can be the cause: weighed by time, by service, by path, or ruled out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from processors.analyst.begin import Begin
from processors.analyst.categories import Diagnosis
from processors.analyst.facts import Changed, Committed, EarlierIncident, Facts
from processors.analyst.findings import Findings
from processors.analyst.inquiry import Inquiry
from processors.analyst.words import tick
from processors.evidence.blame import Clue, explained_by_outside
from processors.evidence.values import ChangeRead
from schemas.spans import in_words
from schemas.time import SECOND

ChangeKind = Literal["commit", "deploy", "flag", "config", "other"]

NAMED = 0.6
"""From here on a change is named as the culprit."""
MENTIONED = 0.3
WORTH = 0.3
"""Points of the evidence engine from which a commit nobody deployed by name is looked at, and words of its kind no longer count."""
NEAR_S = 900
"""A flag or setting that was changed longer ago is not suspect for its kind alone."""
FRESH_S = 7 * 86_400
"""A line last changed longer ago did not begin to fail because of that change."""

_KINDS: tuple[tuple[ChangeKind, tuple[str, ...]], ...] = (
    ("flag", ("flag", "toggle", "experiment")),
    ("config", ("config", "setting", "secret", "env")),
    ("commit", ("commit", "push", "merge")),
    ("deploy", ("deploy", "release", "rollout", "rollback", "publish", "build")),
)


@dataclass(frozen=True, slots=True)
class Suspect:
    """One change. `score` 0 to 1; `ruled_out` says why it cannot be the cause; `for_it` what speaks for it."""

    kind: ChangeKind
    id: str
    title: str
    at: int
    cites: str
    quote: str
    url: str | None = None
    score: float = 0.0
    for_it: tuple[str, ...] = ()
    ruled_out: str | None = None
    touches_trace: bool = False
    touches_file: bool = False
    """It touches the file of the culprit frame."""
    touches_culprit: bool = False
    """It last changed the line of the culprit frame, and lately."""
    weight: float = 0.0
    """The score before it was cut to 0 to 1: it tells two strong suspects apart."""
    exact: bool = False
    """A number of it is the number a metric went to."""

    @property
    def named(self) -> bool:
        """Whether it is blamed."""
        return self.ruled_out is None and self.score >= NAMED


def assess(facts: Facts, begin: Begin, diagnosis: Diagnosis, findings: Findings | None = None) -> tuple[Suspect, ...]:
    """All changes, the most suspect first, those ruled out after them by nearness. A deploy that carries a known commit and the
    commit itself are one suspect."""
    commits = {each.commit: each for each in facts.commits}
    scene = findings.scene if findings is not None else None
    inquiry = Inquiry(facts, begin, diagnosis, scene)
    carried: set[str] = set()
    found: list[Suspect] = []
    for change in facts.changes:
        commit = _commit_of(change, commits)
        if commit is not None:
            carried.add(commit.commit)
        found.append(_weigh(inquiry, change, commit, None))
    for commit in facts.commits:
        if commit.commit in carried:
            continue
        rollout = inquiry.rollout(commit)
        clue = inquiry.clue(commit)
        if commit.touches or commit.culprit or (scene is not None and (clue.points >= WORTH or clue.linked)):
            found.append(_weigh(inquiry, None, commit, rollout))
    found.sort(key=lambda each: (each.ruled_out is not None, -each.weight, abs(begin.at - each.at), each.id))
    return tuple(found)


def best(suspects: Sequence[Suspect]) -> Suspect | None:
    """The culprit, or None: "none of the changes" is an answer. Two equally good ones without a path are no answer."""
    named = [each for each in suspects if each.named]
    if not named:
        return None
    rivals = [each for each in named[1:] if named[0].weight - each.weight < 0.05 and not named[0].touches_trace]
    return None if rivals else named[0]


def _weigh(inquiry: Inquiry, change: Changed | None, commit: Committed | None, rollout: ChangeRead | None) -> Suspect:
    facts, begin, diagnosis = inquiry.facts, inquiry.begin, inquiry.diagnosis
    suspect = _suspect(change, commit)
    clue = inquiry.clue(commit)
    service = change.service if change is not None else _owner(inquiry, commit, rollout)
    why_not = clue.impossible or _not_rolled_out(inquiry, change, commit, rollout)
    in_force = rollout.at if rollout is not None else suspect.at
    why_not = why_not or _impossible(inquiry, replace(suspect, at=in_force), service, change, clue)
    if why_not is not None:
        return replace(suspect, ruled_out=why_not)
    points: list[tuple[float, str]] = [_time(begin, in_force), _service(inquiry, service)]
    points += _path(facts, begin, change, commit)
    points += [(clue.points, clue.for_it[0] if clue.for_it else ""), *((0.001, said) for said in clue.for_it[1:])]
    points += _fit(diagnosis, suspect, begin) if clue.points < WORTH and not clue.read else []
    if inquiry.scene is not None:
        points.append((explained_by_outside(inquiry.scene), ""))
    if change is not None and commit is None and _history_is_innocent(facts, service):
        points.append((-0.25, ""))
    if suspect.kind == "commit" and not commit_is_fresh(begin, suspect.at):
        points.append((-0.4, ""))
    total = sum(point for point, _ in points)
    return replace(
        suspect,
        weight=round(total, 3),
        exact=clue.exact,
        score=round(max(0.0, min(1.0, total)), 3),
        for_it=tuple(said for point, said in sorted(points, key=lambda each: -each[0]) if point > 0 and said),
        touches_trace=(commit is not None and bool(commit.touches or commit.culprit))
        or _listed(facts, change)
        or clue.linked,
        touches_file=commit is not None and commit.culprit_file,
        touches_culprit=commit is not None and commit.culprit and commit_is_fresh(begin, commit.at),
    )


def commit_is_fresh(begin: Begin, at: int) -> bool:
    """Whether a commit is young enough to have just begun to matter."""
    return begin.at - at <= FRESH_S * SECOND


def _suspect(change: Changed | None, commit: Committed | None) -> Suspect:
    if change is not None:
        said = change.kind.lower()
        kinds: list[ChangeKind] = [kind for kind, words in _KINDS if any(word in said for word in words)]
        kind = kinds[0] if kinds else "other"
        identity = change.commit or change.version or change.id
        return Suspect(kind, identity, change.title, change.at, change.cites, change.title or change.id, change.url)
    assert commit is not None  # noqa: S101 - one of the two is always given
    return Suspect("commit", commit.commit, commit.title, commit.at, commit.cites, commit.title or commit.commit)


def _owner(inquiry: Inquiry, commit: Committed | None, rollout: ChangeRead | None) -> str | None:
    if rollout is not None:
        return rollout.service
    owner = inquiry.owner(commit) if commit is not None else None
    return owner or inquiry.facts.incident.service


def _not_rolled_out(
    inquiry: Inquiry, change: Changed | None, commit: Committed | None, rollout: ChangeRead | None
) -> str | None:
    """A commit alone changes nothing: where deploys of its service are recorded, one must have brought it in time."""
    if (
        change is not None
        or commit is None
        or rollout is not None
        or inquiry.scene is None
        or commit.touches
        or commit.culprit
    ):
        return None
    owner = inquiry.owner(commit) or inquiry.origin
    deploys = [each for each in inquiry.scene.gathered.changes if each.kind != "flag" and each.service == owner]
    return "no deploy brought it before the trouble began" if deploys else None


def _impossible(
    inquiry: Inquiry, suspect: Suspect, service: str | None, change: Changed | None, clue: Clue
) -> str | None:
    facts, begin, diagnosis = inquiry.facts, inquiry.begin, inquiry.diagnosis
    late = (suspect.at - begin.at) / SECOND
    if late * SECOND > inquiry.tolerance:
        return f"it came {in_words(late)} after the trouble began"
    own = facts.incident.service
    elsewhere = change is not None and own is not None and service is not None and service not in (own, inquiry.origin)
    if (
        elsewhere
        and not clue.linked
        and not _concerned(service or "", diagnosis, facts)
        and not _needed(inquiry, service or "")
    ):
        return (
            f"it changed {tick(service or '', 60)}, and nothing in the evidence points from {tick(own or '', 60)} to it"
        )
    before = _seen_before(facts.earlier, suspect.at)
    if before is not None:
        return f"the same problem was there {in_words((suspect.at - before.opened_at) / SECOND)} before this change"
    return None


def _needed(inquiry: Inquiry, service: str) -> bool:
    """Whether the service that failed first calls it, and it fails too."""
    scene = inquiry.scene
    return scene is not None and service in scene.failing and service in scene.graph.reach(scene.origin or "")


def _concerned(service: str, diagnosis: Diagnosis, facts: Facts) -> bool:
    """Whether another service is named by the evidence: as the host that fails, in an exception, or in words that mean a failure."""
    name = service.lower()
    if diagnosis.host is not None and name in diagnosis.host.lower():
        return True
    texts = [match.said.text for match in diagnosis.matches]
    texts += [f"{each.type} {each.value}" for each in facts.chain]
    return len(name) > 2 and any(name in text.lower() for text in texts)


def _seen_before(earlier: Sequence[EarlierIncident], moment: int) -> EarlierIncident | None:
    """An episode of the very same problem that ended in something real before the change."""
    return next(
        (each for each in earlier if each.same_problem and each.verdict != "noise" and each.opened_at < moment), None
    )


def _time(begin: Begin, at: int) -> tuple[float, str]:
    before = max(0.0, (begin.at - at) / SECOND)
    for within, points in ((900, 0.35), (3600, 0.30), (6 * 3600, 0.15), (86_400, 0.05)):
        if before <= within:
            return points, f"it came {in_words(before)} before"
    return 0.0, ""


def _service(inquiry: Inquiry, service: str | None) -> tuple[float, str]:
    facts, diagnosis = inquiry.facts, inquiry.diagnosis
    if service is None or inquiry.origin is None:
        return 0.05, ""
    if service == inquiry.origin:
        return 0.2, "it changed the service that fails"
    return (0.15, f"the errors name {tick(service, 60)}") if _concerned(service, diagnosis, facts) else (0.0, "")


def _path(facts: Facts, begin: Begin, change: Changed | None, commit: Committed | None) -> list[tuple[float, str]]:
    if commit is not None and commit.culprit and commit_is_fresh(begin, commit.at):
        return [(0.5, "it last changed the very line that fails")]
    if commit is not None and commit.culprit_file:
        return [(0.3, "it touches the file that fails")]
    if (commit is not None and commit.touches) or _listed(facts, change):
        return [(0.2, "it touches a file of the stack trace")]
    return []


def _listed(facts: Facts, change: Changed | None) -> bool:
    """Whether the change's own list of files names one of the trace."""
    if change is None:
        return False
    tails = [frame.path.replace("\\", "/") for frame in facts.frames]
    return any(tail == file or tail.endswith("/" + file) for file in change.files if file for tail in tails)


def _fit(diagnosis: Diagnosis, suspect: Suspect, begin: Begin) -> list[tuple[float, str]]:
    match diagnosis.category, suspect.kind:
        case "configuration_error", "config" | "flag":
            near = begin.at - suspect.at <= NEAR_S * SECOND
            return [(0.2 if near else 0.05, "the error is one of configuration")]
        case "code_defect", "flag" if begin.at - suspect.at > NEAR_S * SECOND:
            return []
        case "code_defect", "deploy" | "commit" | "flag":
            return [(0.1, "the error is one of code")]
        case "configuration_error" | "data_quality", _:
            return []
        case "dependency_failure" | "infrastructure" | "resource_exhaustion", "deploy" | "commit":
            return [(-0.15, "")]
        case _:
            return []


def _history_is_innocent(facts: Facts, service: str | None) -> bool:
    """The clone was asked, the trace points into it, and no commit of the last days touches the trace: a deploy then carries
    nothing that fits."""
    asked = "git.recent_changes" in facts.answered and bool(facts.frames)
    return (
        asked and service == facts.incident.service and not any(each.touches or each.culprit for each in facts.commits)
    )


def _commit_of(change: Changed, commits: dict[str, Committed]) -> Committed | None:
    for said in (change.commit, change.version):
        if said is not None and len(said) >= 7:
            for sha, commit in commits.items():
                if sha.startswith(said.lower()):
                    return commit
    return None
