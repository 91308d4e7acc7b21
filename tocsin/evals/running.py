"""Running: all cases side by side, each in a process of its own, answers in the order of the cases."""

import asyncio
import logging
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from tocsin.evals.cases import Case
from tocsin.evals.suites import EMPTY, SUITES, Solved
from tocsin.models import Models


@dataclass(frozen=True, slots=True)
class Ran:
    """One case with its answer; `fault` says why it is empty, where solving it broke."""

    case: Case
    solved: Solved
    fault: str | None = None


def run(cases: Sequence[Case], models: Models | None, *, workers: int, told: Callable[[Ran], None]) -> list[Ran]:
    """Solve all. `told` hears of each as it is done."""
    done: dict[str, Ran] = {}
    for ran in _each(cases, models, workers):
        done[ran.case.id] = ran
        told(ran)
    return [done[case.id] for case in cases]


def _each(cases: Sequence[Case], models: Models | None, workers: int) -> Iterator[Ran]:
    if workers <= 1:
        yield from (solve(case, models) for case in cases)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: list[Future[Ran]] = [pool.submit(solve, case, models) for case in cases]
        for future in as_completed(waiting):
            yield future.result()


def solve(case: Case, models: Models | None) -> Ran:
    """One case; whatever breaks is an empty answer with the reason, so that the others count."""
    logging.getLogger("processors").setLevel(logging.ERROR)
    try:
        return Ran(case, asyncio.run(SUITES[case.suite](case, models)))
    except Exception as error:  # noqa: BLE001 - one case that breaks must not take the run with it
        place = "".join(traceback.format_exception(error)[-2:]).strip()
        return Ran(case, Solved(EMPTY.get(case.suite, {})), f"{type(error).__name__}: {error}\n{place}"[:2000])


def default_workers() -> int:
    """As many as there are processors for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
