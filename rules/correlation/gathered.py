"""What was heard of the alerts of one incident, in short: which, of which services, with which labels, after which changes, and when."""

from collections.abc import Mapping
from typing import Any

from rules.correlation.names import plain
from rules.correlation.values import Alert

Gathered = dict[str, Any]
"""`start` and `last`, the first and the latest moment; `same`, `services` and `labels` with the latest moment of each; `changes` with theirs."""
MOST = 200
"""So many of each are kept; those heard of longest ago go."""
_SEP = "\x1f"


def nothing_yet(at: int) -> Gathered:
    return {"start": at, "last": at, "same": {}, "services": {}, "labels": {}, "changes": {}}


def hear(gathered: Gathered, alert: Alert, changes: Mapping[str, int]) -> None:
    """Take an alert in; `changes` came before it."""
    service, at = plain(alert.service), alert.at
    gathered["start"] = min(gathered["start"], at)
    gathered["last"] = max(gathered["last"], at)
    _note(gathered["same"], same(alert), at)
    if service:
        _note(gathered["services"], service, at)
    for label, value in alert.labels.items():
        _note(gathered["labels"].setdefault(label, {}), value, at)
    for name, moment in changes.items():
        _note(gathered["changes"], name, moment)


def same(alert: Alert) -> str:
    """What two alerts have in common that are the same alert of the same service."""
    return f"{alert.name}{_SEP}{plain(alert.service)}"


def _note(moments: dict[str, int], name: str, at: int) -> None:
    moments[name] = max(at, moments.get(name, at))
    if len(moments) > MOST:
        del moments[min(moments, key=lambda known: (moments[known], known))]
