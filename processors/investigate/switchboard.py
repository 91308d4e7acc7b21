"""The switchboard: one answer from the models of a role, in order, with retries, limits and a breaker for each."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Literal, cast

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from connectors.ports.meters import Meters, NullMeters
from connectors.ports.model import (
    Answer,
    ContextFull,
    Model,
    ModelBusy,
    ModelEvent,
    ModelFailed,
    ModelRequest,
    ModelUnusable,
)
from processors.analyst.loop.money import cost
from processors.investigate.breaker import Breaker
from processors.investigate.events import Event, Failed, Writing
from processors.investigate.places import Places
from processors.investigate.roster import Roster
from processors.investigate.tracing import model_span, note_failure, note_usage
from schemas import Usage

ATTEMPTS = 3
"""How often one model is asked before the next one is."""
LONGEST_WAIT_S = 20.0
"""A model that wants to be left alone for longer is passed over."""

SHARE = 0.6
_log = logging.getLogger(__name__)

Tell = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Got:
    """An answer. `usage` has all that was spent on it, failed attempts among it; `failures` what went wrong before."""

    answer: Answer
    model: str
    usage: Usage
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lost:
    """No model of the role answered. `kind` `context`: a shorter conversation may help."""

    kind: Literal["context", "refusal", "unavailable"]
    error: str
    usage: Usage


class Switchboard:
    """Shared by all investigations of a process. `pause_s`: the first wait between two attempts, doubled each time. `places`: over whom the
    requests at once are counted; without it over this process."""

    def __init__(
        self, roster: Roster, *, meters: Meters | None = None, pause_s: float = 1.0, places: Places | None = None
    ) -> None:
        self.roster, self._pause_s = roster, pause_s
        self._places = places or Places()
        self._meters = meters or NullMeters()
        self._breakers = {name: Breaker() for name in roster.models}

    async def ask(self, role: str, request: ModelRequest, tell: Tell) -> Got | Lost:
        """Never raises but for cancellation. Takes no longer than the request's deadline, waits for a free place included. While there is
        another model to ask, one takes no more than `SHARE` of what is left."""
        call = _Attempt(request, tell)
        names = self.roster.roles.get(role, ())
        for place, name in enumerate(names):
            breaker = self._breakers[name]
            if not breaker.lets(call.now()):
                call.note(name, "left alone after repeated failures")
                continue
            share = 1.0 if place == len(names) - 1 else SHARE
            asked = False
            try:
                async with (
                    asyncio.timeout(call.left_s() * share),
                    self._places.one(f"model/{name}", self.roster.of(name).concurrency),
                ):
                    asked = True
                    answer = await self._retried(self.roster.models[name], call, share)
            except TimeoutError:
                if not asked:
                    # Others kept it busy: that is no fault of its own.
                    breaker.left()
                    call.note(name, "had no free place in its time; raise its concurrency, or the timeout")
                    continue
                self._failed(name, call, ModelBusy(f"{name!r} gave no answer in its time"))
            except ModelFailed as error:
                call.kind = "context" if isinstance(error, ContextFull) else call.kind
            except BaseException:
                breaker.left()
                raise
            else:
                if answer.stop not in ("refusal", "context"):
                    return Got(answer, name, call.usage, tuple(call.failures))
                call.kind = answer.stop
                call.note(name, "refused to answer" if answer.stop == "refusal" else "its context is full")
        counted = Counter(call.failures).items()
        why = "; ".join(said if times == 1 else f"{said} ({times} times)" for said, times in counted)
        why = why or f"no model has the role {role!r}"
        return Lost(call.kind, why[:2000], call.usage)

    async def close(self) -> None:
        """Let go of every model's connections."""
        for model in self.roster.models.values():
            await model.close()

    def health(self) -> dict[str, bool]:
        """By model: whether it is asked at present; one that failed again and again is left alone for a while."""
        return {name: each.until == 0.0 for name, each in self._breakers.items()}

    async def _retried(self, model: Model, call: "_Attempt", share: float) -> Answer:
        retrying = AsyncRetrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._wait,
            retry=retry_if_exception(lambda error: self._is_worth_another(error, model.name, call)),
            reraise=True,
        )
        return cast(Answer, await retrying(self._once, model, call, share))

    def _is_worth_another(self, error: BaseException, name: str, call: "_Attempt") -> bool:
        if not isinstance(error, ModelBusy) or self._breakers[name].until:
            return False
        return (error.retry_after_s or 0.0) <= min(LONGEST_WAIT_S, call.left_s())

    async def _once(self, model: Model, call: "_Attempt", share: float) -> Answer:
        breaker = self._breakers[model.name]
        try:
            answer = await self._streamed(model, call, share)
        except ModelFailed as error:
            self._failed(model.name, call, error)
            raise
        breaker.succeeded()
        call.add(answer.usage, self._cost(model.name, answer.usage))
        return answer

    async def _streamed(self, model: Model, call: "_Attempt", share: float) -> Answer:
        request = replace(call.request, deadline_s=max(0.01, call.left_s() * share))
        answer: Answer | None = None
        with model_span(model.name, request.max_tokens) as span:
            started = call.now()
            try:
                async with aclosing(cast(AsyncGenerator[ModelEvent, None], model.stream(request))) as stream:
                    async for event in stream:
                        if isinstance(event, Answer):
                            answer = event
                        else:
                            call.tell(Writing(model.name, event))
                if answer is None:
                    raise ModelBusy(f"{model.name!r} ended without an answer")
            except ModelFailed as error:
                note_failure(span, str(error))
                raise
            finally:
                self._meters.observe("tocsin.investigate.model_duration", call.now() - started, model=model.name)
            note_usage(span, answer.model, answer.usage)
        self._meters.count("tocsin.investigate.model_calls", model=model.name, outcome=answer.stop)
        return answer

    def _failed(self, name: str, call: "_Attempt", error: ModelFailed) -> None:
        breaker = self._breakers[name]
        if isinstance(error, (ModelBusy, ModelUnusable)):
            breaker.failed(call.now(), for_good=isinstance(error, ModelUnusable))
            if breaker.until > call.now():
                _log.warning("model %s is left alone for %.0f s: %s", name, breaker.until - call.now(), error)
        else:
            breaker.left()
        call.add(error.usage, self._cost(name, error.usage))
        call.tell(Failed(name, str(error)))
        call.note(name, str(error))
        self._meters.count("tocsin.investigate.model_calls", model=name, outcome=type(error).__name__)

    def _cost(self, name: str, usage: Usage) -> float:
        return cost(usage, self.roster.of(name).price)

    def _wait(self, state: RetryCallState) -> float:
        """What the remote asks for; else doubled, spread so that those who failed together do not come back together."""
        error = state.outcome.exception() if state.outcome is not None else None
        asked = error.retry_after_s if isinstance(error, ModelBusy) else None
        return (
            asked if asked is not None else self._pause_s * 2 ** (state.attempt_number - 1) * random.uniform(0.75, 1.25)
        )


class _Attempt:
    """One question, however often and of whomever it is asked."""

    def __init__(self, request: ModelRequest, tell: Tell) -> None:
        self.request, self.tell = request, tell
        self._until = self.now() + request.deadline_s
        self.usage = Usage()
        self.failures: list[str] = []
        self.kind: Literal["context", "refusal", "unavailable"] = "unavailable"

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def left_s(self) -> float:
        return max(0.0, self._until - self.now())

    def note(self, name: str, error: str) -> None:
        self.failures.append((error if error.startswith(repr(name)) else f"{name}: {error}")[:500])

    def add(self, usage: Usage, dollars: float) -> None:
        self.usage = self.usage.plus(usage.model_copy(update={"cost_usd": dollars, "model_calls": 1}))
