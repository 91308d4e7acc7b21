"""The scene: everything that follows from what was gathered, worked out once, before anything is blamed."""

from collections.abc import Sequence
from dataclasses import dataclass

from processors.evidence.diffs import Effect, effect_of
from processors.evidence.failing import Failing, Graph, failing_of, graph_of, names_of, origin_of
from processors.evidence.links import Vocabulary
from processors.evidence.mechanisms import Mechanism, mechanisms_of
from processors.evidence.metrics import is_bad
from processors.evidence.outside import Outside, outside_of
from processors.evidence.shifts import Shift, shift_of
from processors.evidence.templates import Template, templates
from processors.evidence.values import CommitRead, Gathered

FIRST_S = 3 * 3600
"""A sign of the failing service this long before the alert still belongs to it, if it lasted."""
LEAST_FACTOR = 1.3
SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Scene:
    """`onset` is when the service that failed first began to, None when nothing but the alert says so."""

    gathered: Gathered
    alerted: str | None
    start: int
    onset: int | None
    shifts: tuple[Shift, ...]
    templates: tuple[Template, ...]
    failing: dict[str, Failing]
    graph: Graph
    origin: str | None
    outside: tuple[Outside, ...]
    mechanisms: tuple[Mechanism, ...]
    effects: dict[str, Effect]
    vocabulary: Vocabulary
    names: frozenset[str]

    @property
    def began(self) -> int:
        """When it began: the onset, or the alert."""
        return self.onset if self.onset is not None else self.start

    @property
    def sampling(self) -> int:
        """How far apart points of the series that tell of the beginning lie, in microseconds; 0 without series."""
        steps = [shift.series.times[1] - shift.series.times[0] for shift in self.shifts if len(shift.series.times) > 1]
        return min(steps, default=0)

    def new_errors(self) -> tuple[Template, ...]:
        """Warnings and worse that are new or much more than before, those of the origin first, then the earliest."""
        chosen = [
            each
            for each in self.templates
            if each.rank >= 3 and each.total and each.after + each.untimed > 2 * each.before
        ]
        return tuple(
            sorted(chosen, key=lambda each: (each.service != self.origin, each.rank < 4, each.first or 0, each.pattern))
        )


def scene_of(
    gathered: Gathered, *, alerted: str | None, start: int, texts: Sequence[tuple[str, str]], heard: Sequence[str] = ()
) -> Scene:
    """`texts` are (id, text) of the alert; `heard` further texts of the fault itself, such as frames of its stack trace."""
    shifts = tuple(sorted(_shifts(gathered), key=lambda each: (each.at, each.series.metric)))
    onset = _first_error(gathered, shifts, start)
    counted = templates(gathered.logs, onset, gathered.patterns)
    graph = graph_of(gathered, counted)
    failing = failing_of(gathered, shifts, counted)
    origin = origin_of(failing, graph, gathered, alerted)
    found = failing.get(origin) if origin is not None else None
    firsts = [each.first for each in (found, failing.get(alerted or "")) if each is not None and each.first is not None]
    if firsts:
        onset = min(firsts)
    outside = outside_of(gathered, shifts, counted, failing, graph, onset if onset is not None else start, texts)
    effects = {commit.sha: effect_of(commit) for commit in gathered.commits}
    names = names_of(gathered)
    vocabulary = _vocabulary(gathered, effects, counted, shifts, names, origin, texts, heard)
    said = [(text, 0.8) for _, text in texts] + [(text, 1.0) for text in heard]
    said += [
        (each.example.text, 1.0 if each.service == origin else 0.6)
        for each in counted
        if each.rank >= 3 and each.after > 2 * each.before
    ]
    said += [
        (each.series.metric, 0.7 if each.series.service == origin else 0.4)
        for each in shifts
        if is_bad(each.series.metric, up=each.up)
    ]
    said += [(f"{span.name} {span.error}", 0.8) for span in gathered.spans if span.failed]
    return Scene(
        gathered, alerted, start, onset, shifts, counted, failing, graph, origin, outside, mechanisms_of(said), effects, vocabulary, names
    )  # fmt: skip


def _shifts(gathered: Gathered) -> list[Shift]:
    found = (shift_of(series) for series in gathered.series)
    return [each for each in found if each is not None and (each.factor >= LEAST_FACTOR or each.sigmas >= 20)]


def _first_error(gathered: Gathered, shifts: Sequence[Shift], start: int) -> int:
    """A first guess of the onset, to part what came before from what came after: the earliest lasting bad shift or error line that
    is not ordinary, else the alert."""
    moments = [
        each.at
        for each in shifts
        if each.lasting and is_bad(each.series.metric, up=each.up) and each.at > start - FIRST_S * SECOND
    ]
    lines = sorted(each.at for each in gathered.logs if each.rank >= 4 and each.at is not None)
    early = [at for at in lines if at < start - FIRST_S * SECOND]
    if lines and not early:
        moments.append(lines[0])
    return min([*moments, start])


def _vocabulary(
    gathered: Gathered, effects: dict[str, Effect], counted: Sequence[Template], shifts: Sequence[Shift], names: frozenset[str],
    origin: str | None, texts: Sequence[tuple[str, str]], heard: Sequence[str],
) -> Vocabulary:  # fmt: skip
    commits: list[tuple[CommitRead, Effect]] = [(commit, effects[commit.sha]) for commit in gathered.commits]
    ordinary = [each.example.text for each in counted if each.before > each.after and each.rank < 4]
    vocabulary = Vocabulary(commits, ordinary, names)
    for text in heard:
        vocabulary.hear(text, 1.0)
    for _, text in texts:
        vocabulary.hear(text, 0.6)
    for each in counted:
        if each.rank >= 3 and each.after > 2 * each.before:
            weight = 1.0 if each.service == origin else 0.6
            vocabulary.hear(each.example.text, weight)
            for name, value in each.example.attributes.items():
                if "route" not in name and "trace" not in name:
                    vocabulary.hear(value, weight)
    for span in gathered.spans:
        if span.failed or span.service == origin:
            weight = 0.9 if span.service == origin else 0.5
            vocabulary.hear(span.name, weight * 0.4)
            vocabulary.hear(span.error, weight * 0.8)
            for value in span.attributes.values():
                vocabulary.hear(value, weight)
    for shift in shifts:
        if shift.series.service in (origin, None):
            vocabulary.hear(shift.series.metric, 0.5)
    for said in gathered.said:
        if said.level:
            vocabulary.hear(said.text, 0.7)
    return vocabulary
