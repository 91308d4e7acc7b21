"""Who holds which right, decided inside a commit.

A lease stays the present one until another takes it or its holder gives it back: a holder that is late, with nobody waiting, may
renew and go on. Leases of jobs are found under `job/QUEUE/ID` and live in the jobs table.
"""

import sqlite3
from dataclasses import replace

from connectors.journal.rights import job_of, lost
from connectors.journal.sqlite.state import Group
from connectors.ports.journal import Lease


def acquire(group: Group, name: str, owner: str, ttl: int) -> Lease | None:
    """Take it when it is free, expired or the owner's own; `ttl` in microseconds."""
    held = group.lease(name)
    if held is not None and held.owner and held.expires_at > group.now:
        if held.owner != owner:
            return None
        return _hold(group, replace(held, expires_at=group.now + ttl))
    return _hold(group, Lease(name, owner, (held.token if held else 0) + 1, group.now + ttl))


def renew(group: Group, lease: Lease, ttl: int) -> Lease:
    """Raises LeaseLost."""
    check(group, lease)
    renewed = replace(lease, expires_at=group.now + ttl)
    if (job := job_of(lease.name)) is not None:
        group.connection.execute("UPDATE jobs SET free_at = ? WHERE queue = ? AND id = ?", (renewed.expires_at, *job))
        return renewed
    return _hold(group, renewed)


def release(group: Group, lease: Lease) -> None:
    """The row stays, so that the next token is higher."""
    held = group.lease(lease.name)
    if held is not None and held.owner and held.token == lease.token:
        group.hold(replace(held, owner="", expires_at=group.now))


def check(group: Group, lease: Lease) -> None:
    """Raises LeaseLost unless `lease` (name, token) is the present one."""
    if (job := job_of(lease.name)) is not None:
        row = group.connection.execute("SELECT owner, attempt FROM jobs WHERE queue = ? AND id = ?", job).fetchone()
        owner, token = row or ("", 0)
    else:
        held = group.lease(lease.name)
        owner, token = (held.owner, held.token) if held else ("", 0)
    if not owner or token != lease.token:
        raise lost(lease, owner, token)


def free_all(connection: sqlite3.Connection) -> None:
    """Let go of what a process held that is gone. For the one who holds the writer's lock alone: nobody else can be at work, and a
    killed program's work goes on with the next start instead of when its leases end. Tokens and attempts stay, so that they grow on.

    Raises sqlite3.Error.
    """
    connection.execute("UPDATE leases SET owner = '' WHERE owner <> ''")
    connection.execute("UPDATE jobs SET owner = '', free_at = due WHERE finished = 0 AND owner <> ''")


def _hold(group: Group, lease: Lease) -> Lease:
    group.hold(lease)
    return lease
