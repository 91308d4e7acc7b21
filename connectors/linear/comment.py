"""`linear.comment`: one comment on the incident's issue, however often it is asked for."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from typing_extensions import override

from connectors.linear import documents
from connectors.linear.arguments import CommentArguments, for_its_issue
from connectors.linear.client import LinearClient
from connectors.linear.defusing import defuse
from connectors.linear.markdown import footer
from connectors.linear.settings import LinearSettings
from connectors.ports.action import ActionPort, Effect, OutcomeUnknown, Rejected, TryLater
from connectors.ports.clock import Clock
from schemas import EffectClass, ExternalRef, Incident, idempotency_uuid


class Comment(ActionPort):
    """The comment's id is derived from the idempotency key, so Linear itself refuses a second one."""

    kind = "linear.comment"
    description = "Comments on the Linear issue that is open for the incident."
    effect: EffectClass = "keyed"
    arguments: type[BaseModel] = CommentArguments

    def __init__(self, settings: LinearSettings, clock: Clock | None = None) -> None:
        self._settings = settings
        self._client = LinearClient(settings, clock)
        self.deadline_s = 2 * settings.deadline_s

    @override
    def missing(self) -> str | None:
        if self._settings.credential() is None:
            return "no credential: set api_key (or oauth_token) for linear"
        return None

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> CommentArguments:
        given = {**for_its_issue(arguments, incident), "incident_id": incident.id}
        return CommentArguments.model_validate(given)

    @override
    def render(self, arguments: BaseModel) -> str:
        asked = _asked(arguments)
        return f"Comment on Linear issue {asked.issue}\n\n{_body(asked)}"

    @override
    async def execute(self, arguments: BaseModel, key: str) -> Effect:
        asked = _asked(arguments)
        fields = {"id": idempotency_uuid(key), "issueId": asked.issue, "body": _body(asked)}
        try:
            payload = (await self._client.write(documents.CREATE_COMMENT, {"input": fields}))["commentCreate"]
        except Rejected as error:
            found = await self._find(key)
            if found is None:
                raise Rejected(f"{error}; asked to comment on {asked.issue!r}") from error
            return found
        if not payload["success"]:
            raise OutcomeUnknown("Linear answered commentCreate without success and without an error")
        return _effect(payload["comment"], repeated=False)

    @override
    async def reconcile(self, arguments: BaseModel, key: str) -> Effect | None:
        try:
            return await self._find(key)
        except Rejected as error:
            raise TryLater(f"cannot look whether the comment stands there: {error}") from error

    async def _find(self, key: str) -> Effect | None:
        nodes = (await self._client.read(documents.FIND_COMMENT, {"id": idempotency_uuid(key)}))["comments"]["nodes"]
        return _effect(nodes[0], repeated=True) if nodes else None


def _asked(arguments: BaseModel) -> CommentArguments:
    if not isinstance(arguments, CommentArguments):
        raise TypeError(f"linear.comment takes CommentArguments, found {type(arguments).__name__}")
    return arguments


def _body(asked: CommentArguments) -> str:
    body = defuse(asked.body).strip()
    return f"{body}\n\n{footer(asked.incident_id)}" if asked.incident_id else body


def _effect(comment: Mapping[str, Any], *, repeated: bool) -> Effect:
    return Effect(
        result={"id": comment["id"], "url": comment["url"]},
        external=ExternalRef(system="linear", kind="comment", id=comment["id"], url=comment["url"]),
        repeated=repeated,
    )
