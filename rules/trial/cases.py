"""Tests of rules: files `NAME.test.yaml` beside `NAME.yaml`, with signals at their times and the decisions that must follow."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from rules.delivery.said import Texts
from rules.load import files_of, load
from rules.ruleset import RuleSet
from rules.trial.lines import BASE, BadLine, Timed, command, moment, signal
from rules.trial.run import run
from rules.trial.told import lines, rule_of
from schemas.document import Document, parse_yaml, validate
from schemas.time import SECOND

LOOKED_AT = frozenset({"incident.opened", "playbook.notified"})
"""Kinds of which every decision must be expected, whether or not the test names the kind."""

_MOST_REPEATED = 100_000


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _as_text(value: Any) -> Any:
    """YAML reads a moment without quotes as one."""
    return value.isoformat() if isinstance(value, datetime.datetime) else value


Listed = BeforeValidator(lambda value: tuple(value) if isinstance(value, list) else value)


class Event(Part):
    """Something that comes, at its time; or, with nothing but `t`, time that goes on."""

    t: float = Field(description="Seconds after the beginning")
    signal: dict[str, Any] | None = Field(
        default=None, description="Fields of a signal; whatever is missing is made up"
    )
    command: dict[str, Any] | None = Field(default=None, description="A command: its `kind` and `data`")
    repeat: int = Field(default=1, ge=1, le=_MOST_REPEATED, description="How many times it comes")
    every: float = Field(default=1.0, ge=0, description="Seconds between the times it comes")


class Expected(Part):
    """A decision that must follow. Whatever is not said may be anything."""

    t: float | None = Field(default=None, description="Its time in seconds")
    kind: str = Field(description="Its kind, such as incident.opened")
    rule: str | None = Field(default=None, description="The rule that decides")
    playbook: str | None = Field(default=None, description="The playbook that is asked for")
    reason: str | None = Field(default=None, description="Why, out of the closed set of its kind")
    status: str | None = Field(default=None, description="The incident's status then")
    severity: str | None = Field(default=None, description="The incident's severity then")
    group: dict[str, str] | None = Field(default=None, description="Values of the group, those of interest")
    labels: dict[str, str] | None = Field(default=None, description="Labels of the incident, those of interest")
    signals: Annotated[tuple[int, ...], Listed] | None = Field(
        default=None, description="Events it names, by number from 0"
    )
    data: dict[str, Any] | None = Field(default=None, description="Parts of the decision's data")

    def __str__(self) -> str:
        said = self.model_dump(exclude_none=True, exclude={"t", "kind"})
        return f"{'' if self.t is None else f't={self.t:g} '}{self.kind}{f' {said}' if said else ''}"

    def meets(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is what was expected; times to the millisecond."""
        said = self.model_dump(exclude_none=True)
        if self.t is not None and abs(line["t"] - said.pop("t")) > 0.0005:
            return False
        return all(_holds(value, line.get(key)) for key, value in said.items())


class Case(Part):
    """One test: what comes, and what must follow."""

    name: str = Field(description="What it shows, as a sentence")
    events: Annotated[tuple[Event, ...], Listed] = Field(description="What comes, in order of time")
    expect: Annotated[tuple[Expected, ...], Listed] = Field(
        description="The decisions that follow; of the kinds named here, and of incident.opened and playbook.notified, these and no others"
    )
    until: float | None = Field(default=None, description="How long time goes on, in seconds")


class CaseFile(Part):
    """A file of tests."""

    rules: Texts = Field(default=(), description="Rule files or folders, from this file's folder; NAME.yaml otherwise")
    base: Annotated[str, BeforeValidator(_as_text)] | None = Field(
        default=None, description="The moment of t = 0, RFC 3339"
    )
    tests: Annotated[tuple[Case, ...], Listed] = Field(description="The tests")

    @model_validator(mode="after")
    def _based(self) -> CaseFile:
        if self.base is not None:
            moment(self.base, 0)
        return self


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one test. `fault` is what kept it from running; `tested` are the rules whose decisions it expects."""

    file: str
    line: int
    name: str
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    fault: str = ""
    tested: frozenset[str] = frozenset()

    @property
    def passed(self) -> bool:
        return not (self.missing or self.unexpected or self.fault)


@dataclass(slots=True)
class Coverage:
    """Which rules the tests that passed say something of."""

    rules: set[str] = field(default_factory=set)
    tested: set[str] = field(default_factory=set)

    @property
    def untested(self) -> list[str]:
        return sorted(self.rules - self.tested)

    @property
    def share(self) -> float:
        """Percent of the rules, 100 where there are none."""
        return 100.0 * len(self.rules & self.tested) / len(self.rules) if self.rules else 100.0


def case_files(paths: Iterable[Path]) -> list[Path]:
    """The test files among files, those beside rule files and, at any depth, in folders, in order of name."""
    found: set[Path] = set()
    for path in paths:
        if path.is_dir():
            found |= {each for kind in ("yaml", "yml") for each in path.rglob(f"*.test.{kind}")}
        elif path.stem.endswith(".test") or not (beside := _tests_beside(path)):
            found.add(path)
        else:
            found.update(beside)
    return sorted(found)


def _tests_beside(path: Path) -> list[Path]:
    return [each for kind in ("yaml", "yml") if (each := path.with_name(f"{path.stem}.test.{kind}")).exists()]


def run_file(path: Path, coverage: Coverage) -> Iterator[Outcome]:
    """Runs the tests of a file, one after another. Raises DocumentInvalid for faults of it or of its rules, and OSError."""
    document = parse_yaml(path.read_text("utf-8"), str(path))
    cases = validate(document, CaseFile)
    files = _rule_files(path, cases)
    ruleset = load(files)
    # What they include has tests of its own.
    own = {str(each) for named in files for each in files_of(named)}
    coverage.rules |= {rule.name for rule in ruleset.rules if rule.file in own}
    base = BASE if cases.base is None else moment(cases.base, 0)
    for number, case in enumerate(cases.tests):
        outcome = _outcome(case, ruleset, base, document, number)
        if outcome.passed:
            coverage.tested |= outcome.tested
        yield outcome


def _rule_files(path: Path, cases: CaseFile) -> list[Path]:
    if cases.rules:
        return [path.parent / name for name in cases.rules]
    stem = path.name.rsplit(".test.", 1)[0]
    beside = [path.with_name(f"{stem}.{kind}") for kind in ("yaml", "yml")]
    return files_of(next((each for each in beside if each.exists()), beside[0]))


def _outcome(case: Case, ruleset: RuleSet, base: int, document: Document, number: int) -> Outcome:
    line = document.at(("tests", number))[0]
    try:
        made = _inputs(case, base)
        until = None if case.until is None else moment(case.until, base)
        decisions = list(run(ruleset, made, until=until))
    except (BadLine, ValueError) as error:
        return Outcome(document.file, line, case.name, fault=str(error))
    found = list(lines(decisions, made, base))
    left = list(range(len(found)))
    missing: list[str] = []
    tested: set[str] = set()
    for expected in case.expect:
        met = next((place for place in left if expected.meets(found[place])), None)
        if met is None:
            missing.append(_absent(expected, found))
            continue
        left.remove(met)
        if (rule := rule_of(decisions[met])) is not None:
            tested.add(rule)
    kinds = LOOKED_AT | {expected.kind for expected in case.expect}
    unexpected = tuple(_shown(found[place]) for place in left if found[place]["kind"] in kinds)
    return Outcome(document.file, line, case.name, tuple(missing), unexpected, tested=frozenset(tested))


def _inputs(case: Case, base: int) -> list[Timed]:
    found: list[Timed] = []
    for index, event in enumerate(case.events):
        for time in range(event.repeat):
            at = base + round((event.t + time * event.every) * SECOND)
            # Each is a signal of its own, unless the test says which occurrence or group it is of.
            number = index + time * 1_000_000
            if event.signal is not None:
                found.append(Timed(at, "signal", signal(event.signal, at, base, number), index))
            if event.command is not None:
                found.append(Timed(at, "command", command(event.command, at, base, number), index))
            if event.signal is None and event.command is None:
                found.append(Timed(at, "tick", {}, index))
    return sorted(found, key=lambda timed: timed.at)


def _absent(expected: Expected, found: list[dict[str, Any]]) -> str:
    alike = [_shown(line) for line in found if line["kind"] == expected.kind]
    return f"{expected}; of that kind there {'is' if len(alike) == 1 else 'are'} {' | '.join(alike[:5]) or 'none'}"


def _shown(line: Mapping[str, Any]) -> str:
    said = [
        f"{key}={line[key]!r}" for key in ("rule", "playbook", "reason", "status", "group", "signals") if line.get(key)
    ]
    return f"t={line['t']:g} {line['kind']} {' '.join(said)}: {line['because']}"


def _holds(wanted: Any, found: Any) -> bool:
    """Whether what was found is what is wanted; of mappings, the keys that are wanted."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(value, found.get(key)) for key, value in wanted.items())
    return bool(list(wanted) == found) if isinstance(wanted, tuple) else bool(wanted == found)
