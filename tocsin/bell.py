"""The emergency bell: while nothing can be recorded, a signal that would open a serious incident is paged at once."""

import logging
from collections.abc import Mapping, Sequence
from typing import Literal

import orjson
from pydantic import ValidationError

from connectors.ports.action import ActionPort
from processors.act import Ringer
from processors.investigate.outcome import idempotency_key
from processors.triage.loop import Triage
from rules.engine import Engine
from rules.signals import BadInput
from schemas import Action, Decision, Incident, Signal, digest, severity_rank, to_rfc3339
from tocsin.story import counted

PAGE = "page"
_log = logging.getLogger(__name__)


class EmergencyBell:
    """Knows by the present rules which incident a signal would open, and so the page's key: the same that the usual way will use
    when the sender comes again, which is how nobody is paged twice for it."""

    def __init__(
        self,
        engine: Engine,
        ringer: Ringer,
        actions: Mapping[str, ActionPort],
        *,
        severity: Literal["critical", "error"],
    ) -> None:
        self._engine = engine
        self._ringer = ringer
        self._actions = actions
        self._severity = severity
        self.triage: Triage | None = None
        """Who knows the incidents that are open; without one, every signal looks like the first."""

    async def ring(self, signals: Sequence[Signal], reason: str) -> None:
        """Page for each of the signals that is serious enough and would open an incident. A signal may be told again."""
        for signal in signals:
            if signal.status != "firing" or not self._is_serious(signal.severity) or signal.own or signal.rehearsal:
                continue
            for incident in self._incidents(signal):
                summary = f"{signal.severity}: {signal.title}"
                await self._page(incident, summary, signal.body, reason, signal.received_at)

    def _incidents(self, signal: Signal) -> list[Incident]:
        state = self.triage.state if self.triage is not None else self._engine.state()
        try:
            decided = self._engine.preview(state, orjson.loads(signal.to_json()), signal.received_at)
        except BadInput as error:
            _log.error("signal %s cannot be judged, and is not paged: %s", signal.id, error)
            return []
        told = {decision.incident_id: decision for decision in decided if "incident" in decision.data}
        return [_incident(told[each.incident_id]) for each in decided if asks(each) and each.incident_id in told]

    async def page(self, incident: Incident, reason: str, *, at: int) -> None:
        """Page for an incident that waits for its investigation, if it is serious enough."""
        if self._is_serious(incident.severity) and not incident.rehearsal:
            since = to_rfc3339(incident.first_seen)
            body = f"{counted(incident.signals, 'signal')} since {since}; its investigation waits, too."
            await self._page(incident, f"{incident.severity}: {incident.title}", body, reason, at)

    async def _page(self, incident: Incident, summary: str, body: str, reason: str, at: int) -> None:
        port = self._actions.get(PAGE)
        missing = port.missing() if port is not None else "no configured connector offers the action 'page'"
        if port is None or missing is not None:
            _log.critical("%s ought to be paged and cannot be: %s", summary, missing)
            return
        told = {
            "summary": summary[:1000],
            "body": f"Tocsin cannot record anything at present ({reason}); this page is sent without an investigation.\n\n{body[:2000]}",
        }
        try:
            arguments = port.complete(told, incident).model_dump(mode="json", exclude_none=True)
        except ValidationError as error:
            _log.critical("%s ought to be paged and cannot be: %s", summary, error)
            return
        action = Action(
            id=digest("act", incident.id, PAGE, "emergency"),
            kind=PAGE,
            arguments=arguments,
            idempotency_key=page_key(incident),
            incident_id=incident.id,
            proposed_at=at,
            effect=port.effect,
            autonomy="act",
        )
        await self._ringer.ring(action, now=at)

    def _is_serious(self, severity: str) -> bool:
        return severity_rank(severity) >= severity_rank(self._severity)


def page_key(incident: Incident) -> str:
    """The key under which the usual way would page for it."""
    return idempotency_key(incident, PAGE, 0, incident.id)


def asks(decision: Decision) -> bool:
    """Whether somebody would be told now, or once more of the group had come: in an emergency nobody waits for that."""
    waits = decision.kind == "playbook.held" and decision.data.get("reason") == "waiting"
    return waits or decision.kind == "playbook.selected"


def _incident(decision: Decision) -> Incident:
    return Incident.model_validate(decision.data["incident"])
