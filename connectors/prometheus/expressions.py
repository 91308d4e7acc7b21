"""Expressions an incident brings along: those of the alerts behind it, as their links say."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from connectors.ports.tool import ToolContext

LONGEST = 4_000


def own_expressions(context: ToolContext) -> tuple[str, ...]:
    """PromQL out of the links of the signals (`/graph?g0.expr=...`, Prometheus's generatorURL), each once, the first ones first.

    They come from outside: they are asked of the configured server, and of nothing else.
    """
    return tuple(dict.fromkeys(_found(context)))


def _found(context: ToolContext) -> Iterator[str]:
    links = [link for signal in context.signals for link in signal.links]
    for link in (*links, *context.incident.links):
        try:
            asked = parse_qs(urlsplit(link.url).query, max_num_fields=100)
        except ValueError:
            continue
        for name, values in sorted(asked.items()):
            if name.startswith("g") and name.endswith(".expr") and values[0].strip() and len(values[0]) <= LONGEST:
                yield values[0].strip()
