"""One part of a request, with the fields found in it, as a Signal."""

import hashlib
from typing import Any, NamedTuple, get_args

import orjson

from connectors.ports.mapping.fields import labels_of, measures_of, moment_of, text_of, title_and_rest, urls_of
from connectors.ports.mapping.guess import STATUS_WORDS
from connectors.ports.mapping.settings import REPEATS_S, MappedSettings
from schemas import Signal, SignalType, severity_of
from schemas.signal import Link

_TYPES: dict[str, SignalType] = {name: name for name in get_args(SignalType)}


class Arrival(NamedTuple):
    """What all signals of one request or message share. `named` when the sender itself gave `delivery_id`; `sent_at` is when what
    does not say its own time happened."""

    source: str
    instance: str
    settings: MappedSettings
    received_at: int
    sent_at: int
    delivery_id: str
    named: bool


def signal_of(found: dict[str, Any], raw: Any, index: int, arrival: Arrival, unknown: set[str]) -> Signal:
    """The signal; severity words nobody knows are added to `unknown`.

    Its identity is the sender's id; else the request's name and the place in it; else the content, which then counts as a repeat
    for REPEATS_S only, unless it carries its time.
    """
    settings = arrival.settings
    labels = labels_of(found["labels"]) if "labels" in found else {}
    title, rest = title_and_rest(text_of(found["title"])) if "title" in found else ("", "")
    body = text_of(found["body"]) if "body" in found else rest
    kind = settings.type
    if (word := found.get("type")) is not None:
        meant_type = _TYPES.get(text_of(word).lower())
        if meant_type is None:
            labels.setdefault("type", text_of(word))
        else:
            kind = meant_type
    status = settings.status
    if (word := found.get("status")) is not None:
        known = STATUS_WORDS.get(text_of(word).strip().lower())
        if known is None:
            labels.setdefault("status", text_of(word))
        else:
            status = known
    severity = settings.severity
    if (word := found.get("severity", labels.get("severity"))) is not None:
        meant = severity_of(word)
        if meant is None:
            unknown.add(text_of(word)[:100])
        else:
            severity = meant
    service = text_of(found["service"]) if "service" in found else labels.get("service")
    environment = (
        text_of(found["environment"]) if "environment" in found else labels.get("environment", labels.get("env"))
    )
    happened = moment_of(found["occurred_at"]) if "occurred_at" in found else None
    occurrence, remember_s = _identity(found, raw, index, arrival, timed=happened is not None)
    if not title:
        title = title_and_rest(text_of(raw))[0] or f"an empty signal for {arrival.instance}"
    group = f"{service or ''}:{title}" if "group_key" not in found else text_of(found["group_key"])
    return Signal.made(
        source=arrival.source,
        instance=arrival.instance,
        occurrence_id=occurrence,
        revision=text_of(found["revision"]) if "revision" in found else f"{status}/{severity}",
        type=kind,
        status=status,
        severity=severity,
        title=title,
        body=body,
        service=service,
        environment=environment,
        labels=labels,
        measures=measures_of(found["measures"]) if "measures" in found else {},
        links=_links(found) if "url" in found or "runbook" in found else (),
        occurred_at=happened if happened is not None else arrival.sent_at,
        received_at=arrival.received_at,
        delivery_id=arrival.delivery_id,
        group_key=f"{arrival.source}:{arrival.instance}:{group}",
        remember_s=remember_s,
        raw=raw,
    )


def _identity(found: dict[str, Any], raw: Any, index: int, arrival: Arrival, *, timed: bool) -> tuple[str, int]:
    if "id" in found:
        return f"{arrival.instance}/{text_of(found['id'])}", arrival.settings.remember_s
    if arrival.named:
        return f"{arrival.instance}/{arrival.delivery_id}/{index}", arrival.settings.remember_s
    content = hashlib.sha256(orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
    lasting = arrival.settings.remember_s if timed else min(REPEATS_S, arrival.settings.remember_s)
    return f"{arrival.instance}/content/{content}", lasting


def _links(found: dict[str, Any]) -> tuple[Link, ...]:
    links = [Link.made("self", url) for url in urls_of(found["url"])] if "url" in found else []
    if "runbook" in found:
        links += [Link.made("runbook", url) for url in urls_of(found["runbook"])]
    return tuple(links)
