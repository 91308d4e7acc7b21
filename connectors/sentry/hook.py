"""One webhook of Sentry's, opened: what all resources share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.ports.reading import Unreadable, line, mapping
from connectors.ports.source import Received, Reply
from connectors.sentry.origin import Origin
from schemas.signal import Signal

OK = Reply(200, b"{}", {"content-type": "application/json"})


@dataclass(frozen=True, slots=True)
class Hook:
    """`{"action", "installation", "data", "actor"}`; `content` is the body as received."""

    body: Mapping[str, Any]
    content: bytes
    origin: Origin

    @property
    def action(self) -> str:
        return line(self.body.get("action"), 60)

    @property
    def data(self) -> Mapping[str, Any]:
        return mapping(self.body.get("data"))

    def part(self, name: str) -> Mapping[str, Any]:
        """The object at `data.NAME`. Raises Unreadable when there is none."""
        found = self.data.get(name)
        if not isinstance(found, dict):
            raise Unreadable(f"expected an object at data.{name}, found {type(found).__name__}")
        return found

    def actor(self) -> tuple[str | None, bool]:
        """Who caused it, as `TYPE:ID`, and whether that is Tocsin itself. `application:sentry` is Sentry's own automation."""
        actor = mapping(self.body.get("actor"))
        kind, number = line(actor.get("type"), 40), line(actor.get("id"), 100)
        if not number:
            return None, False
        name = f"{kind}:{number}" if kind else number
        return name, not {name, number}.isdisjoint(self.origin.settings.own_actors)

    def signal(self, *, labels: Mapping[str, str], **fields: Any) -> Signal:
        """A signal caused by the webhook's actor, with those labels that say something and the body as `raw`."""
        actor, own = self.actor()
        said = {name: value for name, value in labels.items() if value}
        return self.origin.signal(labels=said, actor=actor, own=own, raw=self.body, **fields)

    def issue_url(self, issue: str) -> str | None:
        """A link to an issue made from the organisation's slug, configured or named by the webhook."""
        settings = self.origin.settings
        installation = mapping(self.body.get("installation"))
        slug = settings.organization or line(mapping(installation.get("organization")).get("slug"), 100)
        if not slug or not (issue.isascii() and issue.isdigit()):
            return None
        return f"{settings.web_url.rstrip('/')}/organizations/{slug}/issues/{issue}/"


def heard(signal: Signal, unknown: Sequence[str] = ()) -> Received:
    """One signal, answered as Sentry wants it."""
    return Received(signals=[signal], unknown_severities=tuple(unknown), reply=OK)
