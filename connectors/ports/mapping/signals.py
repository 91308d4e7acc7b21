"""One part of a request, with the fields found in it, as the draft of a signal."""

import hashlib
from typing import Any, NamedTuple, get_args

import orjson

from connectors.ports.mapping.fields import labels_of, measures_of, moment_of, text_of, title_and_rest, urls_of
from connectors.ports.mapping.guess import STATUS_WORDS
from connectors.ports.mapping.settings import REPEATS_S, MappedSettings
from schemas import SignalType, severity_of, to_rfc3339
from schemas.draft import Draft, DraftLink
from schemas.ids import signal_id

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


def signal_of(found: dict[str, Any], raw: Any, index: int, arrival: Arrival, unknown: set[str]) -> Draft:
    """The signal; severity words nobody knows are added to `unknown`.

    Its identity is the sender's id; else the request's name and the place in it; else the content, which then counts as a repeat
    for REPEATS_S only, unless it carries its time.
    """
    source, instance, settings, received_at, sent_at, delivery_id, _ = arrival
    get = found.get
    labels = {} if (given := get("labels")) is None else labels_of(given)
    title, rest = ("", "") if (given := get("title")) is None else title_and_rest(text_of(given))
    kind = settings.type
    if (word := get("type")) is not None:
        meant_type = _TYPES.get(text_of(word).lower())
        if meant_type is None:
            labels.setdefault("type", text_of(word))
        else:
            kind = meant_type
    status = settings.status
    if (word := get("status")) is not None:
        known = STATUS_WORDS.get(text_of(word).strip().lower())
        if known is None:
            labels.setdefault("status", text_of(word))
        else:
            status = known
    severity = settings.severity
    if (word := get("severity", labels.get("severity"))) is not None:
        meant = severity_of(word)
        if meant is None:
            unknown.add(text_of(word)[:100])
        else:
            severity = meant
    service = labels.get("service") if (given := get("service")) is None else text_of(given)
    environment = get("environment")
    environment = labels.get("environment", labels.get("env")) if environment is None else text_of(environment)
    happened = None if (given := get("occurred_at")) is None else moment_of(given)
    occurrence, remember_s = _identity(found, raw, index, arrival, timed=happened is not None)
    revision = f"{status}/{severity}" if (given := get("revision")) is None else text_of(given)
    if not title:
        title = title_and_rest(text_of(raw))[0] or f"an empty signal for {instance}"
    group = f"{service or ''}:{title}" if (given := get("group_key")) is None else text_of(given)
    draft: Draft = {
        "schema_version": 1,
        "id": signal_id(source, occurrence, revision),
        "source": source,
        "instance": instance,
        "type": kind,
        "status": status,
        "severity": severity,
        "title": title,
        "body": rest if (given := get("body")) is None else text_of(given),
        "labels": labels,
        "measures": {} if (given := get("measures")) is None else measures_of(given),
        "links": _links(found) if "url" in found or "runbook" in found else [],
        "occurred_at": to_rfc3339(sent_at if happened is None else happened),
        "received_at": to_rfc3339(received_at),
        "delivery_id": delivery_id,
        "occurrence_id": occurrence,
        "revision": revision,
        "group_key": f"{source}:{instance}:{group}",
        "remember_s": remember_s,
        "own": False,
        "rehearsal": False,
        "raw": raw,
    }
    if service is not None:
        draft["service"] = service
    if environment is not None:
        draft["environment"] = environment
    return draft


def _identity(found: dict[str, Any], raw: Any, index: int, arrival: Arrival, *, timed: bool) -> tuple[str, int]:
    if "id" in found:
        return f"{arrival.instance}/{text_of(found['id'])}", arrival.settings.remember_s
    if arrival.named:
        return f"{arrival.instance}/{arrival.delivery_id}/{index}", arrival.settings.remember_s
    content = hashlib.sha256(orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]
    lasting = arrival.settings.remember_s if timed else min(REPEATS_S, arrival.settings.remember_s)
    return f"{arrival.instance}/content/{content}", lasting


def _links(found: dict[str, Any]) -> list[DraftLink]:
    links: list[DraftLink] = [{"rel": "self", "url": url} for url in urls_of(found["url"])] if "url" in found else []
    if "runbook" in found:
        links += [{"rel": "runbook", "url": url} for url in urls_of(found["runbook"])]
    return links
