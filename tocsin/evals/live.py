"""One case through the analyst: gather, reason, conclude, by the same steps as a live investigation."""

import time
from dataclasses import dataclass

from connectors.ports.tool import ToolContext
from processors.analyst.conclude import conclude
from processors.investigate.call import call
from schemas import Conclusion, Step, Usage
from tocsin.evals.archive import NoArchive
from tocsin.evals.prepared import Prepared


@dataclass(frozen=True)
class Outcome:
    """What an investigation came to, and what it cost."""

    conclusion: Conclusion
    steps: tuple[Step, ...]
    usage: Usage
    cpu_s: float


async def investigated(case: Prepared, *, identity: str) -> Outcome:
    """Without a model: every tool of the playbook is asked once, and the facts are weighed."""
    begun = time.thread_time()
    archive = NoArchive(case.signals, case.incident)
    context = ToolContext(case.incident, case.signals, archive, case.now)
    steps: list[Step] = []
    for index, name in enumerate(case.playbook.front.gather):
        answer = await call(case.tools, name, {}, context, left_s=60.0)
        steps.append(
            Step(
                id=f"{identity}/{index}",
                investigation_id=identity,
                index=index,
                kind="tool_call",
                name=name,
                success=answer.success,
                result=answer.result,
                error=answer.error,
                started_at=case.now,
                finished_at=case.now,
                usage=Usage(tool_calls=1),
            )
        )
    conclusion = conclude(case.incident, case.signals, steps, case.playbook, case.now, investigation_id=identity)
    usage = Usage(tool_calls=len(steps))
    return Outcome(conclusion, tuple(steps), usage, time.thread_time() - begun)
