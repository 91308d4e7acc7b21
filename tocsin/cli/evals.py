"""`tocsin eval`: scored cases through the analyst, with what it reaches and costs."""

import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from schemas.document import near
from tocsin.cli.output import NO, UNREACHABLE, USAGE, Config, Json, complain, complaints, configured, emit, fail, show
from tocsin.evals import report
from tocsin.evals.cases import Case, CasesUnreadable, read_cases
from tocsin.evals.chosen import chosen
from tocsin.evals.running import Ran, default_workers, run
from tocsin.evals.scoring import NotScored, Scored, score, scorer_of
from tocsin.evals.suites import SUITES
from tocsin.models import NONE, Models


def add_to(app: typer.Typer) -> None:
    """Offer the commands of this module."""
    app.command("eval")(evaluate)


def evaluate(
    suite: Annotated[str, typer.Argument(help=f"One of {', '.join(SUITES)}")],
    cases: Annotated[Path, typer.Option("--cases", help="The cases, one JSON object a line; .gz is found too")],
    model: Annotated[
        str, typer.Option("--model", help="`none`, a role, or PROVIDER/MODEL of the configuration")
    ] = NONE,
    out: Annotated[Path | None, typer.Option("--out", help="Write the answers here, one a line")] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", help="Answers of a run before, to be compared with")
    ] = None,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="By how much a measure may be worse than before")
    ] = 0.0,
    scorer: Annotated[
        Path | None, typer.Option("--scorer", help="The scorer; by default score.py above the cases' folder")
    ] = None,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Cases at once; 0: one for each processor")] = 0,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Give scored cases to the analyst as what its tools return, and print what it reaches. Exit 1 when it is worse than the baseline."""
    if suite not in SUITES:
        fail(USAGE, f"unknown suite {suite!r}{near(suite, list(SUITES))}")
    try:
        read = read_cases(cases, suite)
    except CasesUnreadable as error:
        fail(UNREACHABLE, str(error))
    begun = time.perf_counter()
    runs = _run(read, _models(model, config), workers or default_workers(), quiet=as_json)
    wall_s = time.perf_counter() - begun
    with tempfile.TemporaryDirectory(prefix="tocsin-eval-") as place:
        written = out if out is not None else Path(place) / "answers.jsonl"
        _write(written, runs)
        found = scorer if scorer is not None else scorer_of(cases)
        scored = _score(found, suite, written) if found is not None else None
        before = _score(found, suite, baseline) if found is not None and baseline is not None else None
    worse = report.regressions(scored, before, tolerance) if scored is not None and before is not None else []
    if as_json:
        emit(report.machine(suite, model, runs, wall_s, scored, before, worse))
    else:
        _print(suite, model, runs, wall_s, scored, before, worse)
    if worse or any(ran.fault is not None for ran in runs):
        raise typer.Exit(NO)


def _models(model: str, config: Path | None) -> Models | None:
    """The configured models with the asked one alone in the role every case is investigated by."""
    if model == NONE:
        return None
    models = configured(config).configuration.models
    try:
        return chosen(model, models)
    except LookupError as error:
        fail(USAGE, str(error))


def _run(read: Sequence[Case], models: Models | None, workers: int, *, quiet: bool) -> list[Ran]:
    if quiet or not sys.stderr.isatty():
        return run(read, models, workers=min(workers, len(read)), told=lambda _: None)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=complaints(), transient=True) as progress:
        task = progress.add_task("cases", total=len(read))
        return run(read, models, workers=min(workers, len(read)), told=lambda _: progress.advance(task))


def _write(path: Path, runs: Sequence[Ran]) -> None:
    lines = (json.dumps({"id": ran.case.id, "answer": ran.solved.answer}, ensure_ascii=False) for ran in runs)
    try:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        fail(UNREACHABLE, f"{path} cannot be written: {error}")


def _score(scorer: Path, suite: str, answers: Path) -> Scored | None:
    try:
        return score(scorer, suite, answers)
    except NotScored as error:
        complain(f"not scored: {error}", "yellow")
        return None


def _print(
    suite: str,
    model: str,
    runs: Sequence[Ran],
    wall_s: float,
    scored: Scored | None,
    before: Scored | None,
    worse: Sequence[str],
) -> None:
    if scored is not None:
        show(report.table(suite, model, scored, before))
        sure = report.calibrated(runs, scored)
        if sure is not None:
            bins = "; ".join(f"said {each.said:.2f}, right {each.right:.2f} ({each.cases})" for each in sure.bins)
            show(f"confidence: Brier {sure.brier:.3f}, off by {sure.gap:.2f}: {bins}")
    else:
        show(f"{suite}, model {model}: {len(runs)} cases answered; no scorer stands beside them")
    usage = report.spent(runs)
    cpu = [ran.solved.cpu_s for ran in runs]
    show(
        f"{len(runs)} cases in {wall_s:.1f} s; CPU {sum(cpu):.1f} s, at most {max(cpu, default=0.0):.2f} s for one; {usage.tool_calls} tool calls, "
        f"{usage.model_calls} model calls, {usage.input_tokens + usage.output_tokens} tokens, ${usage.cost_usd:.4f}"
    )
    for ran in runs:
        if ran.fault is not None:
            complain(f"{ran.case.id}: {ran.fault}")
    for each in worse:
        complain(f"worse than before: {each}")
