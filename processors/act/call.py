"""One call of a remote, with its deadline, as one of the outcomes an action can have."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from pydantic import BaseModel, ValidationError

from connectors.ports.action import ActionPort, Effect, OutcomeUnknown, Rejected, TryLater
from schemas import Action

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer("tocsin.act")
_propagator = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Happened:
    """It stands there."""

    effect: Effect


@dataclass(frozen=True, slots=True)
class NotFound:
    """A look found no effect with the key."""


@dataclass(frozen=True, slots=True)
class Later:
    """It certainly did not happen."""

    error: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class No:
    """It will never happen with these arguments."""

    error: str


@dataclass(frozen=True, slots=True)
class Perhaps:
    """It may have happened."""

    error: str


Outcome = Happened | Later | No | Perhaps


def log_trouble(action: Action, outcome: Outcome) -> None:
    """Tell whoever reads the log of an attempt after which the effect does not certainly stand there."""
    match outcome:
        case Happened() | NotFound():
            return
        case Later(error):
            came = "did not happen and is tried again"
        case Perhaps(error):
            came = "may have happened"
        case No(error):
            came = "failed for good"
    _log.warning("%s %s of incident %s %s: %s", action.kind, action.id, action.incident_id, came, error)


async def execute(port: ActionPort, action: Action) -> Outcome:
    """Cause the effect; whatever goes wrong in a way the port does not name may have happened."""
    try:
        arguments = port.arguments.model_validate(action.arguments)
    except ValidationError as error:
        return No(f"the recorded arguments do not fit {action.kind!r} any more: {error}")
    with _span("act.execute", port, action) as span:
        outcome = await _called(port, port.execute(arguments, action.idempotency_key))
        span.set_attribute("tocsin.outcome", type(outcome).__name__.lower())
        if not isinstance(outcome, Happened):
            span.set_status(Status(StatusCode.ERROR, outcome.error))
        return outcome


async def look(port: ActionPort, action: Action) -> Happened | NotFound | Later:
    """Look whether the effect stands there already; a look that fails in any way is tried later."""
    try:
        arguments: BaseModel = port.arguments.model_validate(action.arguments)
        with _span("act.reconcile", port, action):
            async with asyncio.timeout(port.deadline_s):
                found = await port.reconcile(arguments, action.idempotency_key)
    except TryLater as error:
        return Later(str(error), error.retry_after_s)
    except Exception as error:  # noqa: BLE001  (whatever went wrong: not having seen is not having looked)
        _log.warning("looking for the effect of %s failed", action.id, exc_info=error)
        return Later(f"{type(error).__name__}: {error}")
    return NotFound() if found is None else Happened(found)


async def _called(port: ActionPort, call: Awaitable[Effect]) -> Outcome:
    try:
        async with asyncio.timeout(port.deadline_s):
            return Happened(await call)
    except TryLater as error:
        return Later(str(error), error.retry_after_s)
    except Rejected as error:
        return No(str(error))
    except OutcomeUnknown as error:
        return Perhaps(str(error))
    except TimeoutError:
        return Perhaps(f"no answer within {port.deadline_s:g} s")
    except Exception as error:  # noqa: BLE001  (a fault of the port, at any point of the call)
        _log.exception("an action port failed", extra={"kind": port.kind})
        return Perhaps(f"{type(error).__name__}: {error}")


def _span(name: str, port: ActionPort, action: Action) -> AbstractContextManager[trace.Span]:
    parent = _propagator.extract({"traceparent": action.trace}) if action.trace else None
    attributes: dict[str, str | int] = {
        "tocsin.action.id": action.id,
        "tocsin.action.kind": port.kind,
        "tocsin.action.attempt": action.attempts,
        "tocsin.incident.id": action.incident_id,
    }
    return _tracer.start_as_current_span(name, context=parent, kind=SpanKind.CLIENT, attributes=attributes)
