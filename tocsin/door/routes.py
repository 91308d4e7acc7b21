"""Which source hears at which path: `/in/NAME[/INSTANCE]`, and the paths that sources declare themselves."""

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from connectors.ports.source import Source

POSTED = ("POST", "PUT")
"""Methods of `/in/...`: Grafana can be told to PUT."""


@dataclass(frozen=True, slots=True)
class Match:
    """Where a path leads: the sources in the order they are asked, what the `{name}` parts are, the methods allowed there."""

    sources: Sequence[Source]
    methods: frozenset[str]
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Template:
    segments: tuple[str, ...]
    sources: list[Source]
    methods: set[str]

    def fit(self, parts: Sequence[str]) -> dict[str, str] | None:
        params: dict[str, str] = {}
        for segment, part in zip(self.segments, parts, strict=True):
            if segment.startswith("{"):
                if not part:
                    return None
                params[segment[1:-1]] = unquote(part)
            elif segment != part:
                return None
        return params


class RouteTable:
    """The ingest paths. A slash at the end does not matter; the path is compared undecoded.

    `/in/NAME` is the instance `default`, or the only one there is. Instances that declare the same path share it. `prefixes`
    may stand in front of every path (a Sentry DSN may carry one, and so does a proxy that does not strip it).
    """

    def __init__(self, sources: Iterable[Source], *, prefixes: Sequence[str] = ()) -> None:
        by_name: dict[str, list[Source]] = defaultdict(list)
        for source in sources:
            if any(other.instance == source.instance for other in by_name[source.name]):
                raise ValueError(
                    f"two instances of {source.name!r} are called {source.instance!r}; give each its own name"
                )
            by_name[source.name].append(source)
        self._exact: dict[str, Match] = {}
        self._templates: dict[int, dict[tuple[str, ...], _Template]] = defaultdict(dict)
        self._prefixes = tuple("/" + prefix.strip("/") for prefix in prefixes if prefix.strip("/"))
        posted = frozenset(POSTED)
        for name, instances in by_name.items():
            for source in instances:
                self._exact[f"/in/{name}/{source.instance}"] = Match((source,), posted)
                if source.instance == "default" or len(instances) == 1:
                    self._exact[f"/in/{name}"] = Match((source,), posted)
                for route in source.routes:
                    self._declare(source, route.path, route.methods)

    @property
    def paths(self) -> Sequence[str]:
        """Every path there is, templates as declared, sorted."""
        templates = ("/".join(template.segments) for same in self._templates.values() for template in same.values())
        return sorted({*self._exact, *templates})

    def find(self, path: str) -> Match | None:
        """Where the path leads; None for one that is nobody's here."""
        found = self._exact.get(path)
        if found is not None:
            return found
        for prefix in ("", *self._prefixes):
            if path.startswith(prefix) and (found := self._find(path[len(prefix) :].rstrip("/"))) is not None:
                return found
        return None

    def near(self, path: str) -> Sequence[str]:
        """Paths that look like this one, best first; all of the connectors' own when none does."""
        return difflib.get_close_matches(path.rstrip("/"), self.paths, n=3, cutoff=0.6)

    def _declare(self, source: Source, path: str, methods: Sequence[str]) -> None:
        segments = tuple(path.rstrip("/").split("/"))
        if segments[0]:
            raise ValueError(f"route {path!r} of {source.name!r} must begin with a slash")
        shape = tuple("{}" if segment.startswith("{") else segment for segment in segments)
        template = self._templates[len(segments)].setdefault(shape, _Template(segments, [], set()))
        if template.sources and template.sources[0].name != source.name:
            raise ValueError(f"{template.sources[0].name!r} and {source.name!r} both claim the path {path!r}")
        template.methods.update(method.upper() for method in methods)
        if source not in template.sources:
            # The instance `default` words the refusal where no instance wants a request.
            template.sources.insert(0 if source.instance == "default" else len(template.sources), source)

    def _find(self, path: str) -> Match | None:
        found = self._exact.get(path)
        if found is not None:
            return found
        parts = path.split("/")
        for template in self._templates.get(len(parts), {}).values():
            if (params := template.fit(parts)) is not None:
                return Match(tuple(template.sources), frozenset(template.methods), params)
        return None
