"""`linear.update_issue`: the incident's issue moved to another state, such as done when the incident has resolved."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from typing_extensions import override

from connectors.linear import documents
from connectors.linear.arguments import UpdateArguments, for_its_issue
from connectors.linear.client import LinearClient
from connectors.linear.directory import Directory, State
from connectors.linear.settings import LinearSettings
from connectors.ports.action import ActionPort, Effect, OutcomeUnknown, Rejected, TryLater
from connectors.ports.clock import Clock, SystemClock
from schemas import EffectClass, ExternalRef, Incident

_DONE = frozenset(("completed", "canceled"))


class UpdateIssue(ActionPort):
    """Setting a state twice changes nothing the second time, so a repeat needs no key. An issue somebody has closed already, in
    whatever way, is left as it is."""

    kind = "linear.update_issue"
    description = "Moves the incident's Linear issue to another state; by default it closes it."
    effect: EffectClass = "keyed"
    arguments: type[BaseModel] = UpdateArguments

    def __init__(self, settings: LinearSettings, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._settings = settings
        self._client = LinearClient(settings, clock)
        self._directory = Directory(self._client, clock)
        self.deadline_s = 3 * settings.deadline_s

    @override
    def missing(self) -> str | None:
        if self._settings.credential() is None:
            return "no credential: set api_key (or oauth_token) for linear"
        if not self._settings.close_on_resolve:
            return "closing is off: set close_on_resolve for linear"
        return None

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> UpdateArguments:
        given = for_its_issue(arguments, incident)
        if self._settings.closed_state is not None:
            given["state"] = self._settings.closed_state
        return UpdateArguments.model_validate(given)

    @override
    def render(self, arguments: BaseModel) -> str:
        asked = _asked(arguments)
        return f"Linear issue {asked.issue}: state becomes {asked.state or 'the first completed one of its team'}"

    @override
    async def execute(self, arguments: BaseModel, key: str) -> Effect:
        asked = _asked(arguments)
        issue = await self._issue(asked)
        target = await self._target(issue, asked.state)
        if _stands(issue, target):
            return _effect(issue, issue["state"], repeated=True)
        variables = {"id": issue["id"], "input": {"stateId": target.id}}
        payload = (await self._client.write(documents.UPDATE_ISSUE, variables))["issueUpdate"]
        if not payload["success"] or payload["issue"] is None:
            raise OutcomeUnknown("Linear answered issueUpdate without success and without an error")
        return _effect(payload["issue"], payload["issue"]["state"], repeated=False)

    @override
    async def reconcile(self, arguments: BaseModel, key: str) -> Effect | None:
        asked = _asked(arguments)
        try:
            issue = await self._issue(asked)
            target = await self._target(issue, asked.state)
        except Rejected as error:
            raise TryLater(f"cannot look at the issue: {error}") from error
        return _effect(issue, issue["state"], repeated=True) if _stands(issue, target) else None

    async def _issue(self, asked: UpdateArguments) -> dict[str, Any]:
        return dict((await self._client.read(documents.READ_ISSUE, {"id": asked.issue}))["issue"])

    async def _target(self, issue: Mapping[str, Any], name: str) -> State:
        states = await self._directory.states(issue["team"]["id"])
        for state in states:
            if (state.name.lower() == name.lower()) if name else (state.type == "completed"):
                return state
        known = ", ".join(repr(state.name) for state in states)
        raise Rejected(f"team {issue['team']['key']!r} has no state {name or 'of type completed'!r}; it has {known}")


def _asked(arguments: BaseModel) -> UpdateArguments:
    if not isinstance(arguments, UpdateArguments):
        raise TypeError(f"linear.update_issue takes UpdateArguments, found {type(arguments).__name__}")
    return arguments


def _stands(issue: Mapping[str, Any], target: State) -> bool:
    state = issue["state"]
    return bool(state["id"] == target.id or (state["type"] in _DONE and target.type in _DONE))


def _effect(issue: Mapping[str, Any], state: Mapping[str, Any], *, repeated: bool) -> Effect:
    title = f"{issue['identifier']} {issue['title']}"
    return Effect(
        result={"id": issue["id"], "identifier": issue["identifier"], "state": state["name"]},
        external=ExternalRef(system="linear", kind="issue", id=issue["id"], url=issue["url"], title=title),
        repeated=repeated,
    )
