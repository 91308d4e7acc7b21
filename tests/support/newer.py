"""The program as its next release might be: `python -m tests.support.newer run ...`.

Every record it writes has a field more and a higher `schema_version`, and the tables have a step more that only adds. It waits less, as
`tests/support/hasty.py`.
"""

from collections.abc import Callable
from typing import Any

import orjson

from connectors.journal.kafka import migrations
from schemas.record import Record
from tests.support.hasty import hurry
from tocsin.__main__ import main

LATER = b'"later":{"said":"by the next release"}'
STEP = (
    "ALTER TABLE jobs ADD COLUMN later text NOT NULL DEFAULT ''",
    "CREATE TABLE later (said text NOT NULL)",
)


def step_on() -> None:
    """The tables of the next release."""
    migrations.MIGRATIONS = (*migrations.MIGRATIONS, STEP)  # type: ignore[assignment]


def write_more() -> None:
    """The records of the next release."""
    write: Callable[[Record], bytes] = Record.to_json

    def writing(record: Record) -> bytes:
        plain: dict[str, Any] = orjson.loads(write(record))
        return orjson.dumps({**plain, "schema_version": 2, "later": {"said": "by the next release"}})

    Record.to_json = writing  # type: ignore[method-assign]


if __name__ == "__main__":
    hurry()
    step_on()
    write_more()
    main()
