"""Whatever tools return and signals say: the analyst does not raise, is deterministic, and passes its own check."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from playbooks.library import load_library
from processors.analyst.conclude import conclude
from processors.analyst.quotes import Sources
from schemas import Incident, Signal, Step, to_rfc3339
from schemas.severity import SEVERITIES
from schemas.time import SECOND
from tests.support.checkout_story import (
    INJECTION,
    NOW,
    START,
    checkout_incident,
    deploy_signal,
    error_signal,
    exception_event,
)

PLAYBOOK = load_library().get("triage-error")
TOOLS = (
    "signals.around",
    "logs.around",
    "changes.before",
    "incidents.similar",
    "git.recent_changes",
    "incident.now",
    "other.tool",
)

words = st.sampled_from(
    [
        "TypeError: x is None",
        "connection refused to orders-db:5432",
        "OOMKilled",
        "KeyError: 'API_KEY'",
        "Watchdog",
        "test alert",
        "",
        "`",
        INJECTION,
        "checkout",
        "payments",
    ]
) | st.text(max_size=60)
services = st.sampled_from(["checkout", "payments", "web", "", None])
moments = st.integers(START - 90_000 * SECOND, NOW + 3600 * SECOND)
times = moments.map(to_rfc3339)
severities = st.sampled_from(SEVERITIES)
statuses = st.sampled_from(["firing", "resolved", "acknowledged", "suppressed", "info"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["signals", "changes", "id", "at", "title"]), inner, max_size=3)
    ),
    max_leaves=8,
)
neighbours = st.fixed_dictionaries(
    {"id": words, "after_start_s": st.floats(-9000, 9000), "type": st.sampled_from(["alert", "error", "change"]), "status": statuses,
     "severity": severities, "service": services, "title": words, "body": words, "own": st.booleans()}
)  # fmt: skip
patterns = st.fixed_dictionaries(
    {"pattern": words, "service": services, "severity": severities, "before": st.integers(0, 9), "after": st.integers(0, 9),
     "first": times, "last": times, "example": words, "example_id": words}
)  # fmt: skip
changes = st.fixed_dictionaries(
    {"id": words, "at": times, "kind": st.sampled_from(["deployment", "flag", "config", "x"]), "title": words, "service": services,
     "version": st.none() | words, "commit": st.none() | st.just("ab" * 20), "files": st.lists(words, max_size=2)}
)  # fmt: skip
commits = st.fixed_dictionaries(
    {"commit": st.sampled_from(["ab" * 20, "cd" * 20]), "at": times, "title": words, "files": st.lists(words, max_size=2),
     "touches": st.lists(st.just("shop/cart.py"), max_size=1)}
)  # fmt: skip
frames = st.fixed_dictionaries(
    {
        "file": st.just("shop/cart.py"),
        "line": st.integers(1, 99),
        "culprit": st.booleans(),
        "last_change": st.none() | commits,
    }
)
external = st.fixed_dictionaries(
    {"system": st.sampled_from(["linear", "github"]), "kind": st.just("issue"), "id": words}
)
earlier = st.fixed_dictionaries(
    {"id": words, "title": words, "service": services, "similarity": st.floats(0, 1), "same_problem": st.booleans(), "opened_at": times,
     "status": st.sampled_from(["open", "resolved"]), "lasted_s": st.none() | st.floats(0, 9000), "verdict": st.none() | st.just("noise"),
     "external": st.lists(external, max_size=1), "feedback": st.lists(words, max_size=1)}
)  # fmt: skip
SHAPES = {
    "signals.around": st.fixed_dictionaries({"signals": st.lists(neighbours, max_size=5)}),
    "logs.around": st.fixed_dictionaries({"patterns": st.lists(patterns, max_size=4), "scanned": st.integers(0, 90)}),
    "changes.before": st.fixed_dictionaries({"changes": st.lists(changes, max_size=4)}),
    "incidents.similar": st.fixed_dictionaries({"incidents": st.lists(earlier, max_size=3)}),
    "git.recent_changes": st.fixed_dictionaries(
        {
            "frames": st.lists(frames, max_size=2),
            "touching": st.lists(commits, max_size=2),
            "recent": st.lists(commits, max_size=2),
        }
    ),
}


@st.composite
def stories(draw: st.DrawFn) -> tuple[Incident, list[Signal], list[Step]]:
    raws = st.sampled_from(
        [{}, None, exception_event(), {"exception": {"values": [{"type": 3, "stacktrace": {"frames": [None, {}]}}]}}]
    )
    signals = [
        error_signal(
            number,
            title=draw(words),
            body=draw(words),
            raw=draw(raws | json_values) or {},
            service=draw(services),
            severity=draw(severities),
            status=draw(statuses),
            measures=draw(st.dictionaries(st.just("users"), st.floats(), max_size=1)),
        )
        for number in range(draw(st.integers(0, 4)))
    ]
    incident = checkout_incident(
        signals or [deploy_signal(0)],
        title=draw(words),
        severity=draw(severities),
        service=draw(services),
        environment=draw(st.sampled_from(["production", "staging", None])),
        status=draw(st.sampled_from(["open", "resolved"])),
        resolved_at=draw(st.none() | moments),
        signals=draw(st.integers(0, 10**6)),
    )
    steps: list[Step] = []
    for index, name in enumerate(draw(st.lists(st.sampled_from(TOOLS), max_size=7))):
        result: Any = draw(SHAPES[name] | json_values) if name in SHAPES else draw(json_values)
        good = draw(st.booleans()) or name in SHAPES
        steps.append(
            Step(id=f"inv_1/{index}", investigation_id="inv_1", index=index, kind="tool_call", name=name, success=good,
                 result=result if good else None, error=None if good else draw(words), started_at=NOW, finished_at=NOW)
        )  # fmt: skip
    return incident, signals, steps


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(stories())
def test_a_conclusion_is_always_reached_is_sound_and_is_the_same_again(
    story: tuple[Incident, list[Signal], list[Step]],
) -> None:
    incident, signals, steps = story
    made = conclude(
        incident, signals, steps, PLAYBOOK, NOW, investigation_id="inv_1"
    )  # raises NotSound when its check fails
    assert made == conclude(incident, signals, steps, PLAYBOOK, NOW, investigation_id="inv_1")
    assert made.hypothesis.confidence <= 0.9 or made.change is not None
    assert sum(each.confidence for each in made.alternatives) + made.hypothesis.confidence <= 1.02
    assert made.from_json(made.to_json()) == made
    sources = Sources(steps, signals)
    assert all(sources.holds(each.cites, each.quote) for each in made.evidence)
    assert len(made.evidence) <= 12 and len(made.next_steps) >= 1
