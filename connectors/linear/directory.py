"""Names of a workspace as the ids Linear wants, looked up once and remembered for a while."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

from connectors.linear import documents
from connectors.linear.client import LinearClient
from connectors.ports.action import Rejected
from connectors.ports.clock import Clock

KEEP_S = 600.0

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class State:
    """A workflow state of a team; `type` is triage, backlog, unstarted, started, completed or canceled."""

    id: str
    name: str
    type: str
    position: float


class Directory:
    """Look-ups raise TryLater or Rejected as the client does; what is not found is not remembered."""

    def __init__(self, client: LinearClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: dict[tuple[str, str], tuple[float, object]] = {}

    def forget(self) -> None:
        """Look everything up anew: an id that was remembered may be gone."""
        self._kept.clear()

    async def team(self, key: str) -> str:
        """The team's id. Raises Rejected when no team has this key."""

        async def find() -> str | None:
            nodes = (await self._client.read(documents.TEAM, {"key": key}))["teams"]["nodes"]
            return str(nodes[0]["id"]) if nodes else None

        found = await self._remember("team", key, find)
        if found is None:
            raise Rejected(f"no team with the key {key!r} is visible to this credential; set `team` to one that is")
        return found

    async def states(self, team_id: str) -> Sequence[State]:
        """The team's workflow states by position."""

        async def find() -> Sequence[State]:
            nodes = (await self._client.read(documents.STATES, {"team": team_id}))["workflowStates"]["nodes"]
            states = [State(node["id"], node["name"], node["type"], node["position"]) for node in nodes]
            return sorted(states, key=lambda state: state.position)

        return await self._remember("states", team_id, find) or ()

    async def labels(self, names: Sequence[str], team_id: str) -> dict[str, str]:
        """Ids by name, of the team's own labels before the workspace's; names nobody has are left out, groups too."""

        async def find() -> dict[str, str]:
            nodes = (await self._client.read(documents.LABELS, {"names": list(names)}))["issueLabels"]["nodes"]
            found: dict[str, str] = {}
            for node in sorted(nodes, key=lambda node: node["team"] is not None):
                if not node["isGroup"] and (node["team"] is None or node["team"]["id"] == team_id):
                    found[node["name"]] = node["id"]
            return found

        if not names:
            return {}
        return await self._remember("labels", "\n".join((team_id, *names)), find) or {}

    async def user(self, email: str) -> str | None:
        """The id of the user with this address, None when there is none."""

        async def find() -> str | None:
            nodes = (await self._client.read(documents.USER, {"email": email}))["users"]["nodes"]
            return str(nodes[0]["id"]) if nodes else None

        return await self._remember("user", email, find)

    async def project(self, name: str) -> str | None:
        """The id of the project with this name, None when there is none."""

        async def find() -> str | None:
            nodes = (await self._client.read(documents.PROJECT, {"name": name}))["projects"]["nodes"]
            return str(nodes[0]["id"]) if nodes else None

        return await self._remember("project", name, find)

    async def _remember(self, kind: str, name: str, find: Callable[[], Awaitable[T | None]]) -> T | None:
        now = self._clock.monotonic()
        kept = self._kept.get((kind, name))
        if kept is not None and now - kept[0] < KEEP_S:
            return cast(T, kept[1])
        found = await find()
        if found:
            self._kept[(kind, name)] = (now, found)
        return found
