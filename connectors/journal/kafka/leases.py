"""Who holds which right, and under which token.

A lease stays the present one until another takes it or its holder gives it back; its token only grows. Leases of jobs are found under `job/QUEUE/ID` and live in the jobs table. `now` is journal time, the same for all processes.
"""

from dataclasses import replace

from connectors.journal.kafka.database import Database
from connectors.journal.rights import job_of, lost
from connectors.ports.journal import Lease


async def acquire(database: Database, name: str, owner: str, *, now: int, ttl: int) -> Lease | None:
    """Take it when it is free, expired or the owner's own; `ttl` in microseconds."""
    found = await database.once(
        """INSERT INTO leases AS held (name, owner, token, expires_at, since)
             VALUES (%(name)s, %(owner)s, 1, %(until)s, %(now)s)
           ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, expires_at = excluded.expires_at,
             token = held.token + CASE WHEN held.owner = excluded.owner AND held.expires_at > %(now)s THEN 0 ELSE 1 END,
             since = CASE WHEN held.owner = excluded.owner AND held.expires_at > %(now)s THEN held.since ELSE %(now)s END
           WHERE held.owner IN ('', excluded.owner) OR held.expires_at <= %(now)s
           RETURNING token""",
        {"name": name, "owner": owner, "now": now, "until": now + ttl},
    )
    return Lease(name, owner, found[0][0], now + ttl) if found else None


async def renew(database: Database, lease: Lease, *, now: int, ttl: int) -> Lease:
    """Raises LeaseLost."""
    job = job_of(lease.name)
    if job is None:
        found = await database.rows(
            "UPDATE leases SET expires_at = %s WHERE name = %s AND token = %s AND owner <> '' RETURNING 1",
            (now + ttl, lease.name, lease.token),
        )
    else:
        found = await database.rows(
            "UPDATE jobs SET free_at = %s WHERE queue = %s AND id = %s AND attempt = %s AND owner <> '' RETURNING 1",
            (now + ttl, *job, lease.token),
        )
    if not found:
        raise lost(lease, *await _present(database, lease))
    return replace(lease, expires_at=now + ttl)


async def release(database: Database, lease: Lease, *, now: int) -> None:
    """The row stays, so that the next token is higher."""
    await database.rows(
        "UPDATE leases SET owner = '', expires_at = %s WHERE name = %s AND token = %s AND owner <> ''",
        (now, lease.name, lease.token),
    )


async def _present(database: Database, lease: Lease) -> tuple[str, int]:
    job = job_of(lease.name)
    if job is None:
        rows = await database.rows("SELECT owner, token FROM leases WHERE name = %s", (lease.name,))
    else:
        rows = await database.rows("SELECT owner, attempt FROM jobs WHERE queue = %s AND id = %s", job)
    return (rows[0][0], rows[0][1]) if rows else ("", 0)
