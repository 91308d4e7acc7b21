"""The records as JSON Schema files under `schemas/json/`, for editors, CI and other people's programs."""

import json
import sys
from pathlib import Path

from pydantic import TypeAdapter
from pydantic.json_schema import models_json_schema

from schemas.action import Action
from schemas.command import Command
from schemas.conclusion import Conclusion
from schemas.decision import Decision
from schemas.incident import Incident
from schemas.investigation import Investigation, Step
from schemas.payload import DATA
from schemas.printed import (
    FileFault,
    Finding,
    LedgerCheck,
    PlaybooksChecked,
    RulesChecked,
    Silence,
    SilencePreview,
)
from schemas.quarantine import Quarantine
from schemas.record import Record
from schemas.signal import LogBatch, Signal
from schemas.tick import Tick

FOLDER = Path(__file__).parent / "json"

RECORDS: tuple[type[Record], ...] = (
    Signal,
    LogBatch,
    Command,
    Tick,
    Incident,
    Investigation,
    Step,
    Conclusion,
    Action,
    Decision,
    Quarantine,
    Finding,
    LedgerCheck,
    Silence,
    SilencePreview,
    FileFault,
    RulesChecked,
    PlaybooksChecked,
)


def documents() -> dict[str, str]:
    """File name to content: one per record, and `decision.data.schema.json` with the shape of `data` by kind."""
    made = {
        f"{kind.__name__.lower()}.schema.json": _text(TypeAdapter(kind).json_schema(mode="serialization"))
        for kind in RECORDS
    }
    made["decision.data.schema.json"] = _text(_data())
    return made


def _data() -> dict[str, object]:
    shapes = sorted(set(DATA.values()), key=lambda shape: shape.__name__)
    refs, definitions = models_json_schema([(shape, "serialization") for shape in shapes])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Decision.data by kind",
        "type": "object",
        "properties": {kind: refs[(shape, "serialization")] for kind, shape in DATA.items()},
        **definitions,
    }


def _text(document: object) -> str:
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write every file; with `--check`, exit 1 naming those that differ instead."""
    stale = [
        name
        for name, text in documents().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text() != text
    ]
    if "--check" in sys.argv[1:]:
        sys.exit(f"stale: {', '.join(stale)}; run `python -m schemas.export`" if stale else 0)
    FOLDER.mkdir(exist_ok=True)
    for name, text in documents().items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
