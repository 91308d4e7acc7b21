"""The slots: places before and after each call where small parts have their say; each part is usable alone."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from connectors.ports.model import Answer, ModelRequest
from processors.analyst.loop.case import Case
from processors.analyst.loop.guard import repeated
from processors.analyst.loop.masking import Mask
from processors.analyst.loop.provenance import provenance
from processors.analyst.loop.seen import Seen


@dataclass(frozen=True, slots=True)
class Asked:
    """A tool about to be asked. `fault`: why its arguments cannot be used."""

    call_id: str
    name: str
    arguments: Mapping[str, Any]
    fault: str | None = None
    provenance: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Denied:
    """It is not asked; the model reads why."""

    because: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a tool answered: plain JSON, or an error."""

    success: bool
    result: Any = None
    error: str | None = None


BuildPrompt = Callable[[ModelRequest, Case], ModelRequest]
BeforeModel = Callable[[ModelRequest, Case], ModelRequest]
AfterModel = Callable[[Answer, Case], Answer]
BeforeTool = Callable[[Asked, Case], Asked | Denied]
AfterTool = Callable[[Asked, Told, Case], Told]


@dataclass(frozen=True, slots=True)
class Slots:
    """Parts by slot, run in order. `build_prompt` sees the request as it was built, `before_model` as it goes out (for good: what it changes is
    not rebuilt from the records, so it must be the same every time). `before_tool` ends at the first Denied."""

    build_prompt: Sequence[BuildPrompt] = ()
    before_model: Sequence[BeforeModel] = ()
    after_model: Sequence[AfterModel] = ()
    before_tool: Sequence[BeforeTool] = ()
    after_tool: Sequence[AfterTool] = ()

    def request(self, request: ModelRequest, case: Case) -> ModelRequest:
        """Through `build_prompt` and `before_model`."""
        for part in (*self.build_prompt, *self.before_model):
            request = part(request, case)
        return request

    def answer(self, answer: Answer, case: Case) -> Answer:
        """Through `after_model`."""
        for part in self.after_model:
            answer = part(answer, case)
        return answer

    def asked(self, asked: Asked, case: Case) -> Asked | Denied:
        """Through `before_tool`."""
        for part in self.before_tool:
            verdict = part(asked, case)
            if isinstance(verdict, Denied):
                return verdict
            asked = verdict
        return asked

    def told(self, asked: Asked, told: Told, case: Case) -> Told:
        """Through `after_tool`."""
        for part in self.after_tool:
            told = part(asked, told, case)
        return told


class Sound:
    """Arguments that are no JSON object, or were cut off, are never executed."""

    def __call__(self, asked: Asked, _case: Case) -> Asked | Denied:
        return (
            asked
            if asked.fault is None
            else Denied(f"{asked.name!r} was not asked: {asked.fault}. Write the arguments again, as one JSON object.")
        )


class Offered:
    """Only what is on offer in this turn."""

    def __call__(self, asked: Asked, case: Case) -> Asked | Denied:
        if asked.name in case.tools:
            return asked
        return Denied(f"{asked.name!r} is not on offer; there is {', '.join(sorted(case.tools)) or 'none'}")


class Unmasked:
    """Masked values come back before a tool is asked; before one that is not trusted they do not, and it is not asked with their tokens."""

    def __init__(self, mask: Mask) -> None:
        self._mask = mask

    def __call__(self, asked: Asked, case: Case) -> Asked | Denied:
        given = dict(asked.arguments)
        revealed = self._mask.reveal_value(given)
        tool = case.tools.get(asked.name)
        if revealed != given and tool is not None and not tool.trusted:
            masked = sorted(name for name in given if revealed[name] != given[name])
            return Denied(
                f"{asked.name!r} was not asked: {', '.join(masked)} holds masked values, and this tool may not be told what they stand for. Ask it"
                " without them, or ask another tool."
            )
        return replace(asked, arguments=revealed)


class Unrepeated:
    """The same question is not asked again."""

    def __call__(self, asked: Asked, case: Case) -> Asked | Denied:
        found = repeated(asked.name, asked.arguments, case.steps)
        return asked if found is None else Denied(found.because)


class Traced:
    """Each argument is recorded with where its value comes from."""

    def __init__(self) -> None:
        self._memo: dict[str, str] = {}

    def __call__(self, asked: Asked, case: Case) -> Asked | Denied:
        seen = Seen(case.incident, case.signals, (*case.steps, *case.others), memo=self._memo)
        return replace(asked, provenance=provenance(asked.arguments, seen))


class Redacted:
    """Secrets leave an answer before it is recorded."""

    def __init__(self, redact: Callable[[Any], Any]) -> None:
        self._redact = redact

    def __call__(self, _asked: Asked, told: Told, _case: Case) -> Told:
        error = None if told.error is None else str(self._redact(told.error))
        return replace(told, result=self._redact(told.result), error=error)


def default_slots(mask: Mask, *, redact: Callable[[Any], Any] | None = None) -> Slots:
    """The parts every investigation has."""
    return Slots(
        before_tool=(Sound(), Offered(), Unmasked(mask), Unrepeated(), Traced()),
        after_tool=(Redacted(redact),) if redact is not None else (),
    )
