"""What an investigation does next: a pure function of its playbook, its recorded steps and what waits."""

from collections.abc import Sequence

from connectors.ports.model import Call
from processors.analyst.loop.bounds import near, standings, used_up
from processors.analyst.loop.case import Case
from processors.analyst.loop.guard import BARREN, barren_turns
from processors.analyst.loop.moves import (
    Ask,
    Compact,
    Conclude,
    Join,
    Judge,
    Look,
    Move,
    Note,
    Pause,
    Reply,
    Think,
    Use,
    Weigh,
)
from processors.analyst.loop.names import (
    ACTION,
    ANSWER,
    BUDGET,
    CANCEL,
    CONCLUDE,
    HAND_OVER,
    HELPER,
    NONE,
    REMINDER,
    REOPENED,
    RESOLVED,
    SIGNALS,
    STEER,
    TRIAGE,
    WAIT,
    WEIGHED,
)
from processors.analyst.loop.transcript import calls_of
from schemas import Step
from schemas.time import SECOND

TRIAGE_TURNS = 3
"""After so many the first look is over."""
CORRECTIONS = 2
"""How often a conclusion that is not sound goes back to the model."""
DEFERRALS = 2
"""How often one goes back because something joined that it does not know of."""
SOUND, COMPLETE, NEWS = "sound", "complete", "news"
"""Why a conclusion went back."""
REMINDERS = 2
_NEWS = frozenset({SIGNALS, RESOLVED, REOPENED, STEER, HELPER, ACTION})


def next_move(case: Case) -> Move:
    """Gather in the playbook's order, look at the incident once more; then, with a model, weigh, think and use tools until it concludes.

    Time counts while tools and models work, not while nobody does: an investigation that waited for a worker is not the poorer for it.
    """
    index, gather, analyst = len(case.steps), case.gathers, case.playbook.front.analyst
    stopping = next((each for each in case.waiting if each.kind == CANCEL), None)
    if index < len(gather):
        if stopping is not None:
            return Ask(index, gather[index], 0)
        spent = sum(max(0, step.finished_at - step.started_at) for step in case.steps)
        return Ask(index, gather[index], max(0, analyst.timeout - spent) / SECOND)
    if index == len(gather):
        return Look(index)
    if stopping is not None:
        return Join(stopping)
    if case.question is not None:
        return _answering(case)
    if case.names(CANCEL):
        author = str(case.names(CANCEL)[-1].arguments.get("author", "a person"))
        return Conclude(f"{author} stopped it")
    role = role_of(case)
    if role is None:
        return _without_model(case)
    if case.weighed is None and not case.names(WEIGHED):
        return Weigh()
    return _talk(case, role)


def role_of(case: Case) -> str | None:
    """Whose turn it is: the first look's until it handed over, then the playbook's; None: there is no model."""
    analyst = case.playbook.front.analyst
    wanted = analyst.model if analyst.model in case.roles or analyst.model == NONE else "default"
    if wanted == NONE or wanted not in case.roles:
        return None
    first = analyst.triage if analyst.triage is not None else wanted == "deep"
    if first and wanted != TRIAGE and TRIAGE in case.roles and case.question is None and not handed_over(case.talk):
        return TRIAGE
    return wanted


def handed_over(talk: Sequence[Step]) -> bool:
    """Whether the first look is over."""
    if any(step.kind == "tool_call" and step.name == HAND_OVER for step in talk):
        return True
    looks = [step for step in talk if step.kind == "model_call" and step.arguments.get("role") == TRIAGE]
    return len(looks) >= TRIAGE_TURNS or any(not step.success for step in looks)


def _without_model(case: Case) -> Move:
    if case.waiting:
        return Join(case.waiting[0])
    if _still(case):
        return _for_helpers(case)
    return Conclude()


def _talk(case: Case, role: str) -> Move:
    if refusals(case.round, SOUND) > CORRECTIONS:
        return Conclude(f"its conclusion was refused {CORRECTIONS + 1} times")
    last = next((step for step in reversed(case.round) if step.kind == "model_call"), None)
    if last is not None and (move := _after(last, case)) is not None:
        return move
    if case.waiting:
        return Join(case.waiting[0])
    standing = standings(case.playbook.front.analyst, case.timed, case.round, case.shared)
    over = used_up(standing)
    told = _told(case)
    if over or "end" in told:
        if _forced(case):
            return Conclude("it did not conclude when it had to: " + "; ".join(map(str, over)))
        if "end" not in told:
            return Note(BUDGET, "end", f"Used up: {'; '.join(map(str, over))}. Conclude now with what you have.")
        return Think(role, CONCLUDE)
    for each in near(standing, told):
        return Note(BUDGET, each.name, f"Nearly used up: {each}. Come to your conclusion.")
    barren = barren_turns(case.round)
    if barren > BARREN:
        return Conclude("it went on without new evidence") if _forced(case) else Think(role, CONCLUDE)
    if barren == BARREN and "barren" not in told:
        return Note(REMINDER, "barren", f"{BARREN} turns brought no new evidence. Look elsewhere once, or conclude.")
    return Think(role, CONCLUDE if len(case.names(REMINDER)) >= REMINDERS and _spoke_without_calls(last) else None)


def _after(last: Step, case: Case) -> Move | None:
    """What the last answer asks for; None when all of it is dealt with."""
    if not last.success:
        return _after_failure(last, case)
    since = case.round[case.round.index(last) + 1 :]
    answered = {step.call_id for step in since if step.call_id is not None}
    calls = calls_of(last)
    open_calls = [call for call in calls if call.id not in answered]
    if not calls:
        if any(step.name == REMINDER for step in since):
            return None
        if len(case.names(REMINDER)) > REMINDERS:
            return Conclude("it neither asked nor concluded")
        cut = last.result.get("stop") == "length" if isinstance(last.result, dict) else False
        text = "Your answer was cut off: be brief. " if cut else ""
        return Note(REMINDER, "call", f"{text}Ask a tool, or call `{CONCLUDE}`.")
    tools = [call for call in open_calls if call.name not in (CONCLUDE, WAIT)]
    if tools:
        return Use(tuple(tools))
    for call in open_calls:
        if call.name == WAIT:
            return _wait(case, call, since)
        return _conclusion(call, last, case, since)
    return None


def _conclusion(call: Call, last: Step, case: Case, since: Sequence[Step]) -> Move:
    if case.waiting:
        return Join(case.waiting[0])
    if _still(case):
        return _for_helpers(case)
    deferred = sum(step.name == CONCLUDE and step.arguments.get("refused") == NEWS for step in case.round)
    if joined(since) and deferred < DEFERRALS and last.arguments.get("must_call") is None:
        return Use((call,))
    return Judge(call, str(last.arguments.get("role", "")), last.name)


def refusals(steps: Sequence[Step], kind: str) -> int:
    """How often a conclusion went back for this kind of reason."""
    return sum(
        step.kind == "tool_call" and step.name == CONCLUDE and step.arguments.get("refused") == kind for step in steps
    )


def joined(since: Sequence[Step]) -> bool:
    """Whether something joined that the model has not read."""
    return any(step.kind == "event" and step.name in _NEWS for step in since)


def _after_failure(last: Step, case: Case) -> Move | None:
    """A failed call ends the talk, unless a shorter conversation or the deeper model may still help."""
    since = case.round[case.round.index(last) + 1 :]
    kind = last.arguments.get("failed")
    if kind == "context":
        compacted = any(step.kind == "compaction" for step in since)
        again = sum(step.kind == "model_call" and step.arguments.get("failed") == "context" for step in case.round)
        if compacted:
            return None
        return Compact() if again < 3 else Conclude(f"the conversation is too long for every model: {last.error}")
    if last.arguments.get("role") == TRIAGE:
        return None
    return Conclude(f"no model answered: {last.error}")


def _wait(case: Case, call: Call, since: Sequence[Step]) -> Move:
    if case.waiting:
        return Join(case.waiting[0])
    if joined(since):
        return Use((call,))
    if _still(case):
        return _for_helpers(case, call)
    left = case.playbook.front.analyst.may_wait / SECOND - case.investigation.waited_s
    return Pause(str(call.arguments.get("reason") or "a person")[:300], left, call) if left > 0 else Use((call,))


def _for_helpers(case: Case, call: Call | None = None) -> Move:
    """Helpers have bounds of their own; should one vanish, it is not waited for much longer than ours."""
    return Pause(f"helpers at work: {', '.join(case.pending)}", _patience_s(case), call)


def _patience_s(case: Case) -> float:
    return max(0.0, 2 * case.playbook.front.analyst.timeout / SECOND + 60 - case.investigation.waited_s)


def _still(case: Case) -> bool:
    return bool(case.pending) and _patience_s(case) > 0


def _told(case: Case) -> tuple[str, ...]:
    return tuple(str(step.arguments.get("about", "")) for step in case.names(BUDGET, REMINDER))


def _forced(case: Case) -> bool:
    return any(step.kind == "model_call" and step.arguments.get("must_call") == CONCLUDE for step in case.round)


def _spoke_without_calls(last: Step | None) -> bool:
    return last is not None and last.success and not calls_of(last)


def _answering(case: Case) -> Move:
    """Go on with a concluded investigation: one question of a person, until there is an answer in plain text."""
    if any(step.name == ANSWER for step in case.round):
        return Conclude()
    role = role_of(case)
    if role is None:
        return Reply(None)
    last = next((step for step in reversed(case.round) if step.kind == "model_call"), None)
    if last is not None:
        if not last.success:
            return Reply(None, str(last.error))
        since = case.round[case.round.index(last) + 1 :]
        answered = {step.call_id for step in since if step.call_id is not None}
        calls = tuple(call for call in calls_of(last) if call.id not in answered)
        if calls:
            return Use(calls)
        if not calls_of(last):
            text = "".join(each["text"] for each in last.result["blocks"] if each["type"] == "text").strip()
            return Reply(text or None, "it said nothing")
    standing = standings(case.playbook.front.analyst, case.timed, case.round, case.shared)
    over = used_up(standing)
    if over and last is not None:
        return Reply(None, "; ".join(map(str, over)))
    return Think(role)
