"""What a rulebook says beside its rules: where and with what actions run, and what filters make of events before a rule sees them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

_OF_SETS = ("hosts", "gather_facts", "execution_strategy")


def beside(sets: Iterable[Any], no_playbook: Collection[str]) -> Iterator[str]:
    """Keys that say nothing of when a rule fires. `no_playbook`: actions that are told of elsewhere."""
    for given in _maps(sets):
        yield from (key for key in _OF_SETS if key in given)
        if any(source.get("filters") for source in _maps(given.get("sources"))):
            yield "filters"
        for rule in _maps(given.get("rules")):
            for action in _maps([rule.get("action"), *_listed(rule.get("actions"))]):
                for kind, said in action.items():
                    if kind not in no_playbook and isinstance(said, dict):
                        yield from (f"{kind}.{key}" for key in said if key != "name")


def _maps(value: object) -> Iterator[dict[str, Any]]:
    return (each for each in _listed(value) if isinstance(each, dict))


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []
