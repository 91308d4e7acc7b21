"""A Linear workspace in memory, answering GraphQL against Linear's own schema."""

import gzip
import itertools
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from graphql import (
    ExecutionResult,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_schema,
    default_field_resolver,
    get_named_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from graphql import graphql_sync as execute_graphql

SDL = Path(__file__).parent.parent / "connectors" / "linear" / "schema.graphql.gz"
UUID_V4 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
PRIORITY_LABELS = ("No priority", "Urgent", "High", "Medium", "Low")
MOCKS: dict[str, Any] = {
    "String": "",
    "ID": "",
    "Int": 0,
    "Float": 0.0,
    "Boolean": False,
    "DateTime": "2026-11-21T08:00:00.000Z",
}

Row = dict[str, Any]


@cache
def schema() -> GraphQLSchema:
    """Linear's schema, parsed once per process (about a second and a half)."""
    return build_schema(gzip.decompress(SDL.read_bytes()).decode(), assume_valid=True)


class Workspace:
    """Two teams, a few users, labels, states and a project; issues, comments and attachments are what is created. Thread-safe."""

    def __init__(self, url: str = "https://linear.app/acme") -> None:
        self.lock = RLock()
        self.url = url
        self._clock = itertools.count()
        self._numbers = itertools.count(1)
        self.viewer: Row = {
            "id": _fixed("viewer"),
            "name": "Tocsin",
            "email": "tocsin@example.com",
            "displayName": "tocsin",
        }
        self.users = [
            self.viewer,
            {"id": _fixed("ana"), "name": "Ana", "email": "ana@example.com", "displayName": "ana"},
        ]
        self.teams: list[Row] = [
            {"id": _fixed(key), "key": key, "name": name} for key, name in (("OPS", "Operations"), ("WEB", "Web"))
        ]
        self.states: list[Row] = [
            {"id": _fixed(f"{team['key']}/{name}"), "name": name, "type": kind, "position": float(position), "team": team}
            for team in self.teams
            for position, (name, kind) in enumerate(
                (("Triage", "triage"), ("Backlog", "backlog"), ("Todo", "unstarted"), ("In Progress", "started"), ("Done", "completed"), ("Canceled", "canceled"))
            )
        ]  # fmt: skip
        self.labels: list[Row] = [
            {"id": _fixed("label/incident"), "name": "incident", "isGroup": False, "team": None},
            {"id": _fixed("label/bug"), "name": "bug", "isGroup": False, "team": None},
            {"id": _fixed("label/OPS/infra"), "name": "infra", "isGroup": False, "team": self.teams[0]},
            {"id": _fixed("label/WEB/infra"), "name": "infra", "isGroup": False, "team": self.teams[1]},
            {"id": _fixed("label/area"), "name": "area", "isGroup": True, "team": None},
        ]
        self.projects: list[Row] = [{"id": _fixed("project/reliability"), "name": "Reliability"}]
        self.issues: list[Row] = []
        self.comments: list[Row] = []
        self.attachments: list[Row] = []

    def execute(self, query: str, variables: Mapping[str, Any] | None) -> ExecutionResult:
        """One request, validated against the schema and executed."""
        with self.lock:
            return execute_graphql(
                schema(), query, root_value=self._root(), variable_values=dict(variables or {}), field_resolver=_resolve
            )

    def _root(self) -> dict[str, Callable[..., Any]]:
        return {
            "viewer": lambda _info: self.viewer,
            "teams": self._listing(self.teams),
            "users": self._listing(self.users),
            "issueLabels": self._listing(self.labels),
            "workflowStates": self._listing(self.states),
            "projects": self._listing(self.projects),
            "issues": self._listing(self.issues),
            "comments": self._listing(self.comments),
            "issue": self._read_issue,
            "attachmentsForURL": lambda _info, url, **_: _page([a for a in self.attachments if a["url"] == url]),
            "searchIssues": self._search_issues,
            "issueCreate": self._create_issue,
            "issueUpdate": self._update_issue,
            "commentCreate": self._create_comment,
            "attachmentCreate": self._create_attachment,
        }

    def _listing(self, rows: list[Row]) -> Callable[..., Row]:
        def listing(_info: GraphQLResolveInfo, first: int = 50, **wanted: Any) -> Row:
            return _page([row for row in rows if _matches(row, wanted.get("filter") or {})][:first])

        return listing

    def _read_issue(self, _info: GraphQLResolveInfo, id: str) -> Row:  # noqa: A002
        return self._issue(id)

    def _search_issues(self, _info: GraphQLResolveInfo, term: str, first: int = 50, **_: Any) -> Row:
        """Every word somewhere in title, description or a comment."""

        def says(issue: Row) -> str:
            said = [comment["body"] for comment in self.comments if comment["issue"] is issue]
            return " ".join([issue["title"], issue["description"] or "", *said]).casefold()

        words = term.casefold().split()
        return _page([issue for issue in self.issues if all(word in says(issue) for word in words)][:first])

    def _issue(self, name: str) -> Row:
        for issue in self.issues:
            if name in (issue["id"], issue["identifier"]):
                return issue
        raise invalid("Entity not found: Issue - Could not find referenced Issue.")

    def _by_id(self, rows: list[Row], wanted: str, what: str) -> Row:
        for row in rows:
            if row["id"] == wanted:
                return row
        raise invalid(f"Entity not found: {what} - Could not find referenced {what}.")

    def _new_id(self, given: str | None, rows: list[Row], what: str) -> str:
        if given is None:
            return _fixed(f"{what}/{len(rows)}")
        if not UUID_V4.match(given):
            raise invalid(f"Argument Validation Error - id must be a UUID, found {given!r}")
        if any(row["id"] == given for row in rows):
            raise invalid(f"Entity already exists: {what} with this id is there already.")
        return given

    def _now(self) -> str:
        seconds = next(self._clock)
        return f"2026-11-21T08:{seconds // 60 % 60:02d}:{seconds % 60:02d}.000Z"

    def _create_issue(self, _info: GraphQLResolveInfo, input: Row) -> Row:  # noqa: A002
        issue_id = self._new_id(input.get("id"), self.issues, "Issue")
        team = self._by_id(self.teams, input["teamId"], "Team")
        title = input.get("title")
        if not title or len(title) > 255:
            raise invalid(
                "Argument Validation Error - title must be longer than or equal to 1 and shorter than or equal to 255 characters"
            )
        states = [state for state in self.states if state["team"] is team]
        state = self._by_id(states, input["stateId"], "WorkflowState") if input.get("stateId") else states[1]
        labels = [self._by_id(self.labels, label, "IssueLabel") for label in input.get("labelIds") or ()]
        if any(label["team"] not in (None, team) for label in labels):
            raise invalid("The label is not of the issue's team.")
        priority = input.get("priority") or 0
        if not 0 <= priority <= 4:
            raise invalid("Argument Validation Error - priority must be 0 to 4")
        number, now = next(self._numbers), self._now()
        issue: Row = {
            "id": issue_id,
            "number": float(number),
            "identifier": f"{team['key']}-{number}",
            "title": title,
            "description": input.get("description"),
            "priority": float(priority),
            "priorityLabel": PRIORITY_LABELS[priority],
            "url": f"{self.url}/issue/{team['key']}-{number}",
            "team": team,
            "state": state,
            "assignee": self._by_id(self.users, input["assigneeId"], "User") if input.get("assigneeId") else None,
            "project": self._by_id(self.projects, input["projectId"], "Project") if input.get("projectId") else None,
            "creator": self.viewer,
            "label_rows": labels,
            "createdAt": now,
            "updatedAt": now,
        }
        issue["labels"] = lambda _info, **_: _page(issue["label_rows"])
        issue["comments"] = lambda _info, **_: _page([c for c in self.comments if c["issue"] is issue])
        issue["attachments"] = lambda _info, **_: _page([a for a in self.attachments if a["issue"] is issue])
        self.issues.append(issue)
        return {"success": True, "issue": issue, "lastSyncId": 1.0}

    def _update_issue(self, _info: GraphQLResolveInfo, id: str, input: Row) -> Row:  # noqa: A002
        issue = self._issue(id)
        if input.get("stateId"):
            issue["state"] = self._by_id(
                [s for s in self.states if s["team"] is issue["team"]], input["stateId"], "WorkflowState"
            )
        issue["updatedAt"] = self._now()
        return {"success": True, "issue": issue, "lastSyncId": 1.0}

    def _create_comment(self, _info: GraphQLResolveInfo, input: Row) -> Row:  # noqa: A002
        comment_id = self._new_id(input.get("id"), self.comments, "Comment")
        if not input.get("issueId") or not input.get("body"):
            raise invalid("Argument Validation Error - issueId and body are required")
        issue = self._issue(input["issueId"])
        comment = {
            "id": comment_id,
            "body": input["body"],
            "issue": issue,
            "user": self.viewer,
            "url": f"{issue['url']}#comment-{comment_id[:8]}",
            "createdAt": self._now(),
        }
        self.comments.append(comment)
        return {"success": True, "comment": comment, "lastSyncId": 1.0}

    def _create_attachment(self, _info: GraphQLResolveInfo, input: Row) -> Row:  # noqa: A002
        issue = self._issue(input["issueId"])
        attachment = next((a for a in self.attachments if a["issue"] is issue and a["url"] == input["url"]), None)
        if attachment is None:
            attachment = {
                "id": self._new_id(input.get("id"), self.attachments, "Attachment"),
                "issue": issue,
                "url": input["url"],
            }
            self.attachments.append(attachment)
        attachment["title"] = input["title"]
        return {"success": True, "attachment": attachment, "lastSyncId": 1.0}


def invalid(message: str) -> GraphQLError:
    """An error as Linear words it for invalid input."""
    return GraphQLError(
        message,
        extensions={
            "type": "invalid input",
            "code": "INPUT_ERROR",
            "userError": True,
            "userPresentableMessage": message,
        },
    )


def _fixed(name: str) -> str:
    raw = str(uuid5(NAMESPACE_URL, name))
    return f"{raw[:14]}4{raw[15:19]}a{raw[20:]}"


def _page(rows: list[Row]) -> Row:
    return {"nodes": rows, "pageInfo": {"hasNextPage": False, "hasPreviousPage": False}}


def _matches(row: Row | None, wanted: Mapping[str, Any]) -> bool:
    """Linear's filters, as far as they are used here; an operator nobody taught it is an error, never a match."""
    if row is None:
        return False
    return all(_compare(row.get(name), condition) for name, condition in wanted.items())


def _compare(value: Any, condition: Mapping[str, Any]) -> bool:
    for operator, operand in condition.items():
        match operator:
            case "eq":
                holds = value == operand
            case "eqIgnoreCase":
                holds = isinstance(value, str) and value.lower() == operand.lower()
            case "in":
                holds = value in operand
            case _ if isinstance(value, dict):
                holds = _compare(value.get(operator), operand)
            case _:
                raise GraphQLError(f"the filter operator {operator!r} is not played here")
        if not holds:
            return False
    return True


def _resolve(source: Any, info: GraphQLResolveInfo, **arguments: Any) -> Any:
    """The row's own value; a field that must not be null and is not kept gets a neutral one of its type."""
    value = default_field_resolver(source, info, **arguments)
    if value is not None or not is_non_null_type(info.return_type):
        return value
    inner = info.return_type.of_type
    if is_list_type(inner):
        return []
    named = get_named_type(inner)
    return {} if is_object_type(named) else MOCKS.get(named.name)
