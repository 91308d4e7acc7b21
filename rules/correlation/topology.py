"""`topology.yaml`: what each service needs, as people write it."""

from collections.abc import Iterable, Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from rules.correlation.graph import Graph
from rules.correlation.names import plain
from rules.delivery.said import Texts
from schemas.document import Document, DocumentInvalid, Fault, parse_yaml, validate

NAMES = ("topology.yaml", "topology.yml")
"""The file of a folder of rules that says it."""


class Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Service(Part):
    """A service, and what it cannot do without."""

    depends_on: Texts = Field(default=(), description="The services, queues and databases it calls or needs")


class Topology(Part):
    """Trouble of what is needed comes to what needs it."""

    services: dict[str, Service] = Field(default_factory=dict, description="The services by name")
    beside: list[list[str]] = Field(
        default_factory=list,
        description="Services that go down together though none needs another: on one node, in one cluster",
    )

    def __bool__(self) -> bool:
        return bool(self.services or self.beside)

    def graph(self, learnt: Iterable[tuple[str, str]] = ()) -> Graph:
        """The graph, with pairs `learnt` from past incidents."""
        ways = [(needed, name) for name, service in self.services.items() for needed in service.depends_on]
        beside = [(one, other) for names in self.beside for one in names for other in names if one < other]
        return Graph(ways, [*beside, *learnt])

    def joined(self, other: "Topology") -> "Topology":
        """Both together."""
        services = dict(self.services)
        for name, service in other.services.items():
            known = services[name].depends_on if name in services else ()
            services[name] = Service(depends_on=tuple(dict.fromkeys([*known, *service.depends_on])))
        return Topology(services=services, beside=[*self.beside, *other.beside])


def read(text: str, file: str) -> Topology:
    """The file. Raises DocumentInvalid with every fault and its place."""
    document = parse_yaml(text, file)
    if document.content is None:
        return Topology()
    found = validate(document, Topology)
    if faults := list(_faults(found, document)):
        raise DocumentInvalid(faults)
    return found


def topology_of(sources: Mapping[str, str], faults: list[Fault]) -> Topology:
    """Of the files by name, all of them together; the faults of those that are wrong are added."""
    found = Topology()
    for name, text in sources.items():
        try:
            found = found.joined(read(text, name))
        except DocumentInvalid as error:
            faults.extend(error.faults)
    return found


def _faults(topology: Topology, document: Document) -> Iterable[Fault]:
    taken: dict[str, str] = {}
    for name, service in topology.services.items():
        if (same := taken.setdefault(plain(name), name)) != name:
            message = f"{name!r} is {same!r} again: capitals, dashes and endings such as -service make no other service"
            yield document.fault(("services", name), message)
        for number, needed in enumerate(service.depends_on):
            if plain(needed) == plain(name):
                at = ("services", name, "depends_on")
                listed = isinstance(document.content["services"][name]["depends_on"], list)
                yield document.fault((*at, number) if listed else at, f"{name!r} cannot depend on itself")
    for number, names in enumerate(topology.beside):
        if len({plain(name) for name in names}) < 2:
            yield document.fault(("beside", number), f"two services at least go down together, found {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"
