"""Rows: what kind of thing one object is, and the value made of it."""

import re
from collections.abc import Mapping
from typing import Any

from processors.evidence.fields import Row, attributes, plain, rank_of, unwrapped
from processors.evidence.moments import moment
from processors.evidence.values import ChangeRead, CommitRead, LogLine, PatternRead, Said, Span

_SHA = re.compile(r"[0-9a-f]{7,64}", re.I)
_TAKEN = (
    "timestamp",
    "time",
    "service",
    "msg",
    "message",
    "severitytext",
    "traceid",
    "spanid",
    "parentid",
    "log",
    "body",
)
_WELL = re.compile(
    r"operating.normally|operational|resolved|completed|no issues|healthy|^ok$|^up$|^normal$", re.IGNORECASE
)
_FLAGS = ("flag", "toggle", "featureflag", "experiment")
_SCALES = (
    (("durationns", "durationnano"), 1e-6),
    (("durationus", "durationmicros"), 1e-3),
    (("durations", "durationsec"), 1e3),
)

Made = Span | CommitRead | ChangeRead | LogLine | Said | PatternRead


def of_row(raw: Mapping[str, Any], cites: str, about: str) -> Made | None:
    """The value this object is; None when it is none of them and its fields are to be looked at one by one."""
    row = Row(raw)
    return (
        _span(row, cites)
        or _pattern(row, cites)
        or _commit(row, cites)
        or _event(row, cites, about)
        or _change(row, cites)
        or _log(row, cites)
        or _notice(row, cites, about)
    )


def _pattern(row: Row, cites: str) -> PatternRead | None:
    pattern, before, after = row.text("pattern", "template"), row.number("before"), row.number("after")
    if not pattern or before is None or after is None:
        return None
    example = row.text("example") or pattern
    rank = row.rank()
    return PatternRead(
        row.service(), pattern, rank if rank is not None else rank_of(example), int(before), int(after), example, cites, moment(row.fields.get("first"))
    )  # fmt: skip


def _span(row: Row, cites: str) -> Span | None:
    if not row.has("spanid") or not row.has("traceid"):
        return None
    duration = _duration(row)
    if duration is None:
        return None
    parent = row.text("parentid", "parentspanid")
    status = row.text("status", "statuscode").lower()
    failed = status in ("error", "failed", "2", "status_code_error") or row.fields.get("error") not in (None, "", False)
    error = row.text("error", "statusmessage", "exceptionmessage")
    return Span(
        trace=row.text("traceid"),
        span=row.text("spanid"),
        parent=parent if parent and parent.lower() not in ("root", "none", "null", "0") else None,
        service=row.service() or "",
        name=row.text("name", "operationname", "operation"),
        at=row.at(),
        duration_ms=duration,
        failed=failed,
        cites=cites,
        error=error,
        peer=row.text("peerservice", "netpeername", "serveraddress", "dbname") or None,
        attributes=attributes(row.raw, without=_TAKEN),
    )


def _duration(row: Row) -> float | None:
    found = row.number("durationms", "durationmillis")
    if found is not None:
        return found
    for names, factor in _SCALES:
        found = row.number(*names)
        if found is not None:
            return found * factor
    begun, ended = row.number("starttimeunixnano"), row.number("endtimeunixnano")
    if begun is not None and ended is not None:
        return (ended - begun) / 1e6
    return row.number("duration")


def _commit(row: Row, cites: str) -> CommitRead | None:
    sha = row.text("sha", "commit", "commitsha", "hash", "revision", "id")
    title = row.text("message", "title", "subject", "commitmessage")
    at = row.at()
    describes = row.has("files", "fileschanged", "diff", "patch", "author", "authorname", "changedfiles")
    if not _SHA.fullmatch(sha) or not title or at is None or not describes or row.has("version", "service"):
        return None
    diff = row.fields.get("diff") or row.fields.get("patch")
    return CommitRead(
        sha=sha.lower(),
        at=at,
        title=title,
        cites=cites,
        author=row.text("author", "authorname"),
        files=_files(row),
        diff=diff if isinstance(diff, str) else "",
    )


def _files(row: Row) -> tuple[str, ...]:
    for name in ("fileschanged", "files", "changedfiles", "paths"):
        listed = row.fields.get(name)
        if isinstance(listed, (list, tuple)):
            names = (
                each.get("filename") or each.get("path") if isinstance(each, dict) else each for each in listed[:200]
            )
            return tuple(each for each in names if isinstance(each, str))
    return ()


def _change(row: Row, cites: str) -> ChangeRead | None:
    at = row.at()
    flag = row.text(*_FLAGS)
    commit = row.text("commitsha", "commit", "sha", "gitsha")
    version = row.text("version", "release", "tag", "image")
    change = row.text("change", "action", "kind", "event")
    if at is None or not (flag or commit or version) or row.has("spanid", "value", "level", "severity", "severitytext"):
        return None
    kind = "flag" if flag else "deploy" if version or commit else change
    service = row.service()
    title = row.text("title", "message", "summary") or " ".join(
        part for part in (f"flag {flag}" if flag else f"deploy of {service or 'a service'}", version, change) if part
    )
    return ChangeRead(
        id=flag or version or commit,
        at=at,
        kind=kind,
        title=title,
        cites=cites,
        service=service,
        commit=commit.lower() if _SHA.fullmatch(commit) else None,
        version=version or None,
        actor=row.text("actor", "author", "user") or None,
        quote=flag or version or commit,
    )


def _event(row: Row, cites: str, about: str) -> Said | None:
    """A state with its reason: a Kubernetes event, a condition, a row of a status feed."""
    reason, message = row.text("reason"), row.text("message", "note", "detail", "title")
    if (
        not message
        or not (reason or row.has("involvedobject", "sourceidentifier", "eventcategories"))
        or row.has("spanid", "traceid")
    ):
        return None
    concerned = row.fields.get("involvedobject") or row.fields.get("object") or row.fields.get("sourceidentifier")
    named = concerned if isinstance(concerned, str) else row.text("name")
    warned = row.text("type").lower() == "warning"
    if (
        row.text("type").lower() == "normal"
        or row.text("status").lower() == "true"
        or row.text("status") in ("operating-normally",)
    ):
        return None
    shown = message if not reason or reason in message else f"{reason}: {message}"
    count = row.number("count")
    return Said(
        text=shown,
        cites=cites,
        at=row.at(),
        about=" ".join(part for part in (about, named) if part),
        count=max(1, int(count)) if count is not None else 1,
        level=2 if warned else 1,
        quote=message,
    )


def _notice(row: Row, cites: str, about: str) -> Said | None:
    """A row of a status page: what is said about a service, since when."""
    status, detail = row.text("status", "state", "impact"), row.text("detail", "description", "title", "body")
    if (
        not status
        or len(status) > 40
        or not detail
        or row.at() is None
        or not row.has("title", "impact", "incident", "detail")
    ):
        return None
    ended = row.has("resolvedat", "endedat") and row.fields.get("resolvedat") is not None
    named = " ".join(part for part in (row.text("service", "component"), row.text("region")) if part)
    well = ended or _WELL.search(status) is not None
    shown = " ".join(part for part in (named, f"{status}:", row.text("title"), detail) if part)
    return Said(shown, cites, row.at(), f"{about} {named}".strip(), level=0 if well else 1, quote=detail)


def _log(row: Row, cites: str) -> LogLine | None:
    text = row.text("msg", "message", "log", "body", "line", "text")
    at = row.at()
    rank = row.rank()
    if not text or at is None or (rank is None and not row.has("traceid", "logger", "host", "container", "podname")):
        return None
    text, inner = unwrapped(text)
    rank = rank if rank is not None else inner if inner is not None else rank_of(text)
    return LogLine(at, row.service(), rank, text, cites, attributes(row.raw, without=_TAKEN))


def series_of(raw: Mapping[str, Any]) -> tuple[list[int], list[float], list[float]] | None:
    """Times, values and earlier healthy values of an object that holds one series in any of the usual forms."""
    row = Row(raw)
    normal = [value for value in map(_value, _list(row, "normal", "baseline", "normalvalues")) if value is not None]
    listed = _list(row, "values", "points", "datapoints", "samples", "value")
    if listed and isinstance(listed[0], (list, tuple)) and len(listed[0]) == 2:
        pairs = [
            (moment(each[0]), _value(each[1])) for each in listed if isinstance(each, (list, tuple)) and len(each) == 2
        ]
    else:
        stamps = _list(row, "timestamps", "times", "index")
        if stamps and len(stamps) == len(listed):
            pairs = [(moment(stamp), _value(value)) for stamp, value in zip(stamps, listed, strict=True)]
        else:
            begun, step = moment(row.fields.get("start")), row.number("steps", "step", "interval", "period")
            if begun is None or step is None or not listed:
                return None
            pairs = [(begun + round(index * step * 1e6), _value(value)) for index, value in enumerate(listed)]
    kept = sorted((at, value) for at, value in pairs if at is not None and value is not None)
    if len(kept) < 3 and not (kept and normal):
        return None
    return [at for at, _ in kept], [value for _, value in kept], normal


def _list(row: Row, *names: str) -> list[Any]:
    return next((found for name in names if isinstance(found := row.fields.get(name), list) and found), [])


def _value(value: Any) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value == value else None


def metric_name(raw: Mapping[str, Any]) -> str:
    """What a series is called."""
    row = Row(raw)
    labels = row.fields.get("metric") if isinstance(row.fields.get("metric"), dict) else row.fields.get("labels")
    if isinstance(labels, dict) and isinstance(labels.get("__name__"), str):
        return str(labels["__name__"])
    return row.text("metricname", "metric", "label", "name", "query", "expr", "id")


def dimensions(raw: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a series: Prometheus's `metric`, CloudWatch's `Dimensions`, or `labels`."""
    row = Row(raw)
    for name in ("metric", "labels", "tags"):
        labels = row.fields.get(name)
        if isinstance(labels, dict):
            return {str(key): str(value) for key, value in labels.items() if isinstance(value, (str, int, float))}
    listed = row.fields.get("dimensions")
    if isinstance(listed, list):
        return {
            str(each["Name"]): str(each["Value"])
            for each in listed
            if isinstance(each, dict) and "Name" in each and "Value" in each
        }
    return {}


def is_name(key: str) -> bool:
    """Whether a key holds the name of what an object is about."""
    return plain(key) in ("name", "podname", "dbinstanceidentifier", "nodename", "statement", "involvedobject")
