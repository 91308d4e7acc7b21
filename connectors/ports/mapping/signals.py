"""One part of a request, with the fields found in it, as the draft of a signal."""

import hashlib
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import orjson

from connectors.ports.mapping.fields import (
    TITLE,
    WEB,
    labels_of,
    measures_of,
    moment_text,
    text_of,
    title_and_rest,
    urls_of,
)  # fmt: skip
from connectors.ports.mapping.guess import STATUS_WORDS, Found
from connectors.ports.mapping.settings import REPEATS_S, MappedSettings
from schemas import Severity, SignalStatus, SignalType, severity_of, to_rfc3339
from schemas.draft import Draft, DraftLink, Opening
from schemas.ids import signal_id

_TYPES: dict[str, SignalType] = {name: name for name in get_args(SignalType)}
_REMEMBERED = 1_000
_LONGEST_WORD = 100
"""So many combinations of words of at most so many characters are remembered with what they mean."""


class Arrival(NamedTuple):
    """What all signals of one request or message share. `named` when the sender itself gave `delivery_id`; `sent_at` is when what
    does not say its own time happened."""

    sent_at: int
    delivery_id: str
    named: bool


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a sender's words for type, status and severity mean."""

    type: SignalType
    status: SignalStatus
    severity: Severity
    state: str
    """STATUS/SEVERITY: the revision of what names none."""
    labels: tuple[tuple[str, str], ...]
    """Words for type and status that nobody knows."""
    unknown: tuple[str, ...]
    """The word for the severity when nobody knows it."""


class Drafter:
    """Drafts the signals of one instance of a connector."""

    def __init__(self, source: str, instance: str, settings: MappedSettings) -> None:
        self.opening = Opening(source, instance)
        self._source = source
        self._instance = instance
        self._settings = settings
        self._remember_s = settings.remember_s
        self._owner = f"{instance}/"
        self._group = f"{source}:{instance}:"
        self._meanings: dict[tuple[Any, Any, Any], Meaning] = {}

    def draft(self, found: Found, raw: Any, index: int, arrival: Arrival, unknown: set[str]) -> Draft:
        """The signal; severity words nobody knows are added to `unknown`.

        Its identity is the sender's id; else the request's name and the place in it; else the content, which then counts as a repeat
        for REPEATS_S only, unless it carries its time.
        """
        (
            title, body, kind, status, severity, service, environment, labels, measures, url, runbook, occurred_at, name, revision, group,
        ) = found  # fmt: skip
        labels = {} if labels is None else labels_of(labels)
        if severity is None:
            severity = labels.get("severity")
        try:
            meaning = self._meanings.get((kind, status, severity))
        except TypeError:  # one of them is no word but an object or array
            meaning = None
        if meaning is None:
            meaning = self._meaning(kind, status, severity)
        if meaning.labels:
            labels = {**labels}
            for label, word in meaning.labels:
                labels.setdefault(label, word)
        if meaning.unknown:
            unknown.update(meaning.unknown)
        rest = ""
        if type(title) is str and len(title) <= TITLE and "\n" not in title:
            title = title.strip()
        elif title is not None:
            title, rest = title_and_rest(text_of(title))
        if service is None:
            service = labels.get("service")
        elif type(service) is not str:
            service = text_of(service)
        if environment is None:
            environment = labels.get("environment", labels.get("env"))
        elif type(environment) is not str:
            environment = text_of(environment)
        happened = None if occurred_at is None else moment_text(occurred_at)
        remember_s = self._remember_s
        if name is not None:
            occurrence = f"{self._owner}{name if type(name) is str else text_of(name)}"
        elif arrival.named:
            occurrence = f"{self._owner}{arrival.delivery_id}/{index}"
        else:
            occurrence = f"{self._owner}content/{_content_hash(raw)}"
            if happened is None and remember_s > REPEATS_S:
                remember_s = REPEATS_S
        revision = meaning.state if revision is None else text_of(revision)
        if not title:
            title = title_and_rest(text_of(raw))[0] or f"an empty signal for {self._instance}"
        draft: Draft = {
            "id": signal_id(self._source, occurrence, revision),
            "type": meaning.type,
            "status": meaning.status,
            "severity": meaning.severity,
            "title": title,
            "body": rest if body is None else body if type(body) is str else text_of(body),
            "labels": labels,
            "measures": {} if measures is None else measures_of(measures),
            "links": [] if url is None and runbook is None else _links(url, runbook),
            "occurred_at": to_rfc3339(arrival.sent_at) if happened is None else happened,
            "delivery_id": arrival.delivery_id,
            "occurrence_id": occurrence,
            "revision": revision,
            "group_key": f"{self._group}{service or ''}:{title}" if group is None else f"{self._group}{text_of(group)}",
            "remember_s": remember_s,
            "raw": raw,
        }
        if service is not None:
            draft["service"] = service
        if environment is not None:
            draft["environment"] = environment
        return draft

    def _meaning(self, kind: Any, status: Any, severity: Any) -> Meaning:
        """What these words mean, remembered when they are words: a sender has few of them."""
        settings = self._settings
        odd: list[tuple[str, str]] = []
        meant_type: SignalType | None = settings.type
        if kind is not None and (meant_type := _TYPES.get(text_of(kind).lower())) is None:
            odd.append(("type", text_of(kind)))
        meant_status: SignalStatus | None = settings.status
        if status is not None and (meant_status := STATUS_WORDS.get(text_of(status).strip().lower())) is None:
            odd.append(("status", text_of(status)))
        unknown: tuple[str, ...] = ()
        meant: Severity | None = settings.severity
        if severity is not None and (meant := severity_of(severity)) is None:
            unknown = (text_of(severity)[:100],)
        meant_type, meant_status = meant_type or settings.type, meant_status or settings.status
        meant = meant or settings.severity
        meaning = Meaning(meant_type, meant_status, meant, f"{meant_status}/{meant}", tuple(odd), unknown)
        words = (kind, status, severity)
        if all(word is None or (type(word) is str and len(word) <= _LONGEST_WORD) for word in words):
            if len(self._meanings) >= _REMEMBERED:
                self._meanings.clear()
            self._meanings[words] = meaning
        return meaning


def _content_hash(raw: Any) -> str:
    return hashlib.sha256(orjson.dumps(raw, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _links(url: Any, runbook: Any) -> list[DraftLink]:
    if type(url) is str and runbook is None:
        return [{"rel": "self", "url": url}] if url.startswith(WEB) else []
    links: list[DraftLink] = [] if url is None else [{"rel": "self", "url": each} for each in urls_of(url)]
    if runbook is not None:
        links += [{"rel": "runbook", "url": each} for each in urls_of(runbook)]
    return links
