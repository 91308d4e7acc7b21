"""Which connectors there are: every folder under `connectors/`, and what third parties registered."""

import importlib
import pkgutil
from functools import cache
from importlib.metadata import entry_points

import connectors
from connectors.ports.connector import Connector

GROUP = "tocsin.connectors"
"""The entry-point group under which another distribution offers a `Connector`."""


@cache
def connectors_by_name() -> dict[str, Connector]:
    """Every connector by name, in order of names.

    A folder without a `connector` is no connector (ports, the journal). Raises ValueError when two claim one name.
    """
    found: dict[str, Connector] = {}
    for module in pkgutil.iter_modules(connectors.__path__):
        offered = getattr(importlib.import_module(f"connectors.{module.name}"), "connector", None)
        if isinstance(offered, Connector):
            _add(found, offered, f"connectors.{module.name}")
    for entry in entry_points(group=GROUP):
        offered = entry.load()
        if not isinstance(offered, Connector):
            raise TypeError(
                f"entry point {entry.name!r} of group {GROUP!r} is a {type(offered).__name__}, expected a Connector"
            )
        _add(found, offered, entry.value)
    return dict(sorted(found.items()))


def _add(found: dict[str, Connector], offered: Connector, where: str) -> None:
    if offered.name in found:
        raise ValueError(f"two connectors are named {offered.name!r}; one of them is {where}: rename or remove it")
    found[offered.name] = offered
