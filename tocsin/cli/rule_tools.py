"""`tocsin rules test`, `fmt`, `schema`, `bench` and `import`: what a person who writes rules works with."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

import orjson
import typer

from rules.correlation.topology import Topology
from rules.formatting import formatted
from rules.importers.importing import read, run_steps
from rules.importers.sheet import NotImportable, Sheet
from rules.importers.systems import System
from rules.importers.written import write
from rules.load import RulesInvalid, files_of, load, load_texts
from rules.model import RuleFile
from rules.trial.bench import Figures, measure
from rules.trial.cases import CaseFile, Coverage, Outcome, case_files, run_file
from rules.trial.lines import BASE, BadLine, events
from rules.trial.run import run
from rules.trial.told import lines
from schemas.document import DocumentInvalid, near
from schemas.time import SECOND, from_rfc3339
from tocsin.cli.output import NO, UNREACHABLE, USAGE, Config, Json, complain, configured, emit, explained, fail
from tocsin.cli.rules import faults, rules
from tocsin.compose import rule_paths
from tocsin.story import plain

app = rules
"""The commands of `tocsin rules`, these among them."""

Paths = Annotated[list[Path] | None, typer.Argument(help="Files or folders; those of the configuration otherwise")]
Base = Annotated[str | None, typer.Option("--base", help="The moment of t = 0, RFC 3339")]
Until = Annotated[float | None, typer.Option("--until", help="How long time goes on, in seconds after the beginning")]


@app.command("test")
def test_rules(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="*.test.yaml files or folders that hold them; those beside the configured rules otherwise"),
    ] = None,
    rule_files: Annotated[list[Path] | None, typer.Option("--rules", help="Rule files to run --events on")] = None,
    events_file: Annotated[
        Path | None, typer.Option("--events", help='Lines {"t": SECONDS, "signal": {...}}; the decisions are printed')
    ] = None,
    base: Base = None,
    until: Until = None,
    cover: Annotated[float, typer.Option("--cover", help="Fail when fewer percent of the rules are tested")] = 0.0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Run the tests of rules; exit 1 if one fails. With --rules and --events, run events and print the decisions."""
    if events_file is not None or rule_files is not None:
        if events_file is None or not rule_files:
            fail(USAGE, "--rules FILE and --events FILE belong together")
        _decide(rule_files, events_file, _moment(base), until, as_json=as_json)
        return
    with explained():
        found = case_files(paths or _configured_paths(config))
    coverage, outcomes = Coverage(), []
    for file in found:
        try:
            for outcome in run_file(file, coverage):
                outcomes.append(outcome)
                _tell(outcome, as_json=as_json)
        except DocumentInvalid as error:
            faults(error, as_json=as_json)
        except OSError as error:
            fail(UNREACHABLE, str(error))
    _summary(outcomes, coverage, as_json=as_json)
    if not all(outcome.passed for outcome in outcomes) or coverage.share < cover:
        raise typer.Exit(NO)


@app.command()
def fmt(
    paths: Paths = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit 1 if something would change")] = False,
    config: Config = None,
) -> None:
    """Put rule files into one shape. Comments and what the files say stay."""
    changed = []
    with explained():
        for file in [file for path in paths or _configured_paths(config) for file in files_of(path)]:
            text = file.read_bytes().decode()
            made = formatted(text, str(file))
            if made != text:
                changed.append(file)
                if not check:
                    file.write_bytes(made.encode())
    for file in changed:
        _say(f"{'would change' if check else 'changed'} {file}")
    if check and changed:
        raise typer.Exit(NO)


@app.command()
def schema(
    tests: Annotated[bool, typer.Option("--tests", help="Of test files instead of rule files")] = False,
    topology: Annotated[bool, typer.Option("--topology", help="Of topology.yaml instead of rule files")] = False,
) -> None:
    """Print the JSON Schema of rule files, for editors."""
    model = CaseFile if tests else Topology if topology else RuleFile
    typer.echo(json.dumps(model.model_json_schema(), indent=2))


@app.command()
def bench(
    paths: Paths = None,
    events_file: Annotated[
        Path | None, typer.Option("--events", help="Signals to run, as for `test`; made up otherwise")
    ] = None,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=600, help="CPU seconds for each figure")] = 1.0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Measure how fast the rules are on this machine, in CPU time of one core, and which rules cost most."""
    with explained():
        ruleset = load(paths or _configured_paths(config))
        text = events_file.read_text("utf-8") if events_file is not None else None
    try:
        found = measure(ruleset, None if text is None else events(text), seconds)
    except BadLine as error:
        fail(UNREACHABLE, f"{events_file}: {error}")
    emit(found.as_json()) if as_json else _say(_figures(found))


@app.command("import")
def import_rules(
    file: Annotated[Path, typer.Argument(help="A file of the other system")],
    system: Annotated[str, typer.Option("--from", help=", ".join(get_args(System)))],
    steps: Annotated[
        Path | None,
        typer.Option("--run", help="Run the imported rules on these steps and print what fires; writes no rules"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the rules here; standard output otherwise")
    ] = None,
    base: Base = None,
    until: Until = None,
    mended: Annotated[
        bool, typer.Option("--mended", help="Leave out what only repeats known defects of the other system")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the rules of another system in our language, with a comment at each thing that is not carried over exactly."""
    if system not in get_args(System):
        fail(USAGE, f"there is no import from {system!r}{near(system, get_args(System))}")
    chosen: System = next(each for each in get_args(System) if each == system)
    try:
        text = file.read_text("utf-8")
        if steps is not None:
            at = _moment(base)
            end = None if until is None else at + round(until * SECOND)
            for line in run_steps(chosen, text, file.name, steps.read_text("utf-8"), base=at, until=end, mended=mended):
                emit(line) if as_json else _say(orjson.dumps(line).decode())
            return
        _write(read(chosen, text, file.name, mended=mended), output, as_json=as_json)
    except NotImportable as error:
        fail(UNREACHABLE, f"{file}: {error}")
    except BadLine as error:
        fail(UNREACHABLE, f"{steps}: {error}")
    except (OSError, UnicodeDecodeError) as error:
        fail(UNREACHABLE, str(error))
    except RulesInvalid as error:
        faults(error, as_json=as_json)


def _write(sheet: Sheet, output: Path | None, *, as_json: bool) -> None:
    text = formatted(write(sheet), sheet.source)
    wrong = ""
    try:
        load_texts({str(output or sheet.source): text})
    except RulesInvalid as error:
        wrong = str(error)
    if output is not None:
        output.write_text(text, "utf-8")
    notes = [{"kind": one.kind, "name": one.name, "rule": (one.rule or {}).get("name"), "notes": one.notes}
             for top in sheet.items for one in top.walk() if one.notes]  # fmt: skip
    if as_json:
        said: dict[str, object] = {
            **sheet.counts,
            "playbooks": sheet.playbooks,
            "notes": notes,
            "silences": sheet.silences,
        }
        emit({**said, "faults": wrong.splitlines(), **({} if output is not None else {"rules": text})})
    else:
        if output is None:
            typer.echo(text, nl=False)
        counts = sheet.counts
        told = f"{counts['exact']} carried over exactly, {counts['with_comment']} with a comment, {counts['left_out']} left out"
        complain(told, "default")
    if wrong:
        fail(NO, f"what was written has faults:\n{wrong}")


def _decide(files: Iterable[Path], events_file: Path, base: int, until: float | None, *, as_json: bool) -> None:
    with explained():
        ruleset = load(files)
        text = events_file.read_text("utf-8")
    try:
        inputs = events(text, base)
        end = None if until is None else base + round(until * SECOND)
        for line in lines(run(ruleset, inputs, until=end), inputs, base):
            emit(line) if as_json else _say(_decision(line))
    except BadLine as error:
        fail(UNREACHABLE, f"{events_file}: {error}")


def _decision(line: dict[str, Any]) -> str:
    about = " ".join(
        f"{key}={line[key]}" for key in ("rule", "playbook", "reason", "group", "signals") if line.get(key)
    )
    return f"{line['t']:>10g}  {line['kind']:<20} {about}\n{'':12}{line['because']}"


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        emit({"file": outcome.file, "line": outcome.line, "test": outcome.name, "passed": outcome.passed, "fault": outcome.fault,
              "missing": list(outcome.missing), "unexpected": list(outcome.unexpected)})  # fmt: skip
        return
    _say(f"{'ok    ' if outcome.passed else 'FAILED'} {outcome.file}:{outcome.line} {outcome.name}")
    for word, texts in (
        ("fault", [outcome.fault] if outcome.fault else []),
        ("missing", outcome.missing),
        ("unexpected", outcome.unexpected),
    ):
        for text in texts:
            _say(f"       {word}: {text}")


def _summary(outcomes: list[Outcome], coverage: Coverage, *, as_json: bool) -> None:
    failed = sum(not outcome.passed for outcome in outcomes)
    if as_json:
        emit({"tests": len(outcomes), "failed": failed, "rules": len(coverage.rules), "coverage": round(coverage.share, 1),
              "untested": list(coverage.untested)})  # fmt: skip
        return
    tested = len(coverage.rules) - len(coverage.untested)
    _say(
        f"{len(outcomes)} tests, {failed} failed; {tested} of {len(coverage.rules)} rules tested ({coverage.share:.0f} %)"
    )
    if coverage.untested:
        _say(f"not tested: {', '.join(coverage.untested)}")


def _figures(found: Figures) -> str:
    rows = [
        f"{found.rules} rules, {found.signals} signals, {found.candidates:.1f} rules looked at and {found.matches:.1f} matched for each",
        f"selection   {found.selected:>12,.0f} signals/s",
        f"decisions   {found.decided:>12,.0f} signals/s",
        "dearest conditions, microseconds for each signal they are looked at:",
        *(f"  {cost:8.2f}  {name}" for cost, name in found.dearest),
    ]
    return "\n".join(rows)


def _configured_paths(config: Path | None) -> list[Path]:
    return rule_paths(configured(config))


def _say(text: str) -> None:
    """A line for people, however long; what came from outside is harmless in it."""
    typer.echo(plain(text))


def _moment(base: str | None) -> int:
    if base is None:
        return BASE
    try:
        return from_rfc3339(base)
    except ValueError as error:
        fail(USAGE, f"--base: {error}")
