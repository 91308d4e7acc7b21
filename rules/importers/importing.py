"""Imports a file of another system: into a sheet of rules, and, when asked, straight through a run of them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError

from rules.importers import alertmanager, keep, rulebook, sigma
from rules.importers.reached import leave_out_unreached
from rules.importers.refused import leave_out_refused
from rules.importers.sheet import NotImportable, Sheet
from rules.importers.steps import inputs, silences
from rules.importers.systems import System
from rules.importers.told import told
from rules.importers.written import write
from rules.limits import Limits
from rules.load import load_texts
from rules.trial.lines import Timed
from rules.trial.run import run
from schemas.time import SECOND

_READERS = {"sigma": sigma.read, "keep": keep.read}
_MENDED = {"alertmanager": alertmanager.read, "ansible-rulebook": rulebook.read}
"""Those who know of defects that are not to be repeated."""


_TICK = SECOND // 10
"""How often the clock of ansible-rulebook goes on."""


class _Constructor(SafeConstructor):
    """Knows Ansible's tag for encrypted values, which stay as they are."""


_Constructor.add_constructor("!vault", SafeConstructor.construct_scalar)


def content_of(text: str) -> Any:
    """What a YAML or JSON file holds: its document, or a list of them where it has several. Raises NotImportable."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _Constructor
    try:
        documents = [each for each in yaml.load_all(io.StringIO(text)) if each is not None]
    except (YAMLError, ValueError) as error:
        raise NotImportable(f"not YAML: {error}") from error
    if not documents:
        raise NotImportable("the file is empty")
    return documents[0] if len(documents) == 1 else documents


def read(system: System, text: str, source: str, *, mended: bool = False) -> Sheet:
    """The rules of a file; `mended`: without what only repeats known defects of that system. Raises NotImportable when it is none of it."""
    content = content_of(text)
    sheet = _MENDED[system](content, source, mended=mended) if system in _MENDED else _READERS[system](content, source)
    leave_out_unreached(sheet.items)
    leave_out_refused(sheet)
    return sheet


def run_steps(
    system: System, text: str, source: str, steps: str, *, base: int, until: int | None = None, mended: bool = False
) -> Iterator[dict[str, Any]]:
    """One line for each firing and notification of the imported rules, as `told` has it.

    Raises NotImportable, BadLine, and RulesInvalid, which would be a fault of the import.
    """
    sheet = read(system, text, source, mended=mended)
    if system == "keep":
        # Duplicates are dropped before the rules, as there.
        sheet.defaults.pop("dedup", None)
    ruleset = load_texts({source: write(sheet)}, reached=False)
    made = [*silences(sheet, base), *inputs(system, steps, base, content_of(text))]
    if system == "ansible-rulebook" and made and made[0].at > base + _TICK:
        # What is missed from the start is missed at the first tick of its clock.
        made.insert(0, Timed(base + _TICK, "tick", {}, -1))
    # Every firing is a line, also of what is open already.
    limits = Limits(update_every=0)
    yield from told(run(ruleset, made, until=until, limits=limits), made, sheet, base)
