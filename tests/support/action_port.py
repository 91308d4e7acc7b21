"""A remote system in this process: it keeps what was done to it, and answers, or fails to, as the script says."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from typing_extensions import override

from connectors.ports.action import ActionPort, Effect, OutcomeUnknown, Rejected, TryLater
from schemas import EffectClass, ExternalRef, Incident

Answer = Literal[
    "done",
    "later",
    "much_later",
    "rejected",
    "lost_answer",
    "lost_request",
    "killed_after",
    "killed_before",
    "fault",
    "slow",
]
"""lost_answer: it happened and no answer came; lost_request: it did not happen and no answer came."""


class Killed(BaseException):
    """The process ends here."""


class NoteArguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str
    on: str = ""


class ScriptedPort(ActionPort):
    """Does once per key if `effect` is keyed, and every time it is asked otherwise."""

    description = "Leaves a note."
    arguments: type[BaseModel] = NoteArguments

    def __init__(
        self,
        kind: str = "wiki.note",
        effect: EffectClass = "keyed",
        script: list[Answer] | None = None,
        *,
        needs_issue: bool = False,
    ) -> None:
        self.kind, self.effect, self.deadline_s, self.needs_issue = kind, effect, 5.0, needs_issue
        self.script: list[Answer] = list(script or [])
        self.lacks: str | None = None
        self.calls: list[str] = []
        self.looks = 0
        self.effects: list[str] = []
        """The keys of what really happened, in order."""

    @override
    def missing(self) -> str | None:
        return self.lacks

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> BaseModel:
        on = next((ref.id for ref in incident.external), None)
        if self.needs_issue and on is None:
            NoteArguments.model_validate({**arguments, "text": None})
        return NoteArguments.model_validate({"on": on or incident.id, **arguments})

    @override
    def render(self, arguments: BaseModel) -> str:
        return f"A note: {arguments.model_dump()!r}"

    @override
    async def execute(self, arguments: BaseModel, key: str) -> Effect:
        self.calls.append(key)
        match self.script.pop(0) if self.script else "done":
            case "done":
                return self._happen(key)
            case "later":
                raise TryLater("503 from the wiki")
            case "much_later":
                raise TryLater("429 from the wiki", retry_after_s=1000.0)
            case "rejected":
                raise Rejected("400: no such page")
            case "lost_answer":
                self._happen(key)
                raise OutcomeUnknown("the connection was reset")
            case "lost_request":
                raise OutcomeUnknown("the connection was reset")
            case "killed_after":
                self._happen(key)
                raise Killed
            case "killed_before":
                raise Killed
            case "slow":
                raise TimeoutError
            case "fault":
                raise ZeroDivisionError("a fault of the port")

    @override
    async def reconcile(self, arguments: BaseModel, key: str) -> Effect | None:
        self.looks += 1
        if self.script and self.script[0] == "later":
            self.script.pop(0)
            raise TryLater("503 from the wiki's search")
        return self._effect(key, repeated=True) if key in self.effects else None

    def _happen(self, key: str) -> Effect:
        repeated = self.effect == "keyed" and key in self.effects
        if not repeated:
            self.effects.append(key)
        return self._effect(key, repeated=repeated)

    def _effect(self, key: str, *, repeated: bool) -> Effect:
        external = ExternalRef(system="wiki", kind="note", id=f"note_{key}", url=f"https://wiki.example/{key}")
        return Effect({"id": f"note_{key}"}, external, repeated=repeated)
