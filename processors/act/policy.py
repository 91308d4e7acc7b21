"""What may happen with a proposed action, and what a person's command does to it: pure."""

from dataclasses import dataclass

from schemas import Action, Command
from schemas.time import SECOND

EXPIRY_S = 24 * 3600.0
"""How long a proposal waits for a person unless the composition says otherwise."""
PAGES = frozenset({"page"})
"""The kinds of action that ring the bell."""


@dataclass(frozen=True, slots=True)
class Execute:
    """Approved by the playbook itself."""

    because: str


@dataclass(frozen=True, slots=True)
class Wait:
    """A person decides, until `expires_at`."""

    because: str
    expires_at: int


@dataclass(frozen=True, slots=True)
class Withhold:
    """Stays proposed, rendered in full: it may be executed and cannot, or must not now."""

    because: str


@dataclass(frozen=True, slots=True)
class Observe:
    """Recorded, nothing else."""

    because: str


Admission = Execute | Wait | Withhold | Observe


def admit(action: Action, *, missing: str | None, now: int, expiry_s: float = EXPIRY_S) -> Admission:
    """What becomes of a proposed action whose effect class and arguments are complete. `missing`: what its port lacks."""
    if action.rehearsal:
        return Withhold("this is a rehearsal: nothing is sent")
    if action.autonomy == "observe":
        return Observe(f"the playbook only observes: {action.kind} is recorded, not executed")
    if missing is not None:
        return Withhold(missing)
    if action.effect == "ask":
        return _wait(action, f"{action.kind} always needs a person's approval", now, expiry_s)
    if action.autonomy == "propose":
        return _wait(action, f"the playbook proposes {action.kind}: a person approves or denies it", now, expiry_s)
    return Execute(f"the playbook lets {action.kind} act on its own")


def _wait(action: Action, because: str, now: int, expiry_s: float) -> Wait:
    return Wait(because, action.expires_at if action.expires_at is not None else now + round(expiry_s * SECOND))


@dataclass(frozen=True, slots=True)
class Approve:
    """A person lets it happen."""

    because: str


@dataclass(frozen=True, slots=True)
class Deny:
    """A person stops it."""

    because: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The command changes nothing."""

    because: str


Judgement = Approve | Deny | Refuse


def judge(command: Command, action: Action | None, *, missing: str | None, at: int) -> Judgement:
    """What an `approve` or `deny` accepted at journal time `at` does to the action it names, as that is now."""
    if action is None:
        named = command.data.get("action_id")
        return Refuse(f"no action {named!r} is known; `tocsin show` lists those of an incident")
    if action.state == "proposed" and action.expires_at is not None and at >= action.expires_at:
        return Refuse(f"the proposal {action.id!r} has expired")
    undecided = action.state == "proposed" or (action.state == "unknown" and action.effect == "ask")
    once_more = action.state == "failed" and command.kind == "approve"
    if not undecided and not once_more:
        by = f" by {action.decided_by}" if action.decided_by else ""
        return Refuse(f"action {action.id!r} is {action.state} already{by}")
    reason = f": {command.reason}" if command.reason else ""
    if command.kind == "deny":
        return Deny(f"{command.author} denied {action.kind}{reason}")
    if not action.rendered:
        return Refuse(f"action {action.id!r} is not complete yet, so nobody can have read it; approve it when it is")
    if action.rehearsal:
        return Refuse(f"action {action.id!r} belongs to a rehearsal: nothing is sent")
    if action.autonomy == "observe":
        return Refuse(f"action {action.id!r} is only observed; give its playbook the autonomy `propose` or `act`")
    if missing is not None:
        return Refuse(f"action {action.id!r} cannot be executed: {missing}")
    again = " once more, after it failed" if once_more else ""
    return Approve(f"{command.author} approved {action.kind}{again}{reason}")
