"""The pure part: admission, judgement, the schedule."""

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from processors.act.policy import Approve, Execute, Observe, Refuse, Wait, Withhold, admit, judge
from processors.act.schedule import given_up, next_try
from schemas import Action, ActionState, Autonomy, Command, EffectClass

NOW = 1_795_000_000_000_000
SECOND = 1_000_000
actions = st.builds(
    Action,
    id=st.just("act_1"),
    kind=st.just("wiki.note"),
    idempotency_key=st.just("key"),
    incident_id=st.just("inc"),
    proposed_at=st.just(NOW),
    arguments=st.just({}),
    state=st.sampled_from(get_args(ActionState)),
    effect=st.sampled_from(get_args(EffectClass)),
    autonomy=st.sampled_from(get_args(Autonomy)),
    rendered=st.sampled_from(["", "text"]),
    expires_at=st.none() | st.integers(NOW - 10, NOW + 10),
    rehearsal=st.booleans(),
    withheld=st.none(),
    investigation_id=st.none(),
    decided_by=st.none(),
    result=st.none(),
    error=st.none(),
    trace=st.none(),
)
lacks = st.none() | st.just("no credential")


@given(actions, lacks)
def test_only_what_may_act_can_be_executed_and_is_no_rehearsal_is_executed(action, missing):
    admission = admit(action, missing=missing, now=NOW)
    free = action.autonomy == "act" and action.effect != "ask"
    assert isinstance(admission, Execute) == (free and not action.rehearsal and missing is None)
    assert admission.because
    match admission:
        case Wait(_, expires_at):
            assert expires_at == (action.expires_at or NOW + 24 * 3600 * SECOND)
            assert not action.rehearsal and missing is None and action.autonomy != "observe"
        case Withhold():
            assert action.rehearsal or missing is not None
        case Observe():
            assert action.autonomy == "observe"
        case Execute():
            pass


@given(actions, lacks, st.sampled_from(["approve", "deny"]))
def test_a_command_decides_only_what_is_undecided_readable_and_possible(action, missing, kind):
    command = Command(id="cmd", kind=kind, author="human:ada", origin="cli", at=NOW, data={"action_id": action.id})
    judgement = judge(command, action, missing=missing, at=NOW)
    expired = action.state == "proposed" and action.expires_at is not None and action.expires_at <= NOW
    undecided = (action.state == "proposed" and not expired) or (action.state == "unknown" and action.effect == "ask")
    if kind == "deny":
        assert isinstance(judgement, Refuse) != undecided
    else:
        able = bool(action.rendered) and not action.rehearsal and missing is None and action.autonomy != "observe"
        assert isinstance(judgement, Approve) == ((undecided or action.state == "failed") and able)


@given(st.text(max_size=20), st.integers(1, 60), st.none() | st.floats(0, 1e6))
def test_the_next_try_is_the_same_each_time_it_is_asked_and_within_bounds(action_id, tries, retry_after_s):
    due = next_try(action_id, tries=tries, now=NOW, retry_after_s=retry_after_s)
    assert due == next_try(action_id, tries=tries, now=NOW, retry_after_s=retry_after_s)
    delay = (due - NOW) / SECOND
    planned = [5, 30, 120, 600, 1800, 3600][min(tries, 6) - 1]
    assert (
        max(planned, min(retry_after_s or 0, 3600)) - 1e-6
        <= delay
        <= max(planned * 1.2, min(retry_after_s or 0, 3600)) + 1e-6
    )


def test_actions_are_not_tried_again_all_at_once():
    assert len({next_try(f"act_{number}", tries=3, now=NOW) for number in range(50)}) > 40


def test_a_day_after_the_approval_it_is_given_up():
    assert not given_up(since=NOW, now=NOW + 86_399 * SECOND) and given_up(since=NOW, now=NOW + 86_400 * SECOND)
