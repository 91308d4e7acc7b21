"""`linear.create_issue`: one issue, however often it is asked for."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from typing_extensions import override

from connectors.linear import documents
from connectors.linear.arguments import MOST_LINKS, IssueArguments, fitting_title
from connectors.linear.client import LinearClient
from connectors.linear.defusing import defuse
from connectors.linear.directory import Directory
from connectors.linear.markdown import escape, footer, link, one_line, quote
from connectors.linear.settings import LinearSettings
from connectors.ports.action import ActionPort, Effect, OutcomeUnknown, Rejected, TryLater
from connectors.ports.clock import Clock, SystemClock
from schemas import EffectClass, ExternalRef, Incident, Link, idempotency_uuid, to_rfc3339

_PRIORITY = ("none", "urgent", "high", "medium", "low")


class CreateIssue(ActionPort):
    """The issue's id is derived from the idempotency key, so Linear itself refuses a second one."""

    kind = "linear.create_issue"
    description = "Opens a Linear issue for the incident, with links to its sources attached."
    effect: EffectClass = "keyed"
    arguments: type[BaseModel] = IssueArguments

    def __init__(self, settings: LinearSettings, clock: Clock | None = None) -> None:
        clock = clock or SystemClock()
        self._settings = settings
        self._client = LinearClient(settings, clock)
        self._directory = Directory(self._client, clock)
        self.deadline_s = 4 * settings.deadline_s

    @override
    def missing(self) -> str | None:
        if self._settings.credential() is None:
            return "no credential: set api_key (or oauth_token) for linear"
        if self._settings.team is None:
            return "no team: set team for linear to the key of the team that gets the issues, such as OPS"
        return None

    @override
    def complete(self, arguments: Mapping[str, Any], incident: Incident) -> IssueArguments:
        settings = self._settings
        given = dict(arguments)
        given["title"] = fitting_title(given.get("title"), incident)
        given["incident_id"] = incident.id
        given["labels"] = tuple(dict.fromkeys((*settings.labels, *given.get("labels", ()))))
        given.setdefault("priority", settings.priorities.get(incident.severity, 0))
        given.setdefault("links", _distinct(incident.links))
        if "body" not in given and "description" not in given:
            given["body"] = _describe(incident)
        for name in ("team", "assignee", "project", "state"):
            if (configured := getattr(settings, name)) is not None:
                given[name] = configured
        return IssueArguments.model_validate(given)

    @override
    def render(self, arguments: BaseModel) -> str:
        asked = _asked(arguments)
        lines = [
            f"Linear issue in team {asked.team or '(no team configured)'}",
            f"Title: {asked.title}",
            f"Priority: {_PRIORITY[asked.priority]}",
        ]
        if asked.labels:
            lines.append(f"Labels: {', '.join(asked.labels)}")
        chosen = {"Assignee": asked.assignee, "Project": asked.project, "State": asked.state}
        lines += [f"{name}: {value}" for name, value in chosen.items() if value]
        lines += [f"Attached: {item.title or item.rel} {item.url}" for item in asked.links]
        return "\n".join([*lines, "", _body(asked)])

    @override
    async def execute(self, arguments: BaseModel, key: str) -> Effect:
        asked = _asked(arguments)
        fields, notes = await self._fields(asked)
        repeated = False
        try:
            issue = await self._create({**fields, "id": idempotency_uuid(key)})
        except Rejected as error:
            # The words of "already exists" are not documented; the id of ours standing there is proof enough.
            found = await self._find(key)
            if found is None:
                self._directory.forget()
                raise Rejected(f"{error}; asked for {asked.title!r} in team {asked.team!r}") from error
            issue, repeated = found, True
        failed = await self._attach(issue["id"], asked.links, key)
        return _effect(issue, notes=[*notes, *failed], repeated=repeated)

    @override
    async def reconcile(self, arguments: BaseModel, key: str) -> Effect | None:
        try:
            issue = await self._find(key)
        except Rejected as error:
            raise TryLater(f"cannot look whether the issue stands there: {error}") from error
        if issue is None:
            return None
        attached = {node["url"] for node in issue["attachments"]["nodes"]}
        absent = [f"{item.url!r} is not attached" for item in _asked(arguments).links if item.url not in attached]
        return _effect(issue, notes=absent, repeated=True)

    async def _create(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        payload = (await self._client.write(documents.CREATE_ISSUE, {"input": fields}))["issueCreate"]
        if not payload["success"] or payload["issue"] is None:
            raise OutcomeUnknown("Linear answered issueCreate without success and without an error")
        return dict(payload["issue"])

    async def _find(self, key: str) -> dict[str, Any] | None:
        nodes = (await self._client.read(documents.FIND_ISSUE, {"id": idempotency_uuid(key)}))["issues"]["nodes"]
        return dict(nodes[0]) if nodes else None

    async def _fields(self, asked: IssueArguments) -> tuple[dict[str, Any], list[str]]:
        """The input of issueCreate, and notes on what the workspace does not know: an issue without its label beats no issue."""
        if asked.team is None:
            raise Rejected("no team: set team for linear to the key of the team that gets the issues, such as OPS")
        team = await self._directory.team(asked.team)
        labels, states, assignee, project = await asyncio.gather(
            self._directory.labels(asked.labels, team),
            _or_none(asked.state, lambda _name: self._directory.states(team)),
            _or_none(asked.assignee, self._directory.user),
            _or_none(asked.project, self._directory.project),
        )
        fields: dict[str, Any] = {
            "teamId": team,
            "title": asked.title,
            "description": _body(asked),
            "priority": asked.priority,
        }
        notes = [f"no label {name!r} in the workspace or team" for name in asked.labels if name not in labels]
        if labels:
            fields["labelIds"] = [labels[name] for name in asked.labels if name in labels]
        for name, value, found in (
            ("assigneeId", asked.assignee, assignee),
            ("projectId", asked.project, project),
            ("stateId", asked.state, _state_named(asked.state, states)),
        ):
            if found is not None:
                fields[name] = found
            elif value is not None:
                notes.append(f"nothing found for {name.removesuffix('Id')} {value!r}")
        return fields, notes

    async def _attach(self, issue_id: str, links: Sequence[Link], key: str) -> list[str]:
        """Attach each link in order; Linear updates one that is there (by issue and url). Returns notes on what failed: the issue
        stands anyway. Once Linear gives no answer the rest is left to a repeat, so that the deadline holds."""
        notes: list[str] = []
        for done, item in enumerate(links):
            fields = {
                "id": idempotency_uuid(f"{key}/attachment/{item.url}"),
                "issueId": issue_id,
                "url": item.url,
                "title": one_line(item.title or item.rel, 200),
            }
            try:
                await self._client.write(documents.CREATE_ATTACHMENT, {"input": fields})
            except Rejected as error:
                notes.append(f"{item.url!r} could not be attached: {error}")
            except (TryLater, OutcomeUnknown) as error:
                return notes + [f"{each.url!r} could not be attached: {error}" for each in links[done:]]
        return notes


def _asked(arguments: BaseModel) -> IssueArguments:
    if not isinstance(arguments, IssueArguments):
        raise TypeError(f"linear.create_issue takes IssueArguments, found {type(arguments).__name__}")
    return arguments


async def _or_none(name: str | None, find: Any) -> Any:
    return None if name is None else await find(name)


def _state_named(name: str | None, states: Any) -> str | None:
    return next((state.id for state in states or () if name is not None and state.name.lower() == name.lower()), None)


def _distinct(links: Sequence[Link]) -> tuple[Link, ...]:
    usable = {item.url: item for item in reversed(links) if item.url.startswith(("http://", "https://"))}
    return tuple(reversed(usable.values()))[:MOST_LINKS]


def _body(asked: IssueArguments) -> str:
    parts = [defuse(asked.body).strip()]
    if fresh := [item for item in asked.links if item.url not in asked.body]:
        parts.append("\n".join(f"- {link(item.title or item.rel, item.url)}" for item in fresh))
    if asked.incident_id:
        parts.append(footer(asked.incident_id))
    return "\n\n".join(part for part in parts if part)


def _describe(incident: Incident) -> str:
    """What is known without an analyst, every word of it quoted."""
    about = [f"**Since** {to_rfc3339(incident.first_seen)}", f"**Severity** {incident.severity}"]
    if incident.service:
        about.append(f"**Service** {escape(incident.service)}")
    if incident.environment:
        about.append(f"**Environment** {escape(incident.environment)}")
    return "\n\n".join((quote(incident.title), "  \n".join(about)))


def _effect(issue: Mapping[str, Any], *, notes: Sequence[str], repeated: bool) -> Effect:
    title = f"{issue['identifier']} {issue['title']}"
    return Effect(
        result={"id": issue["id"], "identifier": issue["identifier"], "url": issue["url"], "notes": list(notes)},
        external=ExternalRef(system="linear", kind="issue", id=issue["id"], url=issue["url"], title=title),
        repeated=repeated,
    )
