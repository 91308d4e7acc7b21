"""Which service needs which, learnt from traces.

A span whose parent is of another service is a call from that one. Traces are read as OpenTelemetry's file exporter writes them (OTLP/JSON, one request a line:
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding) and as Jaeger's interface gives them (`{"data": [{"spans", "processes"}]}`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from rules.correlation.names import plain
from rules.correlation.topology import Service, Topology

LEAST = 3
"""So many calls make a neighbour, where nothing else is said."""


class NoTraces(ValueError):
    """The text holds no traces that can be read; says what was found."""


@dataclass(frozen=True, slots=True)
class Called:
    """One span: where it is, and whose it is."""

    trace: str
    span: str
    parent: str
    service: str


def spans(text: str) -> Iterator[Called]:
    """The spans of a text: one JSON document, or one a line. Raises NoTraces."""
    try:
        documents = [orjson.loads(text)]
    except orjson.JSONDecodeError:
        try:
            documents = [orjson.loads(line) for line in text.splitlines() if line.strip()]
        except orjson.JSONDecodeError as error:
            raise NoTraces(f"not JSON: {error}") from error
    for document in documents:
        if isinstance(document, dict) and isinstance(document.get("resourceSpans"), list):
            yield from _opentelemetry(document["resourceSpans"])
        elif isinstance(document, dict) and isinstance(document.get("data"), list):
            yield from _jaeger(document["data"])
        else:
            raise NoTraces("expected OTLP/JSON with 'resourceSpans', or Jaeger's with 'data'")


def calls(found: Iterable[Called]) -> Counter[tuple[str, str]]:
    """How often each service called each other one, as (caller, called)."""
    every = list(found)
    owner = {(each.trace, each.span): each.service for each in every}
    counted: Counter[tuple[str, str]] = Counter()
    for each in every:
        caller = owner.get((each.trace, each.parent)) if each.parent else None
        if caller and each.service and plain(caller) != plain(each.service):
            counted[caller, each.service] += 1
    return counted


def topology_of(counted: Mapping[tuple[str, str], int], *, least: int = LEAST) -> Topology:
    """Each service with those that it called so often at least, in the order of their names."""
    needs: dict[str, list[str]] = {}
    names: dict[str, str] = {}
    for (caller, called), number in sorted(counted.items()):
        if number >= least:
            needs.setdefault(names.setdefault(plain(caller), caller), []).append(called)
    return Topology(services={name: Service(depends_on=tuple(called)) for name, called in needs.items()})


def written(topology: Topology, counted: Mapping[tuple[str, str], int]) -> str:
    """The text of a `topology.yaml`, with how often each was called."""
    lines = ["services:"] if topology.services else ["services: {}"]
    for name, service in topology.services.items():
        lines.append(f"  {orjson.dumps(name).decode()}:")
        lines.append("    depends_on:")
        for called in service.depends_on:
            number = sum(counted[pair] for pair in counted if (plain(pair[0]), pair[1]) == (plain(name), called))
            lines.append(f"      - {orjson.dumps(called).decode()}  # {number} calls")
    return "\n".join(lines) + "\n"


def _opentelemetry(resources: Iterable[Any]) -> Iterator[Called]:
    for resource in resources:
        attributes = (resource.get("resource") or {}).get("attributes") or []
        named = {one.get("key"): (one.get("value") or {}).get("stringValue") for one in attributes}
        service = str(named.get("service.name") or "")
        for scope in resource.get("scopeSpans") or ():
            for span in scope.get("spans") or ():
                parent = str(span.get("parentSpanId") or "")
                yield Called(str(span.get("traceId", "")), str(span.get("spanId", "")), parent, service)


def _jaeger(traces: Iterable[Any]) -> Iterator[Called]:
    for trace in traces:
        processes = trace.get("processes") or {}
        for span in trace.get("spans") or ():
            process = span.get("process") or processes.get(span.get("processID")) or {}
            parents = [one for one in span.get("references") or () if one.get("refType", "CHILD_OF") == "CHILD_OF"]
            parent = str(parents[0].get("spanID", "")) if parents else ""
            service = str(process.get("serviceName", ""))
            yield Called(str(span.get("traceID", "")), str(span.get("spanID", "")), parent, service)
