"""The bell: a page goes out even when nothing can be written, and is recorded when writing works again."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import orjson

from connectors.ports.action import ActionPort, Effect
from connectors.ports.bell import Bell, Rung
from connectors.ports.meters import Meters, NullMeters
from processors.act.call import Happened, No, execute
from processors.act.changes import effect_from, result_of
from schemas import Action

ATTEMPTED, DONE = "page.attempted", "page.done"
_DONE_SUFFIX = "#done"
PAUSES_S = (0.0, 1.0, 5.0)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RungPage:
    """What the bell's notes say about one page; `effect` None: no answer was noted."""

    key: str
    action_id: str
    incident_id: str
    kind: str
    at: int
    effect: Effect | None


class Ringer:
    """Sends pages on the strength of the bell's own notes: one that went out is never sent again."""

    def __init__(
        self,
        bell: Bell,
        ports: Mapping[str, ActionPort],
        *,
        meters: Meters | None = None,
        pauses_s: tuple[float, ...] = PAUSES_S,
    ) -> None:
        self._bell, self._ports, self._pauses_s = bell, ports, pauses_s
        self._meters = meters or NullMeters()
        self._at_it: set[str] = set()
        self._done: dict[str, Effect] = {}

    async def ring(self, action: Action, *, now: int) -> None:
        """Send the page unless it went out or somebody is at it. Never raises; what fails is tried again when asked again."""
        key, port = action.idempotency_key, self._ports.get(action.kind)
        if port is None or key in self._at_it or key in self._done:
            return
        self._at_it.add(key)
        try:
            if self._note(ATTEMPTED, key, _about(action, now)) or not await self.went_out(key):
                await self._send(port, action, now)
        finally:
            self._at_it.discard(key)

    async def went_out(self, key: str) -> Effect | None:
        """The effect of the page with this key, if it was sent by the bell."""
        if key in self._done:
            return self._done[key]
        note = next((note for note in self._notes() if (note.kind, note.key) == (DONE, _done(key))), None)
        return None if note is None else effect_from(orjson.loads(note.payload).get("result", {}))

    def remember(self, action: Action, effect: Effect, *, now: int) -> None:
        """The page went out and the journal cannot be told: note it, so that nobody sends it again."""
        key = action.idempotency_key
        if key not in self._done:
            self._done[key] = effect
            self._note(DONE, _done(key), {**_about(action, now), "result": _small(effect)})

    def pages(self) -> list[RungPage]:
        """Every page with notes that are not settled, and that nobody is at, oldest first."""
        found: dict[str, RungPage] = {}
        for note in self._notes():
            if note.kind not in (ATTEMPTED, DONE):
                continue
            told = orjson.loads(note.payload)
            effect = effect_from(told["result"]) if note.kind == DONE else None
            key = note.key.removesuffix(_DONE_SUFFIX)
            found[key] = RungPage(key, told["action_id"], told["incident_id"], told["kind"], told["at"], effect)
        return [page for page in found.values() if page.key not in self._at_it]

    def _notes(self) -> Sequence[Rung]:
        try:
            return self._bell.pending()
        except OSError as error:
            _log.error("the emergency journal cannot be read: %s", error)
            return ()

    async def settle(self, key: str) -> None:
        """The journal has recorded it."""
        self._done.pop(key, None)
        for note in (key, _done(key)):
            try:
                await asyncio.to_thread(self._bell.settle, note)
            except OSError as error:
                _log.error("the note %r stays in the emergency journal: %s", note, error)

    async def _send(self, port: ActionPort, action: Action, now: int) -> None:
        for pause_s in self._pauses_s:
            await asyncio.sleep(pause_s)
            outcome = await execute(port, action)
            match outcome:
                case Happened(effect):
                    self.remember(action, effect, now=now)
                    self._count("sent")
                    _log.critical("page %s went out, the journal could not be written", action.id)
                    return
                case _:
                    self._count("failed")
                    _log.error("page %s did not go out: %s", action.id, outcome.error)
                    if isinstance(outcome, No):
                        return

    def _note(self, kind: str, key: str, told: object) -> bool:
        try:
            return self._bell.record(kind, key, orjson.dumps(told))
        except Exception:  # noqa: BLE001  (whatever is wrong with the bell's notes, the page goes out)
            _log.exception("the emergency journal cannot be written, the page goes out all the same")
            return True

    def _count(self, outcome: Literal["sent", "failed"]) -> None:
        self._meters.count("tocsin.act.pages_rung", outcome=outcome)


def _done(key: str) -> str:
    return key + _DONE_SUFFIX


def _about(action: Action, now: int) -> dict[str, object]:
    return {"action_id": action.id, "incident_id": action.incident_id, "kind": action.kind, "at": now}


def _small(effect: Effect) -> dict[str, object]:
    """A note has little room: what stands outside, and no more of the answer than fits."""
    result = result_of(effect)
    if len(orjson.dumps(result)) > 700:
        result = {"external": result["external"]} if "external" in result else {}
    return result if len(orjson.dumps(result)) <= 700 else {}
