"""How fast the ledger is written and verified, against the limits of the same run: serialising alone, SHA-256 alone, the disk alone.

`python tests/bench/ledger.py [--records N] [--json]`
"""

import argparse
import asyncio
import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import orjson

from connectors.ledger import open_ledger, verify
from connectors.ports.clock import SystemClock
from connectors.ports.journal import Entry

BATCH = 1000
SIZE = 1024


def entries(count: int) -> list[Entry]:
    start = SystemClock().now()
    made = []
    for offset in range(1, count + 1):
        record = {"schema_version": 1, "id": f"dec_{offset:032x}", "kind": "incident.updated", "body": ""}
        record["body"] = os.urandom(SIZE).hex()[: SIZE - len(orjson.dumps(record))]
        made.append(
            Entry("decisions", offset, start + offset, "decision", f"inc_{offset % 97:032x}", orjson.dumps(record))
        )
    return made


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def serialise(records: list[Entry]) -> list[bytes]:
    """The same fields as JSON lines, no hash: what writing them down costs at least."""
    return [
        orjson.dumps(
            {
                "seq": record.offset,
                "stream": record.stream,
                "offset": record.offset,
                "at": record.accepted_at,
                "kind": record.kind,
            }
        )
        + b',"payload":'
        + record.payload
        + b"\n"
        for record in records
    ]


def raw_write(folder: Path, lines: list[bytes]) -> None:
    with (folder / "raw").open("wb", buffering=0) as file:
        for first in range(0, len(lines), BATCH):
            file.write(b"".join(lines[first : first + BATCH]))
            os.fdatasync(file.fileno())


def append(folder: Path, records: list[Entry]) -> float:
    async def run() -> float:
        ledger = open_ledger(folder, clock=SystemClock(), segment_bytes=1 << 40)
        start = time.perf_counter()
        for first in range(0, len(records), BATCH):
            await ledger.append(records[first : first + BATCH])
        taken = time.perf_counter() - start
        await ledger.close()
        return taken

    return asyncio.run(run())


def measure(records: list[Entry], folder: Path) -> dict[str, float]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    lines = serialise(records)
    taken = {
        "serialise only": timed(lambda: serialise(records)),
        "SHA-256 of the payloads only": timed(lambda: [hashlib.sha256(record.payload).digest() for record in records]),
        "write + fdatasync only": timed(lambda: raw_write(folder, lines)),
        "append": append(folder / "ledger", records),
        "verify": timed(lambda: _must_hold(folder / "ledger", len(records))),
        "read + SHA-256 of the file only": timed(
            lambda: hashlib.sha256((folder / "ledger/segments/00000001.jsonl").read_bytes())
        ),
    }
    asyncio.run(_seal(folder / "ledger"))
    taken["verify sealed"] = timed(lambda: _must_hold(folder / "ledger", len(records)))
    return {name: len(records) / seconds for name, seconds in taken.items()}


def _must_hold(folder: Path, count: int) -> None:
    found = verify(folder)
    assert found.holds and found.records == count, found


async def _seal(folder: Path) -> None:
    ledger = open_ledger(folder, clock=SystemClock())
    await ledger.seal()
    await ledger.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    records = entries(asked.records)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        rows = figures([measure(records, Path(folder) / "bench") for _ in range(asked.rounds)])
    if asked.json:
        for row in rows:
            print(json.dumps(row))
        return
    print(f"{asked.records} records of {SIZE} B, batches of {BATCH}, median of {asked.rounds} rounds")
    for row in rows:
        digits = 2 if row["unit"] == "ratio" else 0
        print(f"{row['name']!s:56}{row['median']:>12,.{digits}f} {row['unit']}")


def figures(rounds: list[dict[str, float]]) -> list[dict[str, str | float]]:
    """Rates, and ratios to the limits of the same round."""
    limits = {"append": ("serialise only", "SHA-256 of the payloads only", "write + fdatasync only")}
    limits["verify"] = limits["verify sealed"] = ("SHA-256 of the payloads only", "read + SHA-256 of the file only")
    found = {name: ("records/s", [each[name] for each in rounds]) for name in rounds[0]}
    for name, against in limits.items():
        for limit in against:
            found[f"{name} / {limit}"] = ("ratio", [each[name] / each[limit] for each in rounds])
    return [
        {
            "name": f"ledger: {name}",
            "median": statistics.median(each),
            "least": min(each),
            "most": max(each),
            "unit": unit,
        }
        for name, (unit, each) in found.items()
    ]


if __name__ == "__main__":
    main()
