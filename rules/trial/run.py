"""The virtual clock: inputs at their moments, and between them every timer at its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rules.engine import BadInput, Engine
from rules.limits import Limits
from rules.ruleset import RuleSet
from rules.trial.lines import BadLine, Timed
from schemas.decision import Decision


def run(
    ruleset: RuleSet,
    inputs: Iterable[Timed],
    *,
    until: int | None = None,
    limits: Limits | None = None,
    done: Callable[[Timed, Engine], None] | None = None,
) -> Iterator[Decision]:
    """The decisions that follow, in order; the engine's own, from an empty state. Raises BadLine for an input it refuses.

    `until` is the moment up to which time goes on after the last input; what is due by then still happens.
    """
    engine = Engine(ruleset, code_version="trial", limits=limits)
    state, now = engine.state(), 0
    for timed in inputs:
        now = max(now, timed.at)
        try:
            yield from engine.advance(state, timed.item, kind=timed.kind, now=now)
        except BadInput as error:
            raise BadLine(f"line {timed.index + 1}: {error}") from error
        if done is not None:
            done(timed, engine)
    if until is not None and until > now:
        yield from engine.advance(state, {}, kind="tick", now=until)
