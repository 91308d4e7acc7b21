"""`webhook.post` and `page`: an event told to a receiver of one's own, by Standard Webhooks."""

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import override

from connectors.ports.action import ActionPort, Effect, Rejected
from connectors.ports.clock import Clock, SystemClock
from connectors.ports.story import story
from connectors.webhook.delivery import deliver, message_id
from connectors.webhook.message import dedup_key, encode
from connectors.webhook.settings import WebhookSettings
from schemas import EffectClass, ExternalRef, Incident, to_rfc3339

LONGEST_SUMMARY = 1024


class PostArguments(BaseModel):
    """A message. `summary` and `body` (Markdown) are the written part, `incident` what it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: str = Field(default="", description="The name of a configured target; empty: the default one")
    type: str = Field(default="incident", min_length=1, max_length=200, description="What the receiver dispatches on")
    timestamp: str = Field(default="", description="When it happened, RFC 3339; the incident's last signal otherwise")
    summary: str = Field(default="", max_length=LONGEST_SUMMARY)
    body: str = Field(default="", max_length=200_000, description="Markdown")
    incident: dict[str, Any] = Field(default_factory=dict)
    data: dict[str, Any] = Field(default_factory=dict, description="More for the receiver, beside the incident")


class Post(ActionPort):
    """At least once: the receiver drops a repeat by its `webhook-id`, which is the same over all attempts."""

    kind = "webhook.post"
    description = "Posts a signed message about the incident to a configured receiver."
    effect: EffectClass = "at_least_once"
    arguments: type[BaseModel] = PostArguments

    def __init__(self, settings: WebhookSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._clock = clock or SystemClock()
        self.deadline_s = max((target.deadline_s for target in settings.targets.values()), default=20.0) + 5.0

    @override
    def missing(self) -> str | None:
        if not self._settings.targets:
            return "no receiver: set targets for webhook to a name and its url"
        if self._settings.chosen() is None:
            return f"several targets: set default for webhook to one of {sorted(self._settings.targets)!r}"
        return None

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> PostArguments:
        given = {"timestamp": to_rfc3339(incident.last_seen), **arguments}
        given["target"] = given.get("target") or self._settings.chosen() or ""
        given["summary"] = " ".join(str(given.get("summary") or incident.title).split())[:LONGEST_SUMMARY]
        given["incident"] = story(incident)
        return PostArguments.model_validate(given)

    @override
    def render(self, arguments: BaseModel) -> str:
        asked = _asked(arguments)
        target = self._settings.targets.get(asked.target)
        where = f"{asked.target} ({target.url})" if target is not None else "a receiver that is not configured yet"
        payload = orjson.dumps(orjson.loads(_payload(asked)), option=orjson.OPT_INDENT_2).decode()
        return f"Webhook to {where}\nType: {asked.type}\nSummary: {asked.summary}\n\n{asked.body}\n\n{payload}"

    @override
    async def execute(self, arguments: BaseModel, key: str) -> Effect:
        asked = _asked(arguments)
        target = self._settings.targets.get(asked.target)
        if target is None:
            raise Rejected(
                f"no target {asked.target!r} in the configuration; there is {sorted(self._settings.targets)!r}"
            )
        status = await deliver(target, _payload(asked), key, self._clock)
        name = message_id(key)
        result = {"target": asked.target, "status": status, "webhook_id": name}
        return Effect(result=result, external=_opened(asked) if asked.type == "page" else None)

    @override
    async def reconcile(self, arguments: BaseModel, key: str) -> Effect | None:
        """Receivers cannot be asked: None, so that the message is sent again and dropped there if it is a repeat."""
        return None


class Page(Post):
    """The page, by webhook: twice rather than never. `data.dedup_key` names the episode, for receivers that open alerts by key."""

    kind = "page"
    description = "Pages whoever is on call, with the written analysis and links."

    @override
    def missing(self) -> str | None:
        if self._settings.pager() is None:
            return "no pager: set `pager: true` on one of the targets for webhook"
        return None

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> PostArguments:
        asked = super().complete({**arguments, "type": "page"}, incident)
        data = {**asked.data, "action": "trigger", "dedup_key": dedup_key(incident), "severity": incident.severity}
        return asked.model_copy(update={"target": self._settings.pager() or "", "data": data})


def _asked(arguments: BaseModel) -> PostArguments:
    if not isinstance(arguments, PostArguments):
        raise TypeError(f"a webhook takes PostArguments, found {type(arguments).__name__}")
    return arguments


def _opened(asked: PostArguments) -> ExternalRef:
    return ExternalRef(system="webhook", kind="page", id=str(asked.data.get("dedup_key", "")), title=asked.summary)


def _payload(asked: PostArguments) -> bytes:
    told = {
        "summary": asked.summary,
        "body": asked.body,
        "links": asked.incident.get("links", []),
        "incident": asked.incident,
    }
    return encode(asked.type, asked.timestamp, {**asked.data, **told})
