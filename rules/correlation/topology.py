"""`topology.yaml`: what each service calls or needs, as people write it."""

from pydantic import BaseModel, ConfigDict, Field

from rules.correlation.graph import Graph
from schemas.document import parse_yaml, validate


class Topology(BaseModel):
    """Trouble of what is called goes to the caller."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    calls: dict[str, list[str]] = Field(
        default_factory=dict, description="For each service, the services, queues and databases it calls or needs"
    )
    beside: list[list[str]] = Field(
        default_factory=list,
        description="Services that go down together though none calls another: on one node, in one cluster",
    )

    def graph(self, seen: list[tuple[str, str]] | None = None, learnt: list[tuple[str, str]] | None = None) -> Graph:
        """The graph, with calls `seen` in traces as (caller, called) and pairs `learnt` from past incidents."""
        calls = [(caller, called) for caller, names in self.calls.items() for called in names] + (seen or [])
        beside = [(one, other) for names in self.beside for one in names for other in names if one < other]
        return Graph([(called, caller) for caller, called in calls], beside + (learnt or []))


def read(text: str, file: str) -> Topology:
    """The file. Raises DocumentInvalid with every fault and its place."""
    return validate(parse_yaml(text, file), Topology) if text.strip() else Topology()
