"""Reading the ledger with SQL: an in-memory DuckDB over the projections and what is not projected yet.

Any number of processes may read, whether the program runs or not. A connection sees the segments that were there when it was made:
records of the active segment as they come, but not a segment begun later; connect again to follow. Times are UTC without a zone.
Redacted payloads are NULL. Always fetch a result whole (`fetchall`): the client streams, and a half-read result blocks the next.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from connectors.ledger.manifest import read_manifest
from connectors.ledger.project import engine, lines_of, quoted
from connectors.ledger.segment import segment_numbers, segment_path

_COLUMNS = 'seq, stream, "offset", "at", kind, key, payload, payload_hash, hash'

_DECISIONS = """
create view decisions as select
    seq, "offset", "at" as recorded_at,
    payload->>'$.id' as id,
    (payload->>'$.at')::timestamp as "at",
    payload->>'$.kind' as kind,
    payload->>'$.actor' as actor,
    payload->>'$.because' as because,
    payload->>'$.incident_id' as incident_id,
    payload->>'$.investigation_id' as investigation_id,
    payload->>'$.action_id' as action_id,
    (payload->'$.cause')::varchar[] as cause,
    payload->'$.data' as data,
    payload->'$.versions' as versions,
    payload->'$.cost' as cost,
    coalesce((payload->>'$.rehearsal')::boolean, false) as rehearsal,
    payload->>'$.trace' as trace,
    payload
from ledger where kind = 'decision'
"""

_SIGNALS = """
create view signals as
with heard as (
    select seq, "offset", "at" as accepted_at, payload as record, null as line, payload->>'$.id' as id
    from ledger where kind = 'signal'
    union all by name
    select seq, "offset", accepted_at, record, record->'$.lines'->index as line, (record->>'$.id') || '/' || index as id
    from (
        select seq, "offset", "at" as accepted_at, payload as record,
            unnest(range(json_array_length(payload, '$.lines')::bigint))::integer as index
        from ledger where kind = 'batch'
    )
)
select
    seq, "offset", accepted_at, id,
    (coalesce(line->>'$.occurred_at', record->>'$.occurred_at'))::timestamp as occurred_at,
    record->>'$.source' as source,
    case when line is null then record->>'$.type' else 'log' end as type,
    case when line is null then coalesce(record->>'$.status', 'firing')
         when line->>'$.severity' in ('critical', 'error') then 'firing' else 'info' end as status,
    coalesce(line->>'$.severity', record->>'$.severity', 'info') as severity,
    coalesce(split_part(line->>'$.body', chr(10), 1), record->>'$.title') as title,
    record->>'$.service' as service,
    record->>'$.environment' as environment,
    record->>'$.group_key' as group_key,
    coalesce(line->'$.labels', record->'$.labels') as labels,
    coalesce(line, record) as payload
from heard
"""


def connect(folder: Path) -> duckdb.DuckDBPyConnection:
    """Views `ledger` (every record), `decisions`, `signals` (log lines one by one). Reads nothing but `folder`, changes nothing.

    Raises FileNotFoundError when there is no ledger.
    """
    if not (folder / "segments").is_dir():
        raise FileNotFoundError(f"no ledger in {str(folder)!r}: expected a folder 'segments' in it")
    folder = folder.resolve()
    listed = read_manifest(folder)
    done = listed[-1].number if listed else 0
    rest = [segment_path(folder, number) for number in segment_numbers(folder) if number > done]
    database = engine()
    database.execute(f"set allowed_directories = [{quoted(str(folder) + '/')}]").fetchall()
    database.execute("set enable_external_access = false").fetchall()
    parts = []
    if listed:
        files = ",".join(quoted(str(folder / row.projection)) for row in listed)
        parts.append(
            'select seq, stream, "offset", "at", kind, key, payload, lower(hex(payload_hash)) as payload_hash, '  # noqa: S608
            f"lower(hex(hash)) as hash from read_parquet([{files}])"
        )
    if rest:
        last = listed[-1].last_seq if listed else 0
        parts.append(f"select {_COLUMNS} from ({lines_of(rest)}) where seq > {last}")  # noqa: S608
    if not parts:
        parts.append(
            "select 0::bigint as seq, '' as stream, 0::bigint as \"offset\", null::timestamp as \"at\", '' as kind, '' as key, "
            "null::json as payload, '' as payload_hash, '' as hash where false"
        )
    database.execute(f"create view ledger as {' union all '.join(parts)}").fetchall()
    database.execute(_DECISIONS).fetchall()
    database.execute(_SIGNALS).fetchall()
    return database


def story(database: duckdb.DuckDBPyConnection, incident_id: str) -> list[dict[str, Any]]:
    """Every decision about one incident, in the order of the ledger: a dict per decision, keys as the view's columns."""
    return _rows(database, "select * from decisions where incident_id = ? order by seq", [incident_id])


def recent(database: duckdb.DuckDBPyConnection, kind: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """The latest decisions, of one kind if one is given, oldest first."""
    chosen = "select * from decisions where ? is null or kind = ? order by seq desc limit ?"
    return _rows(database, chosen, [kind, kind, limit])[::-1]


def _rows(database: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[object]) -> list[dict[str, Any]]:
    cursor = database.execute(query, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
