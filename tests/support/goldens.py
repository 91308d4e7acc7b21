"""Golden files: what recorded input must become, as JSON a person has checked."""

import json
import os
from pathlib import Path
from typing import Any

from connectors.ports.source import Received


def assert_golden(found: Any, path: Path) -> None:
    """`found` equals the JSON in `path`. With TOCSIN_UPDATE_GOLDENS=1 in the environment it is written there instead: read the
    difference before committing it."""
    written = json.dumps(found, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    if os.environ.get("TOCSIN_UPDATE_GOLDENS") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(written)
    assert path.exists(), f"no golden file {path}; write it with TOCSIN_UPDATE_GOLDENS=1 and check it"
    assert json.loads(written) == json.loads(path.read_text())


def story(received: Received, *, without: tuple[str, ...] = ("raw",)) -> dict[str, Any]:
    """All that a request said, as JSON values; `without` names fields of signals that are left out."""
    return {
        "signals": [
            {name: value for name, value in json.loads(signal.to_json()).items() if name not in without}
            for signal in received.signals
        ],
        "batches": [json.loads(batch.to_json()) for batch in received.batches],
        "poison": [
            {"reason": poison.reason, "content": poison.content.decode(errors="replace")} for poison in received.poison
        ],
        "ignored": dict(received.ignored),
        "unknown_severities": list(received.unknown_severities),
        "reply": {"status": received.reply.status, "body": received.reply.body.decode()},
    }
